/* Calls: the called body is inlined where the call stands. */
#include "model/inline.h"

static bool recurses(const struct li_frame *f, const struct li_body *body)
{
    while (f && f->body != body) {
        f = f->up;
    }
    return f != NULL;
}

lince_status li_import_find(struct li_import *im, const struct li_step *s, const char *name, struct li_body **out)
{
    lince_status st = li_body_of_function(out, im->model, name, im->err);
    return st ? li_prefix(im->err, st, "node \"%.500s\": function \"%.200s\"", s->name, name) : LINCE_OK;
}

static lince_status check_call(const struct li_import *im, const struct li_step *s, const struct li_body *called)
{
    if (recurses(s->frame, called)) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\": function \"%.200s\" calls itself", s->name,
                       called->name);
    }
    if (s->frame->depth >= LI_MAX_CALL_DEPTH) {
        return li_fail(im->err, LINCE_ELIMIT, "node \"%.500s\": functions call functions deeper than %d", s->name,
                       LI_MAX_CALL_DEPTH);
    }
    if (s->in.count != called->args) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\": calls \"%.200s\" with %d arguments, it takes %d",
                       s->name, called->name, s->in.count, called->args);
    }
    return LINCE_OK;
}

static lince_status call(struct li_import *im, struct li_step *s, struct li_body *called, const struct li_given *given,
                         bool by_name)
{
    struct li_frame inner = {
        .up = s->frame, .body = called, .arg = s->in.v, .path = s->name, .given = *given, .depth = s->frame->depth + 1};
    const li_vid *out;
    LI_TRY(check_call(im, s, called));
    LI_TRY(li_need_wanted(im, &s->frame->need[s->n], called, by_name, &inner.wanted));
    LI_TRY(li_inline_frame(im, &inner, &out));
    *s->to = (struct li_results){
        .out = out, .count = called->results, .graph_node = LI_NONE, .called = by_name ? called : NULL};
    return LINCE_OK;
}

lince_status li_import_call_by_name(struct li_import *im, struct li_step *s, struct li_body *called)
{
    return call(im, s, called, &s->part->attrs, true);
}

lince_status li_import_call(struct li_import *im, struct li_step *s)
{
    struct li_body *called = NULL;
    struct li_given given;
    const char *name;
    li_attrs_function(s->part, "f", 0, &s->frame->given, &name, &given);
    if (!name) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): has no attribute \"f\", wanted a function",
                       s->name, s->part->op_name);
    }
    LI_TRY(li_import_find(im, s, name, &called));
    if (!called) {
        return li_fail(im->err, LINCE_EINVAL, "node \"%.500s\" (%s): the library has no function \"%.200s\"", s->name,
                       s->part->op_name, name);
    }
    return call(im, s, called, &given, false);
}
