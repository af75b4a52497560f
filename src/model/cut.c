/*
 * Functions whose result is taken from further inside. Each function on the way there gets a copy that gives that
 * alone; nodes and captured objects that nothing needs any more are left out.
 *
 * layers: graphs of files
 */
#include "model/cut.h"

#include <stdlib.h>
#include <string.h>

/* What is left of one function. */
struct pruning {
    struct li_draft *draft;
    struct li_frame *frame;
    bool *node, *arg; /* kept */
    int32_t *stack;
    int32_t depth;
    int visits;          /* functions looked into for effects */
    lince_status status; /* of looking into them */
};

/* ---- Effects ---- */

enum { MAX_VISITS = 1 << 12, MAX_DEPTH = 16 };

/* What only reads, or draws, may be left out when nobody needs it. */
static bool is_quiet(const char *op)
{
    static const char *const quiet[] = {"ReadVariableOp",
                                        "NoOp",
                                        "Identity",
                                        "IdentityN",
                                        "Const",
                                        "VarHandleOp",
                                        "RandomUniform",
                                        "RandomStandardNormal",
                                        "TruncatedNormal",
                                        "RandomUniformInt",
                                        "LookupTableFindV2",
                                        "Placeholder"};
    for (size_t i = 0; i < LI_COUNT(quiet); i++) {
        if (strcmp(op, quiet[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool function_acts(struct pruning *p, const char *function, int depth);

/* Whether running the node does more than to give its results. What is not known does. */
static bool acts(struct pruning *p, const Tf__NodeDef *node, int depth)
{
    const char *called = li_called(node);
    return called ? function_acts(p, called, depth + 1) : !is_quiet(node->op);
}

static int compare_effects(const void *a, const void *b)
{
    return strcmp((*(Tf__StringEntry *const *)a)->value, (*(Tf__StringEntry *const *)b)->value);
}

/* def was unpacked for this, so its list may be sorted. */
static bool def_acts(struct pruning *p, const Tf__FunctionDef *def, int depth)
{
    size_t n = def->n_control_ret;
    if (n) {
        qsort(def->control_ret, n, sizeof *def->control_ret, compare_effects);
    }
    for (size_t i = 0; n && i < def->n_node_def; i++) {
        Tf__StringEntry key = {.value = def->node_def[i]->name}, *wanted = &key;
        if (bsearch(&wanted, def->control_ret, n, sizeof *def->control_ret, compare_effects) &&
            acts(p, def->node_def[i], depth)) {
            return true;
        }
    }
    return false;
}

static bool function_acts(struct pruning *p, const char *function, int depth)
{
    const struct li_proto_item *item = li_proto_find(&p->draft->model->meta->functions, function);
    const Tf__FunctionDef *def;
    struct li_arena scratch;
    if (!item || depth > MAX_DEPTH || ++p->visits > MAX_VISITS) {
        return true;
    }
    li_arena_init(&scratch, p->draft->mem, 0);
    lince_status st = li_proto_function(&def, item, &scratch, p->draft->err);
    p->status = p->status ? p->status : st;
    bool yes = st || def_acts(p, def, depth);
    li_arena_free(&scratch);
    return yes;
}

/* ---- What is needed ---- */

static lince_status keep(struct pruning *p, const char *text)
{
    struct li_place place;
    LI_TRY(li_frame_find(&place, p->frame, text, p->draft->err));
    if (place.node < 0) {
        p->arg[-1 - place.node] = true;
    } else if (!p->node[place.node]) {
        p->node[place.node] = true;
        p->stack[p->depth++] = place.node;
    }
    return LINCE_OK;
}

static lince_status follow(struct pruning *p)
{
    while (p->depth) {
        const Tf__NodeDef *node = p->frame->def->node_def[p->stack[--p->depth]];
        for (size_t i = 0; i < node->n_input; i++) {
            if (node->input[i][0] != '^') {
                LI_TRY(keep(p, node->input[i]));
            }
        }
    }
    return LINCE_OK;
}

/* Nodes with effects: in the list of them; where there is no list, all. */
static lince_status keep_effects(struct pruning *p)
{
    const Tf__FunctionDef *def = p->frame->def;
    for (size_t i = 0; i < def->n_control_ret; i++) {
        struct li_place place;
        LI_TRY(li_frame_find(&place, p->frame, def->control_ret[i]->value, p->draft->err));
        if (place.node >= 0 && acts(p, def->node_def[place.node], 0)) {
            LI_TRY(keep(p, def->control_ret[i]->value));
        }
        LI_TRY(p->status);
    }
    for (size_t i = 0; !def->n_control_ret && i < def->n_node_def; i++) {
        if (strncmp(def->node_def[i]->op, "Assign", strlen("Assign")) == 0) {
            LI_TRY(keep(p, def->node_def[i]->name));
        }
    }
    return follow(p);
}

/* ---- What is left ---- */

/* An order after something that is gone is none. */
static void drop_orders(struct pruning *p, Tf__NodeDef *node)
{
    size_t n = 0;
    for (size_t i = 0; i < node->n_input; i++) {
        struct li_place place;
        bool order = node->input[i][0] == '^';
        bool there = li_frame_find(&place, p->frame, node->input[i], NULL) == LINCE_OK &&
                     (place.node < 0 || p->node[place.node]);
        if (!order || there) {
            node->input[n++] = node->input[i];
        }
    }
    node->n_input = n;
}

static void drop_nodes(struct pruning *p)
{
    Tf__FunctionDef *def = p->frame->def;
    size_t n = 0, c = 0;
    for (size_t i = 0; i < def->n_control_ret; i++) {
        struct li_place place;
        if (li_frame_find(&place, p->frame, def->control_ret[i]->value, NULL) == LINCE_OK && place.node >= 0 &&
            p->node[place.node]) {
            def->control_ret[c] = def->control_ret[i];
            def->signature->control_output[c] = def->control_ret[c]->key;
            c++;
        }
    }
    def->n_control_ret = def->signature->n_control_output = c;
    for (size_t i = 0; i < def->n_node_def; i++) {
        if (p->node[i]) {
            drop_orders(p, def->node_def[i]);
        }
    }
    for (size_t i = 0; i < def->n_node_def; i++) {
        if (p->node[i]) {
            def->node_def[n++] = def->node_def[i];
        }
    }
    def->n_node_def = n;
}

/* Attributes by the number of the argument move with it. */
static void drop_args(struct pruning *p)
{
    Tf__FunctionDef *def = p->frame->def;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < def->n_arg_attr; i++) {
        uint32_t key = def->arg_attr[i]->key, before = 0;
        if (key >= def->signature->n_input_arg || !p->arg[key]) {
            continue;
        }
        for (uint32_t k = 0; k < key; k++) {
            before += p->arg[k];
        }
        def->arg_attr[i]->key = before;
        def->arg_attr[kept++] = def->arg_attr[i];
    }
    def->n_arg_attr = kept;
    for (size_t i = 0; i < def->signature->n_input_arg; i++) {
        if (p->arg[i]) {
            def->signature->input_arg[n++] = def->signature->input_arg[i];
        }
    }
    def->signature->n_input_arg = n;
    def->n_resource_arg_unique_id = 0;
}

static void drop_attr(Tf__AttrEntry **attr, size_t *count, const char *key)
{
    size_t n = 0;
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(attr[i]->key, key) != 0) {
            attr[n++] = attr[i];
        }
    }
    *count = n;
}

/* ---- One function ---- */

/* The only result, taken from there. */
static lince_status set_result(struct li_cutting *c, struct li_frame *f, const char *from)
{
    static char name[] = "features";
    struct li_draft *d = c->draft;
    Tf__OpDef__ArgDef *arg = li_arena_alloc(&d->arena, sizeof *arg, d->err);
    Tf__OpDef__ArgDef **args = arg ? li_arena_alloc(&d->arena, sizeof *args, d->err) : NULL;
    Tf__StringEntry *ret = args ? li_arena_alloc(&d->arena, sizeof *ret, d->err) : NULL;
    Tf__StringEntry **rets = ret ? li_arena_alloc(&d->arena, sizeof *rets, d->err) : NULL;
    if (!rets) {
        return LINCE_ENOMEM;
    }
    tf__op_def__arg_def__init(arg);
    tf__string_entry__init(ret);
    arg->name = ret->key = name;
    arg->type = LINCE_FLOAT32;
    ret->value = (char *)(uintptr_t)from;
    args[0] = arg;
    rets[0] = ret;
    f->def->signature->output_arg = args;
    f->def->ret = rets;
    f->def->signature->n_output_arg = f->def->n_ret = 1;
    return LINCE_OK;
}

/* level 0 keeps all tensors of the trace, so that it is called as before. */
static lince_status prune(struct li_cutting *c, int level, struct pruning *p)
{
    struct li_draft *d = c->draft;
    struct li_frame *f = &c->frame[level];
    *p = (struct pruning){.draft = d, .frame = f};
    p->node = li_arena_calloc(&d->arena, f->def->n_node_def, sizeof *p->node, d->err);
    p->arg = li_arena_calloc(&d->arena, f->def->signature->n_input_arg, sizeof *p->arg, d->err);
    p->stack = li_arena_alloc(&d->arena, f->def->n_node_def * sizeof *p->stack, d->err);
    if (!p->node || !p->arg || !p->stack) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; level == 0 && i < c->callee->trace->spec_count && i < f->def->signature->n_input_arg; i++) {
        p->arg[i] = true;
    }
    LI_TRY(keep(p, f->def->ret[0]->value));
    LI_TRY(follow(p));
    LI_TRY(keep_effects(p));
    drop_nodes(p);
    drop_attr(f->def->attr, &f->def->n_attr, "_input_shapes");
    return LINCE_OK;
}

static lince_status name_function(struct li_cutting *c, struct li_frame *f, const char **name)
{
    struct li_draft *d = c->draft;
    LI_TRY(li_arena_grow(&d->arena, &d->swap, &d->swap_room, d->swaps + 1, sizeof *d->swap, d->err));
    LI_TRY(li_draft_name(d, "features", name));
    d->swap[d->swaps].old = f->def->signature->name;
    d->swap[d->swaps++].now = *name;
    f->def->signature->name = (char *)(uintptr_t)*name;
    return LINCE_OK;
}

/* A convolution's features become a matrix. Behind all nodes, which are packed with it. */
static void squeeze_node(struct li_out *out, const char *from)
{
    static const int32_t dims[] = {1, 2};
    size_t at = li_node_open(out, LI_IN_FUNCTION, "Squeeze", "features/Squeeze");
    li_node_inputs(out, from);
    li_attr_type_out(out, "T", LINCE_FLOAT32);
    li_attr_ints_out(out, "squeeze_dims", dims, LI_COUNT(dims));
    li_out_close(out, at);
}

static lince_status add_function(struct li_cutting *c, struct li_frame *f, const char *name, bool squeezes)
{
    static char squeezed[] = "features/Squeeze:output:0";
    struct li_out out;
    li_out_init(&out, c->draft->mem, c->draft->err);
    if (squeezes) {
        squeeze_node(&out, f->def->ret[0]->value);
        f->def->ret[0]->value = squeezed;
    }
    li_out_fields(&out, &f->def->base);
    lince_status st = out.status ? out.status : li_draft_add_function(c->draft, name, &out);
    li_out_free(&out);
    return st;
}

/* ---- The call of one from the one before ---- */

static void keep_list(Tf__AttrValue *types, const bool *arg, size_t args)
{
    size_t n = 0;
    if (types && types->value_case == TF__ATTR_VALUE__VALUE_LIST && types->list->n_type == args) {
        for (size_t i = 0; i < args; i++) {
            if (arg[i]) {
                types->list->type[n++] = types->list->type[i];
            }
        }
        types->list->n_type = n;
    }
}

static Tf__AttrValue *attr_of(Tf__NodeDef *node, const char *key)
{
    return (Tf__AttrValue *)(uintptr_t)li_proto_attr(node->attr, node->n_attr, key);
}

/* It calls the copy, with the arguments that this still has, for its one result. */
static lince_status change_call(struct li_cutting *c, Tf__NodeDef *call, const struct pruning *inner, size_t args,
                                const char *name)
{
    Tf__AttrValue *in = attr_of(call, "Tin"), *out = attr_of(call, "Tout"), *f = attr_of(call, "f");
    size_t n = 0;
    if (call->n_input < args || !in || !out || out->value_case != TF__ATTR_VALUE__VALUE_LIST || !out->list->n_type) {
        return li_fail(c->draft->err, LINCE_EINVAL, "node \"%.200s\" is no whole call", call->name);
    }
    for (size_t i = 0; i < call->n_input; i++) {
        if (i >= args || inner->arg[i]) {
            call->input[n++] = call->input[i];
        }
    }
    call->n_input = n;
    keep_list(in, inner->arg, args);
    out->list->n_type = 1;
    out->list->type[0] = LINCE_FLOAT32;
    f->func->name = (char *)(uintptr_t)name;
    drop_attr(call->attr, &call->n_attr, "_read_only_resource_inputs");
    drop_attr(call->attr, &call->n_attr, "_output_shapes");
    return LINCE_OK;
}

/* Who reads another result of the call, which the copy does not have. */
static lince_status check_readers(const struct li_cutting *c, const struct li_frame *f, const Tf__NodeDef *call)
{
    size_t len = strlen(call->name);
    for (size_t i = 0; i < f->def->n_node_def; i++) {
        const Tf__NodeDef *node = f->def->node_def[i];
        for (size_t k = 0; k < node->n_input; k++) {
            if (strncmp(node->input[k], call->name, len) == 0 && node->input[k][len] == ':') {
                return li_fail(c->draft->err, LINCE_EUNSUPPORTED,
                               "node \"%.200s\" has an effect and reads another result of \"%.200s\", which is cut",
                               node->name, call->name);
            }
        }
    }
    return LINCE_OK;
}

static lince_status cut_level(struct li_cutting *c, int level, const char **from, const char **name, struct pruning *p,
                              size_t *args)
{
    struct li_frame *f = &c->frame[level];
    *args = f->def->signature->n_input_arg;
    LI_TRY(set_result(c, f, *from));
    LI_TRY(prune(c, level, p));
    return name_function(c, f, name);
}

/* From the innermost function outwards. */
static lince_status cut_all(struct li_cutting *c, const char **name, struct pruning *p)
{
    const char *from = c->at.text;
    size_t args;
    int level = c->frames - 1;
    LI_TRY(cut_level(c, level, &from, name, p, &args));
    for (; level > 0; level--) {
        struct li_frame *outer = &c->frame[level - 1];
        Tf__NodeDef *call = outer->def->node_def[c->frame[level].call];
        drop_args(p);
        LI_TRY(add_function(c, &c->frame[level], *name, c->squeezes && level == c->frames - 1));
        LI_TRY(change_call(c, call, p, args, *name));
        from = li_arena_printf(&c->draft->arena, c->draft->err, "%s:output:0", call->name);
        if (!from) {
            return LINCE_ENOMEM;
        }
        LI_TRY(cut_level(c, level - 1, &from, name, p, &args));
        LI_TRY(check_readers(c, outer, call));
    }
    return LINCE_OK;
}

/* ---- The callee ---- */

static lince_status new_callee(struct li_callee *out, struct li_cutting *c, const char *name, const struct pruning *p)
{
    const struct li_callee *old = c->callee;
    struct li_draft *d = c->draft;
    size_t specs = old->trace->spec_count;
    struct li_callee made = {.trace = old->trace, .function = name, .results = 1};
    struct li_arg *spec = li_arena_alloc(&d->arena, sizeof *spec, d->err);
    made.captured = li_arena_alloc(&d->arena, old->captures * sizeof *made.captured, d->err);
    made.result = li_arena_alloc(&d->arena, sizeof *made.result, d->err);
    made.result_name = li_arena_alloc(&d->arena, sizeof *made.result_name, d->err);
    if (!spec || !made.captured || !made.result || !made.result_name) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < old->captures; i++) {
        if (p->arg[specs + i]) {
            made.captured[made.captures++] = old->captured[i];
        }
    }
    *spec = (struct li_arg){.kind = LI_ARG_SPEC, .dtype = LINCE_FLOAT32, .input = LI_NONE};
    spec->shape = (struct li_shape){.rank = 2, .dim = {-1, c->features}};
    made.result[0] = spec;
    made.result_name[0] = "";
    *out = made;
    return LINCE_OK;
}

lince_status li_cut(struct li_callee *callee, struct li_draft *d, size_t answer)
{
    struct li_callee old = *callee;
    struct li_cutting *c = li_arena_calloc(&d->arena, 1, sizeof *c, d->err);
    struct pruning p;
    const char *name;
    if (!c) {
        return LINCE_ENOMEM;
    }
    c->draft = d;
    c->callee = &old;
    LI_TRY(li_cut_find(c, answer));
    if (c->frame[0].def->signature->n_input_arg != old.trace->spec_count + old.captures) {
        return li_fail(d->err, LINCE_EINVAL, "function \"%.200s\" takes %zu arguments, its trace has %zu", old.function,
                       c->frame[0].def->signature->n_input_arg, old.trace->spec_count + old.captures);
    }
    LI_TRY(cut_all(c, &name, &p));
    LI_TRY(new_callee(callee, c, name, &p));
    drop_args(&p);
    return add_function(c, &c->frame[0], name, c->squeezes && c->frames == 1);
}
