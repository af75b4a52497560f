/* What sessions share: one plan, one set of packed weights for equal calls, kept for those that come later. */
#include "support.h"

#include <pthread.h>

enum { KEPT = 16 }; /* programs that a model keeps for sessions to come */

/* ---- What a first run costs -------------------------------------------------------------------------------------- */

struct cost {
    size_t calls, bytes; /* of the allocator; bytes more in use than before */
};

struct counted {
    struct counter counter;
    lince_model *model;
    lince_tensor images;
};

static size_t used_bytes(const lince_model *model)
{
    lince_model_info info = {.struct_size = sizeof info};
    assert_ok(lince_model_get_info(model, &info, err));
    return info.used_bytes;
}

static struct counted *open_counted(const char *name)
{
    struct counted *c = calloc(1, sizeof *c);
    lince_model_options options;
    count_in(&options, &c->counter);
    c->model = open_with(name, &options);
    c->images = random_images(2, 16, 16, 1);
    return c;
}

static void close_counted(struct counted *c)
{
    free(c->images.data);
    lince_model_close(c->model);
    assert_int_equal(atomic_load(&c->counter.live), 0);
    free(c);
}

/* What the first run of a session takes. */
static struct cost cost_of(struct counted *c, lince_session *session)
{
    size_t calls = atomic_load(&c->counter.calls), bytes = used_bytes(c->model);
    assert_ok(lince_session_run(session, &c->images, 1, NULL, NULL, err));
    return (struct cost){atomic_load(&c->counter.calls) - calls, used_bytes(c->model) - bytes};
}

/* Small images: nearly all that a first run takes is what is shared. */
static void assert_cheap(struct cost cost, struct cost first)
{
    assert_true(cost.calls < first.calls / 4);
    assert_true(cost.bytes < first.bytes / 4);
}

/* Planned anew. Its bytes may have come from a program that went. */
static void assert_as_dear(struct cost cost, struct cost first)
{
    assert_true(cost.calls > first.calls / 2);
}

/* A training call with this momentum; the caller's tensor is gone afterwards. */
static lince_session *open_momentum(const struct counted *c, float momentum)
{
    const lince_tensor tensor = {.dtype = LINCE_FLOAT32, .data = &momentum, .size_bytes = sizeof momentum};
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1},
                                        {.path = "batch_norm_momentum", .kind = LINCE_ARG_TENSOR, .tensor = &tensor}};
    lince_session *session = open_session(c->model, "__call__", arguments, 3);
    momentum = -1;
    return session;
}

/* Open, run once, close. */
static struct cost visit(struct counted *c, float momentum)
{
    lince_session *session = open_momentum(c, momentum);
    struct cost cost = cost_of(c, session);
    lince_session_free(session);
    return cost;
}

/* ---- Equal calls ------------------------------------------------------------------------------------------------- */

static void a_session_and_its_twin_plan_and_pack_once(void **state)
{
    (void)state;
    static const char *const models[] = {"classifier", "mobile", "keras_functional", "convnext", "wrapped_inception"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct counted *c = open_counted(models[m]);
        lince_session *first = open_session(c->model, "__call__", NULL, 0),
                      *twin = open_session(c->model, "__call__", NULL, 0);
        struct cost cost = cost_of(c, first);
        assert_cheap(cost_of(c, twin), cost);
        lince_session_free(first);
        lince_session_free(twin);
        close_counted(c);
    }
}

static void a_session_opened_after_the_last_one_closed_finds_its_plan(void **state)
{
    (void)state;
    struct counted *c = open_counted("classifier");
    lince_session *session = open_session(c->model, "__call__", NULL, 0);
    size_t n, m;
    struct cost first = cost_of(c, session);
    float *before = run_floats(session, &c->images, &n);
    lince_session_free(session);
    size_t kept = used_bytes(c->model);
    for (int i = 0; i < 3; i++) {
        session = open_session(c->model, "__call__", NULL, 0);
        assert_cheap(cost_of(c, session), first);
        float *after = run_floats(session, &c->images, &m);
        assert_memory_equal(before, after, n * sizeof *after);
        free(after);
        lince_session_free(session);
        assert_int_equal(used_bytes(c->model), kept);
    }
    free(before);
    close_counted(c);
}

