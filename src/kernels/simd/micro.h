/*
 * The micro-kernel under convolution and matrix products: a tile of up to TILE_ROWS outputs by one panel of up to two
 * vectors of channels stays in registers while the sum over taps and input channels runs; then bias, residual and
 * activation, then one store.
 *
 *     sum[r][j] = sum over y < rows, x < cols, i < depth of
 *         a[r * a_step + y * a_row + x * a_col + i * a_depth] * b[(y * b_row + x * b_col + i) * width + j]
 *
 * a is broadcast from memory, b is packed so that each step reads one line. The order of the sum does not depend on the
 * tile's size or the vector's width. The unrolled bodies are long because the number of rows must be a constant for the
 * sums to live in registers.
 */
#ifndef LI_SIMD_MICRO_H
#define LI_SIMD_MICRO_H

#include "clip.h"
#include "vmath.h"

enum {
    PANEL = 2 * VL, /* channels of a whole panel; the last of a filter may be one vector */
#if VL == 16
    TILE_ROWS = 14, /* 28 sums, 2 vectors of b; a is an operand in memory */
    NARROW_ROWS = 14,
#elif VL == 8
    TILE_ROWS = 6, /* 12 sums, 2 of b, 1 of a */
    NARROW_ROWS = 12,
#else
    TILE_ROWS = 12,
    NARROW_ROWS = 12,
#endif
    MAX_ROWS = NARROW_ROWS > TILE_ROWS ? NARROW_ROWS : TILE_ROWS
};

/* The steps of the sum; b_row and b_col count steps. */
struct taps {
    int64_t rows, cols, depth;
    ptrdiff_t a_row, a_col, a_depth;
    int64_t b_row, b_col;
};

/* One panel of the filter and what follows the sum. */
struct panel {
    const float *b;
    int vectors;  /* 1 or 2 */
    int channels; /* that exist, of vectors * VL */
    const float *bias;
    enum li_activation activation;
    float alpha, low, high; /* low and high: the activation as a clamp, where it is one */
    bool clamps;
    /* The panel after this one is brought closer while the first tiles of this one run, a share with each. */
    const char *ahead;
    ptrdiff_t ahead_step;
    int ahead_tiles;
};

/* A line of outputs: pixels of a row, of a column, or rows of a matrix. */
struct line {
    const float *a;
    ptrdiff_t a_step;
    float *c;
    ptrdiff_t c_step;
    const float *residual; /* or NULL */
    ptrdiff_t residual_step;
};

static void set_activation(struct panel *panel, enum li_activation activation, float alpha)
{
    panel->activation = activation;
    panel->alpha = alpha;
    panel->clamps = activation == LI_ACT_NONE || activation == LI_ACT_RELU || activation == LI_ACT_RELU6;
    panel->low = activation == LI_ACT_NONE ? -INFINITY : 0;
    panel->high = activation == LI_ACT_RELU6 ? 6 : INFINITY;
}

typedef vf sums[MAX_ROWS][2];

/* Panels cut short, their last vector in part, go through memory; the arithmetic is the same. */
static __attribute__((noinline)) void finish_part(vf *sum, int rows, const struct panel *p, const struct line *l)
{
    const int vectors = p->vectors;
    for (int j = 0; j < vectors; j++) {
        int lanes = LI_MIN(VL, p->channels - j * VL);
        vf bias = p->bias ? v_load_n(p->bias + j * VL, lanes) : v_zero();
        for (int r = 0; r < rows; r++) {
            sum[r * vectors + j] += bias;
        }
        for (int r = 0; l->residual && r < rows; r++) {
            sum[r * vectors + j] += v_load_n(l->residual + r * l->residual_step + j * VL, lanes);
        }
    }
    activate_vectors(p->activation, p->alpha, sum, rows * vectors);
    for (int j = 0; j < vectors; j++) {
        int lanes = LI_MIN(VL, p->channels - j * VL);
        for (int r = 0; r < rows; r++) {
            v_store_n(l->c + r * l->c_step + j * VL, sum[r * vectors + j], lanes);
        }
    }
}

