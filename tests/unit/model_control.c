/* Nodes that run bodies: what a forged If, Case or While becomes. */
#include "model_import.h"

/* ---- Branches ---- */

static void each_branch_is_a_graph_of_its_own(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:h");
    unary(&l, "g", "Neg", "m:y:0");
    unary(&l, "h", "Exp", "m:y:0");
    imports(&l);
    is_text(l.graph, "n = If(%0:bool[], %1:float32[]) -> %2:noneunknown\n");
    assert_int_equal(l.graph->nodes[0].bodies, 2);
    is_text(l.graph->nodes[0].body[0], "n/then_branch/m = Neg(%0:float32unknown) -> %1:noneunknown\n");
    is_text(l.graph->nodes[0].body[1], "n/else_branch/m = Exp(%0:float32unknown) -> %1:noneunknown\n");
    end(&l);
}

static void a_case_has_as_many_bodies_as_it_names(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "StatelessCase", "p x", "Tin=y:1 Tout=y:1 branches=G:g,h,g");
    unary(&l, "g", "Neg", "m:y:0");
    unary(&l, "h", "Exp", "m:y:0");
    imports(&l);
    const struct li_node *n = &l.graph->nodes[0];
    assert_int_equal(n->bodies, 3);
    assert_ptr_equal(n->body[0], n->body[2]);
    is_text(n->body[1], "n/branches_1/m = Exp(%0:float32unknown) -> %1:noneunknown\n");
    end(&l);
}

static void one_function_with_the_same_resources_is_one_graph(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    argument(&l.forge, "p:10:");
    argument(&l.forge, "x:1:");
    capture(&l.forge, "v", 2);
    capture(&l.forge, "w", 3);
    node(&l.forge, "a", "If", "p v", "Tcond=t:10 Tin=y:20 Tout=y:1 then_branch=F:g else_branch=F:g");
    node(&l.forge, "b", "If", "p w", "Tcond=t:10 Tin=y:20 Tout=y:1 then_branch=F:g else_branch=F:g");
    node(&l.forge, "c", "If", "p v", "Tcond=t:10 Tin=y:20 Tout=y:1 then_branch=F:g else_branch=F:g");
    node(&l.forge, "n", "AddN", "a:output:0 b:output:0 c:output:0", "T=t:1 N=i:3");
    result(&l.forge, "r", "n:sum:0");
    function(&l.forge, "f");
    argument(&l.forge, "h:20:");
    node(&l.forge, "m", "ReadVariableOp", "h", "dtype=t:1");
    result(&l.forge, "r", "m:value:0");
    function(&l.forge, "g");
    imports(&l);
    const struct li_node *n = l.graph->nodes;
    assert_ptr_equal(n[0].body[0], n[0].body[1]);
    assert_ptr_equal(n[0].body[0], n[2].body[0]);
    assert_ptr_not_equal(n[0].body[0], n[1].body[0]);
    is_text(l.graph, "a = If(%0:bool[]) -> %4:noneunknown\n"
                     "b = If(%0:bool[]) -> %5:noneunknown\n"
                     "c = If(%0:bool[]) -> %6:noneunknown\n"
                     "n = AddN(%4:noneunknown, %5:noneunknown, %6:noneunknown) -> %7:noneunknown\n");
    is_text(n[0].body[0], "a/then_branch/m = ReadVariableOp(%0:resource[]) -> %1:noneunknown\n");
    end(&l);
}

static void a_branch_that_runs_itself_refers_to_itself(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:h");
    argument(&l.forge, "a:1:");
    node(&l.forge, "i", "If", "a a", "Tcond=t:1 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:h");
    result(&l.forge, "r", "i:output:0");
    function(&l.forge, "g");
    unary(&l, "h", "Exp", "m:y:0");
    imports(&l);
    const struct li_node *n = &l.graph->nodes[0];
    assert_ptr_equal(n->body[0], n->body[0]->nodes[0].body[0]);
    assert_ptr_equal(n->body[1], n->body[0]->nodes[0].body[1]);
    end(&l);
}

static void branches_that_only_run_themselves_are_refused(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:g");
    argument(&l.forge, "a:1:");
    node(&l.forge, "i", "If", "a a", "Tcond=t:1 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:g");
    result(&l.forge, "r", "i:output:0");
    function(&l.forge, "g");
    is_refused(&l, LINCE_EUNSUPPORTED, "it runs itself again");
}

static void what_branches_lack_is_told_with_all_else(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:h");
    unary(&l, "g", "Foo", "m:y:0");
    unary(&l, "h", "Bar", "m:y:0");
    is_refused(&l, LINCE_EUNSUPPORTED,
               "2 nodes need what is not supported: node \"n/then_branch/m\" (Foo), node \"n/else_branch/m\" (Bar)");
}

/* ---- Loops ---- */

