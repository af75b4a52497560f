/*
 * What a saver of TensorFlow 1 reads into which variable. As a rule the names in the checkpoint are those of the nodes,
 * but a program may save under others, and read averages in the place of variables. The saver's own nodes say: its
 * restore op waits for assignments, whose values RestoreV2 gives, whose inputs are lists of names and of slices.
 *
 * Of a variable whose assignment has another form nothing is noted, and its own name stays its name.
 */
#include "model/section.h"

#include <stdlib.h>
#include <string.h>

/* A RestoreV2 that was looked at; count 0: its lists are no constants. */
struct reader {
    const lince_string *key, *slice;
    int64_t count;
};

struct restore {
    struct li_model *model;
    const struct li_proto_items *nodes;
    struct li_trail trail;
    const struct reader **reader; /* by node */
    struct li_arena scratch;
    lince_error *err;
};

/* ---- The lists ---- */

/* The texts of a constant; *count stays 0 for anything else. */
static lince_status read_texts(struct restore *r, const char *name, const lince_string **texts, int64_t *count)
{
    const struct li_proto_item *item = li_trail_find(r->nodes, name);
    const struct li_tensor *t;
    const Tf__NodeDef *node;
    *count = 0;
    if (!item) {
        return LINCE_OK;
    }
    LI_TRY(li_proto_node(&node, item, &r->scratch, r->err));
    if (strcmp(node->op, "Const") != 0) {
        return LINCE_OK;
    }
    const struct li_part part = {.name = node->name, .op_name = node->op, .attrs = {node->attr, node->n_attr}};
    lince_status st = li_attrs_constant(&t, &part, &r->scratch, r->err);
    if (st) {
        return li_prefix(r->err, st, "node \"%.500s\" (Const)", node->name);
    }
    if (t->dtype == LINCE_STRING) {
        *texts = t->data;
        *count = li_shape_count(&t->shape);
    }
    return LINCE_OK;
}

static lince_status read_lists(struct restore *r, const Tf__NodeDef *node, struct reader *out)
{
    int64_t keys = 0, slices = 0;
    if (node->n_input >= 3) {
        LI_TRY(read_texts(r, node->input[1], &out->key, &keys));
        LI_TRY(read_texts(r, node->input[2], &out->slice, &slices));
    }
    out->count = keys == slices ? keys : 0;
    return LINCE_OK;
}

/* The lists of one node are those of many variables. */
static lince_status add_reader(struct restore *r, const Tf__NodeDef *node, const struct reader **out)
{
    struct reader *made = li_arena_calloc(&r->scratch, 1, sizeof *made, r->err);
    if (!made) {
        return LINCE_ENOMEM;
    }
    LI_TRY(read_lists(r, node, made));
    *out = made;
    return LINCE_OK;
}

/* A value on its way from the file may get another shape or name. */
static bool hands_on(const Tf__NodeDef *node)
{
    const struct li_op *op = li_special_row(node->op);
    return op && op->flags & LI_OP_ALIAS && node->n_input > 0;
}

/* What reads a value, "node:2", which becomes the output that it is; *out is NULL when it comes from elsewhere. */
static lince_status find_reader(struct restore *r, const char **value, const struct reader **out)
{
    const struct li_proto_item *item = li_trail_find(r->nodes, *value);
    const Tf__NodeDef *node;
    *out = NULL;
    for (int steps = 0; item && steps < LI_MAX_CALL_DEPTH; steps++) {
        const struct reader **known = &r->reader[item - r->nodes->item];
        if (*known) {
            *out = *known;
            return LINCE_OK;
        }
        LI_TRY(li_proto_node(&node, item, &r->scratch, r->err));
        if (strcmp(node->op, "RestoreV2") == 0) {
            LI_TRY(add_reader(r, node, known));
        } else {
            *value = hands_on(node) ? node->input[0] : "";
            item = li_trail_find(r->nodes, *value);
        }
    }
    return LINCE_OK;
}

/* ---- Assignments ---- */

