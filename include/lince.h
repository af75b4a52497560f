/*
 * lince: load, run, fine-tune, save and serve TensorFlow 2 reusable SavedModels for images, without TensorFlow.
 *
 * The whole main job, errors aside:
 *
 *     lince_model *model;
 *     lince_session *session;
 *     lince_model_open(&model, "efficientnet_lite0", NULL, &err);
 *     lince_session_new(&session, model, NULL, NULL, &err);
 *     lince_session_run_images(session, images, batch, 224, 224, logits, batch * 1000, &err);
 *     lince_session_free(session);
 *     lince_model_close(model);
 *
 * Conventions. Every function that can fail returns a lince_status and takes a lince_error last (NULL if the text is not
 * wanted). Handles are opaque. `new` and `open` give, and name their partner; everything else is borrowed, and the
 * comment says until when. Freeing or closing NULL does nothing. Sizes are in bytes unless a name says otherwise.
 * Nothing prints and nothing exits the process.
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
    LINCE_EDATA = 10        /* a value met while running forbids going on: a failed Assert, an index out of range */
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

/** Bytes of one element: 4 for float32, sizeof(lince_string) for strings, 0 for resources, variants and unknown numbers. */
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

#ifdef __cplusplus
}
#endif
#endif
