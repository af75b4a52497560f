/* The 1st, 2nd, 3rd ... allocation of counting and of writing events fails: an error each time, and nothing half. */
#include "test.h"

#include "train/train.h"

#include <unistd.h>

/* Linked with --wrap: what the room takes comes through here. */
void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t size);

static size_t left; /* allocations until one fails; 0: none does */

static bool fails(void)
{
    return left && --left == 0;
}

void *__wrap_malloc(size_t bytes)
{
    return fails() ? NULL : __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

enum { CLASSES = 60, BATCH = 40, BATCHES = 20 };

/* Batches of cells that were not there before, so that the table grows. */
static lince_status count_all(struct lince_metrics **out, lince_error *err)
{
    static float scores[BATCH][CLASSES];
    int64_t labels[BATCH];
    LI_TRY(li_metrics_new(out, CLASSES, err));
    for (int b = 0; b < BATCHES; b++) {
        memset(scores, 0, sizeof scores);
        for (int i = 0; i < BATCH; i++) {
            labels[i] = i;
            scores[i][(i + b) % CLASSES] = 1;
        }
        int64_t before = li_metrics_count(*out);
        lince_status st = li_metrics_add(*out, scores[0], labels, BATCH, err);
        if (st) {
            assert_int_equal(li_metrics_count(*out), before);
            return st;
        }
    }
    return LINCE_OK;
}

static void counting_fails_whole(void **state)
{
    lince_status st = LINCE_ENOMEM;
    size_t n = 0;
    (void)state;
    while (st) {
        struct lince_metrics *m = NULL;
        lince_error err = {.code = LINCE_OK};
        left = ++n;
        st = count_all(&m, &err);
        left = 0;
        assert_int_equal(st, err.code);
        assert_true(st == LINCE_OK || st == LINCE_ENOMEM);
        if (m) { /* what was counted is still there */
            size_t cells = li_metrics_cells(m);
            assert_int_equal(cells, li_metrics_count(m));
            assert_int_equal(li_metrics_confusion(m, 3, 3), cells > 0);
        }
        li_metrics_free(m);
    }
    assert_true(n > 6);
}

static void an_event_file_is_opened_or_not(void **state)
{
    char path[] = "/tmp/lince-tfevents-XXXXXX";
    lince_status st = LINCE_ENOMEM;
    size_t n = 0;
    (void)state;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (int turn = 0; turn < 2; turn++, st = LINCE_ENOMEM) { /* a new file, then one that is there */
        for (n = 0; st;) {
            struct lince_events *e = NULL;
            lince_error err = {.code = LINCE_OK};
            left = ++n;
            st = li_events_open(&e, path, 0, &err);
            st = st ? st : li_events_scalar(e, "loss", 0, 1, 0, &err);
            left = 0;
            assert_int_equal(st, err.code);
            assert_true(st == LINCE_OK || st == LINCE_ENOMEM);
            assert_true((e == NULL) == (st != LINCE_OK));
            li_events_close(e);
        }
        assert_true(n > 3);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_fails_whole),
        cmocka_unit_test(an_event_file_is_opened_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
