/* Training a Hub module of TensorFlow 1, with its update ops: what TensorFlow 2 refuses. */
#include "support.h"

#include <math.h>

enum { BATCH = 8, CLASSES = 4 };

static lince_model *open_tagged(const char *tags)
{
    lince_model_options options;
    lince_model_options_init(&options);
    options.tags = tags;
    options.threads = 2;
    return open_with("tf1_module", &options);
}

static lince_trainer *trainer_of(lince_model *model, lince_batch_norm batch_norm, double rate)
{
    static const lince_argument images = {.path = "images", .kind = LINCE_ARG_INPUT};
    lince_trainer_options options;
    lince_callable *callable;
    lince_trainer *trainer;
    lince_trainer_options_init(&options, LINCE_SGD);
    options.learning_rate = rate;
    options.batch_norm = batch_norm;
    assert_ok(lince_model_callable(model, "signatures.image_classification", &callable, err));
    assert_ok(lince_trainer_new(&trainer, model, callable, &images, 1, &options, err));
    return trainer;
}

static float step(lince_trainer *trainer)
{
    static int64_t numbers[BATCH] = {0, 1, 2, 3, 0, 1, 2, 3};
    const lince_tensor labels = {LINCE_INT64, 1, {BATCH}, numbers, sizeof numbers};
    lince_tensor images = read_npy("golden/cases/tf1_module_train/session.images.npy");
    lince_trainer_result result = {.struct_size = sizeof result};
    assert_ok(lince_trainer_step(trainer, &images, 1, &labels, NULL, &result, err));
    assert_int_equal(result.logits.dims[1], CLASSES);
    free(images.data);
    return result.loss;
}

/* The moving statistics that a session of TensorFlow 1 left, having run UPDATE_OPS once on these images. */
static int compare_statistics(lince_model *model)
{
    int compared = 0;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        char name[128];
        float got[64];
        assert_ok(lince_variable_info_at(model, i, &info, err));
        if (strstr(info.name, "/moving_")) {
            snprintf(name, sizeof name, "golden/cases/tf1_module_train/session.state%zu.npy", i);
            lince_tensor want = read_npy(name);
            assert_int_equal(want.size_bytes, info.size_bytes);
            assert_ok(lince_variable_read(model, i, got, info.size_bytes, err));
            for (size_t k = 0; k < info.size_bytes / sizeof *got; k++) {
                float w = ((float *)want.data)[k];
                assert_true(fabsf(got[k] - w) <= 1e-5f + 1e-4f * fabsf(w)); /* as the manifest has it */
            }
            free(want.data);
            compared++;
        }
    }
    return compared;
}

static void a_step_runs_the_update_ops(void **state)
{
    (void)state;
    lince_model *model = open_tagged("train");
    lince_trainer *trainer = trainer_of(model, LINCE_BATCH_NORM_UPDATE, 0);
    assert_int_equal(lince_trainer_variable_count(trainer), 12);
    step(trainer);
    assert_int_equal(compare_statistics(model), 10);
    assert_ok(lince_trainer_set_learning_rate(trainer, 0.05, err));
    float first = step(trainer);
    for (int i = 0; i < 5; i++) {
        step(trainer);
    }
    assert_true(step(trainer) < first);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

static void batch_statistics_alone_leave_the_averages(void **state)
{
    (void)state;
    lince_model *model = open_tagged("train");
    lince_trainer *trainer = trainer_of(model, LINCE_BATCH_NORM_BATCH, 0.01);
    lince_variable_info info = {.struct_size = sizeof info};
    step(trainer);
    assert_ok(
        lince_variable_info_at(model, variable_named(model, "Tiny/Conv1/BatchNorm/moving_mean:0", &info), &info, err));
    assert_int_equal(info.version, 1);
    assert_ok(lince_variable_info_at(model, variable_named(model, "Tiny/Conv1/weights:0", &info), &info, err));
    assert_int_equal(info.version, 2);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

static void frozen_statistics_are_those_of_the_other_meta_graph(void **state)
{
    lince_trainer_options options;
    lince_callable *callable;
    lince_trainer *trainer;
    (void)state;
    lince_model *model = open_tagged("train");
    lince_trainer_options_init(&options, LINCE_SGD);
    options.batch_norm = LINCE_BATCH_NORM_FROZEN;
    assert_ok(lince_model_callable(model, "signatures.default", &callable, err));
    assert_refused(lince_trainer_new(&trainer, model, callable, NULL, 0, &options, err), LINCE_EINVAL, "without tags");
    lince_model_close(model);
    model = open_tagged("");
    trainer = trainer_of(model, LINCE_BATCH_NORM_FROZEN, 0.01);
    assert_int_equal(lince_trainer_batch_norm(trainer), LINCE_BATCH_NORM_AS_TRACED);
    float first = step(trainer);
    assert_true(step(trainer) < first);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_runs_the_update_ops),
        cmocka_unit_test(batch_statistics_alone_leave_the_averages),
        cmocka_unit_test(frozen_statistics_are_those_of_the_other_meta_graph),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
