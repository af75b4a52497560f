/*
 * A graph of TensorFlow 1 holds all that its program had: readers, queues, savers, training. What a signature needs is
 * found backwards from its fetches; a tensor that is fed cuts off what would have made it. Nodes are unpacked as they
 * are found.
 */
#include "model/section.h"

#include <stdlib.h>
#include <string.h>

struct maker {
    struct li_model *model;
    struct li_section *section;
    const struct li_proto_items *nodes;
    int32_t *place;                   /* by node of the graph: its part, or LI_NONE */
    int32_t *first_feed;              /* by node: the first feed that one of its outputs is, or LI_NONE */
    int32_t *next_feed, *feed_output; /* by feed */
    const Tf__NodeDef **def;          /* by part */
    int32_t def_room;
    struct li_parts parts;
    struct li_source *ret;
    struct li_arena *arena;  /* the model's */
    struct li_arena scratch; /* of this making */
    lince_error *err;
};

/* ---- Names ---- */

struct tensor_name {
    struct li_bytes node;
    int32_t output;
    bool control;
};

/* "node", "node:2", "^node". */
static lince_status parse(const struct maker *m, const char *text, struct tensor_name *out)
{
    const char *start = text + (*text == '^');
    size_t len = strcspn(start, ":"), digits = start[len] ? strspn(start + len + 1, "0123456789") : 0;
    const char *end = start + len + (start[len] ? 1 + digits : 0);
    bool good = len > 0 && len <= LI_MAX_NAME && !*end && digits < 7 && (digits > 0) == (start[len] == ':') &&
                !(*text == '^' && digits);
    *out = (struct tensor_name){{(const uint8_t *)start, len}, digits ? atoi(start + len + 1) : 0, *text == '^'};
    return good ? LINCE_OK : li_fail(m->err, LINCE_EINVAL, "\"%.200s\" names no tensor; wanted NODE:INDEX", text);
}

static lince_status find_node(const struct maker *m, const char *text, const char *who, struct tensor_name *name,
                              int32_t *node)
{
    LI_TRY(parse(m, text, name));
    const struct li_proto_item *item = li_proto_find_bytes(m->nodes, name->node);
    if (!item) {
        return li_fail(m->err, LINCE_EINVAL, "%.200s reads \"%.200s\", and there is no such node", who, text);
    }
    *node = (int32_t)(item - m->nodes->item);
    return LINCE_OK;
}

/* ---- Parts ---- */

static lince_status keep_def(struct maker *m, const Tf__NodeDef *def)
{
    LI_TRY(li_arena_grow(&m->scratch, &m->def, &m->def_room, m->parts.count + 1, sizeof *m->def, m->err));
    m->def[m->parts.count] = def;
    return LINCE_OK;
}

/* A part for a node that is needed, the first time; its inputs are looked at later. */
static lince_status need(struct maker *m, int32_t node, int32_t *part)
{
    const Tf__NodeDef *def;
    if (m->place[node] == LI_NONE) {
        LI_TRY(li_proto_node(&def, &m->nodes->item[node], m->arena, m->err));
        LI_TRY(keep_def(m, def));
        m->place[node] = m->parts.count;
        const struct li_part one = li_special_part(def);
        LI_TRY(li_parts_add(&m->parts, &one, &m->scratch, m->err));
    }
    *part = m->place[node];
    return LINCE_OK;
}

static int32_t feed_of(const struct maker *m, int32_t node, int32_t output)
{
    int32_t f = m->first_feed[node];
    while (f != LI_NONE && m->feed_output[f] != output) {
        f = m->next_feed[f];
    }
    return f;
}

/* *keep is false for an order after what is fed: it is there from the start. */
static lince_status resolve(struct maker *m, const char *text, const char *who, struct li_source *out, bool *keep)
{
    struct tensor_name name;
    int32_t node;
    LI_TRY(find_node(m, text, who, &name, &node));
    int32_t feed = name.control ? m->first_feed[node] : feed_of(m, node, name.output);
    *keep = !name.control || feed == LI_NONE;
    *out = (struct li_source){.node = LI_NONE, .index = feed, .control = name.control};
    if (feed != LI_NONE) {
        return LINCE_OK;
    }
    out->index = name.output;
    return need(m, node, &out->node);
}

