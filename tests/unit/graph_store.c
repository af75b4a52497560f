/* Resources: loading once, owning, versions, generators, and many threads at a time. */
#include "graph_support.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static float mapped[3] = {1, 2, 3};

static lince_status load_mapped(struct li_resource *r, void *context, lince_error *err)
{
    (void)err;
    (*(int *)context)++;
    r->value = (struct li_tensor){LINCE_FLOAT32, {1, {3}}, mapped, sizeof mapped};
    return LINCE_OK;
}

static lince_status load_badly(struct li_resource *r, void *context, lince_error *err)
{
    (*(int *)context)++;
    return li_fail(err, LINCE_ECORRUPT, "\"%s\" is broken", r->name);
}

static struct li_resource *add_loaded(struct fixture *f,
                                      lince_status (*load)(struct li_resource *, void *, lince_error *), int *loads)
{
    int32_t id;
    OK(li_store_add(f->store, LI_VARIABLE, "v", LINCE_FLOAT32, SHAPE(3), &id, &f->err));
    li_store_get(f->store, id)->load = load;
    li_store_get(f->store, id)->load_context = loads;
    return li_store_get(f->store, id);
}

static void a_value_is_loaded_once_and_owned_when_asked(void **state)
{
    struct fixture *f = *state;
    int loads = 0;
    const struct li_resource *r = add_loaded(f, load_mapped, &loads);

    OK(li_store_ready(f->store, 0, &f->err));
    OK(li_store_ready(f->store, 0, &f->err));
    assert_int_equal(loads, 1);
    assert_ptr_equal(r->value.data, mapped);
    assert_null(r->owned);
    OK(li_store_own(f->store, 0, &f->err));
    assert_ptr_equal(r->value.data, r->owned);
    assert_memory_equal(r->owned, mapped, sizeof mapped);
    assert_int_equal(r->version, 1); /* the value is the same */
    void *before = r->owned;
    OK(li_store_own(f->store, 0, &f->err));
    assert_ptr_equal(r->owned, before);
}

