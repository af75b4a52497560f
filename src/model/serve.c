/* Signatures: one that takes images as the model does, and one that takes the bytes of photo files. */
#include "model/publish.h"

#include <stdio.h>
#include <string.h>

static const char images_name[] = "images", bytes_name[] = "image_bytes";

/* ---- What the model is called with ---- */

/* The argument of this name or path has a default that the trace's tensor can be. */
static lince_status default_of(const struct li_publishing *p, const char *path, const struct li_arg *spec,
                               struct li_tensor *out)
{
    struct li_draft *d = (struct li_draft *)(uintptr_t)&p->draft;
    for (size_t i = 0; i < p->callable->parameter_count; i++) {
        const struct li_parameter *parameter = &p->callable->parameter[i];
        const struct li_arg *value = strcmp(parameter->name, path) == 0 ? parameter->fallback : NULL;
        bool made = false;
        if (value && value->kind == LI_ARG_TENSOR && value->dtype == spec->dtype && value->tensor) {
            *out = *value->tensor;
            return LINCE_OK;
        }
        if (value) {
            LI_TRY(li_convert(out, &made, value, spec, &d->arena, d->err));
        }
        if (made) {
            return LINCE_OK;
        }
    }
    return li_fail(d->err, LINCE_EUNSUPPORTED, "argument \"%.200s\" has no default that a signature could pass", path);
}

