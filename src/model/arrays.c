/*
 * TensorArrays of TensorFlow 1. An op there says by a handle which array it means, and takes and gives a flow, a float
 * that keeps the ops of one array in order. Here the flow is the array itself, as a TensorList: each op becomes what
 * lists have for it. Handles are then read by nobody. They only tell, now, whether an array may grow.
 */
#include "model/lower.h"
#include "model/special.h"

#include <string.h>

/* Inputs that no input of the file's op is. */
enum { NO_INPUT = -1, SHAPE = -2, SIZE = -3 };

struct translation {
    const char *op;
    enum li_ops_role role;
    int inputs;        /* that the file's op has */
    int in[4];         /* where the list's op takes its own from */
    const char *dtype; /* the attribute with the dtype of elements */
    const char *shape; /* the attribute with their shape, or the rest of it behind open_dims */
    int open_dims;
};

static const struct translation translations[] = {
    {"TensorArrayV3", LI_OPS_LIST_NEW, 1, {SHAPE, 0, NO_INPUT}, "dtype", "element_shape", 0},
    {"TensorArrayReadV3", LI_OPS_LIST_GET, 3, {2, 1, SHAPE, NO_INPUT}, "dtype", NULL, 0},
    {"TensorArrayWriteV3", LI_OPS_LIST_SET, 4, {3, 1, 2, NO_INPUT}, "T", NULL, 0},
    {"TensorArrayGatherV3", LI_OPS_LIST_GATHER, 3, {2, 1, SHAPE, NO_INPUT}, "dtype", "element_shape", 0},
    {"TensorArrayScatterV3", LI_OPS_LIST_SCATTER_INTO, 4, {3, 2, 1, NO_INPUT}, "T", NULL, 0},
    {"TensorArraySizeV3", LI_OPS_LIST_LENGTH, 2, {1, NO_INPUT}, NULL, NULL, 0},
    /* leading_dims, the last, is of use for lists whose elements differ: any vector will do. */
    {"TensorArrayConcatV3", LI_OPS_LIST_CONCAT, 2, {1, SHAPE, SHAPE, NO_INPUT}, "dtype", "element_shape_except0", 1},
    {"TensorArraySplitV3", LI_OPS_LIST_SPLIT, 4, {1, SHAPE, 2, NO_INPUT}, "T", NULL, 0},
    {"TensorArrayCloseV3", LI_OPS_NOTHING, 1, {NO_INPUT}, NULL, NULL, 0},
};

/* A scatter into an array that is new and does not grow: what it is made with refuses indices beyond its size. */
static const struct translation scatter_new = {
    "TensorArrayScatterV3", LI_OPS_LIST_SCATTER, 4, {2, 1, SHAPE, SIZE}, "T", NULL, 0};

struct arrays {
    struct li_body *body;
    struct li_arena *arena;
    lince_error *err;
};

/* ---- What is an array ---- */

/* Of a part that is not yet translated. One with other inputs than it can have is left as it is: no row knows it. */
static const struct translation *translation_of(const struct li_part *part)
{
    for (size_t i = 0; !part->op && !part->special && i < LI_COUNT(translations); i++) {
        if (strcmp(translations[i].op, part->op_name) == 0) {
            return li_part_inputs(part) == translations[i].inputs ? &translations[i] : NULL;
        }
    }
    return NULL;
}

static bool is_new(const struct li_part *part)
{
    return strcmp(part->op_name, translations[0].op) == 0 && translation_of(part);
}

bool li_array_is_list(const struct li_part *part)
{
    static const enum li_ops_role lists[] = {LI_OPS_LIST_NEW, LI_OPS_LIST_SET, LI_OPS_LIST_SCATTER,
                                             LI_OPS_LIST_SCATTER_INTO, LI_OPS_LIST_SPLIT};
    for (size_t i = 0; part->op && i < LI_COUNT(lists); i++) {
        if (part->op == li_ops_role(lists[i])) {
            return true;
        }
    }
    return false;
}

/* What a handle is of: it goes by what hands it on, into loops and branches. NULL: an array from elsewhere. */
static const struct li_part *array_of(const struct arrays *a, const struct li_source *handle)
{
    for (int steps = 0; steps < LI_MAX_CALL_DEPTH && handle->node != LI_NONE; steps++) {
        const struct li_part *part = &a->body->part[handle->node];
        if (is_new(part)) {
            return part;
        }
        if (!li_part_inputs(part)) {
            return NULL;
        }
        handle = &part->in[0];
    }
    return NULL;
}

