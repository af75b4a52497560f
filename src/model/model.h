/*
 * model: SavedModel <-> graph. Opens a folder, walks its object graph, binds variables to the checkpoint, chooses the
 * trace that a call's arguments ask for, and imports it as a flat graph.
 *
 * Constants of an imported graph lie in the model's memory, so a model stays open while there are such graphs. After
 * opening it does not change, apart from its store and from functions that are unpacked when first needed; any
 * number of threads may use it.
 */
#ifndef LI_MODEL_H
#define LI_MODEL_H

#include "base/base.h"
#include "graph/graph.h"
#include "passes/passes.h"

struct li_model;

/* ---- Open (open.c) ----------------------------------------------------------------------------------------------- */

struct li_model_options {
    const char *tags; /* "serve,train"; "": the empty set; NULL: the only meta graph there is, or of a
                       * TensorFlow 1 Hub module that without tags */
    bool has_seed;    /* the store's seed is this one; else drawn from the system */
    uint64_t seed;
    bool read_files; /* into memory, instead of mapping them */
};

/*
 * Open the folder. Nothing of the model's code runs, no variable is read, no function unpacked. mem is kept while the
 * model lives; options may be NULL. Close with li_model_close().
 * LINCE_ENOENT: no such folder or file. LINCE_EUNSUPPORTED: something else than a TensorFlow 2 SavedModel, which the
 * text names.
 * LINCE_EINVAL, LINCE_EUNSAFE: what the object graph says makes no sense, or an asset is named that is not in the
 * folder. Others as proto/ and bundle/ have them.
 */
lince_status li_model_open(struct li_model **out, const char *path, const struct li_model_options *options,
                           struct li_mem *mem, lince_error *err);
void li_model_close(struct li_model *model); /* NULL is fine */

struct li_store *li_model_store(struct li_model *model);

/* li_bundle_verify() of its checkpoint; LINCE_OK when it has none. */
lince_status li_model_verify(struct li_model *model, size_t *failed, lince_error *err);

struct li_save_options {
    bool overwrite; /* path may be a SavedModel already, the model's own folder too */
};

/*
 * Save the model as it is now: saved_model.pb byte for byte, all other files, and a checkpoint with the present values.
 * It appears under its name when it is complete; on failure nothing has changed. Changes of variables wait while values
 * are written.
 * LINCE_EINVAL: path is something that may not be replaced. LINCE_EUNSAFE: a link in the model's folder leads out of
 * it. LINCE_EIO, LINCE_ENOENT: the system. Others: what the checkpoint holds cannot be read.
 */
lince_status li_model_save(struct li_model *model, const char *path, const struct li_save_options *options,
                           lince_error *err);

struct li_model_facts {
    const char *path, *tags, *tensorflow_version; /* "" where the model says nothing */
    int64_t objects, functions;
    size_t pb_bytes, variable_bytes;   /* of saved_model.pb; of all reachable variables */
    bool is_hub_module;                /* of TensorFlow 1: tfhub_module.pb lies beside */
    int32_t image_height, image_width; /* pixels, as a Hub module states them; 0: it does not */
};
void li_model_facts(const struct li_model *model, struct li_model_facts *out);

/* ---- Variables (lists.c) ----------------------------------------------------------------------------------------- */

/* A variable that is reachable from the object. `variables` come first, then the others breadth-first. */
struct li_variable {
    const char *name; /* with TensorFlow's ":0" */
    int32_t resource; /* in the store, where dtype, shape and value are */
    bool trainable;   /* its own flag; what is fine-tuned is decided by the list */
};
size_t li_model_variable_count(const struct li_model *model);
const struct li_variable *li_model_variable(const struct li_model *model, size_t i);

/* The object's lists in TensorFlow's order, as indices of variables. indices NULL: the object has no such list. */
enum li_list_kind { LI_LIST_VARIABLES, LI_LIST_TRAINABLE, LI_LISTS };
struct li_list {
    const int32_t *indices;
    size_t count;
};
struct li_list li_model_list(const struct li_model *model, enum li_list_kind kind);

