/* Lists, callables and the choice of a trace, on models that TensorFlow saved. */
#include "model_support.h"

struct fixture {
    struct li_mem *mem;
    struct li_model *model;
    struct li_callable *call;
    lince_error err;
};

static void begin(struct fixture *f, const char *model, const char *callable)
{
    char name[256];

    memset(f, 0, sizeof *f);
    f->mem = li_mem_new(NULL, NULL, NULL, 0);
    snprintf(name, sizeof name, "golden/models/%s", model);
    lince_status st = open_model(&f->model, name, f->mem, &f->err);
    if (!st && callable) {
        st = li_model_callable(f->model, callable, &f->call, &f->err);
    }
    if (st) {
        fail_msg("%s: %s", model, f->err.text);
    }
}

static void end(struct fixture *f)
{
    li_model_close(f->model);
    assert_int_equal(li_mem_used_bytes(f->mem), 0);
    li_mem_release(f->mem);
}

/* The trace's text, or the error's; borrowed from the model or from f. */
static const char *choose(struct fixture *f, const struct li_arg *positional, size_t count, const char *const *names,
                          const struct li_arg *keyword, size_t keywords)
{
    const struct li_call_args args = {positional, count, keyword, names, keywords};
    struct li_binding *b;

    if (li_callable_match(&b, f->call, &args, &f->err)) {
        assert_int_equal(f->err.code, LINCE_EINVAL);
        return f->err.text;
    }
    const char *text = b->trace->text;
    li_binding_free(b);
    return text;
}

static struct li_arg images(lince_dtype dtype)
{
    return input(0, dtype, 4, (int64_t[]){2, 16, 16, 3});
}

#define BOOL(v) ((struct li_arg){.kind = LI_ARG_BOOL, .i = (v)})
#define INT(v) ((struct li_arg){.kind = LI_ARG_INT, .i = (v)})
#define FLOAT(v) ((struct li_arg){.kind = LI_ARG_FLOAT, .f = (v)})

static const char *classify(struct fixture *f, struct li_arg training, struct li_arg momentum)
{
    const struct li_arg x = images(LINCE_FLOAT32), keyword[] = {training, momentum};

    return choose(f, &x, 1, (const char *[]){"training", "batch_norm_momentum"}, keyword, 2);
}

static void constants_compare_as_python_does(void **state)
{
    struct fixture f;

    (void)state;
    begin(&f, "classifier", "__call__");
    const char *trained = classify(&f, BOOL(1), FLOAT(0.9));
    assert_non_null(strstr(trained, "training=True, batch_norm_momentum=0.9)"));
    assert_string_equal(classify(&f, INT(1), FLOAT(0.9)), trained);
    assert_string_equal(classify(&f, FLOAT(1.0), FLOAT(0.9)), trained);
    assert_non_null(strstr(classify(&f, INT(0), FLOAT(0.9)), "training=False"));
    assert_non_null(strstr(classify(&f, INT(2), FLOAT(0.9)), "no trace takes"));
    assert_non_null(strstr(classify(&f, BOOL(1), FLOAT(0.5)), "no trace takes"));
    end(&f);
}

static void tensors_are_never_cast(void **state)
{
    struct fixture f;
    struct li_arg x = images(LINCE_FLOAT64);

    (void)state;
    begin(&f, "classifier", "__call__");
    assert_non_null(strstr(choose(&f, &x, 1, NULL, NULL, 0), "no trace takes (float64[2,16,16,3]"));
    x = images(LINCE_FLOAT32);
    assert_non_null(strstr(choose(&f, &x, 1, NULL, NULL, 0), "training=False"));
    x.shape.dim[3] = 4;
    assert_non_null(strstr(choose(&f, &x, 1, NULL, NULL, 0), "no trace takes"));
    x.shape.rank = 3;
    assert_non_null(strstr(choose(&f, &x, 1, NULL, NULL, 0), "no trace takes"));
    end(&f);
}

static void a_tensor_is_no_python_constant(void **state)
{
    struct fixture f;
    const struct li_arg x = images(LINCE_FLOAT32), flag = input(1, LINCE_BOOL, 0, (int64_t[]){0});

    (void)state;
    begin(&f, "classifier", "__call__");
    assert_non_null(strstr(choose(&f, &x, 1, (const char *[]){"training"}, &flag, 1), "no trace takes"));
    end(&f);
}

