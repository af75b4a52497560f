/* Looking into tensors. */
#include "arrays.h"

#include <math.h>
#include <string.h>

size_t cli_elements(const lince_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++) {
        n *= (size_t)t->dims[i];
    }
    return n;
}

lince_tensor cli_images(bool bytes, int64_t count, int64_t height, int64_t width)
{
    lince_tensor t = {.dtype = bytes ? LINCE_UINT8 : LINCE_FLOAT32, .rank = 4, .dims = {count, height, width, 3}};
    t.size_bytes = cli_elements(&t) * lince_dtype_size(t.dtype);
    return t;
}

char *cli_shape(char buffer[192], const lince_tensor *t)
{
    size_t used = 1;
    strcpy(buffer, "[");
    for (int i = 0; i < t->rank; i++) {
        used += (size_t)snprintf(buffer + used, 192 - used, "%s%lld", i ? "," : "", (long long)t->dims[i]);
    }
    strcpy(buffer + used, "]");
    return buffer;
}

/* 5 bits of exponent, 10 of fraction. */
static double half(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                   : exponent == 0 ? ldexp(fraction, -24)
                                   : ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
}

static double bfloat16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

double cli_element(const lince_tensor *t, size_t i, bool imaginary)
{
    const void *d = t->data;
    switch (t->dtype) {
    case LINCE_FLOAT32:
        return (double)((const float *)d)[i];
    case LINCE_FLOAT64:
        return ((const double *)d)[i];
    case LINCE_FLOAT16:
        return half(((const uint16_t *)d)[i]);
    case LINCE_BFLOAT16:
        return bfloat16(((const uint16_t *)d)[i]);
    case LINCE_COMPLEX64:
        return (double)((const float *)d)[2 * i + imaginary];
    case LINCE_COMPLEX128:
        return ((const double *)d)[2 * i + imaginary];
    case LINCE_INT8:
    case LINCE_QINT8:
    case LINCE_INT4:
        return ((const int8_t *)d)[i];
    case LINCE_INT16:
    case LINCE_QINT16:
        return ((const int16_t *)d)[i];
    case LINCE_INT32:
    case LINCE_QINT32:
        return ((const int32_t *)d)[i];
    case LINCE_INT64:
        return (double)((const int64_t *)d)[i];
    case LINCE_UINT16:
    case LINCE_QUINT16:
        return ((const uint16_t *)d)[i];
    case LINCE_UINT32:
        return ((const uint32_t *)d)[i];
    case LINCE_UINT64:
        return (double)((const uint64_t *)d)[i];
    default: /* bool, uint8 and what is stored as bytes */
        return ((const uint8_t *)d)[i];
    }
}
