/*
 * The 1st, 2nd, 3rd ... allocation of opening, preparing, running and asking fails: an error each time, and nothing is
 * lost.
 */
#include "support.h"

static int pass_over(const lince_tensor_info *output, void *context)
{
    (void)output;
    (void)context;
    return 0;
}

/* What it gives, found without running it; its labels, which nobody has; a loss, where there is one. */
static lince_status ask(lince_model *model, lince_session *session, const lince_tensor *images, lince_error *err)
{
    lince_task_info task = {.struct_size = sizeof task};
    lince_labels *labels;
    float loss;
    lince_status st = lince_callable_task(lince_model_call(model), NULL, &task, err);
    st = st ? st : lince_session_infer(session, images, 1, pass_over, NULL, err);
    if (!st) {
        st = lince_labels_of_model(&labels, model, 77, err);
        st = st == LINCE_ENOENT ? LINCE_OK : st;
    }
    for (int i = 0; !st && lince_loss_count(model) > 0 && i < 2; i++) {
        st = lince_loss_value(model, 0, &loss, err);
    }
    return st;
}

/* Read and write the first variable, if the model lists any. */
static lince_status use_variable(lince_model *model, lince_error *err)
{
    lince_variable_info info = {.struct_size = sizeof info};
    float values[1024];
    if (!lince_variable_count(model)) {
        return LINCE_OK;
    }
    lince_status st = lince_variable_info_at(model, 0, &info, err);
    if (!st) {
        assert_true(info.size_bytes <= sizeof values);
        st = lince_variable_read(model, 0, values, info.size_bytes, err);
    }
    return st ? st : lince_variable_write(model, 0, values, info.size_bytes, err);
}

/* The model itself, or the first of its signatures. */
static lince_callable *callable_of(lince_model *model)
{
    lince_callable *call = lince_model_call(model);
    return call ? call : lince_model_callable_at(model, 0);
}

/*
 * A second session of the same call, which takes the place of the first: its program stays. It runs on other threads,
 * with its result in the caller's memory, which a failed run leaves as it was.
 */
static lince_status use_twin(lince_session **session, lince_callable *callable, const lince_argument *arguments,
                             size_t count, const lince_session_options *options, const lince_tensor *images,
                             lince_error *err)
{
    static float room[1 << 12];
    lince_tensor result = {.data = room, .size_bytes = sizeof room};
    lince_session *twin;
    lince_pool *pool;
    lince_status st = lince_session_new(&twin, callable, arguments, count, options, err);
    if (st) {
        return st;
    }
    lince_session_free(*session);
    *session = twin;
    assert_int_equal(lince_pool_new(&pool, 1, err), LINCE_OK); /* its memory is no model's */
    assert_int_equal(lince_session_set_pool(twin, pool, err), LINCE_OK);
    lince_pool_free(pool);
    assert_int_equal(lince_session_set_timeout(twin, 3600000, err), LINCE_OK);
    lince_session_cancel(twin);
    st = lince_session_run_into(twin, images, 1, &result, 1, err);
    assert_true((st == LINCE_OK) == (result.dtype != LINCE_DTYPE_NONE));
    return st;
}

/* What a program does with a model, until the first error. */
static lince_status use_it(lince_model **model, lince_session **session, const char *path,
                           const lince_model_options *options, bool training, lince_error *err)
{
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1}};
    lince_session_options session_options;
    lince_session_options_init(&session_options);
    session_options.layer = 1;
    const lince_output *outputs;
    size_t count;
    const char *const *texts;
    lince_tensor images = random_images(2, 16, 16, 1);
    lince_status st = lince_model_open(model, path, options, err);
    st = st ? st : lince_callable_ops(callable_of(*model), &texts, &count, err);
    st = st ? st
            : lince_session_new(session, callable_of(*model), training ? arguments : NULL, training ? 2 : 0,
                                &session_options, err);
    st = st ? st : lince_session_run(*session, &images, 1, &outputs, &count, err);
    st = st ? st : lince_session_run(*session, &images, 1, &outputs, &count, err);
    st = st || !lince_model_call(*model) ? st : ask(*model, *session, &images, err);
    st = st ? st : use_variable(*model, err);
    st = st ? st : lince_session_run(*session, &images, 1, &outputs, &count, err);
    st = st ? st
            : use_twin(session, callable_of(*model), training ? arguments : NULL, training ? 2 : 0, &session_options,
                       &images, err);
    free(images.data);
    return st;
}

