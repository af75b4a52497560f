/* Pixels to channels or images and back: SpaceToDepth, DepthToSpace, SpaceToBatchND, BatchToSpaceND. */
#include "common.h"

#include <string.h>

/* ---- SpaceToDepth: out[n, y, x, (dy * b + dx) * C + c] = in[n, y * b + dy, x * b + dx, c] ---- */

static lince_status depth_shape(struct li_infer *s, bool to_depth)
{
    struct li_shape out = *li_in_shape(s, 0);
    int64_t b = li_attr_int(s->node, "block_size");
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE));
    LI_TRY(li_need_rank(s, 0, 4));
    bool fits =
        b >= 1 && b <= 4096 && (to_depth ? out.dim[1] % b == 0 && out.dim[2] % b == 0 : out.dim[3] % (b * b) == 0);
    if (!fits) {
        char text[LI_SHAPE_TEXT];
        return li_infer_fail(s, LINCE_EINVAL, "shape %s cannot be cut into blocks of %lld", li_shape_text(&out, text),
                             (long long)b);
    }
    for (int i = 1; i <= 2; i++) {
        if (to_depth) {
            out.dim[i] /= b;
        } else if (__builtin_mul_overflow(out.dim[i], b, &out.dim[i])) {
            return li_infer_fail(s, LINCE_ELIMIT, "the result is too large");
        }
    }
    if (!to_depth) {
        out.dim[3] /= b * b;
    } else if (__builtin_mul_overflow(out.dim[3], b * b, &out.dim[3])) {
        return li_infer_fail(s, LINCE_ELIMIT, "the result is too large");
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status to_depth_shape(struct li_infer *s)
{
    return depth_shape(s, true);
}

static lince_status to_space_shape(struct li_infer *s)
{
    return depth_shape(s, false);
}

static void swap(struct li_call *c, bool to_depth)
{
    const struct li_operand *space = to_depth ? &c->in[0] : &c->out[0], *depth = to_depth ? &c->out[0] : &c->in[0];
    int64_t b = li_attr_int(c->node, "block_size"), channels = space->shape->dim[3];
    const int64_t dims[6] = {space->shape->dim[0], depth->shape->dim[1], depth->shape->dim[2], b, b, channels};
    const int64_t wide[6] = {space->stride[0], space->stride[1] * b, space->stride[2] * b,
                             space->stride[1], space->stride[2],     space->stride[3]};
    const int64_t deep[6] = {depth->stride[0],
                             depth->stride[1],
                             depth->stride[2],
                             b * channels * depth->stride[3],
                             channels * depth->stride[3],
                             depth->stride[3]};
    struct li_move m = {.size = li_dtype_size(space->dtype)};
    for (int i = 0; i < 6; i++) {
        li_move_dim(&m, dims[i], to_depth ? deep[i] : wide[i], to_depth ? wide[i] : deep[i]);
    }
    li_move_run(&m, c->out[0].data, c->in[0].data, c->task, c->tasks);
}

static lince_status to_depth_forward(struct li_call *c)
{
    swap(c, true);
    return LINCE_OK;
}

static lince_status to_space_forward(struct li_call *c)
{
    swap(c, false);
    return LINCE_OK;
}

static lince_status inverse(struct li_grad *g, const char *op)
{
    return li_grad_emit(g, op, g->dy, 1, (struct li_attr[]){LI_INT("block_size", li_attr_int(g->node, "block_size"))},
                        1, &g->dx[0]);
}

static lince_status to_depth_grad(struct li_grad *g)
{
    return inverse(g, "DepthToSpace");
}

static lince_status to_space_grad(struct li_grad *g)
{
    return inverse(g, "SpaceToDepth");
}

#define DEPTH_SPECS                                                                                                    \
    LI_ATTRS(LI_TYPE_SPEC("T"), {"block_size", LI_ATTR_INT, NULL, NULL},                                               \
             {"data_format", LI_ATTR_STRING, "NHWC", "NHWC"})

const struct li_op li_op_space_to_depth = {
    .name = "SpaceToDepth",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = DEPTH_SPECS,
    .shape = to_depth_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = to_depth_forward,
    .grad = to_depth_grad,
};

const struct li_op li_op_depth_to_space = {
    .name = "DepthToSpace",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("output"),
    .attrs = DEPTH_SPECS,
    .shape = to_space_shape,
    .layout = li_ops_layout_strided,
    .prepare = li_ops_prepare_cheap,
    .forward = to_space_forward,
    .grad = to_space_grad,
};

/* ---- SpaceToBatchND(input, block, paddings), BatchToSpaceND(input, block, crops) ---- */

/*
 * Both say the same of a wide value [n, wide..., rest] and a deep one [n * blocks, deep..., rest]:
 * deep[(offset, n), y] = wide[n, y * block + offset - before], where the latter is inside; zero elsewhere.
 */
struct blocks {
    int dims;
    int64_t block[LI_MAX_RANK], before[LI_MAX_RANK], product;
};

enum { MAX_BLOCK = 1 << 20 };

static lince_status batch_shape(struct li_infer *s, bool to_batch)
{
    struct li_shape out = *li_in_shape(s, 0);
    const struct li_tensor *around;
    int64_t block[LI_MAX_RANK], product = 1;
    int dims;
    LI_TRY(li_ops_need(s, 0, LI_SET_MOVABLE & ~LI_SET_STRING));
    LI_TRY(li_in_ints(s, 1, block, LI_MAX_RANK, &dims));
    LI_TRY(li_ops_need(s, 2, LI_SET_INDEX));
    LI_TRY(li_in_value(s, 2, &around));
    if (dims + 1 > out.rank || around->shape.rank != 2 || around->shape.dim[0] != dims || around->shape.dim[1] != 2) {
        return li_infer_fail(s, LINCE_EINVAL, "%d blocks do not fit a value of rank %d and their paddings", dims,
                             out.rank);
    }
    for (int i = 0; i < dims; i++) {
        int64_t before = li_tensor_int(around, 2 * i), after = li_tensor_int(around, 2 * i + 1), *dim = &out.dim[i + 1];
        bool sane = block[i] >= 1 && block[i] <= MAX_BLOCK && before >= 0 && after >= 0 && before <= INT32_MAX &&
                    after <= INT32_MAX && !__builtin_mul_overflow(product, block[i], &product);
        int64_t wide = 0;
        sane = sane && !(to_batch ? __builtin_add_overflow(*dim, before + after, &wide)
                                  : __builtin_mul_overflow(*dim, block[i], &wide));
        if (!sane || (to_batch ? wide % block[i] != 0 : wide < before + after)) {
            return li_infer_fail(s, LINCE_EINVAL,
                                 "dim %d of %lld does not fit blocks of %lld with %lld and %lld around", i + 1,
                                 (long long)*dim, (long long)block[i], (long long)before, (long long)after);
        }
        *dim = to_batch ? wide / block[i] : wide - before - after;
    }
    if (to_batch ? __builtin_mul_overflow(out.dim[0], product, &out.dim[0]) : out.dim[0] % product != 0) {
        return li_infer_fail(s, LINCE_EINVAL, "a batch of %lld does not fit %lld blocks", (long long)out.dim[0],
                             (long long)product);
    }
    out.dim[0] /= to_batch ? 1 : product;
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

static lince_status to_batch_shape(struct li_infer *s)
{
    return batch_shape(s, true);
}

static lince_status from_batch_shape(struct li_infer *s)
{
    return batch_shape(s, false);
}

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a > 0 ? (a + b - 1) / b : -(-a / b);
}

/* The move for one offset within the blocks; false when nothing lies inside. */
static bool one_offset(const struct blocks *b, int64_t offset, const struct li_operand *wide,
                       const struct li_operand *deep, bool to_batch, struct li_move *m, int64_t *wide_at,
                       int64_t *deep_at)
{
    int64_t n = wide->shape->dim[0], rest = offset;
    *wide_at = 0;
    *deep_at = offset * n * deep->stride[0];
    li_move_dim(m, n, to_batch ? deep->stride[0] : wide->stride[0], to_batch ? wide->stride[0] : deep->stride[0]);
    for (int i = b->dims - 1; i >= 0; i--) {
        int64_t shift = rest % b->block[i] - b->before[i];
        int64_t first = LI_MAX(0, ceil_div(-shift, b->block[i]));
        int64_t end = LI_MIN(deep->shape->dim[i + 1], ceil_div(wide->shape->dim[i + 1] - shift, b->block[i]));
        int64_t far = wide->stride[i + 1] * b->block[i], near = deep->stride[i + 1];
        rest /= b->block[i];
        if (end <= first) {
            return false;
        }
        *wide_at += (first * b->block[i] + shift) * wide->stride[i + 1];
        *deep_at += first * near;
        li_move_dim(m, end - first, to_batch ? near : far, to_batch ? far : near);
    }
    for (int i = b->dims + 1; i < wide->shape->rank; i++) {
        int64_t w = wide->stride[i], d = deep->stride[i];
        li_move_dim(m, wide->shape->dim[i], to_batch ? d : w, to_batch ? w : d);
    }
    return true;
}

static lince_status move_blocks(struct li_call *c, bool to_batch)
{
    const struct li_operand *wide = to_batch ? &c->in[0] : &c->out[0], *deep = to_batch ? &c->out[0] : &c->in[0];
    struct blocks b = {.dims = (int)li_count(&c->in[1]), .product = 1};
    size_t size = li_dtype_size(wide->dtype);
    for (int i = 0; i < b.dims; i++) {
        int64_t after = li_index_at(&c->in[2], 2 * i + 1);
        b.block[i] = li_index_at(&c->in[1], i);
        b.before[i] = li_index_at(&c->in[2], 2 * i);
        bool same = b.block[i] >= 1 && b.block[i] <= MAX_BLOCK && b.before[i] >= 0 && after >= 0 &&
                    wide->shape->dim[i + 1] + b.before[i] + after == deep->shape->dim[i + 1] * b.block[i];
        if (!same) {
            return li_call_fail(c, LINCE_EDATA, "the blocks changed to ones of another shape");
        }
        b.product *= b.block[i];
    }
    if (to_batch && li_count(&c->out[0]) > 0) {
        memset(c->out[0].data, 0, (size_t)li_count(&c->out[0]) * size);
    }
    for (int64_t offset = 0; offset < b.product && li_count(wide) > 0; offset++) {
        struct li_move m = {.size = size};
        int64_t wide_at, deep_at;
        if (one_offset(&b, offset, wide, deep, to_batch, &m, &wide_at, &deep_at)) {
            void *to = li_at(c->out[0].data, wide->dtype, to_batch ? deep_at : wide_at);
            li_move_run(&m, to, li_at(c->in[0].data, wide->dtype, to_batch ? wide_at : deep_at), 0, 1);
        }
    }
    return LINCE_OK;
}

static lince_status to_batch_forward(struct li_call *c)
{
    return move_blocks(c, true);
}

static lince_status from_batch_forward(struct li_call *c)
{
    return move_blocks(c, false);
}

static lince_status to_batch_grad(struct li_grad *g)
{
    return li_grad_emit(g, "BatchToSpaceND", (li_vid[]){g->dy[0], g->in[1], g->in[2]}, 3, NULL, 0, &g->dx[0]);
}

static lince_status from_batch_grad(struct li_grad *g)
{
    return li_grad_emit(g, "SpaceToBatchND", (li_vid[]){g->dy[0], g->in[1], g->in[2]}, 3, NULL, 0, &g->dx[0]);
}

const struct li_op li_op_space_to_batch_nd = {
    .name = "SpaceToBatchND",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tblock_shape"), LI_TYPE_SPEC("Tpaddings")),
    .shape = to_batch_shape,
    .forward = to_batch_forward,
    .grad = to_batch_grad,
};

const struct li_op li_op_batch_to_space_nd = {
    .name = "BatchToSpaceND",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("T"), LI_TYPE_SPEC("Tblock_shape"), LI_TYPE_SPEC("Tcrops")),
    .shape = from_batch_shape,
    .forward = from_batch_forward,
    .grad = from_batch_grad,
};
