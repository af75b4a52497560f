/* Opening a folder: find the meta graph, then let each part of the model read what is its own. */
#include "model/internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { SCHEMA_VERSION = 1, TAGS_TEXT = 512 };

/* ---- Tags ---- */

static size_t tag_count(const Tf__MetaGraphDef *def)
{
    return def->meta_info_def ? def->meta_info_def->n_tags : 0;
}

/* "serve,train". Into the arena. */
static const char *tags_text(const Tf__MetaGraphDef *def, struct li_arena *arena, lince_error *err)
{
    size_t len = 1;
    for (size_t i = 0; i < tag_count(def); i++) {
        len += strlen(def->meta_info_def->tags[i]) + 1;
    }
    char *text = li_arena_alloc(arena, len, err), *at = text;
    if (!text) {
        return NULL;
    }
    for (size_t i = 0; i < tag_count(def); i++) {
        size_t n = strlen(def->meta_info_def->tags[i]);
        if (i) {
            *at++ = ',';
        }
        memcpy(at, def->meta_info_def->tags[i], n);
        at += n;
    }
    *at = '\0';
    return text;
}

/* Whether the comma-separated tags hold this one. */
static bool names_tag(const char *tags, const char *tag)
{
    size_t len = strlen(tag);
    for (const char *at = tags; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (n == len && memcmp(at, tag, n) == 0) {
            return true;
        }
        at += n;
    }
    return false;
}

