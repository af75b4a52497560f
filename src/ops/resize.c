/*
 * ResizeBilinear, ResizeNearestNeighbor, ResizeBicubic, ResizeArea and ScaleAndTranslate. The arithmetic is image's;
 * here are the operands and the tasks, which are ranges of output rows. Coordinates and weights are made once, with the
 * plan, where all that they depend on is known then.
 */
#include "resize.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { TASK_ELEMENTS = 1 << 14, MAX_SIDE = (1 << 24) - 1 };
#define MAX_PICTURE ((int64_t)1 << 31)

/* ---- Shape ---- */

static lince_status resize_shape_of(struct li_infer *s, lince_dtype dtype)
{
    int64_t size[2];
    int count;
    LI_TRY(li_ops_need(s, 0, LI_SET_NUMBER));
    LI_TRY(li_need_rank(s, 0, 4));
    LI_TRY(li_in_ints(s, 1, size, 2, &count));
    const int64_t *x = li_in_shape(s, 0)->dim;
    if (count != 2 || size[0] < 1 || size[1] < 1 || size[0] > MAX_SIDE || size[1] > MAX_SIDE) {
        return li_infer_fail(s, LINCE_EINVAL, "size must be two positive numbers, height and width");
    }
    if (x[1] < 1 || x[2] < 1 || x[1] > MAX_SIDE || x[2] > MAX_SIDE) {
        return li_infer_fail(s, LINCE_EINVAL, "images of %lld x %lld cannot be resized", (long long)x[1],
                             (long long)x[2]);
    }
    if (x[3] >= MAX_PICTURE || x[2] * x[3] >= MAX_PICTURE || size[1] * x[3] >= MAX_PICTURE) {
        return li_infer_fail(s, LINCE_ELIMIT, "a row of the images is too long");
    }
    struct li_shape y = {4, {x[0], size[0], size[1], x[3]}};
    return li_out_is(s, 0, dtype, &y);
}

/* The ops that have align_corners, and half_pixel_centers, which excludes it. */
static lince_status corners_shape(struct li_infer *s, lince_dtype dtype)
{
    if (li_attr_int(s->node, "align_corners") && li_attr_int(s->node, "half_pixel_centers")) {
        return li_infer_fail(s, LINCE_EINVAL, "align_corners and half_pixel_centers exclude each other");
    }
    return resize_shape_of(s, dtype);
}

static lince_status float_shape(struct li_infer *s)
{
    return corners_shape(s, LINCE_FLOAT32);
}

static lince_status nearest_shape(struct li_infer *s)
{
    return corners_shape(s, li_in_dtype(s, 0));
}

static lince_status area_shape(struct li_infer *s)
{
    return resize_shape_of(s, LINCE_FLOAT32);
}

lince_status li_translation_infer(const struct li_infer *s)
{
    enum li_resize_method method;
    if (!li_resize_method_parse(li_attr(s->node, "kernel_type")->s, &method)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "kernel_type \"%.40s\" is unknown",
                             li_attr(s->node, "kernel_type")->s);
    }
    for (int i = 2; i < 4; i++) {
        LI_TRY(li_ops_need(s, i, LI_BIT(LINCE_FLOAT32)));
        LI_TRY(li_need_rank(s, i, 1));
        if (li_in_shape(s, i)->dim[0] != 2) {
            return li_infer_fail(s, LINCE_EINVAL, "scale and translation must be two numbers each");
        }
    }
    return LINCE_OK;
}

static lince_status translate_shape(struct li_infer *s)
{
    LI_TRY(li_translation_infer(s));
    return resize_shape_of(s, LINCE_FLOAT32);
}

/* ---- Plan ---- */

struct resize_plan {
    struct li_resize resize;
    const void *table;  /* NULL: made by each call, since scale and translation are known only then */
    size_t table_bytes; /* of scratch, then */
};

static struct resize_plan *new_plan(struct li_prepare *p, enum li_resize_method method)
{
    struct resize_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    const struct li_value *x = li_ops_in(p, 0), *y = li_ops_out(p, 0);
    if (plan) {
        const int64_t *in = x->shape.dim, *out = y->shape.dim;
        plan->resize = (struct li_resize){.method = method,
                                          .dtype = x->dtype,
                                          .n = in[0],
                                          .h = in[1],
                                          .w = in[2],
                                          .c = in[3],
                                          .oh = out[1],
                                          .ow = out[2]};
    }
    return plan;
}

static size_t aligned(size_t bytes)
{
    return (bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN;
}

/* known: whether the table can be made now. */
static lince_status finish_plan(struct li_prepare *p, struct resize_plan *plan, bool known)
{
    const struct li_resize *r = &plan->resize;
    int64_t rows = r->n * r->oh;
    plan->table_bytes = aligned(li_resize_table_bytes(r));
    p->scratch_bytes = li_resize_scratch_bytes(r);
    if (known) {
        char *memory = li_arena_alloc(p->arena, plan->table_bytes + LI_ALIGN, p->err);
        if (!memory) {
            return LINCE_ENOMEM;
        }
        memory += (LI_ALIGN - (uintptr_t)memory % LI_ALIGN) % LI_ALIGN;
        li_resize_table(r, memory);
        plan->table = memory;
    } else {
        p->scratch_bytes += plan->table_bytes;
    }
    p->plan = plan;
    p->tasks = known ? LI_MAX(1, LI_MIN(rows, li_task_count(rows * r->ow * r->c, TASK_ELEMENTS))) : 1;
    p->reason = known ? "weights made with the plan" : "weights made on every call";
    return LINCE_OK;
}

static lince_status corners_prepare(struct li_prepare *p, enum li_resize_method method)
{
    struct resize_plan *plan = new_plan(p, method);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    plan->resize.align_corners = li_attr_int(p->node, "align_corners");
    plan->resize.half_pixel = method != LI_RESIZE_AREA && li_attr_int(p->node, "half_pixel_centers");
    return finish_plan(p, plan, true);
}

static lince_status bilinear_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_BILINEAR);
}

