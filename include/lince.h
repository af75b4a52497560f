/*
 * lince: load and run TensorFlow 2 reusable SavedModels for images, without TensorFlow.
 *
 * The whole main job, errors aside:
 *
 *     lince_model *model;
 *     lince_session *session;
 *     lince_model_open(&model, "efficientnet_lite0", NULL, &err);
 *     lince_session_new(&session, lince_model_call(model), NULL, 0, NULL, &err);
 *     lince_session_run_images(session, images, batch, 224, 224, logits, batch * 1000, &err);
 *     lince_session_free(session);
 *     lince_model_close(model);
 *
 * This is the one header to include; what has a subject of its own stands in the headers at its end.
 *
 * Conventions. Every function that can fail returns a lince_status and takes a lince_error last (NULL if the text is
 * not wanted). Handles are opaque. `new` and `open` give, and name their partner; everything else is borrowed, and the
 * comment says until when. Freeing or closing NULL does nothing. Sizes are in bytes unless a name says otherwise.
 * Nothing prints and nothing exits the process.
 *
 * A struct that begins with struct_size may grow: new members come last. Options have an initializer, which sets it.
 * Of one that the library fills the caller sets it to sizeof, and gets the members that this has room for;
 * LINCE_EINVAL when it is 0 or more than this library knows. In one that a callback is given the library says it.
 * Other structs stay as they are.
 */
#ifndef LINCE_H
#define LINCE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LINCE_API __attribute__((visibility("default")))
#else
#define LINCE_API
#endif

#define LINCE_VERSION_MAJOR 0
#define LINCE_VERSION_MINOR 1
#define LINCE_VERSION_PATCH 0
#define LINCE_VERSION "0.1.0"

/** The version of the library that is linked, such as "0.1.0"; LINCE_VERSION is that of this header. */
LINCE_API const char *lince_version(void);

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

typedef enum lince_status {
    LINCE_OK = 0,
    LINCE_EINVAL = 1,       /* an argument, or the content of a file, makes no sense: a wrong shape, an unknown name */
    LINCE_ENOMEM = 2,       /* an allocation failed, or would pass the memory limit */
    LINCE_EIO = 3,          /* the system refused to read or write */
    LINCE_ENOENT = 4,       /* a file, or an item in one, is not there */
    LINCE_EFORMAT = 5,      /* the bytes are not of this format, or break its grammar */
    LINCE_ECORRUPT = 6,     /* a checksum or a length does not agree */
    LINCE_ELIMIT = 7,       /* a stated limit is passed; refused before memory is taken */
    LINCE_EUNSUPPORTED = 8, /* well-formed, but outside what this library runs */
    LINCE_EUNSAFE = 9,      /* it would reach outside the model's folder */
    LINCE_EDATA = 10,       /* a value met while running forbids going on: a failed Assert, an index out of range */
    LINCE_ECANCELED = 11    /* a run was ended from outside: it was canceled, or its deadline came */
} lince_status;

/** A short word for a status, such as "corrupt"; "unknown" for a number that is none. Static. */
LINCE_API const char *lince_status_name(lince_status status);

#define LINCE_ERROR_TEXT 2048

/** What went wrong: the code that was returned, and one message that says what was found, what was wanted and where. */
typedef struct lince_error {
    lince_status code;
    char text[LINCE_ERROR_TEXT];
} lince_error;

/* ---- Tensors ----------------------------------------------------------------------------------------------------- */

#define LINCE_MAX_RANK 8

