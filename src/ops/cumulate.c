/*
 * Sums and products of all elements so far along an axis: Cumsum, Cumprod. Exclusive ones leave the element itself out.
 */
#include "common.h"

static lince_status cumulate_shape(struct li_infer *s)
{
    int64_t wanted;
    int axis;
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    LI_TRY(li_in_int(s, 1, &wanted));
    LI_TRY(li_axis(s, wanted, li_in_shape(s, 0)->rank, &axis));
    return li_out_same(s, 0, 0);
}

/* n numbers, `stride` elements apart; the first is element `at`. */
struct line {
    int64_t at, n, stride;
    bool product, exclusive, real;
};

/* Real numbers in f, whole ones in u. */
struct total {
    double f;
    uint64_t u;
};

static struct total join(const struct line *l, struct total t, const union li_block *x)
{
    if (l->real) {
        t.f = l->product ? t.f * x->f[0] : t.f + x->f[0];
    } else {
        t.u = l->product ? t.u * x->u[0] : t.u + x->u[0];
    }
    return t;
}

static void run_line(struct li_call *c, const struct line *l)
{
    const lince_dtype dtype = c->in[0].dtype;
    struct total before = {l->product, l->product};
    for (int64_t k = 0; k < l->n; k++) {
        union li_block x;
        int64_t at = l->at + k * l->stride;
        li_block_load(&x, dtype, li_at(c->in[0].data, dtype, at), 1, 1);
        const struct total after = join(l, before, &x), shown = l->exclusive ? before : after;
        if (l->real) {
            x.f[0] = shown.f;
        } else {
            x.u[0] = shown.u;
        }
        li_block_store(li_at(c->out[0].data, dtype, at), dtype, &x, 1);
        before = after;
    }
}

static lince_status cumulate(struct li_call *c, bool product)
{
    const struct li_shape *in = c->in[0].shape;
    const bool reverse = li_attr_int(c->node, "reverse");
    struct line l = {.product = product,
                     .exclusive = li_attr_int(c->node, "exclusive"),
                     .real = li_domain_of(c->in[0].dtype) == LI_DOMAIN_FLOAT};
    int64_t axis = li_index_at(&c->in[1], 0), begin, end;
    axis += axis < 0 ? in->rank : 0;
    if (axis < 0 || axis >= in->rank) {
        return li_call_fail(c, LINCE_EDATA, "the axis changed to %lld of %d", (long long)axis, in->rank);
    }
    const int64_t inner = li_ops_product(in, (int)axis + 1, in->rank);
    l.n = in->dim[axis];
    l.stride = reverse ? -inner : inner;
    li_task_range(c, li_ops_product(in, 0, (int)axis) * inner, &begin, &end);
    for (int64_t line = begin; line < end; line++) {
        l.at = line / inner * l.n * inner + line % inner + (reverse ? (l.n - 1) * inner : 0);
        run_line(c, &l);
    }
    return LINCE_OK;
}

static lince_status cumsum_forward(struct li_call *c)
{
    return cumulate(c, false);
}

static lince_status cumprod_forward(struct li_call *c)
{
    return cumulate(c, true);
}

/* ---- Gradients: what an element went into lies the other way ---- */

static lince_status sum_back(struct li_grad *g, li_vid v, li_vid *out)
{
    const struct li_attr attrs[] = {LI_BOOL("exclusive", li_attr_int(g->node, "exclusive")),
                                    LI_BOOL("reverse", !li_attr_int(g->node, "reverse"))};
    return li_grad_emit(g, "Cumsum", (li_vid[]){v, g->in[1]}, 2, attrs, 2, out);
}

static lince_status cumsum_grad(struct li_grad *g)
{
    return sum_back(g, g->dy[0], &g->dx[0]);
}

/* The sum of the products with x in them, over x; nothing where x is 0, as in TensorFlow, though it is a factor. */
static lince_status cumprod_grad(struct li_grad *g)
{
    li_vid products, sum;
    LI_TRY(li_grad_two(g, "Mul", g->dy[0], g->out[0], &products));
    LI_TRY(sum_back(g, products, &sum));
    return li_grad_two(g, "DivNoNan", sum, g->in[0], &g->dx[0]);
}

#define CUMULATE(id, op, forward_f, gradient)                                                                          \
    const struct li_op li_op_##id = {                                                                                  \
        .name = op,                                                                                                    \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("out"),                                                                                   \
        .attrs = LI_ATTRS({"exclusive", LI_ATTR_BOOL, "false", NULL}, {"reverse", LI_ATTR_BOOL, "false", NULL},        \
                          LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tidx")),                                                    \
        .shape = cumulate_shape,                                                                                       \
        .forward = forward_f,                                                                                          \
        .grad = gradient,                                                                                              \
    }

CUMULATE(cumprod, "Cumprod", cumprod_forward, cumprod_grad);
CUMULATE(cumsum, "Cumsum", cumsum_forward, cumsum_grad);
