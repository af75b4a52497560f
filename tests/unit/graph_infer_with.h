/* Inference of a graph whose loops, if it has any, need no running. */
#ifndef LI_UNIT_GRAPH_INFER_WITH_H
#define LI_UNIT_GRAPH_INFER_WITH_H

#include "graph/graph.h"

/* known[i] (or known NULL) is the content of input i in this run. */
static inline lince_status infer_with(struct li_graph **out, struct li_graph **rest, const struct li_graph *g,
                                      const struct li_shape *shapes, const struct li_tensor *const *known,
                                      const struct li_env *env, lince_error *err)
{
    struct li_infer_input inputs[16] = {{.known = NULL}};
    struct li_inferred inferred;
    for (int32_t i = 0; i < g->input_count && i < 16; i++) {
        inputs[i] = (struct li_infer_input){
            .dtype = g->values[g->inputs[i]].dtype, .shape = shapes[i], .known = known ? known[i] : NULL};
    }
    *out = *rest = NULL;
    LI_TRY(li_graph_infer(&inferred, g, inputs, env, err));
    *out = inferred.graph;
    *rest = inferred.rest;
    inferred.graph = inferred.rest = NULL;
    li_free(env->mem, inferred.choice);
    return LINCE_OK;
}

#endif
