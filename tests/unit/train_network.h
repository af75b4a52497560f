/*
 * Small networks made by chance, the same for the same seed: convolutions, norms, activations spelled out, branches and
 * joins, on odd sizes, with constants, variables and what is computed from them as weights. Dim 0 stays the batch, so
 * that one network runs on several.
 */
#ifndef LI_UNIT_TRAIN_NETWORK_H
#define LI_UNIT_TRAIN_NETWORK_H

#include "unit/test.h"

#include "graph/graph.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <math.h>

enum { NET_POOL = 96, NET_VARIABLES = 64, NET_OUTPUTS = 6, NET_ELEMENTS = 4000 };

struct network {
    struct li_mem *mem;
    struct li_store *store;
    struct li_graph *g;
    struct li_env env;
    lince_error err;
    uint64_t seed, random;
    li_vid pool[NET_POOL]; /* float32 values to go on from */
    int count;
    li_vid handles[NET_VARIABLES];
    int variables;
    int64_t batch;
    bool fixed_batch; /* something depends on this very number */
    bool lowest;      /* there is a MaxPool, which makes the lowest of all floats of a window of NaN */
    bool limit;       /* input 1 tells how much of an axis is kept: the graph has two segments */
};

/* ---- Chance ---- */

static inline uint64_t net_next(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (*random >> 33) ^ (*random >> 59);
}

/* In [low, high]. */
static inline int64_t net_int(struct network *n, int64_t low, int64_t high)
{
    return low + (int64_t)(net_next(&n->random) % (uint64_t)(high - low + 1));
}

static inline bool net_chance(struct network *n, int one_in)
{
    return net_int(n, 1, one_in) == 1;
}

/* In [low, high). */
static inline float net_float(uint64_t *random, float low, float high)
{
    return low + (high - low) * (float)(net_next(random) % 65536) / 65536.0f;
}

#define NET_PICK(n, ...)                                                                                               \
    (((const int64_t[]){__VA_ARGS__})[net_int((n), 0, (int64_t)LI_COUNT(((const int64_t[]){__VA_ARGS__})) - 1)])

/* ---- Nodes ---- */

static inline void net_ok(struct network *n, lince_status st)
{
    if (st) {
        fail_msg("seed %llu: %s", (unsigned long long)n->seed, n->err.text);
    }
}

static inline const struct li_shape *net_shape(const struct network *n, li_vid v)
{
    return &n->g->values[v].shape;
}

static inline void net_push(struct network *n, li_vid v)
{
    if (n->count < NET_POOL && li_shape_count(net_shape(n, v)) <= NET_ELEMENTS) {
        n->pool[n->count++] = v;
    }
}

static inline void net_emit(struct network *n, const char *op, const li_vid *in, int nin, const struct li_attr *attrs,
                            int nattrs, li_vid *out, int nout)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%d", op, (int)n->g->node_count);
    net_ok(n, li_graph_emit(n->g, op, name, in, nin, attrs, nattrs, out, nout, &n->err));
}

static inline li_vid net_one(struct network *n, const char *op, li_vid a, li_vid b, const struct li_attr *attrs,
                             int nattrs)
{
    li_vid out;
    net_emit(n, op, (li_vid[]){a, b}, 1 + (b >= 0), attrs, nattrs, &out, 1);
    return out;
}

static inline li_vid net_constant(struct network *n, lince_dtype dtype, const struct li_shape *shape, const void *data)
{
    struct li_tensor t = {.dtype = dtype, .shape = *shape, .data = (void *)(uintptr_t)data};
    const struct li_tensor *own;
    li_vid v;
    net_ok(n, li_shape_bytes(shape, dtype, &t.size_bytes, &n->err));
    net_ok(n, li_graph_own_tensor(n->g, &t, &own, &n->err));
    net_ok(n, li_graph_constant(n->g, own, &v, &n->err));
    return v;
}

static inline li_vid net_ints(struct network *n, int count, const int32_t *values)
{
    return net_constant(n, LINCE_INT32, &(struct li_shape){1, {count}}, values);
}

