/*
 * Random numbers, the same bits as TensorFlow's, given the same logarithm, sine and cosine of the C library. A row is a
 * distribution and where its generator comes from: the op's own state, two seeds, a key and a counter, or a variable.
 *
 * Output is cut into groups (4 numbers, 2 of 64 bits), each with its own place in the stream, so tasks take ranges of
 * groups.
 */
#include "common.h"

#include <math.h>

enum distribution { UNIFORM, NORMAL, TRUNCATED, INTEGER, FULL_INTEGER };
enum source { OWN, SEEDS, KEY_COUNTER, VARIABLE };

struct how {
    enum distribution distribution;
    enum source source;
};

enum { SKIP_PER_OUTPUT = 256 }; /* blocks that TensorFlow sets aside for each output */

/* Inputs: the shape, then what the source needs, then the ends of a range. VARIABLE has the shape third. */
static int shape_input(const struct how *how)
{
    return how->source == VARIABLE ? 2 : 0;
}

static int range_input(const struct how *how)
{
    static const int at[] = {[OWN] = 1, [SEEDS] = 2, [KEY_COUNTER] = 4, [VARIABLE] = 3};
    return at[how->source];
}

/* ---- Words to numbers ---- */

/* [0, 1): the mantissa of a number in [1, 2). */
static float to_float(uint32_t x)
{
    union {
        uint32_t u;
        float f;
    } v = {.u = 127u << 23 | (x & 0x7fffffu)};
    return v.f - 1;
}

/* The mantissa's upper 20 bits come from the first word. */
static double to_double(uint32_t high, uint32_t low)
{
    union {
        uint64_t u;
        double f;
    } v = {.u = (uint64_t)1023 << 52 | (uint64_t)(high & 0xfffffu) << 32 | low};
    return v.f - 1;
}

static double uniform(lince_dtype dtype, const uint32_t *x)
{
    switch ((int)dtype) {
    case LINCE_FLOAT64:
        return to_double(x[0], x[1]);
    case LINCE_FLOAT16:
        return (double)(li_half_to_float((uint16_t)(15u << 10 | (x[0] & 0x3ffu))) - 1);
    case LINCE_BFLOAT16:
        return (double)(li_bfloat16_to_float((uint16_t)(127u << 7 | (x[0] & 0x7fu))) - 1);
    default:
        return (double)to_float(x[0]);
    }
}

/* Two normal numbers by Box and Muller from two words, four for float64. The angle is rounded once. */
static void normal(lince_dtype dtype, const uint32_t *x, double *z)
{
    if (dtype == LINCE_FLOAT64) {
        double u = to_double(x[0], x[1]), v = 2 * M_PI * to_double(x[2], x[3]), r = sqrt(-2 * log(u < 1e-7 ? 1e-7 : u));
        z[0] = sin(v) * r;
        z[1] = cos(v) * r;
        return;
    }
    float u = to_float(x[0]), v = (float)(2 * M_PI * (double)to_float(x[1]));
    float r = sqrtf(-2.0f * logf(u < 1e-7f ? 1e-7f : u));
    z[0] = (double)(sinf(v) * r);
    z[1] = (double)(cosf(v) * r);
}

/* ---- Groups ---- */

static int group_size(lince_dtype dtype)
{
    return li_dtype_size(dtype) == 8 ? 2 : 4;
}

/* Pairs drawn word by word until a group of numbers nearer than 2 is full. */
static void truncated_group(lince_dtype dtype, struct li_philox p, double *z)
{
    uint32_t block[4], x[4];
    int size = group_size(dtype), wanted = dtype == LINCE_FLOAT64 ? 4 : 2, used = 4, full = 0;
    while (full < size) {
        double pair[2];
        for (int i = 0; i < wanted; i++) {
            if (used == 4) {
                li_philox_next(&p, block);
                used = 0;
            }
            x[i] = block[used++];
        }
        normal(dtype, x, pair);
        for (int i = 0; i < 2 && full < size; i++) {
            if (fabs(pair[i]) < 2) {
                z[full++] = pair[i];
            }
        }
    }
}

