/*
 * The way back from a result to the last dense layer: through what moves numbers, biases and what makes probabilities
 * of logits, into functions that are called and out of them again.
 *
 * layers: graphs of files
 */
#include "model/cut.h"

#include <stdlib.h>
#include <string.h>

/* A longer way is that of no network. */
enum { MAX_STEPS = 1 << 12 };

/* ---- Frames ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct li_frame_name *)a)->text, ((const struct li_frame_name *)b)->text);
}

lince_status li_frame_open(struct li_frame *f, struct li_draft *d, const char *function)
{
    const struct li_proto_item *item = li_proto_find(&d->model->meta->functions, function);
    const Tf__FunctionDef *def;
    if (!item) {
        return li_fail(d->err, LINCE_EINVAL, "the library has no function \"%.200s\"", function);
    }
    LI_TRY(li_proto_function(&def, item, &d->arena, d->err));
    *f = (struct li_frame){.def = (Tf__FunctionDef *)(uintptr_t)def};
    if (!def->signature) {
        return li_fail(d->err, LINCE_EINVAL, "function \"%.200s\" has no signature", function);
    }
    size_t args = def->signature->n_input_arg;
    f->name = li_arena_alloc(&d->arena, (args + def->n_node_def) * sizeof *f->name, d->err);
    if (!f->name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < args; i++) {
        f->name[f->names++] = (struct li_frame_name){def->signature->input_arg[i]->name, -1 - (int32_t)i};
    }
    for (size_t i = 0; i < def->n_node_def; i++) {
        f->name[f->names++] = (struct li_frame_name){def->node_def[i]->name, (int32_t)i};
    }
    if (f->names) {
        qsort(f->name, f->names, sizeof *f->name, compare_names);
    }
    return LINCE_OK;
}

lince_status li_frame_find(struct li_place *out, const struct li_frame *f, const char *text, lince_error *err)
{
    const char *start = text + (*text == '^');
    size_t len = strcspn(start, ":"), low = 0, high = f->names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *name = f->name[middle].text;
        int order = li_compare_names(name, strlen(name), start, len);
        if (order == 0) {
            *out = (struct li_place){text, f->name[middle].node};
            return LINCE_OK;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return li_fail(err, LINCE_EINVAL, "function \"%.200s\" has no \"%.200s\"", f->def->signature->name, text);
}

/* ---- Nodes ---- */

static struct li_frame *last(struct li_cutting *c)
{
    return &c->frame[c->frames - 1];
}

/* NULL: an argument. */
static const Tf__NodeDef *node_at(struct li_cutting *c)
{
    return c->at.node < 0 ? NULL : last(c)->def->node_def[c->at.node];
}

static bool is_op(const Tf__NodeDef *node, const char *const *ops, size_t count)
{
    for (size_t i = 0; node && i < count; i++) {
        if (strcmp(node->op, ops[i]) == 0) {
            return true;
        }
    }
    return false;
}
#define IS_OP(node, ...) is_op(node, (const char *const[]){__VA_ARGS__}, LI_COUNT(((const char *const[]){__VA_ARGS__})))

const char *li_called(const Tf__NodeDef *node)
{
    const Tf__AttrValue *f =
        IS_OP(node, "PartitionedCall", "StatefulPartitionedCall") ? li_proto_attr(node->attr, node->n_attr, "f") : NULL;
    return f && f->value_case == TF__ATTR_VALUE__VALUE_FUNC ? f->func->name : NULL;
}

static lince_status unknown(struct li_cutting *c)
{
    const Tf__NodeDef *node = node_at(c);
    return li_fail(c->draft->err, LINCE_EUNSUPPORTED,
                   "trace \"%.200s\": its result comes out of %s \"%.200s\", and of no "
                   "dense layer that could be cut off",
                   c->callee->trace->function, node ? node->op : "an argument", node ? node->name : c->at.text);
}

/* ---- Steps ---- */

static lince_status go(struct li_cutting *c, const char *text)
{
    return li_frame_find(&c->at, last(c), text, c->draft->err);
}

static lince_status input(struct li_cutting *c, const Tf__NodeDef *node, size_t i)
{
    return i < node->n_input ? go(c, node->input[i]) : unknown(c);
}

/* "node:output:2" is 2; what says no number is 0. */
static size_t output_of(const char *text)
{
    const char *colon = strrchr(text, ':');
    return colon ? strtoul(colon + 1, NULL, 10) : 0;
}

static lince_status enter(struct li_cutting *c, const char *function)
{
    int32_t call = c->at.node;
    size_t output = output_of(c->at.text);
    if (c->frames == LI_MAX_FRAMES) {
        return li_fail(c->draft->err, LINCE_ELIMIT, "more than %d calls inside each other", LI_MAX_FRAMES);
    }
    LI_TRY(li_frame_open(&c->frame[c->frames], c->draft, function));
    c->frame[c->frames++].call = call;
    const Tf__FunctionDef *def = last(c)->def;
    const char *name = output < def->signature->n_output_arg ? def->signature->output_arg[output]->name : NULL;
    for (size_t i = 0; name && i < def->n_ret; i++) {
        if (strcmp(def->ret[i]->key, name) == 0) {
            return go(c, def->ret[i]->value);
        }
    }
    return li_fail(c->draft->err, LINCE_EINVAL, "function \"%.200s\" has no result %zu", function, output);
}