static void binding_errors_tell_what_is_accepted(void **state)
{
    struct fixture f;
    const struct li_arg x = images(LINCE_FLOAT32), many[] = {x, BOOL(0), FLOAT(0.9), INT(1), INT(2)};

    (void)state;
    begin(&f, "classifier", "__call__");
    assert_non_null(strstr(choose(&f, NULL, 0, NULL, NULL, 0), "missing: argument \""));
    assert_non_null(strstr(choose(&f, many, 5, NULL, NULL, 0), "too many arguments by position"));
    assert_non_null(strstr(choose(&f, &x, 1, (const char *[]){"trainings"}, &many[1], 1),
                           "unknown argument \"trainings\"; it takes ("));
    assert_non_null(
        strstr(choose(&f, many, 2, (const char *[]){"training"}, &many[1], 1), "given twice: argument \"training\""));
    end(&f);
}

/* dropout takes its rate as a tensor. */
static void python_numbers_become_the_tensor_a_trace_takes(void **state)
{
    struct fixture f;
    const struct li_arg x = input(0, LINCE_FLOAT32, 4, (int64_t[]){2, 8, 8, 3});
    struct li_binding *b;

    (void)state;
    begin(&f, "dropout", "__call__");
    size_t last = f.call->parameter_count - 1;
    const struct li_arg rate = FLOAT(0.25), training = BOOL(1), values[] = {training, rate};
    const char *names[] = {"training", f.call->parameter[last].name};
    const struct li_call_args args = {&x, 1, values, names, 2};
    if (li_callable_match(&b, f.call, &args, &f.err)) {
        fail_msg("%s", f.err.text);
    }
    size_t made = 0;
    for (size_t i = 0; i < b->trace->spec_count; i++) {
        if (b->bound[i].input == LI_NONE) {
            assert_int_equal(b->bound[i].tensor.dtype, LINCE_FLOAT32);
            assert_true(*(const float *)b->bound[i].tensor.data == 0.25f);
            made++;
        }
    }
    assert_int_equal(made, 1);
    li_binding_free(b);
    end(&f);
}

static void a_signature_takes_keyword_tensors(void **state)
{
    struct fixture f;
    const struct li_arg x = images(LINCE_FLOAT32);

    (void)state;
    begin(&f, "classifier_signatures", "signatures.serving_default");
    assert_true(f.call->bare);
    const char *name = f.call->parameter[0].name;
    assert_null(strstr(choose(&f, NULL, 0, &name, &x, 1), "no trace"));
    assert_null(strstr(choose(&f, &x, 1, NULL, NULL, 0), "too many"));
    assert_non_null(strstr(choose(&f, NULL, 0, (const char *[]){"nothing"}, &x, 1), "unknown argument"));
    end(&f);
}

static void results_are_leaves_with_paths(void **state)
{
    struct fixture f;
    char text[512];

    (void)state;
    begin(&f, "classifier_signatures", "signatures.serving_default");
    const struct li_trace *t = &f.call->trace[0];
    assert_int_equal(t->leaf_count, 3);
    for (size_t i = 0; i < t->leaf_count; i++) {
        assert_int_equal(t->leaf[i].output, i);
        assert_true(!i || strcmp(t->leaf[i - 1].path, t->leaf[i].path) < 0);
    }
    size_t len = li_trace_result_text(t, NULL, text, sizeof text);
    assert_int_equal(len, strlen(text));
    assert_int_equal(text[0], '{');
    assert_int_equal(li_trace_result_text(t, NULL, text, 5), len);
    assert_int_equal(strlen(text), 4);
    end(&f);
}

static void an_unknown_callable_lists_those_there_are(void **state)
{
    struct fixture f;
    struct li_callable *none;

    (void)state;
    begin(&f, "feature_vector", "features");
    assert_int_equal(li_model_callable(f.model, "feature", &none, &f.err), LINCE_ENOENT);
    assert_non_null(strstr(f.err.text, "it has __call__, "));
    assert_non_null(strstr(f.err.text, "logits"));
    end(&f);
}

/* ---- Against the manifests ---- */

static const char *const models[] = {
    "assets_table",
    "bit",
    "ckpt_dtypes",
    "classifier",
    "classifier_minimal",
    "feature_vector",
    "keras3_archive",
    "keras_compiled",
    "keras_functional",
    "mixed",
    "mobile",
    "nested_calls",
    "no_variables",
    "structures",
    "swin",
    "vit",
    "wrapped_inception",
};

static void check_indices(const struct li_model *m, enum li_list_kind kind, const json_t *want)
{
    struct li_list list = li_model_list(m, kind);

    assert_int_equal(list.indices == NULL, json_is_null(want));
    assert_int_equal(list.count, json_array_size(want));
    for (size_t i = 0; i < list.count; i++) {
        assert_int_equal(list.indices[i], json_integer_value(json_array_get(want, i)));
    }
}