/* ---- Inputs ---- */

static lince_status add_constant(struct arrays *a, const char *name, const struct li_shape *shape, int open_dims,
                                 struct li_source *out)
{
    struct li_tensor *t = li_arena_calloc(a->arena, 1, sizeof *t, a->err);
    int64_t *dims = li_arena_alloc(a->arena, (LI_MAX_RANK + 1) * sizeof *dims, a->err);
    if (!t || !dims) {
        return LINCE_ENOMEM;
    }
    *t = (struct li_tensor){.dtype = LINCE_INT64, .data = dims};
    if (shape->rank >= 0) {
        t->shape = (struct li_shape){.rank = 1, .dim = {open_dims + shape->rank}};
    }
    dims[0] = -1; /* where a rank is unknown it stands alone */
    for (int d = 0; d < shape->rank; d++) {
        dims[open_dims + d] = shape->dim[d];
    }
    *out = (struct li_source){.node = a->body->parts};
    a->body->part[a->body->parts++] =
        (struct li_part){.name = name, .op_name = "Const", .special = li_special_find("Const"), .constant = t};
    return LINCE_OK;
}

/* The shape of elements as a constant; unknown where it is not said. */
static lince_status add_shape(struct arrays *a, const struct li_part *part, const char *attribute, int open_dims,
                              struct li_source *out)
{
    const Tf__AttrValue *v = attribute ? li_proto_attr(part->attrs.entry, part->attrs.count, attribute) : NULL;
    struct li_shape shape = {.rank = -1};
    if (v && v->value_case == TF__ATTR_VALUE__VALUE_SHAPE) {
        lince_status st = li_proto_shape(&shape, v->shape, a->err);
        if (st) {
            return li_prefix(a->err, st, "node \"%.200s\" (%.200s): attribute \"%s\"", part->name, part->op_name,
                             attribute);
        }
    }
    return add_constant(a, part->name, &shape, open_dims, out);
}

static lince_status set_inputs(struct arrays *a, struct li_part *part, const struct translation *t,
                               const struct li_part *array)
{
    struct li_source *in = li_arena_alloc(a->arena, (LI_COUNT(t->in) + (size_t)part->nin) * sizeof *in, a->err);
    int32_t n = 0;
    if (!in) {
        return LINCE_ENOMEM;
    }
    for (size_t k = 0; k < LI_COUNT(t->in) && t->in[k] != NO_INPUT; k++) {
        if (t->in[k] == SHAPE && t != &scatter_new) {
            LI_TRY(add_shape(a, part, t->shape, t->open_dims, &in[n++]));
        } else if (t->in[k] == SHAPE) {
            LI_TRY(add_shape(a, array, translations[0].shape, 0, &in[n++]));
        } else {
            in[n++] = t->in[k] == SIZE ? array->in[0] : part->in[t->in[k]];
        }
    }
    for (int32_t k = t->inputs; k < part->nin; k++) {
        in[n++] = part->in[k];
    }
    part->in = in;
    part->nin = n;
    return LINCE_OK;
}

/* ---- Attributes ---- */

static lince_status add_attr(struct arrays *a, struct li_part *part, const char *name, const Tf__AttrValue *value)
{
    size_t n = part->attrs.count;
    Tf__AttrEntry *entry = li_arena_alloc(a->arena, sizeof *entry, a->err),
                  **list = li_arena_alloc(a->arena, (n + 1) * sizeof(Tf__AttrEntry *), a->err);
    if (!entry || !list) {
        return LINCE_ENOMEM;
    }
    *entry = (Tf__AttrEntry)TF__ATTR_ENTRY__INIT;
    entry->key = (char *)name; /* messages are not const; nobody writes to one */
    entry->value = (Tf__AttrValue *)value;
    for (size_t i = 0; i < n; i++) {
        list[i] = part->attrs.entry[i];
    }
    list[n] = entry;
    part->attrs = (struct li_given){list, n + 1};
    return LINCE_OK;
}

