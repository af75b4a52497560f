/* References of TensorFlow 1, to variables and tables: in branches, and where they cannot go. */
#include "model_graph.h"

#include "ops/ops.h"

/* ---- References ---- */

static void begin_branch(struct lab *l)
{
    begin(l);
    node(&l->forge, "x", "Placeholder", "", "dtype=t:1");
    node(&l->forge, "p", "Less", "x x", "T=t:1");
    put_signature(&l->forge, "s", "a=x:0", "r=m:0");
}

static void a_reference_that_enters_a_branch_is_read_before(void **state)
{
    struct lab l;
    (void)state;
    begin_branch(&l);
    node(&l.forge, "v", "VariableV2", "", "dtype=t:1");
    node(&l.forge, "s", "RefSwitch", "v p", "T=t:1");
    node(&l.forge, "t", "Neg", "s:1", "T=t:1");
    node(&l.forge, "f", "RefIdentity", "s", "T=t:1");
    node(&l.forge, "m", "RefMerge", "f t", "T=t:1");
    gives(&l, 1,
          "v = ReadVariableOp(%1:resource[]) -> %2:noneunknown\n"
          "p = Less(%0:float32unknown, %0:float32unknown) -> %3:noneunknown\n"
          "m = If(%3:noneunknown, %2:noneunknown) -> %4:noneunknown\n");
    end(&l);
}

/* What is assigned in a branch only has no place to wait. */
static void an_assignment_to_a_reference_in_a_branch_is_refused(void **state)
{
    struct lab l;
    (void)state;
    begin_branch(&l);
    node(&l.forge, "v", "VariableV2", "", "dtype=t:1");
    node(&l.forge, "s", "RefSwitch", "v p", "T=t:1");
    node(&l.forge, "t", "Assign", "s:1 x", "T=t:1");
    node(&l.forge, "f", "Identity", "s", "T=t:1");
    node(&l.forge, "m", "Merge", "f t", "T=t:1");
    is_refused(&l, 1, LINCE_EUNSUPPORTED, "node \"t\" (Assign): assigns to what is no variable");
}

/* ---- Tables ---- */

static void put_table(struct lab *l)
{
    node(&l->forge, "t", "HashTable", "", "key_dtype=t:9 value_dtype=t:9");
    node(&l->forge, "keys", "Const", "", "dtype=t:9 value=v:9:1:1");
    node(&l->forge, "fill", "InitializeTable", "t keys keys", "Tkey=t:9 Tval=t:9");
    put_nodes(&l->forge, "table_initializer", "fill");
}

static void an_old_table_is_one_of_today(void **state)
{
    struct lab l;
    (void)state;
    begin(&l);
    put_table(&l);
    node(&l.forge, "found", "LookupTableFind", "t:0 keys keys", "Tin=t:9 Tout=t:9");
    node(&l.forge, "size", "LookupTableSize", "t", "");
    put_signature(&l.forge, "s", "", "n=size:0 r=found:0");
    gives(&l, 0,
          "size = LookupTableSizeV2(%0:resource[]) -> %1:noneunknown\n"
          "found = LookupTableFindV2(%0:resource[], %2:int64[1], %2:int64[1]) -> %3:noneunknown\n");
    int32_t table = l.graph->values[0].resource;
    assert_int_equal(li_table_count(li_store_get(li_model_store(l.model), table)->table), 1);
    end(&l);
}

/* Its handle is a string in the file. */
static void an_old_table_is_known_in_a_branch(void **state)
{
    struct lab l;
    (void)state;
    begin_branch(&l);
    put_table(&l);
    node(&l.forge, "s", "RefSwitch", "t p", "T=t:7");
    node(&l.forge, "ks", "Switch", "keys p", "T=t:9");
    node(&l.forge, "a", "LookupTableFind", "s:1 ks:1 ks:1", "Tin=t:9 Tout=t:9");
    node(&l.forge, "m", "Merge", "ks a", "T=t:9");
    gives(&l, 1,
          "p = Less(%0:float32unknown, %0:float32unknown) -> %2:noneunknown\n"
          "m = If(%2:noneunknown, %1:int64[1]) -> %4:noneunknown\n");
    end(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reference_that_enters_a_branch_is_read_before),
        cmocka_unit_test(an_assignment_to_a_reference_in_a_branch_is_refused),
        cmocka_unit_test(an_old_table_is_one_of_today),
        cmocka_unit_test(an_old_table_is_known_in_a_branch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
