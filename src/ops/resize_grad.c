/*
 * ResizeBilinearGrad, ResizeBicubicGrad, ResizeNearestNeighborGrad and ScaleAndTranslateGrad, of float32 pictures. The
 * arithmetic is image's; a task is a range of pictures, since neighbouring output pixels share what they give back to.
 */
#include "resize.h"

#include <float.h>
#include <string.h>

enum { MAX_SIDE = (1 << 24) - 1 };
#define MAX_PICTURE ((int64_t)1 << 31)

/* ---- Shape: grads is input 0 ---- */

static lince_status pictures(const struct li_infer *s, int64_t h, int64_t w)
{
    const int64_t *dy = li_in_shape(s, 0)->dim;
    const int64_t sides[] = {h, w, dy[1], dy[2]};
    for (size_t i = 0; i < LI_COUNT(sides); i++) {
        if (sides[i] < 1 || sides[i] > MAX_SIDE) {
            return li_infer_fail(s, LINCE_EINVAL, "pictures of %lld x %lld are no resize of %lld x %lld",
                                 (long long)dy[1], (long long)dy[2], (long long)h, (long long)w);
        }
    }
    if (dy[3] >= MAX_PICTURE || dy[2] * dy[3] >= MAX_PICTURE || w * dy[3] >= MAX_PICTURE) {
        return li_infer_fail(s, LINCE_ELIMIT, "a row of the images is too long");
    }
    const struct li_shape x = {4, {dy[0], h, w, dy[3]}};
    return li_out_is(s, 0, LINCE_FLOAT32, &x);
}

static lince_status grads(const struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    return li_need_rank(s, 0, 4);
}

/* Input 1 is the picture that was resized. */
static lince_status like_shape(struct li_infer *s)
{
    LI_TRY(grads(s));
    LI_TRY(li_need_same_dtype(s, 0, 1));
    LI_TRY(li_need_rank(s, 1, 4));
    const int64_t *dy = li_in_shape(s, 0)->dim, *x = li_in_shape(s, 1)->dim;
    if (x[0] != dy[0] || x[3] != dy[3]) {
        char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "grads %s is no resize of original_image %s",
                             li_shape_text(li_in_shape(s, 0), a), li_shape_text(li_in_shape(s, 1), b));
    }
    return pictures(s, x[1], x[2]);
}

/* Input 1 is its size. */
static lince_status size_shape(struct li_infer *s)
{
    int64_t size[2];
    int count;
    LI_TRY(grads(s));
    LI_TRY(li_in_ints(s, 1, size, 2, &count));
    if (count != 2) {
        return li_infer_fail(s, LINCE_EINVAL, "size must be two positive numbers, height and width");
    }
    return pictures(s, size[0], size[1]);
}

static lince_status translate_shape(struct li_infer *s)
{
    LI_TRY(li_translation_infer(s));
    return like_shape(s);
}

/* ---- Plan ---- */

struct grad_plan {
    struct li_resize resize;
    const void *table; /* NULL: made by the call, in scratch behind the row */
    size_t row_bytes;
};

static struct grad_plan *new_plan(struct li_prepare *p, enum li_resize_method method)
{
    struct grad_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    const int64_t *dy = li_ops_in(p, 0)->shape.dim, *x = li_ops_out(p, 0)->shape.dim;
    if (plan) {
        plan->resize = (struct li_resize){.method = method,
                                          .dtype = LINCE_FLOAT32,
                                          .n = x[0],
                                          .h = x[1],
                                          .w = x[2],
                                          .c = x[3],
                                          .oh = dy[1],
                                          .ow = dy[2]};
        p->plan = plan;
    }
    return plan;
}

static lince_status finish_plan(struct li_prepare *p, struct grad_plan *plan, bool known)
{
    const struct li_resize *r = &plan->resize;
    size_t table_bytes = li_resize_table_bytes(r);
    plan->row_bytes = li_resize_back_scratch_bytes(r);
    p->scratch_bytes = plan->row_bytes + (known ? 0 : table_bytes);
    p->reason = known ? "weights made with the plan" : "weights made on every call";
    if (!known) {
        return LINCE_OK;
    }
    char *memory = li_arena_alloc(p->arena, table_bytes + LI_ALIGN, p->err);
    if (!memory) {
        return LINCE_ENOMEM;
    }
    memory += (LI_ALIGN - (uintptr_t)memory % LI_ALIGN) % LI_ALIGN;
    li_resize_table(r, memory);
    plan->table = memory;
    p->tasks = LI_MAX(1, r->n);
    return LINCE_OK;
}

static lince_status corners_prepare(struct li_prepare *p, enum li_resize_method method)
{
    struct grad_plan *plan = new_plan(p, method);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->resize.align_corners = li_attr_int(p->node, "align_corners");
    plan->resize.half_pixel = li_attr_int(p->node, "half_pixel_centers");
    return finish_plan(p, plan, true);
}

static lince_status bilinear_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_BILINEAR);
}

static lince_status bicubic_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_BICUBIC);
}

static lince_status nearest_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_NEAREST);
}

