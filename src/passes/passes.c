/* The list of passes, and running it. */
#include "passes.h"

typedef lince_status (*pass)(struct li_graph **out, const struct li_graph *g, const struct li_env *env,
                             lince_error *err);

static const pass passes[] = {
#define LI_PASS_ENTRY(name) li_pass_##name,
    LI_PASSES(LI_PASS_ENTRY)
#undef LI_PASS_ENTRY
};

lince_status li_passes_run(struct li_graph **out, const struct li_graph *inferred, const struct li_env *env,
                           lince_error *err)
{
    struct li_graph *made = NULL;
    *out = NULL;
    for (size_t i = 0; i < LI_COUNT(passes); i++) {
        struct li_graph *next;
        lince_status st = passes[i](&next, made ? made : inferred, env, err);
        li_graph_free(made);
        if (st) {
            return st;
        }
        made = next;
    }
    *out = made;
    return LINCE_OK;
}