static lince_status nearest_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_NEAREST);
}

static lince_status bicubic_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_BICUBIC);
}

static lince_status area_prepare(struct li_prepare *p)
{
    return corners_prepare(p, LI_RESIZE_AREA);
}

bool li_translation_set(struct li_resize *r, const float *scale, const float *translation)
{
    memcpy(r->scale, scale, sizeof r->scale);
    memcpy(r->translation, translation, sizeof r->translation);
    return scale[0] > 0 && scale[1] > 0 && isfinite(scale[0]) && isfinite(scale[1]);
}

static lince_status translate_prepare(struct li_prepare *p)
{
    enum li_resize_method method = LI_RESIZE_LANCZOS3;
    li_resize_method_parse(li_attr(p->node, "kernel_type")->s, &method);
    struct resize_plan *plan = new_plan(p, method);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    struct li_resize *r = &plan->resize;
    const struct li_tensor *scale = li_ops_in(p, 2)->constant, *translation = li_ops_in(p, 3)->constant;
    r->antialias = li_attr_int(p->node, "antialias");
    bool known = scale && translation && li_translation_set(r, scale->data, translation->data);
    if (!known) {
        r->scale[0] = r->scale[1] = FLT_MIN; /* so that the table has room for any kernel */
    }
    return finish_plan(p, plan, known);
}

/* ---- Forward ---- */

static lince_status resize_rows(struct li_call *c, const struct li_resize *r, const void *table, void *scratch)
{
    int64_t first, last;
    li_task_range(c, r->n * r->oh, &first, &last);
    if (r->c > 0 && last > first) {
        li_resize_rows(r, table, c->in[0].data, c->out[0].data, first, last, scratch);
    }
    return LINCE_OK;
}

static lince_status corners_forward(struct li_call *c)
{
    const struct resize_plan *plan = c->plan;
    return resize_rows(c, &plan->resize, plan->table, c->scratch);
}

static lince_status translate_forward(struct li_call *c)
{
    const struct resize_plan *plan = c->plan;
    struct li_resize r = plan->resize;
    if (plan->table) {
        return resize_rows(c, &r, plan->table, c->scratch);
    }
    if (!li_translation_set(&r, li_f32(&c->in[2]), li_f32(&c->in[3]))) {
        return li_call_fail(c, LINCE_EDATA, "scales must be positive, they are %g and %g", (double)r.scale[0],
                            (double)r.scale[1]);
    }
    li_resize_table(&r, c->scratch);
    return resize_rows(c, &r, c->scratch, (char *)c->scratch + plan->table_bytes);
}

/* ---- Rows ---- */

#define CORNERS                                                                                                        \
    {                                                                                                                  \
        "align_corners", LI_ATTR_BOOL, "false", NULL                                                                   \
    }
#define CENTERS                                                                                                        \
    {                                                                                                                  \
        "half_pixel_centers", LI_ATTR_BOOL, "false", NULL                                                              \
    }
#define ROW(id, text, rule, plan, gradient, ...)                                                                       \
    const struct li_op li_op_##id = {                                                                                  \
        .name = text,                                                                                                  \
        .inputs_min = 2,                                                                                               \
        .inputs_max = 2,                                                                                               \
        .outputs = LI_OUTPUT("resized_images"),                                                                        \
        .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), __VA_ARGS__),                                                             \
        .shape = rule,                                                                                                 \
        .prepare = plan,                                                                                               \
        .forward = corners_forward,                                                                                    \
        .grad = gradient,                                                                                              \
    };

ROW(resize_area, "ResizeArea", area_shape, area_prepare, li_grad_absent, CORNERS)
ROW(resize_bicubic, "ResizeBicubic", float_shape, bicubic_prepare, li_bicubic_grad, CORNERS, CENTERS)
ROW(resize_bilinear, "ResizeBilinear", float_shape, bilinear_prepare, li_bilinear_grad, CORNERS, CENTERS)
ROW(resize_nearest_neighbor, "ResizeNearestNeighbor", nearest_shape, nearest_prepare, li_nearest_grad, CORNERS, CENTERS)

const struct li_op li_op_scale_and_translate = {
    .name = "ScaleAndTranslate",
    .inputs_min = 4,
    .inputs_max = 4,
    .outputs = LI_OUTPUT("resized_images"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), {"kernel_type", LI_ATTR_STRING, "lanczos3", NULL},
                      {"antialias", LI_ATTR_BOOL, "true", NULL}),
    .shape = translate_shape,
    .prepare = translate_prepare,
    .forward = translate_forward,
    .grad = li_translate_grad,
    .effects = LI_EFFECT_FAIL,
};