/** Element types; the numbers are TensorFlow's DataType codes. */
typedef enum lince_dtype {
    LINCE_DTYPE_NONE = 0, /* no value: where TensorFlow gives None */
    LINCE_FLOAT32 = 1,
    LINCE_FLOAT64 = 2,
    LINCE_INT32 = 3,
    LINCE_UINT8 = 4,
    LINCE_INT16 = 5,
    LINCE_INT8 = 6,
    LINCE_STRING = 7,
    LINCE_COMPLEX64 = 8,
    LINCE_INT64 = 9,
    LINCE_BOOL = 10,
    LINCE_QINT8 = 11,
    LINCE_QUINT8 = 12,
    LINCE_QINT32 = 13,
    LINCE_BFLOAT16 = 14,
    LINCE_QINT16 = 15,
    LINCE_QUINT16 = 16,
    LINCE_UINT16 = 17,
    LINCE_COMPLEX128 = 18,
    LINCE_FLOAT16 = 19,
    LINCE_RESOURCE = 20,
    LINCE_VARIANT = 21,
    LINCE_UINT32 = 22,
    LINCE_UINT64 = 23,
    LINCE_FLOAT8_E5M2 = 24,
    LINCE_FLOAT8_E4M3FN = 25,
    LINCE_INT4 = 29,
    LINCE_UINT4 = 30
} lince_dtype;

/** TensorFlow's name of an element type, such as "float32"; "unknown" for a number that is none. Static. */
LINCE_API const char *lince_dtype_name(lince_dtype dtype);

/**
 * Bytes of one element: 4 for float32, sizeof(lince_string) for strings, 0 for resources, variants and unknown numbers.
 */
LINCE_API size_t lince_dtype_size(lince_dtype dtype);

/** One string element of a tensor. Any bytes; not ended by NUL. */
typedef struct lince_string {
    const char *data;
    size_t size;
} lince_string;

/**
 * A dense array in row-major order, little-endian. `data` holds size_bytes = product(dims) * lince_dtype_size(dtype)
 * bytes; for strings it is an array of lince_string. Who owns `data` is said where a tensor is taken or given.
 */
typedef struct lince_tensor {
    lince_dtype dtype;
    int32_t rank;
    int64_t dims[LINCE_MAX_RANK];
    void *data;
    size_t size_bytes;
} lince_tensor;

/* ---- Models ------------------------------------------------------------------------------------------------------ */

/**
 * An opened SavedModel. Thread-safe: any number of threads may use one model, each with a session of its own.
 *
 * A process may fork at any time, whatever its other threads are at. The fork waits for what is short: a commit or a
 * write, the reading of a function, the packing of weights for a first run; not for runs. The child has copies of all
 * handles. It computes on one thread, with the same bits, and finds every variable as the last commit or write left
 * it. A session that another thread was calling when the process forked stays busy there, and is best left alone.
 */
typedef struct lince_model lince_model;

/** The threads that sessions compute with. Counted: free it when you like; sessions keep it as long as they need it. */
typedef struct lince_pool lince_pool;

/**
 * Memory for a model and its sessions; the library aligns it by itself. `alloc` returns NULL when there is none. Both
 * are called from any thread that uses the model, the pool's among them, and may neither call the library nor fork.
 */
typedef void *(*lince_alloc_fn)(size_t bytes, void *context);
typedef void (*lince_release_fn)(void *pointer, void *context);

/** Options of lince_model_open(). Start from lince_model_options_init(); 0 and NULL mean the default. */
typedef struct lince_model_options {
    size_t struct_size; /* sizeof(lince_model_options) */
    /* the meta graph's tags, "serve,train"; NULL: the only one, or of a TF1 Hub module that without tags, "" */
    const char *tags;
    /* what the model and its sessions may allocate; files count where they are read, see read_files; 0: no limit */
    size_t memory_limit_bytes;
    int32_t threads;  /* of the model's own pool, the caller included; 0: as many processors as the process may use */
    int32_t has_seed; /* not 0: random ops without a seed of their own start from `seed` */
    uint64_t seed;
    lince_pool *pool;     /* used instead of a pool of the model's own; `threads` is ignored */
    lince_alloc_fn alloc; /* NULL: malloc and free */
    lince_release_fn release;
    void *context; /* given to both */
    /*
     * 0: files are mapped. That costs no memory of its own, but whoever truncates one in place, as `cp` onto it does,
     * ends every process that uses the model, by SIGBUS.
     * Not 0: saved_model.pb and all data files of the checkpoint are read when the model is opened, and count as
     * memory. What becomes of them then does not matter; neither is looked at again. Vocabularies are read when a
     * table is first used.
     */
    int32_t read_files;
} lince_model_options;

