/* From FunctionDefs to a flat graph: what function.c, attrs.c, inline.c, import.c, table.c and scan.c share. */
#ifndef LI_MODEL_INLINE_H
#define LI_MODEL_INLINE_H

#include "model/internal.h"

/* ---- function.c: a FunctionDef, its names resolved once ---- */

/* What an input of a node, or a result of a function, reads. */
struct li_source {
    int32_t node;       /* of this function; LI_NONE: an argument */
    int32_t index;      /* within the output, or of the argument */
    const char *output; /* the output's name, not ended by NUL */
    int32_t output_len;
    bool whole;   /* all of that output's values */
    bool control; /* an order only */
};

struct li_function {
    const Tf__FunctionDef *def;
    const Tf__OpDef *signature; /* never NULL */
    const char *name;
    int32_t node_count;
    size_t size;             /* nodes and their inputs */
    struct li_source **in;   /* by node: its n_input sources */
    const struct li_op **op; /* by node: its row, or NULL */
    struct li_source *ret;   /* by output_arg */
    int32_t *output_order;   /* output_args sorted by name */
    int32_t *order;          /* the nodes that results or effects need, each after what it reads */
    int32_t order_count;
    bool *must;                        /* by node: it runs whether or not anything reads it */
    const struct li_tensor **constant; /* by node: the value of a Const, once it was read */
};

/*
 * The function of that name, unpacked and resolved the first time; into the model's arena. Takes the model's lock to be
 * held. *out is NULL when the library has none of that name.
 */
lince_status li_function_get(const struct li_function **out, struct li_model *model, const char *name,
                             lince_error *err);

/* Which output_arg has this name, of len bytes; LI_NONE when none has. */
int32_t li_function_output(const struct li_function *function, const char *name, int32_t len);

/* ---- attrs.c ---- */

/* A map entry list with the attributes that a caller gave for placeholders. */
struct li_given {
    Tf__AttrEntry *const *entry;
    size_t count;
};

/* The attributes of a node but those that are hints only, into the arena. */
lince_status li_attrs_read(const struct li_attr **out, int *count, const Tf__NodeDef *node,
                           const struct li_given *placeholders, struct li_arena *arena, lince_error *err);
/* "Conv2D data_format=NCHW": the op, and the first attribute that its row does not support. */
const char *li_attrs_unsupported(const struct li_op *op, const struct li_attr *attrs, int count, struct li_arena *arena,
                                 lince_error *err);

/* ---- inline.c ---- */

/* One function call that is being inlined. */
struct li_frame {
    const struct li_frame *up; /* NULL: the trace itself */
    const struct li_function *function;
    const li_vid *arg;
    const char *path; /* of the call's node; NULL: the trace itself */
    struct li_given placeholders;
    struct li_results *node; /* by node */
    int depth;
};

struct li_import {
    struct li_model *model;
    struct li_graph *graph;
    struct li_arena scratch;
    const char *trace; /* the FunctionDef's name: part of the key of generators */
    size_t work;       /* nodes so far, with their names, inputs and outputs */
    li_vid dummy;      /* stands for results of what is unsupported; LI_NONE: nothing is yet */
    struct li_missing {
        const char *node, *what; /* "Foo", "Conv2D data_format=NCHW" */
    } * missing;
    size_t missing_count, missing_room;
    const char **op; /* of every node met, with repetitions; NULL unless collect_ops */
    size_t op_count, op_room;
    bool collect_ops;
    struct li_table_build *table; /* while a table is created: its ops are run instead of refused */
    int table_depth;              /* tables that tables capture */
    lince_error *err;
};

/*
 * Append the nodes of a function called with arg (one value for each of its arguments); *out are its results, of each
 * output_arg one, in scratch.
 */
lince_status li_inline(struct li_import *im, const struct li_function *function, const li_vid *arg, const li_vid **out);

/* ---- import.c ---- */

/* The values of the objects a function captures, one in args for each. */
lince_status li_import_captures(struct li_import *im, const Tf__SavedConcreteFunction *saved, li_vid *args);
/*
 * Import a binding into im, which is all zero but for err and collect_ops; then, also when that failed,
 * li_import_end().
 */
lince_status li_import_run(struct li_import *im, const struct li_binding *binding);
void li_import_end(struct li_import *im);

/* ---- table.c ---- */

/* The table of a resource object, made from what creates and initializes it; LINCE_EUNSUPPORTED: it is no table. */
lince_status li_table_resource(struct li_import *im, int32_t object, int32_t *resource);
/*
 * Run a node that makes or fills a table, while im->table is set. *done is false when it is none of those.
 * in: its data inputs. A HashTableV2 gives one result, *out.
 */
lince_status li_table_node(struct li_import *im, const char *op, const struct li_attr *attrs, int nattrs,
                           const li_vid *in, int nin, li_vid *out, int *nout, bool *done);

#endif