static void writing_raises_the_version_and_leaves_the_file_alone(void **state)
{
    struct fixture *f = *state;
    int loads = 0;
    float value[3] = {7, 8, 9}, read[3];
    const struct li_resource *r = add_loaded(f, load_mapped, &loads);

    OK(li_store_write(f->store, 0, value, sizeof value, &f->err));
    OK(li_store_read(f->store, 0, read, sizeof read, &f->err));
    assert_memory_equal(read, value, sizeof read);
    assert_int_equal(r->version, 2);
    assert_true(mapped[0] == 1);
    assert_int_equal(li_store_write(f->store, 0, value, 8, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "variable \"v\" takes 12 bytes, found 8");
    assert_int_equal(li_store_read(f->store, 1, read, sizeof read, &f->err), LINCE_EINVAL);
    assert_int_equal(li_store_read(f->store, -1, read, sizeof read, &f->err), LINCE_EINVAL);
    assert_int_equal(r->version, 2);
}

static void a_value_that_cannot_be_loaded_is_an_error_each_time(void **state)
{
    struct fixture *f = *state;
    int loads = 0;
    float read[3];
    int32_t id;

    add_loaded(f, load_badly, &loads);
    assert_int_equal(li_store_ready(f->store, 0, &f->err), LINCE_ECORRUPT);
    assert_int_equal(li_store_read(f->store, 0, read, sizeof read, &f->err), LINCE_ECORRUPT);
    assert_int_equal(loads, 2);
    OK(li_store_add(f->store, LI_VARIABLE, "empty", LINCE_FLOAT32, SHAPE(3), &id, &f->err));
    assert_int_equal(li_store_read(f->store, id, read, sizeof read, &f->err), LINCE_EINVAL);
    assert_string_equal(f->err.text, "variable \"empty\" has no value");
    OK(li_store_write(f->store, id, mapped, sizeof mapped, &f->err));
    OK(li_store_read(f->store, id, read, sizeof read, &f->err));
    assert_memory_equal(read, mapped, sizeof read);
}

static void read_state(struct fixture *f, int32_t id, uint64_t out[4])
{
    OK(li_store_read(f->store, id, out, 4 * sizeof *out, &f->err));
}

static void generators_are_seeded_as_in_tensorflow(void **state)
{
    struct fixture *f = *state;
    uint64_t s[4];
    int32_t a, b;

    OK(li_store_generator(f->store, "f/random", 0x123456789a, -2, &a, &f->err));
    read_state(f, a, s);
    assert_true(s[0] == 0 && s[1] == (uint64_t)-2 && s[2] == 0x123456789a && s[3] == 0);
    OK(li_store_generator(f->store, "f/random", 5, 5, &b, &f->err));
    assert_int_equal(a, b); /* the op's generator goes on */
    OK(li_store_generator(f->store, "f/random_1", 0, 7, &b, &f->err));
    read_state(f, b, s);
    assert_true(a != b && s[0] == 0 && s[1] == 7 && s[2] == 0);
}

static void unseeded_generators_follow_the_stores_seed_and_the_key(void **state)
{
    struct fixture *f = *state;
    struct li_store *other;
    uint64_t a[4], b[4], c[4];
    int32_t id;

    OK(li_store_new(&other, f->mem, &f->err));
    f->store->seed = other->seed = 42;
    OK(li_store_generator(f->store, "a", 0, 0, &id, &f->err));
    read_state(f, id, a);
    OK(li_store_generator(f->store, "b", 0, 0, &id, &f->err));
    read_state(f, id, b);
    OK(li_store_generator(other, "a", 0, 0, &id, &f->err));
    OK(li_store_read(other, id, c, sizeof c, &f->err));
    assert_memory_equal(a, c, sizeof a);
    assert_true(a[2] != b[2]);
    li_store_release(other);
}

static void hundreds_of_generators_are_found_again(void **state)
{
    struct fixture *f = *state;
    int32_t first[300], again;
    char key[16];

    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "g%d", i % 300);
        OK(li_store_generator(f->store, key, i + 1, 0, &again, &f->err));
        if (i < 300) {
            first[i] = again;
        }
        assert_int_equal(again, first[i % 300]);
    }
    assert_int_equal(f->store->count, 300);
}

/* ---- Threads ---- */

enum { THREADS = 4, ROUNDS = 500, WIDE = 64 };

struct shared {
    struct li_store *store;
    atomic_int torn, started;
};

/* Even threads write a value of one number repeated and add resources; odd ones read and look for a mixture. */
static void *work(void *context)
{
    struct shared *shared = context;
    int self = atomic_fetch_add(&shared->started, 1);
    float value[WIDE];
    char key[16];
    int32_t id;

    for (int i = 0; i < ROUNDS; i++) {
        if (self % 2 == 0) {
            for (int k = 0; k < WIDE; k++) {
                value[k] = (float)(self * ROUNDS + i);
            }
            atomic_fetch_add(&shared->torn, li_store_write(shared->store, 0, value, sizeof value, NULL) != LINCE_OK);
            snprintf(key, sizeof key, "g%d", i);
            atomic_fetch_add(&shared->torn, li_store_generator(shared->store, key, 0, 0, &id, NULL) != LINCE_OK);
        } else {
            atomic_fetch_add(&shared->torn, li_store_read(shared->store, 0, value, sizeof value, NULL) != LINCE_OK);
            atomic_fetch_add(&shared->torn, value[0] != value[WIDE - 1]);
            id = shared->store->count - 1;
            atomic_fetch_add(&shared->torn, li_store_get(shared->store, id)->name == NULL);
            atomic_fetch_add(&shared->torn, li_store_own(shared->store, 0, NULL) != LINCE_OK);
        }
    }
    return NULL;
}

