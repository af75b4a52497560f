/* Types, crops and orientation. */
#include "image_support.h"

#include <math.h>

/* ---- types ---- */

static void bytes_become_tensorflows_floats_and_back(void **state)
{
    struct li_file u8_file = map_golden("convert/u8_to_f32.npy"),
                   u16_file = map_golden("convert/u16_to_f32_every_257.npy");
    struct li_file f_file = map_golden("convert/f32.npy"), back_file = map_golden("convert/f32_to_u8_saturate.npy");
    int64_t count;
    const float *u8_want = npy_data(u8_file.bytes, 0, &count), *u16_want = npy_data(u16_file.bytes, 0, &count);
    uint8_t u8[256], back[1201];
    uint16_t u16[256], wide[256];
    float got[256];

    (void)state;
    for (int i = 0; i < 256; i++) {
        u8[i] = (uint8_t)i;
        u16[i] = (uint16_t)(i * 257);
    }
    assert_true(li_image_convert(got, LINCE_FLOAT32, u8, LINCE_UINT8, 256));
    assert_memory_equal(got, u8_want, sizeof(got));
    assert_true(li_image_convert(back, LINCE_UINT8, got, LINCE_FLOAT32, 256));
    assert_memory_equal(back, u8, sizeof(u8));
    assert_true(li_image_convert(got, LINCE_FLOAT32, u16, LINCE_UINT16, 256));
    assert_memory_equal(got, u16_want, sizeof(got));
    assert_true(li_image_convert(wide, LINCE_UINT16, got, LINCE_FLOAT32, 256));
    assert_memory_equal(wide, u16, sizeof(u16));

    const float *f = npy_data(f_file.bytes, 0, &count);
    const uint8_t *back_want = npy_data(back_file.bytes, 0, &count);
    assert_int_equal(count, 1201);
    assert_true(li_image_convert(back, LINCE_UINT8, f, LINCE_FLOAT32, count));
    assert_memory_equal(back, back_want, sizeof(back));
    li_file_unmap(&u8_file);
    li_file_unmap(&u16_file);
    li_file_unmap(&f_file);
    li_file_unmap(&back_file);
}

static void integers_keep_their_upper_byte(void **state)
{
    const uint16_t in[] = {0, 255, 256, 0x1234, 65535};
    const uint8_t want[] = {0, 0, 1, 0x12, 255};
    uint8_t narrow[5];
    uint16_t wide[5];

    (void)state;
    assert_true(li_image_convert(narrow, LINCE_UINT8, in, LINCE_UINT16, 5));
    assert_memory_equal(narrow, want, sizeof(want));
    assert_true(li_image_convert(wide, LINCE_UINT16, want, LINCE_UINT8, 5));
    assert_int_equal(wide[3], 0x1200);
    assert_false(li_image_convert(wide, LINCE_INT8, want, LINCE_UINT8, 5));
}

static void floats_that_are_no_colour_saturate(void **state)
{
    const float in[] = {NAN, INFINITY, -INFINITY, -0.0f, 1e30f};
    const uint8_t want[] = {0, 255, 0, 0, 255};
    uint8_t got[5];

    (void)state;
    assert_true(li_image_convert(got, LINCE_UINT8, in, LINCE_FLOAT32, 5));
    assert_memory_equal(got, want, sizeof(want));
}

/* ---- crops ---- */

static void assert_rect(struct li_rect r, int64_t top, int64_t left, int64_t height, int64_t width)
{
    assert_int_equal(r.top, top);
    assert_int_equal(r.left, left);
    assert_int_equal(r.height, height);
    assert_int_equal(r.width, width);
}

static void central_crop_keeps_what_is_left_of_whole_margins(void **state)
{
    (void)state;
    assert_rect(li_crop_central(37, 53, 1.0), 0, 0, 37, 53);
    assert_rect(li_crop_central(37, 53, 0.5), 9, 13, 19, 27);
    assert_rect(li_crop_central(1, 1, 0.01), 0, 0, 1, 1);
    assert_rect(li_crop_central(427, 640, 0.875), 26, 40, 375, 560);
}

static void aspect_crop_is_the_fraction_of_the_shorter_side(void **state)
{
    (void)state;
    assert_rect(li_crop_aspect(427, 640, 224, 224, 0.875), 27, 134, 373,
                373); /* 0.875 * 427 = 373.6; margins (54 + 1) / 2, (267 + 1) / 2 */
    assert_rect(li_crop_aspect(640, 427, 224, 224, 1.0), 107, 0, 427, 427);
    assert_rect(li_crop_aspect(100, 100, 50, 100, 1.0), 25, 0, 50, 100);
    assert_rect(li_crop_aspect(1, 1000, 224, 224, 0.1), 0, 500, 1, 1);
}

