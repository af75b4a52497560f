/*
 * Variables: what is written is what the next call computes with, however much had been prepared from the old values.
 */
#include "support.h"

struct written {
    const char *name;
    float scale, shift;
};

/* A kernel that is packed, and statistics and factors that are folded into kernels. */
static const struct written writes[] = {
    {"stem/kernel:0", 0.5f, 0.01f}, {"stem/moving_mean:0", 1, 0.25f}, {"depthwise/gamma:0", -1.5f, 0.1f},
    {"project/kernel:0", 2, 0},     {"head/kernel:0", 1, 0.125f},
};

static void write_changed(lince_model *model, const struct written *w)
{
    lince_variable_info info = {.struct_size = sizeof info};
    size_t i = variable_named(model, w->name, &info);
    float *values = malloc(info.size_bytes);
    assert_ok(lince_variable_read(model, i, values, info.size_bytes, err));
    for (size_t k = 0; k < info.size_bytes / sizeof(float); k++) {
        values[k] = values[k] * w->scale + w->shift;
    }
    assert_ok(lince_variable_write(model, i, values, info.size_bytes, err));
    free(values);
}

static void assert_same_result(lince_session *a, lince_session *b, const lince_tensor *input)
{
    size_t n, m;
    float *x = run_floats(a, input, &n), *y = run_floats(b, input, &m);
    assert_int_equal(n, m);
    assert_true(n > 0);
    assert_memory_equal(x, y, n * sizeof(float));
    free(x);
    free(y);
}

static void copy_variables(lince_model *to, lince_model *from)
{
    for (size_t i = 0; i < lince_variable_count(from); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(from, i, &info, err));
        void *value = malloc(info.size_bytes + 1);
        assert_ok(lince_variable_read(from, i, value, info.size_bytes, err));
        assert_ok(lince_variable_write(to, i, value, info.size_bytes, err));
        free(value);
    }
}

static void a_written_variable_changes_the_next_call_of_every_session(void **state)
{
    (void)state;
    for (size_t w = 0; w < sizeof writes / sizeof *writes; w++) {
        lince_model *used = open_model("classifier", 2), *fresh = open_model("classifier", 2);
        lince_session *first = open_session(used, "__call__", NULL, 0),
                      *second = open_session(used, "__call__", NULL, 0), *late = NULL,
                      *reference = open_session(fresh, "__call__", NULL, 0);
        lince_tensor images = random_images(3, 16, 16, 1);
        size_t n;
        float *before = run_floats(first, &images, &n);
        free(run_floats(second, &images, &n));

        write_changed(used, &writes[w]);
        write_changed(fresh, &writes[w]);
        late = open_session(used, "__call__", NULL, 0);
        float *after = run_floats(first, &images, &n);
        assert_memory_not_equal(before, after, n * sizeof(float));
        assert_same_result(first, reference, &images);
        assert_same_result(second, reference, &images);
        assert_same_result(late, reference, &images);

        free(before);
        free(after);
        free(images.data);
        lince_session_free(first);
        lince_session_free(second);
        lince_session_free(late);
        lince_session_free(reference);
        lince_model_close(used);
        lince_model_close(fresh);
    }
}

static void writing_the_old_value_back_gives_the_old_result(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(2, 16, 16, 2);
    lince_variable_info info = {.struct_size = sizeof info};
    size_t i = variable_named(model, "stem/gamma:0", &info), n;
    float *before = run_floats(session, &images, &n), *value = malloc(info.size_bytes);
    assert_ok(lince_variable_read(model, i, value, info.size_bytes, err));
    write_changed(model, &(struct written){"stem/gamma:0", 3, 1});
    free(run_floats(session, &images, &n));
    assert_ok(lince_variable_write(model, i, value, info.size_bytes, err));
    float *after = run_floats(session, &images, &n);
    assert_memory_equal(before, after, n * sizeof(float));
    free(before);
    free(after);
    free(value);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void what_training_writes_reaches_inference_that_was_planned_before(void **state)
{
    (void)state;
    lince_model *used = open_model("classifier", 2), *fresh = open_model("classifier", 2);
    lince_session *inference = open_session(used, "__call__", NULL, 0), *training = open_training(used, true),
                  *reference = open_session(fresh, "__call__", NULL, 0);
    lince_tensor images = random_images(8, 16, 16, 3);
    size_t n;
    float *before = run_floats(inference, &images, &n);
    for (int step = 0; step < 3; step++) {
        free(run_floats(training, &images, &n));
    }
    copy_variables(fresh, used);
    float *after = run_floats(inference, &images, &n);
    assert_memory_not_equal(before, after, n * sizeof(float));
    assert_same_result(inference, reference, &images);
    free(before);
    free(after);
    free(images.data);
    lince_session_free(inference);
    lince_session_free(training);
    lince_session_free(reference);
    lince_model_close(used);
    lince_model_close(fresh);
}

/* ---- Versions ---- */

static uint64_t version_of(lince_model *model, const char *name)
{
    lince_variable_info info = {.struct_size = sizeof info};
    variable_named(model, name, &info);
    return info.version;
}

static size_t written(lince_model *model)
{
    lince_variable_info info = {.struct_size = sizeof info};
    size_t count = 0;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_info_at(model, i, &info, err));
        count += info.version > 1;
    }
    return count;
}

