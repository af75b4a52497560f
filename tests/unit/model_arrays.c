/* TensorArrays of TensorFlow 1: which lists they become. */
#include "model_import.h"

#include "graph/graph.h"

#define TWO "n Const | | dtype=t:3 value=v:3::2"
#define ONE "i Const | | dtype=t:3 value=v:3::1"
#define MANY "k Const | | dtype=t:3 value=v:3:2:0,1"
#define ARRAY "a TensorArrayV3 | n:output:0 | dtype=t:1"
#define GROWS ARRAY " dynamic_size=b:1 tensor_array_name=s:name"

static void becomes(const char *returned, const char *const *lines, const char *text)
{
    struct lab l;
    trace_of(&l, returned, lines);
    imports(&l);
    is_text(l.graph, text);
    end(&l);
}

static bool grows(struct lab *l, const char *op)
{
    for (int32_t n = 0; n < l->graph->node_count; n++) {
        if (strcmp(l->graph->nodes[n].op->name, op) == 0) {
            return li_attr_int(&l->graph->nodes[n], "resize_if_index_out_of_bounds") != 0;
        }
    }
    fail_msg("there is no %s", op);
    return false;
}

/* ---- Ops ---- */

static void what_is_written_is_set_in_a_list(void **state)
{
    (void)state;
    becomes("r:value:0",
            LINES(TWO, ONE, ARRAY, "w TensorArrayWriteV3 | a:handle:0 i:output:0 x a:flow:0 | T=t:1",
                  "r TensorArrayReadV3 | a:handle:0 i:output:0 w:flow_out:0 | dtype=t:1"),
            "a = TensorListReserve(%4:int64[], %2:int32[]) -> %5:noneunknown\n"
            "w = TensorListSetItem(%5:noneunknown, %3:int32[], %1:float32[]) -> %6:noneunknown\n"
            "r = TensorListGetItem(%6:noneunknown, %3:int32[], %7:int64[]) -> %8:noneunknown\n");
}

static void a_gather_tells_the_shape_of_elements(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "g:value:0",
             LINES(TWO, MANY, ARRAY, "g TensorArrayGatherV3 | a:handle:0 k:output:0 a:flow:0 | dtype=t:1"));
    imports(&l);
    is_text(l.graph, "a = TensorListReserve(%4:int64[], %2:int32[]) -> %5:noneunknown\n"
                     "g = TensorListGather(%5:noneunknown, %3:int32[2], %6:int64[]) -> %7:noneunknown\n");
    assert_int_equal(li_tensor_int(l.graph->values[6].constant, 0), -1);
    end(&l);
}

static void an_array_is_asked_for_its_size_as_a_list(void **state)
{
    (void)state;
    becomes("s:size:0", LINES(TWO, ARRAY, "s TensorArraySizeV3 | a:handle:0 a:flow:0 | T=t:1"),
            "a = TensorListReserve(%3:int64[], %2:int32[]) -> %4:noneunknown\n"
            "s = TensorListLength(%4:noneunknown) -> %5:noneunknown\n");
}

static void the_second_output_of_a_concat_are_the_lengths(void **state)
{
    (void)state;
    becomes("c:lengths:0", LINES(TWO, ARRAY, "c TensorArrayConcatV3 | a:handle:0 a:flow:0 | dtype=t:1"),
            "a = TensorListReserve(%3:int64[], %2:int32[]) -> %4:noneunknown\n"
            "c = TensorListConcatV2(%4:noneunknown, %5:int64[], %6:int64[]) -> %7:noneunknown, %8:noneunknown\n");
}

static void a_split_fills_an_array_of_its_own(void **state)
{
    (void)state;
    becomes("s:flow_out:0",
            LINES(TWO, MANY, ARRAY, "s TensorArraySplitV3 | a:handle:0 x k:output:0 a:flow:0 ^p | T=t:1"),
            "s = TensorListSplit(%1:float32[], %3:int64[], %2:int32[2]) -> %4:noneunknown\n");
}

/* Indices beyond the size are refused where the array is as long as it was made. */
static void a_scatter_into_a_new_array_is_as_long_as_that(void **state)
{
    const char *scatter = "s TensorArrayScatterV3 | a:handle:0 k:output:0 x a:flow:0 | T=t:1";
    (void)state;
    becomes("s:flow_out:0", LINES(TWO, MANY, ARRAY, scatter),
            "s = TensorListScatterV2(%1:float32[], %3:int32[2], %4:int64[], %2:int32[]) -> %5:noneunknown\n");
    becomes("s:flow_out:0", LINES(TWO, MANY, GROWS, scatter),
            "a = TensorListReserve(%4:int64[], %2:int32[]) -> %5:noneunknown\n"
            "s = TensorListScatterIntoExistingList(%5:noneunknown, %1:float32[], %3:int32[2]) -> %6:noneunknown\n");
}

