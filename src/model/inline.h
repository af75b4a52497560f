/* From bodies to a flat graph: what the files that import share. */
#ifndef LI_MODEL_INLINE_H
#define LI_MODEL_INLINE_H

#include "model/special.h"

/* What a part gave. */
struct li_results {
    const li_vid *out;
    int count;
    int32_t graph_node;           /* whose row and attributes name the outputs; LI_NONE: all are "output" */
    const struct li_body *called; /* by its own name: its results are named as it names them */
    const char *output;           /* what its only output is called; NULL: "output" */
    bool unknown;                 /* the node is unsupported */
};

/* One body that is being inlined: a call, or the trace itself. */
struct li_frame {
    const struct li_frame *up; /* NULL: the trace itself */
    struct li_body *body;
    const li_vid *arg;
    const char *path;       /* of the call's node; NULL: the trace itself */
    struct li_given given;  /* for placeholders */
    const uint8_t *wanted;  /* by result of the body, whether it is read; NULL: all are */
    struct li_need *need;   /* by part */
    struct li_results *got; /* by part */
    int depth;
};

/* What of a part is needed. */
struct li_need {
    bool read, must;
    bool waited;          /* for its effect, not for what it gives */
    struct li_wish *wish; /* of a part that calls: which of its outputs */
};
struct li_wish {
    const struct li_source *source;
    const struct li_wish *next;
};

struct li_values {
    li_vid *v;
    int count, room;
};

/* One part on its way into the graph. */
struct li_step {
    struct li_frame *frame;
    int32_t n;
    struct li_part *part;
    const char *name; /* with the path of calls */
    struct li_values in;
    struct li_results *to;
};

/* A body that has become a graph of its own. */
struct li_made {
    struct li_made *next;
    struct li_body *body;
    struct li_given given;
    int32_t *bound; /* by argument: the resource it is bound to; LI_NONE: a tensor, and an input of the graph */
    lince_dtype *type;
    int32_t *returns; /* by result: the resource whose handle it is; LI_NONE: a tensor, and an output */
    bool complete;    /* returns is filled */
    struct li_graph *graph;
};
enum { LI_BOUND_DUMMY = -2 }; /* bound to what an unsupported node would have given */
enum { LI_MADE_BUCKETS = 256 };

struct li_import {
    struct li_model *model;
    struct li_graph *whole; /* of the trace; it keeps the graphs of bodies */
    struct li_graph *graph; /* that is being made: whole, or one of a body */
    struct li_arena scratch;
    const char *trace; /* the function's name: part of the key of generators */
    size_t work;       /* nodes so far, with their names, inputs and outputs */
    li_vid dummy;      /* stands for results of what is unsupported; LI_NONE: nothing is yet */
    struct li_missing {
        const char *node, *what; /* "Foo", "Conv2D data_format=NCHW" */
    } * missing;
    size_t missing_count;
    int32_t missing_room;
    const char **op; /* of every node met, with repetitions; NULL unless collect_ops */
    size_t op_count;
    int32_t op_room;
    bool collect_ops;
    bool gradients;                        /* what saved gradients read is kept */
    struct li_made *made[LI_MADE_BUCKETS]; /* graphs of bodies, hashed by body */
    struct li_table_build *table;          /* while a table is created: its ops are run instead of refused */
    int table_depth;                       /* tables that tables capture */
    const li_vid *inputs;                  /* of li_binding_append(): what the binding's inputs are; NULL: new inputs */
    li_vid *results;                       /* of li_binding_append(): where results go; NULL: they are the outputs */
    lince_error *err;
};

/* How many of a part's inputs count. */
static inline int32_t li_import_inputs(const struct li_import *im, const struct li_part *part)
{
    return im->gradients ? part->nin : part->nin - part->saved;
}

/* ---- inline.c ---- */

/*
 * Append the nodes of a body called with arg (one value for each of its arguments); *out are its results, one for each,
 * in scratch.
 */
lince_status li_inline(struct li_import *im, struct li_body *body, const li_vid *arg, const li_vid **out);
/* The same for a frame of which all but need and got is set. */
lince_status li_inline_frame(struct li_import *im, struct li_frame *frame, const li_vid **out);

/* ---- need.c ---- */

/* frame->need, from frame->wanted and the body's effects. */
lince_status li_need(struct li_import *im, struct li_frame *frame);
/* By result of the body that a part calls, whether it is read; in scratch. */
lince_status li_need_wanted(struct li_import *im, const struct li_need *need, const struct li_body *called,
                            bool by_name, const uint8_t **out);

