/* SavedModels with one fault each: opening, choosing a trace, importing it and reading its variables must end in the right error. */
#include "model_support.h"

static const struct {
    const char *name;
    lince_status status;
} classes[] = {{"accept", LINCE_OK},
               {"missing", LINCE_ENOENT},
               {"format", LINCE_EFORMAT},
               {"corrupt", LINCE_ECORRUPT},
               {"invalid", LINCE_EINVAL},
               {"limit", LINCE_ELIMIT},
               {"unsupported", LINCE_EUNSUPPORTED},
               {"unsafe", LINCE_EUNSAFE}};

static lince_status class_of(const char *name)
{
    for (size_t i = 0; i < LI_COUNT(classes); i++) {
        if (!strcmp(classes[i].name, name)) {
            return classes[i].status;
        }
    }
    fail_msg("no class \"%s\"", name);
    return LINCE_OK;
}

static lince_status read_variables(struct li_model *m, lince_error *err)
{
    for (size_t i = 0; i < li_model_variable_count(m); i++) {
        LI_TRY(li_store_ready(li_model_store(m), li_model_variable(m, i)->resource, err));
    }
    return LINCE_OK;
}

static lince_status infer(const struct li_graph *graph, struct li_mem *mem, const struct li_shape *shape,
                          lince_error *err)
{
    const struct li_env env = {li_kernels_get(LI_ISA_REF), LI_ISA_REF, mem};
    struct li_graph *full = NULL, *rest = NULL;
    lince_status st = li_graph_infer(&full, &rest, graph, shape, NULL, &env, err);

    li_graph_free(full);
    li_graph_free(rest);
    return st;
}

/* All that is done before the first run, with two images. */
static lince_status prepare(struct li_model *m, struct li_mem *mem, lince_error *err)
{
    const struct li_arg images = input(0, LINCE_FLOAT32, 4, (int64_t[]){2, 8, 8, 3});
    const struct li_call_args args = {.positional = &images, .positional_count = 1};
    struct li_callable *callable;
    struct li_binding *binding;
    struct li_graph *graph = NULL;

    LI_TRY(li_model_callable(m, NULL, &callable, err));
    LI_TRY(li_callable_match(&binding, callable, &args, err));
    lince_status st = li_binding_import(&graph, binding, err);
    li_binding_free(binding);
    st = st ? st : infer(graph, mem, &images.shape, err);
    li_graph_free(graph);
    return st ? st : read_variables(m, err);
}

static void every_fault_ends_in_its_class_of_error(void **state)
{
    json_t *cases = read_manifest("malformed/models.json");
    int wrong = 0;

    (void)state;
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *row = json_array_get(cases, i);
        char path[256];
        struct li_mem *mem = li_mem_new(NULL, NULL, NULL, (size_t)1 << 30);
        struct li_model *m = NULL;
        lince_error err = {0};
        snprintf(path, sizeof path, "malformed/%s", text_of(row, "path"));
        lince_status st = open_model(&m, path, mem, &err);
        st = st ? st : prepare(m, mem, &err);
        if (st != class_of(text_of(row, "expect"))) {
            print_error("%s: %s (%s), wanted %s: %s\n", text_of(row, "name"), li_status_name(st), err.text,
                        text_of(row, "expect"), text_of(row, "what"));
            wrong++;
        }
        assert_true(!st || (err.code == st && strlen(err.text) > 20));
        li_model_release(m);
        assert_int_equal(li_mem_used_bytes(mem), 0);
        li_mem_release(mem);
    }
    json_decref(cases);
    assert_int_equal(wrong, 0);
}

static void scanning_a_broken_callable_tells_why(void **state)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_model *m;
    struct li_callable *callable;
    const char *const *texts, *const *ops;
    size_t count;
    lince_error err = {0};

    (void)state;
    assert_int_equal(open_model(&m, "malformed/models/op_unknown", mem, &err), LINCE_OK);
    assert_int_equal(li_model_callable(m, "__call__", &callable, &err), LINCE_OK);
    assert_int_equal(li_callable_unsupported(callable, &texts, &count, &err), LINCE_OK);
    assert_int_equal(count, 1);
    assert_string_equal(texts[0], "NoSuchOp");
    assert_int_equal(li_callable_ops(callable, &ops, &count, &err), LINCE_OK);
    for (size_t i = 1; i < count; i++) {
        assert_true(strcmp(ops[i - 1], ops[i]) < 0);
    }
    li_model_release(m);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_ends_in_its_class_of_error),
        cmocka_unit_test(scanning_a_broken_callable_tells_why),
    };

    return cmocka_run_group_tests_name("model_malformed", tests, NULL, NULL);
}