struct range {
    uint64_t low, width; /* width 0: all numbers */
};

static void integer_group(lince_dtype dtype, const uint32_t *x, const struct range *range, union li_block *z)
{
    bool wide = li_dtype_size(dtype) == 8;
    for (int i = 0; i < group_size(dtype); i++) {
        uint64_t bits = wide ? x[2 * i] | (uint64_t)x[2 * i + 1] << 32 : x[i];
        z->u[i] = range->width ? range->low + bits % range->width : bits;
    }
}

static void fill_group(enum distribution d, lince_dtype dtype, struct li_philox p, int64_t group,
                       const struct range *range, union li_block *z)
{
    uint32_t x[4];
    int size = group_size(dtype);
    if (d == TRUNCATED) {
        li_philox_skip(&p, (uint64_t)group * (uint64_t)size * SKIP_PER_OUTPUT / 4);
        truncated_group(dtype, p, z->f);
        return;
    }
    li_philox_skip(&p, (uint64_t)group);
    li_philox_next(&p, x);
    if (d == INTEGER || d == FULL_INTEGER) {
        integer_group(dtype, x, range, z);
        return;
    }
    for (int i = 0; i < size && d == UNIFORM; i++) {
        z->f[i] = uniform(dtype, &x[i * 4 / size]);
    }
    for (int i = 0; i < size && d == NORMAL; i += 2) {
        normal(dtype, &x[i], &z->f[i]);
    }
}

/* ---- Rows ---- */

/* What a counter keeps in a variable or in the op's own state: low, high, key. */
static struct li_philox from_state(const struct li_operand *state)
{
    const uint64_t *s = state->data;
    return (struct li_philox){.low = s[0], .high = s[1], .key = s[2]};
}

/* The state after `outputs` numbers; one task writes it. */
static void advance(struct li_call *c, uint64_t outputs)
{
    struct li_philox p = from_state(c->state[0].in);
    uint64_t *after = c->state[0].out->data;
    if (c->task == 0) {
        li_philox_skip(&p, outputs * SKIP_PER_OUTPUT);
        after[0] = p.low, after[1] = p.high, after[2] = p.key;
        if (li_count(c->state[0].out) > 3) {
            after[3] = 0;
        }
    }
}

/* 1 is Philox, 3 what suits the device, which is Philox on a CPU. */
static lince_status check_algorithm(struct li_call *c, const struct li_operand *o)
{
    int64_t algorithm = li_index_at(o, 0);
    if (algorithm != 1 && algorithm != 3) {
        return li_call_fail(c, LINCE_EUNSUPPORTED, "random algorithm %lld; only Philox (1) is supported",
                            (long long)algorithm);
    }
    return LINCE_OK;
}

static lince_status start(struct li_call *c, const struct how *how, struct li_philox *p)
{
    switch (how->source) {
    case SEEDS:
        *p = li_philox_from_seeds((uint64_t)li_index_at(&c->in[1], 0), (uint64_t)li_index_at(&c->in[1], 1));
        return LINCE_OK;
    case KEY_COUNTER:
        LI_TRY(check_algorithm(c, &c->in[3]));
        p->key = *(const uint64_t *)c->in[1].data;
        p->low = ((const uint64_t *)c->in[2].data)[0];
        p->high = ((const uint64_t *)c->in[2].data)[1];
        return LINCE_OK;
    case VARIABLE:
        LI_TRY(check_algorithm(c, &c->in[1]));
        break;
    case OWN:
        break;
    }
    *p = from_state(c->state[0].in);
    advance(c, (uint64_t)li_count(&c->out[0]));
    return LINCE_OK;
}

