/*
 * Copies between two arrangements of the same elements: transpose, slice, concat, tile and the like are each a few of
 * these.
 */
#include "common.h"

#include <string.h>

void li_move_dim(struct li_move *m, int64_t dim, int64_t to, int64_t from)
{
    m->dim[m->rank] = dim;
    m->to[m->rank] = to;
    m->from[m->rank] = from;
    m->rank++;
}

void li_move_shape(struct li_move *m, const struct li_shape *shape, const int64_t *to, const int64_t *from)
{
    for (int i = 0; i < shape->rank; i++) {
        li_move_dim(m, shape->dim[i], to[i], from[i]);
    }
}

/* Outermost first: larger steps of the target outside, so that writes go forward in memory. */
static void order(struct li_move *m)
{
    for (int i = 1; i < m->rank; i++) {
        for (int j = i; j > 0 && m->to[j] > m->to[j - 1]; j--) {
            int64_t dim = m->dim[j], to = m->to[j], from = m->from[j];
            m->dim[j] = m->dim[j - 1], m->to[j] = m->to[j - 1], m->from[j] = m->from[j - 1];
            m->dim[j - 1] = dim, m->to[j - 1] = to, m->from[j - 1] = from;
        }
    }
}

static void merge(struct li_move *m)
{
    int rank = 0;
    for (int i = 0; i < m->rank; i++) {
        int64_t dim = m->dim[i];
        if (dim == 1) {
            continue;
        }
        if (rank > 0 && m->to[rank - 1] == m->to[i] * dim && m->from[rank - 1] == m->from[i] * dim) {
            rank--;
            dim *= m->dim[rank];
        }
        m->dim[rank] = dim;
        m->to[rank] = m->to[i];
        m->from[rank] = m->from[i];
        rank++;
    }
    m->rank = rank;
}

#define COPY(type)                                                                                                     \
    do {                                                                                                               \
        type *y = to;                                                                                                  \
        const type *x = from;                                                                                          \
        for (int64_t k = 0; k < n; k++) {                                                                              \
            y[k * to_step] = x[k * from_step];                                                                         \
        }                                                                                                              \
    } while (0)

struct wide {
    uint64_t part[2];
};

static void copy_line(void *to, int64_t to_step, const void *from, int64_t from_step, int64_t n, size_t size)
{
    if (to_step == 1 && from_step == 1) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    switch (size) {
    case 1:
        COPY(uint8_t);
        break;
    case 2:
        COPY(uint16_t);
        break;
    case 4:
        COPY(uint32_t);
        break;
    case 8:
        COPY(uint64_t);
        break;
    default:
        COPY(struct wide);
        break;
    }
}

/*
 * A matrix whose rows are the target's and whose columns are the source's, in squares that stay in the nearest cache.
 */
static void transpose4(uint32_t *to, int64_t to_row, const uint32_t *from, int64_t from_col, int64_t rows, int64_t cols)
{
    enum { SIDE = 16 };
    for (int64_t c0 = 0; c0 < cols; c0 += SIDE) {
        int64_t c1 = LI_MIN(c0 + SIDE, cols);
        for (int64_t r = 0; r < rows; r++) {
            for (int64_t c = c0; c < c1; c++) {
                to[r * to_row + c] = from[r + c * from_col];
            }
        }
    }
}

void li_move_run(struct li_move *m, void *to, const void *from, int64_t task, int64_t tasks)
{
    if (to == from) { /* laid out to be there already */
        return;
    }
    for (int i = 0; i < m->rank; i++) {
        if (m->dim[i] == 0) {
            return;
        }
    }
    order(m);
    merge(m);
    if (m->rank == 0) {
        li_move_dim(m, 1, 1, 1);
    }
    /* Tasks take ranges of the outermost loop. */
    int64_t begin = m->dim[0] * task / tasks, count = m->dim[0] * (task + 1) / tasks - begin;
    int64_t size = (int64_t)m->size;
    char *y = (char *)to + begin * m->to[0] * size;
    const char *x = (const char *)from + begin * m->from[0] * size;
    if (count == 0) {
        return;
    }
    int last = m->rank - 1, inner = 1; /* `inner` loops are done by one call below */
    bool square = last >= 1 && m->size == 4 && m->to[last] == 1 && m->from[last - 1] == 1 && m->from[last] > 1;
    if (square) {
        inner = 2;
    }
    int64_t dim[LI_MOVE_RANK], lines = 1;
    for (int i = 0; i <= last; i++) {
        dim[i] = i == 0 ? count : m->dim[i];
        lines *= i <= last - inner ? dim[i] : 1;
    }
    int64_t at[LI_MOVE_RANK] = {0};
    for (int64_t line = 0; line < lines; line++) {
        if (square) {
            transpose4((uint32_t *)(void *)y, m->to[last - 1], (const uint32_t *)(const void *)x, m->from[last],
                       dim[last - 1], dim[last]);
        } else {
            copy_line(y, m->to[last], x, m->from[last], dim[last], m->size);
        }
        for (int i = last - inner; i >= 0; i--) {
            y += m->to[i] * size, x += m->from[i] * size;
            if (++at[i] < dim[i]) {
                break;
            }
            y -= dim[i] * m->to[i] * size, x -= dim[i] * m->from[i] * size;
            at[i] = 0;
        }
    }
}
