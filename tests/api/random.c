/* Seeds: a model opened with the same one drops the same features, and goes on where it was. */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

enum { FEATURES = 8 * 8 * 3 };

/* ---- A model whose random op has no seed of its own: "dropout" with seed and seed2 of its op set to 0 ---- */

static char unseeded[64];

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, f), *size);
    fclose(f);
    return bytes;
}

/* An attribute's value i is field 3, a varint; the zero that replaces it is as long. */
static int zero_attribute(unsigned char *bytes, size_t size, const char *name)
{
    int found = 0;
    size_t len = strlen(name);
    for (size_t i = 0; i + len + 3 < size; i++) {
        if (memcmp(bytes + i, name, len) == 0 && bytes[i + len] == 0x12 && bytes[i + len + 2] == 0x18) {
            unsigned char *digit = bytes + i + len + 3;
            for (; *digit & 0x80; digit++) {
                *digit = 0x80;
            }
            *digit = 0;
            found++;
        }
    }
    return found;
}

static void copy_file(const char *name, bool without_seeds)
{
    char from[1024], to[1024];
    size_t size;
    snprintf(from, sizeof from, "%s/golden/models/dropout/%s", LINCE_TEST_DATA, name);
    snprintf(to, sizeof to, "%s/%s", unseeded, name);
    unsigned char *bytes = read_file(from, &size);
    if (without_seeds) {
        assert_int_equal(zero_attribute(bytes, size, "seed"), 2);
        assert_int_equal(zero_attribute(bytes, size, "seed2"), 1);
    }
    FILE *f = fopen(to, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    free(bytes);
}

static int make_unseeded(void **state)
{
    (void)state;
    char variables[80];
    snprintf(unseeded, sizeof unseeded, "/tmp/lince-test-XXXXXX");
    assert_non_null(mkdtemp(unseeded));
    snprintf(variables, sizeof variables, "%s/variables", unseeded);
    assert_int_equal(mkdir(variables, 0700), 0);
    copy_file("saved_model.pb", true);
    copy_file("variables/variables.index", false);
    copy_file("variables/variables.data-00000-of-00001", false);
    return 0;
}

static int remove_unseeded(void **state)
{
    (void)state;
    static const char *const names[] = {"saved_model.pb", "variables/variables.index",
                                        "variables/variables.data-00000-of-00001", "variables", "."};
    char path[1024];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", unseeded, names[i]);
        remove(i + 1 < sizeof names / sizeof *names ? path : unseeded);
    }
    return 0;
}

static lince_model *open_seeded(bool has_seed, uint64_t seed, int threads)
{
    lince_model_options options;
    lince_model_options_init(&options);
    options.has_seed = has_seed;
    options.seed = seed;
    options.threads = threads;
    return open_with(unseeded, &options);
}

static lince_session *open_dropout(lince_model *model)
{
    static float half = 0.5f;
    static const lince_tensor rate = {.dtype = LINCE_FLOAT32, .data = &half, .size_bytes = sizeof half};
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1},
                                        {.path = "rate", .kind = LINCE_ARG_TENSOR, .tensor = &rate}};
    return open_session(model, "__call__", arguments, 3);
}

/* Which features this call kept: the result named mask. */
static void run_mask(lince_session *session, int64_t batch, unsigned char *kept)
{
    const lince_output *outputs;
    size_t count;
    lince_tensor images = random_images(batch, 8, 8, 1);
    assert_ok(lince_session_run(session, &images, 1, &outputs, &count, err));
    assert_int_equal(count, 2);
    assert_string_equal(outputs[1].path, "mask");
    const float *mask = outputs[1].tensor.data;
    assert_int_equal(outputs[1].tensor.size_bytes, (size_t)batch * FEATURES * sizeof(float));
    for (int64_t i = 0; i < batch * FEATURES; i++) {
        kept[i] = mask[i] != 0;
    }
    free(images.data);
}

/* Batches of these sizes, one after another. */
static unsigned char *masks(bool has_seed, uint64_t seed, int threads, const int64_t *batches, int calls)
{
    lince_model *model = open_seeded(has_seed, seed, threads);
    lince_session *session = open_dropout(model);
    unsigned char *all = calloc(64, FEATURES), *at = all;
    for (int i = 0; i < calls; i++) {
        run_mask(session, batches[i], at);
        at += batches[i] * FEATURES;
    }
    lince_session_free(session);
    lince_model_close(model);
    return all;
}