static inline li_vid net_axis(struct network *n, int axis)
{
    return net_constant(n, LINCE_INT32, &(struct li_shape){.rank = 0}, &(int32_t){axis});
}

static inline li_vid net_scalar(struct network *n, float value)
{
    struct li_shape shape = {.rank = net_chance(n, 3) ? 1 : 0, .dim = {1}};
    return net_constant(n, LINCE_FLOAT32, &shape, &value);
}

/* ---- Weights ---- */

/* Numbers in [low, high): a constant, a variable, or a variable times a constant. */
static inline li_vid net_weights(struct network *n, const struct li_shape *shape, float low, float high)
{
    int64_t count = li_shape_count(shape), kind = net_int(n, 0, 3);
    float *data = malloc((size_t)count * sizeof *data + 1);
    int32_t resource;
    li_vid v;
    for (int64_t i = 0; i < count; i++) {
        data[i] = net_float(&n->random, low, high);
    }
    if (kind == 0 || n->variables == NET_VARIABLES) {
        v = net_constant(n, LINCE_FLOAT32, shape, data);
    } else {
        li_vid handle;
        net_ok(n, li_store_add(n->store, LI_VARIABLE, "w", LINCE_FLOAT32, shape, &resource, &n->err));
        net_ok(n, li_store_write(n->store, resource, data, (size_t)count * sizeof *data, &n->err));
        net_ok(n, li_graph_resource(n->g, resource, &handle, &n->err));
        n->handles[n->variables++] = handle;
        v = net_one(n, "ReadVariableOp", handle, LI_NONE, &(struct li_attr)LI_TYPE("dtype", LINCE_FLOAT32), 1);
        v = kind == 1 ? net_one(n, "Mul", v, net_scalar(n, 0.9f), NULL, 0) : v;
    }
    free(data);
    return net_chance(n, 8) ? net_one(n, "Identity", v, LI_NONE, NULL, 0) : v;
}

static inline li_vid net_vector(struct network *n, int64_t count, float low, float high)
{
    return net_weights(n, &(struct li_shape){1, {count}}, low, high);
}

/* ---- Values ---- */

/* A late value more often than an early one, of this rank (0: any); LI_NONE: there is none. */
static inline li_vid net_value(struct network *n, int rank)
{
    for (int tries = 0; tries < 12; tries++) {
        int64_t back = NET_PICK(n, 0, 0, 2, NET_POOL), low = n->count - 1 - LI_MIN(n->count - 1, back);
        li_vid v = n->pool[net_int(n, low, n->count - 1)];
        if (rank == 0 || net_shape(n, v)->rank == rank) {
            return v;
        }
    }
    return LI_NONE;
}

/* Another of the same shape, or LI_NONE. */
static inline li_vid net_like(struct network *n, li_vid v)
{
    for (int tries = 0; tries < 12; tries++) {
        li_vid other = n->pool[net_int(n, 0, n->count - 1)];
        if (other != v && li_shape_equal(net_shape(n, other), net_shape(n, v))) {
            return other;
        }
    }
    return net_chance(n, 3) ? v : LI_NONE;
}

/* ---- Windows ---- */

struct net_window {
    int64_t kernel[2], strides[4], dilations[4], pads[8];
    const char *padding;
};

static inline int64_t net_extent(const struct net_window *w, int side)
{
    return (w->kernel[side] - 1) * w->dilations[1 + side] + 1;
}

