/* Decoding against what TensorFlow makes of the same files, byte for byte. */
#include "image_support.h"

struct call {
    const char *key;
    struct li_image_options options;
};

static const struct call calls[] = {
    {"decode_image", {0}},
    {"decode_image_c3_frames0", {.channels = 3, .first_frame = true}},
    {"decode_jpeg_c3", {.channels = 3}},
    {"decode_jpeg_c3_accurate", {.channels = 3, .dct_accurate = true}},
    {"decode_jpeg_c3_fast", {.channels = 3}},
    {"decode_jpeg_c3_plain_upsampling", {.channels = 3, .plain_upsampling = true}},
    {"decode_jpeg_c1", {.channels = 1}},
    {"decode_jpeg_c3_recover", {.channels = 3, .recover_truncated = true}},
    {"decode_jpeg_c3_half", {.channels = 3, .ratio = 2}},
    {"decode_png_c3", {.channels = 3}},
    {"decode_png_c4", {.channels = 4}},
    {"decode_png_c1", {.channels = 1}},
    {"decode_png_c3_u16", {.channels = 3, .dtype = LINCE_UINT16}},
    {"decode_gif", {0}},
    {"decode_bmp", {0}},
};

/*
 * Behind the damage, coefficients are outside the range on which libjpeg-turbo's code for one processor agrees with
 * that for another. The manifest is from x86-64.
 */
static bool depends_on_processor(const char *name)
{
#if defined(__x86_64__)
    (void)name;
    return false;
#else
    return strcmp(name, "jpeg_damaged_scan.jpg") == 0;
#endif
}

/* Returns 1 when got and want differ, and says how. */
static int compare(const char *name, const char *key, lince_status status, const lince_error *err,
                   const struct li_tensor *got, const json_t *want)
{
    const json_t *shape = json_object_get(want, "shape");
    char text[65], buffer[LI_SHAPE_TEXT];

    if (json_object_get(want, "error")) {
        if (!status) {
            print_error("%s %s: decoded; TensorFlow: %s\n", name, key, text_of(want, "error"));
        }
        return !status;
    }
    if (status) {
        print_error("%s %s: %s\n", name, key, err->text);
        return 1;
    }
    bool same = got->dtype == dtype_of(text_of(want, "dtype")) && (size_t)got->shape.rank == json_array_size(shape);
    for (int i = 0; same && i < got->shape.rank; i++) {
        same = got->shape.dim[i] == int_at(shape, (size_t)i);
    }
    bool exact = !depends_on_processor(name);
    if (!same || (exact && strcmp(sha256(got->data, got->size_bytes, text), text_of(want, "sha256")) != 0)) {
        print_error("%s %s: %s%s with other %s than TensorFlow's\n", name, key, li_dtype_name(got->dtype),
                    li_shape_text(&got->shape, buffer), same ? "samples" : "type or shape");
        return 1;
    }
    return 0;
}

/* Returns 1 when the headers tell another shape than decoding gave. */
static int compare_shape(const char *name, const char *key, struct li_bytes file,
                         const struct li_image_options *options, const struct li_tensor *got)
{
    struct li_shape shape = {0};
    lince_error err = {0};
    char text[LI_SHAPE_TEXT];
    lince_status status = li_image_shape(&shape, file, options, &err);

    if (!status && li_shape_equal(&shape, &got->shape)) {
        return 0;
    }
    print_error("%s %s: the headers tell %s\n", name, key, status ? err.text : li_shape_text(&shape, text));
    return 1;
}

static int check_file(const char *folder, const char *name, const json_t *entry)
{
    struct li_mem *mem = new_mem();
    char path[300];
    int wrong = 0, known = 0;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct li_file file = map_golden(path);
    for (size_t i = 0; i < LI_COUNT(calls); i++) {
        const json_t *want = json_object_get(entry, calls[i].key);
        struct li_tensor got = {0};
        lince_error err = {0};
        const char *error = want ? text_of(want, "error") : NULL;
        known += want != NULL;
        if (!want || (error && strncmp(error, "crash", 5) == 0)) {
            continue; /* where TensorFlow itself is aborted */
        }
        lince_status status = li_image_decode(&got, file.bytes, &calls[i].options, mem, &err);
        wrong += compare(name, calls[i].key, status, &err, &got, want);
        wrong += status ? 0 : compare_shape(name, calls[i].key, file.bytes, &calls[i].options, &got);
        li_free(mem, got.data);
    }
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)entry, key, value)
    {
        known -= json_is_object(value);
    }
    if (known) {
        print_error("%s: the manifest has a key that no call here stands for\n", name);
        wrong++;
    }
    li_file_unmap(&file);
    end_mem(mem);
    return wrong;
}