static const int64_t changing[] = {2, 3, 2, 7, 2}, same[] = {4, 4, 4};

static void one_seed_gives_one_stream_for_any_number_of_threads(void **state)
{
    (void)state;
    unsigned char *a = masks(true, 42, 1, changing, 5), *b = masks(true, 42, 3, changing, 5);
    assert_memory_equal(a, b, 16 * FEATURES);
    free(a);
    free(b);
}

static void another_seed_or_none_gives_another_stream(void **state)
{
    (void)state;
    unsigned char *a = masks(true, 42, 1, changing, 5), *b = masks(true, 43, 1, changing, 5),
                  *c = masks(false, 0, 1, changing, 5), *d = masks(false, 0, 1, changing, 5);
    assert_memory_not_equal(a, b, 16 * FEATURES);
    assert_memory_not_equal(a, c, 16 * FEATURES);
    assert_memory_not_equal(c, d, 16 * FEATURES);
    free(a);
    free(b);
    free(c);
    free(d);
}

static void each_call_drops_other_features_about_half_of_them(void **state)
{
    (void)state;
    unsigned char *a = masks(true, 7, 1, same, 3);
    size_t kept = 0;
    assert_memory_not_equal(a, a + 4 * FEATURES, 4 * FEATURES);
    assert_memory_not_equal(a + 4 * FEATURES, a + 8 * FEATURES, 4 * FEATURES);
    for (int i = 0; i < 12 * FEATURES; i++) {
        kept += a[i];
    }
    assert_in_range(kept, 12 * FEATURES * 45 / 100, 12 * FEATURES * 55 / 100);
    free(a);
}

/* The stream belongs to the model: a new plan, for another batch size, or a new session does not begin it anew. */
static void a_new_plan_or_session_continues_the_stream(void **state)
{
    (void)state;
    lince_model *model = open_seeded(true, 42, 1);
    lince_session *first = open_dropout(model), *second = open_dropout(model);
    unsigned char *one = masks(true, 42, 1, changing, 5), two[7 * FEATURES];
    unsigned char *at = one;
    for (int i = 0; i < 5; i++) {
        run_mask(i % 2 ? second : first, changing[i], two);
        assert_memory_equal(at, two, (size_t)changing[i] * FEATURES);
        assert_true(i == 0 || memcmp(one, two, 2 * FEATURES) != 0);
        at += changing[i] * FEATURES;
    }
    free(one);
    lince_session_free(first);
    lince_session_free(second);
    lince_model_close(model);
}

static void a_failed_call_does_not_move_the_stream(void **state)
{
    (void)state;
    lince_model *model = open_seeded(true, 42, 1);
    lince_session *session = open_dropout(model);
    unsigned char *want = masks(true, 42, 1, same, 2), *got = calloc(8, FEATURES);
    lince_tensor wrong = random_images(4, 9, 8, 1);
    run_mask(session, 4, got);
    assert_refused(lince_session_run(session, &wrong, 1, NULL, NULL, err), LINCE_EINVAL, "no trace");
    run_mask(session, 4, got + 4 * FEATURES);
    assert_memory_equal(want, got, 8 * FEATURES);
    free(wrong.data);
    free(want);
    free(got);
    lince_session_free(session);
    lince_model_close(model);
}

/* As TensorFlow's set_seed, which changes no seed that a saved op has. */
static void a_seed_of_the_op_s_own_is_kept(void **state)
{
    (void)state;
    unsigned char kept[2][2 * FEATURES];
    for (int i = 0; i < 2; i++) {
        lince_model_options options;
        lince_model_options_init(&options);
        options.has_seed = 1;
        options.seed = 42u + (unsigned)i;
        lince_model *model = open_with("dropout", &options);
        lince_session *session = open_dropout(model);
        run_mask(session, 2, kept[i]);
        lince_session_free(session);
        lince_model_close(model);
    }
    assert_memory_equal(kept[0], kept[1], sizeof kept[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_stream_for_any_number_of_threads),
        cmocka_unit_test(another_seed_or_none_gives_another_stream),
        cmocka_unit_test(each_call_drops_other_features_about_half_of_them),
        cmocka_unit_test(a_new_plan_or_session_continues_the_stream),
        cmocka_unit_test(a_failed_call_does_not_move_the_stream),
        cmocka_unit_test(a_seed_of_the_op_s_own_is_kept),
    };
    return cmocka_run_group_tests(tests, make_unseeded, remove_unseeded);
}
