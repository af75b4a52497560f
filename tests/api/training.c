/* lince_trainer: a step is all or nothing, gives the same bits on any number of threads, and allocates nothing anew. */
#include "support.h"

#include <math.h>

enum { BATCH = 3, CLASSES = 5, SIDE = 16 };

static const lince_argument call[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                      {.path = "batch_norm_momentum", .kind = LINCE_ARG_FLOAT, .f = 0.9}};
static int64_t numbers[BATCH] = {0, 3, 4};

static lince_tensor labels_of(int64_t count)
{
    return (lince_tensor){LINCE_INT64, 1, {count}, numbers, (size_t)count * sizeof *numbers};
}

static lince_trainer *trainer_of(lince_model *model, const lince_trainer_options *options)
{
    lince_trainer *trainer;
    assert_ok(lince_trainer_new(&trainer, model, lince_model_call(model), call, 2, options, err));
    return trainer;
}

static float step(lince_trainer *trainer)
{
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), labels = labels_of(BATCH);
    lince_trainer_result result = {.struct_size = sizeof result};
    assert_ok(lince_trainer_step(trainer, &images, 1, &labels, NULL, &result, err));
    free(images.data);
    return result.loss;
}

static void same_variables(lince_model *model, const unsigned char *wanted, size_t size)
{
    size_t now;
    unsigned char *data = read_all(model, &now);
    assert_int_equal(now, size);
    assert_memory_equal(data, wanted, size);
    free(data);
}

/* ---- Bits and memory ---- */

static void steps_have_the_same_bits_for_any_number_of_threads(void **state)
{
    lince_trainer_options options;
    unsigned char *first = NULL;
    size_t size = 0;
    (void)state;
    lince_trainer_options_init(&options, LINCE_ADAM);
    options.clip_global_norm = 0.5;
    for (int threads = 1; threads <= 3; threads++) {
        lince_model *model = open_model("classifier", threads);
        lince_trainer *trainer = trainer_of(model, &options);
        float before = step(trainer);
        step(trainer);
        assert_true(step(trainer) < before);
        if (threads == 1) {
            first = read_all(model, &size);
        } else {
            same_variables(model, first, size);
        }
        lince_trainer_free(trainer);
        lince_model_close(model);
    }
    free(first);
}

static void a_repeated_step_allocates_nothing_and_a_freed_trainer_gives_all_back(void **state)
{
    struct counter counter = {0};
    lince_model_options how;
    lince_trainer_options options;
    (void)state;
    count_in(&how, &counter);
    lince_model *model = open_with("classifier", &how);
    lince_trainer_options_init(&options, LINCE_RMSPROP);
    options.momentum = 0.9;
    lince_trainer *trainer = trainer_of(model, &options);
    step(trainer);
    size_t calls = atomic_load(&counter.calls);
    step(trainer);
    step(trainer);
    assert_int_equal(atomic_load(&counter.calls), calls);
    lince_trainer_free(trainer);
    lince_model_close(model);
    assert_int_equal(atomic_load(&counter.live), 0);
}

/* ---- Who may stop a step, and change its gradients ---- */

struct hook {
    bool stops, stops_late, clears;
    int calls;
    size_t count;
    float loss;
};

static int on_gradients(float *gradients, size_t count, void *context)
{
    struct hook *h = context;
    h->calls++;
    h->count = count;
    for (size_t i = 0; h->clears && i < count; i++) {
        gradients[i] = 0;
    }
    return h->stops;
}

static int on_step(const lince_step_info *info, void *context)
{
    struct hook *h = context;
    h->loss = info->loss;
    return h->stops_late;
}

static lince_status try_step(lince_trainer *trainer, const lince_tensor *labels, lince_error *err)
{
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    lince_status st = lince_trainer_step(trainer, &images, 1, labels, NULL, NULL, err);
    free(images.data);
    return st;
}

static size_t numbers_trained(const lince_trainer *trainer)
{
    size_t count = 0;
    for (size_t i = 0; i < lince_trainer_variable_count(trainer); i++) {
        lince_trained_info info = {.struct_size = sizeof info};
        size_t one = 1;
        assert_ok(lince_trainer_variable(trainer, i, &info, err));
        for (int k = 0; k < info.rank; k++) {
            one *= (size_t)info.dims[k];
        }
        count += one;
    }
    return count;
}

