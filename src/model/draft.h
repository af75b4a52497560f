/*
 * A draft: a SavedModel about to be written. It starts as the objects and functions of an opened model, to which new
 * ones are added; what the root object does not need is left out when it is written (keep.c). Everything new lies in
 * the draft's arena; messages of the model are borrowed and never changed.
 */
#ifndef LI_MODEL_DRAFT_H
#define LI_MODEL_DRAFT_H

#include "model/body.h"
#include "model/nodes_out.h"

/* A set of texts, to find one that is not in it yet. */
struct li_names {
    const char **slot;
    int32_t room, used;
    int32_t next; /* behind a name that is taken */
};

/* A function that the model does not have. */
struct li_draft_function {
    const char *name;
    struct li_bytes bytes; /* a FunctionDef */
};

/* A variable that the model does not have. */
struct li_draft_variable {
    int32_t object;
    struct li_tensor value; /* borrowed */
};

struct li_draft {
    struct li_model *model;
    struct li_mem *mem;
    struct li_arena arena;
    lince_error *err;

    Tf__SavedObject **object; /* those of the model, by their numbers, then new ones */
    int32_t objects, object_room;
    int32_t root;
    Tf__ConcreteFunctionEntry **concrete; /* new ones */
    int32_t concretes, concrete_room;
    struct li_draft_function *function;
    int32_t functions, function_room;
    struct li_draft_variable *variable;
    int32_t variables, variable_room;
    struct li_names names; /* of functions */
    int32_t number;        /* of the last function that was named */
    struct {
        const char *old, *now; /* functions that stand for others */
    } * swap;
    int32_t swaps, swap_room;
    struct li_bytes labels; /* the file of asset 0, which the model does not have; NULL data: none */
};

/* ---- draft.c ---- */

lince_status li_draft_init(struct li_draft *draft, struct li_model *model, lince_error *err);
void li_draft_free(struct li_draft *draft);

/* What counts of a function: a new one's, else the model's; NULL: there is none. */
const Tf__SavedConcreteFunction *li_draft_concrete(const struct li_draft *draft, const char *name);

/* A name that is not in the set, which gets it: this one, else with a number behind it. Into the arena. */
lince_status li_names_take(struct li_names *names, const char *wanted, struct li_arena *arena, const char **out,
                           lince_error *err);
bool li_names_have(const struct li_names *names, const char *name);
/* "__inference_BASE_N", as TensorFlow names functions. */
lince_status li_draft_name(struct li_draft *draft, const char *base, const char **out);

/* A new function; bytes are copied from out, which is emptied. */
lince_status li_draft_add_function(struct li_draft *draft, const char *name, struct li_out *out);
lince_status li_draft_add_concrete(struct li_draft *draft, const char *name, Tf__SavedConcreteFunction *concrete);

/* ---- draft_objects.c: new objects. *out is the number ---- */

/* A container with room for so many children. */
lince_status li_draft_container(struct li_draft *draft, const char *identifier, size_t room, int32_t *out);
void li_draft_child(struct li_draft *draft, int32_t container, const char *name, int32_t child);
/* A list of these objects. */
lince_status li_draft_list(struct li_draft *draft, const int32_t *element, size_t count, int32_t *out);
lince_status li_draft_add_variable(struct li_draft *draft, const char *name, const struct li_tensor *value,
                                   int32_t *out);
lince_status li_draft_asset(struct li_draft *draft, int32_t *out);
/* A function with these traces. */
lince_status li_draft_callable(struct li_draft *draft, char **traces, size_t count, Tf__FunctionSpec *spec,
                               int32_t *out);
/* A signature: a concrete function that takes one tensor of that name. */
lince_status li_draft_bare(struct li_draft *draft, const char *function, const char *keyword, int32_t *out);
Tf__TensorShapeProto *li_draft_shape(struct li_draft *draft, const struct li_shape *shape); /* NULL: no memory */
/* A copy of an object, with room for more children. */
lince_status li_draft_copy(struct li_draft *draft, int32_t object, size_t more, Tf__SavedObject **out);

/* ---- draft_values.c: StructuredValues; NULL without memory ---- */

Tf__StructuredValue *li_draft_spec(struct li_draft *draft, const char *name, lince_dtype dtype,
                                   const struct li_shape *shape);
Tf__StructuredValue *li_draft_sequence(struct li_draft *draft, Tf__StructuredValue **value, size_t count);
Tf__StructuredValue *li_draft_dict(struct li_draft *draft, const char *const *key, Tf__StructuredValue *const *value,
                                   size_t count);
/* A canonicalized signature whose positional arguments are a plain tuple. */
bool li_draft_is_call(const Tf__StructuredValue *both);
/* Such a one with one more positional argument, a bool. */
Tf__StructuredValue *li_draft_with_bool(struct li_draft *draft, const Tf__StructuredValue *both, bool value);
/* The spec of a function with this one argument, or, where the name is NULL, none. */
Tf__FunctionSpec *li_draft_function_spec(struct li_draft *draft, const char *argument);
/* The same with one more argument, "training=False". LINCE_EUNSUPPORTED: it takes *args. */
lince_status li_draft_with_training(struct li_draft *draft, const Tf__FunctionSpec *spec, Tf__FunctionSpec **out);

