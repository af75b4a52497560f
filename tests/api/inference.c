/* What a call would give, found without it; and how small images may be. */
#include "support.h"

struct told {
    char text[512];
    size_t count, stop_after;
};

static int tell(const lince_tensor_info *output, void *context)
{
    struct told *t = context;
    char *to = t->text + strlen(t->text);
    assert_int_equal(output->struct_size, sizeof *output);
    to += sprintf(to, "%s %s[", output->path, lince_dtype_name(output->dtype));
    for (int i = 0; i < output->rank; i++) {
        to += sprintf(to, i ? ",%lld" : "%lld", (long long)output->dims[i]);
    }
    strcpy(to, output->rank < 0 ? "...];" : "];");
    return ++t->count == t->stop_after;
}

static void check(const char *name, const lince_argument *arguments, size_t count, int64_t batch, int64_t side,
                  const char *wanted)
{
    struct told t = {.text = ""};
    lince_model *model = open_model(name, 1);
    lince_session *session = open_session(model, "__call__", arguments, count);
    const lince_tensor images = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {batch, side, side, 3}}; /* without data */
    assert_ok(lince_session_infer(session, &images, 1, tell, &t, err));
    assert_string_equal(t.text, wanted);
    lince_session_free(session);
    lince_model_close(model);
}

static void shapes_of_results_are_told_for_shapes_of_inputs(void **state)
{
    (void)state;
    static const lince_argument odd = {.path = "inputs/in~1put~0", .kind = LINCE_ARG_INPUT};
    check("classifier", NULL, 0, 7, 16, " float32[7,5];");
    check("classifier", NULL, 0, 0, 16, " float32[0,5];");
    check(LINCE_TEST_DATA "/cli/heads/odd_names", &odd, 1, 3, 8,
          " float32[];a~1b/0 float32[3,2];a~1b/1/0 float32[3,2];c~0/0 float32[3,2];c~0/1 none[];");
}

static void what_data_decides_is_told_as_the_trace_has_it(void **state)
{
    (void)state;
    check(LINCE_TEST_DATA "/cli/heads/bright", NULL, 0, 2, 8, "bright int64[-1,3];logits float32[2,3];");
}

static void telling_stops_when_it_is_told_to(void **state)
{
    (void)state;
    static const lince_argument odd = {.path = "0/in~1put~0", .kind = LINCE_ARG_INPUT};
    struct told t = {.stop_after = 2};
    lince_model *model = open_model(LINCE_TEST_DATA "/cli/heads/odd_names", 1);
    lince_session *session = open_session(model, "__call__", &odd, 1);
    lince_tensor images = random_images(1, 8, 8, 1);
    assert_ok(lince_session_infer(session, &images, 1, tell, &t, err));
    assert_int_equal(t.count, 2);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void what_a_run_refuses_is_refused_without_running(void **state)
{
    (void)state;
    struct told t = {.text = ""};
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    const lince_tensor wrong = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {1, 17, 16, 3}},
                       negative = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {-1, 16, 16, 3}};
    assert_refused(lince_session_infer(session, &wrong, 1, tell, &t, err), LINCE_EINVAL, "no trace takes");
    assert_refused(lince_session_infer(session, &negative, 1, tell, &t, err), LINCE_EINVAL, "dimension 0 is -1");
    assert_refused(lince_session_infer(session, &wrong, 0, tell, &t, err), LINCE_EINVAL, "0 inputs");
    assert_int_equal(t.count, 0);
    lince_session_free(session);
    lince_model_close(model);
}

static void the_smallest_image_is_one_that_runs_and_one_less_does_not(void **state)
{
    (void)state;
    lince_model *model = open_model("dilated", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    int32_t side = -1;
    assert_ok(lince_session_smallest_image(session, &side, err));
    assert_true(side > 1);
    lince_tensor fits = random_images(1, side, side, 1), small = random_images(1, side - 1, side - 1, 1);
    assert_ok(lince_session_run(session, &fits, 1, NULL, NULL, err));
    assert_int_equal(lince_session_run(session, &small, 1, NULL, NULL, NULL), LINCE_EINVAL);
    free(fits.data);
    free(small.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void a_size_that_is_not_open_has_no_smallest(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    int32_t side = -1;
    assert_ok(lince_session_smallest_image(session, &side, err));
    assert_int_equal(side, 0);
    lince_session_free(session);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_of_results_are_told_for_shapes_of_inputs),
        cmocka_unit_test(what_data_decides_is_told_as_the_trace_has_it),
        cmocka_unit_test(telling_stops_when_it_is_told_to),
        cmocka_unit_test(what_a_run_refuses_is_refused_without_running),
        cmocka_unit_test(the_smallest_image_is_one_that_runs_and_one_less_does_not),
        cmocka_unit_test(a_size_that_is_not_open_has_no_smallest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
