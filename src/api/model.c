/* lince_model and lince_pool: open, close, count, and what a model says of itself. */
#include "session.h"

#include "ops/ops.h"

#include <string.h>

/* ---- Pools ---- */

lince_status lince_pool_new(lince_pool **pool, int32_t threads, lince_error *err)
{
    LI_NEED("lince_pool_new", pool);
    *pool = NULL;
    if (threads < 0 || threads > LI_MAX_THREADS) {
        return li_fail(err, LINCE_EINVAL, "%d threads; 0 (as many as the process may use) to %d are possible",
                       (int)threads, LI_MAX_THREADS);
    }
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct lince_pool *made = mem ? li_calloc(mem, 1, sizeof *made, err) : NULL;
    if (!made) {
        li_mem_release(mem);
        return mem ? LINCE_ENOMEM : li_fail(err, LINCE_ENOMEM, "no memory for a pool");
    }
    made->mem = mem;
    lince_status st = li_pool_new(&made->pool, threads ? threads : li_cpu_count(), mem, err);
    if (st) {
        li_free(mem, made);
        li_mem_release(mem);
        return st;
    }
    *pool = made;
    return LINCE_OK;
}

void lince_pool_free(lince_pool *pool)
{
    if (pool) {
        struct li_mem *mem = pool->mem;
        li_pool_release(pool->pool);
        li_free(mem, pool);
        li_mem_release(mem);
    }
}

/* ---- Opening ---- */

void lince_model_options_init(lince_model_options *options)
{
    if (options) {
        *options = (lince_model_options){.struct_size = sizeof *options};
    }
}

/* The caller's options in the size the caller knows; fields it does not know are 0. */
static lince_status read_options(lince_model_options *to, const lince_model_options *from, lince_error *err)
{
    lince_model_options_init(to);
    if (!from) {
        return LINCE_OK;
    }
    if (from->struct_size == 0 || from->struct_size > sizeof *to) {
        return li_fail(err, LINCE_EINVAL, "lince_model_options.struct_size is %zu; lince_model_options_init() sets it",
                       from->struct_size);
    }
    memcpy(to, from, from->struct_size);
    if (to->threads < 0 || to->threads > LI_MAX_THREADS) {
        return li_fail(err, LINCE_EINVAL, "%d threads; 0 (as many as the process may use) to %d are possible",
                       (int)to->threads, LI_MAX_THREADS);
    }
    if (!to->alloc != !to->release) {
        return li_fail(err, LINCE_EINVAL, "options give %s without %s", to->alloc ? "alloc" : "release",
                       to->alloc ? "release" : "alloc");
    }
    return LINCE_OK;
}

static lince_status list_callables(struct lince_model *m, lince_error *err)
{
    m->callable_count = li_model_callable_count(m->model);
    m->callables = li_calloc(m->mem, m->callable_count + 1, sizeof *m->callables, err);
    if (!m->callables) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < m->callable_count; i++) {
        m->callables[i] = (struct lince_callable){m, li_model_callable_at(m->model, i)};
    }
    return LINCE_OK;
}

static lince_status open_parts(struct lince_model *m, const char *path, const lince_model_options *o, lince_error *err)
{
    struct li_model_options options = {
        .tags = o->tags, .has_seed = o->has_seed != 0, .seed = o->seed, .read_files = o->read_files != 0};
    m->env = (struct li_env){li_kernels_get(li_cpu_isa()), li_cpu_isa(), m->mem};
    if (o->pool) {
        m->pool = o->pool->pool;
        li_pool_retain(m->pool);
    } else {
        LI_TRY(li_pool_new(&m->pool, o->threads ? o->threads : li_cpu_count(), m->mem, err));
    }
    LI_TRY(li_api_programs_open(m, err));
    LI_TRY(li_model_open(&m->model, path, &options, m->mem, err));
    LI_TRY(list_callables(m, err));
    return li_api_losses_open(m, err);
}