LINCE_API void lince_model_options_init(lince_model_options *options);

/**
 * Open a SavedModel folder. Nothing of the model's code runs, and no variable is read yet.
 *
 * path     The folder that holds saved_model.pb.
 * options  NULL for the defaults.
 *
 * Fails with LINCE_ENOENT, LINCE_EFORMAT, LINCE_ECORRUPT, LINCE_EINVAL, LINCE_ELIMIT, LINCE_EUNSAFE, as lince_status
 * says; with LINCE_EUNSUPPORTED when the folder is something else (a frozen graph, a Keras or TFLite
 * file ...), which the text names. *model is NULL then. Close with lince_model_close().
 * Source: tensorflow_hub.load. Since 0.1.
 */
LINCE_API lince_status lince_model_open(lince_model **model, const char *path, const lince_model_options *options,
                                        lince_error *err);

/** Close a model. Sessions that still live keep what they need; callables, names and texts of the model are gone. */
LINCE_API void lince_model_close(lince_model *model);

/**
 * Start threads, for lince_model_options.pool and lince_session_options.pool.
 *
 * threads  How many compute, the caller of a run included: 1 starts none; 0: as many as the process may use.
 *
 * Fails with LINCE_EINVAL below 0 or above 256, LINCE_ENOMEM when a thread cannot be started. Any number of sessions
 * may share a pool; a run that finds it busy computes alone, with the same bits. Free with lince_pool_free().
 */
LINCE_API lince_status lince_pool_new(lince_pool **pool, int32_t threads, lince_error *err);
LINCE_API void lince_pool_free(lince_pool *pool);

/* ---- Callables --------------------------------------------------------------------------------------------------- */

/**
 * Something of a model that can be called: the object itself, a named function, a signature. Borrowed until the model
 * is closed.
 */
typedef struct lince_callable lince_callable;

/** The object itself (`__call__`); NULL when the object cannot be called, as a Keras 3 export. */
LINCE_API lince_callable *lince_model_call(lince_model *model);

/**
 * What a program calls when its user says nothing: the object itself; of a TensorFlow 1 Hub module its signature
 * `default`. Where neither is there: the signature `serving_default`, else `default`, else the only callable. NULL:
 * somebody must choose.
 * Source: tensorflow_hub.KerasLayer, which refuses what has neither. Since 0.1.
 */
LINCE_API lince_callable *lince_model_default(lince_model *model);

/**
 * How many callables there are, one level deep: `__call__` first, then functions and callable sub-objects, then
 * signatures.
 */
LINCE_API size_t lince_model_callable_count(const lince_model *model);
LINCE_API lince_callable *lince_model_callable_at(lince_model *model, size_t index); /* NULL: there are fewer */

/**
 * Find one by name: "features", "signatures.serving_default", "__call__" (also NULL). LINCE_ENOENT lists the names
 * there are.
 */
LINCE_API lince_status lince_model_callable(lince_model *model, const char *name, lince_callable **callable,
                                            lince_error *err);

/** Its name, as lince_model_callable() finds it; borrowed until the model is closed. */
LINCE_API const char *lince_callable_name(const lince_callable *callable);

/** One argument a callable takes. Texts are borrowed until the model is closed. */
typedef struct lince_argument_info {
    size_t struct_size; /* sizeof(lince_argument_info), set by the caller */
    const char *name;
    const char *default_value; /* as Python writes it: "False", "None", "0.99"; NULL: the argument must be given */
    int32_t keyword_only;
} lince_argument_info;

/** Its arguments, those by position first: how many; one of them, LINCE_EINVAL when there are fewer. */
LINCE_API size_t lince_callable_argument_count(const lince_callable *callable);
LINCE_API lince_status lince_callable_argument(const lince_callable *callable, size_t index, lince_argument_info *info,
                                               lince_error *err);

