/* lince_session_run_into: results into the caller's memory. */
#include "session.h"

#include <string.h>

struct receiving {
    lince_tensor *to;
    size_t count;
};

static lince_status check_leaf(const lince_tensor *to, const lince_output *from, size_t i, lince_error *err)
{
    if (from->tensor.dtype == LINCE_STRING) {
        return li_fail(err, LINCE_EUNSUPPORTED, "output %zu, \"%.200s\": strings lie in the library's memory only", i,
                       from->path);
    }
    if (!to->data && to->size_bytes) {
        return li_fail(err, LINCE_EINVAL, "output %zu, \"%.200s\": %zu bytes are said to be at NULL", i, from->path,
                       to->size_bytes);
    }
    if (to->size_bytes < from->tensor.size_bytes) {
        return li_fail(err, LINCE_EINVAL, "output %zu, \"%.200s\": takes %zu bytes, there is room for %zu", i,
                       from->path, from->tensor.size_bytes, to->size_bytes);
    }
    return LINCE_OK;
}

static void receive(lince_tensor *to, const lince_tensor *from)
{
    void *data = to->data;
    if (from->size_bytes) {
        memcpy(data, from->data, from->size_bytes);
    }
    *to = *from;
    to->data = data;
}

/* All is checked before anything is written; after that nothing can fail. */
static lince_status receive_all(void *context, const lince_output *outputs, size_t count, lince_error *err)
{
    const struct receiving *r = context;
    if (r->count != count) {
        return li_fail(err, LINCE_EINVAL, "memory is given for %zu outputs, the call has %zu", r->count, count);
    }
    for (size_t i = 0; i < count; i++) {
        LI_TRY(check_leaf(&r->to[i], &outputs[i], i, err));
    }
    for (size_t i = 0; i < count; i++) {
        receive(&r->to[i], &outputs[i].tensor);
    }
    return LINCE_OK;
}

static lince_status run(struct lince_session *s, const lince_tensor *inputs, size_t count, struct receiving *r,
                        lince_error *err)
{
    const struct li_api_accept accept = {receive_all, r};
    struct li_api_bound *bound;
    LI_TRY(li_api_choose(&bound, s, inputs, count, err));
    return li_api_run(s, bound, &accept, err);
}

lince_status lince_session_run_into(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                    lince_tensor *outputs, size_t output_count, lince_error *err)
{
    struct receiving r = {outputs, output_count};
    LI_NEED("lince_session_run_into", session);
    if (input_count) {
        LI_NEED("lince_session_run_into", inputs);
    }
    if (output_count) {
        LI_NEED("lince_session_run_into", outputs);
    }
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = run(session, inputs, input_count, &r, err);
    li_api_session_leave(session);
    return st;
}