lince_status lince_model_open(lince_model **model, const char *path, const lince_model_options *options,
                              lince_error *err)
{
    lince_model_options o;
    LI_NEED("lince_model_open", model);
    *model = NULL;
    LI_NEED("lince_model_open", path);
    LI_TRY(read_options(&o, options, err));
    struct li_mem *mem = li_mem_new(o.alloc, o.release, o.context, o.memory_limit_bytes);
    if (!mem) {
        return li_fail(err, LINCE_ENOMEM, "no memory to open %s", path);
    }
    struct lince_model *m = li_calloc(mem, 1, sizeof *m, err);
    if (!m) {
        li_mem_release(mem);
        return LINCE_ENOMEM;
    }
    m->mem = mem;
    atomic_init(&m->references, 1);
    lince_status st = open_parts(m, path, &o, err);
    if (st) {
        li_api_model_release(m);
        return st;
    }
    *model = m;
    return LINCE_OK;
}

struct lince_model *li_api_model_retain(struct lince_model *model)
{
    atomic_fetch_add(&model->references, 1);
    return model;
}

void li_api_model_release(struct lince_model *m)
{
    if (!m || atomic_fetch_sub(&m->references, 1) != 1) {
        return;
    }
    struct li_mem *mem = m->mem;
    li_api_losses_close(m);
    li_api_programs_close(m);
    li_model_close(m->model);
    li_pool_release(m->pool);
    li_free(mem, m->callables);
    li_free(mem, m);
    li_mem_release(mem);
}

void lince_model_close(lince_model *model)
{
    li_api_model_release(model);
}

/* ---- Facts ---- */

lince_status lince_model_get_info(const lince_model *model, lince_model_info *info, lince_error *err)
{
    struct li_model_facts facts;
    LI_NEED("lince_model_get_info", model);
    LI_NEED("lince_model_get_info", info);
    if (info->struct_size == 0 || info->struct_size > sizeof *info) {
        return li_fail(err, LINCE_EINVAL, "lince_model_info.struct_size is %zu; it must be sizeof(lince_model_info)",
                       info->struct_size);
    }
    li_model_facts(model->model, &facts);
    lince_model_info full = {.struct_size = info->struct_size,
                             .path = facts.path,
                             .tags = facts.tags,
                             .tensorflow_version = facts.tensorflow_version,
                             .objects = facts.objects,
                             .functions = facts.functions,
                             .pb_bytes = facts.pb_bytes,
                             .variable_bytes = facts.variable_bytes,
                             .used_bytes = li_mem_used_bytes(model->mem),
                             .peak_bytes = li_mem_peak_bytes(model->mem),
                             .isa = li_isa_name(model->env.isa),
                             .threads = li_pool_threads(model->pool)};
    memcpy(info, &full, info->struct_size);
    return LINCE_OK;
}

lince_status lince_model_verify(lince_model *model, size_t *failed, lince_error *err)
{
    size_t ignored;
    failed = failed ? failed : &ignored;
    *failed = 0;
    LI_NEED("lince_model_verify", model);
    return li_model_verify(model->model, failed, err);
}

size_t lince_asset_count(const lince_model *model)
{
    return model ? li_model_asset_count(model->model) : 0;
}

lince_status lince_asset_path(lince_model *model, size_t index, const char **path, lince_error *err)
{
    LI_NEED("lince_asset_path", model);
    LI_NEED("lince_asset_path", path);
    if (index >= li_model_asset_count(model->model)) {
        return li_fail(err, LINCE_EINVAL, "asset %zu of %zu", index, li_model_asset_count(model->model));
    }
    return li_model_asset_path(model->model, index, path, err);
}

size_t lince_op_count(void)
{
    size_t n = 0;
    for (int i = 0; i < li_ops()->count; i++) {
        n += !(li_ops()->rows[i]->flags & LI_OP_INTERNAL);
    }
    return n;
}

const char *lince_op_name(size_t index)
{
    for (int i = 0; i < li_ops()->count; i++) {
        if (!(li_ops()->rows[i]->flags & LI_OP_INTERNAL) && index-- == 0) {
            return li_ops()->rows[i]->name;
        }
    }
    return NULL;
}
