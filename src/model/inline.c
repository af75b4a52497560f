/*
 * Functions into one flat graph. A call's nodes stand where the call stood, so an order that control inputs ask for
 * holds by the order of the nodes alone. Handles of resources are followed through Identity and calls.
 */
#include "model/inline.h"

#include <string.h>

/* What a node gave. */
struct li_results {
    const li_vid *out;
    int count;
    int32_t graph_node;               /* whose row and attributes name the outputs; LI_NONE: all are "output" */
    const struct li_function *called; /* by its own name: its results are named as it names them */
    const char *output;               /* what its only output is called; NULL: "output" */
    bool unknown;                     /* the node is unsupported */
};

/* ---- What it costs ---- */

enum { NAME_BYTES = 64 }; /* of a name, weigh as much as a node */

/*
 * Functions that call functions twice, and nodes that read long lists, make a graph of any size from a few lines. Real
 * files call most functions once.
 */
static lince_status charge(struct li_import *im, size_t work, const char *node)
{
    im->work += work;
    if (im->work <= LI_MAX_SMALL_GRAPH || im->work / LI_MAX_GROWTH <= im->model->unpacked) {
        return LINCE_OK;
    }
    return li_fail(
        im->err, LINCE_ELIMIT,
        "node \"%.500s\": with it, the graph is more than %d times as large as the functions it is made from", node,
        LI_MAX_GROWTH);
}

/* ---- Unsupported nodes ---- */

static lince_status need_room(struct li_import *im, void **array, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return LINCE_OK;
    }
    size_t wanted = *room ? 2 * *room : 16, bytes;
    if (!li_mul_size(wanted, size, &bytes)) {
        return li_fail(im->err, LINCE_ENOMEM, "%zu entries of %zu bytes", wanted, size);
    }
    void *larger = li_realloc(im->model->mem, *array, bytes, im->err);
    if (!larger) {
        return LINCE_ENOMEM;
    }
    *array = larger;
    *room = wanted;
    return LINCE_OK;
}

/* Remember it and go on, so that all are told at once. */
static lince_status add_missing(struct li_import *im, struct li_results *r, const char *node, const char *what)
{
    void *array = im->missing;

    if (!what) {
        return LINCE_ENOMEM;
    }
    LI_TRY(need_room(im, &array, im->missing_count, &im->missing_room, sizeof *im->missing));
    im->missing = array;
    im->missing[im->missing_count++] = (struct li_missing){node, what};
    if (im->dummy == LI_NONE) {
        static uint8_t zero;
        const struct li_tensor nothing = {.dtype = LINCE_BOOL, .data = &zero, .size_bytes = 1};
        LI_TRY(li_graph_constant(im->graph, &nothing, &im->dummy, im->err));
    }
    *r = (struct li_results){.graph_node = LI_NONE, .unknown = true};
    return LINCE_OK;
}

static lince_status note_op(struct li_import *im, const char *op)
{
    void *array = im->op;

    if (!im->collect_ops) {
        return LINCE_OK;
    }
    LI_TRY(need_room(im, &array, im->op_count, &im->op_room, sizeof *im->op));
    im->op = array;
    im->op[im->op_count++] = op;
    return LINCE_OK;
}

/* ---- Reading what others gave ---- */

static bool is_named(const struct li_source *s, const char *name)
{
    return strlen(name) == (size_t)s->output_len && !memcmp(name, s->output, (size_t)s->output_len);
}

static int list_count(const struct li_node *node, const char *list)
{
    if (!list) {
        return 1;
    }
    const struct li_attr *attr = li_attr(node, list);
    return attr->kind == LI_ATTR_INT ? (int)attr->i : (int)attr->count;
}

