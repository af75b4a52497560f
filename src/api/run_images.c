/* lince_session_run_images: images in, one matrix of numbers out. */
#include "session.h"

#include <string.h>

/* What is wanted of a result: one float32 [batch, features] of at most so many numbers. */
struct wanted {
    int64_t batch;
    size_t count;
    float *out;
};

static lince_status check_result(const struct wanted *w, size_t leaves, lince_dtype dtype, const struct li_shape *shape,
                                 lince_error *err)
{
    if (leaves != 1 || dtype != LINCE_FLOAT32 || shape->rank != 2 ||
        (shape->dim[0] >= 0 && shape->dim[0] != w->batch)) {
        char text[LI_SHAPE_TEXT];
        return li_fail(err, LINCE_EINVAL,
                       "the parts of the result are %zu, the first %s%s; one float32[%lld,features] is wanted", leaves,
                       leaves ? lince_dtype_name(dtype) : "none", leaves ? li_shape_text(shape, text) : "",
                       (long long)w->batch);
    }
    size_t need;
    if (shape->dim[1] >= 0 && (!li_mul_size((size_t)w->batch, (size_t)shape->dim[1], &need) || need > w->count)) {
        return li_fail(err, LINCE_EINVAL, "the result has %lld x %lld numbers, there is room for %zu",
                       (long long)w->batch, (long long)shape->dim[1], w->count);
    }
    return LINCE_OK;
}

/* What the trace says of its result is checked before the call, which may change variables. */
static lince_status check_trace(const struct wanted *w, const struct li_trace *trace, lince_error *err)
{
    static const struct li_shape none;
    const struct li_arg *value = trace->leaf_count ? trace->leaf[0].value : NULL;
    if (value && trace->leaf_count == 1 && value->kind == LI_ARG_SPEC && value->shape.rank < 0) {
        return LINCE_OK;
    }
    return check_result(w, trace->leaf_count, value ? value->dtype : LINCE_DTYPE_NONE, value ? &value->shape : &none,
                        err);
}

/* Once it is the result that is wanted nothing can fail: it is copied before the call is committed. */
static lince_status receive(void *context, const lince_output *outputs, size_t count, lince_error *err)
{
    const struct wanted *w = context;
    const lince_tensor *t = &outputs[0].tensor;
    struct li_shape shape = {.rank = t->rank};
    memcpy(shape.dim, t->dims, sizeof t->dims);
    LI_TRY(check_result(w, count, t->dtype, &shape, err));
    if (t->size_bytes) {
        memcpy(w->out, t->data, t->size_bytes);
    }
    return LINCE_OK;
}

static lince_status run(struct lince_session *s, const lince_tensor *input, struct wanted *wanted, lince_error *err)
{
    const struct li_api_accept accept = {receive, wanted};
    struct li_api_bound *bound;
    LI_TRY(li_api_choose(&bound, s, input, 1, err));
    LI_TRY(check_trace(wanted, bound->trace, err));
    return li_api_run(s, bound, &accept, err);
}

lince_status lince_session_run_images(lince_session *session, const float *images, int64_t batch, int64_t height,
                                      int64_t width, float *out, size_t out_count, lince_error *err)
{
    struct wanted wanted = {batch, out_count, out};
    struct li_shape shape = {4, {batch, height, width, 3}};
    lince_tensor input = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {batch, height, width, 3}};
    LI_NEED("lince_session_run_images", session);
    if (batch != 0) {
        LI_NEED("lince_session_run_images", images);
        LI_NEED("lince_session_run_images", out);
    }
    if (batch < 0 || height < 0 || width < 0) {
        return li_fail(err, LINCE_EINVAL, "%lld images of %lld x %lld; 0 or more is wanted", (long long)batch,
                       (long long)height, (long long)width);
    }
    if (li_shape_bytes(&shape, LINCE_FLOAT32, &input.size_bytes, err)) {
        return li_prefix(err, LINCE_EINVAL, "images");
    }
    input.data = (void *)(uintptr_t)images;
    LI_TRY(li_api_session_enter(session, err));
    lince_status st = run(session, &input, &wanted, err);
    li_api_session_leave(session);
    return st;
}
