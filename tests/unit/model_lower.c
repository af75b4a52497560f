/* Switch, Merge and their kin: which conditions and loops they become, and which make no sense. */
#include "model_import.h"

/* x through one of two ops. */
#define COND(n, p, x, a, b)                                                                                            \
    n "/s Switch | " x " " p " ", n "/t " a " | " n "/s:output_true:0 ", n "/f " b " | " n "/s:output_false:0 ",       \
        n "/m Merge | " n "/f:y:0 " n "/t:y:0 "

static const struct li_graph *body_of(const struct li_graph *g, int32_t node, int body)
{
    assert_true(node < g->node_count && body < g->nodes[node].bodies);
    return g->nodes[node].body[body];
}

static void is_body(const struct li_graph *g, int32_t node, int body, const char *text)
{
    is_text((struct li_graph *)body_of(g, node, body), text);
}

/* ---- Conditions ---- */

static void a_merge_of_two_branches_is_an_if(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "c/m:output:0", LINES(COND("c", "p", "x", "Neg", "Exp")));
    imports(&l);
    is_text(l.graph, "c/m = If(%0:bool[], %1:float32[]) -> %2:noneunknown\n");
    is_body(l.graph, 0, 0, "c/m/then_branch/c/t = Neg(%0:float32unknown) -> %1:noneunknown\n");
    is_body(l.graph, 0, 1, "c/m/else_branch/c/f = Exp(%0:float32unknown) -> %1:noneunknown\n");
    end(&l);
}

/* The predicate may reach each Switch by another Identity. */
static void merges_of_one_predicate_are_one_if(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "sum:z:0",
             LINES("id Identity | p | T=t:10", COND("c", "id:output:0", "x", "Neg", "Exp"), "s2 Switch | x p",
                   "m2 Merge | s2:output_false:0 c/t:y:0", "sum Add | c/m:output:0 m2:output:0"));
    imports(&l);
    is_text(l.graph, "c/m = If(%0:bool[], %1:float32[]) -> %2:noneunknown, %3:noneunknown\n"
                     "sum = Add(%2:noneunknown, %3:noneunknown) -> %4:noneunknown\n");
    end(&l);
}

/*
 * With control dependencies TensorFlow has a Switch of the predicate by itself wait, for constants of a branch, and the
 * Identity that all other Switches read.
 */
static void a_condition_waits_for_what_its_predicate_waits_for(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "sum:z:0",
             LINES("a Assert | p x | T=y:1", "c/Switch Switch | p p ^a | T=t:10",
                   "c/switch_t Identity | c/Switch:output_true:0 | T=t:10", "c/pred Identity | p ^a | T=t:10",
                   "one Const | ^c/switch_t | dtype=t:1 value=v:1::1", COND("c", "c/pred:output:0", "x", "Neg", "Exp"),
                   "d/s Switch | x c/pred:output:0", "d/t Add | d/s:output_true:0 one:output:0",
                   "d/m Merge | d/s:output_false:0 d/t:z:0", "sum Add | c/m:output:0 d/m:output:0"));
    imports(&l);
    is_text(l.graph, "a = Assert(%0:bool[], %1:float32[])\n"
                     "c/m = If(%0:bool[], %0:bool[], %1:float32[]) -> %2:noneunknown, %3:noneunknown\n"
                     "sum = Add(%2:noneunknown, %3:noneunknown) -> %4:noneunknown\n");
    end(&l);
}

/* The second on the same predicate waits for what the first gave. */
static void two_conditions_of_which_one_waits_are_two(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "d/m:output:0",
             LINES(COND("c", "p", "x", "Neg", "Exp"), "a Assert | p c/m:output:0 | T=y:1",
                   "d/pred Identity | p ^a | T=t:10", COND("d", "d/pred:output:0", "x", "Neg", "Exp")));
    imports(&l);
    is_text(l.graph, "c/m = If(%0:bool[], %1:float32[]) -> %2:noneunknown\n"
                     "a = Assert(%0:bool[], %2:noneunknown)\n"
                     "d/m = If(%0:bool[], %1:float32[]) -> %3:noneunknown\n");
    end(&l);
}