static int check_all(const char *section, const char *folder, size_t expected)
{
    json_t *root = read_json("manifest.json"), *entry, *files = json_object_get(root, section);
    const char *name;
    int wrong = 0;

    assert_int_equal(json_object_size(files), expected);
    json_object_foreach(files, name, entry)
    {
        wrong += check_file(folder, name, entry);
    }
    json_decref(root);
    return wrong;
}

static void files_of_every_flavour_decode_to_tensorflows_bytes(void **state)
{
    (void)state;
    NEEDS_CODECS();
    assert_int_equal(check_all("files", "files", 89), 0);
}

static void whole_photos_decode_to_tensorflows_bytes(void **state)
{
    (void)state;
    NEEDS_CODECS();
    assert_int_equal(check_all("photos", "photos", 6), 0);
}

static struct li_tensor decode(const char *name, struct li_image_options options, struct li_mem *mem)
{
    struct li_file file = map_golden(name);
    struct li_tensor image = {0};
    lince_error err;

    if (li_image_decode(&image, file.bytes, &options, mem, &err)) {
        fail_msg("%s: %s", name, err.text);
    }
    li_file_unmap(&file);
    return image;
}

static void other_types_are_scaled_as_tensorflow_scales_them(void **state)
{
    static const char *const names[] = {"files/jpeg_420_q75.jpg", "files/bmp_24.bmp", "files/gif_animated.gif"};
    struct li_mem *mem = new_mem();

    (void)state;
    NEEDS_CODECS();
    for (size_t k = 0; k < LI_COUNT(names); k++) {
        struct li_tensor u8 = decode(names[k], (struct li_image_options){0}, mem);
        struct li_tensor u16 = decode(names[k], (struct li_image_options){.dtype = LINCE_UINT16}, mem);
        struct li_tensor f32 = decode(names[k], (struct li_image_options){.dtype = LINCE_FLOAT32}, mem);
        for (int64_t i = 0; i < li_shape_count(&u8.shape); i++) {
            uint8_t x = ((uint8_t *)u8.data)[i];
            assert_int_equal(((uint16_t *)u16.data)[i], x * 256);
            assert_true(((float *)f32.data)[i] == (float)x * (float)(1. / 255));
        }
        li_free(mem, u8.data);
        li_free(mem, u16.data);
        li_free(mem, f32.data);
    }
    struct li_tensor u16 = decode("files/png_rgb_16bit.png", (struct li_image_options){.dtype = LINCE_UINT16}, mem);
    struct li_tensor f32 = decode("files/png_rgb_16bit.png", (struct li_image_options){.dtype = LINCE_FLOAT32}, mem);
    for (int64_t i = 0; i < li_shape_count(&u16.shape); i++) {
        assert_true(((float *)f32.data)[i] == (float)((uint16_t *)u16.data)[i] * (float)(1. / 65535));
    }
    li_free(mem, u16.data);
    li_free(mem, f32.data);
    end_mem(mem);
}

static void animated_webp_gives_rgba_frames(void **state)
{
    struct li_mem *mem = new_mem();
    struct li_tensor all, first;

    (void)state;
    NEEDS_CODECS();
    all = decode("files/webp_animated.webp", (struct li_image_options){0}, mem);
    first = decode("files/webp_animated.webp", (struct li_image_options){.first_frame = true}, mem);
    assert_int_equal(all.shape.rank, 4);
    assert_int_equal(all.shape.dim[0], 4);
    assert_int_equal(all.shape.dim[3], 4);
    assert_int_equal(first.shape.rank, 3);
    assert_int_equal(first.size_bytes * 4, all.size_bytes);
    struct li_file file = map_golden("files/webp_animated.webp");
    assert_int_equal(compare_shape("webp_animated.webp", "all", file.bytes, &(struct li_image_options){0}, &all), 0);
    li_file_unmap(&file);
    assert_memory_equal(all.data, first.data, first.size_bytes);
    li_free(mem, all.data);
    li_free(mem, first.data);
    end_mem(mem);
}

