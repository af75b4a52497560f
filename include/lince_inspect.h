/*
 * lince_inspect: looking into a model: what it is and holds, what its callables take, give and need, how a call is
 * planned and what comes out of its nodes, whether its files are whole. Included by lince.h.
 */
#ifndef LINCE_INSPECT_H
#define LINCE_INSPECT_H

#include "lince.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Models ------------------------------------------------------------------------------------------------------ */

/** What a model says of itself. Texts are borrowed until the model is closed; "" where the model says nothing. */
typedef struct lince_model_info {
    size_t struct_size; /* sizeof(lince_model_info), set by the caller */
    const char *path, *tags, *tensorflow_version;
    int64_t objects, functions;
    size_t pb_bytes, variable_bytes; /* size of saved_model.pb, and of all variables' values */
    size_t used_bytes, peak_bytes;   /* allocated by the model and its sessions: now, and at most so far */
    const char *isa;                 /* the instruction set of its kernels, such as "avx2" */
    int32_t threads;                 /* of the pool it computes with */
} lince_model_info;

LINCE_API lince_status lince_model_get_info(const lince_model *model, lince_model_info *info, lince_error *err);

/**
 * The files in the model's own asset list: how many; the absolute path of one, borrowed until the model is closed.
 * LINCE_ENOENT when the file is not there, LINCE_EUNSAFE when a link leads out of the model's folder.
 */
LINCE_API size_t lince_asset_count(const lince_model *model);
LINCE_API lince_status lince_asset_path(lince_model *model, size_t index, const char **path, lince_error *err);

/**
 * Compare all tensors of the model's checkpoint with their checksums. Nothing is run, and no variable changes.
 *
 * failed  Receives how many do not agree, or cannot be read at all. May be NULL.
 *
 * Every tensor of the checkpoint is looked at, also those that no variable of the model has (an optimizer's state), and
 * each anew: what is compared is what the files hold now (what they held at the opening, with read_files), not what was
 * written to variables since. The checkpoint's table was checked when the model was opened; saved_model.pb has no
 * checksum. A trace's first run checks only what it uses, and the first time.
 *
 * Returns LINCE_OK when all are as they were saved, or the model uses no checkpoint. Otherwise the status of the first,
 * as lince_variable_read() has them, its key and how many there are in the text. LINCE_ENOMEM says nothing of the rest.
 * Any thread, at any time. Since 0.1.
 */
LINCE_API lince_status lince_model_verify(lince_model *model, size_t *failed, lince_error *err);

/** The ops this library runs, sorted: how many; the name of one, NULL when there are fewer. Static. */
LINCE_API size_t lince_op_count(void);
LINCE_API const char *lince_op_name(size_t index);

/* ---- Callables --------------------------------------------------------------------------------------------------- */

/** One tensor that a trace takes or gives. Texts are borrowed until the model is closed. */
typedef struct lince_tensor_info {
    size_t struct_size; /* sizeof(lince_tensor_info), set by the caller */
    const char *path;   /* "images", "inputs/extra/0": as in lince_argument; of an output as in lince_output */
    const char *name;   /* of the tensor itself, such as "input_1"; "" where the model says nothing */
    lince_dtype dtype;  /* LINCE_DTYPE_NONE: an output that is Python None */
    int32_t rank;       /* -1: any */
    int64_t dims[LINCE_MAX_RANK]; /* -1: any */
} lince_tensor_info;

/**
 * The tensors that a trace takes, and those it gives: how many, 0 where there are fewer traces; what one is,
 * LINCE_EINVAL when there are fewer. Inputs come as the trace's text shows them, outputs as lince_session_run() gives
 * them. Arguments that are no tensors are in the text only.
 */
LINCE_API size_t lince_callable_input_count(const lince_callable *callable, size_t trace);
LINCE_API lince_status lince_callable_input(const lince_callable *callable, size_t trace, size_t index,
                                            lince_tensor_info *info, lince_error *err);