static void a_version_tells_which_variables_were_written_since_opening(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *inference = open_session(model, "__call__", NULL, 0), *training = open_training(model, true);
    lince_tensor images = random_images(2, 16, 16, 2);
    size_t n;
    free(run_floats(inference, &images, &n));
    free(read_all(model, &n));
    assert_int_equal(written(model), 0);
    write_changed(model, &(struct written){"head/kernel:0", 1, 0}); /* the same value: written all the same */
    assert_int_equal(version_of(model, "head/kernel:0"), 2);
    assert_int_equal(written(model), 1);
    uint64_t before = version_of(model, "stem/moving_mean:0");
    free(run_floats(training, &images, &n));
    assert_int_equal(version_of(model, "stem/moving_mean:0"), before + 1);
    assert_int_equal(version_of(model, "stem/kernel:0"), 1);
    free(run_floats(inference, &images, &n));
    assert_int_equal(version_of(model, "stem/moving_mean:0"), before + 1);
    assert_refused(lince_variable_write(model, 0, NULL, 0, err), LINCE_EINVAL, "found 0");
    assert_int_equal(version_of(model, "head/kernel:0"), 2);
    free(images.data);
    lince_session_free(inference);
    lince_session_free(training);
    lince_model_close(model);
}

/* A caller that was built with an older header knows fewer members; the rest of its memory is left alone. */
static void a_description_is_filled_as_far_as_the_caller_knows_it(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_variable_info info = {.struct_size = offsetof(lince_variable_info, version), .version = 77};
    assert_ok(lince_variable_info_at(model, 0, &info, err));
    assert_int_equal(info.version, 77);
    assert_int_equal(info.struct_size, offsetof(lince_variable_info, version));
    assert_true(info.size_bytes > 0);
    info.struct_size = sizeof info + 1;
    assert_refused(lince_variable_info_at(model, 0, &info, err), LINCE_EINVAL, "lince_variable_info.struct_size is ");
    info.struct_size = 0;
    assert_refused(lince_variable_info_at(model, 0, &info, err), LINCE_EINVAL, "lince_variable_info.struct_size is 0");
    lince_model_close(model);
}

static void lists_are_indices_of_the_models_variables(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    const int32_t *indices;
    size_t count, trainable = 0;
    lince_variable_info info = {.struct_size = sizeof info};
    lince_model_variables(model, LINCE_VARIABLES, &indices, &count);
    assert_non_null(indices);
    assert_int_equal(count, 22);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(indices[i], i);
        assert_ok(lince_variable_info_at(model, i, &info, err));
        trainable += info.trainable != 0;
    }
    lince_model_variables(model, LINCE_TRAINABLE_VARIABLES, &indices, &count);
    assert_int_equal(count, trainable);
    lince_model_variables(model, (lince_variable_list)2, &indices, &count);
    assert_null(indices);
    assert_int_equal(count, 0);
    lince_model_close(model);
}

static void a_wrong_index_or_size_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_variable_info info = {.struct_size = sizeof info};
    size_t i = variable_named(model, "head/bias:0", &info), all = lince_variable_count(model), n, m;
    float values[16] = {0};
    unsigned char *before = read_all(model, &n);
    assert_int_equal(info.size_bytes, 20);
    assert_refused(lince_variable_write(model, i, values, 16, err), LINCE_EINVAL, "head/bias\"");
    assert_refused(lince_variable_write(model, i, values, 24, err), LINCE_EINVAL, "20 bytes");
    assert_refused(lince_variable_write(model, i, values, 0, err), LINCE_EINVAL, "20 bytes");
    assert_refused(lince_variable_read(model, i, values, 24, err), LINCE_EINVAL, "20 bytes");
    assert_refused(lince_variable_write(model, all, values, 20, err), LINCE_EINVAL, "variable 23 of 23");
    assert_refused(lince_variable_read(model, SIZE_MAX, values, 20, err), LINCE_EINVAL, "of 23");
    assert_refused(lince_variable_info_at(model, all, &info, err), LINCE_EINVAL, "variable 23 of 23");
    unsigned char *after = read_all(model, &m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_variable_changes_the_next_call_of_every_session),
        cmocka_unit_test(writing_the_old_value_back_gives_the_old_result),
        cmocka_unit_test(what_training_writes_reaches_inference_that_was_planned_before),
        cmocka_unit_test(a_version_tells_which_variables_were_written_since_opening),
        cmocka_unit_test(a_description_is_filled_as_far_as_the_caller_knows_it),
        cmocka_unit_test(lists_are_indices_of_the_models_variables),
        cmocka_unit_test(a_wrong_index_or_size_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
