/*
 * Lists cut into any number of tasks, apart and in place; strings that were never set. What the rows do otherwise
 * stands in tests/ops/list_*.case.
 */
#include "ops_lab.h"

enum { MOST_TASKS = 9, ROOM = 64 };

struct array {
    lince_dtype dtype;
    struct li_shape shape;
    _Alignas(64) char bytes[ROOM * sizeof(lince_string)];
};

/* A node that only has a name and a row: forward asks for nothing else here. */
static lince_status run_tasks(const char *name, const struct array *const *in, int nin, struct array *const *out,
                              int nout, int64_t tasks)
{
    const struct li_op *op = li_ops_find(li_ops(), name);
    assert_non_null(op);
    const struct li_node node = {.op = op, .name = "x", .nin = nin, .nout = nout};
    struct li_operand from[4], to[2];
    for (int i = 0; i < nin; i++) {
        from[i] = (struct li_operand){.data = (void *)in[i]->bytes, .dtype = in[i]->dtype, .shape = &in[i]->shape};
    }
    for (int i = 0; i < nout; i++) {
        to[i] = (struct li_operand){.data = out[i]->bytes, .dtype = out[i]->dtype, .shape = &out[i]->shape};
    }
    struct li_call c = {.node = &node, .in = from, .out = to, .tasks = tasks};
    lince_status st = LINCE_OK;
    for (c.task = tasks - 1; c.task >= 0 && !st; c.task--) {
        st = op->forward(&c);
    }
    return st;
}

static struct array numbers(int rank, const int64_t *dims, int first)
{
    struct array a = {.dtype = LINCE_INT32, .shape = {.rank = rank}};
    memcpy(a.shape.dim, dims, (size_t)rank * sizeof *dims);
    for (int i = 0; i < li_shape_count(&a.shape); i++) {
        ((int32_t *)(void *)a.bytes)[i] = first + i;
    }
    return a;
}

#define NUMBERS(first, ...)                                                                                            \
    numbers((int)LI_COUNT(((const int64_t[]){__VA_ARGS__})), (const int64_t[]){__VA_ARGS__}, (first))
#define SCALAR(value) numbers(0, (const int64_t[]){0}, (value))

static void same(const struct array *got, const int32_t *want)
{
    assert_memory_equal(got->bytes, want, (size_t)li_shape_count(&got->shape) * sizeof *want);
}

/* One output for every number of tasks; it begins as garbage. */
static void gives(const char *name, const struct array *const *in, int nin, const struct array *shape,
                  const int32_t *want)
{
    for (int64_t tasks = 1; tasks <= MOST_TASKS; tasks++) {
        struct array out = *shape;
        memset(out.bytes, 0x5b, sizeof out.bytes);
        assert_int_equal(run_tasks(name, in, nin, (struct array *const[]){&out}, 1, tasks), LINCE_OK);
        same(&out, want);
    }
}

static void an_item_crosses_the_borders_of_tasks(void **state)
{
    const struct array list = NUMBERS(1, 3, 3), index = SCALAR(1), item = NUMBERS(50, 3);
    static const int32_t want[] = {1, 2, 3, 50, 51, 52, 7, 8, 9};
    (void)state;
    gives("TensorListSetItem", (const struct array *const[]){&list, &index, &item}, 3, &list, want);
    for (int64_t tasks = 1; tasks <= MOST_TASKS; tasks++) {
        struct array both = list;
        assert_int_equal(run_tasks("TensorListSetItem", (const struct array *const[]){&both, &index, &item}, 3,
                                   (struct array *const[]){&both}, 1, tasks),
                         LINCE_OK);
        same(&both, want);
    }
}

static void a_list_that_grows_is_zero_between(void **state)
{
    const struct array list = NUMBERS(1, 2, 2), index = SCALAR(3), item = NUMBERS(50, 2), larger = NUMBERS(0, 4, 2);
    static const int32_t want[] = {1, 2, 3, 4, 0, 0, 50, 51};
    (void)state;
    gives("TensorListSetItem", (const struct array *const[]){&list, &index, &item}, 3, &larger, want);
}

static void two_lists_meet_inside_a_task(void **state)
{
    const struct array a = NUMBERS(1, 2, 2), b = NUMBERS(5, 1, 2), unset = NUMBERS(0, 1, 0), out = NUMBERS(0, 3, 2);
    static const int32_t all[] = {1, 2, 3, 4, 5, 6}, last[] = {1, 2, 3, 4, 0, 0}, first[] = {0, 0, 1, 2, 3, 4};
    (void)state;
    gives("TensorListConcatLists", (const struct array *const[]){&a, &b}, 2, &out, all);
    gives("TensorListConcatLists", (const struct array *const[]){&a, &unset}, 2, &out, last);
    gives("TensorListConcatLists", (const struct array *const[]){&unset, &a}, 2, &out, first);
}

