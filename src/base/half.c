/*
 * 16-bit floats, one at a time. Results are those of the processors' own conversions (F16C, NEON): to nearest with ties
 * to even, subnormals kept, and a signalling NaN becomes the quiet one with the same payload.
 */
#include "base/base.h"

#include <string.h>

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float li_half_to_float(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16;
    uint32_t exponent = (bits >> 10) & 0x1f;
    uint32_t mantissa = bits & 0x3ff;

    if (exponent == 0) { /* zero or subnormal: mantissa * 2^-24, exact in float */
        return float_of(sign | bits_of((float)mantissa * 0x1p-24f));
    }
    if (exponent == 31) {
        return float_of(sign | 0x7f800000u | (mantissa ? 0x400000u | mantissa << 13 : 0));
    }
    return float_of(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

/* value >> shift, to nearest, ties to even; shift in [1, 31]. */
static uint32_t shift_to_nearest(uint32_t value, int shift)
{
    uint32_t half = 1u << (shift - 1);
    uint32_t rest = value & ((1u << shift) - 1);
    uint32_t kept = value >> shift;

    return kept + (rest > half || (rest == half && (kept & 1)));
}

uint16_t li_float_to_half(float value)
{
    uint32_t bits = bits_of(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffffu;
    int exponent = (int)(magnitude >> 23) - 127;

    if (magnitude > 0x7f800000u) {
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
    }
    if (exponent >= 16) {
        return sign | 0x7c00;
    }
    if (exponent >= -14) { /* normal; rounding up may carry into the exponent, and into infinity, which is right */
        return (uint16_t)(sign | shift_to_nearest(magnitude - ((127u - 15u) << 23), 13));
    }
    if (exponent < -25) { /* below half of the smallest subnormal, 2^-24 */
        return sign;
    }
    return (uint16_t)(sign | shift_to_nearest((magnitude & 0x7fffffu) | 0x800000u, -exponent - 1));
}

uint16_t li_float_to_bfloat16(float value)
{
    uint32_t bits = bits_of(value);

    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return (uint16_t)((bits >> 16 & 0x8000) | 0x7fc0);
    }
    return (uint16_t)shift_to_nearest(bits, 16);
}