static void a_condition_in_a_branch_is_a_node_of_its_body(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "m:output:0",
             LINES("s Switch | x p", "sp Switch | p p | T=t:10", "q Identity | sp:output_true:0 | T=t:10",
                   COND("c", "q:output:0", "s:output_true:0", "Neg", "Exp"), "f Relu | s:output_false:0",
                   "m Merge | f:activations:0 c/m:output:0"));
    imports(&l);
    is_text(l.graph, "m = If(%0:bool[], %0:bool[], %1:float32[]) -> %2:noneunknown\n");
    is_body(l.graph, 0, 0, "m/then_branch/c/m = If(%0:boolunknown, %1:float32unknown) -> %2:noneunknown\n");
    is_body(l.graph, 0, 1, "m/else_branch/f = Relu(%1:float32unknown) -> %2:noneunknown\n");
    end(&l);
}

/* An order after what is outside is the whole condition's; one after it waits for the condition. */
static void orders_cross_the_border_of_a_condition(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "r:y:0",
             LINES("before Assert | p x | T=y:1", "s Switch | x p", "t Neg | s:output_true:0 ^before",
                   "f Exp | s:output_false:0", "m Merge | f:y:0 t:y:0", "after Assert | p x ^m | T=y:1",
                   "r Neg | x ^after"));
    imports(&l);
    is_text(l.graph, "before = Assert(%0:bool[], %1:float32[])\n"
                     "m = If(%0:bool[], %1:float32[]) -> %2:noneunknown\n"
                     "after = Assert(%0:bool[], %1:float32[])\n"
                     "r = Neg(%1:float32[]) -> %3:noneunknown\n");
    assert_true(l.graph->nodes[1].required);
    end(&l);
}

/* ---- Loops ---- */

/* x is the variable, and what it must stay below; a last part is named body. */
#define LOOP(...)                                                                                                      \
    LINES("e Enter | x | T=t:1 frame_name=s:w", "m Merge | e:output:0 n:output:0",                                     \
          "k Enter | x | T=t:1 frame_name=s:w is_constant=b:1", "less Less | m:output:0 k:output:0",                   \
          "c LoopCond | less:z:0", "s Switch | m:output:0 c:output:0", __VA_ARGS__, "n NextIteration | body:z:0",      \
          "o Exit | s:output_false:0")

static void a_frame_is_a_while(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "o:output:0", LOOP("body Add | s:output_true:0 k:output:0"));
    imports(&l);
    is_text(l.graph, "w = While(%1:float32[], %1:float32[]) -> %2:noneunknown, %3:noneunknown\n");
    is_body(l.graph, 0, 0, "w/cond/less = Less(%0:float32unknown, %1:float32unknown) -> %2:noneunknown\n");
    is_body(l.graph, 0, 1, "w/body/body = Add(%0:float32unknown, %1:float32unknown) -> %2:noneunknown\n");
    end(&l);
}

static void a_loop_may_have_many_variables(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "o2:output:0",
             LOOP("e2 Enter | x | T=t:1 frame_name=s:w", "m2 Merge | n2:output:0 e2:output:0",
                  "s2 Switch | m2:output:0 c:output:0", "body Add | s:output_true:0 s2:output_true:0",
                  "n2 NextIteration | s:output_true:0", "o2 Exit | s2:output_false:0"));
    imports(&l);
    const struct li_graph *turn = body_of(l.graph, 0, 1);
    assert_int_equal(turn->input_count, 3);
    assert_int_equal(turn->output_count, 3);
    assert_int_equal(l.graph->outputs[0], l.graph->nodes[0].out[1]);
    assert_int_equal(turn->outputs[1], turn->inputs[0]);
    assert_int_equal(turn->outputs[2], turn->inputs[2]);
    end(&l);
}

static void a_condition_in_a_loop_is_in_its_turn(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "o:output:0",
             LOOP("kp Enter | p | T=t:10 frame_name=s:w is_constant=b:1",
                  COND("d", "kp:output:0", "s:output_true:0", "Neg", "Exp"),
                  "body Add | s:output_true:0 d/m:output:0"));
    imports(&l);
    is_body(l.graph, 0, 1,
            "w/body/d/m = If(%2:boolunknown, %0:float32unknown) -> %3:noneunknown\n"
            "w/body/body = Add(%0:float32unknown, %3:noneunknown) -> %4:noneunknown\n");
    end(&l);
}

static void a_loop_in_a_branch_is_a_node_of_its_body(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "mm:output:0",
             LINES("sx Switch | x p", "e Enter | sx:output_true:0 | T=t:1 frame_name=s:w",
                   "m Merge | e:output:0 n:output:0", "less Less | m:output:0 m:output:0", "c LoopCond | less:z:0",
                   "s Switch | m:output:0 c:output:0", "n NextIteration | s:output_true:0", "o Exit | s:output_false:0",
                   "mm Merge | sx:output_false:0 o:output:0"));
    imports(&l);
    is_text(l.graph, "mm = If(%0:bool[], %1:float32[]) -> %2:noneunknown\n");
    is_body(l.graph, 0, 0, "mm/then_branch/w = While(%0:float32unknown) -> %1:noneunknown\n");
    is_body(l.graph, 0, 1, "");
    end(&l);
}

