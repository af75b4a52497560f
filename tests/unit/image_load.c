/* The loader against its steps one by one: the same bits. */
#include "image_support.h"

#include <math.h>

static const char *const photos[] = {"photos/chelsea.jpg", "files/png_palette.png", "files/jpeg_exif_6.jpg",
                                     "files/gif_animated.gif", "files/bmp_8_grey.bmp"};

/* Decode, orient, convert, crop, resize, pad, scale: each with its own whole array. */
static float *step_by_step(struct li_bytes file, const struct li_load_options *o, int64_t *h, int64_t *w,
                           struct li_mem *mem)
{
    struct li_image_options decode = {.channels = 3, .first_frame = true, .dct_accurate = o->dct_accurate};
    double fraction = o->crop_fraction > 0 ? o->crop_fraction : 1;
    struct li_tensor image;
    lince_error err;

    assert_int_equal(li_image_decode(&image, file, &decode, mem, &err), LINCE_OK);
    if (o->orient) {
        assert_int_equal(li_image_orient(&image, li_image_orientation(file), mem, &err), LINCE_OK);
    }
    int64_t ih = image.shape.dim[0], iw = image.shape.dim[1];
    float *all = li_alloc(mem, (size_t)(ih * iw * 3) * sizeof(float), &err);
    assert_non_null(all);
    if (o->range == LI_RANGE_0_255) {
        for (int64_t i = 0; i < ih * iw * 3; i++) {
            all[i] = ((uint8_t *)image.data)[i];
        }
    } else {
        li_image_convert(all, LINCE_FLOAT32, image.data, LINCE_UINT8, ih * iw * 3);
    }
    li_free(mem, image.data);
    struct li_rect from = o->height && o->fit == LI_FIT_CROP ? li_crop_aspect(ih, iw, o->height, o->width, fraction)
                                                             : li_crop_central(ih, iw, fraction);
    float *crop = li_alloc(mem, (size_t)(from.height * from.width * 3) * sizeof(float), &err);
    assert_non_null(crop);
    li_crop_copy(crop, from.width, 0, 0, all, iw, &from, 3 * sizeof(float));
    li_free(mem, all);
    *h = o->height ? o->height : from.height;
    *w = o->height ? o->width : from.width;
    struct li_rect to = {0, 0, *h, *w};
    if (o->height && o->fit == LI_FIT_PAD) {
        to = li_resize_with_pad(from.height, from.width, *h, *w);
    }
    struct li_resize r = {
        .dtype = LINCE_FLOAT32, .n = 1, .h = from.height, .w = from.width, .c = 3, .oh = to.height, .ow = to.width};
    li_resize_v2(&r, o->interpolation, o->antialias);
    float *small = li_alloc(mem, (size_t)(to.height * to.width * 3) * sizeof(float), &err);
    if (!o->height) {
        memcpy(small, crop, (size_t)(to.height * to.width * 3) * sizeof(float));
    } else {
        void *table = li_alloc(mem, li_resize_table_bytes(&r), &err),
             *scratch = li_alloc(mem, li_resize_scratch_bytes(&r), &err);
        li_resize_table(&r, table);
        li_resize_rows(&r, table, crop, small, 0, r.oh, scratch);
        li_free(mem, table);
        li_free(mem, scratch);
    }
    li_free(mem, crop);
    float *out = li_calloc(mem, (size_t)(*h * *w * 3), sizeof(float), &err);
    struct li_rect whole = {0, 0, to.height, to.width};
    li_crop_copy(out, *w, to.top, to.left, small, to.width, &whole, 3 * sizeof(float));
    li_free(mem, small);
    for (int64_t i = 0; i < *h * *w * 3; i++) {
        if (o->range == LI_RANGE_M1_1) {
            out[i] = out[i] * 2 - 1;
        } else if (o->range == LI_RANGE_MEAN_STD) {
            out[i] = (out[i] - o->mean[i % 3]) / o->std[i % 3];
        }
    }
    return out;
}

