/* Every function with NULL where a pointer belongs, and option structs of other sizes. */
#include "support.h"

#include <math.h>

static void freeing_and_closing_null_does_nothing(void **state)
{
    (void)state;
    lince_model_close(NULL);
    lince_session_free(NULL);
    lince_pool_free(NULL);
    lince_tensor_free(NULL);
    lince_tensor_free(&(lince_tensor){.dtype = LINCE_FLOAT32});
    lince_model_options_init(NULL);
    lince_session_options_init(NULL);
    lince_image_options_init(NULL);
}

static void questions_about_null_have_empty_answers(void **state)
{
    (void)state;
    const int32_t *indices = (const int32_t *)(uintptr_t)4;
    size_t count = 1;
    assert_null(lince_model_call(NULL));
    assert_int_equal(lince_model_callable_count(NULL), 0);
    assert_null(lince_model_callable_at(NULL, 0));
    assert_string_equal(lince_callable_name(NULL), "");
    assert_int_equal(lince_callable_argument_count(NULL), 0);
    assert_int_equal(lince_callable_trace_count(NULL), 0);
    assert_string_equal(lince_callable_trace(NULL, 0), "");
    assert_string_equal(lince_session_structure(NULL), "");
    assert_int_equal(lince_variable_count(NULL), 0);
    assert_int_equal(lince_loss_count(NULL), -1);
    assert_int_equal(lince_asset_count(NULL), 0);
    assert_int_equal(lince_image_orientation(NULL, 10), 1);
    assert_int_equal(lince_callable_input_count(NULL, 0), 0);
    assert_int_equal(lince_callable_output_count(NULL, 0), 0);
    assert_int_equal(lince_labels_count(NULL), 0);
    assert_null(lince_labels_text(NULL, 0));
    assert_string_equal(lince_labels_path(NULL), "");
    assert_string_equal(lince_labels_note(NULL), "");
    lince_labels_free(NULL);
    lince_model_variables(NULL, LINCE_VARIABLES, &indices, &count);
    assert_null(indices);
    assert_int_equal(count, 0);
    lince_model_variables(NULL, LINCE_VARIABLES, NULL, NULL);
}

#define refuses_null(call, name) assert_refused(call, LINCE_EINVAL, name " is NULL")

static void null_models_and_results_are_refused_by_name(void **state)
{
    (void)state;
    lince_model *model = open_model("mobile", 1);
    lince_callable *call = lince_model_call(model);
    lince_session *session;
    lince_variable_info variable = {.struct_size = sizeof variable};
    lince_argument_info argument = {.struct_size = sizeof argument};
    lince_model_info info = {.struct_size = sizeof info};
    lince_tensor_info tensor = {.struct_size = sizeof tensor};
    lince_image_info image = {.struct_size = sizeof image};
    lince_task_info task = {.struct_size = sizeof task};
    lince_labels *labels;
    const char *const *texts;
    const char *path;
    size_t count;
    float value;
    refuses_null(lince_model_open(NULL, "x", NULL, err), "model");
    refuses_null(lince_model_open(&(lince_model *){NULL}, NULL, NULL, err), "path");
    refuses_null(lince_pool_new(NULL, 1, err), "pool");
    refuses_null(lince_model_callable(NULL, "x", &call, err), "model");
    refuses_null(lince_model_callable(model, "x", NULL, err), "callable");
    refuses_null(lince_callable_argument(NULL, 0, &argument, err), "callable");
    refuses_null(lince_callable_argument(lince_model_call(model), 0, NULL, err), "info");
    refuses_null(lince_callable_unsupported(NULL, &texts, &count, err), "callable");
    refuses_null(lince_callable_unsupported(lince_model_call(model), NULL, &count, err), "texts");
    refuses_null(lince_callable_ops(lince_model_call(model), &texts, NULL, err), "count");
    refuses_null(lince_callable_image_size(NULL, NULL, NULL, NULL, err), "callable");
    assert_ok(lince_callable_image_size(lince_model_call(model), NULL, NULL, NULL, err));
    refuses_null(lince_session_new(NULL, lince_model_call(model), NULL, 0, NULL, err), "session");
    refuses_null(lince_session_new(&session, NULL, NULL, 0, NULL, err), "callable");
    assert_null(session);
    refuses_null(lince_callable_input(NULL, 0, 0, &tensor, err), "callable");
    refuses_null(lince_callable_input(lince_model_call(model), 0, 0, NULL, err), "info");
    refuses_null(lince_callable_output(NULL, 0, 0, &tensor, err), "callable");
    refuses_null(lince_callable_output(lince_model_call(model), 0, 0, NULL, err), "info");
    refuses_null(lince_callable_image(NULL, &image, err), "callable");
    refuses_null(lince_callable_image(lince_model_call(model), NULL, err), "info");
    refuses_null(lince_callable_task(NULL, NULL, &task, err), "callable");
    refuses_null(lince_callable_task(lince_model_call(model), NULL, NULL, err), "info");
    refuses_null(lince_labels_parse(NULL, "a", 1, 0, err), "labels");
    refuses_null(lince_labels_parse(&labels, NULL, 1, 0, err), "text");
    refuses_null(lince_labels_of_model(NULL, model, 1, err), "labels");
    refuses_null(lince_labels_of_model(&labels, NULL, 1, err), "model");
    refuses_null(lince_variable_info_at(NULL, 0, &variable, err), "model");
    refuses_null(lince_variable_info_at(model, 0, NULL, err), "info");
    refuses_null(lince_variable_read(NULL, 0, &value, 4, err), "model");
    refuses_null(lince_variable_read(model, 0, NULL, 4, err), "data");
    refuses_null(lince_variable_write(NULL, 0, &value, 4, err), "model");
    refuses_null(lince_variable_write(model, 0, NULL, 4, err), "data");
    refuses_null(lince_loss_value(NULL, 0, &value, err), "model");
    refuses_null(lince_loss_value(model, 0, NULL, err), "value");
    refuses_null(lince_model_get_info(NULL, &info, err), "model");
    refuses_null(lince_model_get_info(model, NULL, err), "info");
    refuses_null(lince_model_verify(NULL, &count, err), "model");
    refuses_null(lince_asset_path(NULL, 0, &path, err), "model");
    refuses_null(lince_asset_path(model, 0, NULL, err), "path");
    lince_model_close(model);
}

