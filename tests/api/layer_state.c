/* Layers and the model's state: what a forward commits, random numbers, and variables that others write or own. */
#include "layer_support.h"

#include <pthread.h>

enum { BATCH = 4, SIDE = 16 };

static lince_layer *layer_with(lince_model *model, bool give_updates)
{
    lince_layer_options options;
    lince_layer_options_init(&options);
    options.give_updates = give_updates;
    return new_layer(model, &options);
}

/* ---- What a forward assigns ---- */

static void a_forward_commits_once_what_a_training_call_does(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2), *other = open_model("classifier", 2);
    lince_layer *layer = layer_with(model, false);
    lince_session *session = open_training(other, true);
    struct gradients g = room_for(model, layer, NULL);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    size_t n, m;
    lince_pass *pass = forward(layer, &images, true, NULL);
    free(run_floats(session, &images, &n));
    unsigned char *wanted = read_all(other, &n), *found = read_all(model, &m);
    assert_int_equal(n, m);
    assert_memory_equal(found, wanted, n);
    free(found);
    lince_tensor up = upstream_of(pass, 2);
    backward(pass, &up, 1, &g);
    backward(pass, &up, 1, &g);
    lince_pass_free(pass);
    found = read_all(model, &m);
    assert_memory_equal(found, wanted, n); /* a backward commits nothing */
    free(found);
    free(wanted);
    free(up.data);
    free(images.data);
    free_room(&g);
    lince_session_free(session);
    lince_layer_free(layer);
    lince_model_close(other);
    lince_model_close(model);
}

static void updates_given_out_are_those_that_others_commit(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2), *other = open_model("classifier", 2);
    lince_layer *keeps = layer_with(model, true), *commits = layer_with(other, false);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    size_t n, m, count;
    unsigned char *before = read_all(model, &n);
    lince_pass *pass = forward(keeps, &images, true, NULL), *committed = forward(commits, &images, true, NULL);
    const lince_update *updates;
    lince_pass_updates(pass, &updates, &count);
    assert_int_equal(count, 8); /* two for each of four batch norms */
    for (size_t i = 0; i < count; i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(other, (size_t)updates[i].variable, &info, err));
        assert_non_null(strstr(info.name, "moving_"));
        assert_int_equal(updates[i].value.size_bytes, info.size_bytes);
        void *now = malloc(info.size_bytes);
        assert_ok(lince_variable_read(other, (size_t)updates[i].variable, now, info.size_bytes, err));
        assert_memory_equal(now, updates[i].value.data, info.size_bytes);
        free(now);
    }
    unsigned char *after = read_all(model, &m);
    assert_memory_equal(before, after, n);
    lince_pass_free(pass);
    lince_pass_free(committed);
    free(before);
    free(after);
    free(images.data);
    lince_layer_free(keeps);
    lince_layer_free(commits);
    lince_model_close(other);
    lince_model_close(model);
}

/* ---- Random numbers ---- */

static lince_layer *dropout_layer(lince_model *model)
{
    static float half = 0.5f;
    static const lince_tensor rate = {.dtype = LINCE_FLOAT32, .data = &half, .size_bytes = sizeof half};
    lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                  {.path = "rate", .kind = LINCE_ARG_TENSOR, .tensor = &rate}};
    lince_layer *layer = NULL;
    assert_ok(lince_layer_new(&layer, lince_model_call(model), arguments, 2, NULL, err));
    memset(arguments, 0, sizeof arguments); /* they were copied */
    return layer;
}

/* The dropped features, or features of a session that goes on with the model's stream. */
static unsigned char *result_of(lince_layer *layer, const lince_tensor *images, const uint64_t *seed, size_t *size)
{
    const lince_output *outputs;
    size_t count;
    lince_pass *pass = forward(layer, images, true, seed);
    lince_pass_outputs(pass, &outputs, &count);
    *size = outputs[1].tensor.size_bytes;
    assert_string_equal(outputs[1].path, "mask");
    unsigned char *copy = memcpy(malloc(*size), outputs[1].tensor.data, *size);
    lince_pass_free(pass);
    return copy;
}

