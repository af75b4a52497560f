/* Switch, Merge and their kin: which conditions and loops they become, and which make no sense. */
#include "model_import.h"

/* f(p: bool, x: float32) of nodes "NAME OP | INPUTS | ATTRS", ended by NULL; it returns what the first word names. */
static void flow(struct lab *l, const char *returned, const char *const *lines)
{
    argument(&l->forge, "p:10:");
    argument(&l->forge, "x:1:");
    for (; *lines; lines++) {
        char text[512], name[64], op[64], *save;
        snprintf(text, sizeof text, "%s", *lines);
        char *head = strtok_r(text, "|", &save), *inputs = strtok_r(NULL, "|", &save);
        char *attrs = strtok_r(NULL, "|", &save);
        assert_int_equal(sscanf(head, "%63s %63s", name, op), 2);
        node(&l->forge, name, op, inputs, attrs ? attrs : "T=t:1");
    }
    result(&l->forge, "r", returned);
    function(&l->forge, "f");
}

static void say(struct li_graph *g, int depth)
{
    fprintf(stderr, "%*s in %d out %d\n%s", depth, "", g->input_count, g->output_count, li_graph_text(g, NULL));
    for (int i = 0; i < g->node_count && depth < 3; i++) {
        for (int b = 0; b < g->nodes[i].bodies; b++) {
            fprintf(stderr, "%*s %s body %d\n", depth, "", g->nodes[i].name, b);
            say(g->nodes[i].body[b], depth + 1);
        }
    }
}

#define COND(n, p, x, a, b)                                                                                            \
    n "/s Switch | " x " " p " ", n "/t " a " | " n "/s:output_true:0 ", n "/f " b " | " n "/s:output_false:0 ",       \
        n "/m Merge | " n "/f:y:0 " n "/t:y:0 "

static void a_merge_of_two_branches_is_an_if(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    flow(&l, "c/m:output:0", (const char *const[]){COND("c", "p", "x", "Neg", "Exp"), NULL});
    imports(&l);
    say(l.graph, 0);
    end(&l);
}

static void merges_of_one_predicate_are_one_if(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    flow(&l, "sum:z:0",
         (const char *const[]){COND("c", "p", "x", "Neg", "Exp"), "m2 Merge | c/s:output_false:0 c/t:y:0",
                               "sum Add | c/m:output:0 m2:output:0", NULL});
    imports(&l);
    say(l.graph, 0);
    end(&l);
}

static void a_condition_in_a_branch_is_a_node_of_its_body(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    flow(&l, "m:output:0",
         (const char *const[]){"s Switch | x p", "sp Switch | p p | T=t:10", "q Identity | sp:output_true:0 | T=t:10",
                               COND("c", "q:output:0", "s:output_true:0", "Neg", "Exp"), "f Relu | s:output_false:0",
                               "m Merge | f:activations:0 c/m:output:0", NULL});
    imports(&l);
    say(l.graph, 0);
    end(&l);
}

#define LOOP(...)                                                                                                      \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        "e Enter | x | T=t:1 frame_name=s:w", "m Merge | e:output:0 n:output:0",                                       \
            "k Enter | x | T=t:1 frame_name=s:w is_constant=b:1", "less Less | m:output:0 k:output:0",                 \
            "c LoopCond | less:z:0 | dummy=i:0", "s Switch | m:output:0 c:output:0", __VA_ARGS__,                      \
            "n NextIteration | body:z:0", "o Exit | s:output_false:0", NULL                                            \
    }

static void a_frame_is_a_while(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    flow(&l, "o:output:0", LOOP("body Add | s:output_true:0 k:output:0"));
    imports(&l);
    say(l.graph, 0);
    end(&l);
}

static void a_condition_in_a_loop(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    flow(&l, "o:output:0",
         LOOP("kp Enter | p | T=t:10 frame_name=s:w is_constant=b:1",
              COND("c", "kp:output:0", "s:output_true:0", "Neg", "Exp"), "body Add | s:output_true:0 c/m:output:0"));
    imports(&l);
    say(l.graph, 0);
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_merge_of_two_branches_is_an_if),
        cmocka_unit_test(merges_of_one_predicate_are_one_if),
        cmocka_unit_test(a_condition_in_a_branch_is_a_node_of_its_body),
        cmocka_unit_test(a_frame_is_a_while),
        cmocka_unit_test(a_condition_in_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
