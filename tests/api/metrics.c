/* Metrics: against values worked out by hand, and against counting in the plainest way. */
#include "support.h"

#include <math.h>

static void assert_near(double got, double wanted)
{
    if (!(fabs(got - wanted) < 1e-12)) {
        fail_msg("%.17g, wanted %.17g", got, wanted);
    }
}

static lince_class_metrics class_of(const lince_metrics *m, int64_t index)
{
    lince_class_metrics info = {.struct_size = sizeof info};
    assert_ok(lince_metrics_class(m, index, &info, err));
    return info;
}

/* Six of class 0, 1 and 2; class 3 has none. Two of class 0 are taken for 1, one of 2 for 3. */
static void shares_are_those_worked_out_by_hand(void **state)
{
    static const float scores[] = {.9f, .1f, 0, 0, .2f, .7f, .1f, 0, .3f, .6f, 0, .1f,
                                   0,   1,   0, 0, 0,   0,   9,   8, 1,   2,   3, 4};
    static const int64_t labels[] = {0, 0, 0, 1, 2, 2};
    static const lince_confusion wanted[] = {{0, 0, 1}, {0, 1, 2}, {1, 1, 1}, {2, 2, 1}, {2, 3, 1}};
    lince_confusion cells[5];
    lince_metrics *m;
    (void)state;
    assert_ok(lince_metrics_new(&m, 4, err));
    assert_true(isnan(lince_metrics_accuracy(m)));
    assert_ok(lince_metrics_add(m, scores, labels, 6, err));
    assert_int_equal(lince_metrics_count(m), 6);
    assert_near(lince_metrics_accuracy(m), 0.5);
    assert_near(lince_metrics_top_k(m, 1), 0.5);
    assert_near(lince_metrics_top_k(m, 2), 1);
    assert_near(lince_metrics_top_k(m, 99), 1);
    assert_near(lince_metrics_top_k(m, 0), 0);
    lince_class_metrics c = class_of(m, 0);
    assert_near(c.precision, 1);
    assert_near(c.recall, 1.0 / 3);
    assert_near(c.f1, 0.5);
    c = class_of(m, 1);
    assert_int_equal(c.predicted, 3);
    assert_near(c.precision, 1.0 / 3);
    assert_near(c.recall, 1);
    c = class_of(m, 3);
    assert_near(c.precision, 0);
    assert_true(isnan(c.recall));
    assert_near(c.f1, 0);
    assert_int_equal(lince_metrics_confusion_count(m), 5);
    assert_refused(lince_metrics_confusions(m, cells, 4, err), LINCE_EINVAL, "room for 4 cells");
    assert_ok(lince_metrics_confusions(m, cells, 5, err));
    assert_memory_equal(cells, wanted, sizeof wanted);
    assert_int_equal(lince_metrics_confusion(m, 0, 1), 2);
    assert_int_equal(lince_metrics_confusion(m, 1, 0), 0);
    assert_int_equal(lince_metrics_confusion(m, -1, 4), 0);
    lince_metrics_clear(m);
    assert_int_equal(lince_metrics_count(m), 0);
    assert_int_equal(lince_metrics_confusion_count(m), 0);
    assert_true(isnan(class_of(m, 0).precision));
    lince_metrics_free(m);
}

/* Equal scores: the smaller index. What is no number is last, also when it is the only score there is. */
static void ties_go_to_the_smaller_index_and_nan_is_last(void **state)
{
    const float scores[] = {1, 1, 1, NAN, 2, NAN, NAN, NAN, NAN, -INFINITY, NAN, -INFINITY};
    const int64_t labels[] = {1, 2, 0, 2};
    lince_metrics *m;
    (void)state;
    assert_ok(lince_metrics_new(&m, 3, err));
    assert_ok(lince_metrics_add(m, scores, labels, 4, err));
    assert_int_equal(lince_metrics_confusion(m, 1, 0), 1);
    assert_int_equal(lince_metrics_confusion(m, 2, 1), 1);
    assert_int_equal(lince_metrics_confusion(m, 0, 0), 1);
    assert_int_equal(lince_metrics_confusion(m, 2, 0), 1);
    assert_near(lince_metrics_top_k(m, 1), 0.25);
    assert_near(lince_metrics_top_k(m, 2), 0.75);
    lince_metrics_free(m);
}