static inline struct net_window net_window(struct network *n, const struct li_shape *x, bool square, bool dilate)
{
    struct net_window w = {.strides = {1, 1, 1, 1}, .dilations = {1, 1, 1, 1}, .padding = "SAME"};
    for (int side = 0; side < 2; side++) {
        w.kernel[side] = NET_PICK(n, 1, 1, 2, 3, 3, 3, 5, 7);
        w.strides[1 + side] = NET_PICK(n, 1, 1, 1, 2, 3);
        w.dilations[1 + side] = dilate ? NET_PICK(n, 1, 1, 1, 2, 3) : 1;
    }
    if (square || net_chance(n, 2)) {
        w.strides[2] = w.strides[1];
    }
    if (w.dilations[1] > 1 || w.dilations[2] > 1) {
        w.strides[1] = w.strides[2] = 1;
    }
    bool fits = net_extent(&w, 0) <= x->dim[1] && net_extent(&w, 1) <= x->dim[2];
    if (net_chance(n, 4)) {
        for (int i = 2; i < 6; i++) {
            w.pads[i] = net_int(n, 0, 2);
        }
        if (net_extent(&w, 0) <= x->dim[1] + w.pads[2] + w.pads[3] &&
            net_extent(&w, 1) <= x->dim[2] + w.pads[4] + w.pads[5]) {
            w.padding = "EXPLICIT";
        }
    } else if (fits && net_chance(n, 3)) {
        w.padding = "VALID";
    }
    return w;
}

static inline int net_window_attrs(const struct net_window *w, bool dilate, struct li_attr *attrs)
{
    int count = 0;
    attrs[count++] = (struct li_attr)LI_TYPE("T", LINCE_FLOAT32);
    attrs[count++] = (struct li_attr)LI_INTS("strides", w->strides, 4);
    attrs[count++] = (struct li_attr)LI_STR("padding", w->padding);
    if (dilate) {
        attrs[count++] = (struct li_attr)LI_INTS("dilations", w->dilations, 4);
    }
    if (strcmp(w->padding, "EXPLICIT") == 0) {
        attrs[count++] = (struct li_attr)LI_INTS("explicit_paddings", w->pads, 8);
    }
    return count;
}

/* ---- What a network is made of; each adds to the pool, or nothing where no value fits ---- */

static inline void net_conv(struct network *n)
{
    li_vid x = net_value(n, 4);
    struct li_attr attrs[5];
    if (x < 0 || net_shape(n, x)->dim[1] < 1 || net_shape(n, x)->dim[2] < 1) {
        return;
    }
    const struct li_shape shape = *net_shape(n, x);
    struct net_window w = net_window(n, &shape, false, true);
    int64_t c = shape.dim[3], groups = c % 2 == 0 && net_chance(n, 6) ? 2 : 1;
    struct li_shape filter = {4,
                              {w.kernel[0], w.kernel[1], c / groups, groups * NET_PICK(n, 1, 2, 3, 5, 8, 9, 16, 17)}};
    float scale = 1.5f / sqrtf((float)(filter.dim[0] * filter.dim[1] * filter.dim[2]));
    li_vid f = net_weights(n, &filter, -scale, scale);
    net_push(n, net_one(n, "Conv2D", x, f, attrs, net_window_attrs(&w, true, attrs)));
}

static inline void net_depthwise(struct network *n)
{
    li_vid x = net_value(n, 4);
    struct li_attr attrs[5];
    if (x < 0) {
        return;
    }
    const struct li_shape shape = *net_shape(n, x);
    struct net_window w = net_window(n, &shape, true, true);
    struct li_shape filter = {4, {w.kernel[0], w.kernel[1], shape.dim[3], NET_PICK(n, 1, 1, 1, 2, 3)}};
    float scale = 1.5f / sqrtf((float)(filter.dim[0] * filter.dim[1]));
    li_vid f = net_weights(n, &filter, -scale, scale);
    net_push(n, net_one(n, "DepthwiseConv2dNative", x, f, attrs, net_window_attrs(&w, true, attrs)));
}

