/*
 * Models with one fault each: opening or calling them ends in the class of error the manifest names, or works, and
 * takes no memory in proportion to a number in the file.
 */
#include "support.h"

#include <jansson.h>

static const struct {
    const char *class;
    lince_status status;
} classes[] = {
    {"accept", LINCE_OK},
    {"missing", LINCE_ENOENT},
    {"format", LINCE_EFORMAT},
    {"corrupt", LINCE_ECORRUPT},
    {"invalid", LINCE_EINVAL},
    {"limit", LINCE_ELIMIT},
    {"unsupported", LINCE_EUNSUPPORTED},
    {"unsafe", LINCE_EUNSAFE},
};

static lince_status status_of(const char *class)
{
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strcmp(classes[i].class, class) == 0) {
            return classes[i].status;
        }
    }
    fail_msg("class %s is not known", class);
    return LINCE_OK;
}

struct attempt {
    lince_status load, call;
    lince_error err;
    size_t peak_bytes;
};

static int pass_over(const lince_tensor_info *output, void *context)
{
    *(size_t *)context += (size_t)output->rank + strlen(output->path);
    return 0;
}

/* Whatever they answer: these look at a model without calling it. */
static void ask(lince_model *model, lince_session *session, const lince_tensor *images)
{
    lince_task_info task = {.struct_size = sizeof task};
    lince_image_info image = {.struct_size = sizeof image};
    lince_labels *labels = NULL;
    size_t seen = 0;
    float loss;
    for (size_t i = 0; i < lince_model_callable_count(model); i++) {
        lince_callable_task(lince_model_callable_at(model, i), NULL, &task, NULL);
        lince_callable_image(lince_model_callable_at(model, i), &image, NULL);
    }
    lince_labels_of_model(&labels, model, 3, NULL);
    lince_labels_free(labels);
    lince_session_infer(session, images, 1, pass_over, &seen, NULL);
    lince_loss_value(model, 0, &loss, NULL);
}

/* Load: open, prepare the default callable and read what it reads. Call: run it on two images. */
static void try_model(const char *path, struct attempt *a)
{
    struct counter counter = {0};
    lince_model_options options;
    lince_model *model;
    lince_session *session = NULL;
    lince_model_info info = {.struct_size = sizeof info};
    lince_tensor images = random_images(2, 8, 8, 1);
    size_t steps = 0;
    count_in(&options, &counter);
    options.memory_limit_bytes = 256u << 20;
    a->err.text[0] = '\0';
    a->call = LINCE_OK;
    a->load = lince_model_open(&model, path, &options, &a->err);
    if (!a->load) {
        a->load = lince_session_new(&session, lince_model_call(model), NULL, 0, NULL, &a->err);
    } else {
        assert_null(model);
    }
    if (!a->load) {
        const char *const *texts;
        lince_callable_unsupported(lince_model_call(model), &texts, &steps, NULL);
        ask(model, session, &images);
        a->call = lince_session_run(session, &images, 1, NULL, NULL, &a->err);
        assert_ok(lince_model_get_info(model, &info, err));
        a->peak_bytes = info.peak_bytes;
    }
    lince_session_free(session);
    lince_model_close(model);
    free(images.data);
    assert_int_equal(atomic_load(&counter.live), 0);
}

static void each_broken_model_ends_in_its_class_of_error_with_one_message(void **state)
{
    (void)state;
    json_error_t error;
    json_t *cases = json_load_file(LINCE_TEST_DATA "/malformed/models.json", 0, &error), *c;
    size_t i, wrong = 0;
    assert_true(json_array_size(cases) > 60);
    json_array_foreach(cases, i, c)
    {
        char path[1024];
        struct attempt a = {.peak_bytes = 0};
        const char *name = json_string_value(json_object_get(c, "name"));
        lince_status want = status_of(json_string_value(json_object_get(c, "expect")));
        if (!SNAPPY && !strcmp(name, "index_snappy_lie")) {
            want = LINCE_EUNSUPPORTED; /* nothing looks inside the block */
        }
        snprintf(path, sizeof path, "%s/malformed/models/%s", LINCE_TEST_DATA, name);
        try_model(path, &a);
        lince_status got = a.load ? a.load : a.call;
        bool told = got == LINCE_OK || (a.err.code == got && a.err.text[0] && !strchr(a.err.text, '\n'));
        if (got != want || !told || a.peak_bytes > (16u << 20)) {
            print_error("%s (%s): %s at %zu bytes, wanted %s: %s\n", name,
                        json_string_value(json_object_get(c, "what")), lince_status_name(got), a.peak_bytes,
                        lince_status_name(want), a.err.text);
            wrong++;
        }
    }
    json_decref(cases);
    assert_int_equal(wrong, 0);
}

static void an_asset_that_is_not_there_is_an_error_when_asked_for(void **state)
{
    (void)state;
    lince_model *model = open_with(LINCE_TEST_DATA "/malformed/models/asset_missing", NULL);
    const char *path;
    assert_int_equal(lince_asset_count(model), 1);
    assert_refused(lince_asset_path(model, 0, &path, err), LINCE_ENOENT, "classes.txt");
    assert_refused(lince_asset_path(model, 1, &path, err), LINCE_EINVAL, "asset 1 of 1");
    lince_model_close(model);
}

static void a_callable_tells_the_ops_it_needs_and_those_it_lacks(void **state)
{
    (void)state;
    lince_model *model = open_with(LINCE_TEST_DATA "/malformed/models/op_unknown", NULL);
    const char *const *texts, *const *ops;
    size_t count;
    assert_ok(lince_callable_unsupported(lince_model_call(model), &texts, &count, err));
    assert_int_equal(count, 1);
    assert_string_equal(texts[0], "NoSuchOp");
    assert_ok(lince_callable_ops(lince_model_call(model), &ops, &count, err));
    assert_true(count > 3);
    for (size_t i = 1; i < count; i++) {
        assert_true(strcmp(ops[i - 1], ops[i]) < 0);
    }
    lince_model_close(model);
}

static void what_is_no_saved_model_is_refused_by_name(void **state)
{
    (void)state;
    lince_model *model = (lince_model *)(uintptr_t)1;
    assert_refused(lince_model_open(&model, "/nonexistent/model", NULL, err), LINCE_ENOENT, "/nonexistent/model");
    assert_null(model);
    assert_refused(lince_model_open(&model, "", NULL, err), LINCE_ENOENT, "");
    assert_refused(lince_model_open(&model, LINCE_EXAMPLES "/photos/china.jpg", NULL, err), LINCE_EUNSUPPORTED,
                   "china.jpg");
    assert_null(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_broken_model_ends_in_its_class_of_error_with_one_message),
        cmocka_unit_test(an_asset_that_is_not_there_is_an_error_when_asked_for),
        cmocka_unit_test(a_callable_tells_the_ops_it_needs_and_those_it_lacks),
        cmocka_unit_test(what_is_no_saved_model_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