/* Also where a task has no part of the elements. */
static void the_last_of_two_rows_counts_in_every_task(void **state)
{
    const struct array list = NUMBERS(1, 3, 2), rows = NUMBERS(50, 3, 2), out = NUMBERS(0, 3, 2);
    struct array indices = NUMBERS(0, 3);
    static const int32_t want[] = {1, 2, 54, 55, 52, 53}, alone[] = {0, 0, 54, 55, 52, 53};
    (void)state;
    memcpy(indices.bytes, (const int32_t[]){1, 2, 1}, 3 * sizeof(int32_t));
    gives("TensorListScatterIntoExistingList", (const struct array *const[]){&list, &rows, &indices}, 3, &out, want);
    gives("TensorListScatterV2", (const struct array *const[]){&rows, &indices, &indices, &indices}, 4, &out, alone);
}

static void the_last_element_leaves_its_list(void **state)
{
    const struct array list = NUMBERS(1, 3, 2);
    (void)state;
    for (int64_t tasks = 1; tasks <= MOST_TASKS; tasks++) {
        struct array rest = NUMBERS(0, 2, 2), last = NUMBERS(0, 2);
        assert_int_equal(run_tasks("TensorListPopBack", (const struct array *const[]){&list}, 1,
                                   (struct array *const[]){&rest, &last}, 2, tasks),
                         LINCE_OK);
        same(&rest, (const int32_t[]){1, 2, 3, 4});
        same(&last, (const int32_t[]){5, 6});
    }
}

static void strings_that_were_never_set_are_empty(void **state)
{
    struct array out = {.dtype = LINCE_STRING, .shape = {.rank = 1, .dim = {3}}}, none = out, item = out;
    const struct array index = SCALAR(1);
    const lince_string *text = (const lince_string *)(const void *)out.bytes;
    (void)state;
    none.shape = (struct li_shape){.rank = 2, .dim = {3, 0}};
    item.shape.rank = 0;
    *(lince_string *)(void *)item.bytes = (lince_string){"b", 1};
    memset(out.bytes, 0x5b, sizeof out.bytes);
    assert_int_equal(run_tasks("TensorListSetItem", (const struct array *const[]){&none, &index, &item}, 3,
                               (struct array *const[]){&out}, 1, 2),
                     LINCE_OK);
    assert_int_equal(text[0].size, 0);
    assert_string_equal(text[0].data, "");
    assert_int_equal(text[1].size, 1);
    assert_int_equal(text[2].size, 0);
}

/* Whether output 0 of the one node is marked. */
static bool unshaped(const char *op, const struct li_tensor *const *in, int nin)
{
    const struct li_attr dtype = LI_TYPE("element_dtype", LINCE_INT32);
    struct lab lab;
    lab_open(&lab, LI_ISA_REF);
    assert_int_equal(lab_run(&lab, op, in, nin, &dtype, 1), LINCE_OK);
    bool marked = lab.graph->values[lab.graph->nodes[0].out[0]].unshaped;
    lab_close(&lab);
    return marked;
}

static void a_list_is_marked_until_an_element_has_told_its_shape(void **state)
{
    int32_t open[] = {2, -1}, full[] = {2, 3}, two = 2, numbers[6] = {0};
    const struct li_tensor some = {LINCE_INT32, {1, {2}}, open, sizeof open},
                           all = {LINCE_INT32, {1, {2}}, full, sizeof full},
                           count = {LINCE_INT32, {.rank = 0}, &two, sizeof two},
                           item = {LINCE_INT32, {2, {2, 3}}, numbers, sizeof numbers},
                           list = {LINCE_INT32, {2, {2, 0}}, numbers, 0};
    (void)state;
    assert_true(unshaped("TensorListReserve", (const struct li_tensor *const[]){&some, &count}, 2));
    assert_false(unshaped("TensorListReserve", (const struct li_tensor *const[]){&all, &count}, 2));
    assert_false(unshaped("TensorListPushBack", (const struct li_tensor *const[]){&list, &item}, 2));
    assert_true(unshaped("TensorListPopBack", (const struct li_tensor *const[]){&list, &all}, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_crosses_the_borders_of_tasks),
        cmocka_unit_test(a_list_that_grows_is_zero_between),
        cmocka_unit_test(two_lists_meet_inside_a_task),
        cmocka_unit_test(the_last_of_two_rows_counts_in_every_task),
        cmocka_unit_test(the_last_element_leaves_its_list),
        cmocka_unit_test(strings_that_were_never_set_are_empty),
        cmocka_unit_test(a_list_is_marked_until_an_element_has_told_its_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
