/* References of TensorFlow 1, to variables and tables: in branches, and where they cannot go. */
#include "model_graph.h"

/* ---- References ---- */

#define BRANCH "x Placeholder | | dtype=t:1", "p Less | x x"
#define VARIABLE "v VariableV2 | | dtype=t:1"

static void a_reference_that_enters_a_branch_is_read_before(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=m:0",
          LINES(BRANCH, VARIABLE, "s RefSwitch | v p", "t Neg | s:1", "f RefIdentity | s", "m RefMerge | f t"));
    gives(&l, "v = ReadVariableOp(%1:resource[]) -> %2:noneunknown\n"
              "p = Less(%0:float32unknown, %0:float32unknown) -> %3:noneunknown\n"
              "m = If(%3:noneunknown, %2:noneunknown) -> %4:noneunknown\n");
    end(&l);
}

/* What is assigned in a branch only has no place to wait. */
static void an_assignment_to_a_reference_in_a_branch_is_refused(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=m:0",
          LINES(BRANCH, VARIABLE, "s RefSwitch | v p", "t Assign | s:1 x", "f Identity | s", "m Merge | f t"));
    is_refused(&l, LINCE_EUNSUPPORTED, "node \"t\" (Assign): assigns to what is no variable");
}

/* ---- Tables ---- */

#define TABLE                                                                                                          \
    "t HashTable | | key_dtype=t:9 value_dtype=t:9", "keys Const | | dtype=t:9 value=v:9:1:1",                         \
        "fill InitializeTable | t keys keys | Tkey=t:9 Tval=t:9"

static void an_old_table_is_one_of_today(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "", "n=size:0 r=found:0",
          LINES(TABLE, "found LookupTableFind | t:0 keys keys | Tin=t:9 Tout=t:9", "size LookupTableSize | t | "));
    put_nodes(&l.forge, "table_initializer", "fill");
    gives(&l, "size = LookupTableSizeV2(%0:resource[]) -> %1:noneunknown\n"
              "found = LookupTableFindV2(%0:resource[], %2:int64[1], %2:int64[1]) -> %3:noneunknown\n");
    is_table(&l, 0, 1);
    end(&l);
}

/* Its handle is a string in the file. */
static void an_old_table_is_known_in_a_branch(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=m:0",
          LINES(BRANCH, TABLE, "s RefSwitch | t p | T=t:7", "ks Switch | keys p | T=t:9",
                "a LookupTableFind | s:1 ks:1 ks:1 | Tin=t:9 Tout=t:9", "m Merge | ks a | T=t:9"));
    put_nodes(&l.forge, "table_initializer", "fill");
    gives(&l, "p = Less(%0:float32unknown, %0:float32unknown) -> %2:noneunknown\n"
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