struct use {
    const char *name;
    bool training, read_files;
    size_t fail_for; /* 1: that allocation alone; otherwise it and all behind it */
};

static size_t fail_each_of(const struct use *u)
{
    const char *name = u->name;
    struct counter counter = {.fail_for = u->fail_for};
    lince_model_options options;
    char path[1024];
    size_t failed = 0;
    count_in(&options, &counter);
    options.read_files = u->read_files;
    snprintf(path, sizeof path, "%s/golden/models/%s", LINCE_TEST_DATA, name);
    for (size_t n = 1;; n++) {
        lince_model *model = NULL;
        lince_session *session = NULL;
        lince_error err = {.code = LINCE_OK};
        atomic_store(&counter.calls, 0);
        counter.fail_from = n;
        lince_status st = use_it(&model, &session, path, &options, u->training, &err);
        size_t calls = atomic_load(&counter.calls);
        counter.fail_from = 0;
        if (st != LINCE_OK) {
            failed++;
            if (st != LINCE_ENOMEM || err.code != LINCE_ENOMEM || !err.text[0]) {
                fail_msg("%s, allocation %zu: %s, %s", name, n, lince_status_name(st), err.text);
            }
        }
        lince_session_free(session);
        lince_model_close(model);
        if (atomic_load(&counter.live) != 0) {
            fail_msg("%s, allocation %zu: %zu blocks are lost (%s)", name, n, atomic_load(&counter.live), err.text);
        }
        if (calls < n) {
            print_message("%s: %zu of %zu failures\n", name, failed, n - 1);
            return failed;
        }
    }
}

static size_t fail_each(const char *name, bool training, size_t fail_for)
{
    return fail_each_of(&(struct use){.name = name, .training = training, .fail_for = fail_for});
}

static void each_allocation_of_inference_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each("classifier", false, SIZE_MAX) > 100);
    assert_true(fail_each("classifier", false, 1) > 100);
}

/* The file itself, the index and the data file are allocations more. */
static void each_allocation_of_reading_files_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each_of(&(struct use){.name = "mobile", .read_files = true, .fail_for = 1}) > 100);
}

static void each_allocation_of_training_mode_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each("classifier", true, SIZE_MAX) > 100);
}

/* Split, concatenation and group convolution; nested functions. */
static void each_allocation_of_other_models_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each("mobile", false, 1) > 100);
    assert_true(fail_each("wrapped_inception", false, SIZE_MAX) > 100);
}

/* Variables by name, references, conditions and loops. */
static void each_allocation_of_models_of_tensorflow_1_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each("tf1_module_ref", false, SIZE_MAX) > 100);
    assert_true(fail_each("tf1_switch_merge", false, SIZE_MAX) > 100);
    assert_true(fail_each("tf1_switch_merge", false, 1) > 100);
}

