/* Pictures with a fault: the class of error, no leak, no memory in proportion to a number in the file. */
#include "image_support.h"

static lince_status status_of(const char *name)
{
    for (int status = LINCE_OK; status <= LINCE_EDATA; status++) {
        if (strcmp(li_status_name((lince_status)status), name) == 0) {
            return (lince_status)status;
        }
    }
    return strcmp(name, "accept") == 0 ? LINCE_OK : (lince_status)-1;
}

static lince_status decode(struct li_bytes file, struct li_mem *mem, lince_error *err)
{
    struct li_image_options options = {0};
    struct li_tensor image = {0};
    lince_status status = li_image_decode(&image, file, &options, mem, err);

    assert_true(!status == (image.data != NULL));
    li_free(mem, image.data);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    return status;
}

static void every_fault_has_its_class_of_error(void **state)
{
    json_t *cases = read_json("malformed.json"), *c;
    struct li_mem *mem = new_mem();
    int wrong = 0;
    size_t index;

    (void)state;
    NEEDS_CODECS();
    assert_int_equal(json_array_size(cases), 29);
    json_array_foreach(cases, index, c)
    {
        struct li_file file = map_golden(text_of(c, "path"));
        lince_error err = {.text = "no error"};
        lince_status status = decode(file.bytes, mem, &err), want = status_of(text_of(c, "expect"));
        if (status != want) {
            print_error("%s: %s, wanted %s: %s\n", text_of(c, "name"), li_status_name(status), text_of(c, "expect"),
                        err.text);
            wrong++;
        }
        li_file_unmap(&file);
    }
    json_decref(cases);
    end_mem(mem);
    assert_int_equal(wrong, 0);
}

static void errors_take_little_memory(void **state)
{
    static const char *const names[] = {"malformed/jpeg_65535.jpg", "malformed/png_huge.png",
                                        "malformed/bmp_overflow.bmp", "malformed/jpeg_zero_height.jpg"};

    (void)state;
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        struct li_mem *mem = new_mem();
        struct li_file file = map_golden(names[i]);
        lince_error err;
        assert_int_not_equal(decode(file.bytes, mem, &err), LINCE_OK);
        assert_true(li_mem_peak_bytes(mem) < 1 << 20);
        li_file_unmap(&file);
        end_mem(mem);
    }
}

/* Formats whose end is told by their own marks, where a shorter file can never be whole. */
static void a_file_cut_at_any_byte_is_refused(void **state)
{
    static const struct {
        const char *name;
        size_t spare; /* bytes at the end that may be missing */
    } cases[] = {{"files/jpeg_420_q75_tiny.jpg", 0},      {"files/png_palette_4bit.png", 0},
                 {"files/png_rgb_3x2_interlaced.png", 0}, {"files/webp_lossy.webp", 0},
                 {"files/webp_lossless.webp", 0},         {"files/bmp_1.bmp", 0},
                 {"malformed/wrong_extension.jpg", 0},    {"files/gif_trunc_half.gif", 0}};
    struct li_mem *mem = new_mem();

    (void)state;
    NEEDS_CODECS();
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct li_file file = map_golden(cases[i].name);
        size_t step = file.bytes.len > 2000 ? 7 : 1;
        for (size_t len = 0; len + cases[i].spare < file.bytes.len; len += step) {
            uint8_t *exact = malloc(len ? len : 1);
            lince_error err = {0};
            assert_non_null(exact);
            memcpy(exact, file.bytes.data, len);
            lince_status status = decode((struct li_bytes){exact, len}, mem, &err);
            if (!status) {
                fail_msg("%s: accepted with %zu of %zu bytes", cases[i].name, len, file.bytes.len);
            }
            assert_int_not_equal(strlen(err.text), 0);
            free(exact);
        }
        li_file_unmap(&file);
    }
    end_mem(mem);
}

/* TensorFlow keeps the whole frames before a fault; it never gives half a frame. */
static void a_cut_gif_gives_whole_frames_or_an_error(void **state)
{
    struct li_file file = map_golden("files/gif_animated_disposal1.gif");
    struct li_mem *mem = new_mem();
    int64_t before = 0;

    (void)state;
    NEEDS_CODECS();
    for (size_t len = 0; len <= file.bytes.len; len++) {
        struct li_image_options options = {0};
        struct li_tensor image = {0};
        lince_error err;
        int64_t frames = li_image_decode(&image, (struct li_bytes){file.bytes.data, len}, &options, mem, &err)
                             ? 0
                             : image.shape.dim[0];
        assert_true(frames <= 3);
        before = LI_MAX(before, frames);
        li_free(mem, image.data);
    }
    assert_int_equal(before, 3);
    li_file_unmap(&file);
    end_mem(mem);
}

