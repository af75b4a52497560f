/* What the files of model/ share. */
#ifndef LI_MODEL_INTERNAL_H
#define LI_MODEL_INTERNAL_H

#include "bundle/bundle.h"
#include "model/model.h"
#include "ops/ops.h"
#include "proto/proto.h"

#include <pthread.h>
#include <stdatomic.h>

struct li_body; /* body.h: a function that was unpacked */

struct li_asset {
    struct li_bytes name; /* as the model gives it; checked to be a plain relative path */
    const char *tensor;   /* of a graph of TensorFlow 1, that is its path, "node:0"; NULL: none */
    const char *path;     /* absolute; NULL until it was asked for and found inside the folder */
};

/* Where a variable's value is read from, when it is first used. */
struct li_variable_source {
    struct li_bundle *bundle;
    const struct li_bundle_entry *entry;
};

struct li_model {
    struct li_mem *mem;
    struct li_arena arena; /* what opening made, and what was unpacked since; guarded by lock once the model is open */
    pthread_mutex_t lock;
    struct li_fork_guard guard; /* of lock */

    struct li_mem *files; /* for li_file_read(): mem, or NULL: files are mapped */
    const char *path;     /* absolute */
    const char *tags;
    bool is_hub_module;                /* of TensorFlow 1 */
    int32_t image_height, image_width; /* that it was made for; 0: it does not say */
    struct li_file file;
    struct li_proto_model *pb;
    const struct li_proto_meta_graph *meta;
    struct li_bundle *bundle; /* NULL: a model without variables and without a checkpoint */
    struct li_store *store;

    /* Of TensorFlow 1: by node of meta->nodes, the variable or table of that name, or LI_NONE. NULL: it has objects */
    int32_t *node_resource;
    struct li_restored {
        const char *key, *slice; /* of a checkpoint's entry, and of which part of it, "" for all; NULL: not said */
    } * restored;                /* by node: what the saver reads into it; NULL: there is no saver */
    struct li_fill *fill;        /* what fills its tables; found when a table is first needed */
    size_t fills;
    bool fills_found;

    Tf__SavedObject *const *object;
    int32_t object_count;
    int32_t *object_resource;                 /* by object: its variable or table in the store, or LI_NONE */
    const struct li_tensor **object_constant; /* by object: a SavedConstant's value once it was unpacked */
    Tf__ConcreteFunctionEntry **concrete;     /* sorted by key; of equal keys the last one first */
    size_t concrete_count;
    struct li_body **function; /* by item of meta->functions; NULL until it is needed */
    struct li_registered {
        const char *type, *function; /* a name of gradients, and the function that computes one */
    } * registered;                  /* sorted by type; NULL until one is asked for */
    size_t registered_count;
    size_t unpacking_bytes;  /* what unpacking functions, or importing one graph, may take of an arena */
    size_t unpacked;         /* nodes of those that are, and inputs of these */
    size_t scanned;          /* work that scan.c had with all callables so far */
    struct li_table **table; /* to be freed */
    size_t table_count;
    int32_t table_room;

    struct li_asset *asset;
    size_t asset_count;
    struct li_variable *variable;
    size_t variable_count;
    struct li_list list[LI_LISTS];
    size_t variable_bytes;
    struct li_callable *callable;
    size_t callable_count;
    struct li_callable *loss;
    int64_t loss_count;
};

/* ---- identify.c: naming what is no TF2 SavedModel ---- */

/* path has no saved_model.pb: say what it is instead. Never LINCE_OK. */
lince_status li_identify_path(const char *path, lince_error *err);
/*
 * saved_model.pb broke the grammar with code st: say so if its first bytes are those of something else. Returns a code.
 */
lince_status li_identify_bytes(struct li_bytes bytes, const char *where, lince_status st, lince_error *err);
/* A SavedModel without an object graph and without signatures. Never LINCE_OK. */
lince_status li_identify_old(const char *path, lince_error *err);

/* ---- objects.c ---- */