static void a_forward_with_a_seed_repeats_and_leaves_the_streams_alone(void **state)
{
    (void)state;
    lince_model *model = open_model("dropout", 2), *other = open_model("dropout", 1);
    lince_layer *layer = dropout_layer(model), *plain = dropout_layer(other);
    lince_tensor images = random_images(2, 8, 8, 1);
    const uint64_t five = 5, six = 6;
    size_t n;
    unsigned char *seeded = result_of(layer, &images, &five, &n), *again = result_of(layer, &images, &five, &n);
    unsigned char *another = result_of(layer, &images, &six, &n), *elsewhere = result_of(plain, &images, &five, &n);
    assert_memory_equal(seeded, again, n);
    assert_memory_equal(seeded, elsewhere, n);
    assert_memory_not_equal(seeded, another, n);
    unsigned char *first = result_of(layer, &images, NULL, &n), *second = result_of(layer, &images, NULL, &n);
    unsigned char *one = result_of(plain, &images, NULL, &n);
    free(again);
    again = result_of(plain, &images, &six, &n);
    unsigned char *two = result_of(plain, &images, NULL, &n);
    assert_memory_equal(first, one, n); /* as if no forward with a seed had been */
    assert_memory_equal(second, two, n);
    assert_memory_not_equal(first, second, n);
    unsigned char *all[] = {seeded, again, another, elsewhere, first, second, one, two};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        free(all[i]);
    }
    free(images.data);
    lince_layer_free(layer);
    lince_layer_free(plain);
    lince_model_close(model);
    lince_model_close(other);
}

/* ---- Variables that are written ---- */

static void a_backward_refuses_to_mix_old_and_new_values(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_layer *layer = layer_with(model, false);
    struct gradients g = room_for(model, layer, NULL), before = room_for(model, layer, NULL);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    lince_variable_info info = {.struct_size = sizeof info};
    float kernel[12 * 5];
    size_t head = variable_named(model, "head/kernel:0", &info);
    assert_int_equal(info.size_bytes, sizeof kernel);
    lince_pass *pass = forward(layer, &images, true, NULL);
    lince_tensor up = upstream_of(pass, 2);
    backward(pass, &up, 1, &before);
    memcpy(g.bytes, before.bytes, g.size_bytes);
    assert_ok(lince_variable_read(model, head, kernel, sizeof kernel, err));
    kernel[0] += 1;
    assert_ok(lince_variable_write(model, head, kernel, sizeof kernel, err));
    assert_refused(lince_pass_backward(pass, &up, 1, 1, g.list, g.count, err), LINCE_EINVAL,
                   "\"head/kernel\" was written since");
    assert_memory_equal(g.bytes, before.bytes, g.size_bytes);
    lince_pass_free(pass);
    pass = forward(layer, &images, true, NULL);
    backward(pass, &up, 1, &g);
    assert_memory_not_equal(g.bytes, before.bytes, g.size_bytes);
    lince_pass_free(pass);
    free(up.data);
    free(images.data);
    free_room(&g);
    free_room(&before);
    lince_layer_free(layer);
    lince_model_close(model);
}

/* ---- Variables of the caller ---- */

struct bound {
    size_t count, size_bytes;
    unsigned char *memory;
    uint64_t version;
};

/* All variables of the model, in one block of the host's. */
static void bind_all(lince_model *model, struct bound *b)
{
    size_t at = 0;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(model, i, &info, err));
        at = (at + 7) / 8 * 8;
        assert_ok(lince_variable_bind(model, i, b->memory + at, info.size_bytes, b->version, err));
        at += info.size_bytes;
    }
    assert_true(at <= b->size_bytes);
}