/**
 * One text a trace: what it was traced with and what it returns, such as "(inputs: float32[?,224,224,3],
 * training=False) -> float32[?,1000]"; "" where there are fewer. Borrowed until the model is closed.
 */
LINCE_API size_t lince_callable_trace_count(const lince_callable *callable);
LINCE_API const char *lince_callable_trace(const lince_callable *callable, size_t index);

/**
 * The image size in pixels that its first tensor argument is traced for: 0 where any height or width goes. height,
 * width and channels may each be NULL. LINCE_EINVAL when that argument is no [batch, height, width, channels].
 */
LINCE_API lince_status lince_callable_image_size(lince_callable *callable, int32_t *height, int32_t *width,
                                                 int32_t *channels, lince_error *err);

/** The images that a callable takes as its first tensor argument. Texts are borrowed until the model is closed. */
typedef struct lince_image_info {
    size_t struct_size; /* sizeof(lince_image_info), set by the caller */
    lince_dtype dtype;
    int64_t batch;                   /* the number of images its traces are for; -1: any */
    int32_t height, width, channels; /* as lince_callable_image_size() gives them */
    /* the same; where any goes, what a Hub module of TensorFlow 1 states, or those of a signature; 0: not said */
    int32_t default_height, default_width;
    const char *default_from; /* the name of that signature, such as "serving_default"; else NULL */
} lince_image_info;

/** LINCE_EINVAL when its first tensor argument is no [batch, height, width, channels]. */
LINCE_API lince_status lince_callable_image(lince_callable *callable, lince_image_info *info, lince_error *err);

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

typedef enum lince_argument_kind {
    LINCE_ARG_INPUT = 0,  /* a tensor that every run supplies */
    LINCE_ARG_TENSOR = 1, /* a tensor that stays: copied */
    LINCE_ARG_NONE = 2,   /* Python values, told apart from tensors as TensorFlow does */
    LINCE_ARG_BOOL = 3,
    LINCE_ARG_INT = 4,
    LINCE_ARG_FLOAT = 5,
    LINCE_ARG_STRING = 6,
    LINCE_ARG_LIST = 7, /* an empty container, or what kind the container at this path is (list, where not said) */
    LINCE_ARG_TUPLE = 8,
    LINCE_ARG_DICT = 9
} lince_argument_kind;

/**
 * One argument, or one leaf of an argument that is a structure. The path says where: "0" is the first positional
 * argument, "training" a keyword; "0/1" the second element of a list or tuple, "extra/scale" the entry of a dict. A "~"
 * in a name is written "~0", a "/" is written "~1", here and in every path: so a path is cut at its slashes only.
 */
typedef struct lince_argument {
    const char *path;
    lince_argument_kind kind;
    int64_t i;                  /* BOOL, INT */
    double f;                   /* FLOAT */
    const char *s;              /* STRING */
    const lince_tensor *tensor; /* TENSOR */
} lince_argument;

/** Options of lince_session_new(). Start from lince_session_options_init(). */
typedef struct lince_session_options {
    size_t struct_size;
    lince_pool *pool; /* NULL: the model's */
    /* not 0: call it as tensorflow_hub.KerasLayer does: training=False where it has that argument and none is given */
    int32_t layer;
} lince_session_options;

LINCE_API void lince_session_options_init(lince_session_options *options);

/**
 * A callable bound to arguments, with the memory of its runs. One call at a time; any number of sessions share a model.
 */
typedef struct lince_session lince_session;

/**
 * Bind a callable to arguments.
 *
 * arguments  Borrowed during the call. NULL: one tensor, the first positional argument, supplied by every run.
 * count      Number of arguments. Those of kind LINCE_ARG_INPUT are the inputs of lince_session_run(), in this order.
 *
 * Which trace is called is decided by each run, from the shapes it is given. Free with lince_session_free().
 * Sessions of one model that call a trace with the same arguments share what is planned and packed for it, unless they
 * fetch nodes. The model keeps that of the 16 calls used last, also when no session has them any more.
 * Fails with LINCE_EINVAL for a path given twice, or names the callable does not take. Since 0.1.
 */
