/* Blocks of elements of any dtype as double, int64 or uint64: the one place that spells out every dtype. */
#include "common.h"

enum li_domain li_domain_of(lince_dtype dtype)
{
    if (li_dtype_in(dtype, LI_SET_FLOAT)) {
        return LI_DOMAIN_FLOAT;
    }
    return li_dtype_in(dtype, LI_SET_UNSIGNED) ? LI_DOMAIN_UNSIGNED : LI_DOMAIN_SIGNED;
}

#define LOAD(member, type, expression)                                                                                 \
    do {                                                                                                               \
        const type *x = from;                                                                                          \
        for (int64_t k = 0; k < n; k++, x += stride) {                                                                 \
            to->member[k] = (expression);                                                                              \
        }                                                                                                              \
    } while (0)

void li_block_load(union li_block *to, lince_dtype dtype, const void *from, int64_t stride, int64_t n)
{
    switch ((int)dtype) {
    case LINCE_FLOAT32:
        LOAD(f, float, (double)*x);
        break;
    case LINCE_FLOAT64:
        LOAD(f, double, *x);
        break;
    case LINCE_FLOAT16:
        LOAD(f, uint16_t, (double)li_half_to_float(*x));
        break;
    case LINCE_BFLOAT16:
        LOAD(f, uint16_t, (double)li_bfloat16_to_float(*x));
        break;
    case LINCE_INT8:
        LOAD(i, int8_t, *x);
        break;
    case LINCE_INT16:
        LOAD(i, int16_t, *x);
        break;
    case LINCE_INT32:
        LOAD(i, int32_t, *x);
        break;
    case LINCE_INT64:
        LOAD(i, int64_t, *x);
        break;
    case LINCE_BOOL:
        LOAD(i, uint8_t, *x != 0);
        break;
    case LINCE_UINT8:
        LOAD(u, uint8_t, *x);
        break;
    case LINCE_UINT16:
        LOAD(u, uint16_t, *x);
        break;
    case LINCE_UINT32:
        LOAD(u, uint32_t, *x);
        break;
    case LINCE_UINT64:
        LOAD(u, uint64_t, *x);
        break;
    default:
        break;
    }
}

#define STORE(member, type, expression)                                                                                \
    do {                                                                                                               \
        type *y = to;                                                                                                  \
        for (int64_t k = 0; k < n; k++) {                                                                              \
            y[k] = (type)(expression);                                                                                 \
        }                                                                                                              \
    } while (0)

void li_block_store(void *to, lince_dtype dtype, const union li_block *from, int64_t n)
{
    switch ((int)dtype) {
    case LINCE_FLOAT32:
        STORE(f, float, from->f[k]);
        break;
    case LINCE_FLOAT64:
        STORE(f, double, from->f[k]);
        break;
    case LINCE_FLOAT16:
        STORE(f, uint16_t, li_float_to_half((float)from->f[k]));
        break;
    case LINCE_BFLOAT16:
        STORE(f, uint16_t, li_float_to_bfloat16((float)from->f[k]));
        break;
    case LINCE_INT8:
        STORE(i, int8_t, from->i[k]);
        break;
    case LINCE_INT16:
        STORE(i, int16_t, from->i[k]);
        break;
    case LINCE_INT32:
        STORE(i, int32_t, from->i[k]);
        break;
    case LINCE_INT64:
        STORE(i, int64_t, from->i[k]);
        break;
    case LINCE_BOOL:
        STORE(i, uint8_t, from->i[k] != 0);
        break;
    case LINCE_UINT8:
        STORE(u, uint8_t, from->u[k]);
        break;
    case LINCE_UINT16:
        STORE(u, uint16_t, from->u[k]);
        break;
    case LINCE_UINT32:
        STORE(u, uint32_t, from->u[k]);
        break;
    case LINCE_UINT64:
        STORE(u, uint64_t, from->u[k]);
        break;
    default:
        break;
    }
}

static void add_block(void *to, const void *from, lince_dtype dtype, int64_t n)
{
    union li_block sum, term;
    li_block_load(&sum, dtype, to, 1, n);
    li_block_load(&term, dtype, from, 1, n);
    for (int64_t k = 0; k < n; k++) {
        if (li_domain_of(dtype) == LI_DOMAIN_FLOAT) {
            sum.f[k] += term.f[k];
        } else {
            sum.u[k] += term.u[k];
        }
    }
    li_block_store(to, dtype, &sum, n);
}

void li_block_add(void *to, const void *from, lince_dtype dtype, int64_t n)
{
    const int64_t size = (int64_t)li_dtype_size(dtype);
    if (dtype == LINCE_FLOAT32) {
        float *sum = to;
        const float *term = from;
        for (int64_t i = 0; i < n; i++) {
            sum[i] += term[i];
        }
        return;
    }
    for (int64_t i = 0; i < n; i += LI_BLOCK) {
        add_block((char *)to + i * size, (const char *)from + i * size, dtype, LI_MIN(n - i, LI_BLOCK));
    }
}

double li_round_to(lince_dtype dtype, double value)
{
    switch ((int)dtype) {
    case LINCE_FLOAT32:
        return (double)(float)value;
    case LINCE_FLOAT16:
        return (double)li_half_to_float(li_float_to_half((float)value));
    case LINCE_BFLOAT16:
        return (double)li_bfloat16_to_float(li_float_to_bfloat16((float)value));
    default:
        return value;
    }
}
