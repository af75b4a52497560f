/*
 * base: what every room stands on: errors, memory, shapes and dtypes, tensors, byte ranges, checksums, half floats,
 * random numbers, the thread pool and what the processor can do. It knows nothing of models.
 */
#ifndef LI_BASE_H
#define LI_BASE_H

#include <lince.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

/* ---- Errors (status.c) ------------------------------------------------------------------------------------------- */

/* Fill err (may be NULL) with a code and a printf-style text, cut at its end if too long; returns the code. */
lince_status li_fail(lince_error *err, lince_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
lince_status li_vfail(lince_error *err, lince_status code, const char *format, va_list args);

/* Put "WHERE: " in front of the text err already holds; returns its code. */
lince_status li_prefix(lince_error *err, lince_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A short word, such as "corrupt"; "unknown" for a number that is none. */
const char *li_status_name(lince_status status);

/* What a call of the system that failed with this errno means: LINCE_ENOENT, LINCE_ENOMEM, LINCE_EIO. (bytes.c) */
lince_status li_errno_status(int number);

/* Return at once when a call fails; only where there is nothing to undo. */
#define LI_TRY(call)                                                                                                   \
    do {                                                                                                               \
        lince_status li_try_status = (call);                                                                           \
        if (li_try_status) {                                                                                           \
            return li_try_status;                                                                                      \
        }                                                                                                              \
    } while (0)

#define LI_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LI_MIN(a, b) ((a) < (b) ? (a) : (b))
#define LI_MAX(a, b) ((a) > (b) ? (a) : (b))

/* ---- Checked sizes ----------------------------------------------------------------------------------------------- */

/* product = a * b and sum = a + b; false when the result does not fit. */
static inline bool li_mul_size(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}
static inline bool li_add_size(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

/* ---- Memory (mem.c) ---------------------------------------------------------------------------------------------- */

enum { LI_ALIGN = 64 };

/*
 * An allocator with a count and a limit; one per model, shared by what is made from it. Thread-safe. The user may
 * supply the functions underneath (NULL: malloc and free).
 */
struct li_mem;

struct li_mem *li_mem_new(void *(*alloc)(size_t bytes, void *context), void (*release)(void *pointer, void *context),
                          void *context, size_t limit_bytes /* 0: none */);
void li_mem_retain(struct li_mem *mem);
/* Freed with the last reference; everything allocated from it must be freed first. */
void li_mem_release(struct li_mem *mem);

/* LI_ALIGN-aligned, not cleared; NULL and err filled (LINCE_ENOMEM) on failure. 0 bytes give a valid pointer. */
void *li_alloc(struct li_mem *mem, size_t bytes, lince_error *err);
void *li_calloc(struct li_mem *mem, size_t count, size_t size, lince_error *err); /* cleared */
/* Grow to bytes, keeping the old content; NULL pointer allowed. On failure the old block stays. */
void *li_realloc(struct li_mem *mem, void *pointer, size_t bytes, lince_error *err);
void li_free(struct li_mem *mem, void *pointer);
char *li_strdup(struct li_mem *mem, const char *text, lince_error *err);

size_t li_mem_used_bytes(const struct li_mem *mem);
size_t li_mem_peak_bytes(const struct li_mem *mem);
uint64_t li_mem_allocations(const struct li_mem *mem); /* calls so far: what "allocates nothing" is tested with */

/* ---- Arena (arena.c): many small things with one lifetime -------------------------------------------------------- */

struct li_arena {
    struct li_mem *mem;
    struct li_arena_block *blocks;
    size_t used_bytes;  /* of all blocks */
    size_t limit_bytes; /* 0: only mem's */
    bool limited;       /* an allocation failed because of limit_bytes */
};

void li_arena_init(struct li_arena *arena, struct li_mem *mem, size_t limit_bytes);
void *li_arena_alloc(struct li_arena *arena, size_t bytes, lince_error *err); /* 16-aligned, not cleared */
void *li_arena_calloc(struct li_arena *arena, size_t count, size_t size, lince_error *err); /* 16-aligned, cleared */
char *li_arena_strdup(struct li_arena *arena, const char *text, lince_error *err);
char *li_arena_strndup(struct li_arena *arena, const char *text, size_t bytes, lince_error *err);
char *li_arena_printf(struct li_arena *arena, lince_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void li_arena_free(struct li_arena *arena); /* all at once; the arena may be used again */

/*
 * Arrays that grow (grow.c): room for at least count elements of that size, what was there kept and the rest cleared.
 * array is the address of the pointer, NULL at first, and *room how many there is room for. The old array of an arena
 * stays until the arena goes.
 */
lince_status li_grow(struct li_mem *mem, void *array, int32_t *room, int64_t count, size_t size, lince_error *err);
lince_status li_arena_grow(struct li_arena *arena, void *array, int32_t *room, int64_t count, size_t size,
                           lince_error *err);

/* ---- Byte ranges (bytes.c) --------------------------------------------------------------------------------------- */

/* A borrowed range of bytes. */
struct li_bytes {
    const uint8_t *data;
    size_t len;
};

/* A file's content. An empty file has len 0. */
struct li_file {
    struct li_bytes bytes;
    void *map;          /* NULL: not mapped */
    struct li_mem *mem; /* whose memory bytes lie in; NULL: not read */
};

/*
 * Map a file, read-only and private: nothing is copied, and nobody's write reaches it through us. Who truncates the
 * file later ends our process, by SIGBUS, once the bytes that are gone are touched.
 */
lince_status li_file_map(struct li_file *file, const char *path, lince_error *err);
/* Read it whole, into memory that counts; what becomes of the file then does not matter. mem NULL: li_file_map(). */
lince_status li_file_read(struct li_file *file, const char *path, struct li_mem *mem, lince_error *err);
void li_file_unmap(struct li_file *file); /* of either; once more does nothing */

/* A reader that never leaves its range: each returns false, and moves nothing, when too few bytes are left. */
bool li_read_u8(struct li_bytes *from, uint8_t *value);
bool li_read_u32le(struct li_bytes *from, uint32_t *value);
bool li_read_u64le(struct li_bytes *from, uint64_t *value);
bool li_read_varint(struct li_bytes *from, uint64_t *value); /* at most 10 bytes, value below 2^64 */
bool li_read_bytes(struct li_bytes *from, size_t len, struct li_bytes *value);

/*
 * What a file that broke our format is instead, by its first bytes, and what to do about it; NULL when they do not
 * tell.
 */
const char *li_bytes_foreign(struct li_bytes bytes);

uint32_t li_crc32c(uint32_t crc, const void *data, size_t len); /* start with 0; may be continued */
static inline uint32_t li_crc32c_mask(uint32_t crc)
{
    return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

uint64_t li_hash(uint64_t seed, const void *data,
                 size_t len); /* FNV-1a, 64 bits: for tables and keys, not for strangers */

/* ---- Files that are written (sink.c) ----------------------------------------------------------------------------- */

/* Where bytes go, in order. */
struct li_sink {
    /* Take all of them or fail; after a failure nothing more may be written. */
    lince_status (*write)(struct li_sink *sink, const void *data, size_t len, lince_error *err);
};

/* A new file. */
struct li_file_sink {
    struct li_sink sink; /* first */
    struct li_mem *mem;
    char *path;
    int fd; /* -1: closed */
    size_t used;
    uint8_t *buffer;
};

/*
 * Make the file; one that is there already is an error (LINCE_EIO), and so is a folder that is not (LINCE_ENOENT).
 * Small writes are gathered. LINCE_EIO of a write or of the close: the disk is full, or what else the system says.
 */
lince_status li_file_sink_open(struct li_file_sink *sink, const char *path, struct li_mem *mem, lince_error *err);
/* Write what was gathered, wait until the disk has it, close. */
lince_status li_file_sink_close(struct li_file_sink *sink, lince_error *err);
/* Close it without that; after a close, or of a sink that is all zero, it does nothing. */
void li_file_sink_abandon(struct li_file_sink *sink);

/* ---- Shapes, dtypes, tensors (shape.c) --------------------------------------------------------------------------- */

enum { LI_MAX_RANK = LINCE_MAX_RANK };

/* rank -1: unknown; a dim of -1: unknown. Both occur in signatures only; a value that runs has its full shape. */
struct li_shape {
    int rank;
    int64_t dim[LI_MAX_RANK];
};

int64_t li_shape_count(const struct li_shape *shape); /* elements; 1 for a scalar. The shape must be full and checked */
bool li_shape_equal(const struct li_shape *a, const struct li_shape *b);
bool li_shape_full(const struct li_shape *shape); /* rank and all dims known */
/* Equal where both are known; how TensorFlow compares a tensor with a TensorSpec. */
bool li_shape_compatible(const struct li_shape *a, const struct li_shape *b);
/* Bytes of a full shape; LINCE_ELIMIT when negative, overflowing or above LI_MAX_TENSOR_BYTES. */
lince_status li_shape_bytes(const struct li_shape *shape, lince_dtype dtype, size_t *bytes, lince_error *err);
/* "[2,?,3]", "[]", "unknown"; returns buffer. */
enum { LI_SHAPE_TEXT = 192 };
char *li_shape_text(const struct li_shape *shape, char buffer[LI_SHAPE_TEXT]);

/* A dense array of known shape; data borrowed or owned as its holder says. Strings: an array of lince_string. */
struct li_tensor {
    lince_dtype dtype;
    struct li_shape shape;
    void *data;
    size_t size_bytes;
};

/* Element i of a bool, integer or float tensor as int64 / double. */
int64_t li_tensor_int(const struct li_tensor *tensor, int64_t i);
double li_tensor_float(const struct li_tensor *tensor, int64_t i);
const char *li_dtype_name(lince_dtype dtype); /* TensorFlow's, such as "float32"; "unknown" for a number that is none */
size_t li_dtype_size(lince_dtype dtype);      /* bytes of one element; 0 for resources, variants and unknown numbers */
bool li_dtype_is_float(lince_dtype dtype);    /* float16, bfloat16, float32, float64 */
bool li_dtype_is_integer(lince_dtype dtype);  /* signed and unsigned, not bool, not quantized */

/* ---- Half floats (half.c; one at a time) ------------------------------------------------------------------------- */

float li_half_to_float(uint16_t bits);
uint16_t li_float_to_half(float value); /* to nearest, ties to even */
static inline float li_bfloat16_to_float(uint16_t bits)
{
    union {
        uint32_t u;
        float f;
    } v = {.u = (uint32_t)bits << 16};
    return v.f;
}
uint16_t li_float_to_bfloat16(float value); /* to nearest, ties to even; NaN stays NaN */

/* ---- Random numbers (philox.c) ----------------------------------------------------------------------------------- */

/*
 * Philox-4x32-10 (Salmon, Moraes, Dror, Shaw 2011), the counter-based generator of TensorFlow's random ops: the 128-bit
 * counter of the next block, and the key.
 */
struct li_philox {
    uint64_t low, high, key;
};

/* Four words, and the counter moves on by one. */
void li_philox_next(struct li_philox *p, uint32_t words[4]);
void li_philox_skip(struct li_philox *p, uint64_t blocks);

/* Key and counter from the two seeds of a stateless op, scrambled as TensorFlow does. */
struct li_philox li_philox_from_seeds(uint64_t seed, uint64_t seed2);

/* ---- Processor (cpu.c) ------------------------------------------------------------------------------------------- */

enum li_isa { LI_ISA_REF, LI_ISA_AVX2, LI_ISA_AVX512, LI_ISA_NEON };

/* The best this processor and this build can do; LINCE_ISA=ref|avx2|avx512|neon in the environment lowers it. */
enum li_isa li_cpu_isa(void);
const char *li_isa_name(enum li_isa isa);
/* Processors this process may use: affinity and cgroup quota, at least 1. */
int li_cpu_count(void);

/* ---- Subnormal numbers (subnormal.c) ----------------------------------------------------------------------------- */

/*
 * From here on results of this thread's arithmetic are zero instead, where that is quicker; returns what
 * li_subnormals_restore() wants.
 */
unsigned li_subnormals_flush(void);
void li_subnormals_restore(unsigned before);

/* ---- Fork (fork.c) ----------------------------------------------------------------------------------------------- */

/* The order in which locks are taken before a fork; the same in which calls take them when they need several. */
enum li_fork_order { LI_FORK_MODEL, LI_FORK_PROGRAM, LI_FORK_PREPARED, LI_FORK_STORE, LI_FORK_BUNDLE, LI_FORK_ORDERS };

/* Part of whatever has locks. Fill in the first four, add it once the locks are made, remove it before they go. */
struct li_fork_guard {
    enum li_fork_order order;
    void *owner;
    void (*before)(void *owner);            /* take the locks; it may not wait for a run to end */
    void (*after)(void *owner, bool child); /* give them back; child: this thread is the only one there is */
    struct li_fork_guard *next, **link;     /* private; all zero before */
};

/* Both while this thread holds no lock that a guard takes. A guard that was not added may be removed. */
lince_status li_fork_guard_add(struct li_fork_guard *guard, lince_error *err);
void li_fork_guard_remove(struct li_fork_guard *guard);

/* Fill in and add a guard of one lock, a pthread_mutex_t. */
lince_status li_fork_guard_mutex(struct li_fork_guard *guard, enum li_fork_order order, void *mutex, lince_error *err);

/* ---- Thread pool (pool.c) ---------------------------------------------------------------------------------------- */

struct li_pool;

/* threads counts the caller: 1 starts none. */
lince_status li_pool_new(struct li_pool **out, int threads, struct li_mem *mem, lince_error *err);
void li_pool_retain(struct li_pool *pool);
void li_pool_release(struct li_pool *pool);
int li_pool_threads(const struct li_pool *pool);

/*
 * Call run(context, task, worker) once for every task in [0, tasks), spread over the pool; returns when all are done.
 * worker is in [0, li_pool_threads()) and no two calls with the same worker overlap: it indexes scratch. Tasks are
 * dealt in contiguous ranges, the same worker getting the same range for the same number of tasks. One parallel region
 * at a time: a caller that finds the pool busy (or is itself inside a region, or a forked child) runs all its tasks as
 * worker 0. Never fails.
 * Threads of the pool flush subnormal numbers; for equal bits the caller does too.
 * A pool has no lock, so fork needs no guard for it: the child knows by its process id that the threads are not there.
 */
void li_pool_run(struct li_pool *pool, int64_t tasks, void (*run)(void *context, int64_t task, int worker),
                 void *context);

#endif