/* ---- source.c ---- */

/* Append what a source stands for. who reads it, for messages. */
lince_status li_source_read(struct li_import *im, const struct li_frame *frame, const struct li_source *source,
                            const char *who, struct li_values *to);
lince_status li_source_read_all(struct li_import *im, const struct li_frame *frame, int32_t part, struct li_values *to);

/* ---- nodes.c ---- */

lince_status li_import_part(struct li_import *im, struct li_step *s);
lince_status li_import_constant(struct li_import *im, struct li_step *s);
/* The part gave one value. */
lince_status li_import_gave(struct li_import *im, struct li_step *s, li_vid v);

/* ---- call.c ---- */

lince_status li_import_call(struct li_import *im, struct li_step *s);
/* The part's op is the name of a function. */
lince_status li_import_call_by_name(struct li_import *im, struct li_step *s, struct li_body *called);
/* The function of that name; *out is NULL when there is none. */
lince_status li_import_find(struct li_import *im, const struct li_step *s, const char *name, struct li_body **out);

/* ---- specialise.c ---- */

/*
 * The graph of a body called with these arguments of the graph at hand, of which it only matters which handles they
 * are. path names its nodes.
 */
lince_status li_specialise(const struct li_made **out, struct li_import *im, struct li_body *body,
                           const struct li_given *given, const li_vid *arg, const char *path, int depth);

/* ---- control.c ---- */

/* A part whose row runs bodies. */
lince_status li_import_control(struct li_import *im, struct li_step *s);

/* ---- tally.c ---- */

/*
 * Functions that call functions twice, and nodes that read long lists, make a graph of any size from a few lines. Real
 * files call most functions once.
 */
lince_status li_import_charge(struct li_import *im, size_t work, const char *node);
/* The node is unsupported: remember it and go on, so that all are told at once. what NULL: memory ran out. */
lince_status li_import_missing(struct li_import *im, struct li_step *s, const char *what);
/* im->dummy, in the graph at hand. */
lince_status li_import_need_dummy(struct li_import *im);
lince_status li_import_note_op(struct li_import *im, const char *op);
/* LINCE_EUNSUPPORTED with the number of missing nodes and the first three; LINCE_OK when none is. */
lince_status li_import_check_missing(const struct li_import *im);

/* ---- capture.c ---- */

/* An asset is the absolute path of its file. */
lince_status li_import_asset(struct li_import *im, size_t asset, li_vid *out);
/* The value of one object. */
lince_status li_import_capture(struct li_import *im, int32_t object, li_vid *out);
/* The values of the objects a function captures, one in args for each. */
lince_status li_import_captures(struct li_import *im, const Tf__SavedConcreteFunction *saved, li_vid *args);

/* ---- import.c ---- */

/*
 * Import a binding into im, which is all zero but for err, collect_ops and what li_binding_append() sets (whole,
 * inputs, results); then, also when that failed, li_import_end().
 */
lince_status li_import_run(struct li_import *im, const struct li_binding *binding);
void li_import_end(struct li_import *im);
/* The same for whatever `run` imports; name is that of the function, which keys generators. */
lince_status li_import_with(struct li_import *im, struct li_model *model, const char *name,
                            lince_status (*run)(struct li_import *im, const void *context), const void *context);

/* ---- registered.c ---- */

/* A part hands on its saved inputs too: its list of types is as long. */
lince_status li_registered_widen(struct li_import *im, const struct li_step *s, const struct li_attr **attrs,
                                 int count);

/* ---- table.c ---- */

/* The table of a resource object, made from what creates and initializes it; LINCE_EUNSUPPORTED: it is no table. */
lince_status li_table_resource(struct li_import *im, int32_t object, int32_t *resource);
/*
 * A new table in a slot that tells its resource. how builds it: in one import or more (li_table_run()) the nodes below
 * do to it what they say. The graph of such an import is dropped.
 */
lince_status li_table_new(struct li_import *im, int32_t *slot, const char *name,
                          lince_status (*how)(struct li_import *im, struct li_table_build *build, const void *context),
                          const void *context);
lince_status li_table_run(struct li_import *im, struct li_table_build *build, const char *name,
                          lince_status (*run)(struct li_import *inner, const void *context), const void *context);
/* Nodes that make or fill a table; those that fill are unsupported while none is being made. */
lince_status li_table_create(struct li_import *im, struct li_step *s);
lince_status li_table_fill_from_text(struct li_import *im, struct li_step *s);
lince_status li_table_fill_from_tensors(struct li_import *im, struct li_step *s);

#endif