static bool has_tag(const Tf__MetaGraphDef *def, const char *tag, size_t len)
{
    for (size_t i = 0; i < tag_count(def); i++) {
        if (strlen(def->meta_info_def->tags[i]) == len && memcmp(def->meta_info_def->tags[i], tag, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The two are equal as sets. */
static bool has_tags(const Tf__MetaGraphDef *def, const char *tags)
{
    for (const char *at = tags; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");
        if (n && !has_tag(def, at, n)) {
            return false;
        }
        at += n;
    }
    for (size_t i = 0; i < tag_count(def); i++) {
        if (!names_tag(tags, def->meta_info_def->tags[i])) {
            return false;
        }
    }
    return true;
}

static lince_status fail_tags(struct li_model *m, const char *tags, lince_error *err)
{
    char list[TAGS_TEXT];
    struct li_text text = {list, sizeof list, 0};
    for (size_t i = 0; i < m->pb->meta_graphs; i++) {
        const char *one = tags_text(m->pb->meta_graph[i].def, &m->arena, err);
        if (!one) {
            return LINCE_ENOMEM;
        }
        li_text_add(&text, "%s\"%s\"", i ? ", " : "", one);
    }
    if (!tags) {
        return li_fail(err, LINCE_EINVAL, "%zu meta graphs, so tags must say which; there are %s", m->pb->meta_graphs,
                       list);
    }
    return li_fail(err, LINCE_ENOENT, "no meta graph has the tags \"%s\"; there are %s", tags, list);
}

/* A model that TensorFlow 1 saved has signatures instead of objects. */
static bool can_be_called(const Tf__MetaGraphDef *def)
{
    return def->object_graph_def || def->n_signature_def;
}

static lince_status choose_meta_graph(struct li_model *m, const char *tags, lince_error *err)
{
    bool callable = false;
    LI_TRY(li_hub_mark(m, err));
    tags = m->is_hub_module && !tags ? "" : tags; /* of a module, the one without tags is for inference */
    for (size_t i = 0; i < m->pb->meta_graphs; i++) {
        const struct li_proto_meta_graph *meta = &m->pb->meta_graph[i];
        callable |= can_be_called(meta->def);
        if (!m->meta && (tags ? has_tags(meta->def, tags) : m->pb->meta_graphs == 1)) {
            m->meta = meta;
        }
    }
    if (!callable || (m->meta && !can_be_called(m->meta->def))) {
        return li_identify_old(m->path, err);
    }
    if (!m->meta) {
        return fail_tags(m, tags, err);
    }
    m->tags = tags_text(m->meta->def, &m->arena, err);
    return m->tags ? LINCE_OK : LINCE_ENOMEM;
}

/* ---- Parts ---- */

static lince_status map_file(struct li_model *m, const char *path, lince_error *err)
{
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        return li_identify_path(path, err);
    }
    m->path = li_arena_strdup(&m->arena, real, err);
    const char *file = m->path ? li_arena_printf(&m->arena, err, "%s/saved_model.pb", m->path) : NULL;
    if (!file) {
        return LINCE_ENOMEM;
    }
    lince_status st = li_file_read(&m->file, file, m->files, err);
    return st == LINCE_ENOENT ? li_identify_path(path, err) : st;
}

static lince_status read_messages(struct li_model *m, const struct li_model_options *options, lince_error *err)
{
    lince_status st = li_proto_model_open(&m->pb, m->file.bytes, "saved_model.pb", m->mem, err);
    if (st) {
        return st == LINCE_EFORMAT ? li_identify_bytes(m->file.bytes, "saved_model.pb", st, err) : st;
    }
    if (m->pb->schema_version < 0 || m->pb->schema_version > SCHEMA_VERSION) {
        return li_fail(err, LINCE_EUNSUPPORTED, "saved_model.pb: schema version %lld, at most %d is known",
                       (long long)m->pb->schema_version, SCHEMA_VERSION);
    }
    LI_TRY(choose_meta_graph(m, options ? options->tags : NULL, err));
    m->function = li_arena_calloc(&m->arena, m->meta->functions.count, sizeof *m->function, err);
    return m->function ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status read_objects(struct li_model *m, lince_error *err)
{
    if (!m->meta->def->object_graph_def) {
        LI_TRY(li_assets_open(m, err));
        LI_TRY(li_named_open(m, err));
        LI_TRY(li_hub_image(m, err));
        return li_signatures_open(m, err);
    }
    LI_TRY(li_objects_open(m, err));
    LI_TRY(li_assets_open(m, err));
    LI_TRY(li_lists_open(m, err));
    return li_callables_open(m, err);
}

/*
 * The file can refer to one function, or one trace, any number of times, and each time it is read anew; of a constant
 * it may spell out one value. What reading the objects takes is held against the file: of real ones it is less than
 * twice their size.
 * What is unpacked later may take what messages may, and constants LI_MAX_SPLAT_BYTES together.
 */
enum { OBJECTS_GROWTH = 16, MESSAGES_GROWTH = 64, BASE_BYTES = 1 << 20 };

static lince_status open_parts(struct li_model *m, const struct li_model_options *options, lince_error *err)
{
    size_t bytes = m->file.bytes.len; /* below 2 GB */
    LI_TRY(read_messages(m, options, err));
    LI_TRY(li_store_new(&m->store, m->mem, err));
    if (options && options->has_seed) {
        m->store->seed = options->seed;
    }
    m->arena.limit_bytes = m->arena.used_bytes + OBJECTS_GROWTH * bytes + BASE_BYTES;
    lince_status st = read_objects(m, err);
    if (st == LINCE_ENOMEM && m->arena.limited) {
        return li_prefix(err, LINCE_ELIMIT, "its objects are more than %d times the file", OBJECTS_GROWTH);
    }
    m->unpacking_bytes = MESSAGES_GROWTH * bytes + LI_MAX_SPLAT_BYTES;
    m->arena.limit_bytes = m->arena.used_bytes + m->unpacking_bytes;
    return st;
}

lince_status li_model_open(struct li_model **out, const char *path, const struct li_model_options *options,
                           struct li_mem *mem, lince_error *err)
{
    struct li_model *m = li_calloc(mem, 1, sizeof *m, err);
    lince_status st;
    if (!m) {
        return LINCE_ENOMEM;
    }
    li_mem_retain(mem);
    m->mem = mem;
    m->files = options && options->read_files ? mem : NULL;
    m->loss_count = -1;
    li_arena_init(&m->arena, mem, 0);
    pthread_mutex_init(&m->lock, NULL);
    if ((st = li_fork_guard_mutex(&m->guard, LI_FORK_MODEL, &m->lock, err)))
        goto fail;
    if ((st = map_file(m, path, err)))
        goto fail;
    if ((st = open_parts(m, options, err))) {
        st = err && !strstr(err->text, m->path) ? li_prefix(err, st, "%s", path) : st; /* checkpoints name their file */
        goto fail;
    }
    *out = m;
    return LINCE_OK;
fail:
    li_model_close(m);
    return st;
}

void li_model_close(struct li_model *m)
{
    if (!m) {
        return;
    }
    struct li_mem *mem = m->mem;
    li_fork_guard_remove(&m->guard);
    for (size_t i = 0; i < m->callable_count; i++) {
        li_scan_free(&m->callable[i]);
    }
    for (int64_t i = 0; i < m->loss_count; i++) {
        li_scan_free(&m->loss[i]);
    }
    li_store_release(m->store);
    for (size_t i = 0; i < m->table_count; i++) {
        li_table_free(m->table[i]);
    }
    li_free(mem, m->table);
    li_bundle_close(m->bundle);
    li_proto_model_close(m->pb);
    li_file_unmap(&m->file);
    pthread_mutex_destroy(&m->lock);
    li_arena_free(&m->arena);
    li_free(mem, m);
    li_mem_release(mem);
}

struct li_store *li_model_store(struct li_model *m)
{
    return m->store;
}

lince_status li_model_verify(struct li_model *m, size_t *failed, lince_error *err)
{
    *failed = 0;
    return m->bundle ? li_bundle_verify(m->bundle, failed, err) : LINCE_OK;
}

void li_model_facts(const struct li_model *m, struct li_model_facts *out)
{
    const Tf__MetaInfoDef *info = m->meta->def->meta_info_def;
    *out = (struct li_model_facts){
        .path = m->path,
        .tags = m->tags,
        .tensorflow_version = info ? info->tensorflow_version : "",
        .objects = m->object_count,
        .functions = (int64_t)m->meta->functions.count,
        .pb_bytes = m->file.bytes.len,
        .variable_bytes = m->variable_bytes,
        .is_hub_module = m->is_hub_module,
        .image_height = m->image_height,
        .image_width = m->image_width,
    };
}
