/* Resizing against TensorFlow's floats. */
#include "image_support.h"

#include <math.h>

/*
 * Of the largest value: what a float32 sum of a few products may differ by when sines and quotients are rounded
 * differently.
 */
#define TOLERANCE 1e-6f

struct source {
    const char *name;
    int64_t h, w;
    float *pixels; /* [h, w, 3] in [0, 1] */
};

static float *floats_of(const uint8_t *u8, int64_t count)
{
    float *out = malloc((size_t)count * sizeof(float));

    assert_non_null(out);
    assert_true(li_image_convert(out, LINCE_FLOAT32, u8, LINCE_UINT8, count));
    return out;
}

static void load_photo(struct source *s, const char *name, struct li_mem *mem)
{
    struct li_file file = map_golden(name);
    struct li_image_options options = {.channels = 3};
    struct li_tensor image;
    lince_error err;

    if (li_image_decode(&image, file.bytes, &options, mem, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    s->h = image.shape.dim[0];
    s->w = image.shape.dim[1];
    s->pixels = floats_of(image.data, s->h * s->w * 3);
    li_free(mem, image.data);
    li_file_unmap(&file);
}

static void load_sources(struct source s[3], struct li_mem *mem)
{
    struct li_file file = map_golden("resize/small_u8.npy");
    int64_t count;
    const uint8_t *u8 = npy_data(file.bytes, 0, &count);

    assert_int_equal(count, 37 * 53 * 3);
    s[0] = (struct source){"small", 37, 53, floats_of(u8, count)};
    li_file_unmap(&file);
    s[1].name = "chelsea";
    load_photo(&s[1], "photos/chelsea.jpg", mem);
    s[2].name = "china";
    load_photo(&s[2], "photos/china.jpg", mem);
}

/* Rows in pieces of three, so that pieces begin in the middle of what is cached. */
static void run(const struct li_resize *r, const void *in, void *out)
{
    struct li_mem *mem = new_mem();
    lince_error err;
    void *table = li_alloc(mem, li_resize_table_bytes(r), &err),
         *scratch = li_alloc(mem, li_resize_scratch_bytes(r), &err);
    int64_t rows = r->n * r->oh;

    assert_non_null(table);
    assert_non_null(scratch);
    li_resize_table(r, table);
    for (int64_t y = 0; y < rows; y += 3) {
        li_resize_rows(r, table, in, out, y, LI_MIN(y + 3, rows), scratch);
    }
    li_free(mem, table);
    li_free(mem, scratch);
    end_mem(mem);
}

static float *resize_v2(const float *in, int64_t h, int64_t w, int64_t stride, int64_t oh, int64_t ow, const json_t *c)
{
    struct li_resize r = {
        .dtype = LINCE_FLOAT32, .n = 1, .h = h, .w = w, .c = 3, .oh = oh, .ow = ow, .row_stride = stride * 3};
    enum li_resize_method method;
    float *out = calloc((size_t)(oh * ow * 3), sizeof(float));

    assert_non_null(out);
    assert_true(li_resize_method_parse(text_of(c, "method"), &method));
    li_resize_v2(&r, method, json_is_true(json_object_get(c, "antialias")));
    run(&r, in, out);
    return out;
}

/* What the case asks for, [*h, *w, 3]. */
static float *compute(const struct source *s, const json_t *c, int64_t *h, int64_t *w)
{
    const char *op = text_of(c, "op");
    const json_t *size = json_object_get(c, "size");
    int64_t oh = int_at(size, 0), ow = int_at(size, 1);

    *h = oh;
    *w = ow;
    if (strcmp(op, "resize") == 0) {
        return resize_v2(s->pixels, s->h, s->w, s->w, oh, ow, c);
    }
    if (strcmp(op, "resize_preserve_aspect") == 0) {
        li_resize_keep_aspect(s->h, s->w, h, w);
        return resize_v2(s->pixels, s->h, s->w, s->w, *h, *w, c);
    }
    if (strcmp(op, "central_crop_resize") == 0) {
        struct li_rect crop = li_crop_central(s->h, s->w, json_real_value(json_object_get(c, "fraction")));
        return resize_v2(s->pixels + (crop.top * s->w + crop.left) * 3, crop.height, crop.width, s->w, oh, ow, c);
    }
    float *out = calloc((size_t)(oh * ow * 3), sizeof(float));
    assert_non_null(out);
    struct li_rect from, to;
    if (strcmp(op, "resize_with_pad") == 0) {
        to = li_resize_with_pad(s->h, s->w, oh, ow);
        from = (struct li_rect){0, 0, to.height, to.width};
        float *small = resize_v2(s->pixels, s->h, s->w, s->w, to.height, to.width, c);
        li_crop_copy(out, ow, to.top, to.left, small, to.width, &from, 3 * sizeof(float));
        free(small);
        return out;
    }
    assert_string_equal(op, "resize_with_crop_or_pad");
    li_crop_or_pad(s->h, s->w, oh, ow, &from, &to);
    li_crop_copy(out, ow, to.top, to.left, s->pixels, s->w, &from, 3 * sizeof(float));
    return out;
}

/* The largest difference from the golden rows; counts samples whose bits differ. */
static float difference(const float *got, int64_t h, int64_t w, const json_t *c, int64_t *unequal)
{
    struct li_file file = map_golden(text_of(c, "array"));
    const json_t *rows = json_object_get(c, "rows"), *shape = json_object_get(c, "shape");
    int64_t count, kept = rows ? (int64_t)json_array_size(rows) : h;
    const float *want = npy_data(file.bytes, 0, &count);
    float most = 0;

    assert_int_equal(h, int_at(shape, 0));
    assert_int_equal(w, int_at(shape, 1));
    assert_int_equal(count, kept * w * 3);
    for (int64_t k = 0; k < kept; k++) {
        const float *row = got + (rows ? int_at(rows, (size_t)k) : k) * w * 3;
        for (int64_t i = 0; i < w * 3; i++) {
            float d = fabsf(row[i] - want[k * w * 3 + i]);
            *unequal += d != 0;
            most = d <= most ? most : d; /* NaN shows */
        }
    }
    li_file_unmap(&file);
    return most;
}

/* These only add and multiply, in the order TensorFlow does: the same bits. */
static bool exact(const json_t *c)
{
    const char *method = text_of(c, "method");

    return !method || (strcmp(method, "lanczos3") && strcmp(method, "lanczos5") && strcmp(method, "gaussian"));
}

static void resizes_of_pictures_match_tensorflow(void **state)
{
    struct li_mem *mem = new_mem();
    struct source sources[3];
    json_t *root = read_json("manifest.json"), *c, *cases = json_object_get(json_object_get(root, "resize"), "cases");
    int wrong = 0;
    size_t index;

    (void)state;
    NEEDS_CODECS();
    load_sources(sources, mem);
    assert_int_equal(json_array_size(cases), 186);
    json_array_foreach(cases, index, c)
    {
        int64_t h, w, unequal = 0;
        const struct source *s = sources;
        while (strcmp(s->name, text_of(c, "source")) != 0) {
            s++;
        }
        float *got = compute(s, c, &h, &w);
        float d = difference(got, h, w, c, &unequal);
        if (!(exact(c) ? d == 0 : d <= TOLERANCE)) {
            print_error("%s: off by %g, %lld samples differ\n", text_of(c, "array"), (double)d, (long long)unequal);
            wrong++;
        }
        free(got);
    }
    json_decref(root);
    for (int i = 0; i < 3; i++) {
        free(sources[i].pixels);
    }
    end_mem(mem);
    assert_int_equal(wrong, 0);
}

/* ---- single ops ---- */

static const void *operand(const json_t *c, const char *list, size_t i, struct li_file *file, int64_t *count)
{
    const json_t *a = json_array_get(json_object_get(c, list), i);

    assert_non_null(a);
    *file = map_golden(text_of(a, "file"));
    return npy_data(file->bytes, (size_t)json_integer_value(json_object_get(a, "offset")), count);
}

static int check_op(const json_t *c)
{
    const json_t *attrs = json_object_get(c, "attrs"),
                 *shape = json_object_get(json_array_get(json_object_get(c, "inputs"), 0), "shape");
    const json_t *out_shape = json_object_get(json_array_get(json_object_get(c, "outputs"), 0), "shape");
    struct li_file in_file, out_file, scale_file = {0}, shift_file = {0};
    int64_t in_count, out_count, n;
    const float *in = operand(c, "inputs", 0, &in_file, &in_count),
                *want = operand(c, "outputs", 0, &out_file, &out_count);
    struct li_resize r = {.dtype = LINCE_FLOAT32,
                          .n = int_at(shape, 0),
                          .h = int_at(shape, 1),
                          .w = int_at(shape, 2),
                          .c = int_at(shape, 3),
                          .oh = int_at(out_shape, 1),
                          .ow = int_at(out_shape, 2),
                          .align_corners = json_is_true(json_object_get(attrs, "align_corners")),
                          .half_pixel = json_is_true(json_object_get(attrs, "half_pixel_centers")),
                          .antialias = json_is_true(json_object_get(attrs, "antialias"))};
    const char *op = text_of(c, "op"), *kernel = text_of(attrs, "kernel_type");

    if (kernel) {
        assert_true(li_resize_method_parse(kernel, &r.method));
        memcpy(r.scale, operand(c, "inputs", 2, &scale_file, &n), sizeof(r.scale));
        memcpy(r.translation, operand(c, "inputs", 3, &shift_file, &n), sizeof(r.translation));
        li_file_unmap(&scale_file);
        li_file_unmap(&shift_file);
    } else {
        r.method = strcmp(op, "ResizeBilinear") == 0          ? LI_RESIZE_BILINEAR
                   : strcmp(op, "ResizeNearestNeighbor") == 0 ? LI_RESIZE_NEAREST
                   : strcmp(op, "ResizeBicubic") == 0         ? LI_RESIZE_BICUBIC
                                                              : LI_RESIZE_AREA;
    }
    assert_int_equal(in_count, r.n * r.h * r.w * r.c);
    assert_int_equal(out_count, r.n * r.oh * r.ow * r.c);
    float *got = malloc((size_t)out_count * sizeof(float)), most = 0;
    int wrong = 0;
    run(&r, in, got);
    for (int64_t i = 0; i < out_count; i++) {
        bool both_nan = isnan(got[i]) && isnan(want[i]), same = both_nan || got[i] == want[i];
        float d = same ? 0 : fabsf(got[i] - want[i]);
        wrong += kernel ? !(d <= 4 * TOLERANCE) : !same;
        most = d > most ? d : most;
    }
    if (wrong) {
        print_error("%s: %d of %lld samples differ, by %g at most\n", text_of(c, "id"), wrong, (long long)out_count,
                    (double)most);
    }
    free(got);
    li_file_unmap(&in_file);
    li_file_unmap(&out_file);
    return wrong != 0;
}

static void single_resize_ops_match_tensorflow(void **state)
{
    json_t *cases = read_json("ops.json"), *c;
    int wrong = 0;
    size_t index;

    (void)state;
    assert_int_equal(json_array_size(cases), 95);
    json_array_foreach(cases, index, c)
    {
        wrong += check_op(c);
    }
    json_decref(cases);
    assert_int_equal(wrong, 0);
}

/* ---- types, pieces, odd sizes ---- */

static void integers_resize_as_the_floats_they_stand_for(void **state)
{
    static const lince_dtype types[] = {LINCE_UINT8, LINCE_INT8,  LINCE_UINT16,  LINCE_INT16,
                                        LINCE_INT32, LINCE_INT64, LINCE_FLOAT64, LINCE_FLOAT16};
    enum { H = 7, W = 13, C = 2, OH = 5, OW = 31 };
    float f32[H * W * C], want[OH * OW * C], got[OH * OW * C];
    uint64_t raw[H * W * C];

    (void)state;
    for (int m = LI_RESIZE_BILINEAR; m <= LI_RESIZE_MITCHELLCUBIC; m++) {
        for (size_t t = 0; t < LI_COUNT(types) && m != LI_RESIZE_NEAREST; t++) {
            struct li_resize r = {.dtype = LINCE_FLOAT32, .n = 1, .h = H, .w = W, .c = C, .oh = OH, .ow = OW};
            for (int i = 0; i < H * W * C; i++) {
                int value = i * 37 % 101;
                f32[i] = (float)value;
                switch (li_dtype_size(types[t])) {
                case 1:
                    ((uint8_t *)raw)[i] = (uint8_t)value;
                    break;
                case 2:
                    ((uint16_t *)raw)[i] = types[t] == LINCE_FLOAT16 ? li_float_to_half((float)value) : (uint16_t)value;
                    break;
                case 4:
                    ((int32_t *)raw)[i] = value;
                    break;
                default:
                    if (types[t] == LINCE_FLOAT64) {
                        ((double *)raw)[i] = value;
                    } else {
                        ((int64_t *)raw)[i] = value;
                    }
                }
            }
            li_resize_v2(&r, (enum li_resize_method)m, true);
            run(&r, f32, want);
            r.dtype = types[t];
            run(&r, raw, got);
            assert_memory_equal(got, want, sizeof(want));
        }
    }
}

static void a_constant_picture_stays_constant(void **state)
{
    static const int64_t sizes[] = {1, 2, 7, 13, 31, 100};
    static float in[100 * 100], out[100 * 100];

    (void)state;
    for (size_t i = 0; i < LI_COUNT(in); i++) {
        in[i] = 0.5f;
    }
    for (int m = LI_RESIZE_BILINEAR; m <= LI_RESIZE_MITCHELLCUBIC; m++) {
        for (size_t k = 0; k < LI_COUNT(sizes) * LI_COUNT(sizes); k++) {
            int64_t from = sizes[k % LI_COUNT(sizes)], to = sizes[k / LI_COUNT(sizes)];
            struct li_resize r = {.dtype = LINCE_FLOAT32, .n = 1, .h = from, .w = to, .c = 1, .oh = to, .ow = from};
            li_resize_v2(&r, (enum li_resize_method)m, k % 2);
            run(&r, in, out);
            for (int64_t i = 0; i < from * to; i++) {
                assert_true(fabsf(out[i] - 0.5f) < 1e-5f);
            }
        }
    }
}

static void scales_that_leave_the_picture_give_zeros(void **state)
{
    static const float scales[] = {1e-30f, 1e-6f, 1e30f}, shifts[] = {-1e30f, 1e30f, 0};
    float in[12] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, out[12];

    (void)state;
    for (int m = LI_RESIZE_LANCZOS1; m <= LI_RESIZE_MITCHELLCUBIC; m++) {
        for (int i = 0; i < 9; i++) {
            struct li_resize r = {.method = (enum li_resize_method)m,
                                  .dtype = LINCE_FLOAT32,
                                  .n = 1,
                                  .h = 3,
                                  .w = 4,
                                  .c = 1,
                                  .oh = 4,
                                  .ow = 3,
                                  .antialias = i % 2,
                                  .scale = {scales[i % 3], scales[i % 3]},
                                  .translation = {shifts[i / 3], shifts[i / 3]}};
            run(&r, in, out);
            for (int k = 0; k < 12; k++) {
                assert_true(out[k] == 0 || fabsf(out[k] - 1) < 1e-3f);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resizes_of_pictures_match_tensorflow),
        cmocka_unit_test(single_resize_ops_match_tensorflow),
        cmocka_unit_test(integers_resize_as_the_floats_they_stand_for),
        cmocka_unit_test(a_constant_picture_stays_constant),
        cmocka_unit_test(scales_that_leave_the_picture_give_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