/* Constants for all tensors but the images; their names go to input from 1 on. */
static lince_status default_nodes(const struct li_publishing *p, struct li_made *made, const char **input,
                                  int32_t *type)
{
    const struct li_trace *t = p->serving.trace;
    for (size_t i = 0; i < t->spec_count; i++) {
        struct li_tensor value;
        type[i] = t->spec[i]->dtype;
        if (i == 0) {
            continue;
        }
        LI_TRY(default_of(p, t->spec_path[i], t->spec[i], &value));
        char name[32];
        snprintf(name, sizeof name, "default_%zu", i);
        li_node_const(&made->out, LI_IN_FUNCTION, name, &value);
        input[i] = li_arena_printf(&made->draft->arena, made->draft->err, "default_%zu:output:0", i);
        if (!input[i]) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

/* ---- What it gives ---- */

struct outputs {
    const char **name, **from;
    const struct li_arg **spec;
    Tf__StructuredValue **value;
};

/* Dicts come sorted by their keys, and with them a function's results. */
static lince_status sort_outputs(const struct li_publishing *p, struct outputs *o, struct li_draft *d)
{
    const struct li_callee *c = &p->serving;
    size_t n = c->results;
    o->name = li_arena_alloc(&d->arena, n * sizeof *o->name, d->err);
    o->from = li_arena_alloc(&d->arena, n * sizeof *o->from, d->err);
    o->spec = li_arena_alloc(&d->arena, n * sizeof *o->spec, d->err);
    o->value = li_arena_alloc(&d->arena, n * sizeof *o->value, d->err);
    if (!o->name || !o->from || !o->spec || !o->value) {
        return LINCE_ENOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = n == 1 ? p->what->result : c->result_name[i];
        const char *from = li_arena_printf(&d->arena, d->err, "model:output:%zu", i);
        size_t at = i;
        for (; at > 0 && strcmp(o->name[at - 1], name) > 0; at--) {
            o->name[at] = o->name[at - 1];
            o->from[at] = o->from[at - 1];
            o->spec[at] = o->spec[at - 1];
            o->value[at] = o->value[at - 1];
        }
        o->name[at] = name;
        o->from[at] = from;
        o->spec[at] = c->result[i];
        o->value[at] = li_draft_spec(d, name, c->result[i]->dtype, &c->result[i]->shape);
        if (!from || !o->value[at]) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

/* Around a tensor of images that is there under the name `images`. */
static lince_status finish(struct li_publishing *p, struct li_made *made, const char *images)
{
    struct li_draft *d = &p->draft;
    const struct li_callee *c = &p->serving;
    size_t specs = c->trace->spec_count;
    struct outputs o;
    const char **input = li_arena_alloc(&d->arena, specs * sizeof *input, d->err);
    int32_t *type = li_arena_alloc(&d->arena, (specs + c->results) * sizeof *type, d->err);
    if (!input || !type) {
        return LINCE_ENOMEM;
    }
    input[0] = images;
    LI_TRY(default_nodes(p, made, input, type));
    LI_TRY(sort_outputs(p, &o, d));
    for (size_t i = 0; i < c->results; i++) {
        type[specs + i] = c->result[i]->dtype;
    }
    li_made_call(made, "model", c->function, input, specs, type, c->captures, type + specs, c->results);
    Tf__StructuredValue *spec = li_draft_spec(d, made->spec_name[0], made->spec[0]->dtype, &made->spec[0]->shape);
    Tf__StructuredValue *both[] = {li_draft_sequence(d, NULL, 0),
                                   spec ? li_draft_dict(d, made->spec_name, &spec, 1) : NULL};
    return !both[0] || !both[1] ? LINCE_ENOMEM
                                : li_made_close(made, o.from, o.spec, c->results, li_draft_sequence(d, both, 2),
                                                li_draft_dict(d, o.name, o.value, c->results));
}

/* ---- Images ---- */

/* As the trace has them, but of a size where that is given. */
static struct li_arg images_spec(const struct li_publishing *p)
{
    struct li_arg spec = *p->serving.trace->spec[0];
    spec.text = images_name;
    if (p->what->height && spec.shape.rank == 4) {
        spec.shape.dim[1] = p->what->height;
        spec.shape.dim[2] = p->what->width;
    }
    return spec;
}

static lince_status serve(struct li_publishing *p, int32_t map, const char *key, const struct li_arg *spec,
                          lince_status (*before)(struct li_publishing *p, struct li_made *made), const char *images)
{
    struct li_made made = {.spec = &spec,
                           .specs = 1,
                           .spec_name = &spec->text,
                           .captured = p->serving.captured,
                           .captures = p->serving.captures};
    int32_t bare;
    LI_TRY(li_made_open(&made, &p->draft, "signature_wrapper"));
    lince_status st = before ? before(p, &made) : LINCE_OK;
    st = st ? st : finish(p, &made, images);
    li_made_free(&made);
    LI_TRY(st);
    LI_TRY(li_draft_bare(&p->draft, made.name, spec->text, &bare));
    li_draft_child(&p->draft, map, key, bare);
    return LINCE_OK;
}

static lince_status decode(struct li_publishing *p, struct li_made *made)
{
    const struct li_arg spec = images_spec(p);
    const int32_t size[] = {(int32_t)spec.shape.dim[1], (int32_t)spec.shape.dim[2]};
    return li_decode_nodes(made, size);
}

/* ---- Both ---- */

bool li_serves_bytes(const struct li_publishing *p)
{
    if (!p->serving.function) {
        return false;
    }
    const struct li_arg images = images_spec(p);
    const struct li_shape *shape = &images.shape;
    return images.dtype == LINCE_FLOAT32 && shape->rank == 4 && shape->dim[1] > 0 && shape->dim[2] > 0 &&
           shape->dim[1] <= LI_MAX_IMAGE_SIDE && shape->dim[2] <= LI_MAX_IMAGE_SIDE &&
           (shape->dim[3] == 3 || shape->dim[3] < 0);
}

lince_status li_serve(struct li_publishing *p, int32_t map, bool images, bool bytes)
{
    struct li_draft *d = &p->draft;
    struct li_arg *spec = li_arena_calloc(&d->arena, 2, sizeof *spec, d->err);
    if (!spec) {
        return LINCE_ENOMEM;
    }
    spec[0] = images_spec(p);
    spec[1] = (struct li_arg){.kind = LI_ARG_SPEC, .dtype = LINCE_STRING, .text = bytes_name};
    spec[1].shape = (struct li_shape){.rank = 1, .dim = {-1}};
    if (images) {
        LI_TRY(serve(p, map, "serving_default", &spec[0], NULL, "input_0"));
    }
    if (bytes) {
        LI_TRY(serve(p, map, "serving_bytes", &spec[1], decode, LI_DECODE_RESULT));
    }
    return LINCE_OK;
}