static void a_memory_limit_ends_in_an_error_at_every_size(void **state)
{
    static const char *const names[] = {
        "files/jpeg_progressive_420.jpg", "files/jpeg_cmyk.jpg", "files/png_rgb_interlaced.png",
        "files/gif_animated.gif",         "files/bmp_24.bmp",    "files/webp_alpha.webp",
        "files/webp_animated.webp"};

    (void)state;
    NEEDS_CODECS();
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        struct li_file file = map_golden(names[i]);
        bool decoded = false;
        for (size_t limit = 64; !decoded; limit += limit / 8) {
            struct li_mem *mem = li_mem_new(NULL, NULL, NULL, limit);
            lince_error err;
            assert_non_null(mem);
            lince_status status = decode(file.bytes, mem, &err);
            assert_true(status == LINCE_OK || status == LINCE_ENOMEM);
            decoded = !status;
            li_mem_release(mem);
            assert_true(limit < 4 << 20);
        }
        li_file_unmap(&file);
    }
}

static void headers_that_lie_about_the_size_are_refused(void **state)
{
    static const struct {
        const char *name;
        size_t at, bytes; /* where width or height stands */
        uint8_t value[4];
        lince_status status;
    } cases[] = {
        {"files/bmp_24.bmp", 18, 4, {0, 0, 0, 0}, LINCE_EINVAL},
        {"files/bmp_24.bmp", 18, 4, {98, 0, 0, 0}, LINCE_ECORRUPT},
        {"files/bmp_24.bmp", 22, 4, {62, 0, 0, 0}, LINCE_ECORRUPT},
        {"files/bmp_24.bmp", 18, 4, {0, 0, 0, 1}, LINCE_ELIMIT},
        {"files/bmp_24.bmp", 10, 4, {0, 0, 0, 0x80}, LINCE_ECORRUPT},
        {"files/png_rgb.png", 16, 4, {0, 1, 0, 1}, LINCE_ELIMIT},
        {"files/png_rgb.png", 16, 4, {0, 0, 0, 96}, LINCE_ECORRUPT},
        {"files/gif_static.gif", 0, 1, {'H'}, LINCE_EFORMAT},
        {"files/webp_lossy.webp", 0, 1, {'S'}, LINCE_EFORMAT},
        {"files/tiff.tif", 0, 1, {'I'}, LINCE_EFORMAT},
    };
    struct li_mem *mem = new_mem();

    (void)state;
    NEEDS_CODECS();
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct li_file file = map_golden(cases[i].name);
        uint8_t *copy = malloc(file.bytes.len);
        lince_error err = {0};
        assert_non_null(copy);
        memcpy(copy, file.bytes.data, file.bytes.len);
        memcpy(copy + cases[i].at, cases[i].value, cases[i].bytes);
        lince_status status = decode((struct li_bytes){copy, file.bytes.len}, mem, &err);
        if (status != cases[i].status) {
            fail_msg("%s, byte %zu: %s: %s", cases[i].name, cases[i].at, li_status_name(status), err.text);
        }
        free(copy);
        li_file_unmap(&file);
    }
    end_mem(mem);
}

/* libjpeg asks for more while it skips fill bytes, and recovery would give it the same ones for ever. */
static void recovering_a_jpeg_that_ends_in_fill_bytes_ends(void **state)
{
    static const uint8_t start[] = {0xff, 0xd8, 0xff, 0xff, 0xff, 0xff};
    const struct li_image_options options = {.recover_truncated = true};
    struct li_mem *mem = new_mem();
    struct li_tensor image = {0};
    lince_error err;

    (void)state;
    NEEDS_CODECS();
    for (size_t len = 3; len <= sizeof(start); len++) {
        assert_int_equal(li_image_decode(&image, (struct li_bytes){start, len}, &options, mem, &err), LINCE_ECORRUPT);
        assert_null(image.data);
    }
    end_mem(mem);
}

static void jpeg_xl_is_told_from_noise(void **state)
{
    struct li_mem *mem = new_mem();
    lince_error err;

    (void)state;
    assert_int_equal(decode((struct li_bytes){(const uint8_t *)"\xff\x0a\1\2", 4}, mem, &err), LINCE_EUNSUPPORTED);
    assert_int_equal(decode((struct li_bytes){NULL, 0}, mem, NULL), LINCE_EFORMAT);
    end_mem(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_has_its_class_of_error),
        cmocka_unit_test(errors_take_little_memory),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_cut_gif_gives_whole_frames_or_an_error),
        cmocka_unit_test(a_memory_limit_ends_in_an_error_at_every_size),
        cmocka_unit_test(headers_that_lie_about_the_size_are_refused),
        cmocka_unit_test(recovering_a_jpeg_that_ends_in_fill_bytes_ends),
        cmocka_unit_test(jpeg_xl_is_told_from_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
