/* Bodies from a graph of TensorFlow 1, between what a signature feeds and what it fetches. */
#ifndef LI_MODEL_SECTION_H
#define LI_MODEL_SECTION_H

#include "model/inline.h"

/* What a signature is called with and gives, by tensors of the graph, "node:0". */
struct li_section {
    const char *name;
    const char **feed, **fetch;
    struct li_port *arg, *result; /* what they are called */
    size_t feeds, fetches;
    const char **run; /* nodes that must run, "node" */
    size_t runs;
    struct li_body *body;        /* NULL until it is needed */
    struct li_section *updating; /* the same that runs the collection update_ops too; NULL until it is needed */
};

/* ---- section.c ---- */

/* The section's body, made the first time. Takes the model's lock to be held. */
lince_status li_section_body(struct li_body **out, struct li_model *model, struct li_section *section,
                             lince_error *err);

/*
 * The same section with what a training step of TensorFlow 1 runs beside it: the nodes of the collection update_ops,
 * which move the averages of batch normalisation. The section itself where there are none.
 */
lince_status li_section_updating(struct li_section **out, struct li_model *model, struct li_section *section,
                                 lince_error *err);

/* ---- trail.c ---- */

/* From node to node of the graph, each once: those that were visited are given, one by one. */
struct li_trail {
    const struct li_proto_items *nodes;
    uint8_t *seen;
    const struct li_proto_item **stack;
    size_t depth;
};
lince_status li_trail_begin(struct li_trail *trail, const struct li_proto_items *nodes, struct li_arena *arena,
                            lince_error *err);
/* The node of a tensor's name or an input's; NULL when there is none. */
const struct li_proto_item *li_trail_find(const struct li_proto_items *nodes, const char *name);
void li_trail_visit(struct li_trail *trail, const char *name);
void li_trail_visit_controls(struct li_trail *trail, const Tf__NodeDef *node); /* what it waits for */
const struct li_proto_item *li_trail_next(struct li_trail *trail);             /* NULL: all were given */

/* ---- restore.c ---- */

/* Fill model->restored, if the meta graph has a saver. */
lince_status li_restore_open(struct li_model *model, lince_error *err);
/* A part of an entry, "4 6 0,4:3,3": the dims of the whole, then where the part begins in each, and how long it is. */
struct li_slice {
    int rank;
    int64_t full[LI_MAX_RANK], offset[LI_MAX_RANK], shape[LI_MAX_RANK];
};
bool li_restore_slice(struct li_slice *out, const char *text);

/* ---- refs.c ---- */

/*
 * Parts that grow. Variables of the kind that is read by being used are handles here; whoever uses one reads it where
 * he stands, and whoever uses what an assignment gives reads it after that.
 */
struct li_parts {
    struct li_part *part;
    int32_t count, room;
};
lince_status li_parts_add(struct li_parts *parts, const struct li_part *part, struct li_arena *arena, lince_error *err);
/* ret: what is returned. */
lince_status li_refs_resolve(struct li_parts *parts, struct li_source *ret, size_t returns, struct li_arena *arena,
                             lince_error *err);

/* ---- named.c ---- */

/* A part that is a variable. */
lince_status li_named_variable(struct li_import *im, struct li_step *s);
/* The node that a part's handle is named by; NULL: none, or the model has an object graph. */
const struct li_proto_item *li_named_item(struct li_import *im, const struct li_part *part);

/* ---- initialize.c ---- */

/* A part that is a table, filled by what initializes the model; unsupported in a model with an object graph. */
lince_status li_table_named(struct li_import *im, struct li_step *s);

#endif