INLINE void spill(vf *to, sums sum, const int rows, const int vectors)
{
    UNROLL(16)
    for (int r = 0; r < rows; r++) {
        UNROLL(2)
        for (int j = 0; j < vectors; j++) {
            to[r * vectors + j] = sum[r][j];
        }
    }
}

INLINE void finish(sums sum, const int rows, const int vectors, const struct panel *p, const struct line *l)
{
    if (p->channels != vectors * VL) {
        vf value[MAX_ROWS * 2];
        spill(value, sum, rows, vectors);
        finish_part(value, rows, p, l);
        return;
    }
    if (p->bias) {
        UNROLL(2)
        for (int j = 0; j < vectors; j++) {
            vf bias = v_load(p->bias + j * VL);
            UNROLL(16)
            for (int r = 0; r < rows; r++) {
                sum[r][j] += bias;
            }
        }
    }
    if (l->residual) {
        UNROLL(16)
        for (int r = 0; r < rows; r++) {
            UNROLL(2)
            for (int j = 0; j < vectors; j++) {
                sum[r][j] += v_load(l->residual + r * l->residual_step + j * VL);
            }
        }
    }
    if (!p->clamps) { /* these need more registers than the sums leave */
        vf value[MAX_ROWS * 2];
        spill(value, sum, rows, vectors);
        activate_vectors(p->activation, p->alpha, value, rows * vectors);
        for (int r = 0; r < rows; r++) {
            UNROLL(2)
            for (int j = 0; j < vectors; j++) {
                v_store(l->c + r * l->c_step + j * VL, value[r * vectors + j]);
            }
        }
        return;
    }
    vf low = v_set(p->low), high = v_set(p->high);
    UNROLL(16)
    for (int r = 0; r < rows; r++) {
        UNROLL(2)
        for (int j = 0; j < vectors; j++) {
            v_store(l->c + r * l->c_step + j * VL, v_at_most(v_at_least(sum[r][j], low), high));
        }
    }
}

/*
 * Rows are reached from five pointers, three rows apart, plus 0, 1 or 2 steps, which x86's addressing adds for free;
 * keep() stops the compiler from turning them into fourteen pointers that do not fit in registers.
 */
#define keep(x) __asm__ volatile("" : "+r"(x))

INLINE float a_value(const char *const p[5], ptrdiff_t step, ptrdiff_t step2, int row, ptrdiff_t offset)
{
    const char *base = p[row / 3] + offset;
    return *(const float *)(row % 3 == 0 ? base : row % 3 == 1 ? base + step : base + step2);
}

/* One step of the sum for every row. */
INLINE void add_step(sums sum, const int rows, const int vectors, const char *const p[5], ptrdiff_t step,
                     ptrdiff_t step2, ptrdiff_t offset, const float *b)
{
    vf bv[2];
    UNROLL(2)
    for (int j = 0; j < vectors; j++) {
        bv[j] = v_load(b + j * VL);
    }
    UNROLL(16)
    for (int r = 0; r < rows; r++) {
        vf a = v_set(a_value(p, step, step2, r, offset));
        UNROLL(2)
        for (int j = 0; j < vectors; j++) {
            sum[r][j] = v_fma(a, bv[j], sum[r][j]);
        }
    }
}