static lince_status read_range(struct li_call *c, int first, struct range *range)
{
    union li_block low, high;
    lince_dtype dtype = c->in[first].dtype;
    li_block_load(&low, dtype, c->in[first].data, 1, 1);
    li_block_load(&high, dtype, c->in[first + 1].data, 1, 1);
    bool empty = li_domain_of(dtype) == LI_DOMAIN_SIGNED ? low.i[0] >= high.i[0] : low.u[0] >= high.u[0];
    if (empty) {
        return li_call_fail(c, LINCE_EDATA, "no number is at least minval and below maxval");
    }
    *range = (struct range){low.u[0], high.u[0] - low.u[0]};
    return LINCE_OK;
}

static lince_status random_run(struct li_call *c, const struct how *how)
{
    lince_dtype dtype = c->out[0].dtype;
    int64_t begin, end, count = li_count(&c->out[0]), size = group_size(dtype);
    struct li_philox p;
    struct range range = {0, 0};
    if (how->distribution == INTEGER) {
        LI_TRY(read_range(c, range_input(how), &range));
    }
    LI_TRY(start(c, how, &p));
    li_task_range(c, (count + size - 1) / size, &begin, &end);
    for (int64_t group = begin; group < end; group++) {
        union li_block z;
        fill_group(how->distribution, dtype, p, group, &range, &z);
        li_block_store(li_at(c->out[0].data, dtype, group * size), dtype, &z, LI_MIN(size, count - group * size));
    }
    return LINCE_OK;
}

static lince_status check_source(const struct li_infer *s, const struct how *how)
{
    switch (how->source) {
    case SEEDS:
        LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
        break;
    case KEY_COUNTER:
        LI_TRY(li_ops_need(s, 1, LI_BIT(LINCE_UINT64)));
        LI_TRY(li_ops_need(s, 2, LI_BIT(LINCE_UINT64)));
        LI_TRY(li_ops_need(s, 3, LI_SET_INDEX));
        LI_TRY(li_need_rank(s, 3, 0));
        if (li_shape_count(li_in_shape(s, 2)) != 2 || li_shape_count(li_in_shape(s, 1)) != 1) {
            return li_infer_fail(s, LINCE_EINVAL, "wants a key of 1 and a counter of 2 numbers");
        }
        break;
    case VARIABLE:
        LI_TRY(li_ops_need_generator(s));
        LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
        LI_TRY(li_need_rank(s, 1, 0));
        break;
    case OWN:
        break;
    }
    if (how->source == SEEDS && li_shape_count(li_in_shape(s, 1)) != 2) {
        return li_infer_fail(s, LINCE_EINVAL, "wants two seeds");
    }
    return LINCE_OK;
}

static lince_status random_shape(struct li_infer *s, const struct how *how, const char *type)
{
    bool integer = how->distribution == INTEGER || how->distribution == FULL_INTEGER;
    struct li_shape out = {0};
    lince_dtype dtype;
    LI_TRY(check_source(s, how));
    if (how->distribution == INTEGER) {
        int first = range_input(how);
        LI_TRY(li_need_same_dtype(s, first, first + 1));
        LI_TRY(li_need_rank(s, first, 0));
        LI_TRY(li_need_rank(s, first + 1, 0));
        dtype = li_in_dtype(s, first);
    } else {
        dtype = (lince_dtype)li_attr_int(s->node, type);
    }
    unsigned integers = LI_SET_INDEX | LI_BIT(LINCE_UINT32) | LI_BIT(LINCE_UINT64);
    if (!li_dtype_in(dtype, integer ? integers : LI_SET_FLOAT)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "makes %s", li_dtype_name(dtype));
    }
    LI_TRY(li_in_ints(s, shape_input(how), out.dim, LI_MAX_RANK, &out.rank));
    return li_out_is(s, 0, dtype, &out);
}