static void the_header_tells_the_size_that_decoding_gives(void **state)
{
    json_t *root = read_json("manifest.json"), *entry;
    const char *name;
    char path[300];

    (void)state;
    NEEDS_CODECS();
    json_object_foreach(json_object_get(root, "files"), name, entry)
    {
        const json_t *shape = json_object_get(json_object_get(entry, "decode_image"), "shape");
        struct li_image_info info = {0};
        lince_error err;
        if (!shape) {
            continue;
        }
        snprintf(path, sizeof(path), "files/%s", name);
        struct li_file file = map_golden(path);
        if (li_image_size(file.bytes, &info, &err)) {
            fail_msg("%s: %s", name, err.text);
        }
        size_t last = json_array_size(shape) - 1;
        assert_int_equal(info.height, int_at(shape, last - 2));
        assert_int_equal(info.width, int_at(shape, last - 1));
        assert_int_equal(info.channels, int_at(shape, last));
        li_file_unmap(&file);
    }
    json_decref(root);
}

static void channels_a_format_does_not_give_are_refused(void **state)
{
    static const struct {
        const char *name;
        int channels;
    } cases[] = {{"files/jpeg_grey.jpg", 4},   {"files/gif_static.gif", 1},  {"files/gif_static.gif", 4},
                 {"files/bmp_24.bmp", 1},      {"files/webp_lossy.webp", 1}, {"files/webp_lossy.webp", 4},
                 {"files/webp_alpha.webp", 3}, {"files/png_rgb.png", 2}};
    struct li_mem *mem = new_mem();

    (void)state;
    NEEDS_CODECS();
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct li_file file = map_golden(cases[i].name);
        struct li_image_options options = {.channels = cases[i].channels};
        struct li_tensor image = {0};
        lince_error err;
        assert_int_equal(li_image_decode(&image, file.bytes, &options, mem, &err), LINCE_EINVAL);
        assert_non_null(strstr(err.text, "wanted"));
        assert_null(image.data);
        li_file_unmap(&file);
    }
    end_mem(mem);
}

static void bmp_needs_no_library_and_the_others_name_the_option(void **state)
{
    static const char *const others[] = {"files/jpeg_grey.jpg", "files/png_rgb.png", "files/gif_static.gif",
                                         "files/webp_lossy.webp"};
    struct li_mem *mem = new_mem();
    struct li_tensor bmp = decode("files/bmp_24.bmp", (struct li_image_options){0}, mem);

    (void)state;
    assert_int_equal(bmp.shape.dim[0], 61);
    li_free(mem, bmp.data);
    for (size_t i = 0; i < LI_COUNT(others); i++) {
        struct li_file file = map_golden(others[i]);
        struct li_image_options options = {0};
        struct li_tensor image = {0};
        lince_error err = {0};
        lince_status status = li_image_decode(&image, file.bytes, &options, mem, &err);
#ifdef LINCE_IMAGE
        assert_int_equal(status, LINCE_OK);
#else
        assert_int_equal(status, LINCE_EUNSUPPORTED);
        assert_non_null(strstr(err.text, "LINCE_IMAGE=OFF"));
#endif
        li_free(mem, image.data);
        li_file_unmap(&file);
    }
    end_mem(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_every_flavour_decode_to_tensorflows_bytes),
        cmocka_unit_test(whole_photos_decode_to_tensorflows_bytes),
        cmocka_unit_test(other_types_are_scaled_as_tensorflow_scales_them),
        cmocka_unit_test(animated_webp_gives_rgba_frames),
        cmocka_unit_test(the_header_tells_the_size_that_decoding_gives),
        cmocka_unit_test(bmp_needs_no_library_and_the_others_name_the_option),
        cmocka_unit_test(channels_a_format_does_not_give_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
