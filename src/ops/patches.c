/*
 * ExtractImagePatches: every window of a picture as one vector [ky, kx, c]. _LiExtractImagePatchesGrad puts the vectors
 * back and adds up where windows overlap.
 */
#include "common.h"

#include <string.h>

struct patches {
    int64_t out[2], pad[2], kernel[2], stride[2], rate[2];
};

/* NULL, or what is wrong. */
static const char *geometry(struct patches *p, const struct li_node *node, const struct li_shape *in)
{
    static const char *const names[3] = {"ksizes", "strides", "rates"};
    int64_t *const to[3] = {p->kernel, p->stride, p->rate};
    for (int k = 0; k < 3; k++) {
        const struct li_attr *a = li_attr(node, names[k]);
        if (a->count != 4 || a->ints[0] != 1 || a->ints[3] != 1) {
            return "ksizes, strides and rates must be [1, h, w, 1]";
        }
        for (int d = 0; d < 2; d++) {
            to[k][d] = a->ints[d + 1];
            if (to[k][d] < 1 || to[k][d] > INT32_MAX) {
                return "a size, stride or rate is not positive";
            }
        }
    }
    for (int d = 0; d < 2; d++) {
        int64_t n = in->dim[d + 1], reach = (p->kernel[d] - 1) * p->rate[d] + 1;
        bool same = li_attr_is(node, "padding", "SAME");
        if (!same && n < reach) {
            return "the window is larger than the picture";
        }
        p->out[d] = same ? (n + p->stride[d] - 1) / p->stride[d] : (n - reach) / p->stride[d] + 1;
        int64_t total = LI_MAX(0, (p->out[d] - 1) * p->stride[d] + reach - n);
        p->pad[d] = same ? total / 2 : 0;
    }
    return NULL;
}

static lince_status patches_shape(struct li_infer *s)
{
    struct li_shape out = *li_in_shape(s, 0);
    struct patches p;
    int64_t area;
    LI_TRY(li_ops_need(s, 0, LI_SET_COMPUTED));
    LI_TRY(li_need_rank(s, 0, 4));
    const char *wrong = geometry(&p, s->node, &out);
    if (wrong || __builtin_mul_overflow(p.kernel[0] * p.kernel[1], out.dim[3], &area)) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "%s; the input is %s", wrong ? wrong : "the patches are too large",
                             li_shape_text(&out, text));
    }
    out.dim[1] = p.out[0], out.dim[2] = p.out[1], out.dim[3] = area;
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status patches_forward(struct li_call *c)
{
    const struct li_shape *in = c->in[0].shape;
    struct patches p;
    int64_t begin, end, h = in->dim[1], w = in->dim[2];
    size_t pixel = (size_t)in->dim[3] * li_dtype_size(c->in[0].dtype);
    geometry(&p, c->node, in);
    li_task_range(c, in->dim[0] * p.out[0], &begin, &end);
    char *to = (char *)c->out[0].data + (size_t)(begin * p.out[1] * p.kernel[0] * p.kernel[1]) * pixel;
    for (int64_t row = begin; row < end && pixel; row++) {
        const char *picture = (const char *)c->in[0].data + (size_t)(row / p.out[0] * h * w) * pixel;
        for (int64_t x = 0; x < p.out[1]; x++) {
            for (int64_t k = 0; k < p.kernel[0] * p.kernel[1]; k++, to += pixel) {
                int64_t iy = row % p.out[0] * p.stride[0] + k / p.kernel[1] * p.rate[0] - p.pad[0];
                int64_t ix = x * p.stride[1] + k % p.kernel[1] * p.rate[1] - p.pad[1];
                if (iy < 0 || iy >= h || ix < 0 || ix >= w) {
                    memset(to, 0, pixel);
                } else {
                    memcpy(to, picture + (size_t)(iy * w + ix) * pixel, pixel);
                }
            }
        }
    }
    return LINCE_OK;
}

static lince_status patches_grad(struct li_grad *g)
{
    static const char *const names[] = {"ksizes", "strides", "rates", "padding"};
    li_vid in[2] = {g->dy[0], LI_NONE};
    struct li_attr attrs[LI_COUNT(names)];
    for (size_t i = 0; i < LI_COUNT(names); i++) {
        attrs[i] = *li_attr(g->node, names[i]);
    }
    LI_TRY(li_grad_shape(g, g->in[0], &in[1]));
    return li_grad_emit(g, "_LiExtractImagePatchesGrad", in, 2, attrs, LI_COUNT(names), &g->dx[0]);
}

