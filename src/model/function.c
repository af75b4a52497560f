/* A FunctionDef, unpacked when it is first needed: names resolved to numbers, the nodes that matter put in order. */
#include "model/inline.h"

#include <stdlib.h>
#include <string.h>

struct name {
    const char *text;
    size_t len;
    int32_t place; /* of a node; -1 - i: of argument i */
};

struct resolver {
    struct li_function *f;
    struct li_arena *arena;  /* the model's */
    struct li_arena scratch; /* of this function's resolving */
    struct name *names;      /* of arguments and nodes, sorted */
    size_t name_count;
    lince_error *err;
};

/* ---- Names ---- */

static int compare_text(const char *a, size_t an, const char *b, size_t bn)
{
    int order = memcmp(a, b, LI_MIN(an, bn));
    return order ? order : (an > bn) - (an < bn);
}

static int compare_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = compare_text(x->text, x->len, y->text, y->len);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

static lince_status check_name(struct resolver *r, const char *name)
{
    if (strlen(name) > LI_MAX_NAME) {
        return li_fail(r->err, LINCE_ELIMIT, "a name has %zu bytes, the limit is %d", strlen(name), LI_MAX_NAME);
    }
    return LINCE_OK;
}

static lince_status index_names(struct resolver *r)
{
    const Tf__OpDef *s = r->f->signature;
    size_t n = 0;
    r->names = li_arena_alloc(&r->scratch, (s->n_input_arg + r->f->def->n_node_def) * sizeof *r->names, r->err);
    if (!r->names) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < s->n_input_arg; i++) {
        LI_TRY(check_name(r, s->input_arg[i]->name));
        r->names[n++] = (struct name){s->input_arg[i]->name, strlen(s->input_arg[i]->name), -1 - (int32_t)i};
    }
    for (int32_t i = 0; i < r->f->node_count; i++) {
        const char *name = r->f->def->node_def[i]->name;
        LI_TRY(check_name(r, name));
        r->names[n++] = (struct name){name, strlen(name), i};
    }
    qsort(r->names, n, sizeof *r->names, compare_names);
    for (size_t i = 1; i < n; i++) {
        if (!compare_text(r->names[i - 1].text, r->names[i - 1].len, r->names[i].text, r->names[i].len)) {
            return li_fail(r->err, LINCE_EINVAL, "two nodes or arguments have the name \"%.200s\"", r->names[i].text);
        }
    }
    r->name_count = n;
    return LINCE_OK;
}

