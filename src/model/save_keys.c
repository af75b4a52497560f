/* The checkpoint's side of the object graph: keys as TensorFlow makes them, and the graph that holds them. */
#include "model/draft.h"

#include <string.h>

/* How an object is reached first, breadth-first: from which, under which name. */
struct way {
    int32_t parent;
    const char *name;
};

static void put(char **to, char c)
{
    *--*to = c;
}

/* One edge's name before what is there already: "." becomes "..", "/" becomes ".S". */
static bool prepend(char **to, const char *start, const char *name)
{
    for (size_t i = strlen(name); i-- > 0;) {
        if (*to - start < 3) {
            return false;
        }
        if (name[i] == '/') {
            put(to, 'S');
            put(to, '.');
        } else {
            put(to, name[i]);
            if (name[i] == '.') {
                put(to, '.');
            }
        }
    }
    if (*to == start) {
        return false;
    }
    return true;
}

/* "head/kernel/.ATTRIBUTES/VARIABLE_VALUE" */
static lince_status make_key(struct li_saving *s, const struct way *way, int32_t number, struct li_names *keys)
{
    static const char attribute[] = "/.ATTRIBUTES/VARIABLE_VALUE";
    char text[LI_MAX_NAME], *at = text + sizeof text - sizeof attribute;
    memcpy(at, attribute, sizeof attribute);
    for (int32_t i = number; i != 0; i = way[i].parent) {
        bool fits = prepend(&at, text, way[i].name);
        if (fits && way[i].parent != 0) {
            put(&at, '/');
        }
        if (!fits) {
            return li_fail(s->draft->err, LINCE_ELIMIT, "the key of variable \"%.200s\" has more than %d bytes",
                           s->draft->object[s->kept.object[number]]->variable->name, LI_MAX_NAME);
        }
    }
    return li_names_take(keys, at, &s->draft->arena, &s->key[number], s->draft->err);
}

static int32_t walk(const struct li_saving *s, struct way *way, int32_t *queue)
{
    int32_t length = 0;
    for (int32_t i = 0; i < s->kept.objects; i++) {
        way[i].parent = LI_NONE;
    }
    way[0].parent = 0;
    queue[length++] = 0;
    for (int32_t at = 0; at < length; at++) {
        const Tf__SavedObject *o = s->draft->object[s->kept.object[queue[at]]];
        for (size_t c = 0; c < o->n_children; c++) {
            int32_t child = s->kept.number[o->children[c]->node_id];
            if (way[child].parent == LI_NONE) {
                way[child] = (struct way){queue[at], o->children[c]->local_name};
                queue[length++] = child;
            }
        }
    }
    return length;
}

/* A variable that no child leads to could not be restored. */
lince_status li_save_keys(struct li_saving *s)
{
    struct li_draft *d = s->draft;
    size_t n = (size_t)s->kept.objects;
    struct li_names keys = {0};
    struct way *way = li_arena_alloc(&d->arena, n * sizeof *way, d->err);
    int32_t *queue = li_arena_alloc(&d->arena, n * sizeof *queue, d->err);
    s->key = li_arena_calloc(&d->arena, n, sizeof *s->key, d->err);
    if (!way || !queue || !s->key) {
        return LINCE_ENOMEM;
    }
    walk(s, way, queue);
    for (int32_t i = 0; i < s->kept.objects; i++) {
        const Tf__SavedObject *o = d->object[s->kept.object[i]];
        if (o->kind_case == TF__SAVED_OBJECT__KIND_VARIABLE) {
            if (way[i].parent == LI_NONE) {
                return li_fail(d->err, LINCE_EINVAL, "variable \"%.200s\" cannot be reached from the root object",
                               o->variable->name);
            }
            LI_TRY(make_key(s, way, i, &keys));
        }
    }
    return LINCE_OK;
}

/* ---- The graph in the checkpoint ---- */

static void write_children(const struct li_saving *s, const Tf__SavedObject *o, struct li_out *out)
{
    for (size_t c = 0; c < o->n_children; c++) {
        size_t at = li_out_open(out, 1);
        li_out_int(out, 1, s->kept.number[o->children[c]->node_id]);
        li_out_text(out, 2, o->children[c]->local_name);
        li_out_close(out, at);
    }
}

static void write_value(const struct li_saving *s, int32_t number, const Tf__SavedObject *o, struct li_out *out)
{
    enum { ATTRIBUTES = 2, HAS_VALUES = 5 };
    size_t at = li_out_open(out, ATTRIBUTES);
    li_out_text(out, 1, "VARIABLE_VALUE");
    li_out_text(out, 2, o->variable->name);
    li_out_text(out, 3, s->key[number]);
    li_out_close(out, at);
    at = li_out_open(out, HAS_VALUES);
    li_out_int(out, 1, 1);
    li_out_close(out, at);
}

void li_save_trackable(const struct li_saving *s, struct li_out *out)
{
    for (int32_t i = 0; i < s->kept.objects; i++) {
        const Tf__SavedObject *o = s->draft->object[s->kept.object[i]];
        size_t at = li_out_open(out, 1);
        write_children(s, o, out);
        if (s->key[i]) {
            write_value(s, i, o, out);
        }
        li_out_close(out, at);
    }
}
