/* Publishing: a body and a head as a new model, a classifier cut, a model with signatures. */
#include "publishing.h"

#include <math.h>

/* ---- What is published ---- */

static float *run_of(lince_model *model, const char *callable, const lince_tensor *input)
{
    size_t n;
    lince_session *session = open_session(model, callable, NULL, 0);
    float *out = run_floats(session, input, &n);
    lince_session_free(session);
    return out;
}

static void assert_near(const float *a, const float *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (fabsf(a[i] - b[i]) > 1e-5f * fmaxf(1, fabsf(b[i]))) {
            fail_msg("%d: %.9g, wanted %.9g", i, (double)a[i], (double)b[i]);
        }
    }
}

/* What the head makes of features, by hand. */
static void by_hand(const struct parts *p, const float *features, int n, float *logits)
{
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < CLASSES; c++) {
            double sum = p->bias[c];
            for (int f = 0; f < FEATURES; f++) {
                sum += (double)features[i * FEATURES + f] * p->kernel[f * CLASSES + c];
            }
            logits[i * CLASSES + c] = (float)sum;
        }
    }
}

static lince_model *publish_feature_vector(struct parts *p, const char *name)
{
    lince_model *body = open_model("feature_vector", 2);
    fill(p);
    assert_ok(lince_publish(body, in_root(name), &p->options, err));
    lince_model_close(body);
    return open_with(in_root(name), NULL);
}

static void a_body_with_a_head_gives_logits(void **state)
{
    (void)state;
    struct parts p;
    lince_model *model = publish_feature_vector(&p, "new"), *body = open_model("feature_vector", 2);
    lince_tensor images = random_images(3, 16, 16, 1);
    float wanted[3 * CLASSES], *features = run_of(body, "features", &images);
    float *logits = run_of(model, "__call__", &images), *served = run_of(model, "signatures.serving_default", &images);
    float *inner = run_of(model, "body", &images);
    by_hand(&p, features, 3, wanted);
    assert_near(logits, wanted, 3 * CLASSES);
    assert_memory_equal(served, logits, sizeof wanted);
    assert_memory_equal(inner, features, 3 * FEATURES * sizeof *inner);
    free(features);
    free(logits);
    free(served);
    free(inner);
    free(images.data);
    lince_model_close(body);
    lince_model_close(model);
    assert_int_equal(entries(root), 1); /* nothing else was left */
}

static size_t list_of(lince_model *model, lince_variable_list list, const char *last)
{
    const int32_t *index;
    size_t count;
    lince_variable_info info = {.struct_size = sizeof info};
    lince_model_variables(model, list, &index, &count);
    assert_true(count > 0);
    assert_ok(lince_variable_info_at(model, (size_t)index[count - 1], &info, err));
    assert_string_equal(info.name, last);
    return count;
}

/* The body's lists, in which the publisher left some out, and the head's two; the body's arguments and losses. */
static void a_published_model_keeps_the_interface(void **state)
{
    (void)state;
    struct parts p;
    lince_model *model = publish_feature_vector(&p, "new"), *body = open_model("feature_vector", 2);
    lince_argument_info argument = {.struct_size = sizeof argument};
    float loss, wanted = 0;
    assert_int_equal(list_of(model, LINCE_VARIABLES, "head/bias:0"), 22);
    assert_int_equal(list_of(model, LINCE_TRAINABLE_VARIABLES, "head/bias:0"), 11);
    assert_int_equal(lince_callable_argument_count(lince_model_call(model)), 4);
    assert_ok(lince_callable_argument(lince_model_call(model), 2, &argument, err));
    assert_string_equal(argument.name, "batch_norm_momentum");
    assert_int_equal(lince_callable_trace_count(lince_model_call(model)), 2);
    assert_int_equal(lince_loss_count(model), lince_loss_count(body) + 1);
    for (size_t i = 0; i < 3; i++) {
        float other;
        assert_ok(lince_loss_value(model, i, &loss, err));
        assert_ok(lince_loss_value(body, i, &other, err));
        assert_true(loss == other);
    }
    for (int i = 0; i < FEATURES * CLASSES; i++) {
        wanted += 0.25f * fabsf(p.kernel[i]) + 0.5f * p.kernel[i] * p.kernel[i];
    }
    assert_ok(lince_loss_value(model, 3, &loss, err));
    assert_near(&loss, &wanted, 1);
    lince_model_close(body);
    lince_model_close(model);
}