/* ---- Values of arguments and results (value.c) ------------------------------------------------------------------- */

enum li_arg_kind {
    LI_ARG_NONE,
    LI_ARG_BOOL,
    LI_ARG_INT,
    LI_ARG_FLOAT,
    LI_ARG_STRING,
    LI_ARG_TENSOR,
    LI_ARG_LIST,
    LI_ARG_TUPLE,
    LI_ARG_DICT,
    LI_ARG_SPEC, /* of traces and results: any tensor of this dtype and a compatible shape */
    LI_ARG_OTHER /* of traces: what no argument of ours can be (a ragged tensor, a dataset); text is its name */
};

/*
 * A tree of values, the same for the arguments of a call, the defaults of a function, what a trace was made for, and
 * the structure of a result.
 */
struct li_arg {
    enum li_arg_kind kind;
    int64_t i;                      /* BOOL, INT */
    double f;                       /* FLOAT */
    const char *text;               /* STRING, OTHER; SPEC: its name, or NULL; TUPLE: of a namedtuple, or NULL */
    lince_dtype dtype;              /* TENSOR, SPEC */
    struct li_shape shape;          /* TENSOR: full; SPEC: may have unknown parts */
    int32_t input;                  /* TENSOR: which input of the session, or LI_NONE: `tensor` is its content */
    const struct li_tensor *tensor; /* TENSOR without an input; dtype and shape above are its own */
    struct li_arg *child;           /* LIST, TUPLE, DICT */
    const char **name;              /* DICT: of each child; in a tree from a file sorted bytewise, and no name twice;
                                       TUPLE with a text: of each field */
    size_t count;
};

/* As Python would write it, specs and tensors as "images: float32[?,16,16,3]". Into the arena. */
char *li_arg_text(const struct li_arg *arg, struct li_arena *arena, lince_error *err);

/* ---- Callables (callables.c) ------------------------------------------------------------------------------------- */

/* One parameter of a callable. */
struct li_parameter {
    const char *name;
    const struct li_arg *fallback; /* its default; NULL: it must be given */
    const char *fallback_text;     /* as Python writes it; NULL: it must be given */
    bool keyword_only;
};

/* A leaf of a result, in flatten order. Paths escape "~" and "/" of names as "~0" and "~1" (paths.c). */
struct li_result_leaf {
    const char *path;           /* "default", "extra/0"; "" when the result is one leaf */
    const struct li_arg *value; /* SPEC, NONE, or a Python constant */
    int32_t output;             /* which output of the graph; LI_NONE: none, `tensor` is the value */
    struct li_tensor tensor;    /* of a Python constant; dtype LINCE_DTYPE_NONE for None */
};

struct li_trace {
    const char *function;             /* the FunctionDef's name */
    const struct li_arg *args;        /* a tuple: all positional parameters */
    const struct li_arg *kwargs;      /* a dict: the keyword-only ones */
    const struct li_arg *const *spec; /* the tensors it takes, in flatten order: kind SPEC, text is the name */
    const char *const *spec_path;     /* of each: "images", "inputs/extra/0" */
    size_t spec_count;
    const struct li_arg *result; /* its structure, leaves SPEC, NONE or constants */
    const struct li_result_leaf *leaf;
    size_t leaf_count;
    const char *text;           /* "(inputs: float32[?,224,224,3], training=False) -> float32[?,1000]" */
    const void *saved;          /* private */
    struct li_section *section; /* private: of a TensorFlow 1 signature, and then saved is NULL */
};

struct li_callable {
    struct li_model *model;
    const char *name;                     /* "__call__", "features", "logits", "signatures.serving_default" */
    bool bare;                            /* a signature or another bare concrete function: keyword tensors */
    size_t positional;                    /* of a bare one: how many of its parameters may be given by position */
    const struct li_parameter *parameter; /* those by position first, then keyword-only ones */
    size_t parameter_count, positional_count;
    const char *varargs, *varkw;  /* what takes surplus arguments; NULL: nothing does */
    const struct li_trace *trace; /* in saved order; may be none, which is an error when it is called */
    size_t trace_count;
    struct li_scan *scan; /* private: what its traces told */
    int32_t object;       /* private: the function in the object graph; LI_NONE of a TensorFlow 1 signature */
};