static inline void net_pool(struct network *n)
{
    li_vid x = net_value(n, 4);
    struct li_attr attrs[6];
    if (x < 0) {
        return;
    }
    const struct li_shape shape = *net_shape(n, x);
    bool max = net_chance(n, 2);
    struct net_window w = net_window(n, &shape, false, false);
    bool nothing = LI_MIN(w.kernel[0], w.kernel[1]) < 3; /* but padding, may lie in a window */
    if ((!max || nothing) && strcmp(w.padding, "EXPLICIT") == 0) {
        w.padding = "SAME";
    }
    int64_t ksize[4] = {1, w.kernel[0], w.kernel[1], 1};
    int count = net_window_attrs(&w, false, attrs);
    attrs[count++] = (struct li_attr)LI_INTS("ksize", ksize, 4);
    n->lowest = n->lowest || max;
    net_push(n, net_one(n, max ? "MaxPool" : "AvgPool", x, LI_NONE, attrs, count));
}

static inline void net_bias(struct network *n)
{
    li_vid x = net_value(n, 0);
    if (net_shape(n, x)->rank >= 2) {
        int64_t c = net_shape(n, x)->dim[net_shape(n, x)->rank - 1];
        net_push(n, net_one(n, "BiasAdd", x, net_vector(n, c, -1, 1), NULL, 0));
    }
}

/* moving -= (moving - batch) * 0.1 */
static inline void net_update(struct network *n, li_vid moving, li_vid now)
{
    const struct li_node *read = li_producer(n->g, moving);
    if (!read || strcmp(read->op->name, "ReadVariableOp") != 0) {
        return;
    }
    li_vid handle = read->in[0], step = net_one(n, "Sub", moving, now, NULL, 0);
    step = net_one(n, "Mul", step, net_scalar(n, 0.1f), NULL, 0);
    net_emit(n, "AssignSubVariableOp", (li_vid[]){handle, step}, 2, NULL, 0, NULL, 0);
    n->g->nodes[n->g->node_count - 1].required = true;
}

static inline void net_norm(struct network *n)
{
    li_vid x = net_value(n, 4), out[6];
    if (x < 0) {
        return;
    }
    int64_t c = net_shape(n, x)->dim[3];
    bool training = net_chance(n, 4);
    struct li_attr attrs[] = {LI_FLOAT("epsilon", (double)(net_chance(n, 2) ? 1e-2f : 0.25f)),
                              LI_BOOL("is_training", training)};
    li_vid in[5] = {x, net_vector(n, c, 0.5f, 1.5f), net_vector(n, c, -1, 1), net_vector(n, c, -1, 1),
                    net_vector(n, c, 0.3f, 2)};
    net_emit(n, "FusedBatchNormV3", in, 5, attrs, 2, out, 6);
    if (training) {
        net_update(n, in[3], out[1]);
        net_update(n, in[4], out[2]);
    }
    net_push(n, out[0]);
}

static inline void net_activation(struct network *n)
{
    static const char *const ops[] = {"Relu", "Relu6", "LeakyRelu", "Elu", "Sigmoid",
                                      "Tanh", "Selu",  "Softplus",  "Abs"};
    li_vid x = net_value(n, 0);
    const char *op = ops[net_int(n, 0, LI_COUNT(ops) - 1)];
    struct li_attr alpha = LI_FLOAT("alpha", (double)(net_chance(n, 2) ? 0.3f : 0.1f));
    net_push(n, net_one(n, op, x, LI_NONE, &alpha, strcmp(op, "LeakyRelu") == 0));
}

static inline li_vid net_mul(struct network *n, li_vid a, li_vid b)
{
    return net_chance(n, 2) ? net_one(n, "Mul", a, b, NULL, 0) : net_one(n, "Mul", b, a, NULL, 0);
}