static lince_status add_truth(struct arrays *a, struct li_part *part, const char *name)
{
    Tf__AttrValue *yes = li_arena_alloc(a->arena, sizeof *yes, a->err);
    if (!yes) {
        return LINCE_ENOMEM;
    }
    *yes = (Tf__AttrValue)TF__ATTR_VALUE__INIT;
    yes->value_case = TF__ATTR_VALUE__VALUE_B;
    yes->b = true;
    return add_attr(a, part, name, yes);
}

static lince_status set_attrs(struct arrays *a, struct li_part *part, const struct translation *t, bool grows)
{
    const Tf__AttrValue *dtype = t->dtype ? li_proto_attr(part->attrs.entry, part->attrs.count, t->dtype) : NULL;
    part->attrs = (struct li_given){NULL, 0};
    LI_TRY(dtype ? add_attr(a, part, "element_dtype", dtype) : LINCE_OK);
    return grows ? add_truth(a, part, "resize_if_index_out_of_bounds") : LINCE_OK;
}

/* ---- The ops ---- */

static lince_status translate(struct arrays *a, int32_t p, const struct translation *t)
{
    struct li_part *part = &a->body->part[p];
    const struct li_part *array = array_of(a, &part->in[0]);
    bool grows = array && li_attrs_bool(array, "dynamic_size");
    if (t->role == LI_OPS_LIST_SCATTER_INTO && array && !grows && part->in[3].node != LI_NONE &&
        &a->body->part[part->in[3].node] == array) {
        t = &scatter_new;
    }
    LI_TRY(set_inputs(a, part, t, array));
    LI_TRY(set_attrs(a, part, t, grows && t->role == LI_OPS_LIST_SET));
    part->op = li_ops_role(t->role);
    return LINCE_OK;
}

/* Of two outputs only Concat's are two: a new array has its flow for both, which is the list. */
static void translate_read(const struct li_body *b, struct li_source *s)
{
    const struct li_part *from = s->node == LI_NONE || s->control ? NULL : &b->part[s->node];
    if (!from || !translation_of(from)) {
        return;
    }
    bool second = s->output ? s->output_len == 7 && memcmp(s->output, "lengths", 7) == 0 : s->index == 1;
    s->output = NULL;
    s->output_len = 0;
    s->whole = false;
    s->index = is_new(from) ? 0 : second;
}

static void translate_reads(const struct li_body *b)
{
    for (int32_t p = 0; p < b->parts; p++) {
        for (int32_t k = 0; k < b->part[p].nin; k++) {
            translate_read(b, &b->part[p].in[k]);
        }
    }
    for (int32_t i = 0; i < b->results; i++) {
        translate_read(b, &b->ret[i]);
    }
}

/* A part needs two constants at most. */
static lince_status make_room(struct arrays *a, int32_t arrays)
{
    struct li_body *b = a->body;
    size_t n = (size_t)b->parts + 2 * (size_t)arrays;
    if (n > LI_MAX_NODES) {
        return li_fail(a->err, LINCE_ELIMIT, "more than %d nodes", LI_MAX_NODES);
    }
    struct li_part *part = li_arena_alloc(a->arena, n * sizeof *part, a->err);
    b->order = li_arena_calloc(a->arena, n, sizeof *b->order, a->err);
    if (!part || !b->order) {
        return LINCE_ENOMEM;
    }
    memcpy(part, b->part, (size_t)b->parts * sizeof *part);
    b->part = part;
    return LINCE_OK;
}

/* New arrays come last: what they were says what handles are of. */
lince_status li_arrays_resolve(struct li_body *body, struct li_arena *arena, lince_error *err)
{
    struct arrays a = {body, arena, err};
    int32_t parts = body->parts, arrays = 0;
    for (int32_t p = 0; p < parts; p++) {
        arrays += translation_of(&body->part[p]) != NULL;
    }
    if (!arrays) {
        return LINCE_OK;
    }
    LI_TRY(make_room(&a, arrays));
    translate_reads(body);
    for (int made = 0; made < 2; made++) {
        for (int32_t p = 0; p < parts; p++) {
            const struct translation *t = translation_of(&body->part[p]);
            if (t && is_new(&body->part[p]) == made) {
                LI_TRY(translate(&a, p, t));
            }
        }
    }
    return LINCE_OK;
}
