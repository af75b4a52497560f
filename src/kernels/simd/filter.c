/*
 * The gradient of a convolution's filter. For a chunk of the pixels of dy, which stays in the caches near by, a panel
 * of outputs is packed; then for each tap a tile of channels by that panel is summed over the pixels whose tap lies
 * inside the picture, which are a rectangle. x is read where it lies.
 */
#include "../filter.h"
#include "micro.h"

enum { CHUNK_PIXELS = 128 };

#define FILTER_TILE(r, v) TILE_FUNCTION(filter, r, v, false)
#define FILTER_ENTRY(r, v) [(v)-1][r] = filter_##r##x##v,
NARROW(FILTER_TILE)
WIDE(FILTER_TILE)
static tile_table filter_tiles = {NARROW(FILTER_ENTRY) WIDE(FILTER_ENTRY)};

/* One pixel of x for each of dy, all side by side: then all pictures are one row. */
static struct li_filter flattened(const struct li_filter *g)
{
    const struct li_window *w = &g->window;
    struct li_filter flat = *g;
    bool direct = w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 && w->in_h == w->out_h &&
                  w->in_w == w->out_w && w->pad_top == 0 && w->pad_left == 0;
    if (direct && g->x.row == w->in_w * g->x.pixel && g->x.image == w->in_h * g->x.row &&
        g->dy.row == w->out_w * g->dy.pixel && g->dy.image == w->out_h * g->dy.row) {
        flat.batch = flat.window.in_h = flat.window.out_h = 1;
        flat.window.in_w = flat.window.out_w = g->batch * w->out_h * w->out_w;
    }
    return flat;
}

/* How a picture of dy is cut: into bands of rows, or rows into pieces. */
struct cut {
    int64_t down, across;
};

static struct cut cut_of(const struct li_filter *g)
{
    int64_t h = g->window.out_h, w = g->window.out_w, rows = LI_MAX(1, CHUNK_PIXELS / LI_MAX(w, 1));
    return (struct cut){divide_up(h, rows), divide_up(w, CHUNK_PIXELS)};
}

static int64_t filter_chunks(const struct li_filter *group)
{
    const struct li_filter g = flattened(group);
    struct cut cut = cut_of(&g);
    return g.batch * cut.down * cut.across;
}

static size_t filter_scratch(const struct li_filter *g)
{
    (void)g;
    return (size_t)CHUNK_PIXELS * PANEL;
}

/* A rectangle of pixels of dy in one picture. */
struct chunk {
    int64_t image;
    struct range rows, cols;
};

static struct chunk chunk_at(const struct li_filter *g, int64_t i)
{
    struct cut cut = cut_of(g);
    return (struct chunk){i / (cut.down * cut.across), piece(g->window.out_h, i / cut.across % cut.down, cut.down),
                          piece(g->window.out_w, i % cut.across, cut.across)};
}

/* [rows, cols, vectors * VL]; zeros in what the last vector has too much. */
static void pack_panel(const struct li_filter *g, const struct chunk *chunk, const float *dy, const struct panel *panel,
                       float *packed)
{
    for (int64_t y = chunk->rows.first; y < chunk->rows.last; y++) {
        const float *from = dy + chunk->image * g->dy.image + y * g->dy.row + chunk->cols.first * g->dy.pixel;
        for (int64_t x = chunk->cols.first; x < chunk->cols.last; x++, from += g->dy.pixel) {
            for (int j = 0; j < panel->vectors; j++, packed += VL) {
                v_store(packed, v_load_upto(from + j * VL, panel->channels - j * VL));
            }
        }
    }
}

static struct range within(struct range a, struct range b)
{
    int64_t first = LI_MAX(a.first, b.first);
    return (struct range){first, LI_MAX(first, LI_MIN(a.last, b.last))};
}

/* One tap: channels [first, first + count) of x by the panel. c: of the first, in df. */
static void add_tap(const struct li_filter *g, const struct chunk *chunk, const float *x, struct panel *panel,
                    int64_t tap, int64_t first, int64_t count, float *c)
{
    const struct li_window *w = &g->window;
    const struct axis vertical = rows_of(w), horizontal = columns_of(w);
    int64_t ky = tap / w->kernel_w, kx = tap % w->kernel_w, width = chunk->cols.last - chunk->cols.first;
    struct range rows = within(outputs_of_tap(&vertical, ky), chunk->rows);
    struct range cols = within(outputs_of_tap(&horizontal, kx), chunk->cols);
    int64_t iy = rows.first * w->stride_h + ky * w->dilation_h - w->pad_top;
    int64_t ix = cols.first * w->stride_w + kx * w->dilation_w - w->pad_left;
    const struct taps taps = {.rows = rows.last - rows.first,
                              .cols = 1,
                              .depth = cols.last - cols.first,
                              .a_row = w->stride_h * g->x.row,
                              .a_depth = w->stride_w * g->x.pixel,
                              .b_row = width};
    if (taps.rows == 0 || taps.depth == 0) {
        return;
    }
    const struct line line = {.a = x + chunk->image * g->x.image + iy * g->x.row + ix * g->x.pixel + first,
                              .a_step = 1,
                              .c = c,
                              .c_step = g->df_row,
                              .residual = c,
                              .residual_step = g->df_row};
    const float *packed = panel->b;
    panel->b += ((rows.first - chunk->rows.first) * width + cols.first - chunk->cols.first) * panel->vectors * VL;
    run_line(filter_tiles, &taps, panel, line, count);
    panel->b = packed;
}

static void add_chunk(const struct li_filter *g, const struct chunk *chunk, const float *x, const float *dy,
                      struct range rows, float *scratch, float *df)
{
    for (int64_t o = 0; o < g->outputs; o += PANEL) {
        int64_t channels = LI_MIN(PANEL, g->outputs - o);
        struct panel panel = {.b = scratch, .vectors = (int)divide_up(channels, VL), .channels = (int)channels};
        set_activation(&panel, LI_ACT_NONE, 0);
        pack_panel(g, chunk, dy + o, &panel, scratch);
        for (int64_t row = rows.first, n; row < rows.last; row += n) {
            int64_t c = row % g->channels;
            n = LI_MIN(g->channels - c, rows.last - row);
            add_tap(g, chunk, x, &panel, row / g->channels, c, n, df + row * g->df_row + o);
        }
    }
}

static void filter_run(const struct li_filter *group, const float *x, const float *dy, int64_t first, int64_t last,
                       int64_t row, int64_t rows, float *scratch, float *df)
{
    const struct li_filter g = flattened(group);
    for (int64_t r = row; r < row + rows; r++) {
        memset(df + r * g.df_row, 0, (size_t)g.outputs * sizeof(float));
    }
    for (int64_t i = first; i < last; i++) {
        struct chunk chunk = chunk_at(&g, i);
        add_chunk(&g, &chunk, x, dy, (struct range){row, row + rows}, scratch, df);
    }
}

const struct li_filter_kernels LI_SIMD_NAME(filter) = {filter_scratch, filter_chunks, filter_run};
