/* The leaves of a result: which output of the function each is, under which path. */
#include "model/internal.h"

#include <string.h>

struct walk {
    struct li_result_leaf *leaf; /* NULL: only count */
    size_t count;
    int32_t outputs;
    struct li_arena *arena;
    lince_error *err;
};

/* A scalar of what TensorFlow makes of a Python value in a result. */
static lince_status scalar(struct li_tensor *out, const struct li_arg *arg, struct li_arena *arena, lince_error *err)
{
    bool narrow = arg->kind == LI_ARG_INT && arg->i >= INT32_MIN && arg->i <= INT32_MAX;

    out->dtype = arg->kind == LI_ARG_BOOL    ? LINCE_BOOL
                 : arg->kind == LI_ARG_FLOAT ? LINCE_FLOAT32
                 : narrow                    ? LINCE_INT32
                                             : LINCE_INT64;
    out->dtype = arg->kind == LI_ARG_STRING ? LINCE_STRING : out->dtype;
    out->size_bytes = li_dtype_size(out->dtype);
    if (!(out->data = li_arena_calloc(arena, 1, out->size_bytes, err))) {
        return LINCE_ENOMEM;
    }
    switch (out->dtype) {
    case LINCE_BOOL:
        *(uint8_t *)out->data = arg->i != 0;
        return LINCE_OK;
    case LINCE_FLOAT32:
        *(float *)out->data = (float)arg->f;
        return LINCE_OK;
    case LINCE_INT32:
        *(int32_t *)out->data = (int32_t)arg->i;
        return LINCE_OK;
    case LINCE_STRING:
        *(lince_string *)out->data = (lince_string){arg->text, strlen(arg->text)};
        return LINCE_OK;
    default:
        *(int64_t *)out->data = arg->i;
        return LINCE_OK;
    }
}

static lince_status leaf(struct walk *w, const struct li_arg *arg, const char *path)
{
    struct li_result_leaf *to = w->leaf ? &w->leaf[w->count] : NULL;

    w->count++;
    if (!to) {
        return LINCE_OK;
    }
    *to = (struct li_result_leaf){.path = path ? path : "", .value = arg, .output = LI_NONE};
    switch (arg->kind) {
    case LI_ARG_SPEC:
        to->output = w->outputs++;
        return LINCE_OK;
    case LI_ARG_TENSOR:
        to->tensor = *arg->tensor;
        return LINCE_OK;
    case LI_ARG_NONE:
        return LINCE_OK;
    default:
        return scalar(&to->tensor, arg, w->arena, w->err);
    }
}

static lince_status visit(struct walk *w, const struct li_arg *arg, const char *path)
{
    if (arg->kind == LI_ARG_OTHER) {
        return LINCE_OK; /* no leaf that can be handed out; importing refuses the trace */
    }
    if (!li_arg_is_container(arg)) {
        return leaf(w, arg, path);
    }
    for (size_t i = 0; i < arg->count; i++) {
        const char *inner = w->leaf ? li_path_child(path, arg, i, w->arena, w->err) : NULL;
        if (w->leaf && !inner) {
            return LINCE_ENOMEM;
        }
        LI_TRY(visit(w, &arg->child[i], inner));
    }
    return LINCE_OK;
}

lince_status li_result_leaves(struct li_trace *trace, struct li_arena *arena, lince_error *err)
{
    struct walk w = {.arena = arena, .err = err};

    LI_TRY(visit(&w, trace->result, NULL));
    w.leaf = li_arena_calloc(arena, w.count, sizeof *w.leaf, err);
    if (!w.leaf) {
        return LINCE_ENOMEM;
    }
    w.count = 0;
    LI_TRY(visit(&w, trace->result, NULL));
    trace->leaf = w.leaf;
    trace->leaf_count = w.count;
    return LINCE_OK;
}