lince_status li_objects_open(struct li_model *model, lince_error *err);
/* The child of that name, or LI_NONE; the last one wins, as attributes are set one after the other. */
int32_t li_object_child(const struct li_model *model, int32_t object, const char *name);
const char *li_object_kind(const Tf__SavedObject *object); /* for messages */
const Tf__SavedConcreteFunction *li_object_concrete(const struct li_model *model, const char *name);
/*
 * The elements of a list wrapper in order of their index, into the arena; missing ones are LI_NONE. *count is -1 when
 * the object is no list.
 */
lince_status li_object_list(const struct li_model *model, int32_t object, const char *what, int32_t **elements,
                            int64_t *count, struct li_arena *arena, lince_error *err);
/*
 * All objects reachable through children, breadth-first from the root, into the arena.
 */
lince_status li_object_walk(const struct li_model *model, int32_t **order, int32_t *count, struct li_arena *arena,
                            lince_error *err);

/* ---- checkpoint.c, lists.c, assets.c, callables.c: parts of opening ---- */

/* Give every reachable variable its checkpoint key, keys[object], and a resource. order: li_object_walk(). */
lince_status li_checkpoint_bind(struct li_model *model, const int32_t *order, int32_t count, const char **keys,
                                lince_error *err);
lince_status li_checkpoint_open(struct li_model *model, lince_error *err);
/* A variable of the store whose value is this entry's, read when it is first used. name is kept. */
lince_status li_checkpoint_variable(struct li_model *model, const char *name, const struct li_bundle_entry *entry,
                                    int32_t *out, lince_error *err);
/* The entry that a resource's value is read from; NULL: it is no variable of the checkpoint. */
const struct li_bundle_entry *li_checkpoint_entry(const struct li_resource *resource);
lince_status li_lists_open(struct li_model *model, lince_error *err);
lince_status li_assets_open(struct li_model *model, lince_error *err);
lince_status li_callables_open(struct li_model *model, lince_error *err);
/* The path of the asset an object stands for. Takes the model's lock to be held. */
lince_status li_asset_find(struct li_model *model, size_t i, const char **path, lince_error *err);

/* ---- checkpoint_write.c, folder.c: saving ---- */

/*
 * A SavedModel folder under construction, beside its final name; nobody sees it there until it is whole. All zero:
 * none.
 */
struct li_folder {
    struct li_arena arena;
    const char *given;  /* its final name as the caller has it, for messages */
    const char *path;   /* the same, absolute, links followed */
    const char *parent; /* the folder of both names */
    const char *work;   /* where it is until then */
    bool replaces;      /* path is a SavedModel */
};

/*
 * path: where it goes; its parent must be there, and path itself may be an empty folder, or a SavedModel where
 * overwrite. source: the folder of a model that is copied, or NULL; neither may lie in the other, but they may be one.
 * LINCE_EINVAL: something else is there. LINCE_ENOENT: no parent. LINCE_EIO: as the system says.
 */
lince_status li_folder_open(struct li_folder *folder, const char *path, const char *source, bool overwrite,
                            struct li_mem *mem, lince_error *err);
/* Make a folder in it, such as "variables"; the path of something in it, in its arena. */
lince_status li_folder_make(struct li_folder *folder, const char *name, lince_error *err);
const char *li_folder_path(struct li_folder *folder, const char *name, lince_error *err);
/* Copy what a SavedModel's folder holds besides saved_model.pb, variables and fingerprint.pb. */
lince_status li_folder_copy(struct li_folder *folder, const char *source, lince_error *err);
/* A new file in it. */
lince_status li_folder_write(struct li_folder *folder, const char *name, struct li_bytes bytes, lince_error *err);
/* Give it its name, in one step where another is replaced; then it is on the disk. What was replaced is removed. */
lince_status li_folder_commit(struct li_folder *folder, lince_error *err);
void li_folder_discard(struct li_folder *folder); /* after a commit, or of none: only frees */

/*
 * Write variables/variables in the folder: what the model's checkpoint holds, with the variables' present values, those
 * of one moment. A folder without a checkpoint gets none.
 */
lince_status li_checkpoint_write(struct li_model *model, struct li_folder *folder, lince_error *err);

