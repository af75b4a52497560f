/*
 * MirrorPadGrad: what every element of the input shows in the padded value is added up. Along one dim an element shows
 * at most three times: in its place, and mirrored at both ends, which are the element itself (REFLECT) or lie between
 * elements (SYMMETRIC).
 */
#include "pad.h"

#include <string.h>

enum { SHOWN = 3 };

static lince_status grad_shape(struct li_infer *s)
{
    const struct li_shape *dy = li_in_shape(s, 0);
    struct li_shape x = *dy;
    const struct li_tensor *paddings;
    int most = li_attr_is(s->node, "mode", "REFLECT") ? 1 : 0;
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_ops_need(s, 1, LI_SET_INDEX));
    LI_TRY(li_need_rank(s, 1, 2));
    if (li_in_shape(s, 1)->dim[0] != dy->rank || li_in_shape(s, 1)->dim[1] != 2) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "paddings of shape %s for a value of rank %d",
                             li_shape_text(li_in_shape(s, 1), text), dy->rank);
    }
    LI_TRY(li_in_value(s, 1, &paddings));
    for (int i = 0; i < dy->rank; i++) {
        int64_t before = li_tensor_int(paddings, 2 * i), after = li_tensor_int(paddings, 2 * i + 1);
        bool fits = before >= 0 && after >= 0 && before <= dy->dim[i] && after <= dy->dim[i] - before;
        x.dim[i] = fits ? dy->dim[i] - before - after : 0;
        if (!fits || before > LI_MAX(0, x.dim[i] - most) || after > LI_MAX(0, x.dim[i] - most)) {
            return li_infer_fail(s, LINCE_EINVAL, "dim %d of %lld is not padded by %lld and %lld", i,
                                 (long long)dy->dim[i], (long long)before, (long long)after);
        }
    }
    return li_out_is(s, 0, LINCE_FLOAT32, &x);
}

/* Where element i of n shows in a dim padded by before and after; how often. */
static int shown(int64_t i, int64_t n, int64_t before, int64_t after, bool reflect, int64_t at[SHOWN])
{
    int count = 0;
    int64_t left = reflect ? -i : -1 - i, right = reflect ? 2 * n - 2 - i : 2 * n - 1 - i;
    at[count++] = before + i;
    if (left >= -before && left < 0) {
        at[count++] = before + left;
    }
    if (right >= n && right < n + after) {
        at[count++] = before + right;
    }
    return count;
}

/* A row of the result: `unit` floats that no padding parts. */
struct mirror {
    int rank; /* padded dims */
    int64_t in[LI_MAX_RANK], out[LI_MAX_RANK], before[LI_MAX_RANK], unit;
    bool reflect;
};

static lince_status describe(struct mirror *m, const struct li_call *c)
{
    const struct li_shape *x = c->out[0].shape, *dy = c->in[0].shape;
    *m = (struct mirror){.rank = x->rank, .unit = 1, .reflect = li_attr_is(c->node, "mode", "REFLECT")};
    for (int i = 0; i < x->rank; i++) {
        m->in[i] = x->dim[i];
        m->out[i] = dy->dim[i];
        m->before[i] = li_index_at(&c->in[1], 2 * i);
        int64_t after = li_index_at(&c->in[1], 2 * i + 1);
        if (m->before[i] < 0 || after < 0 || m->in[i] + m->before[i] + after != m->out[i]) {
            return li_call_fail(c, LINCE_EDATA, "the paddings changed to ones of another shape");
        }
    }
    while (m->rank > 0 && m->in[m->rank - 1] == m->out[m->rank - 1]) {
        m->unit *= m->in[--m->rank];
    }
    return LINCE_OK;
}

static void add(float *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

/* Add what the element at index shows along dims [d, rank); from is its place by the dims before. */
static void add_shown(const struct mirror *m, int d, const int64_t *index, const float *dy, int64_t from, float *to)
{
    int64_t at[SHOWN];
    if (d == m->rank) {
        add(to, dy + from * m->unit, m->unit);
        return;
    }
    int64_t after = m->out[d] - m->in[d] - m->before[d];
    int count = shown(index[d], m->in[d], m->before[d], after, m->reflect, at);
    for (int k = 0; k < count; k++) {
        add_shown(m, d + 1, index, dy, from * m->out[d] + at[k], to);
    }
}

static lince_status grad_forward(struct li_call *c)
{
    struct mirror m;
    int64_t begin, end, units = 1, index[LI_MAX_RANK];
    LI_TRY(describe(&m, c));
    for (int d = 0; d < m.rank; d++) {
        units *= m.in[d];
    }
    li_task_range(c, units, &begin, &end);
    for (int64_t u = begin; u < end && m.unit > 0; u++) {
        float *to = (float *)c->out[0].data + u * m.unit;
        int64_t rest = u;
        for (int d = m.rank - 1; d >= 0; d--) {
            index[d] = rest % m.in[d];
            rest /= m.in[d];
        }
        memset(to, 0, (size_t)m.unit * sizeof(float));
        add_shown(&m, 0, index, li_f32(&c->in[0]), 0, to);
    }
    return LINCE_OK;
}

lince_status li_mirror_pad_grad(struct li_grad *g)
{
    const li_vid in[] = {g->dy[0], g->in[1]};
    return li_grad_emit(g, "MirrorPadGrad", in, 2, li_attr(g->node, "mode"), 1, &g->dx[0]);
}

/* It is linear: its gradient is the padding itself. */
static lince_status grad_grad(struct li_grad *g)
{
    const li_vid in[] = {g->dy[0], g->in[1]};
    return li_grad_emit(g, "MirrorPad", in, 2, li_attr(g->node, "mode"), 1, &g->dx[0]);
}

const struct li_op li_op_mirror_pad_grad = {
    .name = "MirrorPadGrad",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs =
        LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tpaddings"), {"mode", LI_ATTR_STRING, NULL, "REFLECT SYMMETRIC"}),
    .shape = grad_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = grad_forward,
    .grad = grad_grad,
};
