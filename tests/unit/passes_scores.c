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

/* A body of one input, whose output is `op` of it. */
static struct li_graph *body_of(struct fixture *f, const char *op)
{
    struct li_graph *whole = f->g, *body;
    OK(li_graph_new(&body, f->store, li_ops(), f->mem, &f->err));
    body->env = &f->env;
    f->g = body;
    li_vid y = emit(f, op, input(f, SHAPE(2, 3)), LI_NONE);
    OK(li_graph_set_outputs(body, &y, 1, &f->err));
    f->g = whole;
    OK(li_graph_own_body(f->g, body, &f->err));
    return body;
}

static li_vid branch(struct fixture *f, struct li_graph *one, struct li_graph *other)
{
    bool yes = true;
    li_vid in[] = {constant(f, LINCE_BOOL, (struct li_shape){.rank = 0}, &yes), input(f, SHAPE(2, 3))};
    static const int64_t types[] = {LINCE_FLOAT32};
    const struct li_attr attrs[] = {LI_TYPE("Tcond", LINCE_BOOL),
                                    {.name = "Tin", .kind = LI_ATTR_TYPES, .ints = types, .count = 1},
                                    {.name = "Tout", .kind = LI_ATTR_TYPES, .ints = types, .count = 1},
                                    {.name = "then_branch", .kind = LI_ATTR_FUNC, .s = "a", .s_len = 1},
                                    {.name = "else_branch", .kind = LI_ATTR_FUNC, .s = "b", .s_len = 1}};
    struct li_node *node;
    OK(li_graph_append(f->g, li_ops_find(li_ops(), "If"), "If", in, 2, attrs, 5, &node, &f->err));
    li_vid out = node->out[0];
    OK(li_graph_set_bodies(f->g, f->g->node_count - 1, (struct li_graph *[]){one, other}, 2, &f->err));
    return out;
}

static void both_branches_must_give_the_same(void **state)
{
    struct fixture *f = *state;
    struct li_graph *s = body_of(f, "Sigmoid"), *p = body_of(f, "Softmax"), *t = body_of(f, "Tanh");
    check(f, branch(f, s, s), LI_SCORES_EACH);
    check(f, branch(f, p, p), LI_SCORES_SHARES);
    check(f, branch(f, s, p), LI_SCORES_ANY);
    check(f, branch(f, s, t), LI_SCORES_ANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sigmoid_gives_each_and_a_softmax_shares),
        TEST(moving_numbers_leaves_them_what_they_are),
        TEST(the_best_of_shares_are_shares_and_their_numbers_are_not),
        TEST(both_branches_must_give_the_same),
        TEST(pieces_must_all_be_probabilities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