/* What exporters write for swish, hard swish and gelu; now and then somebody else reads what is inside. */
static inline void net_spelled(struct network *n)
{
    li_vid x = net_value(n, 0), inner, out;
    switch (net_int(n, 0, 4)) {
    case 0:
        inner = net_one(n, "Sigmoid", net_chance(n, 2) ? x : net_mul(n, x, net_scalar(n, 1.702f)), LI_NONE, NULL, 0);
        out = net_mul(n, x, inner);
        break;
    case 1:
        inner = net_one(n, "Relu6", net_one(n, "AddV2", x, net_scalar(n, 3), NULL, 0), LI_NONE, NULL, 0);
        out = net_mul(n, x, net_mul(n, inner, net_scalar(n, 1.0f / 6)));
        break;
    case 2:
        inner = net_one(n, "Relu6", net_one(n, "AddV2", x, net_scalar(n, 3), NULL, 0), LI_NONE, NULL, 0);
        out = net_one(n, "RealDiv", net_mul(n, x, inner), net_scalar(n, 6), NULL, 0);
        break;
    case 3:
        inner = net_one(n, "Erf", net_mul(n, x, net_scalar(n, (float)M_SQRT1_2)), LI_NONE, NULL, 0);
        inner = net_one(n, "AddV2", inner, net_scalar(n, 1), NULL, 0);
        out = net_mul(n, net_mul(n, x, net_scalar(n, 0.5f)), inner);
        break;
    default:
        inner = net_one(n, "Erfc", net_mul(n, x, net_scalar(n, (float)-M_SQRT1_2)), LI_NONE, NULL, 0);
        out = net_mul(n, x, net_mul(n, inner, net_scalar(n, 0.5f)));
    }
    net_push(n, out);
    if (net_chance(n, 4)) {
        net_push(n, inner);
    }
}

/* Of two values, or of one and a broadcast vector, map or number. */
static inline void net_binary(struct network *n)
{
    static const char *const ops[] = {"AddV2", "AddV2", "Add", "Sub", "Mul", "Mul", "Maximum", "Minimum"};
    const char *op = ops[net_int(n, 0, LI_COUNT(ops) - 1)];
    li_vid x = net_value(n, 0), y = net_chance(n, 2) ? net_like(n, x) : LI_NONE;
    struct li_shape shape = *net_shape(n, x);
    if (y < 0) {
        bool leading = net_chance(n, 2);
        shape.dim[0] = 1;
        for (int i = 1; i < shape.rank; i++) {
            shape.dim[i] = net_chance(n, 2) && (i + 1 < shape.rank || net_chance(n, 3)) ? 1 : shape.dim[i];
        }
        if (shape.dim[shape.rank - 1] == 1 && net_chance(n, 4)) {
            shape.dim[shape.rank - 1] = net_shape(n, x)->dim[shape.rank - 1] == 1 ? 3 : 1;
        }
        while (!leading && shape.rank > 0 && shape.dim[0] == 1) {
            memmove(shape.dim, shape.dim + 1, (size_t)--shape.rank * sizeof shape.dim[0]);
        }
        y = net_weights(n, &shape, -1.5f, 1.5f);
    }
    net_push(n, net_chance(n, 2) ? net_one(n, op, x, y, NULL, 0) : net_one(n, op, y, x, NULL, 0));
}

/* Squeeze and excite: x times a gate for each picture and channel. */
static inline void net_gate(struct network *n)
{
    li_vid x = net_value(n, 4);
    if (x < 0) {
        return;
    }
    struct li_attr keep = LI_BOOL("keep_dims", true);
    li_vid mean = net_one(n, "Mean", x, net_ints(n, 2, (const int32_t[]){1, 2}), &keep, 1);
    net_push(n, net_mul(n, x, net_one(n, "Sigmoid", mean, LI_NONE, NULL, 0)));
}

static inline int net_inner_axis(struct network *n, int rank)
{
    int axis = (int)net_int(n, 1, rank - 1);
    return net_chance(n, 2) ? axis : axis - rank;
}