/* Slices of a changed variable; a table's file. Nothing is left in the folder, and the next save is whole. */
static size_t fail_each_of_writing(const char *name, lince_status (*write)(lince_model *, const char *, lince_error *))
{
    char folder[] = "/tmp/lince-oom-XXXXXX", path[64];
    struct counter counter = {.fail_for = SIZE_MAX};
    lince_model_options options;
    size_t n = 1;
    count_in(&options, &counter);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model", folder);
    lince_model *model = open_with(name, &options);
    assert_int_equal(use_variable(model, NULL), LINCE_OK);
    for (;; n++) {
        lince_error err = {.code = LINCE_OK};
        atomic_store(&counter.calls, 0);
        counter.fail_from = n;
        lince_status st = write(model, path, &err);
        counter.fail_from = 0;
        if (st == LINCE_OK) {
            break;
        }
        if (st != LINCE_ENOMEM || err.code != LINCE_ENOMEM || !err.text[0]) {
            fail_msg("%s, allocation %zu: %s, %s", name, n, lince_status_name(st), err.text);
        }
    }
    lince_model_close(model);
    assert_int_equal(atomic_load(&counter.live), 0);
    lince_model_close(open_with(path, NULL));
    char command[160]; /* rmdir fails if anything was left beside the model */
    snprintf(command, sizeof command, "rm -r %s && rmdir %s", path, folder);
    assert_int_equal(system(command), 0);
    return n - 1;
}

static lince_status save(lince_model *model, const char *path, lince_error *err)
{
    return lince_model_save(model, path, NULL, err);
}

static void each_allocation_of_saving_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each_of_writing("assets_table", save) > 20);
    assert_true(fail_each_of_writing("ckpt_sharded", save) > 20);
    assert_true(fail_each_of_writing("tf1_module", save) > 20);
}

/* A table and its file are carried over. */
static lince_status publish(lince_model *model, const char *path, lince_error *err)
{
    return lince_publish(model, path, NULL, err);
}

/* A classifier cut, with a new head, for other images. */
static lince_status publish_cut(lince_model *model, const char *path, lince_error *err)
{
    static const float kernel[72 * 2], bias[2];
    static const char *const labels[] = {"no", "yes"};
    lince_head head;
    lince_publish_options options;
    lince_head_init(&head);
    lince_publish_options_init(&options);
    head.features = 72;
    head.classes = 2;
    head.kernel = kernel;
    head.bias = bias;
    head.dropout = 0.5;
    head.l2 = 1;
    options.head = &head;
    options.cut = 1;
    options.mean[0] = 0.5f;
    options.labels = labels;
    options.label_count = 2;
    return lince_publish(model, path, &options, err);
}

static void each_allocation_of_publishing_fails_cleanly(void **state)
{
    (void)state;
    assert_true(fail_each_of_writing("assets_table", publish) > 100);
    assert_true(fail_each_of_writing("keras_sequential", publish_cut) > 100);
}

/* As a limit grows, a model fails, then opens, then runs; never otherwise, and never with more than the limit. */
static void each_memory_limit_is_kept(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    lince_model_info info = {.struct_size = sizeof info};
    bool ran = false;
    count_in(&options, &counter);
    for (size_t limit = 256; limit < (64u << 20); limit += limit / 8) {
        lince_model *model = NULL;
        lince_session *session = NULL;
        lince_error err = {.code = LINCE_OK};
        options.memory_limit_bytes = limit;
        lince_status st = use_it(&model, &session, LINCE_TEST_DATA "/golden/models/classifier", &options, false, &err);
        if (st != LINCE_OK) {
            assert_int_equal(st, LINCE_ENOMEM);
            assert_non_null(strstr(err.text, "memory limit"));
            assert_false(ran);
        }
        ran = st == LINCE_OK;
        if (model) {
            assert_int_equal(lince_model_get_info(model, &info, NULL), LINCE_OK);
            assert_true(info.peak_bytes <= limit);
        }
        lince_session_free(session);
        lince_model_close(model);
        assert_int_equal(atomic_load(&counter.live), 0);
    }
    assert_true(ran);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_inference_fails_cleanly),
        cmocka_unit_test(each_allocation_of_reading_files_fails_cleanly),
        cmocka_unit_test(each_allocation_of_training_mode_fails_cleanly),
        cmocka_unit_test(each_allocation_of_other_models_fails_cleanly),
        cmocka_unit_test(each_allocation_of_models_of_tensorflow_1_fails_cleanly),
        cmocka_unit_test(each_allocation_of_saving_fails_cleanly),
        cmocka_unit_test(each_allocation_of_publishing_fails_cleanly),
        cmocka_unit_test(each_memory_limit_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