/* ---- draft_function.c: writing a function that calls another ---- */

/* A function under construction: its arguments are the tensors of a trace, captured objects, and more of these. */
struct li_made {
    struct li_draft *draft;
    struct li_out out;
    const char *name;
    const struct li_arg *const *spec; /* its tensors */
    const char *const *spec_name;     /* as a caller knows them */
    size_t specs;
    int32_t *captured; /* objects, by argument after the tensors */
    size_t captures;
    const char *effect; /* a node that runs whether or not its results are read; NULL: none */
};

/*
 * The caller fills in specs and captures. Arguments are named "input_I" and "capture_I". All is borrowed until the
 * draft is freed.
 */
lince_status li_made_open(struct li_made *made, struct li_draft *draft, const char *base);
/*
 * A node NAME that calls a function with these inputs, of these types, and with the first objects that this one
 * captures, `captures` of them. Its results are "NAME:output:I".
 */
void li_made_call(struct li_made *made, const char *name, const char *function, const char *const *inputs, size_t specs,
                  const int32_t *spec_type, size_t captures, const int32_t *result, size_t results);
/* Write the signature, with a result for each name, taken from there. */
void li_made_signature(struct li_made *made, const char *const *from, const struct li_arg *const *result,
                       size_t results);
/* The same, and add the function as one that objects may be, with a result for each name, taken from there. */
lince_status li_made_close(struct li_made *made, const char *const *from, const struct li_arg *const *result,
                           size_t results, Tf__StructuredValue *arguments, Tf__StructuredValue *structure);
void li_made_free(struct li_made *made);

/* The dtype that a captured object is as an argument; 0: it can be none. */
lince_status li_draft_captured_type(const struct li_draft *draft, int32_t object, int32_t *type);

/* What a function of the model gives: how many tensors, and the type of the first. */
lince_status li_draft_result_type(const struct li_draft *draft, const char *function, int32_t *type, size_t *results);

/* ---- keep.c: what is written ---- */

struct li_kept {
    int32_t *number; /* by object of the draft: its number in the file, or LI_NONE */
    int32_t *object; /* by number: the object; the root first */
    int32_t objects;
    bool *function;     /* by function of the model */
    bool *new_function; /* by new function */
};
/* Into the draft's arena. */
lince_status li_keep(struct li_kept *kept, struct li_draft *draft);

/* ---- save_*.c ---- */

struct li_saved_asset {
    const char *from;     /* the path; NULL: the draft's labels */
    const char *filename; /* below assets/ */
    const char *node;     /* its Placeholder */
};

/* Everything that is known of the files before they are written. By number: as kept.object has them. */
struct li_saving {
    struct li_draft *draft;
    struct li_kept kept;
    const char **key;             /* by number: a variable's key in the checkpoint, else NULL */
    const char **node;            /* by number: the node of graph_def that captures of it read, else NULL */
    struct li_saved_asset *asset; /* as asset_file_def lists them */
    int32_t assets;
    int32_t *asset_index; /* by number: of an asset, which */
    struct li_names nodes;
};

/* save_keys.c: the keys; and the object graph of the checkpoint. */
lince_status li_save_keys(struct li_saving *saving);
void li_save_trackable(const struct li_saving *saving, struct li_out *out);
/* save_assets.c: which files are assets; and asset_file_def. */
lince_status li_save_assets(struct li_saving *saving);
void li_save_asset_defs(const struct li_saving *saving, struct li_out *meta);
/* save_nodes.c: what captured objects are in graph_def: names, then nodes; and what restores and fills them. */
lince_status li_save_node_names(struct li_saving *saving);
lince_status li_save_nodes(struct li_saving *saving, struct li_out *graph);
lince_status li_save_node_name(struct li_saving *saving, const char *wanted, const char **out);
/* A NoOp that waits until all tables are filled. */
lince_status li_save_fills(struct li_saving *saving, struct li_out *graph, const char *init);
/* save_state.c: nodes that restore variables and fill tables; saver_def and the init op. */
struct li_saver {
    const char *filename, *save, *restore, *init; /* nodes */
};
lince_status li_save_state(struct li_saving *saving, struct li_out *graph, struct li_saver *saver);
/* save_signatures.c: a node that calls each signature; signature_def goes to `defs`, as fields of the meta graph. */
lince_status li_save_signatures(struct li_saving *saving, struct li_out *graph, struct li_out *defs);
/* A call of a function that captures kept objects. first: other inputs, before these. */
lince_status li_save_call(struct li_saving *saving, struct li_out *graph, const char *node, const char *function,
                          const char *const *first, const int32_t *first_type, size_t firsts, const int32_t *result,
                          size_t results);
/* save_objects.c: object_graph_def. */
lince_status li_save_objects(struct li_saving *saving, struct li_out *meta);
/* save_model.c: saved_model.pb. */
lince_status li_save_message(struct li_saving *saving, struct li_out *out);
/* save_folder.c: all of it, as a new folder. */
lince_status li_draft_save(struct li_draft *draft, const char *path, bool overwrite);

#endif