/* Where the named output begins among all of a node's, and how many it has. */
static bool find_output(const struct li_import *im, const struct li_results *r, const struct li_source *s, int *first,
                        int *count)
{
    *first = 0;
    *count = r->count;
    if (r->called) {
        *count = 1;
        *first = li_function_output(r->called, s->output, s->output_len);
        return *first != LI_NONE;
    }
    if (r->graph_node == LI_NONE) {
        return is_named(s, r->output ? r->output : "output");
    }
    const struct li_node *node = &im->graph->nodes[r->graph_node];
    for (const struct li_output_spec *o = node->op->outputs; o && o->name; o++) {
        *count = list_count(node, o->list);
        if (is_named(s, o->name)) {
            return true;
        }
        *first += *count;
    }
    return false;
}

struct values {
    li_vid *v;
    int count, room;
};

static lince_status add_value(struct li_import *im, struct values *to, li_vid v)
{
    if (to->count == to->room) {
        int room = to->room ? 2 * to->room : 4;
        li_vid *larger = li_arena_alloc(&im->scratch, (size_t)room * sizeof *larger, im->err);
        if (!larger) {
            return LINCE_ENOMEM;
        }
        if (to->count) {
            memcpy(larger, to->v, (size_t)to->count * sizeof *larger);
        }
        to->v = larger;
        to->room = room;
    }
    to->v[to->count++] = v;
    return LINCE_OK;
}

static lince_status read_source(struct li_import *im, const struct li_frame *f, const struct li_source *s,
                                const char *who, struct values *to)
{
    int first, count;

    if (s->node == LI_NONE) {
        return add_value(im, to, f->arg[s->index]);
    }
    const struct li_results *r = &f->node[s->node];
    if (r->unknown) {
        return add_value(im, to, im->dummy);
    }
    bool found = find_output(im, r, s, &first, &count);
    if (!found || s->index >= count) {
        const Tf__NodeDef *from = f->function->def->node_def[s->node];
        return li_fail(im->err, LINCE_EINVAL, "%.200s reads output \"%.*s\" %d of \"%.200s\" (%.200s), which has %s",
                       who, s->output_len, s->output, s->index, from->name, from->op,
                       found ? "fewer" : "none of that name");
    }
    if (s->whole) {
        LI_TRY(charge(im, (size_t)count, who));
    }
    for (int i = s->whole ? 0 : s->index; i < (s->whole ? count : s->index + 1); i++) {
        LI_TRY(add_value(im, to, r->out[first + i]));
    }
    return LINCE_OK;
}

static lince_status read_inputs(struct li_import *im, const struct li_frame *f, int32_t n, struct values *in)
{
    const Tf__NodeDef *node = f->function->def->node_def[n];

    LI_TRY(charge(im, node->n_input, node->name));
    for (size_t i = 0; i < node->n_input; i++) {
        if (!f->function->in[n][i].control) {
            LI_TRY(read_source(im, f, &f->function->in[n][i], node->name, in));
        }
    }
    return LINCE_OK;
}

/* ---- Kinds of nodes ---- */

/* What one node needs on its way. */
struct step {
    struct li_frame *frame;
    int32_t n;
    const Tf__NodeDef *node;
    const char *name; /* with the path of calls */
    struct values in;
    struct li_results *to;
};

static lince_status keep_one(struct li_import *im, struct step *s, li_vid v)
{
    li_vid *out = li_arena_alloc(&im->scratch, sizeof *out, im->err);

    if (!out) {
        return LINCE_ENOMEM;
    }
    *out = v;
    *s->to = (struct li_results){.out = out, .count = 1, .graph_node = LI_NONE};
    return LINCE_OK;
}

static lince_status read_constant(struct li_import *im, const Tf__NodeDef *node, const struct li_tensor **out)
{
    const Tf__AttrValue *value = li_proto_attr(node->attr, node->n_attr, "value"),
                        *type = li_proto_attr(node->attr, node->n_attr, "dtype");
    struct li_tensor *tensor = li_arena_calloc(&im->model->arena, 1, sizeof *tensor, im->err);

    if (!tensor) {
        return LINCE_ENOMEM;
    }
    if (!value || value->value_case != TF__ATTR_VALUE__VALUE_TENSOR) {
        return li_fail(im->err, LINCE_EINVAL, "it has no attribute \"value\", wanted a tensor");
    }
    LI_TRY(li_proto_tensor(tensor, value->tensor, &im->model->arena, im->err));
    if (type && (type->value_case != TF__ATTR_VALUE__VALUE_TYPE || type->type != (int32_t)tensor->dtype)) {
        return li_fail(im->err, LINCE_EINVAL, "its attribute \"dtype\" is not that of its value, %s",
                       li_dtype_name(tensor->dtype));
    }
    *out = tensor;
    return LINCE_OK;
}