LINCE_API lince_status lince_session_new(lince_session **session, lince_callable *callable,
                                         const lince_argument *arguments, size_t count,
                                         const lince_session_options *options, lince_error *err);
LINCE_API void lince_session_free(lince_session *session);

/**
 * Images in, numbers out: for a callable with one float32 image input and one float32 result of rank 2.
 *
 * images       float32, NHWC [batch, height, width, 3], RGB scaled to [0, 1]. Borrowed during the call, not changed.
 * batch        Number of images; 0 gives an empty result, as TensorFlow does.
 * height       Of the images, in pixels, as width; lince_callable_image_size() tells what is wanted.
 * out          Receives [batch, features]; the caller's memory, left untouched on failure.
 * out_count    Floats that `out` has room for; LINCE_EINVAL when the result has more.
 *
 * Fails as lince_session_run() does, and with LINCE_EINVAL when the result is another one; that is found out before the
 * call where the trace says it. Since 0.1.
 */
LINCE_API lince_status lince_session_run_images(lince_session *session, const float *images, int64_t batch,
                                                int64_t height, int64_t width, float *out, size_t out_count,
                                                lince_error *err);

/** One leaf of a result. Python None has dtype LINCE_DTYPE_NONE. */
typedef struct lince_output {
    const char *path;    /* "default", "endpoints/0"; "" for a result that is one tensor */
    lince_tensor tensor; /* borrowed until the session's next call */
} lince_output;

/**
 * Call it.
 *
 * inputs   As many as arguments of kind LINCE_ARG_INPUT, in that order. Borrowed during the call, not changed.
 * outputs  Receives the result's leaves in TensorFlow's order (dicts by sorted key); borrowed until the session's next
 *          call. NULL on failure; may itself be NULL, as may count.
 * count    Receives their number; 0 on failure.
 *
 * Fails with LINCE_EINVAL when no trace matches (the text lists what the callable accepts) or a shape is impossible;
 * LINCE_EUNSUPPORTED when the trace needs what this library does not run; LINCE_EDATA when an op refuses a value;
 * LINCE_ELIMIT when its loops make more than 4,194,304 turns in all. A failed call changes no variable. A repeat with
 * shapes seen before allocates nothing.
 * Source: TensorFlow's restored functions. Since 0.1.
 */
LINCE_API lince_status lince_session_run(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                         const lince_output **outputs, size_t *count, lince_error *err);

/**
 * Call it, with the result in the caller's memory: what lince_session_run() gives in *outputs, leaf by leaf.
 *
 * outputs       One for each leaf of the result and each node that is fetched, in their order. `data` is the caller's
 *               memory and `size_bytes` how much there is; on success both dtype and shape are filled in, and
 *               size_bytes is the leaf's. Python None takes no bytes. Left untouched on failure. lince_session_infer()
 *               tells how large they will be, as far as that can be known.
 *
 * Fails as lince_session_run() does; with LINCE_EINVAL when there is memory for another number of outputs, or too
 * little for one, and LINCE_EUNSUPPORTED for strings: found out before the call changes a variable. Since 0.1.
 */
LINCE_API lince_status lince_session_run_into(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                              lince_tensor *outputs, size_t output_count, lince_error *err);

/**
 * End the call that is under way, from another thread or a signal handler: it returns LINCE_ECANCELED before its next
 * step and changes no variable. Does nothing when there is none; the next call is a new one.
 */
LINCE_API void lince_session_cancel(lince_session *session);

/**
 * Between calls: how long each later one may take. One that is not done then ends with LINCE_ECANCELED before its next
 * step and changes no variable. 0: as long as it takes. LINCE_EINVAL below 0.
 */
LINCE_API lince_status lince_session_set_timeout(lince_session *session, int64_t timeout_ms, lince_error *err);

/** Between calls: compute with the threads of another pool. NULL: the model's. The bits of results do not change. */
LINCE_API lince_status lince_session_set_pool(lince_session *session, lince_pool *pool, lince_error *err);

