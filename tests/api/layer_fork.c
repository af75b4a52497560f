/* Fork while threads go forward and backward: a child does the same, and writes and reads variables. */
#include "layer_support.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FORKS = SANITIZED ? 40 : 200, BUSY = 2, CHILD_SECONDS = SANITIZED ? 60 : 20, BATCH = 2 };
enum { FEATURES = 6 }; /* of stem/gamma */

struct parent {
    lince_model *model;
    lince_layer *layer;
    lince_pass *pass; /* of before the fork: its backward is the child's */
    size_t variable;
    lince_tensor images, upstream;
    struct gradients room;
    atomic_bool stop;
    atomic_int wrong, runs;
};

static bool step(const struct parent *p, const struct gradients *g)
{
    lince_forward_options options;
    lince_pass *pass = NULL;
    lince_forward_options_init(&options);
    options.training = 1;
    bool ok = lince_layer_forward(p->layer, &p->images, 1, &options, &pass, NULL) == LINCE_OK &&
              lince_pass_backward(pass, &p->upstream, 1, 1, g->list, g->count, NULL) == LINCE_OK;
    lince_pass_free(pass);
    return ok;
}

static void *keep_busy(void *context)
{
    struct parent *p = context;
    struct gradients g = room_for(p->model, p->layer, NULL);
    while (!atomic_load(&p->stop)) {
        atomic_fetch_add(&p->wrong, !step(p, &g));
        atomic_fetch_add(&p->runs, 1);
    }
    free_room(&g);
    return NULL;
}

/* Each step is a bit of the exit status. */
static int live_as_child(struct parent *p)
{
    float value[FEATURES] = {1, 2, 3, 4, 5, 6}, back[FEATURES];
    lince_error err = {.text = ""};
    alarm(CHILD_SECONDS);
    int failed = !step(p, &p->room);
    failed |= (lince_pass_backward(p->pass, &p->upstream, 1, 1, p->room.list, p->room.count, NULL) != LINCE_OK) << 1;
    failed |= (lince_variable_write(p->model, p->variable, value, sizeof value, NULL) != LINCE_OK ||
               lince_variable_read(p->model, p->variable, back, sizeof back, NULL) != LINCE_OK ||
               memcmp(value, back, sizeof value) != 0)
              << 2;
    failed |= (lince_pass_backward(p->pass, &p->upstream, 1, 1, p->room.list, p->room.count, &err) != LINCE_EINVAL ||
               !strstr(err.text, "stem/gamma"))
              << 3;
    failed |= !step(p, &p->room) << 4;
    lince_pass_free(p->pass);
    return failed;
}

static void children_of_a_busy_process_train_with_its_layer(void **state)
{
    (void)state;
    struct parent p = {.model = open_model("classifier", 2), .images = random_images(BATCH, 16, 16, 6)};
    lince_variable_info info = {.struct_size = sizeof info};
    pthread_t threads[BUSY];
    p.layer = new_layer(p.model, NULL);
    p.variable = variable_named(p.model, "stem/gamma:0", &info);
    p.pass = forward(p.layer, &p.images, true, NULL);
    p.upstream = upstream_of(p.pass, 2);
    p.room = room_for(p.model, p.layer, NULL);
    for (int i = 0; i < BUSY; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, keep_busy, &p), 0);
    }
    for (int round = 0; round < FORKS; round++) {
        int status = -1, before = atomic_load(&p.runs);
        pid_t child = fork();
        if (child == 0) {
            _exit(live_as_child(&p));
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            fail_msg("child %d %s %d", round, WIFEXITED(status) ? "failed, steps" : "was ended by signal",
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
        }
        while (atomic_load(&p.runs) < before + 1) {
            usleep(100); /* the parent's threads go on too */
        }
    }
    atomic_store(&p.stop, true);
    for (int i = 0; i < BUSY; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&p.wrong), 0);
    lince_pass_free(p.pass);
    free(p.images.data);
    free(p.upstream.data);
    free_room(&p.room);
    lince_layer_free(p.layer);
    lince_model_close(p.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_of_a_busy_process_train_with_its_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
