/*
 * Paths: where a leaf stands in arguments or in a result, "endpoints/0". A name's own "~" and "/" are written "~0" and
 * "~1", as in JSON pointers (RFC 6901), so that a path is cut at its slashes and nowhere else.
 */
#include "model/internal.h"

#include <string.h>

static size_t escaped_length(const char *name)
{
    size_t length = strlen(name);
    for (; *name; name++) {
        length += *name == '/' || *name == '~';
    }
    return length;
}

static char *escape(char *to, const char *name)
{
    for (; *name; name++) {
        if (*name == '/' || *name == '~') {
            *to++ = '~';
            *to++ = *name == '~' ? '0' : '1';
        } else {
            *to++ = *name;
        }
    }
    return to;
}

const char *li_path_name(const char *parent, const char *name, struct li_arena *arena, lince_error *err)
{
    size_t before = parent ? strlen(parent) + 1 : 0;
    char *path = li_arena_alloc(arena, before + escaped_length(name) + 1, err);
    if (!path) {
        return NULL;
    }
    if (parent) {
        memcpy(path, parent, before - 1);
        path[before - 1] = '/';
    }
    *escape(path + before, name) = '\0';
    return path;
}

const char *li_path_element(const char *parent, size_t i, struct li_arena *arena, lince_error *err)
{
    return li_arena_printf(arena, err, "%s%s%zu", parent ? parent : "", parent ? "/" : "", i);
}

const char *li_path_child(const char *parent, const struct li_arg *container, size_t i, struct li_arena *arena,
                          lince_error *err)
{
    return container->kind == LI_ARG_DICT ? li_path_name(parent, container->name[i], arena, err)
                                          : li_path_element(parent, i, arena, err);
}

/* ---- Of the tensors a trace takes ---- */

struct walk {
    const char **path;
    size_t count;
    struct li_arena *arena;
    lince_error *err;
};

/* In the order of li_value_specs(). */
static lince_status visit(struct walk *w, const struct li_arg *arg, const char *path)
{
    if (arg->kind == LI_ARG_SPEC) {
        w->path[w->count++] = path;
        return LINCE_OK;
    }
    for (size_t i = 0; li_arg_is_container(arg) && i < arg->count; i++) {
        const char *inner = li_path_child(path, arg, i, w->arena, w->err);
        if (!inner) {
            return LINCE_ENOMEM;
        }
        LI_TRY(visit(w, &arg->child[i], inner));
    }
    return LINCE_OK;
}

/* What is given by position has its parameter's name; surplus arguments have none. */
static lince_status visit_positional(struct walk *w, const struct li_callable *c, const struct li_arg *args)
{
    for (size_t i = 0; i < args->count; i++) {
        const char *path = i < c->positional_count ? li_path_name(NULL, c->parameter[i].name, w->arena, w->err)
                                                   : li_path_element(NULL, i, w->arena, w->err);
        if (!path) {
            return LINCE_ENOMEM;
        }
        LI_TRY(visit(w, &args->child[i], path));
    }
    return LINCE_OK;
}

/* The tensors of a bare function are its parameters, in order. */
static lince_status visit_bare(struct walk *w, const struct li_callable *c)
{
    for (size_t i = 0; i < c->parameter_count; i++) {
        w->path[i] = li_path_name(NULL, c->parameter[i].name, w->arena, w->err);
        if (!w->path[i]) {
            return LINCE_ENOMEM;
        }
    }
    return LINCE_OK;
}

lince_status li_spec_paths(struct li_trace *trace, const struct li_callable *callable, struct li_arena *arena,
                           lince_error *err)
{
    struct walk w = {.arena = arena, .err = err};
    w.path = li_arena_calloc(arena, trace->spec_count, sizeof *w.path, err);
    if (!w.path) {
        return LINCE_ENOMEM;
    }
    trace->spec_path = w.path;
    if (callable->bare) {
        return visit_bare(&w, callable);
    }
    LI_TRY(visit_positional(&w, callable, trace->args));
    for (size_t i = 0; i < trace->kwargs->count; i++) {
        const char *path = li_path_child(NULL, trace->kwargs, i, arena, err);
        if (!path) {
            return LINCE_ENOMEM;
        }
        LI_TRY(visit(&w, &trace->kwargs->child[i], path));
    }
    return LINCE_OK;
}