static void threads_never_see_half_a_write(void **state)
{
    struct fixture *f = *state;
    struct shared shared = {.store = f->store};
    pthread_t threads[THREADS];

    variable(f, "v", WIDE);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, work, &shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(shared.torn, 0);
    assert_int_equal(f->store->count, 1 + ROUNDS);
    assert_int_equal(li_store_get(f->store, 0)->version, 2 + THREADS / 2 * ROUNDS);
}

static void *load_it(void *context)
{
    float value[3];
    return li_store_read(context, 0, value, sizeof value, NULL) ? context : NULL;
}

static void threads_that_need_a_value_at_once_load_it_once(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[THREADS];
    int loads = 0;

    add_loaded(f, load_mapped, &loads);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, load_it, f->store), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed = f;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(loads, 1);
}

/* ---- Fork ---- */

enum { LARGE = 1 << 18, CHILD_SECONDS = 20 };

static void add_large(struct fixture *f)
{
    int32_t id;
    float *zeros = calloc(LARGE, sizeof *zeros);
    OK(li_store_add(f->store, LI_VARIABLE, "large", LINCE_FLOAT32, SHAPE(LARGE), &id, &f->err));
    OK(li_store_write(f->store, id, zeros, LARGE * sizeof *zeros, &f->err));
    free(zeros);
}

/* In a child: the value is one number repeated, and the next one can be written. */
static int check_in_child(struct li_store *store, float *value)
{
    alarm(CHILD_SECONDS);
    if (li_store_read(store, 0, value, LARGE * sizeof *value, NULL)) {
        return 1;
    }
    for (int i = 1; i < LARGE; i++) {
        if (memcmp(&value[i], &value[0], sizeof value[0]) != 0) {
            return 2;
        }
    }
    return li_store_write(store, 0, value, LARGE * sizeof *value, NULL) == LINCE_OK ? 0 : 3;
}

static void fork_and_check(struct li_store *store, float *value)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        _exit(check_in_child(store, value));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

struct writer {
    struct li_store *store;
    atomic_bool stop;
    atomic_int failed;
};

static void *write_large_values(void *context)
{
    struct writer *w = context;
    float *value = malloc(LARGE * sizeof *value);
    for (int round = 0; !atomic_load(&w->stop); round++) {
        for (int i = 0; i < LARGE; i++) {
            value[i] = (float)round;
        }
        atomic_fetch_add(&w->failed, li_store_write(w->store, 0, value, LARGE * sizeof *value, NULL) != LINCE_OK);
    }
    free(value);
    return NULL;
}

static void a_forked_child_finds_no_half_of_a_write(void **state)
{
    struct fixture *f = *state;
    struct writer w = {.store = f->store};
    float *value = malloc(LARGE * sizeof *value);
    pthread_t thread;

    add_large(f);
    assert_int_equal(pthread_create(&thread, NULL, write_large_values, &w), 0);
    for (int i = 0; i < 50; i++) {
        fork_and_check(f->store, value);
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(atomic_load(&w.failed), 0);
    free(value);
}

/* What a run that will commit holds, for as long as it takes. */
struct run {
    struct li_store *store;
    pthread_barrier_t held, done;
};

static void *hold_as_a_run_does(void *context)
{
    struct run *run = context;
    pthread_mutex_lock(&run->store->update);
    pthread_rwlock_rdlock(&run->store->lock);
    pthread_barrier_wait(&run->held);
    pthread_barrier_wait(&run->done);
    pthread_rwlock_unlock(&run->store->lock);
    pthread_mutex_unlock(&run->store->update);
    return NULL;
}

static void a_fork_waits_for_no_run_and_its_child_for_none_either(void **state)
{
    struct fixture *f = *state;
    struct run run = {.store = f->store};
    float *value = malloc(LARGE * sizeof *value);
    pthread_t thread;

    add_large(f);
    pthread_barrier_init(&run.held, NULL, 2);
    pthread_barrier_init(&run.done, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, hold_as_a_run_does, &run), 0);
    pthread_barrier_wait(&run.held);
    alarm(CHILD_SECONDS);
    fork_and_check(f->store, value);
    alarm(0);
    pthread_barrier_wait(&run.done);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&run.held);
    pthread_barrier_destroy(&run.done);
    free(value);
}

