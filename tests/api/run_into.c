/* Results in the caller's memory: what a run gives, leaf by leaf, or nothing at all. */
#include "support.h"

enum { LEAVES = 8, ROOM = 4096, CANARY = 0xa5 };

/* Memory for each leaf, all of it CANARY. */
struct receiver {
    lince_tensor tensor[LEAVES];
    unsigned char bytes[LEAVES][ROOM];
};

static struct receiver *new_receiver(void)
{
    struct receiver *r = malloc(sizeof *r);
    memset(r, CANARY, sizeof *r);
    for (int i = 0; i < LEAVES; i++) {
        r->tensor[i].data = r->bytes[i];
        r->tensor[i].size_bytes = ROOM;
    }
    return r;
}

static void assert_untouched(const struct receiver *r, const struct receiver *before)
{
    assert_memory_equal(r, before, sizeof *r);
}

/* The same leaf, in the memory that was given, and nothing behind it. */
static void assert_leaf(const struct receiver *r, int i, const lince_tensor *wanted)
{
    const lince_tensor *t = &r->tensor[i];
    assert_int_equal(t->dtype, wanted->dtype);
    assert_int_equal(t->rank, wanted->rank);
    assert_memory_equal(t->dims, wanted->dims, sizeof t->dims);
    assert_int_equal(t->size_bytes, wanted->size_bytes);
    assert_ptr_equal(t->data, r->bytes[i]);
    if (t->size_bytes) {
        assert_memory_equal(t->data, wanted->data, t->size_bytes);
    }
    for (size_t k = t->size_bytes; k < ROOM; k++) {
        assert_int_equal(r->bytes[i][k], CANARY);
    }
}

/* Both ways to run, on two sessions: that of the one is gone with the next call. */
static void assert_same_leaves(lince_session *plain, lince_session *into, const lince_tensor *inputs, size_t inputs_n,
                               size_t leaves)
{
    const lince_output *outputs;
    size_t count;
    assert_ok(lince_session_run(plain, inputs, inputs_n, &outputs, &count, err));
    assert_int_equal(count, leaves);
    for (int round = 0; round < 2; round++) {
        struct receiver *r = new_receiver();
        assert_ok(lince_session_run_into(into, inputs, inputs_n, r->tensor, leaves, err));
        for (size_t i = 0; i < leaves; i++) {
            assert_leaf(r, (int)i, &outputs[i].tensor);
        }
        free(r);
    }
    assert_string_equal(lince_session_structure(plain), lince_session_structure(into));
}

/* ---- What is given ----------------------------------------------------------------------------------------------- */

static void a_result_is_written_into_memory_that_may_be_larger(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_session *plain = open_session(model, "__call__", NULL, 0), *into = open_session(model, "__call__", NULL, 0);
    for (int64_t batch = 0; batch < 6; batch++) {
        lince_tensor images = random_images(batch, 16, 16, 4);
        assert_same_leaves(plain, into, &images, 1, 1);
        free(images.data);
    }
    lince_session_free(plain);
    lince_session_free(into);
    lince_model_close(model);
}

static void memory_of_the_size_of_the_result_is_enough(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(2, 16, 16, 4), none = random_images(0, 16, 16, 4);
    float *out = malloc(2 * 5 * sizeof *out); /* whose end a sanitizer watches */
    lince_tensor to = {.data = out, .size_bytes = 2 * 5 * sizeof *out}, nothing = {.data = NULL};
    assert_ok(lince_session_run_into(session, &images, 1, &to, 1, err));
    assert_int_equal(to.size_bytes, 2 * 5 * sizeof *out);
    assert_ok(lince_session_run_into(session, &images, 1, &to, 1, err)); /* as it was filled in */
    assert_ok(lince_session_run_into(session, &none, 1, &nothing, 1, err));
    assert_int_equal(nothing.rank, 2);
    assert_int_equal(nothing.dims[1], 5);
    free(out);
    free(images.data);
    free(none.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void parts_of_a_structure_come_in_order_and_none_takes_no_bytes(void **state)
{
    (void)state;
    lince_model *model = open_model("structures", 1);
    const lince_argument arguments[] = {{.path = "0/image", .kind = LINCE_ARG_INPUT},
                                        {.path = "0/extra/0", .kind = LINCE_ARG_INPUT},
                                        {.path = "0/extra/1", .kind = LINCE_ARG_INPUT}};
    lince_session *plain = open_session(model, "__call__", arguments, 3),
                  *into = open_session(model, "__call__", arguments, 3);
    lince_tensor inputs[] = {random_images(2, 8, 8, 1), random_tensor(2, (int64_t[]){2, 3}, 2),
                             random_tensor(2, (int64_t[]){2, 3}, 3)};
    assert_same_leaves(plain, into, inputs, 3, 6);
    struct receiver *r = new_receiver();
    r->tensor[1] = (lince_tensor){.data = NULL};
    assert_ok(lince_session_run_into(into, inputs, 3, r->tensor, 6, err));
    assert_int_equal(r->tensor[1].dtype, LINCE_DTYPE_NONE);
    assert_int_equal(r->tensor[5].dtype, LINCE_BOOL);
    free(r);
    for (int i = 0; i < 3; i++) {
        free(inputs[i].data);
    }
    lince_session_free(plain);
    lince_session_free(into);
    lince_model_close(model);
}

static void fetched_nodes_come_after_the_result(void **state)
{
    (void)state;
    static const char *const nodes[] = {"Relu6"};
    lince_model *model = open_model("feature_vector", 1);
    lince_session *plain = open_session(model, "__call__", NULL, 0), *into = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 16, 1);
    assert_ok(lince_session_fetch(plain, nodes, 1, err));
    assert_ok(lince_session_fetch(into, nodes, 1, err));
    assert_same_leaves(plain, into, &images, 1, 2);
    free(images.data);
    lince_session_free(plain);
    lince_session_free(into);
    lince_model_close(model);
}

/* ---- What is refused, and then nothing is written and no variable changed ---------------------------------------- */

/* A training call that gives all endpoints. */
static lince_session *open_endpoints(lince_model *model)
{
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1},
                                        {.path = "return_endpoints", .kind = LINCE_ARG_BOOL, .i = 1}};
    return open_session(model, "__call__", arguments, 3);
}

