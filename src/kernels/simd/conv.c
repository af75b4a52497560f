/*
 * Direct convolution, without rearranging the picture: a pixel's channels, and those of its neighbours along the row,
 * lie side by side, so a row of taps is one run of the sum.
 *
 * Borders. A row's first and last outputs may have taps outside the picture. Outputs with the same taps inside are done
 * together: whole rows of pixels in the middle, columns at the sides. So no tap outside is ever read or multiplied, and
 * no picture is copied. With a halo the sides need no care, only rows of taps that lie wholly outside are skipped.
 */
#include "../conv.h"
#include "clip.h"
#include "micro.h"

#define TILE(r, v) TILE_FUNCTION(tile, r, v, true)
#define TILE_ENTRY(r, v) [v - 1][r] = tile_##r##x##v,
NARROW(TILE)
WIDE(TILE)
static tile_table tiles = {NARROW(TILE_ENTRY) WIDE(TILE_ENTRY)};

enum {
    TASK_MACS = 1 << 20, /* about what outweighs handing a task to a thread ten times over */
    MAX_TASKS = 64,      /* unless cache asks for more */
    ENOUGH_TASKS = 16,   /* where bands alone give fewer, the filter is divided too */
    BAND_ROWS = 4,       /* where borders are clipped: the columns at the sides go by tiles of a band's rows */
    BAND_FLOATS =
        64 << 10,    /* 256 KB: input of a task that shall stay in the second-level cache while all panels pass */
    FILTER_HEAVY = 4 /* a filter so many times the picture is divided first */
};

/* What a run needs to know besides the geometry. */
struct plan {
    struct axis vertical, horizontal;
    int64_t channels, outputs; /* of one group */
    int64_t steps;             /* of the sum */
    int64_t panels;            /* of one group */
    bool flat;                 /* 1x1 over pixels that all lie at one stride: one long line */
    int64_t units;             /* rows, or tiles of a flat line: what bands are cut from */
    int64_t bands, parts;      /* tasks = bands of units x parts of all panels */
};

static int64_t group_floats(const struct li_conv *g)
{
    int64_t steps = g->window.kernel_h * g->window.kernel_w * (g->cin / g->groups);
    return steps * (divide_up(g->cout / g->groups, VL) * VL);
}

static size_t packed_floats(const struct li_conv *g)
{
    return (size_t)(g->groups * group_floats(g));
}

/* [group][panel][ky][kx][channel][PANEL], the last panel of a group as narrow as it can be, filled up with zeros. */
static void conv_pack(const struct li_conv *g, const float *filter, float *packed)
{
    int64_t outputs = g->cout / g->groups, steps = g->window.kernel_h * g->window.kernel_w * (g->cin / g->groups);
    for (int64_t group = 0; group < g->groups; group++) {
        for (int64_t first = 0; first < outputs; first += PANEL) {
            int64_t width = LI_MIN(PANEL, divide_up(outputs - first, VL) * VL);
            int64_t real = LI_MIN(width, outputs - first);
            const float *from = filter + group * outputs + first;
            for (int64_t step = 0; step < steps; step++, packed += width, from += g->cout) {
                memcpy(packed, from, (size_t)real * sizeof(float));
                memset(packed + real, 0, (size_t)(width - real) * sizeof(float));
            }
        }
    }
}

static bool is_flat(const struct li_conv *g)
{
    const struct li_window *w = &g->window;
    const struct li_map *x = &g->x, *y = &g->y, *r = &g->residual;
    return w->kernel_h == 1 && w->kernel_w == 1 && w->stride_h == 1 && w->stride_w == 1 && w->pad_top == 0 &&
           w->pad_left == 0 && w->in_h == w->out_h && w->in_w == w->out_w && x->row == x->pixel * w->in_w &&
           y->row == y->pixel * w->out_w && r->row == r->pixel * w->out_w &&
           (g->batch == 1 ||
            (x->image == x->row * w->in_h && y->image == y->row * w->out_h && r->image == r->row * w->out_h));
}

