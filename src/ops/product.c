/*
 * Matrix products. float32 goes to the gemm kernel, which wants B packed: each task packs the columns it needs. Other
 * dtypes are summed in double or in 64 bits and rounded once.
 */
#include "product.h"

#include <string.h>

enum {
    COLUMN_UNIT = 64, /* columns are divided at multiples of a kernel's widest panel */
    ROW_UNIT = 256,   /* rows that outweigh packing B once more */
    TASK_MACS = 1 << 19,
    MAX_TASKS = 64,
    MANY_PRODUCTS = 16 /* then products are shared out, and none is divided */
};

void li_axes_push(struct li_axes *axes, int64_t dim, int64_t a, int64_t b, int64_t c)
{
    const int64_t stride[3] = {a, b, c};
    if (dim == 1) {
        return;
    }
    int last = axes->rank - 1;
    bool merge = last >= 0;
    for (int i = 0; merge && i < 3; i++) {
        merge = axes->stride[i][last] == stride[i] * dim;
    }
    int at = merge ? last : axes->rank++;
    axes->dim[at] = merge ? axes->dim[at] * dim : dim;
    for (int i = 0; i < 3; i++) {
        axes->stride[i][at] = stride[i];
    }
}

static int64_t count(const struct li_axes *axes)
{
    int64_t n = 1;
    for (int i = 0; i < axes->rank; i++) {
        n *= axes->dim[i];
    }
    return n;
}

/* Of axes that are at most one; a lone element may be said to have any stride. */
static int64_t step(const struct li_axes *axes, int operand)
{
    return axes->rank == 0 ? 1 : axes->stride[operand][0];
}

/* Whether an operand is a matrix with neighbours side by side along one of its two axes. */
static bool plain(const struct li_axes *rows, const struct li_axes *cols, int operand)
{
    return rows->rank <= 1 && cols->rank <= 1 && (step(rows, operand) == 1 || step(cols, operand) == 1);
}

/* Products that share B and whose rows follow each other are one product. */
static void fold_batch(struct li_product *p)
{
    struct li_axes *batch = &p->batch, *m = &p->m;
    while (batch->rank > 0 && m->rank <= 1 && batch->stride[LI_B][batch->rank - 1] == 0) {
        int last = batch->rank - 1;
        int64_t rows = count(m);
        bool follow = m->rank == 0 || (batch->stride[LI_A][last] == step(m, LI_A) * rows &&
                                       batch->stride[LI_C][last] == step(m, LI_C) * rows);
        if (!follow) {
            return;
        }
        if (m->rank == 0) {
            m->rank = 1;
            m->dim[0] = 1;
            for (int i = 0; i < 3; i++) {
                m->stride[i][0] = batch->stride[i][last];
            }
        }
        m->dim[0] *= batch->dim[last];
        batch->rank--;
    }
}

static void divide(struct li_product *p)
{
    int64_t work = p->rows * p->cols * LI_MAX(p->depth, 1), pieces = LI_MIN(LI_MAX(work / TASK_MACS, 1), MAX_TASKS);
    p->row_parts = p->col_parts = 1;
    bool whole = p->products >= MANY_PRODUCTS || p->gather[LI_A] || p->gather[LI_B] || p->gather[LI_C];
    if (!whole) {
        p->col_parts = LI_MIN(pieces, (p->cols + COLUMN_UNIT - 1) / COLUMN_UNIT);
        p->row_parts = LI_MAX(1, LI_MIN(pieces / p->col_parts, p->rows / ROW_UNIT));
    }
    p->product_parts = LI_MIN(p->products, LI_MIN(MAX_TASKS, LI_MAX(1, p->products * pieces / 2)));
    p->tasks = p->product_parts * p->row_parts * p->col_parts;
}

static int64_t column_block(const struct li_product *p)
{
    int64_t units = (p->cols + COLUMN_UNIT - 1) / COLUMN_UNIT;
    return (units + p->col_parts - 1) / p->col_parts * COLUMN_UNIT;
}

