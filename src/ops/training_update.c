/* From gradients to updates: clipping, one vector of all gradients, an optimizer's nodes, the count of steps. */
#include "build.h"

/* ---- Clipping ---- */

static li_vid clip_value(struct li_build *b, li_vid x, double limit)
{
    const li_vid in[3] = {x, li_build_number(b, (float)-limit), li_build_number(b, (float)limit)};
    return li_build_node(b, "ClipByValue", in, 3, NULL, 0);
}

/* x limit / max(|x|, limit), as tf.clip_by_norm */
static li_vid clip_norm(struct li_build *b, li_vid x, double limit)
{
    li_vid most = li_build_number(b, (float)limit);
    li_vid norm = li_build_one(b, "Sqrt", li_build_total(b, li_build_one(b, "Square", x)));
    return li_build_two(b, "RealDiv", li_build_two(b, "Mul", x, most), li_build_two(b, "Maximum", norm, most));
}

/* limit min(1 / norm, 1 / limit), as tf.clip_by_global_norm; the norm is that of all together. */
static li_vid global_scale(struct li_build *b, const li_vid *grads, int count, double limit, li_vid *halves)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        if (grads[i] >= 0) {
            halves[found++] = li_build_one(b, "L2Loss", grads[i]);
        }
    }
    li_vid sum = found == 1 ? halves[0] : li_build_node(b, "AddN", halves, found, NULL, 0);
    li_vid norm = li_build_one(b, "Sqrt", li_build_two(b, "Mul", sum, li_build_number(b, 2)));
    li_vid inverse = li_build_two(b, "RealDiv", li_build_number(b, 1), norm);
    li_vid least = li_build_two(b, "Minimum", inverse, li_build_number(b, (float)(1 / limit)));
    return li_build_two(b, "Mul", least, li_build_number(b, (float)limit));
}

lince_status li_ops_clip(struct li_graph *g, const struct li_clip *clip, li_vid *grads, int count, lince_error *err)
{
    struct li_build b = {.g = g, .name = "training/clip", .inferred = true, .err = err};
    li_vid *halves = li_arena_alloc(&g->arena, (size_t)count * sizeof *halves, err);
    if (!halves) {
        return LINCE_ENOMEM;
    }
    li_vid scale = clip->global_norm > 0 ? global_scale(&b, grads, count, clip->global_norm, halves) : LI_NONE;
    for (int i = 0; i < count; i++) {
        if (grads[i] >= 0 && clip->norm > 0) {
            grads[i] = clip_norm(&b, grads[i], clip->norm);
        } else if (grads[i] >= 0 && clip->global_norm > 0) {
            grads[i] = li_build_two(&b, "Mul", grads[i], scale);
        } else if (grads[i] >= 0 && clip->value > 0) {
            grads[i] = clip_value(&b, grads[i], clip->value);
        }
    }
    return b.status;
}

/* ---- One vector ---- */

lince_status li_ops_flatten(struct li_graph *g, const li_vid *grads, int count, li_vid *out, lince_error *err)
{
    static const int32_t any[1] = {-1}, axis[1] = {0};
    struct li_build b = {.g = g, .name = "training/flat", .inferred = true, .err = err};
    li_vid *flat = li_arena_alloc(&g->arena, ((size_t)count + 1) * sizeof *flat, err);
    int found = 0;
    if (!flat) {
        return LINCE_ENOMEM;
    }
    for (int i = 0; i < count; i++) {
        if (grads[i] >= 0) {
            flat[found++] = li_build_two(&b, "Reshape", grads[i], li_build_ints(&b, any, 1));
        }
    }
    if (found == 1) { /* an element of nothing makes it a vector of its own */
        const struct li_shape none = {1, {0}};
        b.status = b.status ? b.status : li_ops_fill(g, "training/flat/end", LINCE_FLOAT32, &none, 0, &flat[1], err);
        found++;
    }
    flat[found] = li_build_ints(&b, axis, -1);
    *out = li_build_node(&b, "ConcatV2", flat, found + 1, NULL, 0);
    return b.status;
}

/* ---- Updates ---- */

static void require_last(struct li_graph *g)
{
    g->nodes[g->node_count - 1].required = true;
}

lince_status li_ops_update(struct li_graph *g, const struct li_ops_step *step, lince_error *err)
{
    static const struct {
        const char *op, *flag;
    } rows[] = {
        [LI_STEP_SGD] = {"_LiSgd", NULL},
        [LI_STEP_MOMENTUM] = {"_LiMomentum", NULL},
        [LI_STEP_NESTEROV] = {"_LiMomentum", "nesterov"},
        [LI_STEP_ADAM] = {"_LiAdam", NULL},
        [LI_STEP_RMSPROP] = {"_LiRmsprop", NULL},
        [LI_STEP_RMSPROP_OUTSIDE] = {"_LiRmsprop", "epsilon_outside"},
        [LI_STEP_RMSPROP_MOMENTUM] = {"_LiRmspropMomentum", NULL},
        [LI_STEP_RMSPROP_CENTERED] = {"_LiRmspropCentered", NULL},
        [LI_STEP_RMSPROP_CENTERED_MOMENTUM] = {"_LiRmspropCenteredMomentum", NULL},
    };
    const char *flag = rows[step->kind].flag;
    const struct li_attr attrs[] = {LI_INT("offset", step->offset), LI_BOOL(flag, 1)};
    struct li_build b = {.g = g, .name = step->name, .inferred = true, .err = err};
    li_vid in[1 + LI_STEP_SLOTS + 2];
    int count = 0;
    for (int i = 0; i < 1 + step->slots; i++) {
        LI_TRY(li_graph_resource(g, step->resource[i], &in[count++], err));
    }
    in[count++] = step->gradient;
    in[count++] = step->factors;
    li_build_node(&b, rows[step->kind].op, in, count, attrs, flag ? 2 : 1);
    LI_TRY(b.status);
    require_last(g);
    return LINCE_OK;
}

lince_status li_ops_count_step(struct li_graph *g, int32_t counter, lince_error *err)
{
    int64_t one = 1;
    const struct li_tensor t = {.dtype = LINCE_INT64, .data = &one, .size_bytes = sizeof one};
    struct li_build b = {.g = g, .name = "training/iterations", .inferred = true, .err = err};
    const struct li_tensor *own;
    li_vid in[2];
    LI_TRY(li_graph_resource(g, counter, &in[0], err));
    LI_TRY(li_graph_own_tensor(g, &t, &own, err));
    LI_TRY(li_graph_constant(g, own, &in[1], err));
    li_build_node(&b, "AssignAddVariableOp", in, 2, NULL, 0);
    LI_TRY(b.status);
    require_last(g);
    return LINCE_OK;
}