static void a_hook_sees_all_gradients_and_what_it_leaves_is_used(void **state)
{
    struct hook hook = {.clears = false};
    lince_trainer_options options;
    unsigned char *plain = NULL, *hooked;
    size_t size;
    (void)state;
    lince_trainer_options_init(&options, LINCE_SGD);
    options.context = &hook;
    for (int i = 0; i < 3; i++) {
        lince_model *model = open_model("classifier", 2);
        options.on_gradients = i ? on_gradients : NULL;
        options.batch_norm = LINCE_BATCH_NORM_BATCH;
        hook.clears = i == 2;
        unsigned char *before = read_all(model, &size);
        lince_trainer *trainer = trainer_of(model, &options);
        step(trainer);
        assert_true(!i || hook.count == numbers_trained(trainer));
        hooked = read_all(model, &size);
        if (i == 0) {
            plain = hooked;
            assert_memory_not_equal(plain, before, size);
        } else {
            assert_memory_equal(hooked, i == 1 ? plain : before, size);
            free(hooked);
        }
        free(before);
        lince_trainer_free(trainer);
        lince_model_close(model);
    }
    assert_int_equal(hook.calls, 2);
    free(plain);
}

static void a_step_that_is_stopped_or_fails_changes_nothing(void **state)
{
    struct hook hook = {.stops = true};
    lince_trainer_options options;
    lince_tensor labels = labels_of(BATCH);
    size_t size;
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_trainer_options_init(&options, LINCE_ADAM);
    options.on_gradients = on_gradients;
    options.on_step = on_step;
    options.context = &hook;
    lince_trainer *trainer = trainer_of(model, &options);
    unsigned char *before = read_all(model, &size);
    assert_refused(try_step(trainer, &labels, err), LINCE_ECANCELED, "on_gradients");
    hook = (struct hook){.stops_late = true};
    assert_refused(try_step(trainer, &labels, err), LINCE_ECANCELED, "on_step ended step 0");
    assert_true(hook.loss > 0);
    numbers[1] = CLASSES;
    assert_refused(try_step(trainer, &labels, err), LINCE_EDATA, "target 1 is class 5; the result has 5 classes");
    numbers[1] = -1;
    assert_refused(try_step(trainer, &labels, err), LINCE_EDATA, "class -1");
    numbers[1] = 3;
    int64_t iterations = -1;
    assert_ok(lince_trainer_state_read(trainer, 0, &iterations, sizeof iterations, err));
    assert_int_equal(iterations, 0);
    same_variables(model, before, size);
    hook.stops_late = false;
    assert_ok(try_step(trainer, &labels, err));
    free(before);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

/* ---- Loss and gradients ---- */

static void asking_for_losses_and_gradients_changes_nothing(void **state)
{
    lince_trainer_result loss = {.struct_size = sizeof loss}, evaluated = loss, gradient = loss;
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), labels = labels_of(BATCH);
    const lince_output *gradients;
    size_t size, count;
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_trainer *trainer = trainer_of(model, NULL);
    unsigned char *before = read_all(model, &size);
    assert_ok(lince_trainer_loss(trainer, &images, 1, &labels, NULL, &loss, err));
    assert_ok(lince_trainer_evaluate(trainer, &images, 1, &labels, NULL, &evaluated, err));
    assert_int_equal(evaluated.logits.dims[1], CLASSES);
    assert_ok(lince_trainer_gradients(trainer, &images, 1, &labels, NULL, LINCE_GRADIENTS_OF_INPUT_TOO, &gradients,
                                      &count, &gradient, err));
    assert_int_equal(count, lince_trainer_variable_count(trainer) + 1);
    assert_int_equal(gradients[count - 1].tensor.size_bytes, images.size_bytes);
    assert_true(loss.loss == gradient.loss && loss.loss != evaluated.loss && loss.steps == 0);
    same_variables(model, before, size);
    assert_true(step(trainer) == loss.loss);
    free(before);
    free(images.data);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

/* sum(weight * loss) / images: weights of images, and of classes, which do the same here. */
static void weights_multiply_the_loss_of_each_image(void **state)
{
    static float weights[BATCH] = {2, 0, 0.5f}, classes[CLASSES] = {2, 9, 9, 0, 0.5f};
    const lince_tensor of_images = {LINCE_FLOAT32, 1, {BATCH}, weights, sizeof weights};
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), labels = labels_of(BATCH);
    lince_trainer_options options;
    lince_trainer_result result = {.struct_size = sizeof result};
    double wanted = 0;
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_trainer_options_init(&options, LINCE_SGD);
    options.no_regularization = 1;
    lince_trainer *trainer = trainer_of(model, &options);
    assert_ok(lince_trainer_evaluate(trainer, &images, 1, &labels, &of_images, &result, err));
    const float *x = result.logits.data;
    for (int i = 0; i < BATCH; i++) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            sum += exp((double)x[i * CLASSES + k]);
        }
        wanted += (double)weights[i] * (log(sum) - (double)x[i * CLASSES + numbers[i]]) / BATCH;
    }
    assert_float_equal(result.loss, wanted, 1e-5);
    lince_trainer_free(trainer);
    options.class_weights = classes;
    options.class_count = CLASSES;
    trainer = trainer_of(model, &options);
    assert_ok(lince_trainer_evaluate(trainer, &images, 1, &labels, NULL, &result, err));
    assert_float_equal(result.loss, wanted, 1e-5);
    free(images.data);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

