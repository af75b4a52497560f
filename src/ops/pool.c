/* MaxPool and AvgPool. Padding is never a maximum and never counts for an average. */
#include "window.h"

struct pool_plan {
    struct li_pooling pool;
    int64_t tasks; /* may be 0, where a node has at least one */
};

static lince_status pool_shape(struct li_infer *s)
{
    struct li_window w;
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_rank(s, 0, 4));
    const int64_t *x = li_in_shape(s, 0)->dim;
    const struct li_attr *size = li_attr(s->node, "ksize");
    if (size->count != 4 || size->ints[0] != 1 || size->ints[3] != 1) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "ksize must be four numbers [1, h, w, 1]");
    }
    LI_TRY(li_window_infer(s, x[1], x[2], size->ints[1], size->ints[2], NULL, &w));
    struct li_shape y = {4, {x[0], w.out_h, w.out_w, x[3]}};
    return li_out_is(s, 0, LINCE_FLOAT32, &y);
}

static void pool_layout(struct li_layout *l)
{
    l->in_accepts[0] = l->out_accepts[0] = LI_LAYOUT_STRIDED | LI_LAYOUT_HALO;
}

static lince_status pool_prepare(struct li_prepare *p)
{
    const struct li_value *x = li_ops_in(p, 0), *y = li_ops_out(p, 0);
    const int64_t *in = x->shape.dim, *size = li_attr(p->node, "ksize")->ints;
    struct pool_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->pool = (struct li_pooling){.batch = in[0], .channels = in[3], .x = li_window_map(x), .y = li_window_map(y)};
    li_window_of(p->node, in[1], in[2], size[1], size[2], NULL, &plan->pool.window);
    plan->tasks = li_shape_count(&y->shape) == 0 ? 0 : p->env->kernels->pooling->tasks(&plan->pool);
    p->plan = plan;
    p->tasks = LI_MAX(plan->tasks, 1);
    return LINCE_OK;
}

static lince_status max_forward(struct li_call *c)
{
    const struct pool_plan *plan = c->plan;
    if (c->task < plan->tasks) {
        c->kernels->pooling->max(&plan->pool, li_f32(&c->in[0]), c->out[0].data, c->task);
    }
    return LINCE_OK;
}

static lince_status average_forward(struct li_call *c)
{
    const struct pool_plan *plan = c->plan;
    if (c->task < plan->tasks) {
        c->kernels->pooling->average(&plan->pool, li_f32(&c->in[0]), c->out[0].data, c->task);
    }
    return LINCE_OK;
}

const struct li_op li_op_max_pool = {
    .name = "MaxPool",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPE, "float32", "float32"}, {"ksize", LI_ATTR_INTS, NULL, NULL},
                      LI_WINDOW_SPECS("SAME VALID EXPLICIT")),
    .shape = pool_shape,
    .layout = pool_layout,
    .prepare = pool_prepare,
    .forward = max_forward,
    .grad = li_max_pool_grad,
};

const struct li_op li_op_avg_pool = {
    .name = "AvgPool",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"T", LI_ATTR_TYPE, "float32", "float32"}, {"ksize", LI_ATTR_INTS, NULL, NULL},
                      LI_WINDOW_SPECS("SAME VALID")),
    .shape = pool_shape,
    .layout = pool_layout,
    .prepare = pool_prepare,
    .forward = average_forward,
    .grad = li_avg_pool_grad,
};