/* training=False, as the layer says it, is what it is without. */
static void who_says_an_argument_does_not_matter(void **state)
{
    (void)state;
    struct counted *c = open_counted("classifier");
    lince_session_options options;
    lince_session *session = open_training(c->model, false), *layer;
    lince_session_options_init(&options);
    options.layer = 1;
    assert_ok(lince_session_new(&layer, lince_model_call(c->model), NULL, 0, &options, err));
    struct cost first = cost_of(c, session);
    assert_cheap(cost_of(c, layer), first);
    lince_session_free(session);
    lince_session_free(layer);
    close_counted(c);
}

static void a_write_is_seen_by_sessions_that_share_and_by_those_that_come_later(void **state)
{
    (void)state;
    struct counted *c = open_counted("classifier");
    lince_variable_info info = {.struct_size = sizeof info};
    lince_session *sessions[3] = {open_session(c->model, "__call__", NULL, 0),
                                  open_session(c->model, "__call__", NULL, 0)};
    size_t n, head = variable_named(c->model, "stem/gamma:0", &info);
    float *old = run_floats(sessions[0], &c->images, &n), value[6] = {3, 1, 4, 1, 5, 9};
    free(run_floats(sessions[1], &c->images, &n));
    assert_int_equal(info.size_bytes, sizeof value);
    assert_ok(lince_variable_write(c->model, head, value, sizeof value, err));
    sessions[2] = open_session(c->model, "__call__", NULL, 0);
    float *new = run_floats(sessions[1], &c->images, &n);
    assert_memory_not_equal(old, new, n * sizeof *new);
    for (int i = 0; i < 3; i++) {
        float *result = run_floats(sessions[i], &c->images, &n);
        assert_memory_equal(result, new, n * sizeof *new);
        free(result);
        lince_session_free(sessions[i]);
    }
    free(old);
    free(new);
    close_counted(c);
}

/* ---- Other calls ------------------------------------------------------------------------------------------------- */

static void calls_with_other_arguments_or_fetched_nodes_share_nothing(void **state)
{
    (void)state;
    static const char *const nodes[] = {"Relu6"};
    struct counted *c = open_counted("feature_vector");
    lince_session *plain = open_session(c->model, "__call__", NULL, 0), *training = open_training(c->model, true),
                  *fetching = open_session(c->model, "__call__", NULL, 0),
                  *also_fetching = open_session(c->model, "__call__", NULL, 0);
    assert_ok(lince_session_fetch(fetching, nodes, 1, err));
    assert_ok(lince_session_fetch(also_fetching, nodes, 1, err));
    struct cost first = cost_of(c, plain);
    assert_as_dear(cost_of(c, training), first);
    assert_as_dear(cost_of(c, fetching), first);
    assert_as_dear(cost_of(c, also_fetching), first);
    lince_session_free(plain);
    lince_session_free(training);
    lince_session_free(fetching);
    lince_session_free(also_fetching);
    close_counted(c);
}

/* The moving mean after one training call with this momentum, beside a session with another one. */
static float mean_after(float momentum, float other)
{
    struct counted *c = open_counted("feature_vector");
    lince_variable_info info = {.struct_size = sizeof info};
    lince_session *planned = open_momentum(c, other), *session = open_momentum(c, momentum);
    size_t i = variable_named(c->model, "stem/moving_mean:0", &info);
    float old[6], mean[6];
    assert_ok(lince_variable_read(c->model, i, old, sizeof old, err));
    assert_ok(lince_session_run(planned, &c->images, 1, NULL, NULL, err));
    assert_ok(lince_variable_write(c->model, i, old, sizeof old, err));
    assert_ok(lince_session_run(session, &c->images, 1, NULL, NULL, err));
    assert_ok(lince_variable_read(c->model, i, mean, sizeof mean, err));
    lince_session_free(planned);
    lince_session_free(session);
    close_counted(c);
    return mean[0];
}

static void sessions_with_other_tensors_compute_with_their_own(void **state)
{
    (void)state;
    float quarter = mean_after(0.25f, 0.25f), half = mean_after(0.5f, 0.5f);
    assert_true(quarter != half);
    assert_true(mean_after(0.25f, 0.5f) == quarter);
    assert_true(mean_after(0.5f, 0.25f) == half);
}