/* One-hot targets with the smoothing worked in are the class numbers that are smoothed. */
static void class_numbers_and_rows_of_shares_are_the_same_targets(void **state)
{
    float rows[BATCH * CLASSES];
    const lince_tensor shares = {LINCE_FLOAT32, 2, {BATCH, CLASSES}, rows, sizeof rows};
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), labels = labels_of(BATCH);
    lince_trainer_options options;
    lince_trainer_result a = {.struct_size = sizeof a}, b = a;
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_trainer *plain = trainer_of(model, NULL);
    for (int i = 0; i < BATCH * CLASSES; i++) {
        rows[i] = 0.2f / CLASSES + (i % CLASSES == numbers[i / CLASSES] ? 0.8f : 0);
    }
    assert_ok(lince_trainer_evaluate(plain, &images, 1, &shares, NULL, &a, err));
    lince_trainer_options_init(&options, LINCE_SGD);
    options.label_smoothing = 0.2;
    lince_trainer *smoothed = trainer_of(model, &options);
    assert_ok(lince_trainer_evaluate(smoothed, &images, 1, &labels, NULL, &b, err));
    assert_float_equal(a.loss, b.loss, 1e-5);
    free(images.data);
    lince_trainer_free(plain);
    lince_trainer_free(smoothed);
    lince_model_close(model);
}

static double other_loss(lince_loss kind, double x, double y)
{
    return kind == LINCE_LOSS_MSE ? (x - y) * (x - y) : fmax(x, 0) - x * y + log1p(exp(-fabs(x)));
}

static void sigmoid_and_squares_are_means_over_all_numbers(void **state)
{
    float rows[BATCH * CLASSES];
    const lince_tensor targets = {LINCE_FLOAT32, 2, {BATCH, CLASSES}, rows, sizeof rows};
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    const lince_loss kinds[] = {LINCE_LOSS_SIGMOID, LINCE_LOSS_MSE};
    (void)state;
    lince_model *model = open_model("classifier", 1);
    for (int i = 0; i < BATCH * CLASSES; i++) {
        rows[i] = (float)(i % 4) / 3;
    }
    for (size_t k = 0; k < 2; k++) {
        lince_trainer_options options;
        lince_trainer_result result = {.struct_size = sizeof result};
        double wanted = 0;
        lince_trainer_options_init(&options, LINCE_SGD);
        options.loss = kinds[k];
        options.no_regularization = 1;
        lince_trainer *trainer = trainer_of(model, &options);
        assert_ok(lince_trainer_evaluate(trainer, &images, 1, &targets, NULL, &result, err));
        for (int i = 0; i < BATCH * CLASSES; i++) {
            wanted +=
                other_loss(kinds[k], (double)((float *)result.logits.data)[i], (double)rows[i]) / (BATCH * CLASSES);
        }
        assert_float_equal(result.loss, wanted, 1e-5 * fmax(1, wanted));
        lince_trainer_free(trainer);
    }
    free(images.data);
    lince_model_close(model);
}

static void an_empty_batch_has_no_loss_but_that_of_the_model(void **state)
{
    lince_tensor images = random_images(0, SIDE, SIDE, 1), labels = labels_of(0);
    lince_trainer_options options;
    lince_trainer_result result = {.struct_size = sizeof result};
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_trainer_options_init(&options, LINCE_SGD);
    options.no_regularization = 1;
    lince_trainer *trainer = trainer_of(model, &options);
    assert_ok(lince_trainer_evaluate(trainer, &images, 1, &labels, NULL, &result, err));
    assert_true(result.loss == 0);
    free(images.data);
    lince_trainer_free(trainer);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_have_the_same_bits_for_any_number_of_threads),
        cmocka_unit_test(a_repeated_step_allocates_nothing_and_a_freed_trainer_gives_all_back),
        cmocka_unit_test(a_hook_sees_all_gradients_and_what_it_leaves_is_used),
        cmocka_unit_test(a_step_that_is_stopped_or_fails_changes_nothing),
        cmocka_unit_test(asking_for_losses_and_gradients_changes_nothing),
        cmocka_unit_test(weights_multiply_the_loss_of_each_image),
        cmocka_unit_test(class_numbers_and_rows_of_shares_are_the_same_targets),
        cmocka_unit_test(sigmoid_and_squares_are_means_over_all_numbers),
        cmocka_unit_test(an_empty_batch_has_no_loss_but_that_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