static void labels_need_no_option(void **state)
{
    (void)state;
    struct parts p;
    lince_model *model = publish_feature_vector(&p, "new");
    lince_task_info task = {.struct_size = sizeof task};
    lince_labels *found;
    assert_ok(lince_callable_task(lince_model_call(model), NULL, &task, err));
    assert_int_equal(task.task, LINCE_TASK_CLASSIFICATION);
    assert_int_equal(task.scores, LINCE_SCORES_LOGITS);
    assert_ok(lince_labels_of_model(&found, model, CLASSES, err));
    for (size_t i = 0; i < CLASSES; i++) {
        assert_string_equal(lince_labels_text(found, i), labels[i]);
    }
    lince_labels_free(found);
    lince_model_close(model);
}

/* Dropout is drawn anew in each training run, and scales what it keeps; without training nothing is drawn. */
static void dropout_is_active_in_training_only(void **state)
{
    (void)state;
    struct parts p;
    lince_model *model = publish_feature_vector(&p, "new");
    lince_tensor images = random_images(4, 16, 16, 5);
    size_t n;
    for (int training = 0; training < 2; training++) {
        lince_session *session = open_training(model, training);
        float *one = run_floats(session, &images, &n), *two = run_floats(session, &images, &n);
        assert_int_equal(n, 4 * CLASSES);
        assert_int_equal(memcmp(one, two, n * sizeof *one) != 0, training);
        free(one);
        free(two);
        lince_session_free(session);
    }
    free(images.data);
    lince_model_close(model);
}

/* A body that knows no training gets the argument. */
static void training_is_added_where_it_is_missing(void **state)
{
    (void)state;
    struct parts p;
    lince_model *body = open_model("feature_vector", 1), *model;
    lince_argument_info argument = {.struct_size = sizeof argument};
    fill(&p);
    assert_ok(lince_model_callable(body, "features", &p.options.body, err));
    assert_ok(lince_publish(body, in_root("new"), &p.options, err));
    model = open_with(in_root("new"), NULL);
    assert_int_equal(lince_callable_trace_count(lince_model_call(model)), 2);
    assert_ok(lince_callable_argument(lince_model_call(model), 1, &argument, err));
    assert_string_equal(argument.name, "training");
    assert_string_equal(argument.default_value, "False");
    lince_session_free(open_training(model, true));
    lince_model_close(body);
    lince_model_close(model);
}

static void a_range_is_built_in(void **state)
{
    (void)state;
    struct parts p;
    lince_model *body = open_model("feature_vector", 2), *model;
    lince_tensor images = random_images(2, 16, 16, 1), mapped = random_images(2, 16, 16, 1);
    float wanted[2 * CLASSES];
    fill(&p);
    for (int i = 0; i < 3; i++) {
        p.options.mean[i] = 0.25f * (float)i;
        p.options.std[i] = 0.5f + 0.25f * (float)i;
    }
    for (int64_t i = 0; i < 2 * 16 * 16 * 3; i++) {
        ((float *)mapped.data)[i] = (((float *)images.data)[i] - p.options.mean[i % 3]) / p.options.std[i % 3];
    }
    assert_ok(lince_publish(body, in_root("new"), &p.options, err));
    model = open_with(in_root("new"), NULL);
    float *features = run_of(body, "features", &mapped), *logits = run_of(model, "__call__", &images);
    by_hand(&p, features, 2, wanted);
    assert_near(logits, wanted, 2 * CLASSES);
    free(features);
    free(logits);
    free(images.data);
    free(mapped.data);
    lince_model_close(body);
    lince_model_close(model);
}

/* What was fine-tuned goes in; what has the checkpoint's value keeps its bits. */
static void present_values_are_published(void **state)
{
    (void)state;
    struct parts p;
    lince_model *body = open_model("feature_vector", 1), *model;
    lince_variable_info info = {.struct_size = sizeof info};
    float beta[6] = {1, 2, 3, 4, 5, 6}, found[6], kernel[FEATURES * CLASSES];
    fill(&p);
    assert_ok(lince_variable_write(body, variable_named(body, "stem/beta:0", &info), beta, sizeof beta, err));
    assert_ok(lince_publish(body, in_root("new"), &p.options, err));
    model = open_with(in_root("new"), NULL);
    assert_ok(lince_variable_read(model, variable_named(model, "stem/beta:0", &info), found, sizeof found, err));
    assert_memory_equal(found, beta, sizeof beta);
    assert_ok(lince_variable_read(model, variable_named(model, "head/kernel:0", &info), kernel, sizeof kernel, err));
    assert_memory_equal(kernel, p.kernel, sizeof kernel);
    assert_ok(lince_model_verify(model, NULL, err));
    lince_model_close(body);
    lince_model_close(model);
}

