/* Saving that fails, is killed, or goes on beside runs: what was there before is there still, or a whole new model. */
#include "saving.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- What fails ---- */

/* The save fails; the model that is there has not changed, and nothing else is there. */
static void assert_untouched(lince_status st, const lince_error *err, lince_status wanted)
{
    if (st != wanted) {
        fail_msg("%s, wanted %s: %s", lince_status_name(st), lince_status_name(wanted), err->text);
    }
    shell("diff -r %s/there %s.before", root, root);
    assert_int_equal(entries(root), 1);
}

/* Files may not pass a size: the first write that does ends short, the next fails, as on a full disk. */
static void a_full_disk_changes_nothing(void **state)
{
    (void)state;
    static const rlim_t limits[] = {0, 1, 100, 511, 1000, 2000, 3500, 10000, 30000};
    lince_model *model = open_model("classifier", 1);
    lince_error err = {.text = ""};
    struct rlimit before;
    int failures = 0;
    copy_golden("assets_table", "there");
    shell("cp -r %s/there %s.before", root, root);
    change_variables(model);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit low = {limits[i], before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
        lince_status st = save(model, in_root("there"), 1, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        if (st == LINCE_OK) {
            break;
        }
        failures++;
        assert_untouched(st, &err, LINCE_EIO);
        assert_non_null(strstr(err.text, "cannot be written: File too large"));
    }
    assert_true(failures > 6);
    shell("rm -r %s.before", root);
    lince_model_close(model);
}

/* In a child that is nobody, as root may do everything. */
static void a_folder_that_may_not_be_written_changes_nothing(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    int status;
    copy_golden("mixer", "there");
    shell("cp -r %s/there %s.before && chmod 555 %s", root, root, root);
    pid_t child = fork();
    if (child == 0) {
        lince_error err;
        bool ok = getuid() != 0 || setuid(65534) == 0;
        ok = ok && save(model, in_root("there"), 1, &err) == LINCE_EIO && strstr(err.text, "Permission denied");
        ok = ok && save(model, in_root("new"), 0, &err) == LINCE_EIO && strstr(err.text, "Permission denied");
        _exit(!ok);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_untouched(LINCE_EIO, NULL, LINCE_EIO);
    shell("rm -r %s.before", root);
    lince_model_close(model);
}

/* A checkpoint that was damaged after the opening is not copied as if it were good. */
static void a_damaged_checkpoint_is_not_saved(void **state)
{
    (void)state;
    copy_golden("classifier", "model");
    copy_golden("mixer", "there");
    shell("cp -r %s/there %s.before", root, root);
    lince_model *model = open_with(in_root("model"), NULL);
    shell("printf xyz | dd of=%s/model/variables/variables.data-00000-of-00001 bs=1 seek=200 conv=notrunc 2>/dev/null",
          root);
    lince_error err;
    lince_status st = save(model, in_root("there"), 1, &err);
    shell("rm -r %s/model", root);
    assert_untouched(st, &err, LINCE_ECORRUPT);
    shell("rm -r %s.before", root);
    lince_model_close(model);
}

/* ---- Killed ---- */

enum { KILLS = SANITIZED ? 10 : 40 };

static void save_for_ever(lince_model *model, atomic_int *saves)
{
    for (;; atomic_fetch_add(saves, 1)) {
        change_variables(model);
        if (save(model, in_root("there"), 1, NULL) != LINCE_OK) {
            _exit(1);
        }
    }
}

static bool same_variables(lince_model *a, lince_model *b)
{
    size_t n, m;
    unsigned char *x = numbers_of(a, &n), *y = numbers_of(b, &m);
    bool same = n == m && memcmp(x, y, n) == 0;
    free(x);
    free(y);
    return same;
}

/* kill -9 at any moment leaves a whole model, with the one values or the other. */
static void who_is_killed_leaves_a_whole_model(void **state)
{
    (void)state;
    lince_model *even = open_model("ckpt_many", 1), *odd = open_model("ckpt_many", 1);
    int seen[2] = {0};
    atomic_int *saves = mmap(NULL, sizeof *saves, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(saves != MAP_FAILED);
    change_variables(odd);
    copy_golden("ckpt_many", "there");
    for (int i = 0; i < KILLS; i++) {
        int status;
        atomic_store(saves, 0);
        pid_t child = fork();
        if (child == 0) {
            save_for_ever(i % 2 ? odd : even, saves);
        }
        while (atomic_load(saves) == 0 && waitpid(child, &status, WNOHANG) == 0) {
            usleep(100);
        }
        usleep((useconds_t)(1777 * i % 60000)); /* somewhere in the second save, or a later one */
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        size_t failed;
        lince_model *there = open_with(in_root("there"), NULL);
        assert_ok(lince_model_verify(there, &failed, err));
        bool is_odd = same_variables(there, odd);
        assert_true(is_odd || same_variables(there, even));
        seen[is_odd]++;
        lince_model_close(there);
    }
    assert_true(seen[0] && seen[1]);
    munmap(saves, sizeof *saves);
    lince_model_close(even);
    lince_model_close(odd);
}

/* ---- While runs go on ---- */

enum { SAVES = 8, RUNS_BESIDE = 20, RUNS = SAVES * RUNS_BESIDE };

struct beside {
    lince_session *session;
    lince_tensor images;
    atomic_int allowed; /* runs; RUNS_BESIDE more while each save is at work */
};

static void *train(void *context)
{
    struct beside *b = context;
    for (int i = 0; i < RUNS;) {
        if (i == atomic_load(&b->allowed)) {
            usleep(100);
        } else if (lince_session_run(b->session, &b->images, 1, NULL, NULL, NULL) == LINCE_OK) {
            i++;
        } else {
            return b;
        }
    }
    return NULL;
}

/* A run commits several variables at once: what is saved meanwhile is what some number of runs leaves, no mixture. */
static void values_are_those_of_one_moment(void **state)
{
    (void)state;
    struct beside b = {.images = random_images(2, 16, 16, 8)};
    unsigned char *after[RUNS + 1];
    size_t size = 0;
    lince_model *model = open_model("classifier", 1);
    b.session = open_training(model, true);
    after[0] = numbers_of(model, &size);
    for (int i = 1; i <= RUNS; i++) {
        assert_ok(lince_session_run(b.session, &b.images, 1, NULL, NULL, err));
        after[i] = numbers_of(model, &size);
    }
    lince_session_free(b.session);
    lince_model_close(model);

    pthread_t thread;
    void *failed;
    model = open_model("classifier", 1);
    b.session = open_training(model, true);
    assert_int_equal(pthread_create(&thread, NULL, train, &b), 0);
    for (int k = 1; k <= SAVES; k++) {
        size_t n;
        atomic_store(&b.allowed, k * RUNS_BESIDE);
        assert_ok(save(model, in_root("there"), 1, err));
        lince_model *saved = open_with(in_root("there"), NULL);
        unsigned char *found = numbers_of(saved, &n);
        int i = 0;
        assert_int_equal(n, size);
        while (i <= RUNS && memcmp(found, after[i], size) != 0) {
            i++;
        }
        assert_true(i <= RUNS);
        free(found);
        lince_model_close(saved);
    }
    pthread_join(thread, &failed);
    assert_null(failed);
    assert_int_equal(entries(root), 1);
    for (int i = 0; i <= RUNS; i++) {
        free(after[i]);
    }
    free(b.images.data);
    lince_session_free(b.session);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(a_full_disk_changes_nothing),       WITH_ROOT(a_folder_that_may_not_be_written_changes_nothing),
        WITH_ROOT(a_damaged_checkpoint_is_not_saved), WITH_ROOT(who_is_killed_leaves_a_whole_model),
        WITH_ROOT(values_are_those_of_one_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
