/* The demo's network on its photos, as a user's program runs it, against TensorFlow's logits. */
#include "support.h"

#include <jansson.h>
#include <math.h>

enum { CLASSES = 1000, SIDE = 224 };

static const char *const photos[] = {"astronaut", "chelsea", "china", "coffee", "flower", "rocket"};

static size_t row_of(const char *photo)
{
    json_error_t error;
    json_t *manifest = json_load_file(LINCE_TEST_DATA "/golden/efficientnet_lite0/manifest.json", 0, &error);
    json_t *names = json_object_get(manifest, "photos");
    size_t row = SIZE_MAX;
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        row = strncmp(name, photo, strlen(photo)) == 0 && name[strlen(photo)] == '.' ? i : row;
    }
    json_decref(manifest);
    assert_true(row != SIZE_MAX);
    return row;
}

/* The index of the largest, which is then struck out. */
static int take_best(float *logits)
{
    int best = 0;
    for (int i = 1; i < CLASSES; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    logits[best] = -INFINITY;
    return best;
}

static void check_logits(const char *photo, float *got, float *want)
{
    float largest = 0, worst = 0;
    for (int i = 0; i < CLASSES; i++) {
        largest = fmaxf(largest, fabsf(want[i]));
        worst = fmaxf(worst, fabsf(got[i] - want[i]));
    }
    print_message("%s: differs by at most %.2e of the largest logit\n", photo, (double)(worst / largest));
    assert_true(worst <= 1e-5f * largest);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(take_best(got), take_best(want));
    }
}

static void check_photos(const char *file, double crop)
{
    lince_model *model = open_with(LINCE_EXAMPLES "/efficientnet_lite0", NULL);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor want = read_npy(file);
    lince_image_options options;
    static float image[SIDE * SIDE * 3], logits[CLASSES];
    lince_image_options_init(&options);
    options.crop_fraction = crop;
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        char path[1024];
        snprintf(path, sizeof path, LINCE_EXAMPLES "/photos/%s.jpg", photos[i]);
        assert_ok(lince_image_load(path, &options, SIDE, SIDE, image, err));
        assert_ok(lince_session_run_images(session, image, 1, SIDE, SIDE, logits, CLASSES, err));
        check_logits(photos[i], logits, (float *)want.data + row_of(photos[i]) * CLASSES);
    }
    free(want.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void whole_photos_give_tensorflows_logits(void **state)
{
    (void)state;
    check_photos("golden/efficientnet_lite0/full_logits.npy", 1);
}

static void centrally_cropped_photos_give_tensorflows_logits(void **state)
{
    (void)state;
    check_photos("golden/efficientnet_lite0/central_logits.npy", 0.875);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_photos_give_tensorflows_logits),
        cmocka_unit_test(centrally_cropped_photos_give_tensorflows_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
