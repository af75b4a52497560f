/* The ops that decode, on the golden pictures: TensorFlow's shapes and bytes, and what is refused. */
#include "image_support.h"
#include "ops_lab.h"

struct call {
    const char *key, *op;
    struct li_attr attr[2];
};

static const struct call calls[] = {
    {"decode_image", "DecodeImage", {{0}}},
    {"decode_image_c3_frames0", "DecodeImage", {LI_INT("channels", 3), LI_BOOL("expand_animations", 0)}},
    {"decode_jpeg_c3", "DecodeJpeg", {LI_INT("channels", 3)}},
    {"decode_jpeg_c3_accurate", "DecodeJpeg", {LI_INT("channels", 3), LI_STR("dct_method", "INTEGER_ACCURATE")}},
    {"decode_jpeg_c3_fast", "DecodeJpeg", {LI_INT("channels", 3), LI_STR("dct_method", "INTEGER_FAST")}},
    {"decode_jpeg_c3_plain_upsampling", "DecodeJpeg", {LI_INT("channels", 3), LI_BOOL("fancy_upscaling", 0)}},
    {"decode_jpeg_c1", "DecodeJpeg", {LI_INT("channels", 1)}},
    {"decode_jpeg_c3_recover", "DecodeJpeg", {LI_INT("channels", 3), LI_BOOL("try_recover_truncated", 1)}},
    {"decode_jpeg_c3_half", "DecodeJpeg", {LI_INT("channels", 3), LI_INT("ratio", 2)}},
    {"decode_png_c3", "DecodePng", {LI_INT("channels", 3)}},
    {"decode_png_c4", "DecodePng", {LI_INT("channels", 4)}},
    {"decode_png_c1", "DecodePng", {LI_INT("channels", 1)}},
    {"decode_png_c3_u16", "DecodePng", {LI_INT("channels", 3), LI_TYPE("dtype", LINCE_UINT16)}},
    {"decode_gif", "DecodeGif", {{0}}},
    {"decode_bmp", "DecodeBmp", {{0}}},
};

/* Run an op on a file, whose content is known or not when the shape is asked. */
static lince_status decode(struct lab *lab, const char *op, const struct li_attr attr[2], struct li_bytes file,
                           bool hidden)
{
    lince_string text = {(const char *)file.data, file.len};
    const struct li_tensor contents = {LINCE_STRING, {.rank = 0}, &text, sizeof text};
    int attrs = !attr[0].name ? 0 : !attr[1].name ? 1 : 2;
    lab_open(lab, LI_ISA_REF);
    lab->hidden[0] = hidden;
    return lab_run(lab, op, (const struct li_tensor *const[]){&contents}, 1, attr, attrs);
}

static bool is_as(const struct li_tensor *got, const json_t *want)
{
    const json_t *shape = json_object_get(want, "shape");
    char text[65];
    bool same = got->dtype == dtype_of(text_of(want, "dtype")) && (size_t)got->shape.rank == json_array_size(shape);
    for (int d = 0; same && d < got->shape.rank; d++) {
        same = got->shape.dim[d] == int_at(shape, (size_t)d);
    }
    return same && strcmp(sha256(got->data, got->size_bytes, text), text_of(want, "sha256")) == 0;
}

/* What TensorFlow refuses is data that is no good, and said with the node's name. */
static bool check_call(const struct call *call, struct li_bytes file, const json_t *want)
{
    struct lab lab;
    lince_status st = decode(&lab, call->op, call->attr, file, false);
    bool fine = json_object_get(want, "error")
                    ? (st == LINCE_EDATA || st == LINCE_EUNSUPPORTED) && strstr(lab.err.text, "node \"x\" (Decode")
                    : st == LINCE_OK && is_as(&lab.out[0], want);
    lab_close(&lab);
    return fine;
}

/*
 * Behind damage, libjpeg-turbo's code for one processor differs from that for another; animated WebP ends TensorFlow.
 */
static bool is_left_out(const char *name)
{
    return strcmp(name, "jpeg_damaged_scan.jpg") == 0 || strcmp(name, "webp_animated.webp") == 0;
}

static int check_file(const char *name, const json_t *entry, int *done)
{
    char path[300];
    int wrong = 0;
    snprintf(path, sizeof path, "files/%s", name);
    struct li_file file = map_golden(path);
    for (size_t i = 0; i < LI_COUNT(calls); i++) {
        const json_t *want = json_object_get(entry, calls[i].key);
        if (want && !is_left_out(name)) {
            bool fine = check_call(&calls[i], file.bytes, want);
            *done += 1;
            wrong += !fine;
            if (!fine) {
                print_message("%s by %s is not as TensorFlow has it\n", name, calls[i].key);
            }
        }
    }
    li_file_unmap(&file);
    return wrong;
}

