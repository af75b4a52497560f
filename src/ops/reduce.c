/*
 * Sum, Mean, Max, Min, Prod, All, Any. float32 sums and extremes run on the kernels, which cut at fixed points;
 * tasks divide outputs. Everything else accumulates one output at a time in double or 64-bit integers.
 */
#include "groups.h"

#include <math.h>

enum reduction { SUM, MEAN, MAX, MIN, PROD, ALL, ANY };

static lince_status read_axes(struct li_infer *s, bool *reduced)
{
    int64_t axes[2 * LI_MAX_RANK];
    int count;
    LI_TRY(li_in_ints(s, 1, axes, 2 * LI_MAX_RANK, &count));
    for (int i = 0; i < count; i++) {
        int axis;
        LI_TRY(li_axis(s, axes[i], li_in_shape(s, 0)->rank, &axis));
        if (reduced[axis]) {
            return li_infer_fail(s, LINCE_EINVAL, "axis %d stands twice", axis);
        }
        reduced[axis] = true;
    }
    return LINCE_OK;
}

static lince_status reduce_shape(struct li_infer *s, unsigned set)
{
    const struct li_shape *in = li_in_shape(s, 0);
    struct li_shape out = {0};
    bool reduced[LI_MAX_RANK] = {false}, keep = li_attr_int(s->node, "keep_dims");
    LI_TRY(li_ops_need(s, 0, set));
    LI_TRY(read_axes(s, reduced));
    for (int i = 0; i < in->rank; i++) {
        if (keep || !reduced[i]) {
            out.dim[out.rank++] = reduced[i] ? 1 : in->dim[i];
        }
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status number_shape(struct li_infer *s)
{
    return reduce_shape(s, LI_SET_NUMBER);
}

static lince_status bool_shape(struct li_infer *s)
{
    return reduce_shape(s, LI_SET_BOOL);
}

/*
 * The axes were checked by the rule; they may come from another run's data, so they are checked against the output's
 * count too.
 */
static lince_status regroup(struct li_call *c, struct li_groups *g)
{
    bool reduced[LI_MAX_RANK] = {false};
    int rank = c->in[0].shape->rank;
    for (int64_t i = 0; i < li_count(&c->in[1]); i++) {
        int64_t axis = li_index_at(&c->in[1], i);
        axis += axis < 0 ? rank : 0;
        if (axis < 0 || axis >= rank) {
            return li_call_fail(c, LINCE_EDATA, "the axes changed to ones that do not fit");
        }
        reduced[axis] = true;
    }
    li_groups_init(g, c->in[0].shape, reduced);
    return g->kept == li_count(&c->out[0]) ? LINCE_OK
                                           : li_call_fail(c, LINCE_EDATA, "the axes changed to ones of another shape");
}

/* ---- float32 ---- */

static double combine(double sum, double x, enum li_reduce op)
{
    if (op == LI_REDUCE_SUM) {
        return sum + x;
    }
    bool better = op == LI_REDUCE_MAX ? x > sum : x < sum;
    return isnan(sum) ? sum : better || isnan(x) ? x : sum;
}

/*
 * One output whose innermost group is reduced and that has other reduced groups outside: rows of the kernel, then their
 * combination.
 */
static float one_output(struct li_call *c, const struct li_groups *g, enum li_reduce op, const float *x)
{
    int last = g->count - 1;
    int64_t at[LI_MAX_RANK] = {0}, offset = 0;
    double total = op == LI_REDUCE_SUM ? 0 : op == LI_REDUCE_MAX ? -(double)INFINITY : (double)INFINITY;
    for (;;) {
        float part;
        c->kernels->reduce->rows(op, &part, x + offset, 1, g->dim[last], g->dim[last], 1);
        total = combine(total, (double)part, op);
        int i = last - 1;
        for (; i >= 0; i--) {
            if (!g->reduced[i]) {
                continue;
            }
            offset += g->stride[i];
            if (++at[i] < g->dim[i]) {
                break;
            }
            offset -= g->dim[i] * g->stride[i];
            at[i] = 0;
        }
        if (i < 0) {
            return (float)total;
        }
    }
}

/* Outputs [begin, end) whose columns lie side by side, `inner` at a time; one reduced group. */
static void columns(struct li_call *c, const struct li_groups *g, enum li_reduce op, float scale, int64_t begin,
                    int64_t end)
{
    int last = g->count - 1;
    const float *x = li_f32(&c->in[0]);
    float *y = c->out[0].data;
    for (int64_t o = begin; o < end;) {
        int64_t run = LI_MIN(g->dim[last] - o % g->dim[last], end - o);
        c->kernels->reduce->columns(op, y + o, x + li_groups_at(g, false, o), g->dim[last - 1], run,
                                    g->stride[last - 1], scale);
        o += run;
    }
}

static bool on_kernels(struct li_call *c, const struct li_groups *g, enum li_reduce op, float scale)
{
    int64_t begin, end, groups_gone = 0;
    int last = g->count - 1;
    const float *x = li_f32(&c->in[0]);
    float *y = c->out[0].data;
    for (int i = 0; i < g->count; i++) {
        groups_gone += g->reduced[i];
    }
    if (groups_gone == 0 || (!g->reduced[last] && groups_gone > 1)) {
        return false;
    }
    li_task_range(c, g->kept, &begin, &end);
    if (!g->reduced[last]) {
        columns(c, g, op, scale, begin, end);
    } else if (groups_gone == 1) {
        c->kernels->reduce->rows(op, y + begin, x + begin * g->dim[last], end - begin, g->dim[last], g->dim[last],
                                 scale);
    } else {
        for (int64_t o = begin; o < end; o++) {
            y[o] = one_output(c, g, op, x + li_groups_at(g, false, o)) * scale;
        }
    }
    return true;
}

/* ---- Any dtype ---- */

struct total {
    double f;
    int64_t i;
    uint64_t u;
};

static struct total nothing(enum reduction op)
{
    switch (op) {
    case MAX:
        return (struct total){-(double)INFINITY, INT64_MIN, 0};
    case MIN:
        return (struct total){(double)INFINITY, INT64_MAX, UINT64_MAX};
    case PROD:
    case ALL:
        return (struct total){1, 1, 1};
    default:
        return (struct total){0, 0, 0};
    }
}

#define EXTREME(a, b, better) ((b)better(a) ? (b) : (a))

static void gather(struct total *t, enum reduction op, enum li_domain domain, const union li_block *b)
{
    double f = b->f[0];
    switch (op) {
    case SUM:
    case MEAN:
        *t = domain == LI_DOMAIN_FLOAT ? (struct total){t->f + f, 0, 0}
                                       : (struct total){0, (int64_t)(t->u + b->u[0]), t->u + b->u[0]};
        break;
    case PROD:
        *t = domain == LI_DOMAIN_FLOAT ? (struct total){t->f * f, 0, 0}
                                       : (struct total){0, (int64_t)(t->u * b->u[0]), t->u * b->u[0]};
        break;
    case MAX:
    case MIN:
        if (domain == LI_DOMAIN_FLOAT) {
            t->f = combine(t->f, f, op == MAX ? LI_REDUCE_MAX : LI_REDUCE_MIN);
        } else {
            t->i = op == MAX ? EXTREME(t->i, b->i[0], >) : EXTREME(t->i, b->i[0], <);
            t->u = op == MAX ? EXTREME(t->u, b->u[0], >) : EXTREME(t->u, b->u[0], <);
        }
        break;
    case ALL:
        t->i &= b->i[0];
        break;
    case ANY:
        t->i |= b->i[0];
        break;
    }
}

static void put(struct li_call *c, int64_t o, enum reduction op, const struct total *t, int64_t count)
{
    lince_dtype dtype = c->out[0].dtype;
    enum li_domain domain = li_domain_of(dtype);
    union li_block b;
    if (domain == LI_DOMAIN_FLOAT) {
        b.f[0] = op == MEAN ? t->f / (double)count : t->f;
    } else if (domain == LI_DOMAIN_SIGNED) {
        b.i[0] = op == MEAN && count ? t->i / count : t->i;
    } else {
        b.u[0] = op == MEAN && count ? t->u / (uint64_t)count : t->u;
    }
    /* An extreme of no narrow integers is the narrow type's own end. */
    bool narrow = count == 0 && (op == MAX || op == MIN) && domain == LI_DOMAIN_SIGNED && li_dtype_size(dtype) < 8;
    if (narrow) {
        int64_t low = -((int64_t)1 << (8 * li_dtype_size(dtype) - 1));
        b.i[0] = op == MAX ? low : -low - 1;
    }
    li_block_store(li_at(c->out[0].data, dtype, o), dtype, &b, 1);
}

static void one_by_one(struct li_call *c, const struct li_groups *g, enum reduction op)
{
    lince_dtype dtype = c->in[0].dtype;
    int64_t begin, end;
    li_task_range(c, g->kept, &begin, &end);
    for (int64_t o = begin; o < end; o++) {
        struct total t = nothing(op);
        int64_t first = li_groups_at(g, false, o);
        for (int64_t k = 0; k < g->gone; k++) {
            union li_block b;
            int64_t at = first + li_groups_at(g, true, k);
            li_block_load(&b, dtype, li_at(c->in[0].data, dtype, at), 1, 1);
            gather(&t, op, li_domain_of(dtype), &b);
        }
        put(c, o, op, &t, g->gone);
    }
}

static lince_status reduce_run(struct li_call *c, enum reduction op)
{
    static const enum li_reduce kernel[] = {LI_REDUCE_SUM, LI_REDUCE_SUM, LI_REDUCE_MAX, LI_REDUCE_MIN};
    struct li_groups g;
    LI_TRY(regroup(c, &g));
    bool fast = c->in[0].dtype == LINCE_FLOAT32 && op <= MIN && g.gone > 0 && g.kept > 0;
    if (!fast || !on_kernels(c, &g, kernel[op], op == MEAN ? 1.0f / (float)g.gone : 1)) {
        one_by_one(c, &g, op);
    }
    return LINCE_OK;
}

/* Tasks divide outputs, so there are at most as many. */
static lince_status reduce_prepare(struct li_prepare *p)
{
    int64_t outputs = li_shape_count(&li_ops_out(p, 0)->shape);
    p->tasks = LI_MAX(1, LI_MIN(outputs, li_task_count(li_shape_count(&li_ops_in(p, 0)->shape), LI_GRAIN_CHEAP)));
    return LINCE_OK;
}

/* ---- Gradients ---- */

/* Which dims of the input were reduced: a gradient has to know when it is made. */
static lince_status known_axes(struct li_grad *g, bool *reduced)
{
    const int rank = g->graph->values[g->in[0]].shape.rank;
    const struct li_tensor *axes = g->graph->values[g->in[1]].constant;
    if (!axes) {
        return li_fail(g->err, LINCE_EUNSUPPORTED, "node \"%s\": no gradient, its axes are not a constant",
                       g->node->name);
    }
    for (int64_t i = 0; i < li_shape_count(&axes->shape); i++) {
        int64_t axis = li_tensor_int(axes, i);
        reduced[axis < 0 ? axis + rank : axis] = true;
    }
    return LINCE_OK;
}

/* Reshape and Transpose to what the integers say. */
static lince_status arrange(struct li_grad *g, const char *op, li_vid v, const int64_t *how, int count, li_vid *out)
{
    li_vid constant;
    LI_TRY(li_grad_ints(g, how, count, &constant));
    return li_grad_two(g, op, v, constant, out);
}

/* v with 1 in place of the dims that were reduced away, so that it broadcasts against the input. */
static lince_status restore(struct li_grad *g, li_vid v, li_vid *out)
{
    struct li_shape in = g->graph->values[g->in[0]].shape;
    bool reduced[LI_MAX_RANK] = {false};
    LI_TRY(known_axes(g, reduced));
    for (int d = 0; d < in.rank; d++) {
        in.dim[d] = reduced[d] ? 1 : in.dim[d];
    }
    return arrange(g, "Reshape", v, in.dim, in.rank, out);
}

static lince_status sum_grad(struct li_grad *g)
{
    li_vid dy, shape;
    LI_TRY(restore(g, g->dy[0], &dy));
    LI_TRY(li_grad_emit(g, "Shape", g->in, 1, NULL, 0, &shape));
    return li_grad_emit(g, "BroadcastTo", (li_vid[]){dy, shape}, 2, NULL, 0, &g->dx[0]);
}

static lince_status mean_grad(struct li_grad *g)
{
    int64_t in = li_shape_count(&g->graph->values[g->in[0]].shape),
            out = li_shape_count(&g->graph->values[g->out[0]].shape);
    LI_TRY(sum_grad(g));
    return li_grad_scale(g, g->dx[0], out ? (double)out / (double)LI_MAX(in, 1) : 0, &g->dx[0]);
}

/* Shared equally among ties. */
static lince_status extreme_grad(struct li_grad *g)
{
    lince_dtype dtype = g->graph->values[g->in[0]].dtype;
    li_vid y, mask, indicator, ties, wide_ties, dy, share;
    const struct li_attr to[] = {LI_TYPE("SrcT", LINCE_BOOL), LI_TYPE("DstT", dtype)};
    LI_TRY(restore(g, g->out[0], &y));
    LI_TRY(restore(g, g->dy[0], &dy));
    LI_TRY(li_grad_emit(g, "Equal", (li_vid[]){g->in[0], y}, 2, NULL, 0, &mask));
    LI_TRY(li_grad_emit(g, "Cast", &mask, 1, to, 2, &indicator));
    LI_TRY(li_grad_emit(g, "Sum", (li_vid[]){indicator, g->in[1]}, 2, NULL, 0, &ties));
    LI_TRY(restore(g, ties, &wide_ties));
    LI_TRY(li_grad_emit(g, "RealDiv", (li_vid[]){dy, wide_ties}, 2, NULL, 0, &share));
    return li_grad_emit(g, "Mul", (li_vid[]){indicator, share}, 2, NULL, 0, &g->dx[0]);
}

/* The product of all others in each column of a matrix: of those above, and those below. */
static lince_status others(struct li_grad *g, li_vid matrix, li_vid *out)
{
    li_vid axis, part[2];
    LI_TRY(li_grad_ints(g, (int64_t[]){0}, 1, &axis));
    for (int i = 0; i < 2; i++) {
        const struct li_attr attrs[] = {LI_BOOL("exclusive", true), LI_BOOL("reverse", i == 1)};
        LI_TRY(li_grad_emit(g, "Cumprod", (li_vid[]){matrix, axis}, 2, attrs, 2, &part[i]));
    }
    return li_grad_two(g, "Mul", part[0], part[1], out);
}

/* Not y / x, which zeros break: the input as a matrix with the reduced dims as rows, and back from there. */
static lince_status prod_grad(struct li_grad *g)
{
    const struct li_shape in = g->graph->values[g->in[0]].shape;
    int64_t to[LI_MAX_RANK], back[LI_MAX_RANK], turned[LI_MAX_RANK], matrix[2] = {1, 1};
    bool reduced[LI_MAX_RANK] = {false};
    li_vid v, dy;
    LI_TRY(known_axes(g, reduced));
    for (int columns = 0, at = 0; columns < 2; columns++) {
        for (int d = 0; d < in.rank; d++) {
            if (reduced[d] != columns) {
                matrix[columns] *= in.dim[d];
                turned[at] = in.dim[d];
                to[at] = d;
                back[d] = at++;
            }
        }
    }
    LI_TRY(arrange(g, "Transpose", g->in[0], to, in.rank, &v));
    LI_TRY(arrange(g, "Reshape", v, matrix, 2, &v));
    LI_TRY(others(g, v, &v));
    LI_TRY(arrange(g, "Reshape", v, turned, in.rank, &v));
    LI_TRY(arrange(g, "Transpose", v, back, in.rank, &v));
    LI_TRY(restore(g, g->dy[0], &dy));
    return li_grad_two(g, "Mul", v, dy, &g->dx[0]);
}

/* ---- Rows ---- */

#define REDUCE(id, op, reduction, rule, gradient)                                                                      \
    static lince_status id##_forward(struct li_call *c)                                                                \
    {                                                                                                                  \
        return reduce_run(c, reduction);                                                                               \
    }                                                                                                                  \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("output"),                                                                                \
        .attrs = LI_ATTRS({"keep_dims", LI_ATTR_BOOL, "false", NULL}, LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tidx")),        \
        .shape = rule,                                                                                                 \
        .prepare = reduce_prepare,                                                                                     \
        .forward = id##_forward,                                                                                       \
        .grad = gradient,                                                                                              \
    };

REDUCE(sum, "Sum", SUM, number_shape, sum_grad)
REDUCE(mean, "Mean", MEAN, number_shape, mean_grad)
REDUCE(max, "Max", MAX, number_shape, extreme_grad)
REDUCE(min, "Min", MIN, number_shape, extreme_grad)
REDUCE(prod, "Prod", PROD, number_shape, prod_grad)
REDUCE(all, "All", ALL, bool_shape, li_grad_none)
REDUCE(any, "Any", ANY, bool_shape, li_grad_none)