static inline void net_concat(struct network *n)
{
    li_vid in[5], x = net_value(n, 0), out;
    int rank = net_shape(n, x)->rank, count = (int)net_int(n, 1, 4);
    if (rank < 2) {
        return;
    }
    int axis = net_inner_axis(n, rank);
    for (int i = 0; i < count; i++) {
        li_vid other = net_value(n, rank);
        struct li_shape a = *net_shape(n, x), b = *net_shape(n, other < 0 ? x : other);
        a.dim[axis < 0 ? axis + rank : axis] = b.dim[axis < 0 ? axis + rank : axis] = 0;
        in[i] = i > 0 && other >= 0 && li_shape_equal(&a, &b) ? other : i > 0 && net_chance(n, 2) ? net_like(n, x) : x;
        in[i] = in[i] < 0 ? x : in[i];
        if (net_chance(n, 2)) { /* read by nothing else, so that it may be written where it ends up */
            in[i] = net_one(n, "Relu", in[i], LI_NONE, NULL, 0);
        }
    }
    in[count] = net_axis(n, axis);
    net_emit(n, "ConcatV2", in, count + 1, NULL, 0, &out, 1);
    net_push(n, out);
}

static inline void net_split(struct network *n)
{
    li_vid x = net_value(n, 0), out[4];
    int rank = net_shape(n, x)->rank;
    if (rank < 2) {
        return;
    }
    int axis = net_inner_axis(n, rank);
    int64_t dim = net_shape(n, x)->dim[axis < 0 ? axis + rank : axis];
    int parts = (int)(dim % 3 == 0 ? 3 : dim % 2 == 0 ? 2 : 1);
    struct li_attr number = LI_INT("num_split", parts);
    net_emit(n, "Split", (li_vid[]){net_axis(n, axis), x}, 2, &number, 1, out, parts);
    for (int i = 0; i < parts; i++) {
        net_push(n, out[i]);
    }
}

static inline void net_slice(struct network *n)
{
    li_vid x = net_value(n, 0), out;
    const struct li_shape shape = *net_shape(n, x);
    int32_t begin[LI_MAX_RANK] = {0}, size[LI_MAX_RANK] = {-1};
    for (int i = 1; i < shape.rank; i++) {
        begin[i] = (int32_t)net_int(n, 0, LI_MAX(shape.dim[i] - 1, 0));
        size[i] =
            net_chance(n, 2) ? -1 : (int32_t)net_int(n, LI_MIN(1, shape.dim[i] - begin[i]), shape.dim[i] - begin[i]);
    }
    net_emit(n, "Slice", (li_vid[]){x, net_ints(n, shape.rank, begin), net_ints(n, shape.rank, size)}, 3, NULL, 0, &out,
             1);
    net_push(n, out);
}

static inline void net_pad(struct network *n)
{
    li_vid x = net_value(n, 4);
    if (x < 0) {
        return;
    }
    int32_t pads[8] = {0};
    for (int i = 2; i < (net_chance(n, 4) ? 8 : 6); i++) {
        pads[i] = (int32_t)net_int(n, 0, 2);
    }
    li_vid amounts = net_constant(n, LINCE_INT32, &(struct li_shape){2, {4, 2}}, pads);
    net_push(n, net_one(n, "Pad", x, amounts, NULL, 0));
}

/* Each picture as rows, as one vector, or a vector as a picture. */
static inline void net_reshape(struct network *n)
{
    li_vid x = net_value(n, 0);
    const struct li_shape s = *net_shape(n, x);
    int64_t each = 1;
    for (int i = 1; i < s.rank; i++) {
        each *= s.dim[i];
    }
    if (each == 0) {
        return;
    }
    int32_t c = (int32_t)s.dim[s.rank - 1], rows = (int32_t)(each / c);
    int32_t to[4] = {-1, rows, 1, c};
    int rank = 4;
    if (s.rank == 4 || net_chance(n, 2)) {
        rank = (int)net_int(n, 2, 3);
        to[1] = rank == 2 ? (int32_t)each : rows;
        to[2] = c;
    }
    net_push(n, net_one(n, "Reshape", x, net_ints(n, rank, to), NULL, 0));
}

static inline void net_transpose(struct network *n)
{
    static const int32_t perms[][4] = {{0, 2, 1, 3}, {0, 3, 1, 2}, {0, 1, 3, 2}, {0, 3, 2, 1}};
    int rank = net_chance(n, 2) ? 4 : 3;
    li_vid x = net_value(n, rank);
    if (x >= 0) {
        const int32_t *perm = rank == 4 ? perms[net_int(n, 0, 3)] : (const int32_t[]){0, 2, 1};
        net_push(n, net_one(n, "Transpose", x, net_ints(n, rank, perm), NULL, 0));
    }
}