static void fill_all(lince_model *model, struct bound *b)
{
    b->size_bytes = 1 << 16;
    b->memory = calloc(1, b->size_bytes);
    size_t at = 0;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(model, i, &info, err));
        at = (at + 7) / 8 * 8;
        assert_ok(lince_variable_read(model, i, b->memory + at, info.size_bytes, err));
        at += info.size_bytes;
    }
}

static void bound_variables_give_the_same_bits_and_take_what_is_committed(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2), *other = open_model("classifier", 2);
    lince_layer *layer = layer_with(model, false), *plain = layer_with(other, false);
    struct gradients a = room_for(model, layer, NULL), b = room_for(other, plain, NULL);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    struct bound host = {.version = 1};
    size_t n, m;
    fill_all(model, &host);
    unsigned char *start = memcpy(malloc(host.size_bytes), host.memory, host.size_bytes);
    bind_all(model, &host);
    for (int step = 0; step < 3; step++) {
        lince_pass *x = forward(layer, &images, true, NULL), *y = forward(plain, &images, true, NULL);
        lince_tensor up = upstream_of(x, 2);
        backward(x, &up, 1, &a);
        backward(y, &up, 1, &b);
        assert_memory_equal(a.bytes, b.bytes, a.size_bytes);
        lince_pass_free(x);
        lince_pass_free(y);
        free(up.data);
    }
    assert_memory_not_equal(start, host.memory, host.size_bytes); /* statistics went there */
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_unbind(model, i, err));
        assert_ok(lince_variable_unbind(model, i, err));
    }
    memset(host.memory, 0xff, host.size_bytes); /* nobody reads it any more */
    unsigned char *found = read_all(model, &n), *wanted = read_all(other, &m);
    assert_memory_equal(found, wanted, n);
    free(found);
    free(wanted);
    free(start);
    free(host.memory);
    free(images.data);
    free_room(&a);
    free_room(&b);
    lince_layer_free(layer);
    lince_layer_free(plain);
    lince_model_close(other);
    lince_model_close(model);
}

/* Packed weights of a run in inference follow the version, and only that. */
static void another_version_makes_prepared_results_anew(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, SIDE, SIDE, 1);
    lince_variable_info info = {.struct_size = sizeof info};
    float bias[5], first[5];
    size_t n, head = variable_named(model, "head/bias:0", &info);
    assert_ok(lince_variable_read(model, head, bias, sizeof bias, err));
    assert_ok(lince_variable_bind(model, head, bias, sizeof bias, 7, err));
    uint64_t version = 0;
    for (int turn = 0; turn < 3; turn++) {
        float *result = run_floats(session, &images, &n);
        assert_int_equal(n, 5);
        if (turn == 0) {
            memcpy(first, result, sizeof first);
        }
        assert_true(turn < 2 ? result[2] == first[2] : result[2] > first[2] + 0.9f);
        free(result);
        assert_ok(lince_variable_info_at(model, head, &info, err));
        assert_true(turn == 1 ? info.version == version : info.version > version || turn == 2);
        version = info.version;
        bias[2] += turn == 1 ? 1.0f : 0.0f;
        assert_ok(lince_variable_bind(model, head, bias, sizeof bias, turn == 0 ? 7 : 8, err));
    }
    assert_refused(lince_variable_bind(model, head, bias, sizeof bias - 4, 9, err), LINCE_EINVAL, "takes 20 bytes");
    assert_refused(lince_variable_bind(model, head, (char *)bias + 1, sizeof bias, 9, err), LINCE_EINVAL,
                   "multiple of 4");
    assert_refused(lince_variable_bind(model, head, NULL, sizeof bias, 9, err), LINCE_EINVAL, "NULL");
    bias[0] = 100;
    assert_ok(lince_variable_write(model, head, first, sizeof first, err)); /* goes to the host's memory */
    assert_memory_equal(bias, first, sizeof first);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model); /* while it is bound */
}

