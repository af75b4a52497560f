/*
 * MaxPoolGrad, its own gradient MaxPoolGradGrad, and AvgPoolGrad. Windows overlap, so the pixels of dx are divided:
 * MaxPoolGrad takes pictures and blocks of channels, since what a window chose is found by going through it once more;
 * AvgPoolGrad takes rows of dx.
 */
#include "window.h"

#include <string.h>

enum {
    CHANNELS = 64, /* of one task of MaxPoolGrad */
    VECTOR = 16    /* channels whose choice is kept at hand */
};

struct pool_grad_plan {
    struct li_window window;
    int64_t batch, channels;
    int64_t blocks; /* of channels */
};

/* ---- Both ---- */

static const struct li_attr *kernel_of(const struct li_node *node)
{
    return li_attr(node, "ksize");
}

/* Output 0 is x, given that dy is what the pool makes of it. */
static lince_status grad_shape(const struct li_infer *s, const struct li_shape *x, const struct li_shape *dy)
{
    struct li_window w;
    const struct li_attr *size = kernel_of(s->node);
    if (size->count != 4 || size->ints[0] != 1 || size->ints[3] != 1) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "ksize must be four numbers [1, h, w, 1]");
    }
    LI_TRY(li_window_infer(s, x->dim[1], x->dim[2], size->ints[1], size->ints[2], NULL, &w));
    const struct li_shape y = {4, {x->dim[0], w.out_h, w.out_w, x->dim[3]}};
    if (!li_shape_equal(&y, dy)) {
        char want[LI_SHAPE_TEXT], have[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "grad has shape %s; the pool gives %s", li_shape_text(dy, have),
                             li_shape_text(&y, want));
    }
    return li_out_is(s, 0, LINCE_FLOAT32, x);
}

/* x: the shape of the pictures that the pool took. */
static struct pool_grad_plan *make_plan(struct li_prepare *p, const int64_t *x)
{
    struct pool_grad_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    const int64_t *size = kernel_of(p->node)->ints;
    if (plan) {
        *plan = (struct pool_grad_plan){.batch = x[0], .channels = x[3], .blocks = (x[3] + CHANNELS - 1) / CHANNELS};
        li_window_of(p->node, x[1], x[2], size[1], size[2], NULL, &plan->window);
        p->plan = plan;
    }
    return plan;
}

/* The pixels [first, last) that window `at` of one axis covers inside [0, extent). */
static void cover(int64_t at, int64_t stride, int64_t pad, int64_t kernel, int64_t extent, int64_t *first,
                  int64_t *last)
{
    int64_t start = at * stride - pad;
    *first = LI_MAX(0, start);
    *last = LI_MAX(*first, LI_MIN(extent, start + kernel));
}

/* A node of a pool with the same window as that of g->node. */
static lince_status emit(struct li_grad *g, const char *op, const li_vid *in, int nin, li_vid *out)
{
    static const char *const names[] = {"T", "ksize", "strides", "padding", "explicit_paddings", "data_format"};
    struct li_attr attrs[LI_COUNT(names)];
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        attrs[i] = *li_attr(g->node, names[i]);
    }
    return li_grad_emit(g, op, in, nin, attrs, LI_COUNT(names), out);
}

#define GRAD_ATTRS(paddings)                                                                                           \
    LI_ATTRS({"T", LI_ATTR_TYPE, "float32", "float32"}, {"ksize", LI_ATTR_INTS, NULL, NULL}, LI_WINDOW_SPECS(paddings))

/* ---- MaxPoolGrad: orig_input, orig_output, grad. The first maximum in row-major order takes all ---- */

static lince_status max_inputs(struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_ops_need_alike(s, 0, 3));
    for (int i = 0; i < 3; i++) {
        LI_TRY(li_need_rank(s, i, 4));
    }
    const int64_t *x = li_in_shape(s, 0)->dim;
    if (x[1] > 0 && x[2] > INT32_MAX / x[1]) {
        return li_infer_fail(s, LINCE_ELIMIT, "a picture of %lld x %lld has too many pixels", (long long)x[1],
                             (long long)x[2]);
    }
    return LINCE_OK;
}

static lince_status max_shape(struct li_infer *s)
{
    LI_TRY(max_inputs(s));
    if (!li_shape_equal(li_in_shape(s, 1), li_in_shape(s, 2))) {
        return li_infer_fail(s, LINCE_EINVAL, "orig_output and grad have different shapes");
    }
    return grad_shape(s, li_in_shape(s, 0), li_in_shape(s, 2));
}

static lince_status max_prepare(struct li_prepare *p)
{
    struct pool_grad_plan *plan = make_plan(p, li_ops_in(p, 0)->shape.dim);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    p->tasks = LI_MAX(1, plan->batch * plan->blocks);
    return LINCE_OK;
}

/* The pixels of one window, in the picture. */
struct cover {
    int64_t y0, y1, x0, x1, width;
};

/*
 * The first maximum of n <= VECTOR channels: a pixel by its number in the picture. As in TensorFlow the first pixel
 * stands until a larger one comes, so that NaN stands if it is first and never comes later.
 */
