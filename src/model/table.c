/*
 * Lookup tables: what TensorFlow makes by calling a resource's _create_resource and _initialize is made here from the
 * same two functions, when a trace first captures the table. Their text comes from the model's own assets and from
 * nowhere else.
 */
#include "model/section.h"

#include <string.h>

struct li_table_build {
    int32_t resource;
    lince_dtype key, value;
    bool created;
    struct li_table *table;
};

/* ---- The ops ---- */

static const struct li_attr *find_attr(const struct li_attr *attrs, int count, const char *name, enum li_attr_kind kind)
{
    while (count--) {
        if (attrs[count].kind == kind && strcmp(attrs[count].name, name) == 0) {
            return &attrs[count];
        }
    }
    return NULL;
}

static int64_t int_attr(const struct li_attr *attrs, int count, const char *name, int64_t fallback)
{
    const struct li_attr *a = find_attr(attrs, count, name, LI_ATTR_INT);
    return a ? a->i : fallback;
}

/* The attributes of a node that makes or fills a table, while one is being made. */
static lince_status read_attrs(struct li_import *im, const struct li_step *s, const struct li_attr **attrs, int *count)
{
    lince_status st = li_attrs_read(attrs, count, s->part, &s->frame->given, &im->scratch, im->err);
    return st ? li_prefix(im->err, st, "node \"%.500s\" (%s)", s->name, s->part->op_name) : LINCE_OK;
}

static lince_status create(struct li_import *im, const struct li_attr *attrs, int nattrs, li_vid *out)
{
    const struct li_attr *key = find_attr(attrs, nattrs, "key_dtype", LI_ATTR_TYPE),
                         *value = find_attr(attrs, nattrs, "value_dtype", LI_ATTR_TYPE);
    if (!key || !value) {
        return li_fail(im->err, LINCE_EINVAL, "it has no dtypes of keys and values");
    }
    im->table->key = (lince_dtype)key->i;
    im->table->value = (lince_dtype)value->i;
    im->table->created = true;
    return li_graph_resource(im->graph, im->table->resource, out, im->err);
}

lince_status li_table_create(struct li_import *im, struct li_step *s)
{
    const struct li_attr *attrs;
    int count;
    li_vid out;
    if (!im->table) {
        return li_table_named(im, s);
    }
    LI_TRY(read_attrs(im, s, &attrs, &count));
    lince_status st = create(im, attrs, count, &out);
    if (st) {
        return li_prefix(im->err, st, "node \"%.500s\" (%s)", s->name, s->part->op_name);
    }
    LI_TRY(li_import_gave(im, s, out));
    s->to->output = "table_handle";
    return LINCE_OK;
}

static const struct li_tensor *constant(const struct li_graph *g, li_vid v)
{
    return g->values[v].constant;
}

static lince_status check_fill(const struct li_import *im, const li_vid *in, int nin, int wanted)
{
    if (nin != wanted || im->graph->values[in[0]].resource != im->table->resource) {
        return li_fail(im->err, LINCE_EINVAL, "it fills another table, or has %d inputs, wanted %d", nin, wanted);
    }
    if (!im->table->created || im->table->table) {
        return li_fail(im->err, LINCE_EINVAL, "the table %s", im->table->table ? "is filled twice" : "was not created");
    }
    for (int i = 1; i < nin; i++) {
        if (!constant(im->graph, in[i])) {
            return li_fail(im->err, LINCE_EUNSUPPORTED, "the table is filled with what must be computed");
        }
    }
    return LINCE_OK;
}

static bool is_asset(const struct li_model *m, const lince_string *path)
{
    for (size_t i = 0; i < m->asset_count; i++) {
        const char *known = m->asset[i].path;
        if (known && strlen(known) == path->size && memcmp(known, path->data, path->size) == 0) {
            return true;
        }
    }
    return false;
}

