/* New functions: what is around a call of another one. The numbers are those of graph.proto. */
#include "model/draft.h"

#include <stdio.h>

enum { FUNCTION_SIGNATURE = 1, FUNCTION_RET = 4, FUNCTION_CONTROL_RET = 6, FUNCTION_ARG_ATTR = 7 };
enum { OP_NAME = 1, OP_INPUT = 2, OP_OUTPUT = 3, OP_STATEFUL = 17, OP_CONTROL_OUTPUT = 20 };
enum { ARG_NAME = 1, ARG_TYPE = 3, ARG_HANDLE = 7 };
enum { KEY = 1, VALUE = 2 };

lince_status li_made_open(struct li_made *made, struct li_draft *draft, const char *base)
{
    made->draft = draft;
    li_out_init(&made->out, draft->mem, draft->err);
    return li_draft_name(draft, base, &made->name);
}

void li_made_free(struct li_made *made)
{
    if (made->draft) {
        li_out_free(&made->out);
    }
}

/* ---- Arguments ---- */

static lince_status constant_type(const struct li_draft *d, const char *operation, int32_t *type)
{
    const struct li_proto_item *item = li_proto_find(&d->model->meta->nodes, operation);
    const Tf__NodeDef *node;
    struct li_arena scratch;
    if (!item) {
        return LINCE_OK;
    }
    li_arena_init(&scratch, d->mem, 0);
    lince_status st = li_proto_node(&node, item, &scratch, d->err);
    const Tf__AttrValue *dtype = st ? NULL : li_proto_attr(node->attr, node->n_attr, "dtype");
    *type = dtype && dtype->value_case == TF__ATTR_VALUE__VALUE_TYPE ? dtype->type : 0;
    li_arena_free(&scratch);
    return st;
}

lince_status li_draft_captured_type(const struct li_draft *d, int32_t object, int32_t *type)
{
    const Tf__SavedObject *o = d->object[object];
    *type = 0;
    switch (o->kind_case) {
    case TF__SAVED_OBJECT__KIND_VARIABLE:
    case TF__SAVED_OBJECT__KIND_RESOURCE:
        *type = LINCE_RESOURCE;
        return LINCE_OK;
    case TF__SAVED_OBJECT__KIND_ASSET:
        *type = LINCE_STRING;
        return LINCE_OK;
    case TF__SAVED_OBJECT__KIND_CONSTANT:
        return constant_type(d, o->constant->operation, type);
    default:
        return LINCE_OK;
    }
}

/* Of a function under construction. */
static int32_t captured_type(struct li_made *made, size_t i)
{
    int32_t type;
    lince_status st = li_draft_captured_type(made->draft, made->captured[i], &type);
    if (st) {
        li_out_fail(&made->out, st);
    }
    return type;
}

lince_status li_draft_result_type(const struct li_draft *d, const char *function, int32_t *type, size_t *results)
{
    const struct li_proto_item *item = li_proto_find(&d->model->meta->functions, function);
    const Tf__FunctionDef *def;
    struct li_arena scratch;
    if (!item) {
        return li_fail(d->err, LINCE_EINVAL, "the library has no function \"%.200s\"", function);
    }
    li_arena_init(&scratch, d->mem, 0);
    lince_status st = li_proto_function(&def, item, &scratch, d->err);
    *results = !st && def->signature ? LI_MIN(def->signature->n_output_arg, (size_t)1) : 0;
    *type = *results ? def->signature->output_arg[0]->type : 0;
    if (!st && def->signature && def->signature->n_output_arg > 1) {
        st = li_fail(d->err, LINCE_EUNSUPPORTED, "function \"%.200s\", which fills a table, gives %zu results",
                     function, def->signature->n_output_arg);
    }
    li_arena_free(&scratch);
    return st;
}

static void tensor_arg(struct li_out *out, uint32_t field, const char *name, int32_t type)
{
    size_t at = li_out_open(out, field);
    li_out_text(out, ARG_NAME, name);
    li_out_int(out, ARG_TYPE, type);
    li_out_close(out, at);
}

/* A handle says what the variable behind it is. */
static void captured_arg(struct li_made *made, size_t i)
{
    const Tf__SavedObject *o = made->draft->object[made->captured[i]];
    struct li_out *out = &made->out;
    char name[32];
    snprintf(name, sizeof name, "capture_%zu", i);
    size_t at = li_out_open(out, OP_INPUT);
    li_out_text(out, ARG_NAME, name);
    li_out_int(out, ARG_TYPE, captured_type(made, i));
    if (o->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE && o->variable->shape) {
        size_t data = li_out_open(out, ARG_HANDLE);
        li_out_int(out, 1, o->variable->dtype);
        li_out_message(out, 2, &o->variable->shape->base);
        li_out_close(out, data);
    }
    li_out_close(out, at);
}