static void check(const char *name, const struct li_load_options *o)
{
    struct li_mem *mem = new_mem();
    struct li_file file = map_golden(name);
    int64_t h, w, told_h, told_w;
    lince_error err;
    float *want = step_by_step(file.bytes, o, &h, &w, mem),
          *got = li_alloc(mem, (size_t)(h * w * 3) * sizeof(float), &err);

    assert_int_equal(li_image_load_size(file.bytes, o, &told_h, &told_w, &err), LINCE_OK);
    assert_int_equal(told_h, h);
    assert_int_equal(told_w, w);
    if (li_image_load(got, h * w * 3, file.bytes, o, mem, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    for (int64_t i = 0; i < h * w * 3; i++) {
        if (got[i] != want[i]) {
            fail_msg("%s, fit %d, interpolation %d, sample %lld: %.9g, step by step %.9g", name, o->fit,
                     o->interpolation, (long long)i, (double)got[i], (double)want[i]);
        }
    }
    assert_int_equal(li_image_load(got, h * w * 3 + 1, file.bytes, o, mem, &err), LINCE_EINVAL);
    li_free(mem, want);
    li_free(mem, got);
    li_file_unmap(&file);
    end_mem(mem);
}

static void loading_gives_the_bits_of_its_steps(void **state)
{
    static const struct {
        int64_t h, w;
    } sizes[] = {{0, 0}, {31, 13}, {7, 64}, {224, 224}};

    (void)state;
    NEEDS_CODECS();
    for (size_t p = 0; p < LI_COUNT(photos); p++) {
        for (size_t k = 0; k < LI_COUNT(sizes) * 3; k++) {
            struct li_load_options o = {.height = sizes[k % LI_COUNT(sizes)].h,
                                        .width = sizes[k % LI_COUNT(sizes)].w,
                                        .fit = (enum li_image_fit)(k / LI_COUNT(sizes)),
                                        .orient = p % 2 == 0,
                                        .crop_fraction = k % 2 ? 0.875 : 0,
                                        .range = (enum li_image_range)((k + p) % 4),
                                        .mean = {0.485f, 0.456f, 0.406f},
                                        .std = {0.229f, 0.224f, 0.225f}};
            check(photos[p], &o);
            o.antialias = true;
            check(photos[p], &o);
        }
    }
}

static void every_interpolation_loads(void **state)
{
    static const enum li_resize_method methods[] = {LI_RESIZE_BILINEAR, LI_RESIZE_NEAREST,      LI_RESIZE_BICUBIC,
                                                    LI_RESIZE_AREA,     LI_RESIZE_LANCZOS3,     LI_RESIZE_LANCZOS5,
                                                    LI_RESIZE_GAUSSIAN, LI_RESIZE_MITCHELLCUBIC};

    (void)state;
    NEEDS_CODECS();
    for (size_t i = 0; i < LI_COUNT(methods); i++) {
        struct li_load_options o = {.height = 33, .width = 20, .fit = LI_FIT_PAD, .interpolation = methods[i]};
        check(photos[0], &o);
        check(photos[1], &o);
    }
}

static void options_without_sense_are_refused(void **state)
{
    const struct li_load_options bad[] = {
        {.height = 5},         {.height = -1, .width = -1},    {.height = 1 << 17, .width = 1}, {.crop_fraction = 1.5},
        {.crop_fraction = -1}, {.crop_fraction = (double)NAN}, {.range = LI_RANGE_MEAN_STD}};
    struct li_mem *mem = new_mem();
    struct li_file file = map_golden(photos[0]);
    lince_error err;
    float out[3];

    (void)state;
    for (size_t i = 0; i < LI_COUNT(bad); i++) {
        assert_int_equal(li_image_load(out, 3, file.bytes, &bad[i], mem, &err), LINCE_EINVAL);
        assert_non_null(strstr(err.text, "wanted"));
    }
    li_file_unmap(&file);
    end_mem(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_gives_the_bits_of_its_steps),
        cmocka_unit_test(every_interpolation_loads),
        cmocka_unit_test(options_without_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