static lince_status fill_from_text(struct li_import *im, const struct li_attr *attrs, int nattrs, const li_vid *in)
{
    const struct li_tensor *name = constant(im->graph, in[1]);
    const struct li_attr *delimiter = find_attr(attrs, nattrs, "delimiter", LI_ATTR_STRING);
    struct li_file file;
    if (name->dtype != LINCE_STRING || name->shape.rank != 0) {
        return li_fail(im->err, LINCE_EINVAL, "the name of its file is no string");
    }
    const lince_string *path = name->data;
    if (!is_asset(im->model, path)) {
        return li_fail(im->err, LINCE_EUNSAFE, "its file is none of the model's assets");
    }
    const struct li_table_text how = {.key_dtype = im->table->key,
                                      .value_dtype = im->table->value,
                                      .key_index = int_attr(attrs, nattrs, "key_index", LI_TABLE_WHOLE_LINE),
                                      .value_index = int_attr(attrs, nattrs, "value_index", LI_TABLE_LINE_NUMBER),
                                      .vocab_size = int_attr(attrs, nattrs, "vocab_size", -1),
                                      .offset = int_attr(attrs, nattrs, "offset", 0),
                                      .delimiter = delimiter && delimiter->s_len == 1 ? delimiter->s[0] : '\t'};
    char *text = li_arena_strndup(&im->scratch, path->data, path->size, im->err);
    if (!text) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_file_read(&file, text, im->model->files, im->err));
    lince_status st = li_table_from_text(&im->table->table, file.bytes, &how, im->model->mem, im->err);
    li_file_unmap(&file);
    return st;
}

static lince_status fill_from_tensors(struct li_import *im, const struct li_attr *attrs, int nattrs, const li_vid *in)
{
    (void)attrs;
    (void)nattrs;
    const struct li_tensor *keys = constant(im->graph, in[1]), *values = constant(im->graph, in[2]);

    if (keys->dtype != im->table->key || values->dtype != im->table->value) {
        return li_fail(im->err, LINCE_EINVAL, "a table of %s by %s is filled with %s by %s",
                       li_dtype_name(im->table->value), li_dtype_name(im->table->key), li_dtype_name(values->dtype),
                       li_dtype_name(keys->dtype));
    }
    return li_table_import(&im->table->table, keys, values, im->model->mem, im->err);
}

static lince_status fill(struct li_import *im, struct li_step *s, int inputs,
                         lince_status (*how)(struct li_import *im, const struct li_attr *attrs, int nattrs,
                                             const li_vid *in))
{
    const struct li_attr *attrs;
    int count;
    if (!im->table) {
        return li_import_missing(im, s, s->part->op_name);
    }
    LI_TRY(read_attrs(im, s, &attrs, &count));
    lince_status st = check_fill(im, s->in.v, s->in.count, inputs);
    st = st ? st : how(im, attrs, count, s->in.v);
    *s->to = (struct li_results){.graph_node = LI_NONE};
    return st ? li_prefix(im->err, st, "node \"%.500s\" (%s)", s->name, s->part->op_name) : LINCE_OK;
}

lince_status li_table_fill_from_text(struct li_import *im, struct li_step *s)
{
    return fill(im, s, 2, fill_from_text);
}

lince_status li_table_fill_from_tensors(struct li_import *im, struct li_step *s)
{
    return fill(im, s, 3, fill_from_tensors);
}

/* ---- The resource ---- */

static const char *concrete_of(const struct li_model *m, int32_t object)
{
    const Tf__SavedObject *o = m->object[object];
    if (o->kind_case == TF__SAVED_OBJECT__KIND_BARE_CONCRETE_FUNCTION) {
        return o->bare_concrete_function->concrete_function_name;
    }
    bool traced = o->kind_case == TF__SAVED_OBJECT__KIND_FUNCTION && o->function->n_concrete_functions > 0;
    return traced ? o->function->concrete_functions[0] : NULL;
}

static lince_status inline_function(struct li_import *im, const void *context)
{
    const char *name = context;
    const Tf__SavedConcreteFunction *saved = li_object_concrete(im->model, name);
    struct li_body *body;
    const li_vid *results;
    LI_TRY(li_body_of_function(&body, im->model, name, im->err));
    if (!body || !saved || saved->n_bound_inputs != (size_t)body->args) {
        return li_fail(im->err, LINCE_EINVAL, "\"%.200s\" is no function without arguments", name);
    }
    for (size_t i = 0; i < saved->n_bound_inputs; i++) {
        if (saved->bound_inputs[i] < 0 || saved->bound_inputs[i] >= im->model->object_count) {
            return li_fail(im->err, LINCE_EINVAL, "\"%.200s\" captures object %d, the graph has %d", name,
                           saved->bound_inputs[i], im->model->object_count);
        }
    }
    li_vid *args = li_arena_alloc(&im->scratch, saved->n_bound_inputs * sizeof *args, im->err);
    if (!args) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_import_captures(im, saved, args));
    return li_inline(im, body, args, &results);
}