/* ---- Threads ---- */

static void any_number_of_threads_computes_the_same_bits(void **state)
{
    (void)state;
    static const char *const models[] = {"classifier", "mobile", "bit", "vit", "keras_functional"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct gradients one = {.bytes = NULL};
        for (int threads = 1; threads <= 3; threads++) {
            lince_model *model = open_model(models[m], threads);
            lince_layer_options options;
            lince_layer_options_init(&options);
            options.input_gradients = 1;
            lince_layer *layer = new_layer(model, &options);
            lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
            struct gradients g = room_for(model, layer, &images);
            const uint64_t seed = 1;
            lince_pass *pass = forward(layer, &images, true, &seed);
            lince_tensor up = upstream_of(pass, 2);
            backward(pass, &up, 1, &g);
            lince_pass_free(pass);
            if (threads == 1) {
                one = g;
            } else {
                assert_memory_equal(one.bytes, g.bytes, g.size_bytes);
                free_room(&g);
            }
            free(up.data);
            free(images.data);
            lince_layer_free(layer);
            lince_model_close(model);
        }
        free_room(&one);
    }
}

enum { THREADS = 3, ROUNDS = SANITIZED ? 10 : 40 };

struct worker {
    lince_model *model;
    lince_layer *layer;
    const lince_tensor *images, *upstream;
    struct gradients wanted, found;
    atomic_int *wrong;
};

/* Two passes at a time, whose backwards come in the other order. */
static void *work(void *context)
{
    struct worker *w = context;
    for (int round = 0; round < ROUNDS; round++) {
        lince_pass *first = NULL, *second = NULL;
        bool ok = lince_layer_forward(w->layer, w->images, 1, NULL, &first, NULL) == LINCE_OK &&
                  lince_layer_forward(w->layer, w->images, 1, NULL, &second, NULL) == LINCE_OK;
        lince_pass *passes[] = {second, first};
        for (int i = 0; ok && i < 2; i++) {
            ok = lince_pass_backward(passes[i], w->upstream, 1, 1, w->found.list, w->found.count, NULL) == LINCE_OK &&
                 memcmp(w->found.bytes, w->wanted.bytes, w->found.size_bytes) == 0;
        }
        lince_pass_free(first);
        lince_pass_free(second);
        atomic_fetch_add(w->wrong, !ok);
    }
    return NULL;
}

static void passes_of_several_threads_do_not_meet(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_layer *layer = layer_with(model, true);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    struct gradients wanted = room_for(model, layer, NULL);
    lince_pass *pass = forward(layer, &images, false, NULL);
    lince_tensor up = upstream_of(pass, 2);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    atomic_int wrong = 0;
    backward(pass, &up, 1, &wanted);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){model, layer, &images, &up, wanted, room_for(model, layer, NULL), &wrong};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) { /* others train meanwhile, whose statistics are given out */
        lince_pass *training = forward(layer, &images, true, NULL);
        lince_pass_free(training);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        free_room(&workers[i].found);
    }
    assert_int_equal(atomic_load(&wrong), 0);
    assert_int_equal(lince_layer_live(layer), 1);
    lince_pass_free(pass);
    free(up.data);
    free(images.data);
    free_room(&wanted);
    lince_layer_free(layer);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forward_commits_once_what_a_training_call_does),
        cmocka_unit_test(updates_given_out_are_those_that_others_commit),
        cmocka_unit_test(a_forward_with_a_seed_repeats_and_leaves_the_streams_alone),
        cmocka_unit_test(a_backward_refuses_to_mix_old_and_new_values),
        cmocka_unit_test(bound_variables_give_the_same_bits_and_take_what_is_committed),
        cmocka_unit_test(another_version_makes_prepared_results_anew),
        cmocka_unit_test(any_number_of_threads_computes_the_same_bits),
        cmocka_unit_test(passes_of_several_threads_do_not_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
