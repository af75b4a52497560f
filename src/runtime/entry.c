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

/* An entry on its way from what was inferred to its plan. */
struct making {
    const struct li_program *program;
    struct li_entry *entry;
    struct li_inferred *inferred;
    struct li_graph *graph;
    struct li_cut cut; /* by the stage before `after`; 0: none of this segment cuts */
    int after;
    lince_error *err;
};

static lince_status run_stage(struct making *m, int i, struct li_graph **out)
{
    const struct li_stage *stage = &m->program->stages[i];
    const struct li_env *env = &m->program->env;
    const struct li_graph *from = m->graph ? m->graph : m->inferred->graph;
    if (!stage->cut) {
        return stage->make(out, from, stage->context, env, m->err);
    }
    if (m->inferred->rest) {
        const struct li_node *node = &m->inferred->rest->nodes[0];
        return li_fail(m->err, LINCE_EUNSUPPORTED,
                       "node \"%s\" (%s): its shape depends on data, and a graph with such a node is not cut in two",
                       node->name, node->op->name);
    }
    m->after = i + 1;
    return stage->cut(out, &m->cut, from, stage->context, env, m->err);
}

static lince_status run_stages(struct making *m)
{
    for (int i = m->entry->segment->stage; i < m->program->stage_count; i++) {
        struct li_graph *next;
        lince_status st = run_stage(m, i, &next);
        li_graph_free(m->graph);
        m->graph = st ? NULL : next;
        LI_TRY(st);
    }
    if (!m->graph) {
        LI_TRY(li_graph_prune(&m->graph, m->inferred->graph, m->err));
        li_graph_default_views(m->graph);
    }
    return LINCE_OK;
}

/* Takes the graph over. */
static lince_status make_plan(struct making *m)
{
    const struct li_program *p = m->program;
    struct li_graph *graph = m->graph;
    const struct li_plan_options options = {.written = p->written,
                                            .written_count = p->written_count,
                                            .results = LI_RESULTS_OWN,
                                            .last = !m->inferred->rest && !p->apart && !p->is_body};
    m->graph = NULL;
    return li_plan_build(&m->entry->plan, graph, &p->env, &options, m->err);
}

/* What the rest behind a cut reads again. */
static lince_status list_again(struct li_entry *e, lince_error *err)
{
    const struct li_graph *g = e->rest->graph;
    int32_t resources = li_graph_resources(g);
    bool *reads = li_arena_calloc(&e->arena, (size_t)resources + 1, sizeof *reads, err);
    e->again = li_arena_alloc(&e->arena, ((size_t)resources + 1) * sizeof *e->again, err);
    if (!reads || !e->again) {
        return LINCE_ENOMEM;
    }
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].touches; i++) {
            reads[g->nodes[n].touch[i].resource] |= (g->nodes[n].touch[i].how & LI_EFFECT_READ) != 0;
        }
    }
    for (int32_t r = 0; r < resources; r++) {
        if (reads[r]) {
            e->again[e->again_count++] = r;
        }
    }
    return LINCE_OK;
}

static lince_status new_rest(struct making *m, struct li_segment segment)
{
    struct li_entry *e = m->entry;
    e->rest = li_calloc(m->program->mem, 1, sizeof *e->rest, m->err);
    if (!e->rest) {
        return LINCE_ENOMEM;
    }
    segment.later = true;
    *e->rest = segment;
    return LINCE_OK;
}

/* Takes over the rest that there is: behind a cut, or where inference stopped. */
static lince_status keep_rest(struct making *m)
{
    struct li_entry *e = m->entry;
    struct li_inferred *inferred = m->inferred;
    if (m->cut.rest) {
        LI_TRY(new_rest(
            m, (struct li_segment){.graph = m->cut.rest, .stage = m->after, .cut = true, .given = m->cut.given}));
        m->cut.rest = NULL;
        return list_again(e, m->err);
    }
    if (!inferred->rest) {
        return LINCE_OK;
    }
    LI_TRY(new_rest(m, (struct li_segment){.graph = inferred->rest, .stage = e->segment->stage}));
    inferred->rest = NULL;
    e->loop = inferred->loop;
    for (int b = 0; e->loop.op && b < 2; b++) {
        LI_TRY(li_program_of_body(&e->body[b], m->program, e->loop.body[b], m->err));
        e->body[b]->first.stage = e->segment->stage;
    }
    return LINCE_OK;
}

lince_status li_entry_fill(const struct li_program *p, struct li_entry *e, const struct li_tensor *inputs,
                           struct li_inferred *inferred, lince_error *err)
{
    LI_TRY(keep_inputs(e, inputs, e->segment->graph->input_count, inferred->asked, err));
    LI_TRY(keep_graph(e, inferred, err));
    struct making m = {.program = p, .entry = e, .inferred = inferred, .err = err};
    lince_status st = run_stages(&m);
    st = st ? st : make_plan(&m);
    st = st ? st : keep_rest(&m);
    li_graph_free(m.graph);
    li_graph_free(m.cut.rest);
    return st;
}
