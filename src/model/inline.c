/*
 * Bodies into one flat graph. A call's nodes stand where the call stood, so an order that control inputs ask for holds
 * by the order of the nodes alone. Handles of resources are followed through Identity and calls.
 */
#include "model/inline.h"

#include <string.h>

enum { NAME_BYTES = 64 }; /* of a name, weigh as much as a node */

static lince_status start_step(struct li_import *im, struct li_frame *f, int32_t n, struct li_step *s)
{
    *s = (struct li_step){.frame = f, .n = n, .part = &f->body->part[n], .to = &f->got[n]};
    s->name = f->path ? li_arena_printf(&im->scratch, im->err, "%s/%s", f->path, s->part->name) : s->part->name;
    if (!s->name) {
        return LINCE_ENOMEM;
    }
    if (strlen(s->name) > LI_MAX_NAME) {
        return li_fail(im->err, LINCE_ELIMIT, "node \"%.200s...\": a name of %zu bytes with its calls, the limit is %d",
                       s->name, strlen(s->name), LI_MAX_NAME);
    }
    LI_TRY(li_import_charge(im, 1 + strlen(s->name) / NAME_BYTES, s->name));
    return li_source_read_all(im, f, n, &s->in);
}

static lince_status read_result(struct li_import *im, const struct li_frame *f, int32_t i, li_vid *out)
{
    struct li_values one = {0};
    LI_TRY(li_source_read(im, f, &f->body->ret[i], "a result", &one));
    if (one.count != 1) {
        return li_fail(im->err, LINCE_EUNSUPPORTED, "result \"%.200s\" is a list of tensors", f->body->result[i].name);
    }
    *out = one.v[0];
    return LINCE_OK;
}

/* Results that nobody wants are LI_NONE: what would give them may not be there. */
static lince_status read_results(struct li_import *im, const struct li_frame *f, const li_vid **out)
{
    li_vid *results = li_arena_alloc(&im->scratch, (size_t)f->body->results * sizeof *results, im->err);
    if (!results) {
        return LINCE_ENOMEM;
    }
    for (int32_t i = 0; i < f->body->results; i++) {
        results[i] = LI_NONE;
        if (!f->wanted || f->wanted[i]) {
            LI_TRY(read_result(im, f, i, &results[i]));
        }
    }
    *out = results;
    return LINCE_OK;
}

/* A list among the arguments would shift those after it. */
static lince_status check_signature(const struct li_body *b, lince_error *err)
{
    for (int32_t i = 0; i < b->args + b->results; i++) {
        const struct li_port *port = i < b->args ? &b->arg[i] : &b->result[i - b->args];
        if (port->list) {
            return li_fail(err, LINCE_EUNSUPPORTED, "function \"%.200s\": \"%.200s\" is a list of tensors", b->name,
                           port->name);
        }
    }
    return LINCE_OK;
}

static lince_status check_arguments(const struct li_import *im, const struct li_frame *f)
{
    for (int32_t i = 0; i < f->body->args; i++) {
        const struct li_port *port = &f->body->arg[i];
        lince_dtype found = im->graph->values[f->arg[i]].dtype;
        /* What nodes gave has no dtype yet; an argument's type may be an attribute. */
        bool known = found != LINCE_DTYPE_NONE && port->type && f->arg[i] != im->dummy;
        if (known && (int32_t)found != port->type) {
            return li_fail(im->err, LINCE_EINVAL, "function \"%.200s\": argument \"%.200s\" is %s, it takes %s",
                           f->body->name, port->name, li_dtype_name(found), li_dtype_name((lince_dtype)port->type));
        }
    }
    return LINCE_OK;
}

lince_status li_inline_frame(struct li_import *im, struct li_frame *f, const li_vid **out)
{
    LI_TRY(check_signature(f->body, im->err));
    LI_TRY(check_arguments(im, f));
    LI_TRY(li_need(im, f));
    f->got = li_arena_calloc(&im->scratch, (size_t)f->body->parts, sizeof *f->got, im->err);
    if (!f->got) {
        return LINCE_ENOMEM;
    }
    for (int32_t k = 0; k < f->body->order_count; k++) {
        struct li_step s;
        if (f->need[f->body->order[k]].read) {
            LI_TRY(start_step(im, f, f->body->order[k], &s));
            LI_TRY(li_import_part(im, &s));
        }
    }
    return read_results(im, f, out);
}

lince_status li_inline(struct li_import *im, struct li_body *body, const li_vid *arg, const li_vid **out)
{
    struct li_frame top = {.body = body, .arg = arg};
    return li_inline_frame(im, &top, out);
}