INLINE void tile(const int rows, const int vectors, const bool unit_depth, const struct taps *t, const struct panel *p,
                 const struct line *l, const char *ahead, ptrdiff_t ahead_step)
{
    sums sum;
    UNROLL(16)
    for (int r = 0; r < rows; r++) {
        UNROLL(2)
        for (int j = 0; j < vectors; j++) {
            sum[r][j] = v_zero();
        }
    }
    const ptrdiff_t step = l->a_step * 4, depth_step = unit_depth ? 4 : t->a_depth * 4;
    ptrdiff_t step2 = 2 * step;
    for (int64_t y = 0; y < t->rows; y++) {
        for (int64_t x = 0; x < t->cols; x++) {
            const float *b = p->b + (y * t->b_row + x * t->b_col) * (vectors * VL);
            const char *start = (const char *)(l->a + y * t->a_row + x * t->a_col);
            const char *at[5];
            UNROLL(5)
            for (int i = 0; i < 5; i++) {
                at[i] = start + 3 * i * step;
            }
            int64_t k = t->depth;
            for (; k >= 4; k -= 4) {
                keep(at[0]);
                if (rows > 3) {
                    keep(at[1]);
                }
                if (rows > 6) {
                    keep(at[2]);
                }
                if (rows > 9) {
                    keep(at[3]);
                }
                if (rows > 12) {
                    keep(at[4]);
                }
                keep(step2);
                if (VL == 16) {
                    __builtin_prefetch(ahead, 0, 2);
                    __builtin_prefetch(ahead + 64, 0, 2);
                    ahead += ahead_step;
                }
                UNROLL(4)
                for (int u = 0; u < 4; u++) {
                    add_step(sum, rows, vectors, at, step, step2, u * depth_step, b + u * vectors * VL);
                }
                b += 4 * vectors * VL;
                UNROLL(5)
                for (int i = 0; i < 5; i++) {
                    at[i] += 4 * depth_step;
                }
            }
            for (; k > 0; k--) {
                add_step(sum, rows, vectors, at, step, step2, 0, b);
                b += vectors * VL;
                UNROLL(5)
                for (int i = 0; i < 5; i++) {
                    at[i] += depth_step;
                }
            }
        }
    }
    finish(sum, rows, vectors, p, l);
}

typedef void tile_function(const struct taps *t, const struct panel *p, const struct line *l, const char *ahead,
                           ptrdiff_t ahead_step);

#define ROWS_1_TO_6(X, v) X(1, v) X(2, v) X(3, v) X(4, v) X(5, v) X(6, v)
#define ROWS_1_TO_12(X, v) ROWS_1_TO_6(X, v) X(7, v) X(8, v) X(9, v) X(10, v) X(11, v) X(12, v)
#define ROWS_1_TO_14(X, v) ROWS_1_TO_12(X, v) X(13, v) X(14, v)
#if VL == 16
#define NARROW(X) ROWS_1_TO_14(X, 1)
#define WIDE(X) ROWS_1_TO_14(X, 2)
#elif VL == 8
#define NARROW(X) ROWS_1_TO_12(X, 1)
#define WIDE(X) ROWS_1_TO_6(X, 2)
#else
#define NARROW(X) ROWS_1_TO_12(X, 1)
#define WIDE(X) ROWS_1_TO_12(X, 2)
#endif

#define TILE_FUNCTION(name, r, v, unit)                                                                                \
    static void name##_##r##x##v(const struct taps *t, const struct panel *p, const struct line *l, const char *ahead, \
                                 ptrdiff_t s)                                                                          \
    {                                                                                                                  \
        tile(r, v, unit, t, p, l, ahead, s);                                                                           \
    }

typedef tile_function *const tile_table[2][MAX_ROWS + 1]; /* [vectors - 1][rows] */

static inline int tile_rows(int vectors)
{
    return vectors == 1 ? NARROW_ROWS : TILE_ROWS;
}

/* count outputs along a line, in tiles as equal as can be. */
static void run_line(tile_table table, const struct taps *taps, struct panel *panel, struct line line, int64_t count)
{
    int64_t tiles = divide_up(count, tile_rows(panel->vectors));
    const struct line start = line;
    for (int64_t i = 0; i < tiles; i++) {
        struct range rows = piece(count, i, tiles);
        line.a = start.a + rows.first * start.a_step;
        line.c = start.c + rows.first * start.c_step;
        if (start.residual) {
            line.residual = start.residual + rows.first * start.residual_step;
        }
        const char *ahead = (const char *)panel->b;
        ptrdiff_t ahead_step = 0;
        if (panel->ahead_tiles > 0) {
            ahead = panel->ahead;
            ahead_step = 128;
            panel->ahead += panel->ahead_step;
            panel->ahead_tiles--;
        }
        table[panel->vectors - 1][rows.last - rows.first](taps, panel, &line, ahead, ahead_step);
    }
}

#endif