static lince_status import_constant(struct li_import *im, struct step *s)
{
    const struct li_tensor **slot = &s->frame->function->constant[s->n];
    li_vid v;

    if (!*slot) {
        lince_status st = read_constant(im, s->node, slot);
        if (st == LINCE_EUNSUPPORTED) {
            return add_missing(im, s->to, s->name, "Const of another dtype");
        }
        if (st) {
            return li_prefix(im->err, st, "node \"%.500s\" (Const)", s->name);
        }
    }
    LI_TRY(li_graph_constant(im->graph, *slot, &v, im->err));
    return keep_one(im, s, v);
}

static bool recurses(const struct li_frame *f, const struct li_function *function)
{
    while (f && f->function != function) {
        f = f->up;
    }
    return f != NULL;
}

/* *out is NULL when there is none of that name. */
static lince_status find_function(struct li_import *im, const struct step *s, const char *name,
                                  const struct li_function **out)
{
    lince_status st = li_function_get(out, im->model, name, im->err);

    return st ? li_prefix(im->err, st, "node \"%.500s\": function \"%.200s\"", s->name, name) : LINCE_OK;
}

static lince_status run_frame(struct li_import *im, struct li_frame *f, const li_vid **out);

static lince_status import_call(struct li_import *im, struct step *s, const struct li_function *called,
                                const struct li_given *given, bool by_name)
{
    struct li_frame inner = {.up = s->frame,
                             .function = called,
                             .arg = s->in.v,
                             .path = s->name,
                             .placeholders = *given,
                             .depth = s->frame->depth + 1};
    const li_vid *out;

    if (recurses(s->frame, called)) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\": function \"%.200s\" calls itself", s->name,
                       called->name);
    }
    if (inner.depth > LI_MAX_CALL_DEPTH) {
        return li_fail(im->err, LINCE_ELIMIT, "node \"%.500s\": functions call functions deeper than %d", s->name,
                       LI_MAX_CALL_DEPTH);
    }
    if ((size_t)s->in.count != called->signature->n_input_arg) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\": calls \"%.200s\" with %d arguments, it takes %zu",
                       s->name, called->name, s->in.count, called->signature->n_input_arg);
    }
    LI_TRY(run_frame(im, &inner, &out));
    *s->to = (struct li_results){.out = out,
                                 .count = (int)called->signature->n_output_arg,
                                 .graph_node = LI_NONE,
                                 .called = by_name ? called : NULL};
    return LINCE_OK;
}

static lince_status import_call_op(struct li_import *im, struct step *s)
{
    const Tf__AttrValue *f = li_proto_attr(s->node->attr, s->node->n_attr, "f");
    const struct li_function *called = NULL;

    if (f && f->value_case == TF__ATTR_VALUE__VALUE_PLACEHOLDER) {
        f = li_proto_attr(s->frame->placeholders.entry, s->frame->placeholders.count, f->placeholder);
    }
    if (!f || f->value_case != TF__ATTR_VALUE__VALUE_FUNC) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): has no attribute \"f\", wanted a function",
                       s->name, s->node->op);
    }
    LI_TRY(find_function(im, s, f->func->name, &called));
    if (!called) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): the library has no function \"%.200s\"", s->name,
                       s->node->op, f->func->name);
    }
    return import_call(im, s, called, &(struct li_given){f->func->attr, f->func->n_attr}, false);
}