/**
 * The structure of the last result, without fetched nodes, such as `{"a": float32[2,3], "b": [None, int32[]]}`; ""
 * before the first run. Borrowed until the next call. Its leaves are the outputs, in their order:
 *
 *     value  = leaf | list | tuple | named | dict
 *     leaf   = "None" | DTYPE "[" [ DIM { "," DIM } ] "]"
 *     list   = "[" [ value { ", " value } ] "]"
 *     tuple  = "()" | "(" value ",)" | "(" value ", " value { ", " value } ")"
 *     named  = NAME "(" [ NAME "=" value { ", " NAME "=" value } ] ")"
 *     dict   = "{" [ KEY ": " value { ", " KEY ": " value } ] "}"
 *
 * DTYPE as lince_dtype_name(), DIM in decimal. `named` is a namedtuple: its own name, then its fields; NAME is letters,
 * digits and "_". KEY stands in double quotes, sorted bytewise; \" and \\ stand for those two, \x1f for a control
 * character. The result of a trace's text is written so too, with "?" for an open DIM, "[...]" for an open rank, and
 * "<text>" for what cannot be handed out, such as a ragged tensor.
 */
LINCE_API const char *lince_session_structure(const lince_session *session);

/* ---- Variables and losses ---------------------------------------------------------------------------------------- */

/**
 * A variable of a model. Addressed by its index: `variables` first, then the others as a walk of the object graph finds
 * them.
 */
typedef struct lince_variable_info {
    size_t struct_size; /* sizeof(lince_variable_info), set by the caller */
    const char *name;   /* borrowed until the model is closed */
    lince_dtype dtype;
    int32_t rank;
    int64_t dims[LINCE_MAX_RANK];
    size_t size_bytes;
    int32_t trainable; /* the variable's own flag; what is fine-tuned is decided by the list */
    /*
     * 1 when the model is opened; raised by each run that assigns to the variable and by each lince_variable_write(),
     * whether the value differs or not. Above 1: written since opening. A value read after its version is as new or
     * newer.
     */
    uint64_t version;
} lince_variable_info;

typedef enum lince_variable_list { LINCE_VARIABLES = 0, LINCE_TRAINABLE_VARIABLES = 1 } lince_variable_list;

/** All variables reachable from the object: how many; what one is, LINCE_EINVAL when there are fewer. */
LINCE_API size_t lince_variable_count(const lince_model *model);
LINCE_API lince_status lince_variable_info_at(const lince_model *model, size_t index, lince_variable_info *info,
                                              lince_error *err);

/**
 * One of the object's lists: indices of variables in TensorFlow's order, borrowed until the model is closed.
 * *indices is NULL when the object has no such list.
 */
LINCE_API void lince_model_variables(const lince_model *model, lince_variable_list list, const int32_t **indices,
                                     size_t *count);

/**
 * Copy a variable's value out, or a new one in: dense, row-major, of the variable's dtype and shape. size_bytes must be
 * the variable's, else LINCE_EINVAL; LINCE_EUNSUPPORTED for strings. What the checkpoint holds is checked when a value
 * is first used: LINCE_ECORRUPT, LINCE_ENOENT, LINCE_EIO. Any thread, at any time: a run sees the old value or the new
 * one (or, if it only reads and its shapes depend on data, the new one from there on); the next run sees the new one.
 */
LINCE_API lince_status lince_variable_read(lince_model *model, size_t index, void *data, size_t size_bytes,
                                           lince_error *err);
LINCE_API lince_status lince_variable_write(lince_model *model, size_t index, const void *data, size_t size_bytes,
                                            lince_error *err);

/** Options of lince_model_save(). Start from lince_save_options_init(); 0 means the default. */
typedef struct lince_save_options {
    size_t struct_size; /* sizeof(lince_save_options) */
    int32_t overwrite;  /* not 0: `path` may be a SavedModel already, that which the model was opened from too */
} lince_save_options;

LINCE_API void lince_save_options_init(lince_save_options *options);