LINCE_API size_t lince_callable_output_count(const lince_callable *callable, size_t trace);
LINCE_API lince_status lince_callable_output(const lince_callable *callable, size_t trace, size_t index,
                                             lince_tensor_info *info, lince_error *err);

/**
 * Ops and attributes, of all its traces, that this library does not run; each once, such as "Foo" or "Conv2D
 * data_format=NCHW_VECT_C". A trace that makes no sense is told with its error. The first call reads all traces, and
 * fails when that takes more memory than there is; *texts is borrowed until the model is closed.
 */
LINCE_API lince_status lince_callable_unsupported(lince_callable *callable, const char *const **texts, size_t *count,
                                                  lince_error *err);

/** The ops its traces need, sorted; as lince_callable_unsupported(). */
LINCE_API lince_status lince_callable_ops(lince_callable *callable, const char *const **names, size_t *count,
                                          lince_error *err);

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

/**
 * Tell of each part of the result that a call with such inputs would give: dtypes and shapes, as they can be known
 * without running it. Where data decides a shape, it is told as the trace has it: -1 for a dim, or the rank, that is
 * open. A callback that returns non-zero ends it; it may not use the session.
 *
 * inputs  As for lince_session_run(), but `data` and `size_bytes` are not looked at.
 *
 * Fails as lince_session_run() does before it runs anything. Source: tf.function's shape inference. Since 0.1.
 */
LINCE_API lince_status lince_session_infer(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                           int (*tell)(const lince_tensor_info *output, void *context), void *context,
                                           lince_error *err);

/**
 * The smallest images that a session with one input takes: how many pixels the sides must have that its callable leaves
 * open. Found by trying shapes, nothing is run. *side is 0 when no side is open, or 1024 pixels are too few.
 * LINCE_EINVAL when its input is no batch of images; else as lince_session_infer().
 */
LINCE_API lince_status lince_session_smallest_image(lince_session *session, int32_t *side, lince_error *err);

/** One step of a planned graph, for lince_session_explain(). Texts are valid during the callback. */
typedef struct lince_step {
    size_t struct_size; /* sizeof(lince_step) of the library */
    const char *name, *op, *shapes, *reason;
    int32_t prepared; /* not 0: done once and kept, until a variable it reads is written */
    int64_t tasks;    /* that threads can share */
    int64_t bytes;    /* of its inputs and outputs */
    int64_t flop;     /* multiplications and additions of convolutions and matrix products; 0 for what else there is */
    int32_t depth;    /* n > 0: of a body of the last step of depth n - 1 that was told before it */
    int32_t later;    /* not 0: planned when a run comes to it; shapes is "" and numbers are 0 */
} lince_step;

/**
 * Tell of each step of the plan for these inputs' shapes, made as if for a run; nothing is run. A callback that returns
 * non-zero ends it; it may not use the session. Steps of bodies follow the branch or loop that runs them. Where shapes
 * depend on data, what comes from there on is told node by node as the model has it, and `later` is set.
 *
 * inputs  As for lince_session_run(), but `data` and `size_bytes` are not looked at.
 */
LINCE_API lince_status lince_session_explain(lince_session *session, const lince_tensor *inputs, size_t input_count,
                                             int (*tell)(const lince_step *step, void *context), void *context,
                                             lince_error *err);

/**
 * Give, in every run, what these nodes compute too: in *outputs after the result's leaves, `path` being the name as
 * given here.
 *
 * nodes  "NODE" or "NODE:K", its output K; names as lince_session_explain() tells them. Copied.
 *
 * Once, before the first run, else LINCE_EINVAL. A name that the trace does not have, or has several times, fails the
 * run. A node that is asked for is not fused away.
 */
LINCE_API lince_status lince_session_fetch(lince_session *session, const char *const *nodes, size_t count,
                                           lince_error *err);

#ifdef __cplusplus
}
#endif
#endif
