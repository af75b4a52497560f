/* The 1st, 2nd, 3rd ... allocation of making a trainer and of its first step fails: no variable changes. */
#include "support.h"

enum { BATCH = 2, SIDE = 16 };

static int pass_over(float *gradients, size_t count, void *context)
{
    (void)gradients;
    (void)count;
    (void)context;
    return 0;
}

struct use {
    lince_model *model;
    lince_trainer *trainer;
    bool stepped, trained; /* the step was begun; it was made */
};

static lince_status train(struct use *u, const lince_trainer_options *options, lince_error *err)
{
    static int64_t numbers[BATCH] = {1, 2};
    const lince_tensor labels = {LINCE_INT64, 1, {BATCH}, numbers, sizeof numbers};
    const lince_output *gradients;
    size_t count;
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    lince_status st = lince_trainer_new(&u->trainer, u->model, lince_model_call(u->model), NULL, 0, options, err);
    st = st ? st
            : lince_trainer_gradients(u->trainer, &images, 1, &labels, NULL, LINCE_GRADIENTS_OF_INPUT_TOO, &gradients,
                                      &count, NULL, err);
    u->stepped = st == LINCE_OK;
    st = st ? st : lince_trainer_step(u->trainer, &images, 1, &labels, NULL, NULL, err);
    u->trained = st == LINCE_OK;
    st = st ? st : lince_trainer_evaluate(u->trainer, &images, 1, &labels, NULL, NULL, err);
    free(images.data);
    return st;
}

static void compare(const struct use *u, const unsigned char *before, size_t size)
{
    size_t now;
    unsigned char *after = read_all(u->model, &now);
    assert_int_equal(now, size);
    assert_true((memcmp(before, after, size) == 0) == !u->trained);
    free(after);
}

/* Each time on a model of its own; returns how many allocations failed the training. */
static size_t fail_each(const lince_trainer_options *options, size_t fail_for)
{
    struct counter counter = {.fail_for = fail_for};
    lince_model_options how;
    size_t failed = 0, in_steps = 0;
    count_in(&how, &counter);
    for (size_t n = 1;; n++) {
        lince_error err = {.code = LINCE_OK};
        struct use u = {.model = open_with("classifier", &how)};
        size_t size;
        unsigned char *before = read_all(u.model, &size);
        atomic_store(&counter.calls, 0);
        counter.fail_from = n;
        lince_status st = train(&u, options, &err);
        size_t calls = atomic_load(&counter.calls);
        counter.fail_from = 0;
        failed += st != LINCE_OK;
        in_steps += u.stepped && !u.trained;
        if (st != LINCE_OK && (st != LINCE_ENOMEM || err.code != LINCE_ENOMEM || !err.text[0])) {
            fail_msg("allocation %zu: %s, %s", n, lince_status_name(st), err.text);
        }
        compare(&u, before, size);
        free(before);
        lince_trainer_free(u.trainer);
        lince_model_close(u.model);
        if (atomic_load(&counter.live) != 0) {
            fail_msg("allocation %zu: %zu blocks are lost (%s)", n, atomic_load(&counter.live), err.text);
        }
        if (calls < n) {
            print_message("%zu of %zu failures, %zu of them in the step\n", failed, n - 1, in_steps);
            assert_true(in_steps > 100);
            return failed;
        }
    }
}

static void each_allocation_of_a_step_fails_and_changes_nothing(void **state)
{
    lince_trainer_options options;
    (void)state;
    lince_trainer_options_init(&options, LINCE_ADAM);
    options.clip_global_norm = 1;
    assert_true(fail_each(&options, 1) > 100);
}

static void each_allocation_of_a_step_with_a_head_and_a_hook_fails_and_changes_nothing(void **state)
{
    lince_trainer_options options;
    (void)state;
    lince_trainer_options_init(&options, LINCE_SGD);
    options.momentum = 0.9;
    options.head_classes = 3;
    options.head_dropout = 0.5;
    options.on_gradients = pass_over;
    assert_true(fail_each(&options, SIZE_MAX) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_step_fails_and_changes_nothing),
        cmocka_unit_test(each_allocation_of_a_step_with_a_head_and_a_hook_fails_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