static lince_status fill_inputs(struct maker *m, int32_t part)
{
    const Tf__NodeDef *def = m->def[part];
    struct li_source *in = li_arena_alloc(m->arena, def->n_input * sizeof *in, m->err);
    int32_t n = 0;
    if (!in) {
        return LINCE_ENOMEM;
    }
    for (size_t k = 0; k < def->n_input; k++) {
        bool keep;
        LI_TRY(resolve(m, def->input[k], def->name, &in[n], &keep));
        n += keep;
    }
    m->parts.part[part].in = in; /* parts moved meanwhile */
    m->parts.part[part].nin = n;
    return LINCE_OK;
}

/* ---- Feeds and fetches ---- */

static lince_status index_feeds(struct maker *m)
{
    for (size_t i = 0; i < m->section->feeds; i++) {
        struct tensor_name name;
        int32_t node;
        LI_TRY(find_node(m, m->section->feed[i], "its input", &name, &node));
        if (name.control) {
            return li_fail(m->err, LINCE_EINVAL, "its input is \"%.200s\", wanted a tensor", m->section->feed[i]);
        }
        m->feed_output[i] = name.output;
        m->next_feed[i] = m->first_feed[node];
        m->first_feed[node] = (int32_t)i;
    }
    return LINCE_OK;
}

static lince_status resolve_fetches(struct maker *m)
{
    for (size_t i = 0; i < m->section->fetches; i++) {
        bool keep;
        LI_TRY(resolve(m, m->section->fetch[i], "its result", &m->ret[i], &keep));
        if (m->ret[i].control) {
            return li_fail(m->err, LINCE_EINVAL, "its result is \"%.200s\", wanted a tensor", m->section->fetch[i]);
        }
    }
    for (size_t i = 0; i < m->section->runs; i++) {
        struct tensor_name name;
        int32_t node, part;
        LI_TRY(find_node(m, m->section->run[i], "its effect", &name, &node));
        LI_TRY(need(m, node, &part));
        m->parts.part[part].effect = true;
    }
    return LINCE_OK;
}

/* ---- The whole ---- */

static lince_status make_room(struct maker *m)
{
    size_t n = m->nodes->count, feeds = m->section->feeds;
    m->place = li_arena_alloc(&m->scratch, n * sizeof *m->place, m->err);
    m->first_feed = li_arena_alloc(&m->scratch, n * sizeof *m->first_feed, m->err);
    m->next_feed = li_arena_alloc(&m->scratch, feeds * sizeof *m->next_feed, m->err);
    m->feed_output = li_arena_alloc(&m->scratch, feeds * sizeof *m->feed_output, m->err);
    m->ret = li_arena_calloc(&m->scratch, m->section->fetches, sizeof *m->ret, m->err);
    if (!m->place || !m->first_feed || !m->next_feed || !m->feed_output || !m->ret) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        m->place[i] = m->first_feed[i] = LI_NONE;
    }
    return LINCE_OK;
}

static lince_status find_parts(struct maker *m)
{
    LI_TRY(make_room(m));
    LI_TRY(index_feeds(m));
    LI_TRY(resolve_fetches(m));
    for (int32_t i = 0; i < m->parts.count; i++) {
        LI_TRY(fill_inputs(m, i));
    }
    return li_refs_resolve(&m->parts, m->ret, m->section->fetches, m->arena, m->err);
}

static lince_status make(struct maker *m, struct li_body **out)
{
    const struct li_section *s = m->section;
    LI_TRY(find_parts(m));
    LI_TRY(li_body_new(out, (size_t)m->parts.count, s->feeds, s->fetches, m->arena, m->err));
    struct li_body *b = *out;
    b->name = s->name;
    b->arg = s->arg;
    b->result = s->result;
    if (m->parts.count) {
        memcpy(b->part, m->parts.part, (size_t)m->parts.count * sizeof *b->part);
    }
    if (s->fetches) {
        memcpy(b->ret, m->ret, s->fetches * sizeof *b->ret);
    }
    return li_lower(out, m->model, m->err);
}

lince_status li_section_body(struct li_body **out, struct li_model *model, struct li_section *s, lince_error *err)
{
    if (!s->body) {
        struct maker m = {
            .model = model, .section = s, .nodes = &model->meta->nodes, .arena = &model->arena, .err = err};
        struct li_body *body;
        li_arena_init(&m.scratch, model->mem, model->unpacking_bytes);
        lince_status st = make(&m, &body);
        li_arena_free(&m.scratch);
        LI_TRY(st);
        model->unpacked += body->size;
        s->body = body;
    }
    *out = s->body;
    return LINCE_OK;
}