static const struct name *find_name(const struct resolver *r, const char *text, size_t len)
{
    size_t low = 0, high = r->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_text(r->names[middle].text, r->names[middle].len, text, len);
        if (!order) {
            return &r->names[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

/* A decimal number below 2^20 and nothing else; -1 otherwise. */
static int32_t small_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits < 7 && !text[digits] ? (int32_t)strtol(text, NULL, 10) : -1;
}

/* "arg", "arg:0", "node:output:index", "node:output", "^node". who reads it, for messages. */
static lince_status resolve(struct resolver *r, const char *text, const char *who, struct li_source *out)
{
    const char *start = text + (*text == '^');
    size_t len = strcspn(start, ":");
    const struct name *name = find_name(r, start, len);
    const char *rest = start + len + (start[len] == ':');
    *out = (struct li_source){.control = *text == '^'};
    if (!name) {
        return li_fail(r->err, LINCE_EINVAL, "%.200s reads \"%.200s\", and there is no such node or argument", who,
                       text);
    }
    out->node = name->place < 0 ? LI_NONE : name->place;
    out->index = name->place < 0 ? -1 - name->place : 0;
    if (out->control || name->place < 0) {
        return *rest && (out->control || strcmp(rest, "0") != 0)
                   ? li_fail(r->err, LINCE_EINVAL, "%.200s reads \"%.200s\", which makes no sense", who, text)
                   : LINCE_OK;
    }
    out->output = rest;
    out->output_len = (int32_t)LI_MIN(strcspn(rest, ":"), (size_t)LI_MAX_NAME);
    out->whole = !rest[out->output_len];
    if (!out->whole) {
        out->index = small_number(rest + out->output_len + 1);
    }
    if (!out->output_len || out->index < 0) {
        return li_fail(r->err, LINCE_EINVAL, "%.200s reads \"%.200s\"; wanted NODE:OUTPUT:INDEX", who, text);
    }
    return LINCE_OK;
}

static lince_status resolve_inputs(struct resolver *r)
{
    struct li_function *f = r->f;
    for (int32_t i = 0; i < f->node_count; i++) {
        const Tf__NodeDef *node = f->def->node_def[i];
        f->op[i] = li_ops_find(li_ops(), node->op);
        f->in[i] = li_arena_alloc(r->arena, node->n_input * sizeof **f->in, r->err);
        if (!f->in[i]) {
            return LINCE_ENOMEM;
        }
        for (size_t k = 0; k < node->n_input; k++) {
            LI_TRY(resolve(r, node->input[k], node->name, &f->in[i][k]));
        }
        f->size += 1 + node->n_input;
    }
    return LINCE_OK;
}

static int compare_entries(const void *a, const void *b)
{
    return strcmp((*(Tf__StringEntry *const *)a)->key, (*(Tf__StringEntry *const *)b)->key);
}

static lince_status resolve_results(struct resolver *r)
{
    const Tf__OpDef *s = r->f->signature;
    const Tf__FunctionDef *def = r->f->def;
    Tf__StringEntry **sorted = li_arena_alloc(&r->scratch, def->n_ret * sizeof *sorted, r->err);
    if (!sorted) {
        return LINCE_ENOMEM;
    }
    if (def->n_ret) {
        memcpy(sorted, def->ret, def->n_ret * sizeof *sorted);
        qsort(sorted, def->n_ret, sizeof *sorted, compare_entries);
    }
    for (size_t i = 0; i < s->n_output_arg; i++) {
        Tf__StringEntry key = {.key = s->output_arg[i]->name}, *wanted = &key, **found;
        LI_TRY(check_name(r, key.key));
        found = def->n_ret ? bsearch(&wanted, sorted, def->n_ret, sizeof *sorted, compare_entries) : NULL;
        if (!found) {
            return li_fail(r->err, LINCE_EINVAL, "its result \"%.200s\" is returned by no node", key.key);
        }
        LI_TRY(resolve(r, (*found)->value, "its result", &r->f->ret[i]));
    }
    return LINCE_OK;
}

static lince_status sort_outputs(struct resolver *r)
{
    const Tf__OpDef *s = r->f->signature;
    struct name *sorted = li_arena_alloc(&r->scratch, s->n_output_arg * sizeof *sorted, r->err);
    if (!sorted) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < s->n_output_arg; i++) {
        sorted[i] = (struct name){s->output_arg[i]->name, strlen(s->output_arg[i]->name), (int32_t)i};
    }
    if (s->n_output_arg) {
        qsort(sorted, s->n_output_arg, sizeof *sorted, compare_names);
    }
    for (size_t i = 0; i < s->n_output_arg; i++) {
        r->f->output_order[i] = sorted[i].place;
    }
    return LINCE_OK;
}

int32_t li_function_output(const struct li_function *f, const char *name, int32_t len)
{
    size_t low = 0, high = f->signature->n_output_arg;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *text = f->signature->output_arg[f->output_order[middle]]->name;
        int order = compare_text(text, strlen(text), name, (size_t)len);
        if (!order) {
            return f->output_order[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return LI_NONE;
}

/* ---- What matters, and its order ---- */

enum { READ = 1, MUST = 2 };

struct reach {
    uint8_t *flags;
    int32_t *stack;
    size_t depth;
};

static void mark(struct reach *t, int32_t node, uint8_t flags)
{
    if (node != LI_NONE && (t->flags[node] | flags) != t->flags[node]) {
        t->flags[node] |= flags;
        t->stack[t->depth++] = node; /* at most twice each: flags only grow, and MUST comes with READ */
    }
}

static lince_status mark_effects(struct resolver *r, struct reach *t)
{
    const Tf__FunctionDef *def = r->f->def;
    for (size_t i = 0; i < def->n_control_ret; i++) {
        const char *text = def->control_ret[i]->value;
        const struct name *name = find_name(r, text, strlen(text));
        if (!name) {
            return li_fail(r->err, LINCE_EINVAL, "its effect \"%.200s\" is of no node", text);
        }
        mark(t, name->place < 0 ? LI_NONE : name->place, READ | MUST);
    }
    /* Without a list of its effects, a stateful function has all that its nodes have. */
    for (int32_t i = 0; !def->n_control_ret && r->f->signature->is_stateful && i < r->f->node_count; i++) {
        bool call = strcmp(def->node_def[i]->op, "StatefulPartitionedCall") == 0;
        if (call || (r->f->op[i] && r->f->op[i]->effects & (LI_EFFECT_WRITE | LI_EFFECT_FAIL))) {
            mark(t, i, READ | MUST);
        }
    }
    return LINCE_OK;
}

static lince_status find_reachable(struct resolver *r, struct reach *t)
{
    struct li_function *f = r->f;
    size_t n = (size_t)f->node_count;
    t->flags = li_arena_calloc(&r->scratch, n, 1, r->err);
    t->stack = li_arena_alloc(&r->scratch, 2 * n * sizeof *t->stack, r->err);
    if (!t->flags || !t->stack) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < f->signature->n_output_arg; i++) {
        mark(t, f->ret[i].node, READ);
    }
    LI_TRY(mark_effects(r, t));
    while (t->depth) {
        int32_t node = t->stack[--t->depth];
        for (size_t k = 0; k < f->def->node_def[node]->n_input; k++) {
            const struct li_source *in = &f->in[node][k];
            mark(t, in->node, in->control ? READ | MUST : t->flags[node]);
        }
    }
    for (size_t i = 0; i < n; i++) {
        f->must[i] = (t->flags[i] & MUST) != 0;
    }
    return LINCE_OK;
}

enum { NEW, OPEN, DONE };

struct visit {
    int32_t node;
    size_t next; /* input to look at */
};

/* Depth first without recursion: a file's own order stays where it is one. */
static lince_status put_in_order(struct resolver *r, const uint8_t *reachable)
{
    struct li_function *f = r->f;
    size_t n = (size_t)f->node_count, depth = 0;
    uint8_t *state = li_arena_calloc(&r->scratch, n, 1, r->err);
    struct visit *stack = li_arena_alloc(&r->scratch, (n + 1) * sizeof *stack, r->err);
    if (!state || !stack) {
        return LINCE_ENOMEM;
    }
    for (int32_t start = 0; start < f->node_count; start++) {
        if (!reachable[start] || state[start] != NEW) {
            continue;
        }
        stack[depth++] = (struct visit){start, 0};
        state[start] = OPEN;
        while (depth) {
            struct visit *top = &stack[depth - 1];
            if (top->next == f->def->node_def[top->node]->n_input) {
                state[top->node] = DONE;
                f->order[f->order_count++] = top->node;
                depth--;
                continue;
            }
            int32_t in = f->in[top->node][top->next++].node;
            if (in == LI_NONE || state[in] == DONE) {
                continue;
            }
            if (state[in] == OPEN) {
                return li_fail(r->err, LINCE_EINVAL, "node \"%.200s\" depends on itself", f->def->node_def[in]->name);
            }
            state[in] = OPEN;
            stack[depth++] = (struct visit){in, 0};
        }
    }
    return LINCE_OK;
}

/* ---- Unpacking ---- */

static lince_status make_room(struct resolver *r)
{
    struct li_function *f = r->f;
    size_t n = f->def->n_node_def;
    if (n > LI_MAX_NODES || f->signature->n_input_arg > LI_MAX_NODES || f->signature->n_output_arg > LI_MAX_NODES) {
        return li_fail(r->err, LINCE_ELIMIT, "%zu nodes, %zu arguments, %zu results; the limit is %d", n,
                       f->signature->n_input_arg, f->signature->n_output_arg, LI_MAX_NODES);
    }
    f->node_count = (int32_t)n;
    f->in = li_arena_calloc(r->arena, n, sizeof *f->in, r->err);
    f->op = li_arena_calloc(r->arena, n, sizeof *f->op, r->err);
    f->ret = li_arena_calloc(r->arena, f->signature->n_output_arg, sizeof *f->ret, r->err);
    f->output_order = li_arena_calloc(r->arena, f->signature->n_output_arg, sizeof *f->output_order, r->err);
    f->order = li_arena_calloc(r->arena, n, sizeof *f->order, r->err);
    f->must = li_arena_calloc(r->arena, n, sizeof *f->must, r->err);
    f->constant = li_arena_calloc(r->arena, n, sizeof *f->constant, r->err);
    return f->in && f->op && f->ret && f->output_order && f->order && f->must && f->constant ? LINCE_OK : LINCE_ENOMEM;
}

static lince_status resolve_all(struct resolver *r)
{
    struct reach reach = {0};
    LI_TRY(make_room(r));
    LI_TRY(index_names(r));
    LI_TRY(resolve_inputs(r));
    LI_TRY(resolve_results(r));
    LI_TRY(sort_outputs(r));
    LI_TRY(find_reachable(r, &reach));
    return put_in_order(r, reach.flags);
}

static lince_status read_function(struct li_function **out, struct li_model *m, const struct li_proto_item *item,
                                  lince_error *err)
{
    static const Tf__OpDef nothing = TF__OP_DEF__INIT;
    struct li_function *f = li_arena_calloc(&m->arena, 1, sizeof *f, err);
    struct resolver r = {.f = f, .arena = &m->arena, .err = err};
    if (!f) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_proto_function(&f->def, item, &m->arena, err));
    f->signature = f->def->signature ? f->def->signature : &nothing;
    f->name = f->signature->name;
    LI_TRY(check_name(&r, f->name));
    li_arena_init(&r.scratch, m->mem, 0);
    lince_status st = resolve_all(&r);
    li_arena_free(&r.scratch);
    *out = f;
    return st;
}

lince_status li_function_get(const struct li_function **out, struct li_model *m, const char *name, lince_error *err)
{
    const struct li_proto_item *item = li_proto_find(&m->meta->functions, name);
    *out = NULL;
    if (!item) {
        return LINCE_OK;
    }
    struct li_function **slot = &m->function[item - m->meta->functions.item], *f = *slot;
    if (!f) {
        LI_TRY(read_function(&f, m, item, err));
        m->unpacked += f->size;
        *slot = f;
    }
    *out = f;
    return LINCE_OK;
}