/* It was traced with training=True. */
bool li_trace_is_training(const struct li_callable *callable, const struct li_trace *trace);

/* The tensor of the graph that a leaf of a TensorFlow 1 signature is, "node:0"; NULL of other traces. */
const char *li_trace_tensor(const struct li_trace *trace, size_t leaf);

/* `__call__` first, then functions and callable sub-objects, then signatures. */
size_t li_model_callable_count(const struct li_model *model);
struct li_callable *li_model_callable_at(struct li_model *model, size_t i);
/* NULL name: "__call__". LINCE_ENOENT lists what there is. */
lince_status li_model_callable(struct li_model *model, const char *name, struct li_callable **out, lince_error *err);

/*
 * regularization_losses: callables without arguments, each with one scalar result; -1 when the object has no such list.
 */
int64_t li_model_loss_count(const struct li_model *model);
struct li_callable *li_model_loss(struct li_model *model, size_t i);

/*
 * Ops that the traces of a callable need, sorted; and what of them is unsupported, each text once, such as "Foo" or
 * "Conv2D data_format=NCHW". Found when first asked for; borrowed while the model lives.
 */
lince_status li_callable_ops(struct li_callable *callable, const char *const **names, size_t *count, lince_error *err);
lince_status li_callable_unsupported(struct li_callable *callable, const char *const **texts, size_t *count,
                                     lince_error *err);
/*
 * What the numbers of a trace's output are known to be; LI_SCORES_ANY of a trace that cannot be imported. Found when
 * first asked for, of this trace only.
 */
lince_status li_callable_scores(struct li_callable *callable, const struct li_trace *trace, int32_t output,
                                enum li_scores *scores, lince_error *err);

/* ---- Calling (match.c, import.c) --------------------------------------------------------------------------------- */

/* The arguments of a call. */
struct li_call_args {
    const struct li_arg *positional;
    size_t positional_count;
    const struct li_arg *keyword;
    const char *const *keyword_name;
    size_t keyword_count;
};

/* What one tensor parameter of a trace (li_trace.spec, in that order) receives. */
struct li_bound {
    int32_t input;           /* which input of the session; LI_NONE: `tensor` */
    struct li_tensor tensor; /* data borrowed from the arguments, the model, or the binding's arena */
};

/* A call for which a trace was found. */
struct li_binding {
    struct li_arena arena;
    struct li_callable *callable;
    const struct li_trace *trace;
    struct li_bound *bound; /* trace->spec_count of them */
    bool gradients;         /* the graph will be differentiated: what saved gradients read is kept; false unless set */
    bool updates;           /* of TensorFlow 1: with what a training step runs beside it; false unless set */
};

/* Whether it is of TensorFlow 1 and a training step runs more than it, see li_binding.updates. */
bool li_callable_updates(const struct li_callable *callable);

/*
 * Choose the trace that TensorFlow would. Only dtypes and shapes of tensors matter, so the same arguments always give
 * the same trace. Tensors given with their content, and strings, are borrowed by the binding.
 * LINCE_EINVAL: the arguments do not bind, or no trace matches; the text lists what the callable accepts.
 */
lince_status li_callable_match(struct li_binding **out, struct li_callable *callable, const struct li_call_args *args,
                               lince_error *err);
void li_binding_free(struct li_binding *binding); /* NULL is fine */

/*
 * The flat graph of a bound trace. Its inputs are the session's inputs 0, 1, ... up to the highest that is bound, with
 * the dtypes and shapes of the trace's specs; fixed arguments are constants (copied). Its outputs are the leaves with
 * an output.
 * The graph borrows from the model, not from the binding: hold the model while it lives.
 * LINCE_EUNSUPPORTED: ops or attributes outside the closed list; the text has their number and the first three nodes.
 * LINCE_EINVAL: the function makes no sense. LINCE_ELIMIT: too many nodes, too deep calls.
 */
