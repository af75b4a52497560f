/* What a trainer trains and with what: names, batch normalisation, a head, clipping, state that goes on, misuse. */
#include "support.h"

#include <math.h>

enum { BATCH = 4, SIDE = 16, FEATURES = 12 };

static int64_t numbers[BATCH] = {0, 3, 1, 2};

static lince_tensor labels(void)
{
    return (lince_tensor){LINCE_INT64, 1, {BATCH}, numbers, sizeof numbers};
}

static lince_trainer *trainer_of(lince_model *model, const lince_trainer_options *options)
{
    lince_trainer *trainer;
    assert_ok(lince_trainer_new(&trainer, model, lince_model_call(model), NULL, 0, options, err));
    return trainer;
}

static float step(lince_trainer *trainer)
{
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), targets = labels();
    lince_trainer_result result = {.struct_size = sizeof result};
    assert_ok(lince_trainer_step(trainer, &images, 1, &targets, NULL, &result, err));
    free(images.data);
    return result.loss;
}

static void close_both(lince_trainer *trainer, lince_model *model)
{
    lince_trainer_free(trainer);
    lince_model_close(model);
}

/* ---- Which variables ---- */

static lince_trained_info trained(const lince_trainer *trainer, size_t i)
{
    lince_trained_info info = {.struct_size = sizeof info};
    assert_ok(lince_trainer_variable(trainer, i, &info, err));
    return info;
}

static void a_pattern_chooses_by_name_and_the_rest_stays(void **state)
{
    lince_trainer_options options;
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_trainer_options_init(&options, LINCE_ADAMW); /* decay too is for the chosen alone */
    options.trainable = "*/kernel";
    options.batch_norm = LINCE_BATCH_NORM_FROZEN;
    lince_trainer *trainer = trainer_of(model, &options);
    assert_int_equal(lince_trainer_variable_count(trainer), 5);
    assert_string_equal(trained(trainer, 0).name, "stem/kernel");
    assert_int_equal(trained(trainer, 1).variable, 5);
    assert_true(trained(trainer, 4).listed);
    step(trainer);
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(model, i, &info, err));
        assert_int_equal(info.version > 1, strstr(info.name, "/kernel:0") != NULL);
    }
    close_both(trainer, model);
}

static void what_the_publisher_did_not_list_is_trained_on_request_only(void **state)
{
    lince_trainer_options options;
    lince_trainer *trainer;
    (void)state;
    lince_model *model = open_model("feature_vector", 1);
    lince_trainer_options_init(&options, LINCE_SGD);
    options.trainable = "stem/[kgb]*";
    assert_refused(lince_trainer_new(&trainer, model, lince_model_call(model), NULL, 0, &options, err), LINCE_EINVAL,
                   "of the 9 that the model lists as trainable none matches \"stem/[kgb]*\"; of the others 3 do");
    assert_null(trainer);
    options.unlisted = 1;
    trainer = trainer_of(model, &options);
    assert_int_equal(lince_trainer_variable_count(trainer), 3);
    assert_false(trained(trainer, 0).listed);
    step(trainer);
    close_both(trainer, model);
}

/* ---- Batch normalisation ---- */

static bool is_written(lince_model *model, const char *name)
{
    lince_variable_info info = {.struct_size = sizeof info};
    variable_named(model, name, &info);
    return info.version > 1;
}

static void batch_normalisation_has_three_ways(void **state)
{
    float loss[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        lince_trainer_options options;
        lince_model *model = open_model("classifier", 1);
        lince_trainer_options_init(&options, LINCE_SGD);
        options.batch_norm = (lince_batch_norm)i;
        lince_trainer *trainer = trainer_of(model, &options);
        assert_int_equal(lince_trainer_batch_norm(trainer), i);
        loss[i] = step(trainer);
        assert_int_equal(is_written(model, "stem/moving_mean:0"), i == LINCE_BATCH_NORM_UPDATE);
        assert_true(is_written(model, "stem/gamma:0"));
        close_both(trainer, model);
    }
    assert_true(loss[LINCE_BATCH_NORM_UPDATE] == loss[LINCE_BATCH_NORM_BATCH]);
    assert_true(loss[LINCE_BATCH_NORM_UPDATE] != loss[LINCE_BATCH_NORM_FROZEN]);
}

