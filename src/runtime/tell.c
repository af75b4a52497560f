/* What a plan does, node by node: for lince explain. */
#include "plan.h"

#include <stdio.h>
#include <string.h>

static void shapes_text(const struct li_graph *g, const li_vid *values, int count, char *buffer, size_t room)
{
    size_t at = strlen(buffer);
    char text[LI_SHAPE_TEXT];
    for (int i = 0; i < count && at + 1 < room; i++) {
        const struct li_value *v = &g->values[values[i]];
        snprintf(buffer + at, room - at, "%s%s", i ? ", " : "",
                 v->dtype == LINCE_RESOURCE ? "variable" : li_shape_text(&v->shape, text));
        at = strlen(buffer);
    }
}

/* Of a variable: none, its value is that of the node that reads it. */
static int64_t bytes_of(const struct li_graph *g, const li_vid *values, int count)
{
    int64_t bytes = 0;
    for (int i = 0; i < count; i++) {
        const struct li_value *v = &g->values[values[i]];
        bytes += v->dtype == LINCE_RESOURCE ? 0 : li_shape_count(&v->shape) * (int64_t)li_dtype_size(v->dtype);
    }
    return bytes;
}

static int tell_node(const struct li_plan *plan, int32_t n, const struct li_step *step, const struct li_teller *to)
{
    const struct li_node *node = &plan->graph->nodes[n];
    char shapes[1024] = "";
    struct li_step_info info = {.name = node->name,
                                .op = node->op->name,
                                .shapes = shapes,
                                .prepared = plan->prepared[n],
                                .tasks = 1,
                                .depth = to->depth};
    shapes_text(plan->graph, node->in, node->nin, shapes, sizeof shapes);
    size_t at = strlen(shapes);
    snprintf(shapes + at, sizeof shapes - at, " -> ");
    shapes_text(plan->graph, node->out, node->nout, shapes, sizeof shapes);
    info.bytes = bytes_of(plan->graph, node->in, node->nin) + bytes_of(plan->graph, node->out, node->nout);
    if (step) {
        info.tasks = step->tasks;
        info.flop = step->flop;
        info.reason = step->reason;
    }
    return to->tell(&info, to->context);
}

/* A body's nodes follow the step that runs it. */
static int tell_bodies(const struct li_plan *plan, const struct li_step *step, const struct li_teller *to)
{
    const struct li_teller inside = {to->tell, to->context, to->depth + 1};
    int stop = 0;
    for (int b = 0; step->body && !stop && b < plan->graph->nodes[step->node].bodies; b++) {
        stop = li_plan_tell(step->body[b], &inside);
    }
    return stop;
}

/* Which step a node is; steps of the commit stand behind the others. */
static const struct li_step *step_of(const struct li_plan *plan, int32_t n, int32_t next[2])
{
    const int32_t end[2] = {plan->commit, plan->step_count};
    for (int part = 0; part < 2; part++) {
        if (next[part] < end[part] && plan->steps[next[part]].node == n) {
            return &plan->steps[next[part]++];
        }
    }
    return NULL;
}

int li_plan_tell(const struct li_plan *plan, const struct li_teller *to)
{
    int32_t next[2] = {0, plan->commit};
    int stop = 0;
    for (int32_t n = 0; !stop && n < plan->graph->node_count; n++) {
        const struct li_step *step = step_of(plan, n, next);
        if (step || plan->prepared[n]) {
            stop = tell_node(plan, n, step, to);
        }
        if (step && !stop) {
            stop = tell_bodies(plan, step, to);
        }
    }
    return stop;
}

int li_node_tell(const struct li_node *node, const struct li_teller *to)
{
    const struct li_step_info info = {
        .name = node->name, .op = node->op->name, .shapes = "", .depth = to->depth, .later = true};
    return to->tell(&info, to->context);
}

int li_graph_tell(const struct li_graph *graph, const struct li_teller *to)
{
    int stop = 0;
    for (int32_t n = 0; !stop && n < graph->node_count; n++) {
        stop = li_node_tell(&graph->nodes[n], to);
    }
    return stop;
}
