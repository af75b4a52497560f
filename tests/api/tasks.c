/* What a callable is for, its images and its labels; what a layer would say. */
#include "support.h"

#define HEADS LINCE_TEST_DATA "/cli/heads/"

static void the_end_of_a_graph_says_what_its_numbers_are(void **state)
{
    (void)state;
    static const struct {
        const char *name, *output, *texts, *indices;
        lince_scores scores;
        int64_t results, classes;
        lince_task task;
        const char *reason;
    } heads[] = {
        {"binary_logit", "", NULL, NULL, LINCE_SCORES_LOGITS, 1, 2, LINCE_TASK_CLASSIFICATION, "a single result"},
        {"binary_sigmoid", "", NULL, NULL, LINCE_SCORES_PROBABILITIES, 1, 2, LINCE_TASK_CLASSIFICATION, "a Sigmoid"},
        {"binary_flat", "", NULL, NULL, LINCE_SCORES_PROBABILITIES, 1, 2, LINCE_TASK_CLASSIFICATION, "a Sigmoid"},
        {"multilabel", "", NULL, NULL, LINCE_SCORES_PROBABILITIES, 5, 5, LINCE_TASK_CLASSIFICATION, "a Sigmoid"},
        {"softmax", "", NULL, NULL, LINCE_SCORES_SHARES, 3, 3, LINCE_TASK_CLASSIFICATION, "a Softmax"},
        {"logits", "", NULL, NULL, LINCE_SCORES_LOGITS, 3, 3, LINCE_TASK_UNKNOWN, "neither"},
        {"top_texts", "scores", "labels", NULL, LINCE_SCORES_LOGITS, 2, 2, LINCE_TASK_CLASSIFICATION, "\"scores\""},
        {"top_numbers", "0", NULL, "1", LINCE_SCORES_SHARES, 2, 2, LINCE_TASK_CLASSIFICATION, "a Softmax"},
        {"all_texts", "scores", "classes", NULL, LINCE_SCORES_PROBABILITIES, 4, 4, LINCE_TASK_CLASSIFICATION,
         "\"classes\""},
        {"odd_names", NULL, NULL, NULL, LINCE_SCORES_LOGITS, -1, -1, LINCE_TASK_UNKNOWN, "neither"},
    };
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        char path[256];
        lince_task_info info = {.struct_size = sizeof info};
        snprintf(path, sizeof path, "%s%s", HEADS, heads[i].name);
        lince_model *model = open_model(path, 1);
        assert_ok(lince_callable_task(lince_model_call(model), NULL, &info, err));
        if (info.scores != heads[i].scores || info.results != heads[i].results || info.task != heads[i].task ||
            info.classes != heads[i].classes || !strstr(info.reason, heads[i].reason)) {
            fail_msg("%s: scores %d, results %d, task %d: %s", heads[i].name, (int)info.scores, (int)info.results,
                     (int)info.task, info.reason);
        }
        const char *const got[] = {info.output, info.texts, info.indices};
        const char *const wanted[] = {heads[i].output, heads[i].texts, heads[i].indices};
        for (int k = 0; k < 3; k++) {
            assert_true(!got[k] == !wanted[k]);
            assert_true(!got[k] || strcmp(got[k], wanted[k]) == 0);
        }
        assert_int_equal(info.background, -1);
        lince_model_close(model);
    }
}

static void a_part_of_the_result_may_be_asked_for(void **state)
{
    (void)state;
    lince_model *model = open_model(HEADS "odd_names", 1);
    lince_task_info info = {.struct_size = sizeof info};
    assert_ok(lince_callable_task(lince_model_call(model), "a~1b/0", &info, err));
    assert_string_equal(info.output, "a~1b/0");
    assert_int_equal(info.results, 2);
    assert_refused(lince_callable_task(lince_model_call(model), "a/b", &info, err), LINCE_ENOENT, "gives no \"a/b\"");
    lince_model_close(model);
}

static const char *default_of(const char *name)
{
    static char copy[64];
    lince_model *model = open_model(name, 1);
    lince_callable *c = lince_model_default(model);
    snprintf(copy, sizeof copy, "%s", c ? lince_callable_name(c) : "(none)");
    lince_model_close(model);
    return copy;
}