/* ---- A head ---- */

static void a_head_on_features_is_the_head_on_a_frozen_body(void **state)
{
    lince_trainer_options options;
    lince_trainer_result apart = {.struct_size = sizeof apart};
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), targets = labels();
    size_t count;
    (void)state;
    lince_model *model = open_model("feature_vector", 2);
    lince_session *body = open_training(model, false);
    float *features = run_floats(body, &images, &count);
    const lince_tensor cached = {LINCE_FLOAT32, 2, {BATCH, FEATURES}, features, count * sizeof *features};
    lince_trainer_options_init(&options, LINCE_ADAM);
    options.head_classes = 4;
    options.head_dropout = 0.5;
    options.head_l1 = 1e-3;
    options.head_l2 = 1e-2;
    options.frozen_body = 1;
    options.no_regularization = 1;
    options.batch_norm = LINCE_BATCH_NORM_FROZEN;
    options.seed = 7;
    lince_trainer *whole = trainer_of(model, &options), *alone;
    options.head_features = FEATURES;
    assert_ok(lince_trainer_new(&alone, model, NULL, NULL, 0, &options, err));
    assert_int_equal(lince_trainer_variable_count(whole), 2);
    for (int i = 0; i < 5; i++) {
        assert_ok(lince_trainer_step(alone, &cached, 1, &targets, NULL, &apart, err));
        assert_true(step(whole) == apart.loss);
    }
    assert_ok(lince_trainer_evaluate(alone, &cached, 1, &targets, NULL, &apart, err));
    assert_int_equal(apart.logits.dims[1], 4);
    assert_false(is_written(model, "depthwise/kernel:0"));
    free(features);
    free(images.data);
    lince_session_free(body);
    lince_trainer_free(alone);
    close_both(whole, model);
}

/* ---- Clipping ---- */

static double norm_of(const lince_output *g)
{
    const float *x = g->tensor.data;
    double sum = 0;
    for (size_t i = 0; i < g->tensor.size_bytes / sizeof *x; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sqrt(sum);
}

static void clipping_bounds_elements_norms_or_the_norm_of_all(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        lince_trainer_options options;
        lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), targets = labels();
        const lince_output *gradients;
        size_t count, reached = 0;
        double all = 0;
        lince_model *model = open_model("classifier", 1);
        lince_trainer_options_init(&options, LINCE_SGD);
        *(kind == 0 ? &options.clip_value : kind == 1 ? &options.clip_norm : &options.clip_global_norm) = 0.05;
        lince_trainer *trainer = trainer_of(model, &options);
        assert_ok(lince_trainer_gradients(trainer, &images, 1, &targets, NULL, LINCE_GRADIENTS_OF_STEP, &gradients,
                                          &count, NULL, err));
        for (size_t i = 0; i < count; i++) {
            const float *x = gradients[i].tensor.data;
            double norm = norm_of(&gradients[i]);
            all += norm * norm;
            assert_true(kind != 1 || norm <= 0.05 * (1 + 1e-5));
            reached += kind == 1 && norm > 0.05 * (1 - 1e-5);
            for (size_t k = 0; kind == 0 && k < gradients[i].tensor.size_bytes / sizeof *x; k++) {
                assert_true(fabsf(x[k]) <= 0.05f);
                reached += fabsf(x[k]) == 0.05f;
            }
        }
        assert_true(kind == 2 ? fabs(sqrt(all) - 0.05) < 1e-6 : reached > 0);
        free(images.data);
        close_both(trainer, model);
    }
}

/* ---- State ---- */

/* All state of one trainer into another, by name. */
static void hand_over(lince_trainer *from, lince_trainer *to)
{
    assert_int_equal(lince_trainer_state_count(from), lince_trainer_state_count(to));
    for (size_t i = 0; i < lince_trainer_state_count(from); i++) {
        lince_state_info a = {.struct_size = sizeof a}, b = a;
        assert_ok(lince_trainer_state(from, i, &a, err));
        assert_ok(lince_trainer_state(to, i, &b, err));
        assert_string_equal(a.name, b.name);
        void *data = malloc(a.size_bytes);
        assert_ok(lince_trainer_state_read(from, i, data, a.size_bytes, err));
        assert_ok(lince_trainer_state_write(to, i, data, b.size_bytes, err));
        free(data);
    }
}