/* ---- How many are kept ------------------------------------------------------------------------------------------- */

static void of_many_programs_the_ones_used_last_are_kept(void **state)
{
    (void)state;
    struct counted *c = open_counted("feature_vector");
    struct cost first = visit(c, 0);
    for (int i = 1; i < KEPT; i++) {
        assert_as_dear(visit(c, (float)i / 64), first);
    }
    assert_cheap(visit(c, 0), first); /* so 1 / 64 is the oldest */
    size_t full = used_bytes(c->model);
    for (int i = KEPT; i < 3 * KEPT; i++) { /* each takes the place of one */
        assert_as_dear(visit(c, (float)i / 64), first);
        assert_int_equal(used_bytes(c->model), full);
        assert_cheap(visit(c, 0), first);
    }
    assert_cheap(visit(c, (float)(2 * KEPT + 1) / 64), first);
    assert_as_dear(visit(c, (float)(KEPT + 1) / 64), first);
    assert_int_equal(used_bytes(c->model), full);
    close_counted(c);
}

static void a_program_in_use_goes_with_its_session_when_others_took_its_place(void **state)
{
    (void)state;
    struct counted *c = open_counted("feature_vector");
    lince_session *session = open_momentum(c, 0);
    struct cost first = cost_of(c, session);
    for (int i = 1; i <= KEPT; i++) {
        visit(c, (float)i / 64);
    }
    assert_int_equal(cost_of(c, session).calls, 0);
    size_t used = used_bytes(c->model);
    lince_session_free(session);
    assert_true(used - used_bytes(c->model) > first.bytes / 4);
    assert_as_dear(visit(c, 0), first);
    close_counted(c);
}

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

enum { OPENERS = 3 };

struct opening {
    struct counted *c;
    pthread_barrier_t together;
    float out[OPENERS][2 * 5];
    atomic_int next, wrong;
};

static void *open_and_run(void *context)
{
    struct opening *o = context;
    float *out = o->out[atomic_fetch_add(&o->next, 1)];
    lince_session *session;
    pthread_barrier_wait(&o->together);
    lince_status st = lince_session_new(&session, lince_model_call(o->c->model), NULL, 0, NULL, NULL);
    st = st ? st : lince_session_run_images(session, o->c->images.data, 2, 16, 16, out, 10, NULL);
    atomic_fetch_add(&o->wrong, st != LINCE_OK);
    lince_session_free(session);
    return NULL;
}

static void threads_that_open_the_same_call_at_once_end_with_one_program(void **state)
{
    (void)state;
    size_t used = 0;
    for (int round = 0; round < 20; round++) {
        struct opening o = {.c = open_counted("classifier")};
        pthread_t thread[OPENERS];
        pthread_barrier_init(&o.together, NULL, OPENERS);
        for (int i = 0; i < OPENERS; i++) {
            assert_int_equal(pthread_create(&thread[i], NULL, open_and_run, &o), 0);
        }
        for (int i = 0; i < OPENERS; i++) {
            pthread_join(thread[i], NULL);
        }
        assert_int_equal(atomic_load(&o.wrong), 0);
        for (int i = 1; i < OPENERS; i++) {
            assert_memory_equal(o.out[i], o.out[0], sizeof o.out[0]);
        }
        used = used ? used : used_bytes(o.c->model);
        assert_int_equal(used_bytes(o.c->model), used); /* who came first does not show */
        pthread_barrier_destroy(&o.together);
        close_counted(o.c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_and_its_twin_plan_and_pack_once),
        cmocka_unit_test(a_session_opened_after_the_last_one_closed_finds_its_plan),
        cmocka_unit_test(who_says_an_argument_does_not_matter),
        cmocka_unit_test(a_write_is_seen_by_sessions_that_share_and_by_those_that_come_later),
        cmocka_unit_test(calls_with_other_arguments_or_fetched_nodes_share_nothing),
        cmocka_unit_test(sessions_with_other_tensors_compute_with_their_own),
        cmocka_unit_test(of_many_programs_the_ones_used_last_are_kept),
        cmocka_unit_test(a_program_in_use_goes_with_its_session_when_others_took_its_place),
        cmocka_unit_test(threads_that_open_the_same_call_at_once_end_with_one_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