/* Bands of rows share out the picture, parts the filter; which is cut first is told by which is larger. */
static void divide(const struct li_conv *g, struct plan *plan)
{
    const struct li_window *w = &g->window;
    int64_t pixels = g->batch * w->out_h * w->out_w;
    int64_t input = g->batch * w->in_h * w->in_w * g->cin, filter = plan->steps * g->cout,
            all_panels = plan->panels * g->groups;
    int64_t macs;
    if (__builtin_mul_overflow(pixels, filter, &macs)) {
        macs = INT64_MAX;
    }
    int64_t wanted = LI_MIN(MAX_TASKS, LI_MAX(1, macs / TASK_MACS));
    int64_t for_cache = LI_MIN(plan->units, divide_up(input, BAND_FLOATS));
    int64_t most = plan->flat || g->halo || w->kernel_w == 1 ? plan->units : divide_up(plan->units, BAND_ROWS);
    if (filter / FILTER_HEAVY > input) {
        plan->parts = LI_MIN(wanted, all_panels);
        plan->bands = LI_MAX(for_cache, 1);
    } else {
        plan->bands = LI_MAX(1, LI_MAX(for_cache, LI_MIN(wanted, most)));
        plan->parts = LI_MIN(all_panels, LI_MAX(1, LI_MIN(wanted, ENOUGH_TASKS) / plan->bands));
    }
}

static struct plan make_plan(const struct li_conv *g)
{
    const struct li_window *w = &g->window;
    struct plan plan = {
        .vertical = rows_of(w),
        .horizontal = columns_of(w),
        .channels = g->cin / g->groups,
        .outputs = g->cout / g->groups,
        .flat = is_flat(g),
    };
    plan.steps = w->kernel_h * w->kernel_w * plan.channels;
    plan.panels = divide_up(plan.outputs, PANEL);
    plan.units = plan.flat ? divide_up(g->batch * w->out_h * w->out_w, TILE_ROWS) : g->batch * w->out_h;
    divide(g, &plan);
    return plan;
}

static int64_t tasks(const struct li_conv *g)
{
    if (g->batch * g->window.out_h * g->window.out_w * g->cout == 0) {
        return 0;
    }
    struct plan plan = make_plan(g);
    return plan.bands * plan.parts;
}

/* The part of a run that shares one panel. */
struct pass {
    const struct li_conv *g;
    const struct plan *plan;
    struct panel panel;
    const float *x; /* channel 0 of the group */
    float *y;       /* channel 0 of the panel */
    const float *residual;
};

/* The taps ky x kx of the outputs in a line, and where they begin. Neighbouring pixels without a gap make one run. */
static struct taps clipped_taps(const struct pass *pass, struct range ky, struct range kx)
{
    const struct li_conv *g = pass->g;
    const struct li_window *w = &g->window;
    int64_t channels = pass->plan->channels;
    struct taps taps = {
        .rows = ky.last - ky.first,
        .cols = kx.last - kx.first,
        .depth = channels,
        .a_row = w->dilation_h * g->x.row,
        .a_col = w->dilation_w * g->x.pixel,
        .a_depth = 1,
        .b_row = w->kernel_w * channels,
        .b_col = channels,
    };
    if (taps.a_col == channels) {
        taps.depth *= taps.cols;
        taps.cols = 1;
    }
    return taps;
}

/* count outputs from (n, oy, ox) on, going right, or down when the taps are those of a column. */
static void run_outputs(struct pass *pass, int64_t n, int64_t oy, int64_t ox, bool down, int64_t count, struct range ky,
                        struct range kx)
{
    const struct li_conv *g = pass->g;
    const struct li_window *w = &g->window;
    struct taps taps = clipped_taps(pass, ky, kx);
    int64_t iy = oy * w->stride_h + ky.first * w->dilation_h - w->pad_top;
    int64_t ix = ox * w->stride_w + kx.first * w->dilation_w - w->pad_left;
    struct line line = {
        .a = taps.rows * taps.cols * taps.depth > 0 ? pass->x + n * g->x.image + iy * g->x.row + ix * g->x.pixel
                                                    : pass->x,
        .a_step = down ? w->stride_h * g->x.row : w->stride_w * g->x.pixel,
        .c = pass->y + n * g->y.image + oy * g->y.row + ox * g->y.pixel,
        .c_step = down ? g->y.row : g->y.pixel,
        .residual_step = down ? g->residual.row : g->residual.pixel,
    };
    if (pass->residual) {
        line.residual = pass->residual + n * g->residual.image + oy * g->residual.row + ox * g->residual.pixel;
    }
    struct panel *panel = &pass->panel;
    const float *b = panel->b;
    panel->b += (ky.first * taps.b_row + kx.first * taps.b_col) * (panel->vectors * VL);
    run_line(tiles, &taps, panel, line, count);
    panel->b = b;
}