/* From an argument to what the call gives for it. */
static lince_status leave(struct li_cutting *c)
{
    if (c->frames == 1) {
        return unknown(c);
    }
    size_t arg = (size_t)(-1 - c->at.node);
    int32_t call = last(c)->call;
    c->frames--;
    return input(c, last(c)->def->node_def[call], arg);
}

/* A weight: a variable's value, or a constant. */
static bool is_weight(const struct li_cutting *c, const char *text)
{
    struct li_place place;
    const struct li_frame *f = &c->frame[c->frames - 1];
    if (li_frame_find(&place, f, text, NULL) || place.node < 0) {
        return false;
    }
    return IS_OP(f->def->node_def[place.node], "ReadVariableOp", "Const");
}

/* ---- To the dense layer ---- */

static bool is_dense(const Tf__NodeDef *node)
{
    return IS_OP(node, "MatMul", "Conv2D") && node->n_input >= 2;
}

/* One step back. Of a sum the weight is a bias. */
static lince_status step(struct li_cutting *c)
{
    const Tf__NodeDef *node = node_at(c);
    if (!node) {
        return leave(c);
    }
    if (li_called(node)) {
        return enter(c, li_called(node));
    }
    if (IS_OP(node, "Identity", "StopGradient", "PreventGradient", "Softmax", "Sigmoid", "BiasAdd", "Reshape",
              "Squeeze", "Snapshot")) {
        return input(c, node, 0);
    }
    if (IS_OP(node, "IdentityN")) {
        return input(c, node, output_of(c->at.text));
    }
    if (IS_OP(node, "Add", "AddV2") && node->n_input >= 2) {
        bool first = is_weight(c, node->input[0]), second = is_weight(c, node->input[1]);
        return first == second ? unknown(c) : input(c, node, first ? 1 : 0);
    }
    return unknown(c);
}

static lince_status count_step(struct li_cutting *c)
{
    return ++c->steps > MAX_STEPS ? li_fail(c->draft->err, LINCE_ELIMIT,
                                            "the way to its last dense layer has more than "
                                            "%d steps",
                                            MAX_STEPS)
                                  : LINCE_OK;
}

/* ---- How many features there are ---- */

/* The variable that a weight is read from, LI_NONE: none. Leaves everything as it is. */
static int32_t variable_of(struct li_cutting *c, const char *text)
{
    struct li_cutting look = *c;
    while (!count_step(&look) && go(&look, text) == LINCE_OK) {
        const Tf__NodeDef *node = node_at(&look);
        size_t arg = (size_t)(-1 - look.at.node);
        if (node && IS_OP(node, "ReadVariableOp", "Identity") && node->n_input) {
            text = node->input[0];
        } else if (!node && look.frames > 1) {
            const Tf__NodeDef *call = look.frame[look.frames - 2].def->node_def[last(&look)->call];
            look.frames--;
            if (arg >= call->n_input) {
                return LI_NONE;
            }
            text = call->input[arg];
        } else if (!node && arg >= c->callee->trace->spec_count &&
                   arg - c->callee->trace->spec_count < c->callee->captures) {
            return c->callee->captured[arg - c->callee->trace->spec_count];
        } else {
            return LI_NONE;
        }
    }
    return LI_NONE;
}

static int64_t count_features(struct li_cutting *c, const Tf__NodeDef *dense)
{
    int32_t object = variable_of(c, dense->input[1]);
    const Tf__SavedObject *o = object == LI_NONE ? NULL : c->draft->object[object];
    struct li_shape shape;
    const Tf__AttrValue *transposed = li_proto_attr(dense->attr, dense->n_attr, "transpose_b");
    bool turned = transposed && transposed->value_case == TF__ATTR_VALUE__VALUE_B && transposed->b;
    if (!o || o->kind_case != TF__SAVED_OBJECT__KIND_VARIABLE || li_proto_shape(&shape, o->variable->shape, NULL)) {
        return -1;
    }
    return shape.rank == 2 ? shape.dim[turned ? 1 : 0] : shape.rank == 4 ? shape.dim[2] : -1;
}

static lince_status check_dense(struct li_cutting *c, const Tf__NodeDef *dense)
{
    const Tf__AttrValue *turned = li_proto_attr(dense->attr, dense->n_attr, "transpose_a");
    const Tf__AttrValue *type = li_proto_attr(dense->attr, dense->n_attr, "T");
    if (turned && turned->value_case == TF__ATTR_VALUE__VALUE_B && turned->b) {
        return unknown(c);
    }
    if (!type || type->value_case != TF__ATTR_VALUE__VALUE_TYPE || type->type != LINCE_FLOAT32) {
        return li_fail(c->draft->err, LINCE_EUNSUPPORTED, "its last dense layer \"%.200s\" is not of float32",
                       dense->name);
    }
    c->squeezes = strcmp(dense->op, "Conv2D") == 0;
    c->features = count_features(c, dense);
    return LINCE_OK;
}