static void lists_of_variables_are_those_of_tensorflow(void **state)
{
    (void)state;
    for (size_t i = 0; i < LI_COUNT(models); i++) {
        struct fixture f;
        char path[256];
        begin(&f, models[i], NULL);
        snprintf(path, sizeof path, "golden/cases/%s.json", models[i]);
        json_t *manifest = read_manifest(path), *all = json_object_get(manifest, "all_variables");
        assert_int_equal(li_model_variable_count(f.model), json_array_size(all));
        for (size_t v = 0; v < json_array_size(all); v++) {
            assert_string_equal(li_model_variable(f.model, v)->name, text_of(json_array_get(all, v), "name"));
        }
        check_indices(f.model, LI_LIST_VARIABLES, json_object_get(manifest, "variables"));
        check_indices(f.model, LI_LIST_TRAINABLE, json_object_get(manifest, "trainable_variables"));
        const json_t *losses = json_object_get(manifest, "regularization_losses");
        assert_int_equal(li_model_loss_count(f.model), json_is_null(losses) ? -1 : (int64_t)json_array_size(losses));
        json_decref(manifest);
        end(&f);
    }
}

static void nothing_in_these_models_is_unsupported(void **state)
{
    (void)state;
    for (size_t i = 0; i < LI_COUNT(models); i++) {
        struct fixture f;
        begin(&f, models[i], NULL);
        for (size_t c = 0; c < li_model_callable_count(f.model); c++) {
            struct li_callable *callable = li_model_callable_at(f.model, c);
            const char *const *texts, *const *ops;
            size_t count;
            assert_int_equal(li_callable_unsupported(callable, &texts, &count, &f.err), LINCE_OK);
            if (count) {
                fail_msg("%s: %s: %s", models[i], callable->name, texts[0]);
            }
            assert_int_equal(li_callable_ops(callable, &ops, &count, &f.err), LINCE_OK);
            assert_true(count > 0 || !callable->trace_count);
        }
        end(&f);
    }
}

static void a_trace_is_imported_once_for_all_that_it_is_asked(void **state)
{
    struct fixture f;
    const char *const *texts;
    enum li_scores scores;
    size_t count;
    (void)state;
    begin(&f, "classifier", "__call__");
    for (size_t t = 0; t < f.call->trace_count; t++) {
        assert_int_equal(li_callable_scores(f.call, &f.call->trace[t], 0, &scores, &f.err), LINCE_OK);
        assert_int_equal(scores, LI_SCORES_ANY);
    }
    uint64_t before = li_mem_allocations(f.mem);
    assert_int_equal(li_callable_ops(f.call, &texts, &count, &f.err), LINCE_OK);
    assert_true(count > 0);
    assert_int_equal(li_mem_allocations(f.mem), before + 1); /* the list of all traces */
    assert_int_equal(li_callable_ops(f.call, &texts, &count, &f.err), LINCE_OK);
    assert_int_equal(li_callable_scores(f.call, &f.call->trace[0], 0, &scores, &f.err), LINCE_OK);
    assert_int_equal(li_mem_allocations(f.mem), before + 1);
    end(&f);
}

static void facts_and_tags_are_told(void **state)
{
    struct fixture f;
    struct li_model_facts facts;

    (void)state;
    begin(&f, "classifier", NULL);
    li_model_facts(f.model, &facts);
    assert_string_equal(facts.tags, "serve");
    assert_int_equal(facts.path[0], '/');
    assert_true(facts.objects > 1 && facts.functions > 1 && facts.variable_bytes > 0);
    end(&f);
}

static void tags_choose_the_meta_graph(void **state)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_model *m;
    lince_error err;

    (void)state;
    const char *path = LINCE_TEST_DATA "/golden/models/classifier";
    assert_int_equal(li_model_open(&m, path, &(struct li_model_options){.tags = "train"}, mem, &err), LINCE_ENOENT);
    assert_non_null(strstr(err.text, "\"serve\""));
    assert_int_equal(li_model_open(&m, path, &(struct li_model_options){.tags = "serve"}, mem, &err), LINCE_OK);
    li_model_close(m);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_compare_as_python_does),
        cmocka_unit_test(tensors_are_never_cast),
        cmocka_unit_test(a_tensor_is_no_python_constant),
        cmocka_unit_test(binding_errors_tell_what_is_accepted),
        cmocka_unit_test(python_numbers_become_the_tensor_a_trace_takes),
        cmocka_unit_test(a_signature_takes_keyword_tensors),
        cmocka_unit_test(results_are_leaves_with_paths),
        cmocka_unit_test(an_unknown_callable_lists_those_there_are),
        cmocka_unit_test(lists_of_variables_are_those_of_tensorflow),
        cmocka_unit_test(nothing_in_these_models_is_unsupported),
        cmocka_unit_test(a_trace_is_imported_once_for_all_that_it_is_asked),
        cmocka_unit_test(facts_and_tags_are_told),
        cmocka_unit_test(tags_choose_the_meta_graph),
    };

    return cmocka_run_group_tests_name("model_calls", tests, NULL, NULL);
}