static void assert_refuses(lince_model *model, lince_session *session, const lince_tensor *input, struct receiver *r,
                           size_t leaves, const char *part)
{
    struct receiver *untouched = malloc(sizeof *untouched);
    size_t size, same_size;
    memcpy(untouched, r, sizeof *r);
    unsigned char *before = read_all(model, &size);
    assert_refused(lince_session_run_into(session, input, 1, r->tensor, leaves, err), LINCE_EINVAL, part);
    unsigned char *after = read_all(model, &same_size);
    assert_memory_equal(before, after, size);
    assert_untouched(r, untouched);
    assert_string_equal(lince_session_structure(session), "");
    free(untouched);
    free(before);
    free(after);
}

static void too_little_memory_for_the_last_part_leaves_the_first_and_every_variable(void **state)
{
    (void)state;
    lince_model *model = open_model("feature_vector", 1);
    lince_session *plain = open_endpoints(model), *into = open_endpoints(model);
    lince_tensor images = random_images(1, 16, 16, 1);
    const lince_output *outputs;
    size_t count;
    char part[128];
    assert_ok(lince_session_run(plain, &images, 1, &outputs, &count, err));
    assert_true(count > 2 && count < LEAVES);
    const lince_output *last = &outputs[count - 1];
    struct receiver *r = new_receiver();
    r->tensor[count - 1].size_bytes = last->tensor.size_bytes - 1;
    snprintf(part, sizeof part, "output %zu, \"%s\": takes %zu bytes, there is room for %zu", count - 1, last->path,
             last->tensor.size_bytes, last->tensor.size_bytes - 1);
    assert_refuses(model, into, &images, r, count, part);
    r->tensor[count - 1].size_bytes = 16;
    r->tensor[count - 1].data = NULL;
    assert_refuses(model, into, &images, r, count, "16 bytes are said to be at NULL");
    free(r);
    free(images.data);
    lince_session_free(plain);
    lince_session_free(into);
    lince_model_close(model);
}

static void another_number_of_parts_is_refused_by_both_numbers(void **state)
{
    (void)state;
    lince_model *model = open_model("feature_vector", 1);
    const lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                        {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1}};
    lince_session *session = open_session(model, "__call__", arguments, 2);
    lince_tensor images = random_images(1, 16, 16, 1);
    struct receiver *r = new_receiver();
    assert_refuses(model, session, &images, r, 0, "memory is given for 0 outputs, the call has 1");
    assert_refuses(model, session, &images, r, 2, "memory is given for 2 outputs, the call has 1");
    free(r);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void what_no_trace_takes_leaves_the_memory_as_it_was(void **state)
{
    (void)state;
    lince_model *model = open_model("feature_vector", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 15, 16, 1);
    struct receiver *r = new_receiver();
    assert_refuses(model, session, &images, r, 1, "no trace takes");
    free(r);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void strings_are_refused_by_the_part_that_has_them(void **state)
{
    (void)state;
    lince_model *model = open_model("assets_table", 1);
    lince_session *session = open_session(model, "signatures.serving_default", NULL, 0);
    lince_tensor images = random_images(1, 8, 8, 1);
    struct receiver *r = new_receiver(), *untouched = new_receiver();
    for (int i = 0; i < LEAVES; i++) {
        untouched->tensor[i].data = r->bytes[i];
    }
    assert_refused(lince_session_run_into(session, &images, 1, r->tensor, 2, err), LINCE_EUNSUPPORTED,
                   "output 0, \"labels\": strings");
    assert_untouched(r, untouched);
    free(r);
    free(untouched);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void null_is_refused_by_name(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 16, 1), to = {.data = NULL};
    assert_refused(lince_session_run_into(NULL, &images, 1, &to, 1, err), LINCE_EINVAL, "session is NULL");
    assert_refused(lince_session_run_into(session, NULL, 1, &to, 1, err), LINCE_EINVAL, "inputs is NULL");
    assert_refused(lince_session_run_into(session, &images, 1, NULL, 1, err), LINCE_EINVAL, "outputs is NULL");
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_is_written_into_memory_that_may_be_larger),
        cmocka_unit_test(memory_of_the_size_of_the_result_is_enough),
        cmocka_unit_test(parts_of_a_structure_come_in_order_and_none_takes_no_bytes),
        cmocka_unit_test(fetched_nodes_come_after_the_result),
        cmocka_unit_test(too_little_memory_for_the_last_part_leaves_the_first_and_every_variable),
        cmocka_unit_test(another_number_of_parts_is_refused_by_both_numbers),
        cmocka_unit_test(what_no_trace_takes_leaves_the_memory_as_it_was),
        cmocka_unit_test(strings_are_refused_by_the_part_that_has_them),
        cmocka_unit_test(null_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