static void copy_variables(lince_model *from, lince_model *to)
{
    for (size_t i = 0; i < lince_variable_count(from); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(from, i, &info, err));
        void *data = malloc(info.size_bytes);
        assert_ok(lince_variable_read(from, i, data, info.size_bytes, err));
        assert_ok(lince_variable_write(to, i, data, info.size_bytes, err));
        free(data);
    }
}

static void a_trainer_goes_on_from_variables_and_state_with_the_same_bits(void **state)
{
    lince_trainer_options options;
    (void)state;
    lince_model *first = open_model("classifier", 1), *second = open_model("classifier", 2);
    lince_trainer_options_init(&options, LINCE_ADAM);
    options.head_classes = 4; /* its dropout follows from the number of steps made */
    options.head_dropout = 0.3;
    lince_trainer *a = trainer_of(first, &options);
    step(a);
    step(a);
    lince_trainer *b = trainer_of(second, &options);
    copy_variables(first, second);
    hand_over(a, b);
    for (int i = 0; i < 3; i++) {
        assert_true(step(a) == step(b));
    }
    close_both(a, first);
    close_both(b, second);
}

static void state_has_names(void **state)
{
    const char *const wanted[] = {"iterations",          "head/kernel/velocity", "head/kernel/momentum",
                                  "head/kernel/average", "head/bias/velocity",   "head/bias/momentum",
                                  "head/bias/average"};
    lince_trainer_options options;
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_trainer_options_init(&options, LINCE_RMSPROP);
    options.momentum = 0.9;
    options.centered = 1;
    options.trainable = "head/*";
    lince_trainer *trainer = trainer_of(model, &options);
    assert_int_equal(lince_trainer_state_count(trainer), 7);
    for (size_t i = 0; i < 7; i++) {
        lince_state_info info = {.struct_size = sizeof info};
        assert_ok(lince_trainer_state(trainer, i, &info, err));
        assert_string_equal(info.name, wanted[i]);
    }
    assert_int_equal(lince_variable_count(model), 23); /* the model's own lists are as they were */
    close_both(trainer, model);
}

/* ---- Misuse ---- */

static void options_that_make_no_sense_are_refused(void **state)
{
    lince_trainer *trainer;
    (void)state;
    lince_model *model = open_model("classifier", 1), *other = open_model("mobile", 1);
    lince_callable *callable = lince_model_call(model);
#define REFUSED(change, words)                                                                                         \
    do {                                                                                                               \
        lince_trainer_options options;                                                                                 \
        lince_trainer_options_init(&options, LINCE_SGD);                                                               \
        change;                                                                                                        \
        assert_refused(lince_trainer_new(&trainer, model, callable, NULL, 0, &options, err), LINCE_EINVAL, words);     \
        assert_null(trainer);                                                                                          \
    } while (0)
    REFUSED(options.struct_size = 0, "struct_size is 0");
    REFUSED(options.learning_rate = -1, "learning_rate is -1");
    REFUSED(options.momentum = (double)NAN, "momentum is nan");
    REFUSED(options.beta1 = 1, "beta1 is 1");
    REFUSED(options.loss = (lince_loss)9, "loss 9");
    REFUSED((options.clip_norm = 1, options.clip_value = 1), "only one of them");
    REFUSED(options.frozen_body = 1, "leaves nothing to train");
    REFUSED(options.trainable = "nothing*", "none matches");
    REFUSED(callable = lince_model_call(other), "another model's");
    REFUSED(callable = NULL, "head_features are wanted");
    lince_model_close(model);
    lince_model_close(other);
}