/* Which handle an op uses is known here, and so is which generator: a graph that lacks a row is not run. */
static lince_status set_effects(struct li_import *im, const struct step *s, struct li_node *node)
{
    unsigned effects = node->op->effects;
    if (effects & (LI_EFFECT_WRITE | LI_EFFECT_FAIL) && s->frame->function->must[s->n]) {
        node->required = true;
    }
    if (im->dummy != LI_NONE) {
        return LINCE_OK;
    }
    if (effects & (LI_EFFECT_READ | LI_EFFECT_WRITE | LI_EFFECT_LOOKUP) &&
        (node->nin == 0 || im->graph->values[node->in[0]].resource == LI_NONE)) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): its input 0 is no handle of a resource", s->name,
                       node->op->name);
    }
    const char *key = li_arena_printf(&im->scratch, im->err, "%s/%s", im->trace, node->name);
    return key ? li_graph_touch(im->graph, im->graph->node_count - 1, key, im->err) : LINCE_ENOMEM;
}

static lince_status append(struct li_import *im, struct step *s, const struct li_op *op)
{
    const struct li_attr *attrs;
    struct li_node *node;
    int count;

    lince_status st = li_attrs_read(&attrs, &count, s->node, &s->frame->placeholders, &im->scratch, im->err);
    if (st == LINCE_EUNSUPPORTED) {
        return add_missing(im, s->to, s->name, op->name);
    }
    LI_TRY(st);
    st = li_graph_append(im->graph, op, s->name, s->in.v, s->in.count, attrs, count, &node, im->err);
    if (st == LINCE_EUNSUPPORTED) {
        return add_missing(im, s->to, s->name, li_attrs_unsupported(op, attrs, count, &im->scratch, im->err));
    }
    LI_TRY(st);
    LI_TRY(set_effects(im, s, node));
    *s->to = (struct li_results){.out = node->out, .count = node->nout, .graph_node = im->graph->node_count - 1};
    return charge(im, (size_t)node->nout, s->name);
}

static lince_status import_table_node(struct li_import *im, struct step *s, bool *done)
{
    const struct li_attr *attrs;
    int count, nout = 0;
    li_vid out = LI_NONE;

    LI_TRY(li_attrs_read(&attrs, &count, s->node, &s->frame->placeholders, &im->scratch, im->err));
    lince_status st = li_table_node(im, s->node->op, attrs, count, s->in.v, s->in.count, &out, &nout, done);
    if (st) {
        return li_prefix(im->err, st, "node \"%.500s\" (%s)", s->name, s->node->op);
    }
    if (!*done) {
        return LINCE_OK;
    }
    LI_TRY(keep_one(im, s, out));
    s->to->count = nout;
    s->to->output = "table_handle";
    return LINCE_OK;
}

/* A handle passed on is the same handle. */
static bool is_alias(const struct li_import *im, const struct step *s, const struct li_op *op)
{
    return op && (op->flags & LI_OP_ALIAS) && s->in.count == 1 && im->graph->values[s->in.v[0]].dtype == LINCE_RESOURCE;
}

/* The order of nodes is all that it asks for. */
static bool is_order_only(const struct li_op *op)
{
    return op && op->inputs_max == 0 && !op->outputs && !op->effects;
}

static lince_status import_node(struct li_import *im, struct step *s)
{
    const struct li_op *op = s->frame->function->op[s->n];
    const char *name = s->node->op;
    const struct li_function *called;
    bool done = false;

    LI_TRY(note_op(im, name));
    if (is_order_only(op)) {
        *s->to = (struct li_results){.graph_node = LI_NONE};
        return LINCE_OK;
    }
    if (!strcmp(name, "Const")) {
        return import_constant(im, s);
    }
    if (!strcmp(name, "PartitionedCall") || !strcmp(name, "StatefulPartitionedCall")) {
        return import_call_op(im, s);
    }
    if (is_alias(im, s, op)) {
        return keep_one(im, s, s->in.v[0]);
    }
    if (im->table) {
        LI_TRY(import_table_node(im, s, &done));
    }
    if (done) {
        return LINCE_OK;
    }
    if (op && !(op->flags & LI_OP_INTERNAL)) {
        return append(im, s, op);
    }
    LI_TRY(find_function(im, s, name, &called));
    if (called) {
        return import_call(im, s, called, &(struct li_given){s->node->attr, s->node->n_attr}, true);
    }
    return add_missing(im, s->to, s->name, li_arena_printf(&im->scratch, im->err, "%.200s", name));
}

