/* Elementwise loops over operands that are broadcast or strided. */
#include "common.h"

/* Strides of an operand along the dims of the output, 0 where it is repeated. */
static void align(int64_t *stride, const struct li_operand *operand, const struct li_shape *out)
{
    int missing = out->rank - operand->shape->rank;
    for (int i = 0; i < out->rank; i++) {
        bool repeated = i < missing || operand->shape->dim[i - missing] == 1;
        stride[i] = repeated ? 0 : operand->stride[i - missing];
    }
}

/* Whether the loop over dim `outer` can be merged into the next inner one, for every operand. */
static bool mergeable(const struct li_walk *w, int outer, const int64_t inner_stride[], int64_t inner_dim)
{
    for (int k = 0; k < w->operands; k++) {
        if (w->stride[k][outer] != inner_stride[k] * inner_dim) {
            return false;
        }
    }
    return true;
}

static void push(struct li_walk *w, int64_t dim, const int64_t stride[])
{
    w->dim[w->rank] = dim;
    for (int k = 0; k < w->operands; k++) {
        w->stride[k][w->rank] = stride[k];
    }
    w->rank++;
}

/* Drop dims of 1 and merge neighbours, in place, from the outermost in. */
static void merge(struct li_walk *w, int rank)
{
    w->rank = 0;
    for (int i = 0; i < rank; i++) {
        int64_t stride[LI_WALK_OPERANDS], dim = w->dim[i];
        for (int k = 0; k < w->operands; k++) {
            stride[k] = w->stride[k][i];
        }
        if (dim == 1) {
            continue;
        }
        if (w->rank > 0 && mergeable(w, w->rank - 1, stride, dim)) {
            w->rank--;
            dim *= w->dim[w->rank];
        }
        push(w, dim, stride);
    }
}

/* A last dim in which every stride is 0 or 1, and at least two dims. */
static void finish(struct li_walk *w)
{
    static const int64_t ones[LI_WALK_OPERANDS] = {1, 1, 1, 1};
    bool plain = w->rank > 0;
    for (int k = 0; plain && k < w->operands; k++) {
        int64_t stride = w->stride[k][w->rank - 1];
        plain = stride == 1 || (stride == 0 && k > 0);
    }
    if (!plain) {
        push(w, 1, ones);
    }
    if (w->rank == 1) {
        int64_t cols = w->dim[0], stride[LI_WALK_OPERANDS];
        for (int k = 0; k < w->operands; k++) {
            stride[k] = w->stride[k][0];
            w->stride[k][0] = 0;
        }
        w->dim[0] = 1;
        push(w, cols, stride);
    }
}

void li_walk_init(struct li_walk *w, const struct li_call *c, const struct li_operand *const *operands, int count)
{
    const struct li_shape *out = operands[0]->shape;
    *w = (struct li_walk){.operands = count};
    for (int i = 0; i < out->rank; i++) {
        w->dim[i] = out->dim[i];
    }
    for (int k = 0; k < count; k++) {
        align(w->stride[k], operands[k], out);
    }
    merge(w, out->rank);
    finish(w);
    int64_t rows = 1;
    for (int i = 0; i < w->rank - 1; i++) {
        rows *= w->dim[i];
    }
    w->by_columns = rows == 1;
    li_task_range(c, w->by_columns ? w->dim[w->rank - 1] : rows, &w->next, &w->end);
}

bool li_walk_next(struct li_walk *w, struct li_span *span)
{
    int last = w->rank - 1;
    if (w->next >= w->end || w->dim[last] == 0) {
        return false;
    }
    int64_t at = w->by_columns ? 0 : w->next, inner = w->dim[last - 1];
    span->rows = w->by_columns ? 1 : LI_MIN(inner - at % inner, w->end - at);
    span->cols = w->by_columns ? w->end - w->next : w->dim[last];
    for (int k = 0; k < w->operands; k++) {
        span->offset[k] = w->by_columns ? w->next * w->stride[k][last] : 0;
        span->row[k] = w->stride[k][last - 1];
        span->scalar[k] = w->stride[k][last] == 0;
    }
    for (int i = last - 1; i >= 0; i--) {
        for (int k = 0; k < w->operands; k++) {
            span->offset[k] += at % w->dim[i] * w->stride[k][i];
        }
        at /= w->dim[i];
    }
    w->next += w->by_columns ? span->cols : span->rows;
    return true;
}