static void what_is_called_when_nobody_says_is_the_model_or_its_usual_signature(void **state)
{
    (void)state;
    assert_null(lince_model_default(NULL));
    assert_string_equal(default_of("classifier_signatures"), "__call__");
    assert_string_equal(default_of("keras3_export"), "signatures.serving_default");
    assert_string_equal(default_of("tf1_serving"), "signatures.serving_default");
    assert_string_equal(default_of("tf1_module"), "signatures.default");
}

static void a_signature_is_for_what_its_own_name_says(void **state)
{
    (void)state;
    static const struct {
        const char *name, *reason;
        lince_task task;
    } cases[] = {
        {"signatures.default", "with the same result says \"image_feature_vector\"", LINCE_TASK_FEATURES},
        {"signatures.image_feature_vector", "the signature says", LINCE_TASK_FEATURES},
        {"signatures.image_classification", "the signature says", LINCE_TASK_CLASSIFICATION},
    };
    lince_model *model = open_model("tf1_module", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lince_callable *c;
        lince_task_info info = {.struct_size = sizeof info};
        assert_ok(lince_model_callable(model, cases[i].name, &c, err));
        assert_ok(lince_callable_task(c, NULL, &info, err));
        assert_int_equal(info.task, cases[i].task);
        assert_non_null(strstr(info.reason, cases[i].reason));
        assert_string_equal(info.output, "default");
    }
    lince_model_close(model);
}

static void images_are_told_with_the_size_that_a_signature_has(void **state)
{
    (void)state;
    lince_model *model = open_model("uint8_input", 1);
    lince_image_info info = {.struct_size = sizeof info};
    assert_ok(lince_callable_image(lince_model_call(model), &info, err));
    assert_int_equal(info.dtype, LINCE_UINT8);
    lince_model_close(model);

    model = open_model(HEADS "logits", 1);
    assert_ok(lince_callable_image(lince_model_call(model), &info, err));
    assert_true(info.dtype == LINCE_FLOAT32 && info.batch == -1);
    assert_true(info.height == 8 && info.width == 8 && info.channels == 3);
    assert_true(info.default_height == 8 && info.default_width == 8);
    assert_null(info.default_from);
    lince_model_close(model);

    model = open_model(HEADS "odd_names", 1);
    assert_ok(lince_callable_image(lince_model_call(model), &info, err));
    lince_model_close(model);

    model = open_model(HEADS "hub_module", 1);
    assert_ok(lince_callable_image(lince_model_default(model), &info, err));
    assert_true(info.height == 0 && info.width == 0 && info.default_height == 10 && info.default_width == 12);
    assert_null(info.default_from);
    lince_model_close(model);
}

/* ---- Labels ---- */

static void check_labels(const char *text, size_t classes, const char *wanted, const char *note)
{
    char got[256] = "";
    lince_labels *labels;
    assert_ok(lince_labels_parse(&labels, text, strlen(text), classes, err));
    for (size_t i = 0; i < lince_labels_count(labels); i++) {
        strcat(strcat(got, lince_labels_text(labels, i)), "|");
    }
    assert_string_equal(got, wanted);
    assert_string_equal(lince_labels_note(labels), note);
    assert_string_equal(lince_labels_path(labels), "");
    assert_null(lince_labels_text(labels, lince_labels_count(labels)));
    lince_labels_free(labels);
}

static void labels_are_lines_without_what_editors_add(void **state)
{
    (void)state;
    check_labels("cat\ndog", 2, "cat|dog|", "");
    check_labels("\xEF\xBB\xBF"
                 "cat \r\n\n dog\t\n\n \n",
                 3, "cat|| dog|", "");
    check_labels("", 0, "", "");
    check_labels("cat\ndog\n", 0, "cat|dog|", "");
    check_labels("Background\ncat\ndog\n", 2, "cat|dog|",
                 "3 labels for 2 classes; the first, \"Background\", is left out");
}

static void labels_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    lince_labels *labels = (lince_labels *)(uintptr_t)1;
    assert_refused(lince_labels_parse(&labels, "a\nb\n", 4, 5, err), LINCE_EINVAL, "2 labels, there are 5 classes");
    assert_null(labels);
    assert_refused(lince_labels_parse(&labels, "a\0b\n", 4, 2, err), LINCE_EFORMAT, "NUL");
}

/* `count` labels: `first`, then "1", "2" and so on, made to fit. */
static lince_status numbered(lince_labels **labels, const char *first, size_t count, size_t classes)
{
    char *text = malloc(16 * count + strlen(first));
    size_t at = (size_t)sprintf(text, "%s\n", first);
    for (size_t i = 1; i < count; i++) {
        at += (size_t)sprintf(text + at, "%zu\n", i);
    }
    lince_status st = lince_labels_parse(labels, text, at, classes, NULL);
    free(text);
    return st;
}