/**
 * Save the model with the present values of its variables, so that TensorFlow and lince_model_open() load it.
 *
 * path     The folder that it becomes. It may be an empty folder; a model that is there needs `overwrite`.
 * options  NULL for the defaults.
 *
 * saved_model.pb, as it was opened, assets and all other files of the model's folder are copied byte for byte; only
 * variables/ is new. Tensors of the checkpoint that no variable has (an optimizer's state) keep their bytes.
 * fingerprint.pb is left out. The values are those of one moment: runs go on, and what they would commit waits until
 * the values are written. The model itself stays what it is, whichever folder it was saved to.
 *
 * The model is written beside `path`, as ".NAME.RANDOM", and gets its name when the disk has all of it, in one step: so
 * a save that fails, or is killed, leaves what was there before. (Killed, it leaves the folder beside it too. File
 * systems that cannot exchange two names need two steps.)
 *
 * Fails with LINCE_EINVAL when `path` is something that is not replaced: a file, a folder with other things than a
 * model, or is inside the model's folder; LINCE_EUNSAFE when a link in the model's folder leads out of it; LINCE_EIO
 * and LINCE_ENOENT as the system says; LINCE_ECORRUPT when the checkpoint is not as it was saved. Any thread, at any
 * time. Source: tf.saved_model.save. Since 0.1.
 */
LINCE_API lince_status lince_model_save(lince_model *model, const char *path, const lince_save_options *options,
                                        lince_error *err);

/**
 * Let a variable's value lie in the caller's memory, as where a host (torch, Keras, JAX) owns the weights: no run
 * copies it, and whatever writes to the variable (lince_variable_write(), a call that assigns to it) writes there.
 *
 * data        Dense, row-major, of the variable's dtype and shape, and aligned for it. Borrowed, and read by any run,
 *             until the variable is bound elsewhere or unbound, or the model is gone: closed, and all its sessions and
 *             layers freed.
 * size_bytes  The variable's.
 * version     The host's own count of changes. Whoever changes the bytes binds them again with another version, which
 *             raises the variable's: what was made from the old value (packed weights) is made again. With the memory
 *             and version of the last call nothing happens.
 *
 * Between runs of a thread; waits for those of others, as lince_variable_write() does. The bytes may not change while a
 * run reads them. LINCE_EINVAL for another size, or an odd address; LINCE_EUNSUPPORTED for strings. The variable keeps
 * its value on failure. Since 0.1.
 */
LINCE_API lince_status lince_variable_bind(lince_model *model, size_t index, void *data, size_t size_bytes,
                                           uint64_t version, lince_error *err);
/**
 * The value is copied back to memory of the library's own, where the variable goes on. Does nothing to one that is not
 * bound. LINCE_ENOMEM: it stays bound.
 */
LINCE_API lince_status lince_variable_unbind(lince_model *model, size_t index, lince_error *err);

/**
 * The object's regularization_losses: how many, or -1 when it has no such list; and the present value of one, computed
 * by the model, so it fails as lince_session_run() does. The first call of each plans it; what it needs is kept with
 * the model. Any thread.
 */
LINCE_API int64_t lince_loss_count(const lince_model *model);
LINCE_API lince_status lince_loss_value(lince_model *model, size_t index, float *value, lince_error *err);

#ifdef __cplusplus
}
#endif

/* ---- More, by subject -------------------------------------------------------------------------------------------- */

#include "lince_augment.h" /* photos changed at random, for training */
#include "lince_events.h"  /* logs that TensorBoard reads */
#include "lince_image.h"   /* pictures: decode, resize, load many */
#include "lince_inspect.h" /* what a model holds and needs, how a call is planned */
#include "lince_layer.h"   /* a model as a layer: forward, and backward from upstream gradients */
#include "lince_metrics.h" /* how well a classifier does */
#include "lince_save.h"    /* new models, made of one */
#include "lince_task.h"    /* what results are for; names of classes */
#include "lince_train.h"   /* fine-tuning: losses, optimizers, a head */

#endif
