/*
 * What kind of numbers a value holds, by the op that made them. What only moves numbers, picks some of them or changes
 * their dtype leaves them what they are, so the way leads through it.
 */
#include "passes.h"

#include <string.h>

enum way {
    NONE,   /* nothing is known of its numbers */
    FIRST,  /* output 0 has numbers of input 0 */
    PAIRED, /* each output has those of its input */
    JOINED, /* output 0 has those of all inputs */
    AXIS,   /* of all but the last, which is an axis */
    MADE    /* output 0 is what the table says */
};

static const struct known {
    const char *op;
    enum way way;
    enum li_scores scores;
} known[] = {
    {"Cast", FIRST, LI_SCORES_ANY},       {"Transpose", FIRST, LI_SCORES_ANY},    {"GatherV2", FIRST, LI_SCORES_ANY},
    {"Slice", FIRST, LI_SCORES_ANY},      {"StridedSlice", FIRST, LI_SCORES_ANY}, {"TopKV2", FIRST, LI_SCORES_ANY},
    {"IdentityN", PAIRED, LI_SCORES_ANY}, {"ConcatV2", AXIS, LI_SCORES_ANY},      {"Pack", JOINED, LI_SCORES_ANY},
    {"Sigmoid", MADE, LI_SCORES_EACH},    {"Softmax", MADE, LI_SCORES_SHARES},
};

/* Rows whose output is the bytes of their input need no line above. */
static struct known way_of(const struct li_node *node)
{
    for (size_t i = 0; i < LI_COUNT(known); i++) {
        if (strcmp(node->op->name, known[i].op) == 0) {
            return known[i];
        }
    }
    return (struct known){.way = node->op->flags & LI_OP_ALIAS ? FIRST : NONE};
}

static const struct li_node *producer(const struct li_graph *g, li_vid v)
{
    return g->values[v].producer == LI_NONE ? NULL : &g->nodes[g->values[v].producer];
}

/* The value that these numbers were before they were moved. */
static li_vid origin(const struct li_graph *g, li_vid v)
{
    for (const struct li_node *node; (node = producer(g, v)) != NULL;) {
        enum way way = way_of(node).way;
        int32_t output = g->values[v].output;
        bool moved = way == PAIRED ? output < node->nin : way == FIRST && output == 0;
        if (!moved) {
            break;
        }
        v = node->in[output];
    }
    return v;
}

static struct known way_to(const struct li_graph *g, li_vid v)
{
    const struct li_node *node = producer(g, v);
    return node && g->values[v].output == 0 ? way_of(node) : (struct known){.way = NONE};
}

/* Pieces must all be of one kind. Several that each have the sum 1 have it no longer together. */
static enum li_scores of_pieces(const struct li_graph *g, li_vid joined)
{
    const struct li_node *node = producer(g, joined);
    enum li_scores all = way_to(g, origin(g, node->in[0])).scores;
    int pieces = node->nin - (way_of(node).way == AXIS);
    for (int i = 1; i < pieces; i++) {
        if (way_to(g, origin(g, node->in[i])).scores != all) {
            return LI_SCORES_ANY;
        }
    }
    return all == LI_SCORES_SHARES ? LI_SCORES_EACH : all;
}

/* Without looking into bodies. */
static enum li_scores of_graph(const struct li_graph *g, li_vid value)
{
    li_vid from = origin(g, value);
    struct known k = way_to(g, from);
    return k.way == JOINED || k.way == AXIS ? of_pieces(g, from) : k.scores;
}

/* Whichever branch runs must give the same. One level deep: a body may hold itself. */
static enum li_scores of_branches(const struct li_node *node, int32_t output)
{
    enum li_scores all = LI_SCORES_ANY;
    for (int i = 0; i < node->bodies; i++) {
        const struct li_graph *body = node->body[i];
        enum li_scores scores = output < body->output_count ? of_graph(body, body->outputs[output]) : LI_SCORES_ANY;
        if (i > 0 && scores != all) {
            return LI_SCORES_ANY;
        }
        all = scores;
    }
    return all;
}

enum li_scores li_passes_scores(const struct li_graph *g, li_vid value)
{
    li_vid from = origin(g, value);
    const struct li_node *node = producer(g, from);
    return node && node->op->control == LI_CONTROL_BRANCH ? of_branches(node, g->values[from].output)
                                                          : of_graph(g, from);
}
