/* Entries: what a plan was made for, and whether it is the one that inputs ask for. */
#include "entry.h"

#include <string.h>

/* Contents up to this size, together, are kept with an entry. */
enum { MAX_KEY_BYTES = 4096 };

/* ---- Whether it is the one --------------------------------------------------------------------------------------- */

static bool same_strings(const struct li_tensor *a, const struct li_tensor *b)
{
    const lince_string *x = a->data, *y = b->data;
    for (size_t i = 0; i < a->size_bytes / sizeof *x; i++) {
        if (x[i].size != y[i].size || memcmp(x[i].data, y[i].data, x[i].size) != 0) {
            return false;
        }
    }
    return true;
}

static bool same_content(const struct li_tensor *a, const struct li_tensor *b)
{
    if (a->dtype == LINCE_STRING) {
        return same_strings(a, b);
    }
    return a->size_bytes == 0 || memcmp(a->data, b->data, a->size_bytes) == 0;
}

static bool matches(const struct li_entry *e, const struct li_tensor *inputs)
{
    for (int32_t i = 0; i < e->input_count; i++) {
        const struct li_tensor *key = &e->inputs[i];
        if (key->dtype != inputs[i].dtype || !li_shape_equal(&key->shape, &inputs[i].shape) ||
            (key->data && !same_content(key, &inputs[i]))) {
            return false;
        }
    }
    return true;
}

struct li_entry *li_entry_exact(const struct li_segment *s, const struct li_tensor *inputs)
{
    for (struct li_entry *e = s->entries; e; e = e->next) {
        if (e->exact && matches(e, inputs)) {
            return e;
        }
    }
    return NULL;
}

/* Constants that both come from the source are one; others are small. */
static bool same_constant(const struct li_tensor *a, const struct li_tensor *b)
{
    if (!a || !b || a->size_bytes != b->size_bytes) {
        return a == b;
    }
    return a->data == b->data || same_content(a, b);
}

static bool same_value(const struct li_trait *trait, const struct li_value *value)
{
    return trait->dtype == value->dtype && li_shape_equal(&trait->shape, &value->shape) &&
           same_constant(trait->constant, value->constant);
}

static struct li_trait trait_of(const struct li_value *value)
{
    return (struct li_trait){value->dtype, value->shape, value->constant};
}

/* What comes later may know constants that the graph before it has no use for. */
static bool same_rest(const struct li_graph *a, const struct li_graph *b)
{
    if (!a || !b || a->value_count != b->value_count) {
        return a == b;
    }
    for (int32_t v = 0; v < a->value_count; v++) {
        const struct li_trait trait = trait_of(&a->values[v]);
        if (!same_value(&trait, &b->values[v])) {
            return false;
        }
    }
    return true;
}

static bool is_same_graph(const struct li_entry *e, const struct li_inferred *inferred)
{
    if (e->value_count != inferred->graph->value_count || e->choices != inferred->choices ||
        (e->choices && memcmp(e->choice, inferred->choice, (size_t)e->choices * sizeof *e->choice) != 0)) {
        return false;
    }
    for (int32_t v = 0; v < e->value_count; v++) {
        if (!same_value(&e->values[v], &inferred->graph->values[v])) {
            return false;
        }
    }
    return same_rest(e->rest ? e->rest->graph : NULL, inferred->rest);
}

/* Other contents may lead to the same graph: then the plan is the same. */
struct li_entry *li_entry_same(const struct li_segment *s, const struct li_inferred *inferred)
{
    for (struct li_entry *e = s->entries; e; e = e->next) {
        if (is_same_graph(e, inferred)) {
            return e;
        }
    }
    return NULL;
}

/* ---- What it was made for ---------------------------------------------------------------------------------------- */

static size_t key_bytes(const struct li_tensor *t)
{
    size_t bytes = t->size_bytes;
    const lince_string *text = t->dtype == LINCE_STRING ? t->data : NULL;
    for (size_t i = 0; text && i < t->size_bytes / sizeof *text && bytes <= MAX_KEY_BYTES; i++) {
        bytes += text[i].size;
    }
    return bytes;
}