/* ---- A classifier cut ---- */

static void multiply(const float *features, const float *kernel, const float *bias, int n, int width, int classes,
                     float *logits)
{
    for (int i = 0; i < n; i++) {
        for (int c = 0; c < classes; c++) {
            double sum = bias[c];
            for (int f = 0; f < width; f++) {
                sum += (double)features[i * width + f] * kernel[f * classes + c];
            }
            logits[i * classes + c] = (float)sum;
        }
    }
}

/* NAME's logits are its own dense layer behind the cut; neither its kernel nor their loss is left. */
static void check_cut(const char *name, const char *kernel, const char *bias, int width, int classes, int losses)
{
    lince_model *model = open_model(name, 2);
    lince_publish_options options;
    lince_variable_info info = {.struct_size = sizeof info};
    lince_tensor images = random_images(2, 16, 16, 3);
    float *w = malloc((size_t)(width * classes) * sizeof *w), b[8], made[16];
    lince_publish_options_init(&options);
    options.cut = 1;
    assert_ok(lince_publish(model, in_root(name), &options, err));
    lince_model *cut = open_with(in_root(name), NULL);
    float *features = run_of(cut, "__call__", &images), *logits = run_of(model, "__call__", &images);
    assert_ok(lince_variable_read(model, variable_named(model, kernel, &info), w, (size_t)(width * classes) * sizeof *w,
                                  err));
    assert_ok(lince_variable_read(model, variable_named(model, bias, &info), b, (size_t)classes * sizeof *b, err));
    multiply(features, w, b, 2, width, classes, made);
    assert_near(made, logits, 2 * classes);
    for (size_t i = 0; i < lince_variable_count(cut); i++) {
        assert_ok(lince_variable_info_at(cut, i, &info, err));
        assert_true(strcmp(info.name, kernel) != 0 && strcmp(info.name, bias) != 0);
    }
    assert_int_equal(lince_loss_count(cut), losses);
    free(w);
    free(features);
    free(logits);
    free(images.data);
    lince_model_close(cut);
    lince_model_close(model);
}

static void a_classifier_is_cut_before_its_last_layer(void **state)
{
    (void)state;
    check_cut("classifier", "head/kernel:0", "head/bias:0", 12, 5, 4);
    check_cut("keras_sequential", "logits/kernel:0", "logits/bias:0", 72, 5, 2);
}

/* In training neither its own dropout nor its dense layer is left: statistics are updated all the same. */
static void a_cut_model_trains_without_its_dropout(void **state)
{
    (void)state;
    lince_model *model = open_model("keras_sequential", 2);
    lince_publish_options options;
    lince_tensor images = random_images(4, 16, 16, 3);
    size_t n, size;
    lince_publish_options_init(&options);
    options.cut = 1;
    assert_ok(lince_publish(model, in_root("cut"), &options, err));
    lince_model *cut = open_with(in_root("cut"), NULL);
    lince_session *session = open_training(cut, true);
    unsigned char *before = numbers_of(cut, &size);
    float *one = run_floats(session, &images, &n), *two = run_floats(session, &images, &n);
    unsigned char *after = numbers_of(cut, &size);
    assert_memory_equal(one, two, n * sizeof *one);
    assert_memory_not_equal(before, after, size);
    free(one);
    free(two);
    free(before);
    free(after);
    free(images.data);
    lince_session_free(session);
    lince_model_close(cut);
    lince_model_close(model);
}