#define PATCH_ATTRS                                                                                                    \
    LI_ATTRS({"ksizes", LI_ATTR_INTS, NULL, NULL}, {"strides", LI_ATTR_INTS, NULL, NULL},                              \
             {"rates", LI_ATTR_INTS, NULL, NULL}, {"padding", LI_ATTR_STRING, NULL, "SAME VALID"}, LI_TYPE_SPEC("T"))

const struct li_op li_op_extract_image_patches = {
    .name = "ExtractImagePatches",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("patches"),
    .attrs = PATCH_ATTRS,
    .shape = patches_shape,
    .prepare = li_ops_prepare_cheap,
    .forward = patches_forward,
    .grad = patches_grad,
};

/* ---- _LiExtractImagePatchesGrad: grad, sizes of the pictures; a task takes whole ones, since windows overlap ---- */

static lince_status grad_shape(struct li_infer *s)
{
    int64_t dim[4];
    int count;
    struct patches p;
    LI_TRY(li_ops_need(s, 0, LI_BIT(LINCE_FLOAT32)));
    LI_TRY(li_need_rank(s, 0, 4));
    LI_TRY(li_in_ints(s, 1, dim, 4, &count));
    const int64_t *dy = li_in_shape(s, 0)->dim;
    const struct li_shape x = {4, {dim[0], dim[1], dim[2], dim[3]}};
    if (count != 4 || geometry(&p, s->node, &x) || dy[0] != dim[0] || dy[1] != p.out[0] || dy[2] != p.out[1] ||
        dy[3] != p.kernel[0] * p.kernel[1] * dim[3]) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "grad %s holds no patches of such pictures",
                             li_shape_text(li_in_shape(s, 0), text));
    }
    return li_out_is(s, 0, LINCE_FLOAT32, &x);
}

static lince_status grad_prepare(struct li_prepare *p)
{
    p->tasks = LI_MAX(1, li_ops_out(p, 0)->shape.dim[0]);
    return LINCE_OK;
}

static void add(float *restrict to, const float *restrict from, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        to[i] += from[i];
    }
}

/* One patch, whose first tap lies at (y, x). */
static void put_back(const struct patches *p, const int64_t *dim, int64_t y, int64_t x, const float *patch,
                     float *picture)
{
    for (int64_t k = 0; k < p->kernel[0] * p->kernel[1]; k++, patch += dim[3]) {
        int64_t iy = y + k / p->kernel[1] * p->rate[0], ix = x + k % p->kernel[1] * p->rate[1];
        if (iy >= 0 && iy < dim[1] && ix >= 0 && ix < dim[2]) {
            add(picture + (iy * dim[2] + ix) * dim[3], patch, dim[3]);
        }
    }
}

static lince_status grad_forward(struct li_call *c)
{
    const struct li_shape *x = c->out[0].shape;
    const int64_t *dim = x->dim, length = c->in[0].shape->dim[3];
    struct patches p;
    int64_t first, last;
    geometry(&p, c->node, x);
    li_task_range(c, dim[0], &first, &last);
    for (int64_t n = first; n < last; n++) {
        float *picture = (float *)c->out[0].data + n * dim[1] * dim[2] * dim[3];
        memset(picture, 0, (size_t)(dim[1] * dim[2] * dim[3]) * sizeof(float));
        for (int64_t i = 0; i < p.out[0] * p.out[1]; i++) {
            put_back(&p, dim, i / p.out[1] * p.stride[0] - p.pad[0], i % p.out[1] * p.stride[1] - p.pad[1],
                     li_f32(&c->in[0]) + (n * p.out[0] * p.out[1] + i) * length, picture);
        }
    }
    return LINCE_OK;
}

const struct li_op li_op_li_extract_image_patches_grad = {
    .name = "_LiExtractImagePatchesGrad",
    .inputs_min = 2,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = PATCH_ATTRS,
    .shape = grad_shape,
    .prepare = grad_prepare,
    .forward = grad_forward,
    .flags = LI_OP_INTERNAL,
};