static void targets_and_inputs_that_do_not_fit_are_refused(void **state)
{
    static float floats[BATCH * 5];
    static double doubles[BATCH];
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), targets = labels();
    lince_tensor few = targets, rows = {LINCE_FLOAT32, 2, {BATCH, 4}, floats, sizeof floats / 5 * 4};
    const lince_tensor wide = {LINCE_FLOAT64, 1, {BATCH}, doubles, sizeof doubles};
    const lince_tensor weights = {LINCE_FLOAT32, 2, {BATCH, 1}, floats, BATCH * sizeof *floats};
    (void)state;
    few.dims[0] = BATCH - 1;
    few.size_bytes = (BATCH - 1) * sizeof *numbers;
    lince_model *model = open_model("classifier", 1);
    lince_trainer *trainer = trainer_of(model, NULL);
    assert_refused(lince_trainer_step(trainer, &images, 1, &few, NULL, NULL, err), LINCE_EINVAL, "3");
    assert_refused(lince_trainer_step(trainer, &images, 1, &rows, NULL, NULL, err), LINCE_EINVAL, "training/loss");
    assert_refused(lince_trainer_step(trainer, &images, 1, &wide, NULL, NULL, err), LINCE_EINVAL, "float64");
    assert_refused(lince_trainer_step(trainer, &images, 1, &targets, &weights, NULL, err), LINCE_EINVAL, "");
    assert_refused(lince_trainer_step(trainer, &images, 0, &targets, NULL, NULL, err), LINCE_EINVAL, "0 inputs");
    assert_refused(lince_trainer_step(trainer, &images, 1, NULL, NULL, NULL, err), LINCE_EINVAL, "targets is NULL");
    assert_refused(lince_trainer_set_learning_rate(trainer, (double)NAN, err), LINCE_EINVAL, "learning_rate");
    assert_false(is_written(model, "stem/kernel:0"));
    step(trainer);
    free(images.data);
    close_both(trainer, model);
}

/* ---- Schedules ---- */

static void schedules_are_those_of_keras(void **state)
{
    (void)state;
    assert_float_equal(lince_schedule_exponential(0.1, 15, 10, 0.5, 0), 0.1 * pow(0.5, 1.5), 1e-9);
    assert_float_equal(lince_schedule_exponential(0.1, 15, 10, 0.5, 1), 0.05, 1e-9);
    assert_float_equal(lince_schedule_cosine(0.1, 0, 10, 0.2), 0.1, 1e-9);
    assert_float_equal(lince_schedule_cosine(0.1, 5, 10, 0.2), 0.06, 1e-9);
    assert_float_equal(lince_schedule_cosine(0.1, 99, 10, 0.2), 0.02, 1e-9);
    assert_float_equal(lince_schedule_warmup(0.1, 3, 10), 0.03, 1e-9);
    assert_float_equal(lince_schedule_warmup(0.1, 10, 10), 0.1, 1e-9);
}

static void a_learning_rate_of_0_leaves_what_is_trained(void **state)
{
    size_t size;
    lince_trainer_options options;
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_trainer_options_init(&options, LINCE_SGD);
    options.batch_norm = LINCE_BATCH_NORM_BATCH;
    lince_trainer *trainer = trainer_of(model, &options);
    unsigned char *before = read_all(model, &size), *after;
    assert_ok(lince_trainer_set_learning_rate(trainer, 0, err));
    step(trainer);
    after = read_all(model, &size);
    assert_memory_equal(before, after, size);
    assert_ok(lince_trainer_set_learning_rate(trainer, 0.1, err));
    step(trainer);
    free(after);
    after = read_all(model, &size);
    assert_memory_not_equal(before, after, size);
    free(before);
    free(after);
    close_both(trainer, model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_chooses_by_name_and_the_rest_stays),
        cmocka_unit_test(what_the_publisher_did_not_list_is_trained_on_request_only),
        cmocka_unit_test(batch_normalisation_has_three_ways),
        cmocka_unit_test(a_head_on_features_is_the_head_on_a_frozen_body),
        cmocka_unit_test(clipping_bounds_elements_norms_or_the_norm_of_all),
        cmocka_unit_test(a_trainer_goes_on_from_variables_and_state_with_the_same_bits),
        cmocka_unit_test(state_has_names),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(targets_and_inputs_that_do_not_fit_are_refused),
        cmocka_unit_test(schedules_are_those_of_keras),
        cmocka_unit_test(a_learning_rate_of_0_leaves_what_is_trained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