/* A published classifier is one that can be cut again. */
static void a_published_classifier_is_a_body(void **state)
{
    (void)state;
    struct parts p;
    lince_model *model = publish_feature_vector(&p, "first"), *body = open_model("feature_vector", 2);
    lince_tensor images = random_images(2, 16, 16, 1);
    p.options.cut = 1;
    assert_ok(lince_publish(model, in_root("second"), &p.options, err));
    lince_model *again = open_with(in_root("second"), NULL);
    float *one = run_of(model, "__call__", &images), *two = run_of(again, "__call__", &images);
    assert_memory_equal(one, two, 2 * CLASSES * sizeof *one);
    assert_int_equal(list_of(again, LINCE_VARIABLES, "head/bias_1:0"), 22);
    free(one);
    free(two);
    free(images.data);
    lince_model_close(again);
    lince_model_close(model);
    lince_model_close(body);
}

/* ---- Signatures ---- */

/* Files of photos in, the same as decoding and resizing them first. */
static void check_bytes(lince_model *model, const char *output, int width)
{
    static const char *const photos[] = {LINCE_EXAMPLES "/photos/flower.jpg", LINCE_EXAMPLES "/photos/coffee.jpg"};
    lince_string files[2];
    lince_tensor images = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {2, 16, 16, 3}};
    lince_tensor bytes = {.dtype = LINCE_STRING, .rank = 1, .dims = {2}, .data = files, .size_bytes = sizeof files};
    images.size_bytes = 2 * 16 * 16 * 3 * sizeof(float);
    images.data = malloc(images.size_bytes);
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(photos[i], "rb");
        assert_non_null(file);
        char *data = malloc(1 << 20);
        files[i] = (lince_string){data, fread(data, 1, 1 << 20, file)};
        fclose(file);
        assert_ok(lince_image_load(photos[i], NULL, 16, 16, (float *)images.data + i * 16 * 16 * 3, err));
    }
    const lince_output *outputs;
    size_t count;
    lince_session *session = open_session(model, "signatures.serving_bytes", NULL, 0);
    assert_ok(lince_session_run(session, &bytes, 1, &outputs, &count, err));
    assert_int_equal(count, 1);
    assert_string_equal(outputs[0].path, output);
    float *wanted = run_of(model, "__call__", &images);
    assert_memory_equal(outputs[0].tensor.data, wanted, (size_t)(2 * width) * sizeof *wanted);
    bytes.dims[0] = 0;
    bytes.size_bytes = 0;
    assert_ok(lince_session_run(session, &bytes, 1, &outputs, &count, err));
    assert_int_equal(outputs[0].tensor.dims[0], 0);
    lince_session_free(session);
    free(wanted);
    free(images.data);
    free((void *)files[0].data);
    free((void *)files[1].data);
}

static void bytes_of_photos_are_decoded_in_the_model(void **state)
{
    (void)state;
    struct parts p;
    lince_model *model = publish_feature_vector(&p, "new");
    check_bytes(model, "logits", CLASSES);
    lince_model_close(model);
}

/* The same model, with what it lacks; all else is as it was. */
static void a_model_gets_signatures(void **state)
{
    (void)state;
    static const char *const names[] = {"classifier_minimal", "vit",          "assets_table",
                                        "keras_compiled",     "nested_calls", "no_variables"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lince_model *model = open_model(names[i], 1);
        assert_ok(lince_publish(model, in_root(names[i]), NULL, err));
        lince_model *served = open_with(in_root(names[i]), NULL);
        assert_same_variables(model, served);
        assert_true(lince_model_callable_count(served) > lince_model_callable_count(model));
        assert_int_equal(lince_loss_count(served), lince_loss_count(model));
        assert_int_equal(lince_asset_count(served) > 0, lince_asset_count(model) > 0);
        if (i == 0) {
            check_bytes(served, "logits", 5);
        }
        assert_refused(lince_publish(served, in_root("again"), NULL, err), LINCE_EINVAL, "already");
        lince_model_close(model);
        lince_model_close(served);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(a_body_with_a_head_gives_logits),
        WITH_ROOT(a_published_model_keeps_the_interface),
        WITH_ROOT(labels_need_no_option),
        WITH_ROOT(dropout_is_active_in_training_only),
        WITH_ROOT(training_is_added_where_it_is_missing),
        WITH_ROOT(a_range_is_built_in),
        WITH_ROOT(present_values_are_published),
        WITH_ROOT(a_classifier_is_cut_before_its_last_layer),
        WITH_ROOT(a_cut_model_trains_without_its_dropout),
        WITH_ROOT(a_published_classifier_is_a_body),
        WITH_ROOT(bytes_of_photos_are_decoded_in_the_model),
        WITH_ROOT(a_model_gets_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