/* ---- What makes no sense ---- */

static void what_is_no_condition_and_no_loop_is_refused(void **state)
{
    static const struct {
        const char *lines[10], *result, *words;
    } cases[] = {
        {{"s Switch | x p"}, "s:output_true:0", "only"},
        {{"s Switch | x p", "m Merge | s:output_true:0 s:output_true:0"}, "m:output:0", "node \"m\" (Merge): does not"},
        {{"s Switch | x p", "m Merge | x s:output_true:0"}, "m:output:0", "node \"m\" (Merge): does not"},
        {{"m Merge | x x"}, "m:output:0", "node \"m\" (Merge): does not"},
        {{"s Switch | x p", "m Merge | s:output_false:0 s:output_true:0"},
         "m:value_index:0",
         "node \"m\" (Merge): is read"},
        {{"s Switch | x p", "a Add | s:output_false:0 s:output_true:0"},
         "a:z:0",
         "node \"a\" (Add): reads what is there"},
        {{"s Switch | x p", "a Neg | x ^t", "t Neg | s:output_true:0", "m Merge | s:output_false:0 t:y:0",
          "z Add | a:y:0 m:output:0"},
         "m:output:0",
         NULL},
        {{"e Enter | x | frame_name=s:w"}, "e:output:0", "node \"e\" (Enter): is read"},
        {{"o Exit | x"}, "o:output:0", "node \"o\" (Exit): does not leave"},
        {{"c LoopCond | p"}, "c:output:0", "node \"c\" (LoopCond): stands in no loop"},
        {{"n NextIteration | x"}, "n:output:0", NULL},
        {{"e Enter | x | frame_name=s:w", "m Merge | e:output:0 n:output:0", "n NextIteration | m:output:0"},
         "m:output:0",
         "its loop has no condition"},
        {{"m Merge | n:output:0 n:output:0", "n NextIteration | x"},
         "m:output:0",
         "node \"m\" (Merge): is no variable"},
        {{"m Merge | x n:output:0", "n NextIteration | x"}, "m:output:0", "node \"m\" (Merge): is no variable"},
        {{"e Enter | x | frame_name=s:w", "m Merge | e:output:0 n:output:0", "l Less | m:output:0 m:output:0",
          "c LoopCond | l:z:0", "c2 LoopCond | l:z:0", "s Switch | m:output:0 c:output:0",
          "a Neg | s:output_true:0 ^c2", "n NextIteration | a:y:0", "o Exit | s:output_false:0"},
         "o:output:0",
         "is the second condition"},
        {{"e Enter | x | frame_name=s:w", "m Merge | e:output:0 n:output:0", "l Less | m:output:0 m:output:0",
          "c LoopCond | l:z:0", "s Switch | x c:output:0", "n NextIteration | s:output_true:0",
          "o Exit | s:output_false:0"},
         "o:output:0",
         "node \"s\" (Switch): is no variable"},
        {{"a Neg | b:y:0", "b Neg | a:y:0", "s Switch | a:y:0 p", "m Merge | s:output_false:0 s:output_true:0"},
         "m:output:0",
         "depends on itself"},
        {{"m Merge | x x x"}, "m:output:0", "(Merge)"},
    };
    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct lab l;
        trace_of(&l, cases[i].result, cases[i].lines);
        if (!cases[i].words) {
            imports(&l);
            end(&l);
            continue;
        }
        lince_status st = import(&l);
        if ((st != LINCE_EUNSUPPORTED && st != LINCE_EINVAL) || !strstr(l.err.text, cases[i].words)) {
            fail_msg("%zu: \"%s\" does not say \"%s\"", i, st ? l.err.text : "", cases[i].words);
        }
        end(&l);
    }
}

/* Each condition in a branch of the one before it. */
static void conditions_deeper_than_the_limit_are_refused(void **state)
{
    struct lab l;
    char name[16], in[64] = "x p";
    (void)state;
    begin(&l);
    argument(&l.forge, "p:10:");
    argument(&l.forge, "x:1:");
    for (int i = 0; i <= LI_MAX_CALL_DEPTH; i++) {
        snprintf(name, sizeof name, "s%d", i);
        node(&l.forge, name, "Switch", in, "T=t:1");
        snprintf(in, sizeof in, "s%d:output_true:0 p", i);
    }
    snprintf(in, sizeof in, "s%d:output_false:0 s%d:output_true:0", LI_MAX_CALL_DEPTH, LI_MAX_CALL_DEPTH);
    node(&l.forge, "m", "Merge", in, "T=t:1");
    result(&l.forge, "r", "m:output:0");
    function(&l.forge, "f");
    is_refused(&l, LINCE_ELIMIT, "or deeper than 64");
}

