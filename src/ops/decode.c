/*
 * Pictures from files in strings: DecodeImage and its kin, which read more formats than their names say. The shape
 * stands in the file: it is known when the content is.
 */
#include "common.h"

#include "image/image.h"

#include <string.h>

/* What an op makes of a format; one that is not listed it refuses (decode_image_op.cc). */
struct manner {
    const char *format;
    int rank; /* of the result: [h, w, c], or [frames, h, w, c]; 0: as the format has it */
};

static const struct manner any[] = {{"JPEG", 0}, {"PNG", 0}, {"GIF", 0}, {"BMP", 0}, {"WebP", 0}, {NULL, 0}};
static const struct manner picture[] = {{"JPEG", 3}, {"PNG", 3}, {"GIF", 3}, {"WebP", 0}, {NULL, 0}};
static const struct manner frames[] = {{"JPEG", 4}, {"PNG", 4}, {"GIF", 4}, {"WebP", 0}, {NULL, 0}};
static const struct manner bitmap[] = {{"BMP", 0}, {"WebP", 0}, {NULL, 0}};
static const struct manner webp[] = {{"JPEG", 0}, {"PNG", 0}, {"WebP", 0}, {NULL, 0}};

static bool has(const struct li_node *node, const char *name)
{
    const struct li_attr_spec *spec = node->op->attrs;
    while (spec && spec->name && strcmp(spec->name, name) != 0) {
        spec++;
    }
    return spec && spec->name;
}

/* DecodeGif has no attribute: three channels. */
static struct li_image_options options_of(const struct li_node *node)
{
    struct li_image_options o = {
        .channels = has(node, "channels") ? (int)li_attr_int(node, "channels") : 3,
        .dtype = has(node, "dtype") ? (lince_dtype)li_attr_int(node, "dtype") : LINCE_UINT8,
        .first_frame = has(node, "expand_animations") && !li_attr_int(node, "expand_animations"),
    };
    if (has(node, "ratio")) {
        o.ratio = (int)li_attr_int(node, "ratio");
        o.plain_upsampling = !li_attr_int(node, "fancy_upscaling");
        o.recover_truncated = li_attr_int(node, "try_recover_truncated") != 0;
        o.dct_accurate = li_attr_is(node, "dct_method", "INTEGER_ACCURATE");
    }
    return o;
}

static struct li_bytes file_in(const void *data)
{
    const lince_string *text = data;
    return (struct li_bytes){(const uint8_t *)text->data, text->size};
}

/* A file that is no good is data that is no good; memory and this build's limits stay what they are. */
static lince_status as_data(lince_status st)
{
    return st == LINCE_EFORMAT || st == LINCE_ECORRUPT || st == LINCE_EINVAL ? LINCE_EDATA : st;
}

static lince_status find_manner(const struct li_infer *s, const struct manner *m, const char *format, int *rank)
{
    for (; m->format; m++) {
        if (strcmp(m->format, format) == 0) {
            *rank = m->rank;
            return LINCE_OK;
        }
    }
    return li_infer_fail(s, LINCE_EDATA, "the picture is %s, which this op does not read; DecodeImage does", format);
}

/* One frame is a picture, a picture one frame. */
static lince_status to_rank(const struct li_infer *s, struct li_shape *shape, int rank)
{
    if (rank == 3 && shape->rank == 4) {
        if (shape->dim[0] != 1) {
            return li_infer_fail(s, LINCE_EDATA, "the picture has %lld frames, wanted one; DecodeGif takes more",
                                 (long long)shape->dim[0]);
        }
        *shape = (struct li_shape){.rank = 3, .dim = {shape->dim[1], shape->dim[2], shape->dim[3]}};
    } else if (rank == 4 && shape->rank == 3) {
        *shape = (struct li_shape){.rank = 4, .dim = {1, shape->dim[0], shape->dim[1], shape->dim[2]}};
    }
    return LINCE_OK;
}

static lince_status decode_shape(const struct li_infer *s, const struct manner *manner)
{
    const struct li_image_options options = options_of(s->node);
    const struct li_tensor *contents;
    struct li_image_info info;
    struct li_shape shape;
    lince_error why;
    int rank = 0;
    LI_TRY(li_ops_need(s, 0, LI_SET_STRING));
    LI_TRY(li_need_rank(s, 0, 0));
    LI_TRY(li_in_value(s, 0, &contents));
    lince_status st = li_image_size(file_in(contents->data), &info, &why);
    if (!st) {
        LI_TRY(find_manner(s, manner, info.format, &rank));
        st = li_image_shape(&shape, file_in(contents->data), &options, &why);
    }
    if (st) {
        return li_infer_fail(s, as_data(st), "%s", why.text);
    }
    LI_TRY(to_rank(s, &shape, rank));
    return li_out_is(s, 0, options.dtype, &shape);
}