static void every_op_gives_tensorflows_shapes_and_bytes(void **state)
{
    json_t *root = read_json("manifest.json"), *entry;
    const char *name;
    int wrong = 0, done = 0;
    (void)state;
    NEEDS_CODECS();
    json_object_foreach(json_object_get(root, "files"), name, entry)
    {
        wrong += check_file(name, entry, &done);
    }
    json_decref(root);
    assert_int_equal(wrong, 0);
    assert_true(done > 400);
}

static void expect(const char *op, const char *name, lince_status status, const char *message, int rank)
{
    const struct li_attr none[2] = {{0}};
    struct li_file file = map_golden(name);
    struct lab lab;
    lince_status st = decode(&lab, op, none, file.bytes, false);
    if (st != status || (st && !strstr(lab.err.text, message)) || (!st && lab.out[0].shape.rank != rank)) {
        fail_msg("%s of %s: %s", op, name, st ? lab.err.text : "decoded");
    }
    lab_close(&lab);
    li_file_unmap(&file);
}

static void ops_read_other_formats_than_their_own(void **state)
{
    (void)state;
    NEEDS_CODECS();
    expect("DecodeJpeg", "files/png_rgb.png", LINCE_OK, "", 3);
    expect("DecodePng", "files/jpeg_420_q75.jpg", LINCE_OK, "", 3);
    expect("DecodePng", "files/gif_static.gif", LINCE_OK, "", 3);
    expect("DecodeGif", "files/jpeg_420_q75.jpg", LINCE_OK, "", 4);
    expect("DecodeGif", "files/png_rgb.png", LINCE_OK, "", 4);
    expect("DecodeWebP", "files/webp_lossy.webp", LINCE_OK, "", 4);
    expect("DecodeJpeg", "files/webp_lossy.webp", LINCE_OK, "", 4);
    expect("DecodeWebP", "files/jpeg_420_q75.jpg", LINCE_OK, "", 3);
}

static void what_an_op_does_not_read_is_refused_by_name(void **state)
{
    (void)state;
    NEEDS_CODECS();
    expect("DecodeJpeg", "files/bmp_24.bmp", LINCE_EDATA, "node \"x\" (DecodeJpeg): the picture is BMP", 0);
    expect("DecodeBmp", "files/jpeg_420_q75.jpg", LINCE_EDATA, "(DecodeBmp): the picture is JPEG", 0);
    expect("DecodeBmp", "files/gif_static.gif", LINCE_EDATA, "(DecodeBmp): the picture is GIF", 0);
    expect("DecodeWebP", "files/gif_static.gif", LINCE_EDATA, "(DecodeWebP): the picture is GIF", 0);
    expect("DecodePng", "files/gif_animated.gif", LINCE_EDATA, "(DecodePng): the picture has 4 frames, wanted one", 0);
    expect("DecodeImage", "files/text.jpg", LINCE_EDATA, "(DecodeImage): unknown image format", 0);
    expect("DecodeImage", "files/empty.bin", LINCE_EDATA, "(DecodeImage): the image has no bytes", 0);
}

static void the_shape_waits_for_the_content(void **state)
{
    const struct li_attr none[2] = {{0}};
    struct li_file file = map_golden("files/bmp_24.bmp");
    struct lab lab;
    (void)state;
    assert_int_equal(decode(&lab, "DecodeBmp", none, file.bytes, true), LI_DEFER);
    lab_close(&lab);
    li_file_unmap(&file);
}

static void an_attribute_without_a_meaning_here_is_refused(void **state)
{
    const struct li_attr fraction[2] = {LI_FLOAT("acceptable_fraction", 0.5)}, ratio[2] = {LI_INT("ratio", 3)};
    struct li_file file = map_golden("files/bmp_24.bmp");
    struct lab lab;
    (void)state;
    assert_int_equal(decode(&lab, "DecodeJpeg", fraction, file.bytes, false), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(lab.err.text, "attribute \"acceptable_fraction\" is \"0.5\"; supported: 1"));
    lab_close(&lab);
    assert_int_equal(decode(&lab, "DecodeJpeg", ratio, file.bytes, false), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(lab.err.text, "attribute \"ratio\" is \"3\"; supported: 1 2 4 8"));
    lab_close(&lab);
    li_file_unmap(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_gives_tensorflows_shapes_and_bytes),
        cmocka_unit_test(ops_read_other_formats_than_their_own),
        cmocka_unit_test(what_an_op_does_not_read_is_refused_by_name),
        cmocka_unit_test(the_shape_waits_for_the_content),
        cmocka_unit_test(an_attribute_without_a_meaning_here_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
