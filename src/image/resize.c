/* Resizing: what the methods have in common. The arithmetic follows TensorFlow's image_resizer_state.h. */
#include "resize.h"

#include <string.h>

const struct li_resizer *li_resizer_of(enum li_resize_method method)
{
    switch (method) {
    case LI_RESIZE_BILINEAR:
        return &li_resizer_bilinear;
    case LI_RESIZE_NEAREST:
        return &li_resizer_nearest;
    case LI_RESIZE_BICUBIC:
        return &li_resizer_bicubic;
    case LI_RESIZE_AREA:
        return &li_resizer_area;
    default:
        return &li_resizer_sample;
    }
}

float li_resize_step(const struct li_resize *r, int axis)
{
    int64_t in = li_resize_in(r, axis), out = li_resize_out(r, axis);

    /*
     * A side of one pixel has no corners to align; the goldens of bicubic and area show that TensorFlow 2.21 sees it
     * so.
     */
    return r->align_corners && in > 1 && out > 1 ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
}

static const struct {
    const char *name;
    enum li_resize_method method;
} names[] = {
    {"bilinear", LI_RESIZE_BILINEAR}, {"nearest", LI_RESIZE_NEAREST},     {"bicubic", LI_RESIZE_BICUBIC},
    {"area", LI_RESIZE_AREA},         {"lanczos1", LI_RESIZE_LANCZOS1},   {"lanczos3", LI_RESIZE_LANCZOS3},
    {"lanczos5", LI_RESIZE_LANCZOS5}, {"gaussian", LI_RESIZE_GAUSSIAN},   {"box", LI_RESIZE_BOX},
    {"triangle", LI_RESIZE_TRIANGLE}, {"keyscubic", LI_RESIZE_KEYSCUBIC}, {"mitchellcubic", LI_RESIZE_MITCHELLCUBIC},
};

bool li_resize_method_parse(const char *name, enum li_resize_method *method)
{
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        if (strcmp(names[i].name, name) == 0) {
            *method = names[i].method;
            return true;
        }
    }
    return false;
}

void li_resize_v2(struct li_resize *r, enum li_resize_method method, bool antialias)
{
    if (antialias && method == LI_RESIZE_BILINEAR) {
        method = LI_RESIZE_TRIANGLE;
    } else if (antialias && method == LI_RESIZE_BICUBIC) {
        method = LI_RESIZE_KEYSCUBIC;
    }
    r->method = method;
    r->align_corners = false;
    r->half_pixel = method != LI_RESIZE_AREA;
    r->antialias = antialias;
    r->scale[0] = (float)r->oh / (float)r->h;
    r->scale[1] = (float)r->ow / (float)r->w;
    r->translation[0] = r->translation[1] = 0;
}

static size_t align(size_t bytes)
{
    return (bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN;
}

size_t li_resize_axis_bytes(const struct li_resize *r, int axis)
{
    return align(li_resizer_of(r->method)->entry_bytes(r, axis) * (size_t)li_resize_out(r, axis));
}

size_t li_resize_table_bytes(const struct li_resize *r)
{
    return li_resize_axis_bytes(r, 0) + li_resize_axis_bytes(r, 1);
}

void li_resize_table(const struct li_resize *r, void *table)
{
    li_resizer_of(r->method)->axis(r, 0, table);
    li_resizer_of(r->method)->axis(r, 1, (uint8_t *)table + li_resize_axis_bytes(r, 0));
}

size_t li_resize_scratch_bytes(const struct li_resize *r)
{
    return li_resizer_of(r->method)->scratch_floats(r) * sizeof(float);
}

void li_resize_rows(const struct li_resize *r, const void *table, const void *in, void *out, int64_t y0, int64_t y1,
                    void *scratch)
{
    const void *xs = (const uint8_t *)table + li_resize_axis_bytes(r, 0);

    li_resizer_of(r->method)->rows(r, table, xs, in, out, y0, y1, scratch);
}

/* ---- rows as floats ---- */

#define LOAD(name, type, value)                                                                                        \
    static void load_##name(float *restrict out, const type *restrict in, int64_t count, float unit)                   \
    {                                                                                                                  \
        (void)unit;                                                                                                    \
        for (int64_t i = 0; i < count; i++) {                                                                          \
            out[i] = (value);                                                                                          \
        }                                                                                                              \
    }
LOAD(u8, uint8_t, (float)in[i] * unit)
LOAD(i8, int8_t, (float)in[i] * unit)
LOAD(u16, uint16_t, (float)in[i] * unit)
LOAD(i16, int16_t, (float)in[i] * unit)
LOAD(u32, uint32_t, (float)in[i] * unit)
LOAD(i32, int32_t, (float)in[i] * unit)
LOAD(u64, uint64_t, (float)in[i] * unit)
LOAD(i64, int64_t, (float)in[i] * unit)
LOAD(f64, double, (float)in[i])
LOAD(f16, uint16_t, li_half_to_float(in[i]))
LOAD(bf16, uint16_t, li_bfloat16_to_float(in[i]))
#undef LOAD

const float *li_resize_load(const struct li_resize *r, const void *in, int64_t y, float *buffer)
{
    const void *row = (const uint8_t *)in + (size_t)(y * li_resize_stride(r)) * li_dtype_size(r->dtype);
    int64_t count = r->w * r->c;
    float unit = r->unit != 0 ? r->unit : 1;

    switch (r->dtype) {
    case LINCE_FLOAT32:
        return row;
    case LINCE_UINT8:
        load_u8(buffer, row, count, unit);
        break;
    case LINCE_INT8:
        load_i8(buffer, row, count, unit);
        break;
    case LINCE_UINT16:
        load_u16(buffer, row, count, unit);
        break;
    case LINCE_INT16:
        load_i16(buffer, row, count, unit);
        break;
    case LINCE_UINT32:
        load_u32(buffer, row, count, unit);
        break;
    case LINCE_INT32:
        load_i32(buffer, row, count, unit);
        break;
    case LINCE_UINT64:
        load_u64(buffer, row, count, unit);
        break;
    case LINCE_INT64:
        load_i64(buffer, row, count, unit);
        break;
    case LINCE_FLOAT64:
        load_f64(buffer, row, count, unit);
        break;
    case LINCE_FLOAT16:
        load_f16(buffer, row, count, unit);
        break;
    default:
        load_bf16(buffer, row, count, unit);
        break;
    }
    return buffer;
}
