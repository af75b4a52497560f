/* One part into the graph: appended as its row has it, or treated as what it is. */
#include "model/inline.h"

#include <string.h>

lince_status li_import_gave(struct li_import *im, struct li_step *s, li_vid v)
{
    li_vid *out = li_arena_alloc(&im->scratch, sizeof *out, im->err);
    if (!out) {
        return LINCE_ENOMEM;
    }
    *out = v;
    *s->to = (struct li_results){.out = out, .count = 1, .graph_node = LI_NONE};
    return LINCE_OK;
}

lince_status li_import_constant(struct li_import *im, struct li_step *s)
{
    li_vid v;
    if (!s->part->constant) {
        lince_status st = li_attrs_constant(&s->part->constant, s->part, &im->model->arena, im->err);
        if (st == LINCE_EUNSUPPORTED) {
            return li_import_missing(im, s, "Const of another dtype");
        }
        if (st) {
            return li_prefix(im->err, st, "node \"%.500s\" (Const)", s->name);
        }
    }
    LI_TRY(li_graph_constant(im->graph, s->part->constant, &v, im->err));
    return li_import_gave(im, s, v);
}

/* ---- Effects ---- */

/* Which handle an op uses is known here, and so is which generator: a graph that lacks a row is not run. */
static lince_status set_effects(struct li_import *im, const struct li_step *s, struct li_node *node)
{
    unsigned effects = node->op->effects;
    if (effects & (LI_EFFECT_WRITE | LI_EFFECT_FAIL) && s->frame->need[s->n].must) {
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
    const char *key = NULL;
    if (effects & LI_EFFECT_RANDOM) {
        key = li_arena_printf(&im->scratch, im->err, "%s/%s", im->trace, node->name);
        if (!key) {
            return LINCE_ENOMEM;
        }
    }
    return li_graph_touch(im->graph, im->graph->node_count - 1, key, im->err);
}

/* ---- Kinds of parts ---- */

static lince_status append(struct li_import *im, struct li_step *s)
{
    const struct li_op *op = s->part->op;
    const struct li_attr *attrs;
    struct li_node *node;
    int count;
    lince_status st = li_attrs_read(&attrs, &count, s->part, &s->frame->given, &im->scratch, im->err);
    if (st == LINCE_EUNSUPPORTED) {
        return li_import_missing(im, s, op->name);
    }
    LI_TRY(st);
    if (s->part->saved && im->gradients) {
        LI_TRY(li_registered_widen(im, s, &attrs, count));
    }
    st = li_graph_append(im->graph, op, s->name, s->in.v, s->in.count, attrs, count, &node, im->err);
    if (st == LINCE_EUNSUPPORTED) {
        return li_import_missing(im, s, li_attrs_unsupported(op, attrs, count, &im->scratch, im->err));
    }
    LI_TRY(st);
    LI_TRY(set_effects(im, s, node));
    *s->to = (struct li_results){.out = node->out, .count = node->nout, .graph_node = im->graph->node_count - 1};
    return li_import_charge(im, (size_t)node->nout, s->name);
}

/* A handle passed on is the same handle. */
static bool is_alias(const struct li_import *im, const struct li_step *s)
{
    const struct li_op *op = s->part->op;
    return op && (op->flags & LI_OP_ALIAS) && s->in.count == 1 && im->graph->values[s->in.v[0]].dtype == LINCE_RESOURCE;
}

/* The order of nodes is all that it asks for. */
static bool is_order_only(const struct li_op *op)
{
    return op && op->inputs_max == 0 && !op->outputs && !op->effects;
}

/* An op without a row may be the name of a function. */
static lince_status import_other(struct li_import *im, struct li_step *s)
{
    struct li_body *called;
    LI_TRY(li_import_find(im, s, s->part->op_name, &called));
    return called ? li_import_call_by_name(im, s, called)
                  : li_import_missing(im, s, li_arena_printf(&im->scratch, im->err, "%.200s", s->part->op_name));
}

lince_status li_import_part(struct li_import *im, struct li_step *s)
{
    const struct li_op *op = s->part->op;
    LI_TRY(li_import_note_op(im, s->part->op_name));
    if (s->part->special) {
        return s->part->special->import(im, s);
    }
    if (is_order_only(op)) {
        *s->to = (struct li_results){.graph_node = LI_NONE};
        return LINCE_OK;
    }
    if (op && op->control) {
        return li_import_control(im, s);
    }
    if (is_alias(im, s)) {
        return li_import_gave(im, s, s->in.v[0]);
    }
    return op && !(op->flags & LI_OP_INTERNAL) ? append(im, s) : import_other(im, s);
}