static lince_status keep_content(struct li_entry *e, struct li_tensor *key, const struct li_tensor *from,
                                 lince_error *err)
{
    key->data = li_arena_alloc(&e->arena, from->size_bytes + 1, err);
    if (!key->data) {
        return LINCE_ENOMEM;
    }
    if (from->size_bytes) {
        memcpy(key->data, from->data, from->size_bytes);
    }
    lince_string *text = key->dtype == LINCE_STRING ? key->data : NULL;
    for (size_t i = 0; text && i < from->size_bytes / sizeof *text; i++) {
        text[i].data = li_arena_strndup(&e->arena, text[i].data, text[i].size, err);
        if (!text[i].data) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

/* What the entry is found by. Contents that are too large to keep leave finding it to inference. */
static lince_status keep_inputs(struct li_entry *e, const struct li_tensor *inputs, int32_t count, uint64_t asked,
                                lince_error *err)
{
    size_t bytes = 0;
    e->inputs = li_arena_calloc(&e->arena, (size_t)count + 1, sizeof *e->inputs, err);
    if (!e->inputs) {
        return LINCE_ENOMEM;
    }
    e->input_count = count;
    e->exact = true;
    for (int32_t i = 0; i < count; i++) {
        e->inputs[i] =
            (struct li_tensor){.dtype = inputs[i].dtype, .shape = inputs[i].shape, .size_bytes = inputs[i].size_bytes};
        if (asked >> LI_MIN(i, 63) & 1) {
            bytes += key_bytes(&inputs[i]);
            e->exact = e->exact && bytes <= MAX_KEY_BYTES;
            LI_TRY(e->exact ? keep_content(e, &e->inputs[i], &inputs[i], err) : LINCE_OK);
        }
    }
    return LINCE_OK;
}

static lince_status keep_graph(struct li_entry *e, const struct li_inferred *inferred, lince_error *err)
{
    const struct li_graph *g = inferred->graph;
    e->values = li_arena_alloc(&e->arena, ((size_t)g->value_count + 1) * sizeof *e->values, err);
    e->choice = li_arena_alloc(&e->arena, ((size_t)inferred->choices + 1) * sizeof *e->choice, err);
    if (!e->values || !e->choice) {
        return LINCE_ENOMEM;
    }
    for (int32_t v = 0; v < g->value_count; v++) {
        e->values[v] = trait_of(&g->values[v]);
    }
    for (int32_t i = 0; i < inferred->choices; i++) {
        e->choice[i] = inferred->choice[i];
    }
    e->value_count = g->value_count;
    e->choices = inferred->choices;
    return LINCE_OK;
}

static lince_status run_stages(const struct li_program *p, const struct li_graph *inferred, struct li_graph **out,
                               lince_error *err)
{
    struct li_graph *made = NULL;
    for (int i = 0; i < p->stage_count; i++) {
        struct li_graph *next;
        lince_status st = p->stages[i].make(&next, made ? made : inferred, p->stages[i].context, &p->env, err);
        li_graph_free(made);
        LI_TRY(st);
        made = next;
    }
    if (!made) {
        LI_TRY(li_graph_prune(&made, inferred, err));
        li_graph_default_views(made);
    }
    *out = made;
    return LINCE_OK;
}

static lince_status make_plan(const struct li_program *p, const struct li_inferred *inferred, struct li_plan **out,
                              lince_error *err)
{
    struct li_graph *graph;
    const struct li_plan_options options = {.written = p->written,
                                            .written_count = p->written_count,
                                            .results = LI_RESULTS_OWN,
                                            .last = !inferred->rest && !p->is_body};
    LI_TRY(run_stages(p, inferred->graph, &graph, err));
    return li_plan_build(out, graph, &p->env, &options, err);
}

/* Takes the rest over. */
static lince_status keep_rest(const struct li_program *p, struct li_entry *e, struct li_inferred *inferred,
                              lince_error *err)
{
    if (!inferred->rest) {
        return LINCE_OK;
    }
    e->rest = li_calloc(p->mem, 1, sizeof *e->rest, err);
    if (!e->rest) {
        return LINCE_ENOMEM;
    }
    *e->rest = (struct li_segment){.graph = inferred->rest, .later = true};
    inferred->rest = NULL;
    e->loop = inferred->loop;
    for (int b = 0; e->loop.op && b < 2; b++) {
        LI_TRY(li_program_of_body(&e->body[b], p, e->loop.body[b], err));
    }
    return LINCE_OK;
}

lince_status li_entry_fill(const struct li_program *p, struct li_entry *e, const struct li_tensor *inputs,
                           struct li_inferred *inferred, lince_error *err)
{
    LI_TRY(keep_inputs(e, inputs, e->segment->graph->input_count, inferred->asked, err));
    LI_TRY(keep_graph(e, inferred, err));
    LI_TRY(make_plan(p, inferred, &e->plan, err));
    return keep_rest(p, e, inferred, err);
}
