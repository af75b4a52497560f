/* lince_session_fetch: values of nodes, beside the result. */
#include "session.h"

#include <stdlib.h>
#include <string.h>

static lince_status fetch_nodes(struct lince_session *s, const char *const *nodes, size_t count, lince_error *err)
{
    if (s->bounds || s->fetch.node) {
        return li_fail(err, LINCE_EINVAL,
                       "lince_session_fetch: the session was used already; once, before its first run");
    }
    const char **fetch = li_arena_calloc(&s->arena, count + 1, sizeof *fetch, err);
    if (!fetch) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        LI_NEED("lince_session_fetch", nodes[i]);
        if (!(fetch[i] = li_arena_strdup(&s->arena, nodes[i], err))) {
            return LINCE_ENOMEM;
        }
    }
    s->fetch.node = fetch;
    s->fetch.count = count;
    return LINCE_OK;
}

lince_status lince_session_fetch(lince_session *session, const char *const *nodes, size_t count, lince_error *err)
{
    LI_NEED("lince_session_fetch", session);
    if (count) {
        LI_NEED("lince_session_fetch", nodes);
    }
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = fetch_nodes(session, nodes, count, err);
    li_api_session_leave(session);
    return st;
}

/* The value that "NODE" or "NODE:1" stands for. */
static lince_status find_fetched(li_vid *out, const struct li_graph *g, const char *fetch, lince_error *err)
{
    const char *colon = strrchr(fetch, ':');
    bool numbered = colon && colon[1] && colon[1 + strspn(colon + 1, "0123456789")] == '\0' && strlen(colon) < 6;
    size_t length = numbered ? (size_t)(colon - fetch) : strlen(fetch);
    int32_t found = 0, output = numbered ? (int32_t)strtol(colon + 1, NULL, 10) : 0;
    const struct li_node *node = NULL;
    for (int32_t i = 0; i < g->node_count; i++) {
        const struct li_node *n = &g->nodes[i];
        if (strlen(n->name) == length && memcmp(n->name, fetch, length) == 0) {
            node = n;
            found++;
        }
    }
    if (found != 1) {
        return li_fail(err, found ? LINCE_EINVAL : LINCE_ENOENT, "node \"%.200s\" to fetch: %s", fetch,
                       found ? "several nodes of the trace have this name" : "the trace has none of this name");
    }
    if (output >= node->nout || g->values[node->out[output]].dtype == LINCE_RESOURCE) {
        return li_fail(err, LINCE_EINVAL, "node \"%.200s\" to fetch: it is %s with %d outputs, a tensor is wanted",
                       fetch, node->op->name, (int)node->nout);
    }
    *out = node->out[output];
    return LINCE_OK;
}

lince_status li_api_fetch_add(struct li_graph *g, const struct li_api_fetch *fetch, struct li_mem *mem,
                              lince_error *err)
{
    size_t n = (size_t)g->output_count;
    li_vid *outputs = li_calloc(mem, n + fetch->count + 1, sizeof *outputs, err);
    if (!outputs) {
        return LINCE_ENOMEM;
    }
    memcpy(outputs, g->outputs, n * sizeof *outputs);
    lince_status st = LINCE_OK;
    for (size_t i = 0; !st && i < fetch->count; i++) {
        st = find_fetched(&outputs[n + i], g, fetch->node[i], err);
    }
    st = st ? st : li_graph_set_outputs(g, outputs, (int)(n + fetch->count), err);
    li_free(mem, outputs);
    return st;
}
