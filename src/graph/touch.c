/*
 * What a node touches: the resources behind its handles, its generator, and all that its bodies touch. Said once, so
 * that nobody else asks what a row's effects mean for which resource.
 */
#include "internal.h"

#include <string.h>

enum { OF_HANDLE = LI_EFFECT_READ | LI_EFFECT_WRITE | LI_EFFECT_LOOKUP };

/* Touches found so far, in the arena of the call. */
struct collecting {
    struct li_arena arena;
    struct li_touch *touch;
    int count, room;
    struct li_graph **seen; /* bodies that were looked into: a body may lie in itself */
    int seen_count, seen_room;
    unsigned effects;
    lince_error *err;
};

/* ---- Lists that grow --------------------------------------------------------------------------------------------- */

static lince_status add_touch(struct collecting *c, int32_t resource, unsigned how)
{
    LI_TRY(li_arena_grow(&c->arena, &c->touch, &c->room, c->count + 1, sizeof *c->touch, c->err));
    c->touch[c->count++] = (struct li_touch){resource, how};
    return LINCE_OK;
}

/* What bodies do to one resource is one touch. */
static lince_status merge_touch(struct collecting *c, struct li_touch touch)
{
    for (int i = 0; i < c->count; i++) {
        if (c->touch[i].resource == touch.resource) {
            c->touch[i].how |= touch.how;
            return LINCE_OK;
        }
    }
    return add_touch(c, touch.resource, touch.how);
}

static lince_status add_seen(struct collecting *c, struct li_graph *body, bool *before)
{
    for (int i = 0; i < c->seen_count; i++) {
        if (c->seen[i] == body) {
            *before = true;
            return LINCE_OK;
        }
    }
    LI_TRY(li_arena_grow(&c->arena, &c->seen, &c->seen_room, c->seen_count + 1, sizeof(struct li_graph *), c->err));
    c->seen[c->seen_count++] = body;
    *before = false;
    return LINCE_OK;
}

/* ---- Handles and generators -------------------------------------------------------------------------------------- */

bool li_op_handle(const struct li_op *op, int i, struct li_handle *out)
{
    if (op->handles) {
        *out = op->handles[i];
        return out->how != 0;
    }
    *out = (struct li_handle){0, op->effects & OF_HANDLE};
    return i == 0 && out->how != 0;
}

static lince_status refuse(const struct li_node *node, lince_error *err, const char *what)
{
    return li_fail(err, LINCE_EUNSUPPORTED, "node \"%s\" (%s): %s", node->name, node->op->name, what);
}

static lince_status touch_handles(struct collecting *c, const struct li_graph *g, const struct li_node *node)
{
    struct li_handle handle;
    for (int i = 0; li_op_handle(node->op, i, &handle); i++) {
        int32_t resource = handle.input < node->nin ? g->values[node->in[handle.input]].resource : LI_NONE;
        if (resource < 0) {
            return refuse(node, c->err, "which resource it uses is only known by running");
        }
        if (!g->store || resource >= g->store->count) {
            return li_fail(c->err, LINCE_EINVAL, "node \"%s\" (%s): uses resource %d, which does not exist", node->name,
                           node->op->name, (int)resource);
        }
        for (int k = 0; k < c->count; k++) {
            if (c->touch[k].resource == resource && (c->touch[k].how & handle.how & LI_EFFECT_WRITE)) {
                return refuse(node, c->err, "writes one variable through two handles");
            }
        }
        LI_TRY(add_touch(c, resource, handle.how));
    }
    return LINCE_OK;
}

static int64_t seed_of(const struct li_node *node, const char *name)
{
    for (int i = 0; i < node->nattrs; i++) {
        if (strcmp(node->attrs[i].name, name) == 0 && node->attrs[i].kind == LI_ATTR_INT) {
            return node->attrs[i].i;
        }
    }
    return 0;
}

/* A generator belongs to the model and is found by its key: a new plan, and a new session, continue its stream. */
static lince_status touch_generator(struct collecting *c, struct li_graph *g, const struct li_node *node,
                                    const char *key)
{
    int32_t generator;
    if (!(node->op->effects & LI_EFFECT_RANDOM)) {
        return LINCE_OK;
    }
    if (!g->store) {
        return refuse(node, c->err, "there is no store for its generator");
    }
    LI_TRY(li_store_generator(g->store, key ? key : node->name, seed_of(node, "seed"), seed_of(node, "seed2"),
                              &generator, c->err));
    return add_touch(c, generator, LI_EFFECT_RANDOM);
}