/* ---- Frames ---- */

static lince_status start_step(struct li_import *im, struct li_frame *f, int32_t n, struct step *s)
{
    *s = (struct step){.frame = f, .n = n, .node = f->function->def->node_def[n], .to = &f->node[n]};
    s->name = f->path ? li_arena_printf(&im->scratch, im->err, "%s/%s", f->path, s->node->name) : s->node->name;
    if (!s->name) {
        return LINCE_ENOMEM;
    }
    if (strlen(s->name) > LI_MAX_NAME) {
        return li_fail(im->err, LINCE_ELIMIT, "node \"%.200s...\": a name of %zu bytes with its calls, the limit is %d",
                       s->name, strlen(s->name), LI_MAX_NAME);
    }
    LI_TRY(charge(im, 1 + strlen(s->name) / NAME_BYTES, s->name));
    return read_inputs(im, f, n, &s->in);
}

static lince_status read_results(struct li_import *im, const struct li_frame *f, const li_vid **out)
{
    struct values results = {0};
    size_t n = f->function->signature->n_output_arg;

    for (size_t i = 0; i < n; i++) {
        LI_TRY(read_source(im, f, &f->function->ret[i], "a result", &results));
        if ((size_t)results.count != i + 1) {
            return li_fail(im->err, LINCE_EUNSUPPORTED, "result \"%.200s\" is a list of tensors",
                           f->function->signature->output_arg[i]->name);
        }
    }
    *out = results.v;
    return LINCE_OK;
}

/* A list among the arguments would shift those after it. */
static lince_status check_signature(const struct li_function *function, lince_error *err)
{
    const Tf__OpDef *s = function->signature;

    for (size_t i = 0; i < s->n_input_arg + s->n_output_arg; i++) {
        const Tf__OpDef__ArgDef *arg = i < s->n_input_arg ? s->input_arg[i] : s->output_arg[i - s->n_input_arg];
        if (*arg->number_attr || *arg->type_list_attr) {
            return li_fail(err, LINCE_EUNSUPPORTED, "function \"%.200s\": \"%.200s\" is a list of tensors",
                           function->name, arg->name);
        }
    }
    return LINCE_OK;
}

static lince_status check_arguments(const struct li_import *im, const struct li_frame *f)
{
    const Tf__OpDef *s = f->function->signature;

    for (size_t i = 0; i < s->n_input_arg; i++) {
        lince_dtype found = im->graph->values[f->arg[i]].dtype;
        /* What nodes gave has no dtype yet; an argument's type may be an attribute. */
        bool known = found != LINCE_DTYPE_NONE && s->input_arg[i]->type && f->arg[i] != im->dummy;
        if (known && (int32_t)found != s->input_arg[i]->type) {
            return li_fail(im->err, LINCE_EINVAL, "function \"%.200s\": argument \"%.200s\" is %s, it takes %s",
                           f->function->name, s->input_arg[i]->name, li_dtype_name(found),
                           li_dtype_name((lince_dtype)s->input_arg[i]->type));
        }
    }
    return LINCE_OK;
}

static lince_status run_frame(struct li_import *im, struct li_frame *f, const li_vid **out)
{
    const struct li_function *function = f->function;

    LI_TRY(check_signature(function, im->err));
    LI_TRY(check_arguments(im, f));
    f->node = li_arena_calloc(&im->scratch, (size_t)function->node_count, sizeof *f->node, im->err);
    if (!f->node) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < function->order_count; i++) {
        struct step s;
        LI_TRY(start_step(im, f, function->order[i], &s));
        LI_TRY(import_node(im, &s));
    }
    return read_results(im, f, out);
}

lince_status li_inline(struct li_import *im, const struct li_function *function, const li_vid *arg, const li_vid **out)
{
    struct li_frame top = {.function = function, .arg = arg};

    return run_frame(im, &top, out);
}