static inline void net_reduce(struct network *n)
{
    static const char *const ops[] = {"Mean", "Sum", "Max", "Min"};
    li_vid x = net_value(n, 0);
    int rank = net_shape(n, x)->rank;
    if (rank < 3) {
        return;
    }
    int64_t first = net_int(n, 1, rank - 1);
    const int32_t axes[] = {(int32_t)first, (int32_t)(first == 1 ? -1 : 1)};
    struct li_attr keep = LI_BOOL("keep_dims", net_chance(n, 2));
    int count = rank == 4 && net_chance(n, 2) ? 2 : 1;
    const char *op = ops[net_int(n, 0, LI_COUNT(ops) - 1)];
    net_push(n, net_one(n, op, x, count == 2 ? net_ints(n, 2, axes) : net_ints(n, 1, axes), &keep, 1));
}

static inline void net_matmul(struct network *n)
{
    li_vid x = net_value(n, 2);
    if (x < 0) {
        return;
    }
    bool transposed = net_chance(n, 3);
    int64_t k = net_shape(n, x)->dim[1], m = NET_PICK(n, 1, 3, 5, 8, 17, 31);
    struct li_shape shape = {2, {transposed ? m : k, transposed ? k : m}};
    float scale = 1.5f / sqrtf((float)LI_MAX(k, 1));
    struct li_attr attr = LI_BOOL("transpose_b", transposed);
    net_push(n, net_one(n, "MatMul", x, net_weights(n, &shape, -scale, scale), &attr, 1));
}

/* softmax(x xT) x, as attention does; on small ones only. */
static inline void net_attention(struct network *n)
{
    li_vid x = net_value(n, 3);
    if (x < 0 || net_shape(n, x)->dim[1] > 40) {
        return;
    }
    struct li_attr adjoint = LI_BOOL("adj_y", true);
    li_vid scores = net_mul(n, net_one(n, "BatchMatMulV2", x, x, &adjoint, 1), net_scalar(n, 0.1f));
    net_push(n, net_one(n, "BatchMatMulV2", net_one(n, "Softmax", scores, LI_NONE, NULL, 0), x, NULL, 0));
}

static inline void net_resize(struct network *n)
{
    li_vid x = net_value(n, 4);
    if (x < 0 || net_shape(n, x)->dim[1] < 1 || net_shape(n, x)->dim[2] < 1) {
        return;
    }
    const int32_t size[] = {(int32_t)net_int(n, 1, 9), (int32_t)net_int(n, 1, 9)};
    struct li_attr centers = LI_BOOL("half_pixel_centers", net_chance(n, 2));
    const char *op = net_chance(n, 2) ? "ResizeBilinear" : "ResizeNearestNeighbor";
    net_push(n, net_one(n, op, x, net_ints(n, 2, size), &centers, 1));
}

static inline void net_pass_on(struct network *n)
{
    li_vid x = net_value(n, 0), out[2];
    if (net_chance(n, 3)) {
        int64_t types[] = {LINCE_FLOAT32, LINCE_FLOAT32};
        struct li_attr attr = {.name = "T", .kind = LI_ATTR_TYPES, .ints = types, .count = 2};
        net_emit(n, "IdentityN", (li_vid[]){x, net_value(n, 0)}, 2, &attr, 1, out, 2);
        net_push(n, out[1]);
        net_push(n, out[0]);
    } else {
        net_push(n, net_one(n, net_chance(n, 2) ? "Identity" : "StopGradient", x, LI_NONE, NULL, 0));
    }
}

/* ---- A whole network ---- */

