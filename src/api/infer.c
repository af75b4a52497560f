/* What a call would give, and how small images may be: found from shapes, nothing is run. */
#include "session.h"

/* ---- What a call would give ---- */

struct telling {
    int (*tell)(const lince_tensor_info *output, void *context);
    void *context;
};

/* Where data decides, all that is known is what the trace says. */
static void tell_leaves(const struct li_trace *trace, const struct li_shape *inferred, const struct telling *t)
{
    for (size_t i = 0; i < trace->leaf_count; i++) {
        const struct li_result_leaf *leaf = &trace->leaf[i];
        const struct li_shape *shape = leaf->output == LI_NONE           ? &leaf->tensor.shape
                                       : inferred[leaf->output].rank < 0 ? &leaf->value->shape
                                                                         : &inferred[leaf->output];
        lince_tensor_info info = li_api_leaf_info(leaf, shape);
        if (t->tell(&info, t->context)) {
            return;
        }
    }
}

/* The trace for such inputs, and the shapes of its outputs: to be freed, also on failure. */
static lince_status shapes_of(struct li_shape **out, struct li_api_bound **bound, struct lince_session *s,
                              const lince_tensor *inputs, size_t count, lince_error *err)
{
    *out = NULL;
    LI_TRY(li_api_choose_shapes(bound, s, inputs, count, err));
    *out = li_calloc(s->model->mem, (size_t)(*bound)->fetched + 1, sizeof **out, err);
    return *out ? li_api_bound_infer(*out, *bound, s->model, s->input_shapes, count, err) : LINCE_ENOMEM;
}

static lince_status infer(struct lince_session *s, const lince_tensor *inputs, size_t count, const struct telling *t,
                          lince_error *err)
{
    struct li_api_bound *bound;
    struct li_shape *inferred;
    lince_status st = shapes_of(&inferred, &bound, s, inputs, count, err);
    if (!st) {
        tell_leaves(bound->trace, inferred, t);
    }
    li_free(s->model->mem, inferred);
    return st;
}

lince_status lince_session_infer(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                 int (*tell)(const lince_tensor_info *output, void *context), void *context,
                                 lince_error *err)
{
    const struct telling t = {tell, context};
    LI_NEED("lince_session_infer", session);
    LI_NEED("lince_session_infer", tell);
    if (input_count) {
        LI_NEED("lince_session_infer", inputs);
    }
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = infer(session, inputs, input_count, &t, err);
    li_api_session_leave(session);
    return st;
}

/* ---- How small images may be ---- */

#define LARGEST 1024 /* pixels; networks want less */

struct search {
    struct lince_session *session;
    lince_image_info image;
};

/* *fits: the session takes images whose open sides have so many pixels. Only what is not about them fails. */
static lince_status try_side(const struct search *s, int64_t side, bool *fits, lince_error *err)
{
    const lince_image_info *image = &s->image;
    lince_tensor t = {.dtype = image->dtype,
                      .rank = 4,
                      .dims = {image->batch > 0 ? image->batch : 1, image->height ? image->height : side,
                               image->width ? image->width : side, image->channels ? image->channels : 3}};
    struct li_api_bound *bound;
    struct li_shape *inferred;
    lince_status st = shapes_of(&inferred, &bound, s->session, &t, 1, err);
    li_free(s->session->model->mem, inferred);
    *fits = st == LINCE_OK;
    return st == LINCE_EINVAL ? LINCE_OK : st;
}

/* Doubled until one fits, then halved in between. */
static lince_status search(const struct search *s, int32_t *out, lince_error *err)
{
    int32_t below = 0, side = 1;
    bool fits = false;
    LI_TRY(try_side(s, side, &fits, err));
    while (!fits && side < LARGEST) {
        below = side;
        side *= 2;
        LI_TRY(try_side(s, side, &fits, err));
    }
    while (fits && side - below > 1) {
        int32_t middle = below + (side - below) / 2;
        bool enough;
        LI_TRY(try_side(s, middle, &enough, err));
        side = enough ? middle : side;
        below = enough ? below : middle;
    }
    *out = fits ? side : 0;
    return LINCE_OK;
}

static lince_status smallest(struct lince_session *session, int32_t *side, lince_error *err)
{
    struct lince_callable callable = {session->model, session->callable};
    struct search s = {session, {.struct_size = sizeof s.image}};
    LI_TRY(lince_callable_image(&callable, &s.image, err));
    if (session->arguments.input_count != 1) {
        return li_fail(err, LINCE_EINVAL, "lince_session_smallest_image: the session takes %zu inputs, one is wanted",
                       session->arguments.input_count);
    }
    return s.image.height && s.image.width ? LINCE_OK : search(&s, side, err);
}

lince_status lince_session_smallest_image(lince_session *session, int32_t *side, lince_error *err)
{
    LI_NEED("lince_session_smallest_image", session);
    LI_NEED("lince_session_smallest_image", side);
    *side = 0;
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = smallest(session, side, err);
    li_api_session_leave(session);
    return st;
}
