/* The list of passes, and running it. */
#include "passes.h"

typedef lince_status (*pass)(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                             lince_error *err);

static const pass passes[] = {
#define LI_PASS_ENTRY(name) li_pass_##name,
    LI_PASSES(LI_PASS_ENTRY)
#undef LI_PASS_ENTRY
};

/* A body is a graph of its own: what is around it does not change what it gives. */
static lince_status run_bodies(struct li_graph *g, int32_t n, const struct li_env *env, lince_error *err)
{
    struct li_graph *few[4], **made = few;
    int count = g->nodes[n].bodies;
    if (count > (int)LI_COUNT(few)) {
        made = li_arena_alloc(&g->arena, (size_t)count * sizeof *made, err);
    }
    for (int i = 0; made && i < count; i++) {
        LI_TRY(li_passes_run(&made[i], g->nodes[n].body[i], NULL, env, err));
        LI_TRY(li_graph_own_body(g, made[i], err));
    }
    return made ? li_graph_set_bodies(g, n, made, count, err) : LINCE_ENOMEM;
}

static lince_status run_all(struct li_graph **made, const struct li_graph *inferred, const struct li_env *env,
                            lince_error *err)
{
    for (size_t i = 0; i < LI_COUNT(passes); i++) {
        struct li_graph *next;
        lince_status st = passes[i](&next, *made ? *made : inferred, env, err);
        li_graph_free(*made);
        *made = st ? NULL : next;
        LI_TRY(st);
    }
    for (int32_t n = 0; n < (*made)->node_count; n++) {
        LI_TRY((*made)->nodes[n].bodies ? run_bodies(*made, n, env, err) : LINCE_OK);
    }
    return LINCE_OK;
}

lince_status li_passes_run(struct li_graph **out, const struct li_graph *inferred, void *context,
                           const struct li_env *env, lince_error *err)
{
    struct li_graph *made = NULL;
    (void)context;
    lince_status st = run_all(&made, inferred, env, err);
    if (st) {
        li_graph_free(made);
        return st;
    }
    *out = made;
    return LINCE_OK;
}