static void lists_with_and_without_background_fit_models_without_and_with_it(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        size_t count, classes;
        const char *zero, *one; /* what classes 0 and 1 are then called; NULL: refused */
    } cases[] = {
        {"0", 1000, 1000, "0", "1"},
        {"background", 1001, 1001, "background", "1"},
        {"0", 1000, 1001, "background", "0"},
        {"background", 1001, 1000, "1", "2"},
        {"dummy", 1001, 1000, "1", "2"},
        {"Background", 6, 5, "1", "2"},
        {"0", 6, 5, NULL, NULL},
        {"0", 5, 6, NULL, NULL},
        {"0", 999, 1000, NULL, NULL},
        {"0", 1002, 1000, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        lince_labels *labels;
        lince_status st = numbered(&labels, cases[i].first, cases[i].count, cases[i].classes);
        assert_int_equal(st, cases[i].zero ? LINCE_OK : LINCE_EINVAL);
        if (cases[i].zero) {
            assert_int_equal(lince_labels_count(labels), cases[i].classes);
            assert_string_equal(lince_labels_text(labels, 0), cases[i].zero);
            assert_string_equal(lince_labels_text(labels, 1), cases[i].one);
        }
        lince_labels_free(labels);
    }
}

static void a_model_has_labels_for_its_own_number_of_classes_only(void **state)
{
    (void)state;
    lince_labels *labels;
    lince_model *model = open_model(LINCE_EXAMPLES "/efficientnet_lite0", 1);
    assert_ok(lince_labels_of_model(&labels, model, 1000, err));
    assert_string_equal(lince_labels_text(labels, 0), "tench");
    assert_non_null(strstr(lince_labels_path(labels), "labels.txt"));
    lince_labels_free(labels);
    assert_refused(lince_labels_of_model(&labels, model, 7, err), LINCE_ENOENT, "name 7 classes");
    assert_null(labels);
    assert_refused(lince_labels_of_model(&labels, model, 0, err), LINCE_EINVAL, "0 classes");
    lince_model_close(model);
}

/* ---- A layer's arguments ---- */

/* Batch norm by the batch gives other results than by what it learned. */
static void a_layer_says_training_false_where_nobody_says_more(void **state)
{
    (void)state;
    static const lince_argument trained[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                             {.path = "training", .kind = LINCE_ARG_BOOL, .i = 1}};
    static const lince_argument by_position[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                                 {.path = "1", .kind = LINCE_ARG_BOOL, .i = 0}};
    lince_model *model = open_model("classifier", 1);
    lince_session *session;
    lince_session_options options;
    lince_tensor images = random_images(2, 16, 16, 1);
    lince_session_options_init(&options);
    assert_int_equal(options.layer, 0);
    options.layer = 1;
    const lince_argument *const given[] = {NULL, by_position, trained}; /* training moves the averages: last */
    float *result[3];
    size_t count;
    for (int i = 0; i < 3; i++) {
        assert_ok(lince_session_new(&session, lince_model_call(model), given[i], given[i] ? 2 : 0, &options, err));
        result[i] = run_floats(session, &images, &count);
        lince_session_free(session);
    }
    assert_memory_equal(result[0], result[1], count * sizeof(float));
    assert_memory_not_equal(result[0], result[2], count * sizeof(float));
    for (int i = 0; i < 3; i++) {
        free(result[i]);
    }
    free(images.data);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_a_graph_says_what_its_numbers_are),
        cmocka_unit_test(a_part_of_the_result_may_be_asked_for),
        cmocka_unit_test(what_is_called_when_nobody_says_is_the_model_or_its_usual_signature),
        cmocka_unit_test(a_signature_is_for_what_its_own_name_says),
        cmocka_unit_test(images_are_told_with_the_size_that_a_signature_has),
        cmocka_unit_test(labels_are_lines_without_what_editors_add),
        cmocka_unit_test(labels_that_do_not_fit_are_refused),
        cmocka_unit_test(lists_with_and_without_background_fit_models_without_and_with_it),
        cmocka_unit_test(a_model_has_labels_for_its_own_number_of_classes_only),
        cmocka_unit_test(a_layer_says_training_false_where_nobody_says_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
