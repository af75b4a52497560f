/* scores: which numbers are known to be probabilities, and that others are not. */
#include "passes_support.h"

static void check(struct fixture *f, li_vid value, enum li_scores wanted)
{
    assert_int_equal(li_passes_scores(f->g, value), wanted);
}

static void a_sigmoid_gives_each_and_a_softmax_shares(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 3));
    check(f, x, LI_SCORES_ANY);
    check(f, number(f, 0.5f), LI_SCORES_ANY);
    check(f, emit(f, "Sigmoid", x, LI_NONE), LI_SCORES_EACH);
    check(f, emit(f, "Softmax", x, LI_NONE), LI_SCORES_SHARES);
    check(f, emit(f, "Tanh", x, LI_NONE), LI_SCORES_ANY);
}

static void moving_numbers_leaves_them_what_they_are(void **state)
{
    struct fixture *f = *state;
    const int32_t shape[] = {3, 2}, turned[] = {1, 0};
    li_vid s = emit(f, "Sigmoid", input(f, SHAPE(2, 3)), LI_NONE);
    li_vid to = constant(f, LINCE_INT32, SHAPE(2), shape);
    li_vid moved = emit(f, "Identity", emit(f, "Reshape", emit(f, "Identity", s, LI_NONE), to), LI_NONE);
    check(f, moved, LI_SCORES_EACH);
    check(f, emit(f, "Transpose", moved, constant(f, LINCE_INT32, SHAPE(2), turned)), LI_SCORES_EACH);
    check(f, emit(f, "Mul", s, s), LI_SCORES_ANY);
}

static void the_best_of_shares_are_shares_and_their_numbers_are_not(void **state)
{
    struct fixture *f = *state;
    li_vid s = emit(f, "Softmax", input(f, SHAPE(2, 3)), LI_NONE), out[2];
    emit_all(f, "TopKV2", (li_vid[]){s, axis(f, 2)}, 2, NULL, 0, out, 2);
    check(f, out[0], LI_SCORES_SHARES);
    check(f, out[1], LI_SCORES_ANY);
}

static void pieces_must_all_be_probabilities(void **state)
{
    struct fixture *f = *state;
    li_vid x = input(f, SHAPE(2, 3)), s = emit(f, "Sigmoid", x, LI_NONE), p = emit(f, "Softmax", x, LI_NONE), joined;
    emit_all(f, "ConcatV2", (li_vid[]){s, s, axis(f, 1)}, 3, NULL, 0, &joined, 1);
    check(f, joined, LI_SCORES_EACH);
    emit_all(f, "ConcatV2", (li_vid[]){s, x, axis(f, 1)}, 3, NULL, 0, &joined, 1);
    check(f, joined, LI_SCORES_ANY);
    emit_all(f, "Pack", (li_vid[]){p, p}, 2, NULL, 0, &joined, 1);
    check(f, joined, LI_SCORES_EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sigmoid_gives_each_and_a_softmax_shares),
        TEST(moving_numbers_leaves_them_what_they_are),
        TEST(the_best_of_shares_are_shares_and_their_numbers_are_not),
        TEST(pieces_must_all_be_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
