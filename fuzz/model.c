/*
 * A whole model from a stranger: the bytes are the saved_model.pb of a folder whose variables and asset are good. It is
 * opened, every list is read, every trace of every callable is imported, planned for small inputs and, where the plan
 * is small, run.
 * Whatever the bytes are, memory stays under a limit that does not come from them, and nothing is left behind.
 */
#include "kernels/kernels.h"
#include "model/model.h"
#include "passes/passes.h"
#include "runtime/runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LIMIT_BYTES = 64 << 20, RUN_BYTES = 1 << 20, MAX_TRACES = 24, SIDE = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- The folder ---- */

static char folder[256];

static void remove_folder(void)
{
    static const char *const names[] = {"saved_model.pb", "variables", "assets", ""};
    char path[300];

    for (size_t i = 0; i < LI_COUNT(names); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
    }
}

/*
 * What lies beside saved_model.pb is a link to the good model's; that of an asset would lead out of the folder, so it
 * has none.
 */
static void make_folder(void)
{
    char path[300];

    snprintf(folder, sizeof folder, "%s/lince-fuzz-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    if (!mkdtemp(folder)) {
        abort();
    }
    atexit(remove_folder);
    snprintf(path, sizeof path, "%s/variables", folder);
    if (symlink(LINCE_TEST_DATA "/malformed/models/pb_unknown_fields/variables", path)) {
        abort();
    }
}

static void write_model(const uint8_t *data, size_t size)
{
    char path[300];

    if (!*folder) {
        make_folder();
    }
    snprintf(path, sizeof path, "%s/saved_model.pb", folder);
    unlink(path); /* some file systems wait for the disk where a file is written over */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
        abort();
    }
    close(fd);
}

/* ---- Running ---- */

static int add_bytes(const struct li_step_info *step, void *total)
{
    *(int64_t *)total += step->bytes;
    return 0;
}

static void run(struct li_session *session, const struct li_shape *shapes, struct li_tensor *in, int32_t count)
{
    const struct li_tensor *out;
    int64_t bytes = 0;
    lince_error err;

    if (!li_session_explain(session, shapes, count, add_bytes, &bytes, &err) && bytes <= RUN_BYTES) {
        (void)li_session_run(session, in, count, NULL, &out, &err);
    }
}

/* Two images of SIDE pixels, or what else the spec asks for; false when that would be large. */
static bool small_input(const struct li_arg *spec, struct li_tensor *in, struct li_mem *mem)
{
    static const int64_t sizes[] = {2, SIDE, SIDE, 3, 1, 1, 1, 1};

    *in = (struct li_tensor){.dtype = spec->dtype, .shape = spec->shape};
    in->shape.rank = spec->shape.rank < 0 ? 4 : spec->shape.rank;
    for (int d = 0; d < in->shape.rank; d++) {
        if (spec->shape.rank < 0 || in->shape.dim[d] < 0) {
            in->shape.dim[d] = sizes[d % 8];
        }
    }
    if (li_shape_bytes(&in->shape, in->dtype, &in->size_bytes, NULL) || in->size_bytes > RUN_BYTES) {
        return false;
    }
    in->data = li_calloc(mem, 1, in->size_bytes, NULL);
    for (size_t i = 0; in->data && in->dtype == LINCE_STRING && i < in->size_bytes / sizeof(lince_string); i++) {
        ((lince_string *)in->data)[i].data = "";
    }
    return in->data != NULL;
}

static void try_bound(struct li_binding *b, struct li_tensor *in, struct li_shape *shapes, struct li_mem *mem,
                      struct li_pool *pool)
{
    const struct li_env env = {li_kernels_get(LI_ISA_REF), LI_ISA_REF, mem};
    static const struct li_stage passes = {.make = li_passes_run};
    const struct li_program_options options = {.env = &env, .stages = &passes, .stage_count = 1};
    struct li_program *program;
    int32_t count = (int32_t)b->trace->spec_count;
    struct li_session *session;
    struct li_graph *graph;
    lince_error err;

