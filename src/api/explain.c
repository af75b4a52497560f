/* lince_session_explain: the steps of a plan. */
#include "session.h"

static lince_status explain(struct lince_session *s, const lince_tensor *inputs, size_t count,
                            int (*tell)(const lince_step *step, void *context), void *context, lince_error *err)
{
    struct li_api_bound *bound;
    LI_TRY(li_api_choose_shapes(&bound, s, inputs, count, err));
    return li_api_bound_explain(bound, s->input_shapes, count, tell, context, err);
}

lince_status lince_session_explain(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                   int (*tell)(const lince_step *step, void *context), void *context, lince_error *err)
{
    LI_NEED("lince_session_explain", session);
    LI_NEED("lince_session_explain", tell);
    if (input_count) {
        LI_NEED("lince_session_explain", inputs);
    }
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = explain(session, inputs, input_count, tell, context, err);
    li_api_session_leave(session);
    return st;
}