static void a_graph_keeps_its_store_alive(void **state)
{
    struct fixture *f = *state;

    int32_t v = variable(f, "v", 3);
    set_outputs(f, node(f, &op_read, "r", handle(f, v), LI_NONE), LI_NONE);
    li_store_release(f->store);
    struct li_graph *g = infer(f, NULL, NULL);
    li_graph_free(f->g);
    f->g = g;
    f->store = g->store;
    assert_string_equal(li_store_get(g->store, v)->name, "v");
    li_store_retain(f->store);
}

/* ---- The caller's memory ---- */

static void a_bound_value_is_the_callers_and_each_version_of_it_another(void **state)
{
    struct fixture *f = *state;
    int loads = 0;
    float memory[3] = {7, 8, 9}, other[3] = {1, 1, 1}, back[3];
    struct li_resource *r = add_loaded(f, load_mapped, &loads);
    OK(li_store_bind(f->store, 0, memory, sizeof memory, 5, &f->err));
    assert_ptr_equal(r->value.data, memory);
    uint64_t version = r->version;
    OK(li_store_bind(f->store, 0, memory, sizeof memory, 5, &f->err));
    assert_true(r->version == version);
    OK(li_store_bind(f->store, 0, memory, sizeof memory, 6, &f->err));
    assert_true(r->version == version + 1);
    OK(li_store_bind(f->store, 0, other, sizeof other, 6, &f->err));
    assert_true(r->version == version + 2 && r->value.data == other);
    OK(li_store_own(f->store, 0, &f->err)); /* a run that writes has memory to write to */
    assert_ptr_equal(r->owned, other);
    OK(li_store_write(f->store, 0, mapped, sizeof mapped, &f->err));
    assert_memory_equal(other, mapped, sizeof other);
    OK(li_store_unbind(f->store, 0, &f->err));
    other[0] = 99;
    OK(li_store_read(f->store, 0, back, sizeof back, &f->err));
    assert_memory_equal(back, mapped, sizeof back);
    OK(li_store_unbind(f->store, 0, &f->err));
}

static void memory_of_before_serves_again_and_is_freed_once(void **state)
{
    struct fixture *f = *state;
    int loads = 0;
    float memory[3] = {7, 8, 9};
    struct li_resource *r = add_loaded(f, load_mapped, &loads);
    OK(li_store_own(f->store, 0, &f->err));
    void *own = r->owned;
    OK(li_store_bind(f->store, 0, memory, sizeof memory, 1, &f->err));
    OK(li_store_unbind(f->store, 0, &f->err));
    assert_ptr_equal(r->owned, own);
    assert_memory_equal(own, memory, sizeof memory);
    OK(li_store_bind(f->store, 0, memory, sizeof memory, 1, &f->err)); /* and so it stays */
    assert_int_equal(li_store_bind(f->store, 0, memory, 8, 1, &f->err), LINCE_EINVAL);
    assert_int_equal(li_store_bind(f->store, 1, memory, sizeof memory, 1, &f->err), LINCE_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bound_value_is_the_callers_and_each_version_of_it_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_of_before_serves_again_and_is_freed_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_is_loaded_once_and_owned_when_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writing_raises_the_version_and_leaves_the_file_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_that_cannot_be_loaded_is_an_error_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(generators_are_seeded_as_in_tensorflow, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unseeded_generators_follow_the_stores_seed_and_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hundreds_of_generators_are_found_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_never_see_half_a_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads_that_need_a_value_at_once_load_it_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forked_child_finds_no_half_of_a_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fork_waits_for_no_run_and_its_child_for_none_either, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_graph_keeps_its_store_alive, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
