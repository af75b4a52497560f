/* What the files of this room share; private to it. */
#ifndef LI_OPS_COMMON_H
#define LI_OPS_COMMON_H

#include "graph/graph.h"
#include "kernels/kernels.h"

/* ---- Parts of a row ---- */

#define LI_ATTRS(...)                                                                                                  \
    (const struct li_attr_spec[])                                                                                      \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }
#define LI_OUTPUTS(...)                                                                                                \
    (const struct li_output_spec[])                                                                                    \
    {                                                                                                                  \
        __VA_ARGS__,                                                                                                   \
        {                                                                                                              \
            .name = NULL                                                                                               \
        }                                                                                                              \
    }
#define LI_OUTPUT(name) LI_OUTPUTS({name, NULL})
/* A type that follows from an input or decides nothing: accepted, and never asked for. */
#define LI_TYPE_SPEC(name)                                                                                             \
    {                                                                                                                  \
        name, LI_ATTR_TYPE, "float32", NULL                                                                            \
    }
/* A count that the inputs themselves show. */
#define LI_COUNT_SPEC(name)                                                                                            \
    {                                                                                                                  \
        name, LI_ATTR_INT, "0", NULL                                                                                   \
    }

/* ---- Sets of dtypes ---- */

#define LI_BIT(dtype) (1u << (dtype))
#define LI_SET_FLOAT (LI_BIT(LINCE_FLOAT16) | LI_BIT(LINCE_BFLOAT16) | LI_BIT(LINCE_FLOAT32) | LI_BIT(LINCE_FLOAT64))
#define LI_SET_SIGNED (LI_BIT(LINCE_INT8) | LI_BIT(LINCE_INT16) | LI_BIT(LINCE_INT32) | LI_BIT(LINCE_INT64))
#define LI_SET_UNSIGNED (LI_BIT(LINCE_UINT8) | LI_BIT(LINCE_UINT16) | LI_BIT(LINCE_UINT32) | LI_BIT(LINCE_UINT64))
#define LI_SET_INT (LI_SET_SIGNED | LI_SET_UNSIGNED)
#define LI_SET_INDEX (LI_BIT(LINCE_INT32) | LI_BIT(LINCE_INT64))
#define LI_SET_NUMBER (LI_SET_FLOAT | LI_SET_INT)
#define LI_SET_BOOL LI_BIT(LINCE_BOOL)
#define LI_SET_STRING LI_BIT(LINCE_STRING)
#define LI_SET_COMPUTED (LI_SET_NUMBER | LI_SET_BOOL)
/* All that can be moved: elements of known size. */
#define LI_SET_MOVABLE (LI_SET_COMPUTED | LI_SET_STRING | LI_BIT(LINCE_COMPLEX64) | LI_BIT(LINCE_COMPLEX128))

static inline bool li_dtype_in(lince_dtype dtype, unsigned set)
{
    return (unsigned)dtype < 32 && (set & LI_BIT(dtype)) != 0;
}

/* LINCE_EUNSUPPORTED when the input's dtype is outside the set. */
lince_status li_ops_need(const struct li_infer *s, int input, unsigned set);
/* All inputs from `first` on have the dtype of the first of them. */
lince_status li_ops_need_alike(const struct li_infer *s, int first, int end);

/* The resource whose handle input 0 is; NULL when it is none. */
const struct li_resource *li_ops_resource(const struct li_infer *s);
/* LINCE_EINVAL when input 0 is no handle of a variable int64[3] or more: counter (low, high) and key of a generator. */
lince_status li_ops_need_generator(const struct li_infer *s);

/* Output 0 is input 0, of a dtype in the named set. */
lince_status li_ops_same_float(struct li_infer *s);
lince_status li_ops_same_number(struct li_infer *s);

/* ---- prepare ---- */

static inline const struct li_value *li_ops_in(const struct li_prepare *p, int i)
{
    return &p->graph->values[p->node->in[i]];
}

static inline const struct li_value *li_ops_out(const struct li_prepare *p, int i)
{
    return &p->graph->values[p->node->out[i]];
}

/* Elements that one task of a cheap (costly) elementwise op takes. */
enum { LI_GRAIN_CHEAP = 1 << 16, LI_GRAIN_COSTLY = 1 << 14 };

lince_status li_ops_prepare_cheap(struct li_prepare *p); /* tasks by the elements of output 0 */
lince_status li_ops_prepare_costly(struct li_prepare *p);
lince_status li_ops_prepare_input(struct li_prepare *p); /* tasks by the elements of input 0, cheap */

/* Output i is an int32 or int64 vector (count >= 0) or scalar (count -1) that is known as soon as shapes are. */
lince_status li_ops_known(struct li_infer *s, int output, lince_dtype dtype, const int64_t *values, int count);

void li_ops_layout_strided(struct li_layout *l); /* every input and output may be strided */

/* The product of dims [first, end). */
static inline int64_t li_ops_product(const struct li_shape *shape, int first, int end)
{
    int64_t product = 1;
    for (int i = first; i < end; i++) {
        product *= shape->dim[i];
    }
    return product;
}

/* Multiplications and additions of that many sums of products; what does not fit is the largest number. */
static inline int64_t li_ops_flop(int64_t sums, int64_t products)
{
    int64_t flop;
    return __builtin_mul_overflow(sums, products, &flop) || flop > INT64_MAX / 2 ? INT64_MAX : 2 * flop;
}