static int tell_shape(const lince_tensor_info *output, void *context)
{
    (void)output;
    (void)context;
    return 0;
}

static int tell(const lince_step *step, void *context)
{
    (void)step;
    (void)context;
    return 0;
}

static void null_inputs_and_images_are_refused_by_name(void **state)
{
    (void)state;
    lince_model *model = open_model("mobile", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 16, 1), out;
    float *pixels = images.data;
    refuses_null(lince_session_run(NULL, &images, 1, NULL, NULL, err), "session");
    const lince_output *outputs = (const lince_output *)(const void *)&images;
    size_t count = 99;
    refuses_null(lince_session_run(session, NULL, 1, &outputs, &count, err), "inputs");
    assert_null(outputs);
    assert_int_equal(count, 0);
    assert_ok(lince_session_run(session, &images, 1, NULL, NULL, err));
    refuses_null(lince_session_run_images(NULL, pixels, 1, 16, 16, pixels, 8, err), "session");
    refuses_null(lince_session_run_images(session, NULL, 1, 16, 16, pixels, 8, err), "images");
    refuses_null(lince_session_run_images(session, pixels, 1, 16, 16, NULL, 8, err), "out");
    refuses_null(lince_session_explain(NULL, &images, 1, tell, NULL, err), "session");
    refuses_null(lince_session_explain(session, NULL, 1, tell, NULL, err), "inputs");
    refuses_null(lince_session_explain(session, &images, 1, NULL, NULL, err), "tell");
    refuses_null(lince_session_infer(NULL, &images, 1, tell_shape, NULL, err), "session");
    refuses_null(lince_session_infer(session, NULL, 1, tell_shape, NULL, err), "inputs");
    refuses_null(lince_session_infer(session, &images, 1, NULL, NULL, err), "tell");
    refuses_null(lince_session_smallest_image(NULL, &(int32_t){0}, err), "session");
    refuses_null(lince_session_smallest_image(session, NULL, err), "side");
    refuses_null(lince_image_load(NULL, NULL, 8, 8, pixels, err), "path");
    refuses_null(lince_image_load(LINCE_EXAMPLES "/photos/china.jpg", NULL, 8, 8, NULL, err), "out");
    refuses_null(lince_image_load_bytes(NULL, 4, NULL, 8, 8, pixels, err), "data");
    refuses_null(lince_image_load_bytes("abcd", 4, NULL, 8, 8, NULL, err), "out");
    refuses_null(lince_image_decode(NULL, 4, 3, NULL, &out, err), "data");
    refuses_null(lince_image_decode("abcd", 4, 3, NULL, NULL, err), "out");
    refuses_null(lince_image_to_float(NULL, &out, err), "image");
    refuses_null(lince_image_to_float(&images, NULL, err), "out");
    assert_refused(lince_image_to_float(&images, &out, err), LINCE_EINVAL, "uint8 is wanted");
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

static void errors_may_be_null(void **state)
{
    (void)state;
    lince_model *model = open_model("mobile", 1);
    lince_session *session = open_session(model, "__call__", NULL, 0);
    lince_tensor images = random_images(1, 16, 17, 1);
    assert_int_equal(lince_session_run(session, &images, 1, NULL, NULL, NULL), LINCE_EINVAL);
    assert_int_equal(lince_session_run(session, &images, 2, NULL, NULL, NULL), LINCE_EINVAL);
    images.dims[0] = -1;
    assert_int_equal(lince_session_run(session, &images, 1, NULL, NULL, NULL), LINCE_EINVAL);
    assert_int_equal(lince_model_open(&(lince_model *){NULL}, "/nonexistent", NULL, NULL), LINCE_ENOENT);
    assert_int_equal(lince_image_load_bytes("abcd", 4, NULL, 8, 8, images.data, NULL), LINCE_EFORMAT);
    free(images.data);
    lince_session_free(session);
    lince_model_close(model);
}

/* ---- Options ---- */

/*
 * lince_..._options_init() of a later library must not write past the struct of a program built with this header. When
 * a field is added, that function stays as it is and a new one, with a name of its own, knows the new field.
 */
static void option_structs_have_the_sizes_of_version_0_1(void **state)
{
    (void)state;
    assert_int_equal(sizeof(lince_model_options), 80);
    assert_int_equal(sizeof(lince_session_options), 24);
    assert_int_equal(sizeof(lince_image_options), 64);
}

static void a_model_option_struct_of_any_older_size_is_read_as_far_as_it_goes(void **state)
{
    (void)state;
    const char *path = LINCE_TEST_DATA "/golden/models/mobile";
    lince_model_options options;
    lince_model *model;
    lince_model_info info = {.struct_size = sizeof info};
    lince_model_options_init(&options);
    assert_int_equal(options.struct_size, sizeof options);
    options.threads = 2;
    options.memory_limit_bytes = 1; /* beyond what this struct_size says is there */
    options.struct_size = offsetof(lince_model_options, memory_limit_bytes);
    assert_ok(lince_model_open(&model, path, &options, err));
    lince_model_close(model);
    options.struct_size = offsetof(lince_model_options, pool);
    assert_refused(lince_model_open(&model, path, &options, err), LINCE_ENOMEM, "limit is 1");
    options.memory_limit_bytes = 0;
    assert_ok(lince_model_open(&model, path, &options, err));
    assert_ok(lince_model_get_info(model, &info, err));
    assert_int_equal(info.threads, 2);
    lince_model_close(model);
}

static void a_struct_size_of_0_or_from_a_newer_header_is_refused(void **state)
{
    (void)state;
    lince_model_options options;
    lince_session_options session_options;
    lince_image_options image_options;
    lince_model *model = open_model("mobile", 1), *other;
    lince_session *session;
    lince_model_info info;
    float pixels[3];
    static const size_t sizes[] = {0, 4096};
    for (int i = 0; i < 2; i++) {
        lince_model_options_init(&options);
        lince_session_options_init(&session_options);
        lince_image_options_init(&image_options);
        options.struct_size = session_options.struct_size = image_options.struct_size = info.struct_size = sizes[i];
        assert_refused(lince_model_open(&other, "x", &options, err), LINCE_EINVAL, "lince_model_options.struct_size");
        assert_refused(lince_session_new(&session, lince_model_call(model), NULL, 0, &session_options, err),
                       LINCE_EINVAL, "lince_session_options.struct_size");
        assert_refused(lince_image_load_bytes("x", 1, &image_options, 1, 1, pixels, err), LINCE_EINVAL,
                       "lince_image_options.struct_size");
        assert_refused(lince_model_get_info(model, &info, err), LINCE_EINVAL, "lince_model_info.struct_size");
    }
    lince_model_close(model);
}

static void a_shorter_info_is_filled_and_nothing_behind_it(void **state)
{
    (void)state;
    lince_model *model = open_model("mobile", 1);
    lince_model_info info = {.struct_size = offsetof(lince_model_info, isa), .isa = "mine", .threads = -5};
    assert_ok(lince_model_get_info(model, &info, err));
    assert_non_null(info.path);
    assert_true(info.pb_bytes > 0);
    assert_string_equal(info.isa, "mine");
    assert_int_equal(info.threads, -5);
    lince_model_close(model);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    lince_model_options options;
    lince_image_options image;
    lince_model *model;
    lince_pool *pool;
    struct counter counter = {0};
    float pixels[3];
    lince_model_options_init(&options);
    options.threads = -1;
    assert_refused(lince_model_open(&model, "x", &options, err), LINCE_EINVAL, "-1 threads");
    options.threads = 1 << 30;
    assert_refused(lince_model_open(&model, "x", &options, err), LINCE_EINVAL, "threads");
    assert_refused(lince_pool_new(&pool, -3, err), LINCE_EINVAL, "-3 threads");
    count_in(&options, &counter);
    options.release = NULL;
    assert_refused(lince_model_open(&model, "x", &options, err), LINCE_EINVAL, "alloc without release");
    lince_model_options_init(&options);
    options.tags = "no,such,tags";
    assert_refused(lince_model_open(&model, LINCE_TEST_DATA "/golden/models/mobile", &options, err), LINCE_ENOENT,
                   "serve");
    static const double fractions[] = {0, -0.5, 1.01, NAN};
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++) {
        lince_image_options_init(&image);
        image.crop_fraction = fractions[i];
        assert_refused(lince_image_load_bytes("x", 1, &image, 1, 1, pixels, err), LINCE_EINVAL, "crop_fraction");
    }
    lince_image_options_init(&image);
    image.std[1] = 0;
    assert_refused(lince_image_load_bytes("x", 1, &image, 1, 1, pixels, err), LINCE_EINVAL, "std[1]");
    lince_image_options_init(&image);
    image.interpolation = (lince_interpolation)17;
    assert_refused(lince_image_load_bytes("x", 1, &image, 1, 1, pixels, err), LINCE_EINVAL, "interpolation 17");
    assert_refused(lince_image_load_bytes("x", 1, NULL, 0, 1, pixels, err), LINCE_EINVAL, "0x1");
}