#define RANDOM(id, op, distribution, source, count, fallback, effect, ...)                                             \
    static const struct how id##_how = {distribution, source};                                                         \
    static lince_status id##_shape(struct li_infer *s)                                                                 \
    {                                                                                                                  \
        return random_shape(s, &id##_how, "dtype");                                                                    \
    }                                                                                                                  \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        return random_run(c, &id##_how);                                                                               \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = count,                                                                                           \
        .inputs_max = count,                                                                                           \
        .outputs = LI_OUTPUT("output"),                                                                                \
        .attrs = LI_ATTRS({"dtype", LI_ATTR_TYPE, fallback, NULL}, __VA_ARGS__),                                       \
        .shape = id##_shape,                                                                                           \
        .prepare = li_ops_prepare_costly,                                                                              \
        .forward = id##_forward,                                                                                       \
        .grad = li_grad_none,                                                                                          \
        .effects = effect,                                                                                             \
    };

#define SEED_SPECS {"seed", LI_ATTR_INT, "0", NULL}, {"seed2", LI_ATTR_INT, "0", NULL}, LI_TYPE_SPEC("T")
#define STATELESS(id, op, distribution, source, count, fallback)                                                       \
    RANDOM(id, op, distribution, source, count, fallback, 0, LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tseed"),                 \
           LI_TYPE_SPEC("Tshape"))
#define STATEFUL(id, op, distribution, count, fallback)                                                                \
    RANDOM(id, op, distribution, VARIABLE, count, fallback, LI_EFFECT_WRITE, LI_TYPE_SPEC("shape_dtype"))

RANDOM(random_uniform, "RandomUniform", UNIFORM, OWN, 1, NULL, LI_EFFECT_RANDOM, SEED_SPECS)
RANDOM(random_standard_normal, "RandomStandardNormal", NORMAL, OWN, 1, NULL, LI_EFFECT_RANDOM, SEED_SPECS)
RANDOM(truncated_normal, "TruncatedNormal", TRUNCATED, OWN, 1, NULL, LI_EFFECT_RANDOM, SEED_SPECS)
RANDOM(random_uniform_int, "RandomUniformInt", INTEGER, OWN, 3, "int32", LI_EFFECT_RANDOM, SEED_SPECS,
       LI_TYPE_SPEC("Tout"))

STATELESS(stateless_random_uniform, "StatelessRandomUniform", UNIFORM, SEEDS, 2, "float32")
STATELESS(stateless_random_normal, "StatelessRandomNormal", NORMAL, SEEDS, 2, "float32")
STATELESS(stateless_truncated_normal, "StatelessTruncatedNormal", TRUNCATED, SEEDS, 2, "float32")
STATELESS(stateless_random_uniform_int, "StatelessRandomUniformInt", INTEGER, SEEDS, 4, "int32")
STATELESS(stateless_random_uniform_full_int, "StatelessRandomUniformFullInt", FULL_INTEGER, SEEDS, 2, "uint64")
STATELESS(stateless_random_uniform_v2, "StatelessRandomUniformV2", UNIFORM, KEY_COUNTER, 4, "float32")
STATELESS(stateless_random_normal_v2, "StatelessRandomNormalV2", NORMAL, KEY_COUNTER, 4, "float32")
STATELESS(stateless_truncated_normal_v2, "StatelessTruncatedNormalV2", TRUNCATED, KEY_COUNTER, 4, "float32")
STATELESS(stateless_random_uniform_int_v2, "StatelessRandomUniformIntV2", INTEGER, KEY_COUNTER, 6, "int32")
STATELESS(stateless_random_uniform_full_int_v2, "StatelessRandomUniformFullIntV2", FULL_INTEGER, KEY_COUNTER, 4,
          "uint64")

STATEFUL(stateful_uniform, "StatefulUniform", UNIFORM, 3, "float32")
STATEFUL(stateful_standard_normal_v2, "StatefulStandardNormalV2", NORMAL, 3, "float32")
STATEFUL(stateful_truncated_normal, "StatefulTruncatedNormal", TRUNCATED, 3, "float32")
STATEFUL(stateful_uniform_int, "StatefulUniformInt", INTEGER, 5, "int64")
STATEFUL(stateful_uniform_full_int, "StatefulUniformFullInt", FULL_INTEGER, 3, "uint64")