lince_status li_table_run(struct li_import *im, struct li_table_build *build, const char *name,
                          lince_status (*run)(struct li_import *inner, const void *context), const void *context)
{
    struct li_import inner = {.model = im->model,
                              .trace = name,
                              .dummy = LI_NONE,
                              .table = build,
                              .table_depth = im->table_depth + 1,
                              .err = im->err};
    li_arena_init(&inner.scratch, im->model->mem, im->model->unpacking_bytes);
    lince_status st = li_graph_new(&inner.whole, im->model->store, li_ops(), im->model->mem, im->err);
    inner.graph = inner.whole;
    st = st ? st : run(&inner, context);
    if (!st && inner.missing_count) {
        st = li_fail(im->err, LINCE_EUNSUPPORTED, "\"%.200s\" needs %.200s", name, inner.missing[0].what);
    }
    li_import_end(&inner);
    return st;
}

/* One of the resource's functions, for what it does to the table. */
static lince_status run_child(struct li_import *im, struct li_table_build *build, int32_t object, const char *child)
{
    int32_t function = li_object_child(im->model, object, child);
    const char *name = function == LI_NONE ? NULL : concrete_of(im->model, function);
    return name ? li_table_run(im, build, name, inline_function, name)
                : li_fail(im->err, LINCE_EUNSUPPORTED, "a resource without %s", child);
}

static lince_status build_from_object(struct li_import *im, struct li_table_build *build, const void *context)
{
    int32_t object = *(const int32_t *)context;
    LI_TRY(run_child(im, build, object, "_create_resource"));
    if (!build->created) {
        return li_fail(im->err, LINCE_EUNSUPPORTED, "a resource that is no HashTableV2");
    }
    return run_child(im, build, object, "_initialize");
}

static lince_status keep_table(struct li_model *m, struct li_table *table, lince_error *err)
{
    LI_TRY(li_grow(m->mem, &m->table, &m->table_room, (int64_t)m->table_count + 1, sizeof *m->table, err));
    m->table[m->table_count++] = table;
    return LINCE_OK;
}

/* One that was never filled stays so: looking up in it says that. */
static lince_status keep_built(struct li_import *im, struct li_table_build *build)
{
    if (build->table) {
        LI_TRY(keep_table(im->model, build->table, im->err));
        li_store_get(im->model->store, build->resource)->table = build->table;
        build->table = NULL;
    }
    return LINCE_OK;
}

lince_status li_table_new(struct li_import *im, int32_t *slot, const char *name,
                          lince_status (*how)(struct li_import *im, struct li_table_build *build, const void *context),
                          const void *context)
{
    struct li_table_build build = {0};
    if (im->table_depth > LI_MAX_CALL_DEPTH) {
        return li_fail(im->err, LINCE_ELIMIT, "tables capture tables deeper than %d", LI_MAX_CALL_DEPTH);
    }
    LI_TRY(li_store_add(im->model->store, LI_TABLE, name, LINCE_DTYPE_NONE, &(struct li_shape){.rank = 0},
                        &build.resource, im->err));
    *slot = build.resource; /* its own initializer names it */
    lince_status st = how(im, &build, context);
    st = st ? st : keep_built(im, &build);
    if (st) {
        li_table_free(build.table);
        *slot = LI_NONE;
    }
    return st;
}

lince_status li_table_resource(struct li_import *im, int32_t object, int32_t *resource)
{
    struct li_model *m = im->model;
    if (m->object_resource[object] == LI_NONE) {
        const char *name = li_arena_printf(&m->arena, im->err, "table %d", object);
        if (!name) {
            return LINCE_ENOMEM;
        }
        LI_TRY(li_table_new(im, &m->object_resource[object], name, build_from_object, &object));
    }
    *resource = m->object_resource[object];
    return LINCE_OK;
}