/* ---- named.c, signatures.c: the same for models that TensorFlow 1 saved, which have no object graph ---- */

/* Variables, found by the names of their nodes. */
lince_status li_named_open(struct li_model *model, lince_error *err);
lince_status li_signatures_open(struct li_model *model, lince_error *err);

/* ---- hub.c ---- */

/* Find is_hub_module: the folder has a tfhub_module.pb. LINCE_EUNSUPPORTED: of another format. */
lince_status li_hub_mark(struct li_model *model, lince_error *err);
/* Find image_height and image_width in the attachment that has them. One that cannot be read says nothing. */
lince_status li_hub_image(struct li_model *model, lince_error *err);

/* ---- value.c ---- */

/* A tensor as an argument or a result: a SPEC, or OTHER for a handle. */
lince_status li_value_spec(struct li_arg *out, int32_t dtype, const Tf__TensorShapeProto *shape, const char *name,
                           const char *what, lince_error *err);

/* A tree for a StructuredValue, in the arena. what names it in errors. */
lince_status li_value_read(struct li_arg *out, const Tf__StructuredValue *value, const char *what,
                           struct li_arena *arena, lince_error *err);
bool li_arg_is_container(const struct li_arg *arg); /* LIST, TUPLE, DICT */
/* The child of a dict with that name, or NULL. */
const struct li_arg *li_value_field(const struct li_arg *dict, const char *name);
/* SPEC leaves in flatten order, into the arena. */
lince_status li_value_specs(const struct li_arg *const *trees, size_t trees_count, const struct li_arg *const **specs,
                            size_t *count, struct li_arena *arena, lince_error *err);

/* ---- text.c ---- */

/* A text that grows in a buffer of fixed size; what does not fit is counted and dropped. */
struct li_text {
    char *data;
    size_t size, len;
};
void li_text_add(struct li_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void li_text_arg(struct li_text *text, const struct li_arg *arg);
/* The same for li_trace.text, into the arena; the trace's leaves are there. */
lince_status li_trace_text(struct li_trace *trace, const struct li_callable *callable, struct li_arena *arena,
                           lince_error *err);
void li_text_trace(struct li_text *text, const struct li_callable *callable, const struct li_trace *trace);

/* ---- paths.c: where a leaf stands; all into the arena, NULL without memory ---- */

/* parent NULL: the path of one part. */
const char *li_path_name(const char *parent, const char *name, struct li_arena *arena, lince_error *err);
const char *li_path_element(const char *parent, size_t i, struct li_arena *arena, lince_error *err);
const char *li_path_child(const char *parent, const struct li_arg *container, size_t i, struct li_arena *arena,
                          lince_error *err);
/* trace->spec_path; the callable's parameters are there. */
lince_status li_spec_paths(struct li_trace *trace, const struct li_callable *callable, struct li_arena *arena,
                           lince_error *err);

/* ---- spec.c, results.c: parts of a callable ---- */

/* Parameters, varargs and varkw of a callable from its FunctionSpec. */
lince_status li_spec_read(struct li_callable *callable, const Tf__FunctionSpec *spec, struct li_arena *arena,
                          lince_error *err);
/* The leaves of trace->result. */
lince_status li_result_leaves(struct li_trace *trace, struct li_arena *arena, lince_error *err);

/* ---- bind.c ---- */

/* A call brought to the form of its traces: all positional parameters, and the keyword-only ones sorted by name. */
struct li_canonical {
    struct li_arg args, kwargs; /* a tuple, a dict */
};
lince_status li_bind_call(struct li_canonical *out, const struct li_callable *callable, const struct li_call_args *args,
                          struct li_arena *arena, lince_error *err);

/* ---- convert.c ---- */

/*
 * The tensor that TensorFlow makes of a Python value where a spec expects one; LINCE_OK with *made false when it would
 * make none, or one the spec does not take. Only memory fails.
 */
lince_status li_convert(struct li_tensor *out, bool *made, const struct li_arg *value, const struct li_arg *spec,
                        struct li_arena *arena, lince_error *err);

/* ---- scan.c ---- */

void li_scan_free(struct li_callable *callable);

#endif