enum { CLASSES = 131, PHOTOS = 20011 };

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Few different scores, so that many are equal. */
static void many_classes_are_counted_as_a_full_matrix_counts_them(void **state)
{
    static float scores[PHOTOS][CLASSES];
    static int64_t labels[PHOTOS], matrix[CLASSES][CLASSES], place[CLASSES];
    uint32_t random = 7;
    lince_metrics *m;
    (void)state;
    for (int i = 0; i < PHOTOS; i++) {
        int best = 0, better = 0;
        labels[i] = next(&random) % CLASSES;
        for (int c = 0; c < CLASSES; c++) {
            scores[i][c] = (float)(next(&random) % 50) + (c == labels[i] ? 20 : 0);
            best = scores[i][c] > scores[i][best] ? c : best;
        }
        for (int c = 0; c < CLASSES; c++) {
            better += scores[i][c] > scores[i][labels[i]] || (scores[i][c] == scores[i][labels[i]] && c < labels[i]);
        }
        matrix[labels[i]][best]++;
        place[better]++;
    }
    assert_ok(lince_metrics_new(&m, CLASSES, err));
    for (int at = 0, batch = 1; at < PHOTOS; at += batch, batch = batch * 3 + 1) {
        batch = batch < PHOTOS - at ? batch : PHOTOS - at;
        assert_ok(lince_metrics_add(m, scores[at], labels + at, (size_t)batch, err));
    }
    size_t cells = 0;
    for (int64_t c = 0, within = 0; c < CLASSES; c++) {
        within += place[c];
        assert_near(lince_metrics_top_k(m, c + 1), (double)within / PHOTOS);
        for (int64_t p = 0; p < CLASSES; p++) {
            assert_int_equal(lince_metrics_confusion(m, c, p), matrix[c][p]);
            cells += matrix[c][p] > 0;
        }
    }
    assert_int_equal(lince_metrics_confusion_count(m), cells);
    lince_metrics_free(m);
}

static void ten_thousand_classes_take_little(void **state)
{
    enum { MANY = 10000 };
    static float scores[MANY];
    lince_metrics *m;
    (void)state;
    assert_ok(lince_metrics_new(&m, MANY, err));
    for (int64_t i = 0; i < MANY; i += 100) {
        int64_t label = MANY - 1 - i;
        scores[i] = 1;
        assert_ok(lince_metrics_add(m, scores, &label, 1, err));
        scores[i] = 0;
        assert_int_equal(lince_metrics_confusion(m, label, i), 1);
    }
    assert_int_equal(lince_metrics_confusion_count(m), 100);
    lince_metrics_free(m);
}

static void what_makes_no_sense_is_refused_and_counts_nothing(void **state)
{
    static const float scores[4];
    static const int64_t below[] = {0, -1}, beyond[] = {1, 2};
    lince_class_metrics info = {.struct_size = 0};
    lince_metrics *m;
    (void)state;
    assert_refused(lince_metrics_new(&m, 0, err), LINCE_EINVAL, "1 to");
    assert_null(m);
    assert_refused(lince_metrics_new(&m, INT64_MAX, err), LINCE_EINVAL, "1 to");
    assert_ok(lince_metrics_new(&m, 2, err));
    assert_refused(lince_metrics_add(m, scores, below, 2, err), LINCE_EINVAL, "label 1 is -1");
    assert_refused(lince_metrics_add(m, scores, beyond, 2, err), LINCE_EINVAL, "0 to 1");
    assert_refused(lince_metrics_add(m, NULL, beyond, 1, err), LINCE_EINVAL, "scores");
    assert_refused(lince_metrics_class(m, 2, &info, err), LINCE_EINVAL, "there are 2");
    assert_refused(lince_metrics_class(m, 1, &info, err), LINCE_EINVAL, "struct_size");
    assert_int_equal(lince_metrics_count(m), 0);
    assert_ok(lince_metrics_add(m, NULL, NULL, 0, err));
    assert_ok(lince_metrics_confusions(m, NULL, 0, err));
    lince_metrics_free(m);
    lince_metrics_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_those_worked_out_by_hand),
        cmocka_unit_test(ties_go_to_the_smaller_index_and_nan_is_last),
        cmocka_unit_test(many_classes_are_counted_as_a_full_matrix_counts_them),
        cmocka_unit_test(ten_thousand_classes_take_little),
        cmocka_unit_test(what_makes_no_sense_is_refused_and_counts_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
