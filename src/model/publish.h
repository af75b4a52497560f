/* What the files share that make a new model around an opened one. Private to the room. */
#ifndef LI_MODEL_PUBLISH_H
#define LI_MODEL_PUBLISH_H

#include "model/draft.h"

/* A function that a new one calls: a trace of the model, or what was made of one. */
struct li_callee {
    const struct li_trace *trace; /* whose tensors it takes */
    const char *function;
    int32_t *captured; /* objects */
    size_t captures;
    const struct li_arg **result; /* SPECs */
    const char **result_name;     /* of each; "" of a single one */
    size_t results;
};

/* A model under construction. */
struct li_publishing {
    const struct li_publication *what;
    struct li_callable *callable;
    struct li_draft draft;
    struct li_callee serving; /* what signatures call; function NULL: none yet */
    int32_t kernel, bias;     /* of the head: objects */
    int32_t *kept;            /* variables that new functions capture: objects, in the order they are first captured */
    size_t kept_count;
    bool *is_kept; /* by object */
};

/* ---- callee.c ---- */

/* A trace as it is: all that it gives. */
lince_status li_callee_of(struct li_callee *out, struct li_draft *draft, const struct li_trace *trace);
/* Which of its results is meant: that at this path, the only one, "default"; LI_NONE: none of these. */
int32_t li_callee_answer(const struct li_callee *callee, const char *path);

/* ---- cut.c ---- */

/*
 * Replace a callee by one that gives a single result: what the last dense layer before its answer-th result reads.
 * LINCE_EUNSUPPORTED: that comes out of no dense layer.
 */
lince_status li_cut(struct li_callee *callee, struct li_draft *draft, size_t answer);

/* ---- wrap.c: `__call__` of the new model; *out is the function ---- */

lince_status li_wrap(struct li_publishing *p, int32_t *out);

/* ---- head.c: nodes of the head; its loss ---- */

/* From a matrix of features to logits. handles: of kernel and bias. *out is what the result is. */
void li_head_nodes(struct li_out *out, const struct li_head *head, const char *features, const char *kernel,
                   const char *bias, bool training);
#define LI_HEAD_RESULT "head/BiasAdd:output:0"
/* Images in [0, 1] to what a body wants: (images - mean) / std. */
void li_range_nodes(struct li_out *out, const char *images, const float mean[3], const float std[3]);
#define LI_RANGE_RESULT "range/RealDiv:z:0"
/* The loss of its kernel: a function object. */
lince_status li_head_loss(struct li_publishing *p, int32_t *out);

/* ---- serve_bytes.c: nodes that make images [n, height, width, 3] of files, input 0 ---- */

lince_status li_decode_nodes(struct li_made *made, const int32_t size[2]);
#define LI_DECODE_RESULT "TensorListStack:tensor:0"

/* ---- serve.c ---- */

/* What signatures call takes float images of a known size. */
bool li_serves_bytes(const struct li_publishing *p);
/* Add signatures to a map that has room for them. */
lince_status li_serve(struct li_publishing *p, int32_t map, bool images, bool bytes);

#endif
