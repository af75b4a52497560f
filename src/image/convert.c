/*
 * tf.image.convert_image_dtype for the types pictures have: float32 stands for [0, 1], integers for their whole
 * range.
 */
#include "image.h"

/* saturate_cast after scaling by max + 0.5; NaN gives 0. */
static float clip(float value, float most)
{
    if (!(value > 0)) {
        return 0;
    }
    return value < most ? value : most;
}

static void from_u8(void *out, lince_dtype type, const uint8_t *in, int64_t count)
{
    const float unit = 1.0f / 255;

    for (int64_t i = 0; i < count && type == LINCE_FLOAT32; i++) {
        ((float *)out)[i] = (float)in[i] * unit;
    }
    for (int64_t i = 0; i < count && type == LINCE_UINT16; i++) {
        ((uint16_t *)out)[i] = (uint16_t)(in[i] * 256); /* (65535 + 1) / (255 + 1) */
    }
    for (int64_t i = 0; i < count && type == LINCE_UINT8; i++) {
        ((uint8_t *)out)[i] = in[i];
    }
}

static void from_u16(void *out, lince_dtype type, const uint16_t *in, int64_t count)
{
    const float unit = 1.0f / 65535;

    for (int64_t i = 0; i < count && type == LINCE_FLOAT32; i++) {
        ((float *)out)[i] = (float)in[i] * unit;
    }
    for (int64_t i = 0; i < count && type == LINCE_UINT8; i++) {
        ((uint8_t *)out)[i] = (uint8_t)(in[i] / 256);
    }
    for (int64_t i = 0; i < count && type == LINCE_UINT16; i++) {
        ((uint16_t *)out)[i] = in[i];
    }
}

static void from_f32(void *out, lince_dtype type, const float *in, int64_t count)
{
    for (int64_t i = 0; i < count && type == LINCE_UINT8; i++) {
        ((uint8_t *)out)[i] = (uint8_t)clip(in[i] * 255.5f, 255);
    }
    for (int64_t i = 0; i < count && type == LINCE_UINT16; i++) {
        ((uint16_t *)out)[i] = (uint16_t)clip(in[i] * 65535.5f, 65535);
    }
    for (int64_t i = 0; i < count && type == LINCE_FLOAT32; i++) {
        ((float *)out)[i] = in[i];
    }
}

static bool known(lince_dtype type)
{
    return type == LINCE_UINT8 || type == LINCE_UINT16 || type == LINCE_FLOAT32;
}

bool li_image_convert(void *out, lince_dtype out_dtype, const void *in, lince_dtype in_dtype, int64_t count)
{
    if (!known(out_dtype) || !known(in_dtype)) {
        return false;
    }
    switch (in_dtype) {
    case LINCE_UINT8:
        from_u8(out, out_dtype, in, count);
        break;
    case LINCE_UINT16:
        from_u16(out, out_dtype, in, count);
        break;
    default:
        from_f32(out, out_dtype, in, count);
        break;
    }
    return true;
}
