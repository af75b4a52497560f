/* The 1st, 2nd, 3rd ... allocation of what a layer does fails: an error each time; nothing is changed, nothing lost. */
#include "layer_support.h"

enum { BATCH = 2, SIDE = 16 };

struct use {
    const char *model;
    bool recompute;
    lince_tensor images;
};

/* Everything once, until the first error. */
static lince_status use_layer(const struct use *u, lince_model *model, struct gradients *g, lince_error *err)
{
    lince_layer_options options;
    lince_forward_options how;
    lince_layer *layer = NULL;
    lince_pass *pass[2] = {NULL, NULL};
    lince_layer_options_init(&options);
    options.recompute = u->recompute;
    lince_forward_options_init(&how);
    how.training = 1;
    how.has_seed = 1;
    lince_status st = lince_layer_new(&layer, lince_model_call(model), NULL, 0, &options, err);
    for (int i = 0; !st && i < 2; i++) {
        st = lince_layer_forward(layer, &u->images, 1, &how, &pass[i], err);
        assert_true((st == LINCE_OK) == (pass[i] != NULL));
    }
    for (int i = 0; !st && i < 2; i++) {
        lince_tensor up = upstream_of(pass[i], 2);
        st = lince_pass_backward(pass[i], &up, 1, 1, g->list, g->count, err);
        free(up.data);
    }
    assert_int_equal(lince_layer_live(layer), (pass[0] != NULL) + (pass[1] != NULL));
    lince_pass_free(pass[0]);
    lince_pass_free(pass[1]);
    lince_layer_free(layer);
    return st;
}

static struct gradients rooms(const struct use *u)
{
    lince_model *model = open_model(u->model, 1);
    lince_layer *layer = new_layer(model, NULL);
    struct gradients g = room_for(model, layer, NULL);
    lince_layer_free(layer);
    lince_model_close(model);
    return g;
}

static size_t fail_each(const struct use *u, size_t fail_for)
{
    struct counter counter = {.fail_for = fail_for};
    lince_model_options options;
    struct gradients g = rooms(u);
    size_t failed = 0;
    count_in(&options, &counter);
    for (size_t n = 1;; n++) {
        lince_error err = {.code = LINCE_OK};
        lince_model *model = open_with(u->model, &options);
        atomic_store(&counter.calls, 0);
        counter.fail_from = n;
        lince_status st = use_layer(u, model, &g, &err);
        bool done = atomic_load(&counter.calls) < n;
        counter.fail_from = 0;
        if (st && (st != LINCE_ENOMEM || err.code != LINCE_ENOMEM || !err.text[0])) {
            fail_msg("%s, allocation %zu: %s, %s", u->model, n, lince_status_name(st), err.text);
        }
        failed += st != LINCE_OK;
        lince_model_close(model);
        if (atomic_load(&counter.live) != 0) {
            fail_msg("%s, allocation %zu: %zu blocks are lost", u->model, n, atomic_load(&counter.live));
        }
        if (done) {
            assert_int_equal(st, LINCE_OK);
            free_room(&g);
            return failed;
        }
    }
}

static void each_allocation_of_a_layer_fails_cleanly(void **state)
{
    (void)state;
    struct use u = {.model = "classifier", .images = random_images(BATCH, SIDE, SIDE, 1)};
    assert_true(fail_each(&u, SIZE_MAX) > 100);
    u.recompute = true;
    assert_true(fail_each(&u, 1) > 100);
    u.model = "mobile"; /* with custom gradients that it saved */
    assert_true(fail_each(&u, 1) > 100);
    free(u.images.data);
}

/* A forward or a backward that fails leaves all variables, and the memory for gradients, as they were. */
static void a_step_that_fails_changes_nothing(void **state)
{
    (void)state;
    struct counter counter = {.fail_for = 1};
    lince_model_options options;
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    size_t failed = 0, size, bytes;
    count_in(&options, &counter);
    for (size_t n = 1; n == 1 || failed == n - 1; n++) {
        lince_model *model = open_with("classifier", &options);
        lince_layer *layer = new_layer(model, NULL);
        struct gradients g = room_for(model, layer, NULL);
        lince_forward_options how;
        lince_pass *pass = NULL;
        lince_error err;
        unsigned char *before = read_all(model, &size), *untouched = calloc(1, g.size_bytes);
        lince_forward_options_init(&how);
        how.training = 1;
        atomic_store(&counter.calls, 0);
        counter.fail_from = n;
        lince_status st = lince_layer_forward(layer, &images, 1, &how, &pass, &err);
        counter.fail_from = 0;
        if (st) {
            unsigned char *after = read_all(model, &bytes);
            assert_int_equal(st, LINCE_ENOMEM);
            assert_memory_equal(before, after, size);
            free(after);
            pass = forward(layer, &images, true, NULL); /* which then does */
        } else {                                        /* so it is the backward's turn */
            lince_tensor up = upstream_of(pass, 2);
            atomic_store(&counter.calls, 0);
            counter.fail_from = 1;
            assert_int_equal(lince_pass_backward(pass, &up, 1, 1, g.list, g.count, &err), LINCE_ENOMEM);
            counter.fail_from = 0;
            assert_memory_equal(g.bytes, untouched, g.size_bytes);
            backward(pass, &up, 1, &g);
            free(up.data);
        }
        failed += st != LINCE_OK;
        free(before);
        free(untouched);
        free_room(&g);
        lince_pass_free(pass);
        lince_layer_free(layer);
        lince_model_close(model);
    }
    assert_true(failed > 50);
    free(images.data);
}

/* Binding takes nothing; unbinding a variable that had no memory of its own does. */
static void a_variable_stays_bound_when_there_is_no_memory_to_unbind_it(void **state)
{
    (void)state;
    struct counter counter = {.fail_for = 1};
    lince_model_options options;
    lince_variable_info info = {.struct_size = sizeof info};
    lince_error failure;
    float memory[5], back[5];
    count_in(&options, &counter);
    lince_model *model = open_with("classifier", &options);
    size_t head = variable_named(model, "head/bias:0", &info);
    assert_ok(lince_variable_read(model, head, memory, sizeof memory, err));
    assert_ok(lince_variable_bind(model, head, memory, sizeof memory, 1, err));
    memory[0] = 42;
    atomic_store(&counter.calls, 0);
    counter.fail_from = 1;
    assert_int_equal(lince_variable_unbind(model, head, &failure), LINCE_ENOMEM);
    counter.fail_from = 0;
    memory[0] = 43;
    assert_ok(lince_variable_read(model, head, back, sizeof back, err));
    assert_true(back[0] == 43);
    assert_ok(lince_variable_unbind(model, head, err));
    memory[0] = 44;
    assert_ok(lince_variable_read(model, head, back, sizeof back, err));
    assert_true(back[0] == 43);
    lince_model_close(model);
    assert_int_equal(atomic_load(&counter.live), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_a_layer_fails_cleanly),
        cmocka_unit_test(a_step_that_fails_changes_nothing),
        cmocka_unit_test(a_variable_stays_bound_when_there_is_no_memory_to_unbind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
