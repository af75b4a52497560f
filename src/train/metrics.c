/* Metrics: what was taken for what, counted. */
#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of one class. `place` belongs to the position, not the class: how often the true class came at it, 0 the best. */
struct tally {
    int64_t count, predicted, correct, place;
};

/*
 * The confusion matrix is a table of the cells that are not 0, by open addressing: a full one of 10,000 classes would
 * take 800 MB, and a cell is there for each photo at most. A free place has count 0.
 */
struct lince_metrics {
    struct li_mem *mem;
    int64_t classes, count;
    struct tally *tally; /* [classes] */
    lince_confusion *cell;
    size_t cells, room; /* room: a power of two, at least twice the cells */
};

lince_status li_metrics_new(struct lince_metrics **out, int64_t classes, lince_error *err)
{
    *out = NULL;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    if (!mem) {
        return li_fail(err, LINCE_ENOMEM, "no memory for metrics");
    }
    struct lince_metrics *m = li_calloc(mem, 1, sizeof *m, err);
    if (!m) {
        li_mem_release(mem);
        return LINCE_ENOMEM;
    }
    *m = (struct lince_metrics){.mem = mem, .classes = classes};
    m->tally = li_calloc(mem, (size_t)classes, sizeof *m->tally, err);
    if (!m->tally) {
        li_metrics_free(m);
        return LINCE_ENOMEM;
    }
    *out = m;
    return LINCE_OK;
}

void li_metrics_free(struct lince_metrics *m)
{
    if (m) {
        struct li_mem *mem = m->mem;
        li_free(mem, m->tally);
        li_free(mem, m->cell);
        li_free(mem, m);
        li_mem_release(mem);
    }
}

void li_metrics_clear(struct lince_metrics *m)
{
    memset(m->tally, 0, (size_t)m->classes * sizeof *m->tally);
    if (m->room) {
        memset(m->cell, 0, m->room * sizeof *m->cell);
    }
    m->count = 0;
    m->cells = 0;
}

/* ---- Cells ---- */

/* Where a cell is, or the free place it would get. There is one: the table is never more than half full. */
static lince_confusion *place_of(lince_confusion *cell, size_t room, int64_t label, int64_t predicted)
{
    int64_t key[2] = {label, predicted};
    size_t i = (size_t)li_hash(0, key, sizeof key) & (room - 1);
    while (cell[i].count && (cell[i].label != label || cell[i].predicted != predicted)) {
        i = (i + 1) & (room - 1);
    }
    return &cell[i];
}

static lince_status make_room(struct lince_metrics *m, size_t count, lince_error *err)
{
    size_t room = m->room ? m->room : 64, bytes;
    if (count > SIZE_MAX / 4 || m->cells > SIZE_MAX / 4) {
        return li_fail(err, LINCE_ENOMEM, "no memory to count %zu results", count);
    }
    while (room / 2 < m->cells + count) {
        room *= 2;
    }
    if (room == m->room) {
        return LINCE_OK;
    }
    if (!li_mul_size(room, sizeof *m->cell, &bytes)) {
        return li_fail(err, LINCE_ENOMEM, "no memory to count %zu results", count);
    }
    lince_confusion *cell = li_calloc(m->mem, room, sizeof *cell, err);
    if (!cell) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < m->room; i++) {
        if (m->cell[i].count) {
            *place_of(cell, room, m->cell[i].label, m->cell[i].predicted) = m->cell[i];
        }
    }
    li_free(m->mem, m->cell);
    m->cell = cell;
    m->room = room;
    return LINCE_OK;
}

/* ---- Counting ---- */

static bool better(const float *score, int64_t a, int64_t b)
{
    if (isnan(score[a]) || isnan(score[b])) {
        return isnan(score[b]) && (!isnan(score[a]) || a < b);
    }
    return score[a] > score[b] || (score[a] == score[b] && a < b);
}

static void add(struct lince_metrics *m, const float *score, int64_t label)
{
    int64_t best = 0, place = 0;
    for (int64_t i = 0; i < m->classes; i++) {
        best = better(score, i, best) ? i : best;
        place += better(score, i, label);
    }
    lince_confusion *cell = place_of(m->cell, m->room, label, best);
    m->cells += cell->count == 0;
    *cell = (lince_confusion){label, best, cell->count + 1};
    m->count++;
    m->tally[place].place++;
    m->tally[label].count++;
    m->tally[best].predicted++;
    m->tally[label].correct += best == label;
}

/* A batch adds one cell a photo at most, and no more than the matrix has. */
lince_status li_metrics_add(struct lince_metrics *m, const float *scores, const int64_t *labels, size_t count,
                            lince_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (labels[i] < 0 || labels[i] >= m->classes) {
            return li_fail(err, LINCE_EINVAL, "label %zu is %lld; it must be a class, 0 to %lld", i,
                           (long long)labels[i], (long long)m->classes - 1);
        }
    }
    size_t left = (size_t)(m->classes * m->classes) - m->cells;
    LI_TRY(make_room(m, LI_MIN(count, left), err));
    for (size_t i = 0; i < count; i++) {
        add(m, scores + i * (size_t)m->classes, labels[i]);
    }
    return LINCE_OK;
}

/* ---- Results ---- */

int64_t li_metrics_classes(const struct lince_metrics *m)
{
    return m->classes;
}

int64_t li_metrics_count(const struct lince_metrics *m)
{
    return m->count;
}

static double share(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : (double)NAN;
}

double li_metrics_top_k(const struct lince_metrics *m, int64_t k)
{
    int64_t within = 0;
    for (int64_t i = 0; i < LI_MIN(k, m->classes); i++) {
        within += m->tally[i].place;
    }
    return share(within, m->count);
}

void li_metrics_class(const struct lince_metrics *m, int64_t index, lince_class_metrics *info)
{
    const struct tally *t = &m->tally[index];
    *info = (lince_class_metrics){.count = t->count,
                                  .predicted = t->predicted,
                                  .correct = t->correct,
                                  .precision = share(t->correct, t->predicted),
                                  .recall = share(t->correct, t->count),
                                  .f1 = share(2 * t->correct, t->count + t->predicted)};
}

int64_t li_metrics_confusion(const struct lince_metrics *m, int64_t label, int64_t predicted)
{
    return m->room ? place_of(m->cell, m->room, label, predicted)->count : 0;
}

size_t li_metrics_cells(const struct lince_metrics *m)
{
    return m->cells;
}

static int by_label(const void *a, const void *b)
{
    const lince_confusion *x = a, *y = b;
    int label = (x->label > y->label) - (x->label < y->label);
    return label ? label : (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

void li_metrics_confusions(const struct lince_metrics *m, lince_confusion *cells)
{
    size_t n = 0;
    for (size_t i = 0; i < m->room; i++) {
        if (m->cell[i].count) {
            cells[n++] = m->cell[i];
        }
    }
    if (n) {
        qsort(cells, n, sizeof *cells, by_label);
    }
}