/* A turn or a condition over a float32 and a variable. */
static void turn(struct lab *l, const char *name, const char *op, const char *output, const char *handle)
{
    argument(&l->forge, "a:1:");
    argument(&l->forge, "h:20:");
    capture(&l->forge, "k", 0);
    node(&l->forge, "read", "ReadVariableOp", "h", "dtype=t:1");
    node(&l->forge, "m", op, "a read:value:0", "T=t:1");
    result(&l->forge, "r", output);
    if (handle) {
        result(&l->forge, "handle", handle);
        result(&l->forge, "other", "k");
    }
    function(&l->forge, name);
}

static void loop(struct lab *l, const char *returned)
{
    trace(l, 2, "While", "x v w", "T=y:1,20,20 cond=F:c body=F:b parallel_iterations=i:10");
    turn(l, "c", "Less", "m:z:0", NULL);
    turn(l, "b", "Add", "m:z:0", returned);
}

static void a_loop_knows_its_variables_and_takes_no_handles(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    loop(&l, "h");
    imports(&l);
    const struct li_node *n = &l.graph->nodes[0];
    is_text(l.graph, "n = While(%1:float32[]) -> %4:noneunknown\n");
    is_text(n->body[0], "n/cond/read = ReadVariableOp(%1:resource[]) -> %3:noneunknown\n"
                        "n/cond/m = Less(%0:float32unknown, %3:noneunknown) -> %4:noneunknown\n");
    is_text(n->body[1], "n/body/read = ReadVariableOp(%1:resource[]) -> %3:noneunknown\n"
                        "n/body/m = Add(%0:float32unknown, %3:noneunknown) -> %4:noneunknown\n");
    assert_int_equal(n->body[1]->output_count, 1);
    assert_int_equal(li_attr(n, "T")->count, 1);
    end(&l);
}

static void a_loop_that_swaps_variables_is_refused(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    loop(&l, "k");
    is_refused(&l, LINCE_EUNSUPPORTED, "result \"handle\" of \"b\" is the handle of another resource");
}

/* ---- What makes no sense ---- */

static void a_control_node_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *op, *inputs, *attrs, *words;
    } cases[] = {
        {"If", "p", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:g", "0 arguments, it takes 1"},
        {"If", "", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:g", "no input that chooses"},
        {"If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:none", "no function \"none\""},
        {"If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1,1 then_branch=F:g else_branch=F:g", "\"Tout\" has 2 entries"},
        {"If", "p x", "Tcond=t:10 Tin=y:1,1 Tout=y:1 then_branch=F:g else_branch=F:g", "\"Tin\" has 2 entries"},
        {"Case", "p x", "Tin=y:1 Tout=y:1", "it names no functions"},
        {"While", "x", "T=y:1 cond=F:g", "it names no functions"},
        {"While", "x", "T=y:1 cond=F:g body=F:two", "returns 2 values, wanted 1"},
        {"While", "x", "T=y:1 cond=F:two body=F:g", "its condition does not return one tensor"},
        {"If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g else_branch=F:two", "returns 2 values, wanted 1"},
    };
    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct lab l;
        begin(&l);
        trace(&l, 0, cases[i].op, cases[i].inputs, cases[i].attrs);
        unary(&l, "g", "Neg", "m:y:0");
        argument(&l.forge, "a:1:");
        result(&l.forge, "r", "a");
        result(&l.forge, "s", "a");
        function(&l.forge, "two");
        is_refused(&l, LINCE_EINVAL, cases[i].words);
    }
}

static void functions_in_functions_deeper_than_the_limit_are_refused(void **state)
{
    struct lab l;
    char name[16], attrs[128];
    (void)state;
    begin(&l);
    trace(&l, 0, "If", "p x", "Tcond=t:10 Tin=y:1 Tout=y:1 then_branch=F:g0 else_branch=F:g0");
    for (int i = 0; i <= LI_MAX_CALL_DEPTH; i++) {
        snprintf(name, sizeof name, "g%d", i);
        snprintf(attrs, sizeof attrs, "Tcond=t:1 Tin=y:1 Tout=y:1 then_branch=F:g%d else_branch=F:g%d", i + 1, i + 1);
        argument(&l.forge, "a:1:");
        node(&l.forge, "i", "If", "a a", attrs);
        result(&l.forge, "r", "i:output:0");
        function(&l.forge, name);
    }
    is_refused(&l, LINCE_ELIMIT, "deeper than 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_branch_is_a_graph_of_its_own),
        cmocka_unit_test(a_case_has_as_many_bodies_as_it_names),
        cmocka_unit_test(one_function_with_the_same_resources_is_one_graph),
        cmocka_unit_test(a_branch_that_runs_itself_refers_to_itself),
        cmocka_unit_test(branches_that_only_run_themselves_are_refused),
        cmocka_unit_test(what_branches_lack_is_told_with_all_else),
        cmocka_unit_test(a_loop_knows_its_variables_and_takes_no_handles),
        cmocka_unit_test(a_loop_that_swaps_variables_is_refused),
        cmocka_unit_test(a_control_node_that_makes_no_sense_is_refused),
        cmocka_unit_test(functions_in_functions_deeper_than_the_limit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