static void names_of_statuses_dtypes_and_the_version_agree_with_the_header(void **state)
{
    (void)state;
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", LINCE_VERSION_MAJOR, LINCE_VERSION_MINOR, LINCE_VERSION_PATCH);
    assert_string_equal(lince_version(), LINCE_VERSION);
    assert_string_equal(lince_version(), version);
    assert_string_equal(lince_status_name((lince_status)-1), "unknown");
    assert_string_equal(lince_status_name((lince_status)99), "unknown");
    assert_string_equal(lince_status_name(LINCE_ECORRUPT), "corrupt");
    assert_string_equal(lince_dtype_name((lince_dtype)-1), "unknown");
    assert_string_equal(lince_dtype_name((lince_dtype)1000), "unknown");
    assert_string_equal(lince_dtype_name(LINCE_BFLOAT16), "bfloat16");
    assert_int_equal(lince_dtype_size((lince_dtype)1000), 0);
    assert_int_equal(lince_dtype_size((lince_dtype)-1), 0);
    assert_int_equal(lince_dtype_size(LINCE_COMPLEX128), 16);
    assert_int_equal(lince_dtype_size(LINCE_STRING), sizeof(lince_string));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_and_closing_null_does_nothing),
        cmocka_unit_test(questions_about_null_have_empty_answers),
        cmocka_unit_test(null_models_and_results_are_refused_by_name),
        cmocka_unit_test(null_inputs_and_images_are_refused_by_name),
        cmocka_unit_test(errors_may_be_null),
        cmocka_unit_test(option_structs_have_the_sizes_of_version_0_1),
        cmocka_unit_test(a_model_option_struct_of_any_older_size_is_read_as_far_as_it_goes),
        cmocka_unit_test(a_struct_size_of_0_or_from_a_newer_header_is_refused),
        cmocka_unit_test(a_shorter_info_is_filled_and_nothing_behind_it),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(names_of_statuses_dtypes_and_the_version_agree_with_the_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
