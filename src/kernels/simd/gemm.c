/* Matrix products by the micro-kernel of micro.h. A is read where it lies, plain or transposed; B is packed. */
#include "../gemm.h"
#include "micro.h"

#define PLAIN(r, v) TILE_FUNCTION(plain, r, v, true)
#define PLAIN_ENTRY(r, v) [v - 1][r] = plain_##r##x##v,
#define TURNED(r, v) TILE_FUNCTION(turned, r, v, false)
#define TURNED_ENTRY(r, v) [v - 1][r] = turned_##r##x##v,
NARROW(PLAIN)
WIDE(PLAIN)
NARROW(TURNED)
WIDE(TURNED)
static tile_table plain = {NARROW(PLAIN_ENTRY) WIDE(PLAIN_ENTRY)};
static tile_table turned = {NARROW(TURNED_ENTRY) WIDE(TURNED_ENTRY)};

enum {
    TASK_MACS = 1 << 20,
    MAX_TASKS = 64,
    TASK_FILTER_FLOATS = 64 << 10, /* with few rows the packed matrix is read once: so much a task */
    BAND_FLOATS = 64 << 10         /* 256 KB of A */
};

static size_t packed_floats(int64_t k, int64_t n)
{
    return (size_t)(divide_up(k * (divide_up(n, VL) * VL), 16) * 16);
}

/* [panel][k][PANEL], the last panel as narrow as it can be, filled up with zeros. */
static void gemm_pack(int64_t k, int64_t n, const float *b, ptrdiff_t b_row, bool transposed, float *packed)
{
    float *end = packed + packed_floats(k, n);
    for (int64_t first = 0; first < n; first += PANEL) {
        int64_t width = LI_MIN(PANEL, divide_up(n - first, VL) * VL), real = LI_MIN(width, n - first);
        for (int64_t i = 0; i < k; i++, packed += width) {
            if (transposed) {
                for (int64_t j = 0; j < real; j++) {
                    packed[j] = b[(first + j) * b_row + i];
                }
            } else {
                memcpy(packed, b + i * b_row + first, (size_t)real * sizeof(float));
            }
            memset(packed + real, 0, (size_t)(width - real) * sizeof(float));
        }
    }
    memset(packed, 0, (size_t)(end - packed) * sizeof(float));
}

/* Tasks of one product: bands of rows x parts of the panels. */
struct plan {
    int64_t units, panels, bands, parts;
};

static struct plan make_plan(const struct li_gemm *g)
{
    struct plan plan = {.units = divide_up(g->m, TILE_ROWS), .panels = divide_up(g->n, PANEL)};
    int64_t wanted = LI_MAX(1, LI_MIN(MAX_TASKS / LI_MIN(g->batch, MAX_TASKS), g->m * g->n * g->k / TASK_MACS));
    int64_t for_cache = LI_MIN(plan.units, divide_up(g->m * g->k, BAND_FLOATS));
    if (g->n > 4 * g->m) {
        wanted = LI_MAX(wanted, LI_MIN(MAX_TASKS, g->n * g->k / TASK_FILTER_FLOATS));
        plan.parts = LI_MIN(wanted, plan.panels);
        plan.bands = LI_MAX(1, for_cache);
    } else {
        plan.bands = LI_MAX(1, LI_MAX(for_cache, LI_MIN(wanted, plan.units)));
        plan.parts = LI_MIN(plan.panels, LI_MAX(1, wanted / plan.bands));
    }
    return plan;
}

static int64_t tasks(const struct li_gemm *g)
{
    if (g->batch * g->m * g->n == 0) {
        return 0;
    }
    struct plan plan = make_plan(g);
    return g->batch * plan.bands * plan.parts;
}

static void run_panel(const struct li_gemm *g, const struct li_gemm_data *data, int64_t product, int64_t number,
                      bool more, struct range rows)
{
    int64_t first = number * PANEL, width = LI_MIN(PANEL, divide_up(g->n - first, VL) * VL);
    struct panel panel = {
        .b = data->b + product * g->b_batch + first * g->k,
        .vectors = (int)(width / VL),
        .channels = (int)LI_MIN(width, g->n - first),
        .bias = data->bias ? data->bias + first : NULL,
    };
    set_activation(&panel, g->activation, g->alpha);
    if (more) {
        panel.ahead = (const char *)(panel.b + width * g->k);
        panel.ahead_step = (ptrdiff_t)(width * g->k);
        panel.ahead_tiles = 4;
    }
    struct taps taps = {.rows = 1, .cols = 1, .depth = g->k, .a_depth = g->transpose_a ? g->a_row : 1};
    struct line line = {
        .a_step = g->transpose_a ? 1 : g->a_row,
        .c = data->c + product * g->c_batch + rows.first * g->c_row + first,
        .c_step = g->c_row,
        .residual_step = g->residual_row,
    };
    line.a = data->a + product * g->a_batch + rows.first * line.a_step;
    if (data->residual) {
        line.residual = data->residual + product * g->residual_batch + rows.first * g->residual_row + first;
    }
    run_line(g->transpose_a ? turned : plain, &taps, &panel, line, rows.last - rows.first);
}

static void gemm_run(const struct li_gemm *g, const struct li_gemm_data *data, int64_t task)
{
    struct plan plan = make_plan(g);
    int64_t each = plan.bands * plan.parts, product = task / each;
    task %= each;
    struct range units = piece(plan.units, task % plan.bands, plan.bands);
    struct range panels = piece(plan.panels, task / plan.bands, plan.parts);
    struct range rows = {units.first * TILE_ROWS, LI_MIN(g->m, units.last * TILE_ROWS)};
    for (int64_t number = panels.first; number < panels.last; number++) {
        run_panel(g, data, product, number, number + 1 < panels.last, rows);
    }
}

const struct li_gemm_kernels LI_SIMD_NAME(gemm) = {packed_floats, gemm_pack, tasks, gemm_run};