static void find_first(const struct cover *v, const float *restrict x, int64_t channels, int n, int32_t *restrict at)
{
    float best[VECTOR];
    for (int i = 0; i < n; i++) {
        at[i] = (int32_t)(v->y0 * v->width + v->x0);
        best[i] = x[at[i] * channels + i];
    }
    for (int64_t y = v->y0; y < v->y1; y++) {
        for (int64_t ix = v->x0; ix < v->x1; ix++) {
            int32_t pixel = (int32_t)(y * v->width + ix);
            const float *restrict value = x + pixel * channels;
            for (int i = 0; i < n; i++) {
                bool larger = value[i] > best[i];
                best[i] = larger ? value[i] : best[i];
                at[i] = larger ? pixel : at[i];
            }
        }
    }
}

/* Which way: what arrived at the window goes to the pixel that it chose, or what is at that pixel to the window. */
static void max_window(const struct cover *v, const float *x, float *window, float *pixels, int64_t channels, int64_t n,
                       bool gather)
{
    int32_t at[VECTOR];
    for (int64_t c = 0; c < n; c += VECTOR) {
        int count = (int)LI_MIN(VECTOR, n - c);
        if (count == VECTOR) {
            find_first(v, x + c, channels, VECTOR, at);
        } else {
            find_first(v, x + c, channels, count, at);
        }
        for (int i = 0; i < count && gather; i++) {
            window[c + i] = pixels[at[i] * channels + c + i];
        }
        for (int i = 0; i < count && !gather; i++) {
            pixels[at[i] * channels + c + i] += window[c + i];
        }
    }
}

/* One picture, n channels. A window of which nothing lies in the picture chooses no pixel. */
static void max_picture(const struct pool_grad_plan *plan, const float *x, float *windows, float *pixels, int64_t n,
                        bool gather)
{
    const struct li_window *w = &plan->window;
    struct cover v = {.width = w->in_w};
    for (int64_t i = 0; i < w->in_h * w->in_w && !gather; i++) {
        memset(pixels + i * plan->channels, 0, (size_t)n * sizeof(float));
    }
    for (int64_t oy = 0; oy < w->out_h; oy++) {
        cover(oy, w->stride_h, w->pad_top, w->kernel_h, w->in_h, &v.y0, &v.y1);
        for (int64_t ox = 0; ox < w->out_w; ox++, windows += plan->channels) {
            cover(ox, w->stride_w, w->pad_left, w->kernel_w, w->in_w, &v.x0, &v.x1);
            if (v.y1 > v.y0 && v.x1 > v.x0) {
                max_window(&v, x, windows, pixels, plan->channels, n, gather);
            } else if (gather) {
                memset(windows, 0, (size_t)n * sizeof(float));
            }
        }
    }
}

static lince_status max_run(struct li_call *c, const struct li_operand *pixels, const struct li_operand *windows,
                            bool gather)
{
    const struct pool_grad_plan *plan = c->plan;
    const struct li_window *w = &plan->window;
    if (li_count(&c->out[0]) == 0) {
        return LINCE_OK;
    }
    int64_t first = c->task % plan->blocks * CHANNELS, picture = c->task / plan->blocks;
    int64_t x = picture * w->in_h * w->in_w * plan->channels + first;
    int64_t y = picture * w->out_h * w->out_w * plan->channels + first;
    max_picture(plan, li_f32(&c->in[0]) + x, (float *)windows->data + y, (float *)pixels->data + x,
                LI_MIN(CHANNELS, plan->channels - first), gather);
    return LINCE_OK;
}

static lince_status max_forward(struct li_call *c)
{
    return max_run(c, &c->out[0], &c->in[2], false);
}

lince_status li_max_pool_grad(struct li_grad *g)
{
    const li_vid in[] = {g->in[0], g->out[0], g->dy[0]};
    return emit(g, "MaxPoolGrad", in, 3, &g->dx[0]);
}

/* It is linear in grad; what the pool chose does not move with the others. */
static lince_status max_grad(struct li_grad *g)
{
    const li_vid in[] = {g->in[0], g->in[1], g->dy[0]};
    return emit(g, "MaxPoolGradGrad", in, 3, &g->dx[2]);
}

const struct li_op li_op_max_pool_grad = {
    .name = "MaxPoolGrad",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = GRAD_ATTRS("SAME VALID EXPLICIT"),
    .shape = max_shape,
    .prepare = max_prepare,
    .forward = max_forward,
    .grad = max_grad,
};

/* ---- MaxPoolGradGrad: orig_input, orig_output, grad. Of each window what is in grad where its maximum was ---- */

static lince_status second_shape(struct li_infer *s)
{
    LI_TRY(max_inputs(s));
    if (!li_shape_equal(li_in_shape(s, 0), li_in_shape(s, 2))) {
        return li_infer_fail(s, LINCE_EINVAL, "orig_input and grad have different shapes");
    }
    LI_TRY(grad_shape(s, li_in_shape(s, 0), li_in_shape(s, 1)));
    return li_out_is(s, 0, LINCE_FLOAT32, li_in_shape(s, 1));
}