/* ---- Blocks: any dtype through three number types (block.c) ---- */

enum { LI_BLOCK = 256 };

enum li_domain { LI_DOMAIN_FLOAT, LI_DOMAIN_SIGNED, LI_DOMAIN_UNSIGNED };

/* float16 to float64 live in f, signed integers and bool in i, unsigned integers in u. */
union li_block {
    double f[LI_BLOCK];
    int64_t i[LI_BLOCK];
    uint64_t u[LI_BLOCK];
};

enum li_domain li_domain_of(lince_dtype dtype);
/* n <= LI_BLOCK elements, `stride` elements apart (0 repeats one). */
void li_block_load(union li_block *to, lince_dtype dtype, const void *from, int64_t stride, int64_t n);
/* Rounds to nearest even, or drops high bits, as the dtype needs. */
void li_block_store(void *to, lince_dtype dtype, const union li_block *from, int64_t n);
/* to += from, n elements, rounded as the dtype needs. */
void li_block_add(void *to, const void *from, lince_dtype dtype, int64_t n);
/* value as the dtype would hold it. */
double li_round_to(lince_dtype dtype, double value);

static inline void *li_at(void *data, lince_dtype dtype, int64_t element)
{
    return (char *)data + element * (int64_t)li_dtype_size(dtype);
}

/* Element i of an int32 or int64 operand. */
static inline int64_t li_index_at(const struct li_operand *o, int64_t i)
{
    return o->dtype == LINCE_INT32 ? ((const int32_t *)o->data)[i] : ((const int64_t *)o->data)[i];
}

/* ---- Walks: elementwise loops over broadcast operands (walk.c) ---- */

enum { LI_WALK_OPERANDS = 4 };

/*
 * Operand 0 is the output; the others are aligned to its last dims and repeated where their dim is 1. Neighbouring dims
 * are merged where all operands allow. What remains is cut into spans of rows in which an operand's column stride is 1,
 * or 0 (scalar).
 */
struct li_walk {
    int operands, rank;
    int64_t dim[LI_MAX_RANK + 2];
    int64_t stride[LI_WALK_OPERANDS][LI_MAX_RANK + 2];
    bool by_columns; /* one row only: tasks take ranges of columns */
    int64_t next, end;
};

struct li_span {
    int64_t rows, cols;
    int64_t offset[LI_WALK_OPERANDS], row[LI_WALK_OPERANDS]; /* elements */
    bool scalar[LI_WALK_OPERANDS];
};

/* The part of the walk that the call's task does. */
void li_walk_init(struct li_walk *w, const struct li_call *c, const struct li_operand *const *operands, int count);
bool li_walk_next(struct li_walk *w, struct li_span *span);

/*
 * Output 0 from input 0, element by element, of one dtype: `fast` for float32 (NULL: none) on any number of neighbours,
 * to may be from; `block` for everything else, in place. Both get `context`.
 */
void li_ops_map(struct li_call *c,
                void (*fast)(const struct li_call *c, const void *context, float *to, const float *from, int64_t n),
                void (*block)(const void *context, lince_dtype dtype, union li_block *block, int64_t n),
                const void *context);

/* ---- Moves: copies between two arrangements of the same elements (move.c) ---- */

enum { LI_MOVE_RANK = 2 * LI_MAX_RANK };

struct li_move {
    int rank;
    int64_t dim[LI_MOVE_RANK];
    int64_t to[LI_MOVE_RANK], from[LI_MOVE_RANK]; /* strides in elements; from may be 0 or negative */
    size_t size;                                  /* bytes of an element */
};

/* Add a loop; the order of calls does not matter. */
void li_move_dim(struct li_move *m, int64_t dim, int64_t to, int64_t from);
/* Every dim of a shape, with the given strides. */
void li_move_shape(struct li_move *m, const struct li_shape *shape, const int64_t *to, const int64_t *from);
/* Do the part that falls to task of tasks. */
void li_move_run(struct li_move *m, void *to, const void *from, int64_t task, int64_t tasks);

/* ---- Gradients (gradient.c) ---- */

/* Sum dy down to the shape of `like`, undoing a broadcast; dy itself where the shapes are equal. */
lince_status li_grad_unbroadcast(struct li_grad *g, li_vid dy, li_vid like, li_vid *out);
/* Ops of one input, and of two, that need no attributes. */
lince_status li_grad_one(struct li_grad *g, const char *op, li_vid a, li_vid *out);
lince_status li_grad_two(struct li_grad *g, const char *op, li_vid a, li_vid b, li_vid *out);
/* v times a number. */
lince_status li_grad_scale(struct li_grad *g, li_vid v, double number, li_vid *out);
/* Constants: a scalar of the dtype of `like`, a vector of int64. */
lince_status li_grad_scalar(struct li_grad *g, li_vid like, double number, li_vid *out);
lince_status li_grad_ints(struct li_grad *g, const int64_t *values, int count, li_vid *out);
/* The shape of a value as a constant, int64[rank]. */
lince_status li_grad_shape(struct li_grad *g, li_vid like, li_vid *out);

/* ---- gamma.c ---- */

/* The slope of lgamma, and the n-th slope of that; NaN where there is none. */
double li_digamma(double x);
double li_polygamma(double n, double x);

#endif
