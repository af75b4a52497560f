/* What traces take and give, as data; paths whose names have slashes; structures. */
#include "support.h"

#define HEADS LINCE_TEST_DATA "/cli/heads/"

/* "images float32[-1,8,8,3]" */
static void say(char text[256], const lince_tensor_info *info)
{
    int n = snprintf(text, 256, "%s %s(%d", info->path, lince_dtype_name(info->dtype), (int)info->rank);
    for (int i = 0; i < info->rank; i++) {
        n += snprintf(text + n, 256 - (size_t)n, " %lld", (long long)info->dims[i]);
    }
    snprintf(text + n, 256 - (size_t)n, ")");
}

static void check_input(const lince_callable *c, size_t trace, size_t index, const char *wanted)
{
    char text[256];
    lince_tensor_info info = {.struct_size = sizeof info};
    assert_ok(lince_callable_input(c, trace, index, &info, err));
    say(text, &info);
    assert_string_equal(text, wanted);
}

static void check_output(const lince_callable *c, size_t trace, size_t index, const char *wanted)
{
    char text[256];
    lince_tensor_info info = {.struct_size = sizeof info};
    assert_ok(lince_callable_output(c, trace, index, &info, err));
    say(text, &info);
    assert_string_equal(text, wanted);
}

static lince_callable *callable_of(lince_model *model, const char *name)
{
    lince_callable *c;
    assert_ok(lince_model_callable(model, name, &c, err));
    return c;
}

static void a_trace_says_what_it_takes_and_gives(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_callable *call = lince_model_call(model);
    assert_int_equal(lince_callable_input_count(call, 0), 1);
    assert_int_equal(lince_callable_output_count(call, 0), 1);
    check_input(call, 0, 0, "images float32(4 -1 16 16 3)");
    check_output(call, 0, 0, " float32(2 -1 5)");
    lince_model_close(model);
}

static void a_signature_names_its_tensors(void **state)
{
    (void)state;
    lince_model *model = open_model(HEADS "top_numbers", 1);
    lince_callable *signature = callable_of(model, "signatures.serving_default");
    lince_tensor_info info = {.struct_size = sizeof info};
    check_input(signature, 0, 0, "images float32(4 -1 8 8 3)");
    check_output(signature, 0, 0, "indices int32(2 -1 2)");
    check_output(signature, 0, 1, "values float32(2 -1 2)");
    assert_ok(lince_callable_input(signature, 0, 0, &info, err));
    assert_string_equal(info.name, "images");
    lince_model_close(model);
}

static void slashes_and_tildes_of_names_are_escaped_in_paths(void **state)
{
    (void)state;
    lince_model *model = open_model(HEADS "odd_names", 1);
    lince_callable *call = lince_model_call(model);
    check_input(call, 0, 0, "inputs/in~1put~0 float32(4 -1 8 8 3)");
    assert_int_equal(lince_callable_output_count(call, 0), 5);
    check_output(call, 0, 0, " float32(0)");
    check_output(call, 0, 1, "a~1b/0 float32(2 -1 2)");
    check_output(call, 0, 2, "a~1b/1/0 float32(2 -1 2)");
    check_output(call, 0, 3, "c~0/0 float32(2 -1 2)");
    check_output(call, 0, 4, "c~0/1 none(0)");
    lince_model_close(model);
}

static void a_session_takes_and_gives_escaped_paths_and_tells_containers_apart(void **state)
{
    (void)state;
    static const lince_argument argument = {.path = "0/in~1put~0", .kind = LINCE_ARG_INPUT};
    static const char *const wanted[] = {"", "a~1b/0", "a~1b/1/0", "c~0/0", "c~0/1"};
    lince_model *model = open_model(HEADS "odd_names", 1);
    lince_session *session = open_session(model, "__call__", &argument, 1);
    lince_tensor images = random_images(2, 8, 8, 1);
    const lince_output *outputs;
    size_t count;
    assert_ok(lince_session_run(session, &images, 1, &outputs, &count, err));
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(outputs[i].path, wanted[i]);
    }
    assert_int_equal(outputs[4].tensor.dtype, LINCE_DTYPE_NONE);
    assert_string_equal(lince_session_structure(session), "{\"\": float32[], \"a/b\": [float32[2,2], (float32[2,2],)], "
                                                          "\"c~\": TopK(values=float32[2,2], indices=None)}");
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void a_tilde_that_stands_for_nothing_is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"0/in~2put", "0/in~", "~x"};
    lince_model *model = open_model(HEADS "odd_names", 1);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        lince_session *session;
        const lince_argument argument = {.path = paths[i], .kind = LINCE_ARG_INPUT};
        assert_refused(lince_session_new(&session, lince_model_call(model), &argument, 1, NULL, err), LINCE_EINVAL,
                       paths[i]);
    }
    lince_model_close(model);
}

static void what_there_is_not_is_refused_by_number(void **state)
{
    (void)state;
    lince_model *model = open_model(HEADS "logits", 1);
    lince_callable *call = lince_model_call(model);
    lince_tensor_info info = {.struct_size = sizeof info};
    assert_int_equal(lince_callable_input_count(call, 1), 0);
    assert_int_equal(lince_callable_output_count(NULL, 0), 0);
    assert_refused(lince_callable_input(call, 0, 1, &info, err), LINCE_EINVAL, "input 1 of 1 of trace 0 of __call__");
    assert_refused(lince_callable_output(call, 7, 0, &info, err), LINCE_EINVAL, "trace 7 of 1 of __call__");
    lince_model_close(model);
}

static void a_struct_is_filled_as_far_as_it_goes(void **state)
{
    (void)state;
    lince_model *model = open_model(HEADS "logits", 1);
    lince_callable *call = lince_model_call(model);
    lince_tensor_info info = {.struct_size = 0};
    assert_refused(lince_callable_input(call, 0, 0, &info, err), LINCE_EINVAL, "lince_tensor_info.struct_size is 0");
    info.struct_size = sizeof info + 1;
    assert_refused(lince_callable_input(call, 0, 0, &info, err), LINCE_EINVAL, "must be sizeof(lince_tensor_info)");
    memset(&info, 0x55, sizeof info);
    info.struct_size = offsetof(lince_tensor_info, dtype); /* as an older program has it */
    assert_ok(lince_callable_input(call, 0, 0, &info, err));
    assert_string_equal(info.path, "images");
    assert_int_equal(info.rank, 0x55555555);
    assert_int_equal(info.struct_size, offsetof(lince_tensor_info, dtype));
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trace_says_what_it_takes_and_gives),
        cmocka_unit_test(a_signature_names_its_tensors),
        cmocka_unit_test(slashes_and_tildes_of_names_are_escaped_in_paths),
        cmocka_unit_test(a_session_takes_and_gives_escaped_paths_and_tells_containers_apart),
        cmocka_unit_test(a_tilde_that_stands_for_nothing_is_refused),
        cmocka_unit_test(what_there_is_not_is_refused_by_number),
        cmocka_unit_test(a_struct_is_filled_as_far_as_it_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