static lince_status second_forward(struct li_call *c)
{
    return max_run(c, &c->in[2], &c->out[0], true);
}

static lince_status second_grad(struct li_grad *g)
{
    const li_vid in[] = {g->in[0], g->in[1], g->dy[0]};
    return emit(g, "MaxPoolGrad", in, 3, &g->dx[2]);
}

const struct li_op li_op_max_pool_grad_grad = {
    .name = "MaxPoolGradGrad",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = GRAD_ATTRS("SAME VALID EXPLICIT"),
    .shape = second_shape,
    .prepare = max_prepare,
    .forward = second_forward,
    .grad = second_grad,
};

/* ---- AvgPoolGrad: orig_input_shape, grad. Every pixel of a window takes its share ---- */

static lince_status average_shape(struct li_infer *s)
{
    int64_t dim[4];
    int count;
    LI_TRY(li_ops_need(s, 1, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_rank(s, 1, 4));
    LI_TRY(li_in_ints(s, 0, dim, 4, &count));
    if (count != 4 || dim[0] < 0 || dim[1] < 0 || dim[2] < 0 || dim[3] < 0) {
        return li_infer_fail(s, LINCE_EINVAL, "orig_input_shape must be four sizes");
    }
    const struct li_shape x = {4, {dim[0], dim[1], dim[2], dim[3]}};
    return grad_shape(s, &x, li_in_shape(s, 1));
}

static lince_status average_prepare(struct li_prepare *p)
{
    if (!make_plan(p, li_ops_out(p, 0)->shape.dim)) {
        return LINCE_ENOMEM;
    }
    const struct li_shape *x = &li_ops_out(p, 0)->shape;
    p->tasks = LI_MAX(1, LI_MIN(x->dim[0] * x->dim[1], li_task_count(li_shape_count(x), LI_GRAIN_COSTLY)));
    return LINCE_OK;
}

static void add_share(float *restrict dx, const float *restrict dy, float share, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        dx[i] += dy[i] * share;
    }
}

/* What the windows of row oy, which cover `rows` rows of the picture, give to each of these. */
static void add_row(const struct pool_grad_plan *plan, const float *dy, float *dx, int64_t rows)
{
    const struct li_window *w = &plan->window;
    for (int64_t ox = 0; ox < w->out_w; ox++, dy += plan->channels) {
        int64_t x0, x1;
        cover(ox, w->stride_w, w->pad_left, w->kernel_w, w->in_w, &x0, &x1);
        float share = 1 / (float)(rows * LI_MAX(1, x1 - x0));
        for (int64_t ix = x0; ix < x1; ix++) {
            add_share(dx + ix * plan->channels, dy, share, plan->channels);
        }
    }
}

static void average_row(const struct pool_grad_plan *plan, int64_t iy, const float *picture, float *dx)
{
    const struct li_window *w = &plan->window;
    int64_t row = w->out_w * plan->channels, y0, y1;
    memset(dx, 0, (size_t)(w->in_w * plan->channels) * sizeof(float));
    /* Windows from the first that reaches down to iy; those after the last begin below it. */
    int64_t reach = iy + w->pad_top - w->kernel_h + 1, first = reach <= 0 ? 0 : (reach + w->stride_h - 1) / w->stride_h;
    for (int64_t oy = first; oy < w->out_h; oy++) {
        cover(oy, w->stride_h, w->pad_top, w->kernel_h, w->in_h, &y0, &y1);
        if (y0 > iy) {
            break;
        }
        if (y1 > iy) {
            add_row(plan, picture + oy * row, dx, y1 - y0);
        }
    }
}

static lince_status average_forward(struct li_call *c)
{
    const struct pool_grad_plan *plan = c->plan;
    const struct li_window *w = &plan->window;
    int64_t first, last;
    if (li_count(&c->out[0]) == 0) {
        return LINCE_OK;
    }
    li_task_range(c, plan->batch * w->in_h, &first, &last);
    for (int64_t r = first; r < last; r++) {
        average_row(plan, r % w->in_h, li_f32(&c->in[1]) + r / w->in_h * w->out_h * w->out_w * plan->channels,
                    (float *)c->out[0].data + r * w->in_w * plan->channels);
    }
    return LINCE_OK;
}

lince_status li_avg_pool_grad(struct li_grad *g)
{
    li_vid in[2] = {LI_NONE, g->dy[0]};
    LI_TRY(li_grad_shape(g, g->in[0], &in[0]));
    return emit(g, "AvgPoolGrad", in, 2, &g->dx[0]);
}

/* It is linear: its gradient is the pool itself. */
static lince_status average_grad(struct li_grad *g)
{
    return emit(g, "AvgPool", &g->dy[0], 1, &g->dx[1]);
}

const struct li_op li_op_avg_pool_grad = {
    .name = "AvgPoolGrad",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = GRAD_ATTRS("SAME VALID"),
    .shape = average_shape,
    .prepare = average_prepare,
    .forward = average_forward,
    .grad = average_grad,
};