    if (li_binding_import(&graph, b, &err) || li_program_new(&program, graph, &options, &err)) {
        return;
    }
    lince_status st = li_session_new(&session, program, pool, &err);
    li_program_release(program);
    if (st) {
        return;
    }
    for (int32_t i = 0; i < count; i++) {
        shapes[i] = in[i].shape;
    }
    run(session, shapes, in, count);
    li_session_free(session);
}

static void try_trace(struct li_callable *c, const struct li_trace *trace, struct li_mem *mem, struct li_pool *pool)
{
    size_t n = trace->spec_count, made = 0;
    struct li_tensor *in = li_calloc(mem, n + 1, sizeof *in, NULL);
    struct li_shape *shapes = li_calloc(mem, n + 1, sizeof *shapes, NULL);
    struct li_bound *bound = li_calloc(mem, n + 1, sizeof *bound, NULL);
    struct li_binding b = {.callable = c, .trace = trace, .bound = bound};

    if (in && shapes && bound) {
        li_arena_init(&b.arena, mem, 0);
        while (made < n && small_input(trace->spec[made], &in[made], mem)) {
            bound[made].input = (int32_t)made;
            made++;
        }
        if (made == n) {
            try_bound(&b, in, shapes, mem, pool);
        }
    }
    for (size_t i = 0; in && i < n; i++) {
        li_free(mem, in[i].data);
    }
    li_free(mem, in);
    li_free(mem, shapes);
    li_free(mem, bound);
}

static void try_scores(struct li_callable *c, const struct li_trace *trace)
{
    enum li_scores scores;
    lince_error err;
    for (size_t i = 0; i < trace->leaf_count; i++) {
        if (trace->leaf[i].output != LI_NONE) {
            (void)li_callable_scores(c, trace, trace->leaf[i].output, &scores, &err);
        }
    }
}

static void try_callable(struct li_callable *c, struct li_mem *mem, struct li_pool *pool)
{
    const char *const *texts;
    size_t count;
    lince_error err;
    struct li_binding *b;
    char text[256];

    for (size_t i = 0; i < c->trace_count && i < MAX_TRACES; i++) {
        (void)li_trace_result_text(&c->trace[i], NULL, text, sizeof text);
        try_scores(c, &c->trace[i]);
        try_trace(c, &c->trace[i], mem, pool);
    }
    if (c->trace_count <= MAX_TRACES) {
        (void)li_callable_ops(c, &texts, &count, &err);
        (void)li_callable_unsupported(c, &texts, &count, &err);
    }
    if (!li_callable_match(&b, c, &(struct li_call_args){0}, &err)) {
        li_binding_free(b);
    }
}

static void try_model(struct li_model *m, struct li_mem *mem)
{
    struct li_pool *pool;
    const char *path;
    lince_error err;

    for (size_t i = 0; i < li_model_variable_count(m); i++) {
        (void)li_store_ready(li_model_store(m), li_model_variable(m, i)->resource, &err);
    }
    for (size_t i = 0; i < li_model_asset_count(m); i++) {
        (void)li_model_asset_path(m, i, &path, &err);
    }
    if (li_pool_new(&pool, 1, mem, &err)) {
        return;
    }
    for (size_t i = 0; i < li_model_callable_count(m) && i < MAX_TRACES; i++) {
        try_callable(li_model_callable_at(m, i), mem, pool);
    }
    for (size_t i = 0; (int64_t)i < li_model_loss_count(m) && i < MAX_TRACES; i++) {
        try_callable(li_model_loss(m, i), mem, pool);
    }
    li_pool_release(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct li_model_options options = {.has_seed = true};
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, LIMIT_BYTES);
    struct li_model *model;
    lince_error err;

    if (!mem) {
        return 0;
    }
    write_model(data, size);
    if (!li_model_open(&model, folder, &options, mem, &err)) {
        try_model(model, mem);
        li_model_close(model);
    } else if (strchr(err.text, '\n')) {
        abort(); /* one line */
    }
    if (li_mem_used_bytes(mem)) {
        abort();
    }
    li_mem_release(mem);
    return 0;
}