lince_status li_binding_import(struct li_graph **out, const struct li_binding *binding, lince_error *err);

/* ---- Saved gradients (registered.c) ------------------------------------------------------------------------------ */

/* The gradient of a node that names its own. Its first inputs are the gradients of the node's first outputs. */
struct li_registered_gradient {
    struct li_graph *graph; /* NULL: none was saved; else free it */
    int upstream;           /* how many; its other inputs are those of the node from that number on, without handles */
    const int *input;       /* by output: which input of the node it is the gradient of; in the graph's arena */
};

/*
 * The gradient that the model saved for a node of a graph that was imported with li_binding.gradients, by the name that
 * its attribute _gradient_op_type says. LINCE_EINVAL, LINCE_EUNSUPPORTED: as importing has them.
 */
lince_status li_model_gradient(struct li_registered_gradient *out, struct li_model *model, const struct li_graph *g,
                               const struct li_node *node, lince_error *err);

/*
 * The same into a graph that li_binding_import() made and that is not inferred yet, as of a loss beside the call it
 * belongs to. inputs: values of g for the binding's inputs 0, 1, ...; NULL: it has none. results receives one value for
 * each leaf with an output; g's own outputs stay. On failure g is only good for li_graph_free().
 */
lince_status li_binding_append(struct li_graph *g, const struct li_binding *binding, const li_vid *inputs,
                               li_vid *results, lince_error *err);

/*
 * The structure of a result as text, such as `{"a": float32[2,3], "b": [None, int32[]]}`. shapes: of each leaf with an
 * output, by output; NULL: as the trace states them. Written to buffer, cut if size is too small, always ended by NUL;
 * returns the length it would have had.
 */
size_t li_trace_result_text(const struct li_trace *trace, const struct li_shape *const *shapes, char *buffer,
                            size_t size);

/* ---- Publishing (publish.c) -------------------------------------------------------------------------------------- */

/* Dropout and a dense layer. */
struct li_head {
    int64_t features, classes;
    const float *kernel, *bias; /* [features, classes], [classes] */
    double dropout, l1, l2;
};

/* A new model made of a callable. */
struct li_publication {
    struct li_callable *callable; /* the body */
    const char *output;           /* path of the part of its result that is meant; NULL: the only one, or "default" */
    bool cut;                     /* before its last dense layer */
    const struct li_head *head;   /* NULL: none */
    float mean[3], std[3];        /* of images in [0, 1], for the body; 0 and 1: nothing is done */
    const char *const *label;     /* names of classes */
    size_t labels;
    int32_t height, width; /* of the images that signatures take; 0: as the trace has it */
    const char *result;    /* what they call a single result */
    bool overwrite;        /* the path may be a SavedModel already */
};

/*
 * Write a new SavedModel. Where nothing is done to images and result it is the model that it was, with signatures. Else
 * it has a root object of its own, whose `__call__` takes the body's arguments.
 * LINCE_EUNSUPPORTED: the model has no object graph, or the callable gives or takes something else. LINCE_EINVAL: the
 * head, labels or size do not fit. Others: as li_model_save().
 */
lince_status li_publish(struct li_model *model, const char *path, const struct li_publication *publication,
                        lince_error *err);

/* ---- Assets (assets.c) ------------------------------------------------------------------------------------------- */

/* The files that the model's own list names: how many; the absolute path of one, borrowed while the model lives. */
size_t li_model_asset_count(const struct li_model *model);
/* LINCE_ENOENT: the file is not there. LINCE_EUNSAFE: a link leads out of the folder. */
lince_status li_model_asset_path(struct li_model *model, size_t i, const char **path, lince_error *err);
/* Which asset an attribute of the root object is; false: it has none of that name that is one. */
bool li_model_asset_of(const struct li_model *model, const char *name, size_t *i);

#endif