/* n conditions, each of a predicate of its own, on the same value; their results added up. */
static void many_conditions(struct lab *l, int n)
{
    char name[32], in[128], sum[32] = "x";
    argument(&l->forge, "p:10:");
    argument(&l->forge, "x:1:");
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "q%d", i);
        node(&l->forge, name, "LogicalNot", "p", "");
        snprintf(name, sizeof name, "s%d", i);
        snprintf(in, sizeof in, "x q%d:y:0", i);
        node(&l->forge, name, "Switch", in, "T=t:1");
        snprintf(name, sizeof name, "m%d", i);
        snprintf(in, sizeof in, "s%d:output_false:0 s%d:output_true:0", i, i);
        node(&l->forge, name, "Merge", in, "T=t:1");
        snprintf(name, sizeof name, "a%d", i);
        snprintf(in, sizeof in, "%s m%d:output:0", sum, i);
        node(&l->forge, name, "Add", in, "T=t:1");
        snprintf(sum, sizeof sum, "a%d:z:0", i);
    }
    result(&l->forge, "r", sum);
    function(&l->forge, "f");
}

static void many_conditions_take_no_time_squared(void **state)
{
    enum { MANY = 2000 };
    struct lab l;
    struct timespec from, to;
    (void)state;
    begin(&l);
    many_conditions(&l, MANY);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    imports(&l);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    assert_true(to.tv_sec - from.tv_sec < 3);
    assert_int_equal(l.graph->node_count, 3 * MANY);
    end(&l);
}

static void more_conditions_than_the_limit_are_refused(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    many_conditions(&l, LI_MAX_CONSTRUCTS + 1);
    is_refused(&l, LINCE_ELIMIT, "more than 4096 conditions and loops");
}

/* Invariants of invariants, predicates behind Identities: what only hands on is followed in one step. */
static void long_chains_take_no_time_squared(void **state)
{
    enum { LONG = 20000 };
    struct lab l;
    struct timespec from, to;
    char name[32], in[64] = "x", test[64] = "p";
    (void)state;
    begin(&l);
    argument(&l.forge, "p:10:");
    argument(&l.forge, "x:1:");
    for (int i = 0; i < LONG; i++) {
        snprintf(name, sizeof name, "e%d", i);
        node(&l.forge, name, "Enter", in, "T=t:1 frame_name=s:w is_constant=b:1");
        snprintf(in, sizeof in, "e%d:output:0", i);
        snprintf(name, sizeof name, "i%d", i);
        node(&l.forge, name, "Identity", test, "T=t:10");
        snprintf(test, sizeof test, "i%d:output:0", i);
    }
    strcat(strcat(in, " "), test);
    node(&l.forge, "s", "Switch", in, "T=t:1");
    node(&l.forge, "m", "Merge", "s:output_false:0 s:output_true:0", "T=t:1");
    result(&l.forge, "r", "m:output:0");
    function(&l.forge, "f");
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
    imports(&l);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
    assert_true(to.tv_sec - from.tv_sec < 3);
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merge_of_two_branches_is_an_if),
        cmocka_unit_test(merges_of_one_predicate_are_one_if),
        cmocka_unit_test(a_condition_waits_for_what_its_predicate_waits_for),
        cmocka_unit_test(two_conditions_of_which_one_waits_are_two),
        cmocka_unit_test(a_condition_in_a_branch_is_a_node_of_its_body),
        cmocka_unit_test(orders_cross_the_border_of_a_condition),
        cmocka_unit_test(a_frame_is_a_while),
        cmocka_unit_test(a_loop_may_have_many_variables),
        cmocka_unit_test(a_condition_in_a_loop_is_in_its_turn),
        cmocka_unit_test(a_loop_in_a_branch_is_a_node_of_its_body),
        cmocka_unit_test(what_is_no_condition_and_no_loop_is_refused),
        cmocka_unit_test(conditions_deeper_than_the_limit_are_refused),
        cmocka_unit_test(many_conditions_take_no_time_squared),
        cmocka_unit_test(more_conditions_than_the_limit_are_refused),
        cmocka_unit_test(long_chains_take_no_time_squared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