static lince_status translate_prepare(struct li_prepare *p)
{
    enum li_resize_method method = LI_RESIZE_LANCZOS3;
    li_resize_method_parse(li_attr(p->node, "kernel_type")->s, &method);
    struct grad_plan *plan = new_plan(p, method);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    const struct li_tensor *scale = li_ops_in(p, 2)->constant, *translation = li_ops_in(p, 3)->constant;
    plan->resize.antialias = li_attr_int(p->node, "antialias");
    bool known = scale && translation && li_translation_set(&plan->resize, scale->data, translation->data);
    if (!known) {
        plan->resize.scale[0] = plan->resize.scale[1] = FLT_MIN; /* so that the table has room for any kernel */
    }
    return finish_plan(p, plan, known);
}

/* ---- Forward ---- */

static void give_back(struct li_call *c, const struct li_resize *r, const void *table)
{
    int64_t first, last;
    li_task_range(c, r->n, &first, &last);
    if (r->c > 0) {
        li_resize_back(r, table, li_f32(&c->in[0]), c->out[0].data, first, last, c->scratch);
    }
}

static lince_status corners_forward(struct li_call *c)
{
    const struct grad_plan *plan = c->plan;
    give_back(c, &plan->resize, plan->table);
    return LINCE_OK;
}

static lince_status translate_forward(struct li_call *c)
{
    const struct grad_plan *plan = c->plan;
    struct li_resize r = plan->resize;
    if (plan->table) {
        return corners_forward(c);
    }
    if (!li_translation_set(&r, li_f32(&c->in[2]), li_f32(&c->in[3]))) {
        return li_call_fail(c, LINCE_EDATA, "scales must be positive, they are %g and %g", (double)r.scale[0],
                            (double)r.scale[1]);
    }
    void *table = (char *)c->scratch + plan->row_bytes;
    li_resize_table(&r, table);
    give_back(c, &r, table);
    return LINCE_OK;
}

/* ---- Rows ---- */

#define CORNERS                                                                                                        \
    LI_ATTRS(LI_TYPE_SPEC("T"), {"align_corners", LI_ATTR_BOOL, "false", NULL},                                        \
             {"half_pixel_centers", LI_ATTR_BOOL, "false", NULL})
#define ROW(id, text, rule, plan, gradient)                                                                            \
    const struct li_op li_op_##id = {                                                                                  \
        .name = text,                                                                                                  \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("output"),                                                                                \
        .attrs = CORNERS,                                                                                              \
        .shape = rule,                                                                                                 \
        .prepare = plan,                                                                                               \
        .forward = corners_forward,                                                                                    \
        .grad = gradient,                                                                                              \
    };

ROW(resize_bicubic_grad, "ResizeBicubicGrad", like_shape, bicubic_prepare, li_grad_absent)
ROW(resize_bilinear_grad, "ResizeBilinearGrad", like_shape, bilinear_prepare, li_grad_none)
ROW(resize_nearest_neighbor_grad, "ResizeNearestNeighborGrad", size_shape, nearest_prepare, li_grad_absent)

const struct li_op li_op_scale_and_translate_grad = {
    .name = "ScaleAndTranslateGrad",
    .inputs_min = 4,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"kernel_type", LI_ATTR_STRING, "lanczos3", NULL},
                      {"antialias", LI_ATTR_BOOL, "true", NULL}),
    .shape = translate_shape,
    .prepare = translate_prepare,
    .forward = translate_forward,
    .effects = LI_EFFECT_FAIL,
    .grad = li_grad_absent,
};

/* ---- The gradients of the forward rows; pictures of integers have none ---- */

static bool flows(const struct li_grad *g)
{
    return g->dy[0] != LI_NONE && li_dtype_is_float(g->graph->values[g->in[0]].dtype);
}

static lince_status corners_grad(struct li_grad *g, const char *op, li_vid like)
{
    const li_vid in[] = {g->dy[0], like};
    const struct li_attr attrs[] = {*li_attr(g->node, "align_corners"), *li_attr(g->node, "half_pixel_centers")};
    return li_grad_emit(g, op, in, 2, attrs, LI_COUNT(attrs), &g->dx[0]);
}

lince_status li_bilinear_grad(struct li_grad *g)
{
    return flows(g) ? corners_grad(g, "ResizeBilinearGrad", g->in[0]) : LINCE_OK;
}

lince_status li_bicubic_grad(struct li_grad *g)
{
    return flows(g) ? corners_grad(g, "ResizeBicubicGrad", g->in[0]) : LINCE_OK;
}

lince_status li_nearest_grad(struct li_grad *g)
{
    if (!flows(g)) {
        return LINCE_OK;
    }
    int64_t *size = g->graph->values[g->in[0]].shape.dim + 1;
    const struct li_tensor tensor = {LINCE_INT64, {1, {2}}, size, 2 * sizeof *size}, *own;
    li_vid constant;
    LI_TRY(li_graph_own_tensor(g->graph, &tensor, &own, g->err));
    LI_TRY(li_graph_constant(g->graph, own, &constant, g->err));
    return corners_grad(g, "ResizeNearestNeighborGrad", constant);
}

lince_status li_translate_grad(struct li_grad *g)
{
    const li_vid in[] = {g->dy[0], g->in[0], g->in[2], g->in[3]};
    const struct li_attr attrs[] = {*li_attr(g->node, "kernel_type"), *li_attr(g->node, "antialias")};
    return flows(g) ? li_grad_emit(g, "ScaleAndTranslateGrad", in, 4, attrs, LI_COUNT(attrs), &g->dx[0]) : LINCE_OK;
}