/* ---- Bodies ------------------------------------------------------------------------------------------------------ */

/*
 * A control node in a body is looked into, and not asked, since it may lie in itself; what it touches is found after
 * that of the node it lies in.
 */
static lince_status touch_bodies(struct collecting *c, const struct li_node *node)
{
    for (int b = 0; b < node->bodies; b++) {
        struct li_graph *body = node->body[b];
        bool before;
        LI_TRY(add_seen(c, body, &before));
        for (int32_t n = 0; !before && n < body->node_count; n++) {
            const struct li_node *inner = &body->nodes[n];
            c->effects |= inner->op->effects;
            if (inner->bodies) {
                LI_TRY(touch_bodies(c, inner));
                continue;
            }
            LI_TRY(li_graph_touch(body, n, NULL, c->err));
            for (int i = 0; i < inner->touches; i++) {
                LI_TRY(merge_touch(c, inner->touch[i]));
            }
        }
    }
    return LINCE_OK;
}

/* ---- One node ---------------------------------------------------------------------------------------------------- */

static lince_status keep_touches(struct collecting *c, struct li_graph *g, struct li_node *node)
{
    if (c->count) {
        struct li_arena *kept = li_graph_kept(g, c->err);
        struct li_touch *touch = kept ? li_arena_alloc(kept, (size_t)c->count * sizeof *touch, c->err) : NULL;
        if (!touch) {
            return LINCE_ENOMEM;
        }
        memcpy(touch, c->touch, (size_t)c->count * sizeof *touch);
        node->touch = touch;
        node->touches = c->count;
    }
    node->effects |= c->effects;
    node->touched = true;
    return LINCE_OK;
}

static lince_status collect(struct collecting *c, struct li_graph *g, int32_t n, const char *key)
{
    struct li_node *node = &g->nodes[n];
    LI_TRY(touch_handles(c, g, node));
    LI_TRY(touch_generator(c, g, node, key));
    LI_TRY(touch_bodies(c, node));
    return keep_touches(c, g, node);
}

static lince_status touch_inner(struct li_graph *body, int32_t n, lince_error *err)
{
    struct collecting c = {.err = err};
    li_arena_init(&c.arena, body->arena.mem, 0);
    lince_status st = collect(&c, body, n, NULL);
    li_arena_free(&c.arena);
    return st;
}

/* From then on nobody writes to a body, which several threads may infer. */
static lince_status touch_control(const struct collecting *c)
{
    for (int i = 0; i < c->seen_count; i++) {
        struct li_graph *body = c->seen[i];
        for (int32_t n = 0; n < body->node_count; n++) {
            if (body->nodes[n].bodies && !body->nodes[n].touched) {
                LI_TRY(touch_inner(body, n, c->err));
            }
        }
    }
    return LINCE_OK;
}

lince_status li_graph_touch(struct li_graph *g, int32_t node, const char *key, lince_error *err)
{
    struct collecting c = {.err = err};
    if (g->nodes[node].touched || !(g->nodes[node].op->effects || g->nodes[node].bodies)) {
        return LINCE_OK;
    }
    li_arena_init(&c.arena, g->arena.mem, 0);
    lince_status st = collect(&c, g, node, key);
    st = st ? st : touch_control(&c);
    li_arena_free(&c.arena);
    return st;
}

/* ---- What does not change in a run ------------------------------------------------------------------------------- */

int32_t li_graph_resources(const struct li_graph *g)
{
    int32_t count = 0;
    for (int32_t n = 0; n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].touches; i++) {
            count = LI_MAX(count, g->nodes[n].touch[i].resource + 1);
        }
    }
    return count;
}

bool *li_graph_written(const struct li_graph *g, struct li_arena *arena, lince_error *err)
{
    bool *written = li_arena_calloc(arena, (size_t)li_graph_resources(g) + 1, sizeof *written, err);
    for (int32_t n = 0; written && n < g->node_count; n++) {
        for (int i = 0; i < g->nodes[n].touches; i++) {
            const struct li_touch *touch = &g->nodes[n].touch[i];
            written[touch->resource] |= (touch->how & (LI_EFFECT_WRITE | LI_EFFECT_RANDOM)) != 0;
        }
    }
    return written;
}

bool li_node_is_fixed(const struct li_node *node, const bool *written)
{
    if ((node->effects & ~(unsigned)LI_EFFECT_READ) || ((node->effects & LI_EFFECT_READ) && !node->touches)) {
        return false;
    }
    for (int i = 0; i < node->touches; i++) {
        if (written[node->touch[i].resource]) {
            return false;
        }
    }
    return true;
}