/* ---- Behind it: dropout, and calls that hand on what they are given ---- */

/* The node that an input names in the same function; NULL: an argument, or nothing. */
static const Tf__NodeDef *source(const struct li_frame *f, const Tf__NodeDef *node, size_t i)
{
    struct li_place place;
    bool found = i < node->n_input && li_frame_find(&place, f, node->input[i], NULL) == LINCE_OK;
    return found && place.node >= 0 ? f->def->node_def[place.node] : NULL;
}

/* random >= rate, perhaps as numbers */
static bool is_mask(const struct li_frame *f, const Tf__NodeDef *node)
{
    node = node && IS_OP(node, "Cast") ? source(f, node, 0) : node;
    const Tf__NodeDef *random = node && IS_OP(node, "GreaterEqual") ? source(f, node, 0) : NULL;
    return random && (strstr(random->op, "RandomUniform") || li_called(random) || IS_OP(random, "AddV2", "Add"));
}

/* What dropout was made of: the text of it, or NULL. x * scale is kept where a mask says so. */
static const char *dropped(const struct li_frame *f, const Tf__NodeDef *node)
{
    const Tf__NodeDef *scaled = NULL;
    if (node && IS_OP(node, "SelectV2", "Select") && is_mask(f, source(f, node, 0))) {
        scaled = source(f, node, 1);
    } else if (node && IS_OP(node, "Mul") && is_mask(f, source(f, node, 1))) {
        scaled = source(f, node, 0);
    }
    const Tf__NodeDef *factor = scaled && IS_OP(scaled, "Mul", "RealDiv") ? source(f, scaled, 1) : NULL;
    return factor && IS_OP(factor, "Const") ? scaled->input[0] : NULL;
}

static lince_status settle(struct li_cutting *c);

/* Into the function and, if it only hands on, out of it again; else as if nothing had been. */
static lince_status through(struct li_cutting *c, const char *function)
{
    struct li_cutting before = *c;
    int frames = c->frames;
    LI_TRY(enter(c, function));
    while (c->frames > frames) {
        int level = c->frames;
        const char *text = c->at.text;
        int32_t node = c->at.node;
        if (node < 0) {
            LI_TRY(leave(c));
        } else {
            LI_TRY(settle(c));
        }
        if (c->frames == level && c->at.text == text && c->at.node == node) {
            int steps = c->steps;
            *c = before;
            c->steps = steps;
            return LINCE_OK;
        }
    }
    return LINCE_OK;
}

/* As far back as nothing is computed; arguments of the last frame are where it ends. */
static lince_status settle(struct li_cutting *c)
{
    for (;;) {
        const Tf__NodeDef *node = node_at(c);
        const char *text = node && IS_OP(node, "Identity") ? node->input[0] : dropped(last(c), node);
        struct li_place at = c->at;
        LI_TRY(count_step(c));
        if (!node) {
            return LINCE_OK;
        }
        if (text) {
            LI_TRY(go(c, text));
        } else if (li_called(node)) {
            LI_TRY(through(c, li_called(node)));
        }
        if (c->at.text == at.text && c->at.node == at.node) {
            return LINCE_OK;
        }
    }
}

/* The features' own place: out of functions that are given them. */
static lince_status settle_out(struct li_cutting *c)
{
    LI_TRY(settle(c));
    while (c->at.node < 0) {
        LI_TRY(leave(c));
        LI_TRY(settle(c));
    }
    return LINCE_OK;
}

lince_status li_cut_find(struct li_cutting *c, size_t answer)
{
    const Tf__FunctionDef *def;
    LI_TRY(li_frame_open(&c->frame[0], c->draft, c->callee->function));
    c->frames = 1;
    def = c->frame[0].def;
    const char *name = answer < def->signature->n_output_arg ? def->signature->output_arg[answer]->name : "";
    for (size_t i = 0; i < def->n_ret && !c->at.text; i++) {
        if (strcmp(def->ret[i]->key, name) == 0) {
            LI_TRY(go(c, def->ret[i]->value));
        }
    }
    if (!c->at.text) {
        return li_fail(c->draft->err, LINCE_EINVAL, "function \"%.200s\" has no result %zu", c->callee->function,
                       answer);
    }
    while (!is_dense(node_at(c))) {
        LI_TRY(count_step(c));
        LI_TRY(step(c));
    }
    const Tf__NodeDef *dense = node_at(c);
    LI_TRY(check_dense(c, dense));
    LI_TRY(input(c, dense, 0));
    return settle_out(c);
}