/* Where a codec's memory comes from. */
static lince_status decode_prepare(struct li_prepare *p)
{
    struct li_mem **mem = li_arena_alloc(p->arena, sizeof *mem, p->err);
    if (!mem) {
        return LINCE_ENOMEM;
    }
    *mem = p->env->mem;
    p->plan = mem;
    return LINCE_OK;
}

/* [h, w, c] are the last three dims, with the number of frames in front or not. */
static bool as_announced(const struct li_shape *got, const struct li_shape *wanted)
{
    bool same = li_shape_count(got) == li_shape_count(wanted);
    for (int d = 1; d <= 3; d++) {
        same = same && got->dim[got->rank - d] == wanted->dim[wanted->rank - d];
    }
    return same;
}

static lince_status decode_forward(struct li_call *c)
{
    const struct li_image_options options = options_of(c->node);
    struct li_mem *mem = *(struct li_mem *const *)c->plan;
    struct li_tensor image;
    lince_error why;
    char got[LI_SHAPE_TEXT], wanted[LI_SHAPE_TEXT];
    lince_status st = li_image_decode(&image, file_in(c->in[0].data), &options, mem, &why);
    if (st) {
        return li_call_fail(c, as_data(st), "%s", why.text);
    }
    if (as_announced(&image.shape, c->out[0].shape)) {
        memcpy(c->out[0].data, image.data, image.size_bytes);
    } else {
        st = li_call_fail(c, LINCE_EDATA, "the picture decodes to %s, its headers told %s",
                          li_shape_text(&image.shape, got), li_shape_text(c->out[0].shape, wanted));
    }
    li_free(mem, image.data);
    return st;
}

#define CHANNELS                                                                                                       \
    {                                                                                                                  \
        "channels", LI_ATTR_INT, "0", "0 1 3 4"                                                                        \
    }
#define DTYPE(allowed)                                                                                                 \
    {                                                                                                                  \
        "dtype", LI_ATTR_TYPE, "uint8", allowed                                                                        \
    }

#define DECODER(id, op, manner, ...)                                                                                   \
    static lince_status id##_shape(struct li_infer *s)                                                                 \
    {                                                                                                                  \
        return decode_shape(s, manner);                                                                                \
    }                                                                                                                  \
    const struct li_op li_op_decode_##id = {.name = op,                                                                \
                                            .inputs_min = 1,                                                           \
                                            .inputs_max = 1,                                                           \
                                            .outputs = LI_OUTPUT("image"),                                             \
                                            .shape = id##_shape,                                                       \
                                            .prepare = decode_prepare,                                                 \
                                            .forward = decode_forward,                                                 \
                                            .grad = li_grad_none, /* of the bytes of a file */                         \
                                            __VA_ARGS__}

DECODER(bmp, "DecodeBmp", bitmap, .attrs = LI_ATTRS(CHANNELS));
DECODER(gif, "DecodeGif", frames, .attrs = NULL);
DECODER(image, "DecodeImage", any,
        .attrs = LI_ATTRS(CHANNELS, DTYPE("uint8 uint16 float32"), {"expand_animations", LI_ATTR_BOOL, "true", NULL}));
/* An acceptable_fraction below 1 takes cut files whose missing rows are black; here they are refused, or recovered. */
DECODER(jpeg, "DecodeJpeg", picture,
        .attrs = LI_ATTRS(CHANNELS, {"ratio", LI_ATTR_INT, "1", "1 2 4 8"},
                          {"fancy_upscaling", LI_ATTR_BOOL, "true", NULL},
                          {"try_recover_truncated", LI_ATTR_BOOL, "false", NULL},
                          {"acceptable_fraction", LI_ATTR_FLOAT, "1", "1"},
                          {"dct_method", LI_ATTR_STRING, "", " INTEGER_FAST INTEGER_ACCURATE"}));
DECODER(png, "DecodePng", picture, .attrs = LI_ATTRS(CHANNELS, DTYPE("uint8 uint16")));
DECODER(web_p, "DecodeWebP", webp, .attrs = LI_ATTRS(CHANNELS, DTYPE("uint8")));