/* TensorFlow's loader takes shapes of arguments from here, and its saver the names of a signature's. */
static void arg_attrs(struct li_made *made, size_t i)
{
    enum { ATTR_NAME = 1, AS_LIST = 1, AS_TEXT = 2, LIST_SHAPE = 7 };
    struct li_out *out = &made->out;
    size_t entry = li_out_open(out, FUNCTION_ARG_ATTR);
    li_out_int(out, KEY, (int64_t)i);
    size_t attrs = li_out_open(out, VALUE);
    size_t name = li_out_open(out, ATTR_NAME);
    li_out_text(out, KEY, "_user_specified_name");
    size_t value = li_out_open(out, VALUE);
    li_out_text(out, AS_TEXT, made->spec_name[i]);
    li_out_close(out, value);
    li_out_close(out, name);
    size_t shapes = li_out_open(out, ATTR_NAME);
    li_out_text(out, KEY, "_output_shapes");
    value = li_out_open(out, VALUE);
    size_t list = li_out_open(out, AS_LIST);
    li_shape_out(out, LIST_SHAPE, &made->spec[i]->shape);
    li_out_close(out, list);
    li_out_close(out, value);
    li_out_close(out, shapes);
    li_out_close(out, attrs);
    li_out_close(out, entry);
}

/* ---- Calls ---- */

void li_made_call(struct li_made *made, const char *name, const char *function, const char *const *inputs, size_t specs,
                  const int32_t *spec_type, size_t captures, const int32_t *result, size_t results)
{
    struct li_out *out = &made->out;
    int32_t *type = li_arena_alloc(&made->draft->arena, (specs + captures) * sizeof *type, made->draft->err);
    if (!type) {
        li_out_fail(out, LINCE_ENOMEM);
        return;
    }
    size_t at = li_node_open(out, LI_IN_FUNCTION, "StatefulPartitionedCall", name);
    for (size_t i = 0; i < specs; i++) {
        li_node_inputs(out, inputs[i]);
        type[i] = spec_type[i];
    }
    for (size_t i = 0; i < captures; i++) {
        li_node_input(out, "capture_%zu", i);
        type[specs + i] = captured_type(made, i);
    }
    li_attrs_of_call_out(out, function, type, specs + captures, result, results);
    li_out_close(out, at);
    size_t effect = li_out_open(out, FUNCTION_CONTROL_RET);
    li_out_text(out, KEY, name);
    li_out_text(out, VALUE, name);
    li_out_close(out, effect);
    made->effect = name;
}

/* ---- The whole ---- */

static void signature(struct li_made *made, const struct li_arg *const *result, size_t results)
{
    struct li_out *out = &made->out;
    char name[32];
    size_t at = li_out_open(out, FUNCTION_SIGNATURE);
    li_out_text(out, OP_NAME, made->name);
    for (size_t i = 0; i < made->specs; i++) {
        snprintf(name, sizeof name, "input_%zu", i);
        tensor_arg(out, OP_INPUT, name, made->spec[i]->dtype);
    }
    for (size_t i = 0; i < made->captures; i++) {
        captured_arg(made, i);
    }
    for (size_t i = 0; i < results; i++) {
        snprintf(name, sizeof name, "output_%zu", i);
        tensor_arg(out, OP_OUTPUT, name, result[i]->dtype);
    }
    li_out_int(out, OP_STATEFUL, 1);
    if (made->effect) {
        li_out_text(out, OP_CONTROL_OUTPUT, made->effect);
    }
    li_out_close(out, at);
}

static void returns(struct li_made *made, const char *const *from, size_t results)
{
    char name[32];
    for (size_t i = 0; i < results; i++) {
        snprintf(name, sizeof name, "output_%zu", i);
        size_t at = li_out_open(&made->out, FUNCTION_RET);
        li_out_text(&made->out, KEY, name);
        li_out_text(&made->out, VALUE, from[i]);
        li_out_close(&made->out, at);
    }
}

void li_made_signature(struct li_made *made, const char *const *from, const struct li_arg *const *result,
                       size_t results)
{
    signature(made, result, results);
    returns(made, from, results);
    for (size_t i = 0; i < made->specs; i++) {
        arg_attrs(made, i);
    }
}

lince_status li_made_close(struct li_made *made, const char *const *from, const struct li_arg *const *result,
                           size_t results, Tf__StructuredValue *arguments, Tf__StructuredValue *structure)
{
    struct li_draft *d = made->draft;
    Tf__SavedConcreteFunction *concrete = li_arena_alloc(&d->arena, sizeof *concrete, d->err);
    if (!concrete || !arguments || !structure) {
        return LINCE_ENOMEM;
    }
    li_made_signature(made, from, result, results);
    tf__saved_concrete_function__init(concrete);
    concrete->bound_inputs = made->captured;
    concrete->n_bound_inputs = made->captures;
    concrete->canonicalized_input_signature = arguments;
    concrete->output_signature = structure;
    LI_TRY(li_draft_add_function(d, made->name, &made->out));
    return li_draft_add_concrete(d, made->name, concrete);
}