static size_t take(struct li_product *p, int64_t elements, size_t size)
{
    size_t at = p->scratch_bytes;
    p->scratch_bytes += ((size_t)elements * size + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN;
    return at;
}

void li_product_plan(struct li_product *p, const struct li_kernels *kernels)
{
    fold_batch(p);
    p->products = count(&p->batch);
    p->rows = count(&p->m);
    p->cols = count(&p->n);
    p->depth = count(&p->k);
    p->scratch_bytes = 0;
    p->tasks = 0;
    if (p->products == 0 || p->rows == 0 || p->cols == 0) {
        return;
    }
    p->gather[LI_A] = !plain(&p->m, &p->k, LI_A);
    p->gather[LI_B] = !plain(&p->k, &p->n, LI_B);
    p->gather[LI_C] = p->m.rank > 1 || p->n.rank > 1 || (p->cols > 1 && step(&p->n, LI_C) != 1);
    divide(p);
    size_t size = li_dtype_size(p->dtype);
    int64_t elements[3] = {p->rows * p->depth, p->depth * p->cols, p->rows * p->cols};
    for (int i = 0; i < 3; i++) {
        p->offset[i] = p->gather[i] ? take(p, elements[i], size) : 0;
    }
    if (p->dtype == LINCE_FLOAT32) {
        int64_t width = LI_MIN(p->cols, column_block(p));
        p->packed_offset = take(p, (int64_t)kernels->gemm->packed_floats(p->depth, width), sizeof(float));
    }
}

/* One product's matrices, as they are or copied. */
struct matrix {
    char *data;
    int64_t row, col;
};

/* Copy between an operand and a dense matrix [rows, cols]. */
static void move(const struct li_product *p, int operand, const struct li_axes *rows, const struct li_axes *cols,
                 char *dense, char *data, bool out)
{
    struct li_move m = {.size = li_dtype_size(p->dtype)};
    int64_t next = 1;
    for (int k = 0; k < 2; k++) {
        const struct li_axes *axes = k == 0 ? cols : rows;
        for (int i = axes->rank - 1; i >= 0; i--) {
            int64_t stride = axes->stride[operand][i];
            li_move_dim(&m, axes->dim[i], out ? stride : next, out ? next : stride);
            next *= axes->dim[i];
        }
    }
    li_move_run(&m, out ? data : dense, out ? dense : data, 0, 1);
}

static struct matrix open_matrix(const struct li_product *p, int operand, const struct li_axes *rows,
                                 const struct li_axes *cols, char *data, char *scratch)
{
    if (!p->gather[operand]) {
        return (struct matrix){data, step(rows, operand), step(cols, operand)};
    }
    struct matrix dense = {scratch + p->offset[operand], count(cols), 1};
    if (operand != LI_C) {
        move(p, operand, rows, cols, dense.data, data, false);
    }
    return dense;
}

/* Rows [r0, r1) and columns [n0, n1) of a product. */
struct part {
    int64_t r0, r1, n0, n1;
};

static void pack_part(const struct li_product *p, const struct li_kernels *kernels, const struct matrix *b,
                      const struct part *part, float *packed)
{
    bool turned = b->col != 1;
    const float *from = (const float *)(const void *)b->data + part->n0 * b->col;
    kernels->gemm->pack(p->depth, part->n1 - part->n0, from, turned ? b->col : b->row, turned, packed);
}

static void multiply_floats(const struct li_product *p, const struct li_kernels *kernels, const struct matrix *a,
                            const float *packed, const struct matrix *c, const struct part *part)
{
    bool turned = a->col != 1;
    struct li_gemm g = {.batch = 1,
                        .m = part->r1 - part->r0,
                        .n = part->n1 - part->n0,
                        .k = p->depth,
                        .transpose_a = turned,
                        .a_row = turned ? a->col : a->row,
                        .c_row = c->row};
    struct li_gemm_data data = {.a = (const float *)(const void *)a->data + part->r0 * a->row,
                                .b = packed,
                                .c = (float *)(void *)c->data + part->r0 * c->row + part->n0};
    int64_t tasks = kernels->gemm->tasks(&g);
    for (int64_t i = 0; i < tasks; i++) {
        kernels->gemm->run(&g, &data, i);
    }
}

/* sum += x * b over a block of columns. */
static void add_block(union li_block *sum, enum li_domain domain, const union li_block *x, const union li_block *b,
                      int64_t n)
{
    for (int64_t i = 0; domain == LI_DOMAIN_FLOAT && i < n; i++) {
        sum->f[i] += x->f[0] * b->f[i];
    }
    for (int64_t i = 0; domain != LI_DOMAIN_FLOAT && i < n; i++) {
        sum->u[i] += x->u[0] * b->u[i]; /* wraps, as the narrower types do */
    }
}

static void multiply_blocks(const struct li_product *p, const struct matrix *a, const struct matrix *b,
                            const struct matrix *c, const struct part *part)
{
    enum li_domain domain = li_domain_of(p->dtype);
    union li_block sum, x, y;
    for (int64_t r = part->r0; r < part->r1; r++) {
        for (int64_t n0 = part->n0; n0 < part->n1; n0 += LI_BLOCK) {
            int64_t n = LI_MIN(LI_BLOCK, part->n1 - n0);
            memset(&sum, 0, sizeof sum);
            for (int64_t k = 0; k < p->depth; k++) {
                li_block_load(&x, p->dtype, li_at(a->data, p->dtype, r * a->row + k * a->col), 1, 1);
                li_block_load(&y, p->dtype, li_at(b->data, p->dtype, k * b->row + n0 * b->col), b->col, n);
                add_block(&sum, domain, &x, &y, n);
            }
            li_block_store(li_at(c->data, p->dtype, r * c->row + n0), p->dtype, &sum, n);
        }
    }
}

static void offsets(const struct li_axes *batch, int64_t index, int64_t offset[3])
{
    memset(offset, 0, 3 * sizeof *offset);
    for (int i = batch->rank - 1; i >= 0; i--) {
        for (int k = 0; k < 3; k++) {
            offset[k] += index % batch->dim[i] * batch->stride[k][i];
        }
        index /= batch->dim[i];
    }
}

static struct part part_of(const struct li_product *p, int64_t task)
{
    int64_t block = column_block(p), col = task % p->col_parts, row = task / p->col_parts % p->row_parts;
    return (struct part){p->rows * row / p->row_parts, p->rows * (row + 1) / p->row_parts, LI_MIN(p->cols, col * block),
                         LI_MIN(p->cols, (col + 1) * block)};
}

void li_product_run(const struct li_product *p, const struct li_kernels *kernels, const void *a, const void *b, void *c,
                    void *scratch, int64_t task)
{
    struct part part = part_of(p, task);
    int64_t share = task / (p->row_parts * p->col_parts);
    int64_t first = p->products * share / p->product_parts, last = p->products * (share + 1) / p->product_parts;
    float *packed = (float *)(void *)((char *)scratch + p->packed_offset);
    int64_t packed_from = -1;
    for (int64_t i = first; i < last && part.n1 > part.n0; i++) {
        int64_t at[3];
        offsets(&p->batch, i, at);
        /* The operands are only read through these. */
        char *c_data = li_at(c, p->dtype, at[LI_C]);
        struct matrix ma = open_matrix(p, LI_A, &p->m, &p->k, li_at((void *)(uintptr_t)a, p->dtype, at[LI_A]), scratch);
        struct matrix mb = open_matrix(p, LI_B, &p->k, &p->n, li_at((void *)(uintptr_t)b, p->dtype, at[LI_B]), scratch);
        struct matrix mc = open_matrix(p, LI_C, &p->m, &p->n, c_data, scratch);
        if (p->dtype != LINCE_FLOAT32) {
            multiply_blocks(p, &ma, &mb, &mc, &part);
        } else {
            if (at[LI_B] != packed_from) {
                pack_part(p, kernels, &mb, &part, packed);
                packed_from = at[LI_B];
            }
            multiply_floats(p, kernels, &ma, packed, &mc, &part);
        }
        if (p->gather[LI_C]) {
            move(p, LI_C, &p->m, &p->n, mc.data, c_data, true);
        }
    }
}

lince_status li_product_prepare(struct li_prepare *p, const struct li_product *product)
{
    struct li_product *plan = li_arena_alloc(p->arena, sizeof *plan, p->err);
    if (!plan) {
        return LINCE_ENOMEM;
    }
    *plan = *product;
    li_product_plan(plan, p->env->kernels);
    p->plan = plan;
    p->tasks = LI_MAX(plan->tasks, 1);
    p->scratch_bytes = plan->scratch_bytes;
    p->flop = 2 * plan->products * plan->rows * plan->cols * plan->depth;
    p->reason = plan->dtype != LINCE_FLOAT32 ? "plain loops: not float32" : "gemm, packed on every call";
    return LINCE_OK;
}

lince_status li_product_forward(struct li_call *c)
{
    const struct li_product *plan = c->plan;
    if (c->task < plan->tasks) {
        li_product_run(plan, c->kernels, c->in[0].data, c->in[1].data, c->out[0].data, c->scratch, c->task);
    }
    return LINCE_OK;
}
