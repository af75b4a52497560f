/* What becomes of single nodes: those that nobody needs, hints that are kept. */
#include "model_import.h"

#include "model/special.h"

/* g(a) -> Foo(a), Neg(a). */
static void two_results(struct lab *l)
{
    argument(&l->forge, "a:1:");
    node(&l->forge, "foo", "Foo", "a", "");
    node(&l->forge, "neg", "Neg", "a", "T=t:1");
    result(&l->forge, "bad", "foo:y:0");
    result(&l->forge, "good", "neg:y:0");
    function(&l->forge, "g");
}

static void an_unsupported_node_behind_a_result_that_nobody_reads_does_not_matter(void **state)
{
    static const char *const calls[] = {"PartitionedCall f=F:g Tin=y:1 Tout=y:1,1", "g "};
    static const char *const reads[] = {"c:output:1", "c:good:0"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab l;
        char op[64];
        begin(&l);
        argument(&l.forge, "p:10:");
        argument(&l.forge, "x:1:");
        snprintf(op, sizeof op, "%.*s", (int)strcspn(calls[i], " "), calls[i]);
        node(&l.forge, "c", op, "x", strchr(calls[i], ' ') + 1);
        result(&l.forge, "r", reads[i]);
        function(&l.forge, "f");
        two_results(&l);
        imports(&l);
        is_text(l.graph, "c/neg = Neg(%1:float32[]) -> %2:noneunknown\n");
        end(&l);
    }
}

static void an_unsupported_node_behind_a_result_that_is_read_is_told(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "PartitionedCall", "x", "f=F:g Tin=y:1 Tout=y:1,1");
    two_results(&l);
    is_refused(&l, LINCE_EUNSUPPORTED, "node \"n/foo\" (Foo)");
}

/*
 * A stateful function with an assertion that nothing reads, and with a list of what it does (control_ret) or without.
 */
static void an_assertion_that_nobody_reads_runs_where_the_function_lists_it(void **state)
{
    (void)state;
    for (int listed = 0; listed < 2; listed++) {
        struct lab l;
        struct buf effect = {0};
        begin(&l);
        argument(&l.forge, "p:10:");
        argument(&l.forge, "x:1:");
        node(&l.forge, "a", "Assert", "p x", "T=y:1");
        node(&l.forge, "n", "Neg", "x", "T=t:1");
        result(&l.forge, "r", "n:y:0");
        put_number(&l.forge.signature, 17, 1);
        put_text(&effect, 1, "done");
        put_text(&effect, 2, "a");
        if (listed) {
            put_message(&l.forge.body, 6, &effect);
        }
        free(effect.data);
        function(&l.forge, "f");
        imports(&l);
        is_text(l.graph, listed ? "a = Assert(%0:bool[], %1:float32[])\nn = Neg(%1:float32[]) -> %2:noneunknown\n"
                                : "n = Neg(%1:float32[]) -> %2:noneunknown\n");
        end(&l);
    }
}

/* Who looks for a custom gradient finds it by this name; other hints are dropped. */
static void the_name_of_a_custom_gradient_is_kept(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    trace(&l, 0, "IdentityN", "x", "T=y:1 _gradient_op_type=s:CustomGradient-7 _other=s:no");
    imports(&l);
    assert_true(li_attr_is(&l.graph->nodes[0], "_gradient_op_type", "CustomGradient-7"));
    end(&l);
    begin(&l);
    trace(&l, 0, "IdentityN", "x", "T=y:1");
    imports(&l);
    assert_true(li_attr_is(&l.graph->nodes[0], "_gradient_op_type", ""));
    end(&l);
}

/* So a part's kind is found without asking for both. */
static void what_is_special_has_no_row(void **state)
{
    (void)state;
    for (int i = 0; i < li_ops()->count; i++) {
        assert_null(li_special_find(li_ops()->rows[i]->name));
    }
    assert_non_null(li_special_find("Const"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unsupported_node_behind_a_result_that_nobody_reads_does_not_matter),
        cmocka_unit_test(an_unsupported_node_behind_a_result_that_is_read_is_told),
        cmocka_unit_test(an_assertion_that_nobody_reads_runs_where_the_function_lists_it),
        cmocka_unit_test(the_name_of_a_custom_gradient_is_kept),
        cmocka_unit_test(what_is_special_has_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