static lince_status note(struct restore *r, const struct li_proto_item *variable, const struct reader *reader,
                         const char *value)
{
    struct li_restored *to = &r->model->restored[variable - r->nodes->item];
    const char *output = strchr(value, ':');
    int64_t k = output ? strtol(output + 1, NULL, 10) : 0;
    if (k < 0 || k >= reader->count || reader->key[k].size > LI_MAX_NAME || reader->slice[k].size > LI_MAX_NAME) {
        return LINCE_OK;
    }
    to->key = li_arena_strndup(&r->model->arena, reader->key[k].data, reader->key[k].size, r->err);
    to->slice = li_arena_strndup(&r->model->arena, reader->slice[k].data, reader->slice[k].size, r->err);
    return to->key && to->slice ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status look_at_assignment(struct restore *r, const Tf__NodeDef *assignment)
{
    const struct li_proto_item *variable = li_trail_find(r->nodes, assignment->input[0]);
    const char *value = assignment->input[1];
    const struct reader *reader;
    LI_TRY(find_reader(r, &value, &reader));
    return variable && reader ? note(r, variable, reader, value) : LINCE_OK;
}

static lince_status look_at(struct restore *r, const struct li_proto_item *item)
{
    const Tf__NodeDef *node;
    LI_TRY(li_proto_node(&node, item, &r->scratch, r->err));
    bool assigns = strcmp(node->op, "Assign") == 0 || li_special_row(node->op) == li_ops_role(LI_OPS_ASSIGN);
    if (assigns && node->n_input >= 2) {
        return look_at_assignment(r, node);
    }
    li_trail_visit_controls(&r->trail, node);
    return LINCE_OK;
}

/* ---- The whole ---- */

static lince_status walk(struct restore *r, const char *op)
{
    size_t n = r->nodes->count;
    r->model->restored = li_arena_calloc(&r->model->arena, n, sizeof *r->model->restored, r->err);
    r->reader = li_arena_calloc(&r->scratch, n, sizeof *r->reader, r->err);
    if (!r->model->restored || !r->reader) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_trail_begin(&r->trail, r->nodes, &r->scratch, r->err));
    li_trail_visit(&r->trail, op);
    for (const struct li_proto_item *item; (item = li_trail_next(&r->trail));) {
        LI_TRY(look_at(r, item));
    }
    return LINCE_OK;
}

lince_status li_restore_open(struct li_model *m, lince_error *err)
{
    const Tf__SaverDef *saver = m->meta->def->saver_def;
    struct restore r = {.model = m, .nodes = &m->meta->nodes, .err = err};
    if (!saver || !*saver->restore_op_name) {
        return LINCE_OK;
    }
    li_arena_init(&r.scratch, m->mem, m->unpacking_bytes);
    lince_status st = walk(&r, saver->restore_op_name);
    li_arena_free(&r.scratch);
    return st;
}

/* ---- Slices ---- */

/* A number and what ends it; false for anything else. */
static bool read_number(const char **text, const char *ends, int64_t *out)
{
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > 18 || !memchr(ends, (*text)[digits], strlen(ends) + 1)) {
        return false;
    }
    *out = strtoll(*text, NULL, 10);
    *text += digits;
    return true;
}

/* "start,length" or, for all there is, "-". */
static bool read_extent(const char **text, int64_t full, int64_t *start, int64_t *length)
{
    *start = 0;
    *length = full;
    if (**text == '-') {
        ++*text;
        return **text == ':' || !**text;
    }
    return read_number(text, ",", start) && *(*text)++ == ',' && read_number(text, ":", length);
}

bool li_restore_slice(struct li_slice *out, const char *text)
{
    out->rank = 0;
    for (const char *rest = text; strchr(rest, ' '); rest = text) {
        if (out->rank == LI_MAX_RANK || !read_number(&text, " ", &out->full[out->rank++]) || *text++ != ' ') {
            return false;
        }
    }
    for (int d = 0; d < out->rank; d++) {
        bool last = d == out->rank - 1;
        if (!read_extent(&text, out->full[d], &out->offset[d], &out->shape[d]) || (*text == 0) != last) {
            return false;
        }
        text += !last;
    }
    return !*text;
}