static void closing_an_array_does_nothing(void **state)
{
    (void)state;
    becomes("y:y:0", LINES(TWO, ARRAY, "c TensorArrayCloseV3 | a:handle:0 | T=t:1", "y Neg | x ^c | T=t:1"),
            "y = Neg(%1:float32[]) -> %2:noneunknown\n");
}

/* ---- Handles and flows ---- */

static void only_an_array_that_may_grow_does(void **state)
{
    static const char *const made[] = {ARRAY, GROWS};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct lab l;
        trace_of(&l, "w:flow_out:0",
                 LINES(TWO, ONE, made[i], "h Identity | a:handle:0 | T=t:20",
                       "w TensorArrayWriteV3 | h:output:0 i:output:0 x a:flow:0 | T=t:1"));
        imports(&l);
        assert_int_equal(grows(&l, "TensorListSetItem"), i);
        end(&l);
    }
}

/* The file says float32 of a flow; the list may be of anything. */
static void a_flow_enters_a_loop_without_a_dtype(void **state)
{
    struct lab l;
    (void)state;
    trace_of(&l, "o:output:0",
             LINES(TWO, ONE, ARRAY, "fl Identity | a:flow:0 ^p | T=t:1", "e Enter | fl:output:0 | T=t:1 frame_name=s:w",
                   "m Merge | e:output:0 n2:output:0 | T=t:1",
                   "he Enter | a:handle:0 | T=t:20 frame_name=s:w is_constant=b:1",
                   "ie Enter | i:output:0 | T=t:3 frame_name=s:w is_constant=b:1",
                   "xe Enter | x | T=t:1 frame_name=s:w is_constant=b:1",
                   "size TensorArraySizeV3 | he:output:0 m:output:0 | T=t:1",
                   "less Less | size:size:0 ie:output:0 | T=t:3", "c LoopCond | less:z:0 | T=t:10",
                   "s Switch | m:output:0 c:output:0 | T=t:1",
                   "w TensorArrayWriteV3 | he:output:0 ie:output:0 xe:output:0 s:output_true:0 | T=t:1",
                   "n2 NextIteration | w:flow_out:0 | T=t:1", "o Exit | s:output_false:0 | T=t:1"));
    imports(&l);
    const struct li_node *loop = &l.graph->nodes[l.graph->node_count - 1];
    assert_string_equal(loop->op->name, "While");
    assert_int_equal(loop->nin, 3); /* the flow, and i and x: the handle is read by nobody */
    const struct li_graph *turn = loop->body[1];
    assert_int_equal(turn->values[turn->inputs[0]].dtype, LINCE_VARIANT);
    assert_int_equal(turn->values[turn->inputs[1]].dtype, LINCE_INT32);
    end(&l);
}

/* ---- What is refused ---- */

static void what_lists_have_nothing_for_is_refused(void **state)
{
    static const struct {
        const char *line, *returned, *words;
    } cases[] = {
        {"y TensorArrayGradV3 | a:handle:0 a:flow:0 | source=s:g", "y:flow_out:0", "node \"y\" (TensorArrayGradV3)"},
        {"y TensorArraySizeV3 | a:flow:0 | T=t:1", "y:size:0", "node \"y\" (TensorArraySizeV3)"},
        {"y TensorArrayV2 | n:output:0 | dtype=t:1", "y:handle:0", "node \"y\" (TensorArrayV2)"},
    };
    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct lab l;
        trace_of(&l, cases[i].returned, LINES(TWO, ARRAY, cases[i].line));
        is_refused(&l, LINCE_EUNSUPPORTED, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_set_in_a_list),
        cmocka_unit_test(a_gather_tells_the_shape_of_elements),
        cmocka_unit_test(an_array_is_asked_for_its_size_as_a_list),
        cmocka_unit_test(the_second_output_of_a_concat_are_the_lengths),
        cmocka_unit_test(a_split_fills_an_array_of_its_own),
        cmocka_unit_test(a_scatter_into_a_new_array_is_as_long_as_that),
        cmocka_unit_test(closing_an_array_does_nothing),
        cmocka_unit_test(only_an_array_that_may_grow_does),
        cmocka_unit_test(a_flow_enters_a_loop_without_a_dtype),
        cmocka_unit_test(what_lists_have_nothing_for_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