static inline void net_grow(struct network *n)
{
    static void (*const makers[])(struct network *) = {
        net_conv,       net_conv,    net_conv,   net_conv,      net_depthwise, net_depthwise,  net_norm,
        net_norm,       net_norm,    net_bias,   net_bias,      net_pool,      net_activation, net_activation,
        net_activation, net_spelled, net_binary, net_binary,    net_binary,    net_gate,       net_concat,
        net_concat,     net_split,   net_slice,  net_pad,       net_pad,       net_reshape,    net_transpose,
        net_reduce,     net_matmul,  net_matmul, net_attention, net_resize,    net_pass_on};
    int64_t steps = net_int(n, 2, 14);
    for (int64_t i = 0; i < steps; i++) {
        makers[net_int(n, 0, LI_COUNT(makers) - 1)](n);
    }
}

/*
 * The last output's last axis as far as input 1 says, and doubled: shapes that only running tells, so nothing is
 * inferred here.
 */
static inline void net_limit(struct network *n, li_vid *out)
{
    const struct li_shape shape = *net_shape(n, *out);
    int32_t begin[LI_MAX_RANK] = {0}, all[LI_MAX_RANK] = {-1, -1, -1, -1, -1, -1};
    li_vid limit, parts[3] = {net_ints(n, shape.rank - 1, all)}, sizes;
    struct li_node *node;
    net_ok(n, li_graph_input(n->g, LINCE_INT32, &(struct li_shape){1, {1}}, &limit, &n->err));
    parts[1] = limit;
    parts[2] = net_axis(n, 0);
    net_emit(n, "ConcatV2", parts, 3, NULL, 0, &sizes, 1);
    li_vid in[3] = {*out, net_ints(n, shape.rank, begin), sizes};
    net_ok(n, li_graph_append(n->g, li_ops_find(li_ops(), "Slice"), "limit", in, 3, NULL, 0, &node, &n->err));
    li_vid pair[2] = {node->out[0], net_scalar(n, 2)};
    net_ok(n, li_graph_append(n->g, li_ops_find(li_ops(), "Mul"), "twice", pair, 2, NULL, 0, &node, &n->err));
    *out = node->out[0];
    n->limit = true;
}

static inline void net_open(struct network *n, uint64_t seed, enum li_isa isa)
{
    *n = (struct network){
        .mem = li_mem_new(NULL, NULL, NULL, 0), .seed = seed, .random = seed * 0x9e3779b97f4a7c15u + 1};
    n->env = (struct li_env){.kernels = li_kernels_get(isa), .isa = isa, .mem = n->mem};
    net_ok(n, li_store_new(&n->store, n->mem, &n->err));
    net_ok(n, li_graph_new(&n->g, n->store, li_ops(), n->mem, &n->err));
    n->g->env = &n->env;
    for (int i = 0; i < 8; i++) {
        net_next(&n->random);
    }
    li_vid x, out[NET_OUTPUTS];
    n->batch = NET_PICK(n, 0, 1, 1, 2, 3);
    struct li_shape shape = {4,
                             {n->batch, NET_PICK(n, 1, 2, 3, 5, 7, 8, 13), NET_PICK(n, 1, 2, 3, 5, 7, 8, 13),
                              NET_PICK(n, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17)}};
    net_ok(n, li_graph_input(n->g, LINCE_FLOAT32, &shape, &x, &n->err));
    n->pool[n->count++] = x;
    net_grow(n);
    int count = (int)net_int(n, 1, NET_OUTPUTS);
    for (int i = 0; i < count; i++) {
        out[i] = net_value(n, 0);
    }
    out[0] = n->pool[n->count - 1];
    if (net_chance(n, 6) && net_shape(n, out[count - 1])->rank >= 2) {
        net_limit(n, &out[count - 1]);
    }
    net_ok(n, li_graph_set_outputs(n->g, out, count, &n->err));
}

static inline void net_close(struct network *n)
{
    li_graph_free(n->g);
    li_store_release(n->store);
    assert_int_equal(li_mem_used_bytes(n->mem), 0);
    li_mem_release(n->mem);
}

#endif