static void every_crop_lies_inside_the_picture(void **state)
{
    static const int64_t sides[] = {1, 2, 3, 7, 13, 31, 224, 640, 65536};
    enum { N = LI_COUNT(sides) };

    (void)state;
    for (size_t i = 0; i < (size_t)N * N * N * N; i++) {
        int64_t h = sides[i % N], w = sides[i / N % N], oh = sides[i / N / N % N], ow = sides[i / N / N / N];
        struct li_rect crop = li_crop_aspect(h, w, oh, ow, 0.875), pad = li_resize_with_pad(h, w, oh, ow), from, to;
        li_crop_or_pad(h, w, oh, ow, &from, &to);
        assert_true(crop.top >= 0 && crop.left >= 0 && crop.height > 0 && crop.width > 0);
        assert_true(crop.top + crop.height <= h && crop.left + crop.width <= w);
        assert_true(pad.top >= 0 && pad.left >= 0 && pad.height > 0 && pad.width > 0);
        assert_true(pad.top + pad.height <= oh && pad.left + pad.width <= ow);
        assert_true(from.top >= 0 && from.top + from.height <= h && to.top >= 0 && to.top + to.height <= oh);
        assert_true(from.left >= 0 && from.left + from.width <= w && to.left >= 0 && to.left + to.width <= ow);
    }
}

/* ---- orientation ---- */

static void the_tag_is_found_where_it_is(void **state)
{
    static const struct {
        const char *name;
        int orientation;
    } cases[] = {{"files/jpeg_exif_1.jpg", 1}, {"files/jpeg_exif_3.jpg", 3}, {"files/jpeg_exif_6.jpg", 6},
                 {"files/jpeg_exif_8.jpg", 8}, {"files/jpeg_grey.jpg", 1},   {"files/png_rgb.png", 1},
                 {"files/webp_lossy.webp", 1}, {"files/empty.bin", 1},       {"files/tiff.tif", 1}};

    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct li_file file = map_golden(cases[i].name);
        assert_int_equal(li_image_orientation(file.bytes), cases[i].orientation);
        li_file_unmap(&file);
    }
}

/* A directory with one entry, tag 0x112, as every container holds it. */
#define TIFF_BIG "MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0"
#define TIFF_LITTLE "II*\0\10\0\0\0\1\0\22\1\3\0\1\0\0\0\5\0\0\0\0\0\0\0"

static int orientation_of(const char *data, size_t len)
{
    uint8_t *exact = malloc(len);
    assert_non_null(exact);
    memcpy(exact, data, len);
    int orientation = li_image_orientation((struct li_bytes){exact, len});
    free(exact);
    return orientation;
}

static void both_byte_orders_and_all_containers_are_read(void **state)
{
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\32eXIf" TIFF_BIG "\0\0\0\0";
    static const char webp[] = "RIFF\0\0\0\0WEBPABCD\1\0\0\0x\0EXIF\32\0\0\0" TIFF_LITTLE;
    static const char jpeg[] = "\xff\xd8\xff\xe1\0\42Exif\0\0" TIFF_LITTLE;

    (void)state;
    assert_int_equal(orientation_of(png, sizeof(png) - 1), 6);
    assert_int_equal(orientation_of(webp, sizeof(webp) - 1), 5);
    assert_int_equal(orientation_of(jpeg, sizeof(jpeg) - 1), 5);
    for (size_t len = 1; len < sizeof(jpeg) - 1; len++) {
        assert_int_equal(orientation_of(jpeg, len), 1); /* cut: none, and no byte behind the end is read */
    }
}

static void every_orientation_moves_pixels_to_their_place(void **state)
{
    /* The picture 1 2 3 / 4 5 6, as each tag wants it shown. */
    static const struct {
        int64_t h, w;
        uint8_t pixels[6];
    } want[] = {{2, 3, {1, 2, 3, 4, 5, 6}}, {2, 3, {3, 2, 1, 6, 5, 4}}, {2, 3, {6, 5, 4, 3, 2, 1}},
                {2, 3, {4, 5, 6, 1, 2, 3}}, {3, 2, {1, 4, 2, 5, 3, 6}}, {3, 2, {4, 1, 5, 2, 6, 3}},
                {3, 2, {6, 3, 5, 2, 4, 1}}, {3, 2, {3, 6, 2, 5, 1, 4}}};
    struct li_mem *mem = new_mem();

    (void)state;
    for (int o = 1; o <= 8; o++) {
        lince_error err;
        struct li_tensor image = {.dtype = LINCE_UINT8, .shape = {.rank = 3, .dim = {2, 3, 1}}, .size_bytes = 6};
        image.data = li_alloc(mem, 6, &err);
        assert_non_null(image.data);
        memcpy(image.data, "\1\2\3\4\5\6", 6);
        assert_int_equal(li_image_orient(&image, o, mem, &err), LINCE_OK);
        assert_int_equal(image.shape.dim[0], want[o - 1].h);
        assert_int_equal(image.shape.dim[1], want[o - 1].w);
        assert_memory_equal(image.data, want[o - 1].pixels, 6);
        assert_int_equal(li_image_orient(&image, 9, mem, &err), LINCE_EINVAL);
        li_free(mem, image.data);
    }
    end_mem(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_tensorflows_floats_and_back),
        cmocka_unit_test(integers_keep_their_upper_byte),
        cmocka_unit_test(floats_that_are_no_colour_saturate),
        cmocka_unit_test(central_crop_keeps_what_is_left_of_whole_margins),
        cmocka_unit_test(aspect_crop_is_the_fraction_of_the_shorter_side),
        cmocka_unit_test(every_crop_lies_inside_the_picture),
        cmocka_unit_test(the_tag_is_found_where_it_is),
        cmocka_unit_test(both_byte_orders_and_all_containers_are_read),
        cmocka_unit_test(every_orientation_moves_pixels_to_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