/* Rows [first, last) of image n, which have the same taps inside vertically. */
static void run_rows(struct pass *pass, int64_t n, int64_t first, int64_t last)
{
    const struct axis *horizontal = &pass->plan->horizontal;
    struct range ky = inside_taps(&pass->plan->vertical, first), all = {0, horizontal->taps};
    struct range middle = pass->g->halo ? (struct range){0, horizontal->outputs} : inside_outputs(horizontal);
    for (int64_t oy = first; oy < last && middle.last > middle.first; oy++) {
        run_outputs(pass, n, oy, middle.first, false, middle.last - middle.first, ky, all);
    }
    for (int64_t ox = 0; ox < horizontal->outputs; ox++) {
        if (ox >= middle.first && ox < middle.last) {
            ox = middle.last - 1;
            continue;
        }
        run_outputs(pass, n, first, ox, true, last - first, ky, inside_taps(horizontal, ox));
    }
}

static void run_band(struct pass *pass, struct range units)
{
    const struct li_conv *g = pass->g;
    const struct li_window *w = &g->window;
    if (pass->plan->flat) {
        int64_t count = g->batch * w->out_h * w->out_w, first = units.first * TILE_ROWS;
        struct taps taps = clipped_taps(pass, (struct range){0, 1}, (struct range){0, 1});
        struct line line = {
            .a = pass->x + first * g->x.pixel,
            .a_step = g->x.pixel,
            .c = pass->y + first * g->y.pixel,
            .c_step = g->y.pixel,
            .residual = pass->residual ? pass->residual + first * g->residual.pixel : NULL,
            .residual_step = g->residual.pixel,
        };
        run_line(tiles, &taps, &pass->panel, line, LI_MIN(count, units.last * TILE_ROWS) - first);
        return;
    }
    for (int64_t unit = units.first; unit < units.last;) {
        int64_t n = unit / w->out_h, oy = unit % w->out_h, end = LI_MIN(w->out_h, oy + units.last - unit),
                same = oy + 1;
        while (same < end && same_taps(&pass->plan->vertical, oy, same)) {
            same++;
        }
        run_rows(pass, n, oy, same);
        unit += same - oy;
    }
}

/* Panel index of all groups, and the panel behind it, which is fetched meanwhile if this task goes on to it. */
static struct pass start_pass(const struct li_conv *g, const struct plan *plan, const struct li_conv_data *data,
                              int64_t index, bool more)
{
    int64_t group = index / plan->panels, number = index % plan->panels;
    int64_t inside = number * PANEL, channel = group * plan->outputs + inside;
    int64_t width = LI_MIN(PANEL, divide_up(plan->outputs - inside, VL) * VL);
    struct pass pass = {
        .g = g,
        .plan = plan,
        .x = data->x + group * plan->channels,
        .y = data->y + channel,
        .residual = data->residual ? data->residual + channel : NULL,
        .panel =
            {
                .b = data->filter + group * group_floats(g) + plan->steps * inside,
                .vectors = (int)(width / VL),
                .channels = (int)LI_MIN(width, plan->outputs - inside),
                .bias = data->bias ? data->bias + channel : NULL,
            },
    };
    set_activation(&pass.panel, g->activation, g->alpha);
    if (more) {
        pass.panel.ahead = (const char *)(pass.panel.b + plan->steps * width);
        pass.panel.ahead_step = (ptrdiff_t)(plan->steps * width);
        pass.panel.ahead_tiles = 4;
    }
    return pass;
}

static void conv_run(const struct li_conv *g, const struct li_conv_data *data, int64_t task)
{
    struct plan plan = make_plan(g);
    struct range units = piece(plan.units, task % plan.bands, plan.bands);
    struct range panels = piece(plan.panels * g->groups, task / plan.bands, plan.parts);
    for (int64_t index = panels.first; index < panels.last; index++) {
        struct pass pass = start_pass(g, &plan, data, index, index + 1 < panels.last);
        run_band(&pass, units);
    }
}

const struct li_conv_kernels LI_SIMD_NAME(conv) = {packed_floats, conv_pack, tasks, conv_run};
