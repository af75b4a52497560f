/*
 * graph: values, nodes, attributes, resources, the row that describes an op, and the inference of shapes.
 *
 * A graph is flat, typed and in execution order: calls are inlined, constants are values without a producer, and
 * running the nodes from first to last honours every data and control dependency of the model. Each stage (import and
 * bind, infer, gradient, passes) makes a new graph and never goes back; what a stage made is not changed after it is
 * handed on.
 *
 * The op row type sits here because ops fill it, passes and train read it, and runtime calls it.
 */
#ifndef LI_GRAPH_H
#define LI_GRAPH_H

#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>

struct li_kernels; /* kernels/kernels.h; only ops look inside */
struct li_graph;
struct li_node;
struct li_op;

typedef int32_t li_vid; /* a value: index into graph->values; LI_NONE: none */
enum { LI_NONE = -1 };

/* ---- Attributes (attr.c) ----------------------------------------------------------------------------------------- */

enum li_attr_kind {
    LI_ATTR_INT,
    LI_ATTR_FLOAT,
    LI_ATTR_BOOL,
    LI_ATTR_STRING,
    LI_ATTR_TYPE,
    LI_ATTR_SHAPE,
    LI_ATTR_TENSOR,
    LI_ATTR_FUNC,
    LI_ATTR_INTS,
    LI_ATTR_FLOATS,
    LI_ATTR_BOOLS,
    LI_ATTR_STRINGS,
    LI_ATTR_TYPES,
    LI_ATTR_SHAPES,
    LI_ATTR_FUNCS
};

/* What a row says of one attribute. Those of a file that start with '_' are hints: no spec has them, none is read. */
struct li_attr_spec {
    const char *name;
    enum li_attr_kind kind;
    /* what absence means, as text: "NHWC", "true", "0.001", "[1,1,1,1]", "[]", "int32"; NULL: must be there */
    const char *fallback;
    const char *allowed; /* strings and types that are supported, separated by blanks: "SAME VALID"; NULL: any */
};

/* One attribute of a node, owned by its graph's arena. Which member holds is told by kind; lists have count. */
struct li_attr {
    const char *name;
    enum li_attr_kind kind;
    int64_t i;     /* INT, BOOL (0, 1), TYPE (a lince_dtype) */
    double f;      /* FLOAT */
    const char *s; /* STRING (ended by NUL; s_len counts NULs inside), FUNC (the function's name) */
    size_t s_len;
    const struct li_shape *shape;   /* SHAPE, SHAPES */
    const struct li_tensor *tensor; /* TENSOR */
    size_t count;                   /* lists */
    const int64_t *ints;            /* INTS, BOOLS, TYPES */
    const double *floats;           /* FLOATS */
    const char *const *strings;     /* STRINGS, FUNCS */
};

/* For emitting nodes: (struct li_attr[]){LI_INT("axis", 1), LI_STR("padding", "SAME")}. */
#define LI_INT(n, v)                                                                                                   \
    {                                                                                                                  \
        .name = (n), .kind = LI_ATTR_INT, .i = (v)                                                                     \
    }
#define LI_BOOL(n, v)                                                                                                  \
    {                                                                                                                  \
        .name = (n), .kind = LI_ATTR_BOOL, .i = (v)                                                                    \
    }
#define LI_TYPE(n, v)                                                                                                  \
    {                                                                                                                  \
        .name = (n), .kind = LI_ATTR_TYPE, .i = (v)                                                                    \
    }
#define LI_FLOAT(n, v)                                                                                                 \
    {                                                                                                                  \
        .name = (n), .kind = LI_ATTR_FLOAT, .f = (v)                                                                   \
    }
#define LI_STR(n, v)                                                                                                   \
    {                                                                                                                  \
        .name = (n), .kind = LI_ATTR_STRING, .s = (v), .s_len = __builtin_strlen(v)                                    \
    }
#define LI_INTS(n, v, c)                                                                                               \
    {                                                                                                                  \
        .name = (n), .kind = LI_ATTR_INTS, .ints = (v), .count = (c)                                                   \
    }

/*
 * A node has every attribute of its row's specs (absent ones were filled in), so these do not fail: asking for a name
 * or kind the row does not declare is our own mistake (assert). */
int64_t li_attr_int(const struct li_node *node, const char *name); /* INT, BOOL, TYPE */
double li_attr_float(const struct li_node *node, const char *name);
bool li_attr_is(const struct li_node *node, const char *name, const char *value); /* a STRING equals value */
const struct li_attr *li_attr(const struct li_node *node, const char *name);

/*
 * The first of the attributes that an op does not have, or does not allow this value of, and the value as *text, which
 * may lie in buffer; NULL: there is none.
 */
enum { LI_ATTR_TEXT = 128 };
const struct li_attr *li_attr_refused(const struct li_op *op, const struct li_attr *given, int count,
                                      char buffer[LI_ATTR_TEXT], const char **text);

/* ---- Values ------------------------------------------------------------------------------------------------------ */

/*
 * Where a value's elements lie. `base` is the value in whose buffer they are: itself, or another of the same lifetime
 * (a reshape, a part of a split, a piece of a concatenation). All in elements of the value's dtype.
 */
struct li_view {
    li_vid base;
    int64_t offset; /* of element [0,0,...] from the start of base's buffer */
    int64_t stride[LI_MAX_RANK];
    int64_t buffer_count; /* what the buffer holds in all, halo included; of a base only */
    int32_t halo[4];      /* top, bottom, left, right: zeros kept around dims 1 and 2 of a [n, h, w, c] value */
};

struct li_value {
    lince_dtype dtype;
    struct li_shape shape;            /* full after inference; rank -1 before */
    const struct li_tensor *constant; /* the value, where it is known without running; else NULL */
    int32_t resource;                 /* LINCE_RESOURCE: index into the store; else LI_NONE */
    int32_t producer;                 /* index of the node that writes it; LI_NONE for inputs and constants */
    int32_t output;                   /* which output of the producer; which input of the graph */
    struct li_view view;              /* set by li_graph_default_views(), refined by the layout pass */
};

/* Whether the elements lie one after the other without halo. */
bool li_view_dense(const struct li_value *value);

struct li_node {
    const struct li_op *op;
    const char *name; /* as in the model, with the path of calls it was inlined through */
    li_vid *in, *out;
    int nin, nout;
    const struct li_attr *attrs; /* one for each of op->attrs, in that order */
    int nattrs;
    /* what op->effects speak of: the handle in input 0, or the generator of a random op; else LI_NONE */
    int32_t resource;
    bool required; /* kept though nothing reads it: its effect was asked for */
};

struct li_graph {
    struct li_arena arena;    /* what only this graph needs; nodes and values lie beside it and move */
    struct li_store *store;   /* counted */
    const struct li_ops *ops; /* by name, for emitting */
    const struct li_env *env; /* for rules of nodes that are emitted; set by li_graph_infer() and li_graph_rewrite() */
    struct li_value *values;
    struct li_node *nodes; /* in execution order */
    int32_t value_count, node_count, value_room, node_room;
    li_vid *inputs, *outputs;
    int32_t input_count, output_count;
    struct li_keep *keep; /* names, attributes and own tensors; shared with the graphs that this one was made from */
    bool keep_is_own;     /* this graph may add to it */
};

/* A new graph without nodes. Values and nodes are added; pointers into values and nodes move when they grow. */
lince_status li_graph_new(struct li_graph **out, struct li_store *store, const struct li_ops *ops, struct li_mem *mem,
                          lince_error *err);
void li_graph_free(struct li_graph *graph);

lince_status li_graph_input(struct li_graph *g, lince_dtype dtype, const struct li_shape *shape, li_vid *out,
                            lince_error *err);
/*
 * The tensor's bytes are borrowed and must outlive the graph; li_graph_own_tensor() copies a tensor into its arena
 * first.
 */
lince_status li_graph_constant(struct li_graph *g, const struct li_tensor *tensor, li_vid *out, lince_error *err);
lince_status li_graph_own_tensor(struct li_graph *g, const struct li_tensor *tensor, const struct li_tensor **out,
                                 lince_error *err);
lince_status li_graph_resource(struct li_graph *g, int32_t resource, li_vid *out, lince_error *err); /* a handle */
lince_status li_graph_set_outputs(struct li_graph *g, const li_vid *outputs, int count, lince_error *err);

/*
 * Append a node; attrs missing from those given take the row's fallback, unknown ones are LINCE_EUNSUPPORTED. The
 * number of inputs and outputs is checked against the row. Outputs are new values without a shape; *node is valid until
 * the next append.
 */
lince_status li_graph_append(struct li_graph *g, const struct li_op *op, const char *name, const li_vid *in, int nin,
                             const struct li_attr *attrs, int nattrs, struct li_node **node, lince_error *err);

/*
 * For gradients and passes: append by name and infer at once, so the outputs have dtype and shape. Input shapes must be
 * known. out receives the first nout outputs.
 */
lince_status li_graph_emit(struct li_graph *g, const char *op, const char *name, const li_vid *in, int nin,
                           const struct li_attr *attrs, int nattrs, li_vid *out, int nout, lince_error *err);

/* Dense views for all values; where a row says LI_OP_ALIAS, output 0 lies in input 0's buffer. */
void li_graph_default_views(struct li_graph *g);

/* A line per node, for tests: "name = Op(%0:float32[1,3], ...) -> %2:float32[3]". Into the arena. */
char *li_graph_text(struct li_graph *g, lince_error *err);

/* ---- Resources (store.c) ----------------------------------------------------------------------------------------- */

enum li_resource_kind { LI_VARIABLE, LI_GENERATOR, LI_TABLE };

/*
 * State that outlives a run. The committed value changes only under the store's write lock, by a run's commit or by a
 * write from outside; each change raises the version.
 */
struct li_resource {
    enum li_resource_kind kind;
    const char *name;  /* for messages */
    lince_dtype dtype; /* of a variable; a generator is uint64[4]: counter (2), key, 0; a table has none */
    struct li_shape shape;
    struct li_tensor value;   /* committed; data NULL until li_store_ready() */
    void *owned;              /* LI_ALIGN-aligned memory for a value that was written; NULL while mapped */
    _Atomic uint64_t version; /* starts at 1 */
    atomic_bool ready;        /* value may be read; private to store.c */
    /* Fills value when it is first used (and checks its checksum); NULL when value is there already. */
    lince_status (*load)(struct li_resource *resource, void *context, lince_error *err);
    void *load_context;
    const struct li_table *table; /* LI_TABLE; see ops/table.c */
};

/* All resources of one model; counted, so that it outlives the model while graphs use it. */
struct li_store {
    struct li_mem *mem;
    /* May be read while another thread adds: an array that was outgrown stays, and what it holds stays valid. */
    struct li_resource **_Atomic resources;
    _Atomic int32_t count;
    int32_t room;
    struct li_store_block *blocks; /* all arrays there have been, and the index of generators */
    int32_t *generators;           /* open addressing by the hash of the key; LI_NONE: free */
    int32_t generator_count, generator_room;
    uint64_t seed;                /* of generators whose op names none; drawn from the system unless the user sets it */
    pthread_rwlock_t lock;        /* read: a run. write: a commit, or a write from outside */
    pthread_mutex_t update;       /* held by a run that will commit, and a write: neither may lose the other's */
    pthread_mutex_t growth;       /* loading, adding, owning */
    struct li_prepared *prepared; /* runtime/: results of the prepare parts of all plans */
    void (*free_prepared)(struct li_prepared *prepared);
    atomic_int references;
};

/*
 * Resource i < store->count, also while another thread adds. (Some compilers index an atomic pointer without an atomic
 * load.)
 */
static inline struct li_resource *li_store_get(const struct li_store *store, int32_t i)
{
    return atomic_load_explicit(&store->resources, memory_order_acquire)[i];
}

lince_status li_store_new(struct li_store **out, struct li_mem *mem, lince_error *err);
void li_store_retain(struct li_store *store);
void li_store_release(struct li_store *store);
lince_status li_store_add(struct li_store *store, enum li_resource_kind kind, const char *name, lince_dtype dtype,
                          const struct li_shape *shape, int32_t *out, lince_error *err);
/*
 * The generator of a random op, found by the op's key (function and node) or made: seeded by seed and seed2 as
 * TensorFlow does.
 */
lince_status li_store_generator(struct li_store *store, const char *key, int64_t seed, int64_t seed2, int32_t *out,
                                lince_error *err);
/* Load it if that has not happened; thread-safe. */
lince_status li_store_ready(struct li_store *store, int32_t resource, lince_error *err);
/*
 * Load it, and give it memory of its own (value.data == owned), so that a commit later cannot fail; the committed value
 * stays what it is. Takes the write lock, as li_store_write() does; li_store_read() takes the read lock: all before a
 * run, not in one.
 */
lince_status li_store_own(struct li_store *store, int32_t resource, lince_error *err);
/* Copy the committed value out, or a new one in (under the write lock; version + 1). bytes must be the value's size. */
lince_status li_store_read(struct li_store *store, int32_t resource, void *data, size_t bytes, lince_error *err);
lince_status li_store_write(struct li_store *store, int32_t resource, const void *data, size_t bytes, lince_error *err);

/* ---- The op row -------------------------------------------------------------------------------------------------- */

enum li_op_flags {
    LI_OP_INPLACE =
        1 << 0,           /* output 0 may lie where input 0 lay, if both have one size and input 0 is not read again */
    LI_OP_ALIAS = 1 << 1, /* output 0 is the bytes of input 0 under another shape; no forward is called */
    LI_OP_INTERNAL = 1 << 2, /* a _Li op: made by passes, never by a file */
    LI_OP_NO_FOLD = 1 << 3,  /* not evaluated while shapes are inferred, though its inputs are constant */
    LI_OP_UNIFORM_ELEMENTWISE =
        1 << 4 /* float32 in, out, each element from the element at the same place: may be fused */
};

enum li_effects {
    LI_EFFECT_READ = 1 << 0,   /* output 0 is the resource's value (of this run, at this place in the order) */
    LI_EFFECT_WRITE = 1 << 1,  /* forward writes the resource's new value to call->state_out, given call->state_in */
    LI_EFFECT_RANDOM = 1 << 2, /* as WRITE, of the op's own generator */
    LI_EFFECT_FAIL = 1 << 3, /* may fail on data: kept even when nothing reads it, if control dependencies ask for it */
    LI_EFFECT_LOOKUP = 1 << 4 /* uses the resource's table */
};

struct li_output_spec {
    const char *name; /* the OpDef's output_arg, as in "node:name:0" */
    const char
        *list; /* the attribute that says how many: an INT (Split's num_split) or a list (IdentityN's T); NULL: one */
};

/* ---- shape: what an op's outputs are ---- */

struct li_infer {
    struct li_graph *graph;
    const struct li_node *node;
    const struct li_tensor *const *known; /* by value: contents known for this run only, or NULL; may itself be NULL */
    const struct li_env *env;
    lince_error *err;
};

/* Every input has a full shape when a rule runs. */
const struct li_shape *li_in_shape(const struct li_infer *s, int i);
lince_dtype li_in_dtype(const struct li_infer *s, int i);
/*
 * The content of input i. LI_DEFER, which is no error, when it is only known by running: a rule passes that on, and
 * inference ends a segment there. forward must read its operands again; only the shape was decided by it.
 */
#define LI_DEFER ((lince_status)-1)
lince_status li_in_value(const struct li_infer *s, int i, const struct li_tensor **out);
/* The same as int64, for shapes and axes: int32 or int64, rank 0 or 1, at most max elements. */
lince_status li_in_ints(const struct li_infer *s, int i, int64_t *values, int max, int *count);
lince_status li_in_int(const struct li_infer *s, int i, int64_t *value);
/* Say what output i is; checks the size. */
lince_status li_out_is(const struct li_infer *s, int i, lince_dtype dtype, const struct li_shape *shape);
lince_status li_out_same(const struct li_infer *s, int output, int input); /* dtype and shape of an input */
/* Fail with 'node "NAME" (OP): ' in front. */
lince_status li_infer_fail(const struct li_infer *s, lince_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Checks many rules start with. */
lince_status li_need_rank(const struct li_infer *s, int input, int rank);
lince_status li_need_same_dtype(const struct li_infer *s, int a, int b);
/* An axis in [-rank, rank) made non-negative. */
lince_status li_axis(const struct li_infer *s, int64_t axis, int rank, int *out);
/* NumPy broadcasting of two shapes. */
lince_status li_broadcast(const struct li_infer *s, const struct li_shape *a, const struct li_shape *b,
                          struct li_shape *out);

/* ---- layout: which views an op takes and can write ---- */

enum li_layouts {
    LI_LAYOUT_STRIDED = 1 << 0, /* any strides, the last being 1 */
    LI_LAYOUT_HALO =
        1 << 1 /* [n,h,w,c] with zeros around (read: as wanted or wider; written: the frame is not touched) */
};

struct li_layout {
    const struct li_graph *graph;
    const struct li_node *node;
    const struct li_env *env;
    /* Set by the op's layout(); all zero: dense only. */
    unsigned in_accepts[8], out_accepts[8]; /* of the first eight; the rest as the eighth */
    int32_t in_halo[8][4];                  /* wanted around input i; needs LI_LAYOUT_HALO in in_accepts[i] */
};

/* ---- prepare: how a node will be run in this plan ---- */

/* What stages before and beside the runtime need to evaluate a node. */
struct li_env {
    const struct li_kernels *kernels;
    enum li_isa isa;
    struct li_mem *mem;
};

struct li_prepare {
    const struct li_graph *graph;
    const struct li_node *node;
    const struct li_env *env;
    struct li_arena *arena; /* lives as long as the plan: for what forward finds in call->plan */
    lince_error *err;
    /* Results. */
    void *plan;
    int64_t tasks;        /* 1 unless set; from shapes only, never from the number of threads */
    size_t scratch_bytes; /* for each worker; LI_ALIGN-aligned */
    const char *reason;   /* which kernel and why, for explain; static or in arena */
    int64_t flop;         /* multiplications and additions where sums of products are most of the work; else 0 */
};

/* ---- forward ---- */

struct li_operand {
    void *data; /* of element [0,0,...] */
    lince_dtype dtype;
    const struct li_shape *shape;
    const int64_t *stride; /* elements; dense unless the op's layout() says otherwise */
    const struct li_view *view;
};

struct li_call {
    const struct li_node *node;
    const struct li_operand *in, *out;
    const struct li_operand *state_in, *state_out; /* WRITE, RANDOM: the resource before and after; else NULL */
    const struct li_resource *resource;            /* LOOKUP; else NULL */
    const void *plan;                              /* what prepare left */
    int64_t task, tasks;                           /* this call does task `task` of `tasks` */
    void *scratch;
    const struct li_kernels *kernels;
    lince_error *err;
};

static inline const float *li_f32(const struct li_operand *operand)
{
    return (const float *)operand->data;
}
static inline int64_t li_count(const struct li_operand *operand)
{
    return li_shape_count(operand->shape);
}
/* The part [*begin, *end) of n that this task does, cut into equal contiguous parts. */
void li_task_range(const struct li_call *c, int64_t n, int64_t *begin, int64_t *end);
/* How many tasks n elements are worth, when one takes so many: at least 1. From n only. */
int64_t li_task_count(int64_t n, int64_t elements_per_task);
lince_status li_call_fail(const struct li_call *c, lince_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- grad ---- */

/*
 * Reverse differentiation of one node, from graph to graph: adds nodes to `graph` (which holds the forward nodes too)
 * and sets dx[i] for each input that has a gradient; others stay LI_NONE. dy[i] is LI_NONE where no gradient reaches
 * output i.
 */
struct li_grad {
    struct li_graph *graph;
    const struct li_node *node; /* of graph; copied, so that appending does not move it */
    const li_vid *in, *out;
    const li_vid *dy;
    li_vid *dx;
    lince_error *err;
};

/* Emit one op with one output. */
lince_status li_grad_emit(struct li_grad *g, const char *op, const li_vid *in, int nin, const struct li_attr *attrs,
                          int nattrs, li_vid *out);

/* ---- the row ---- */

struct li_op {
    const char *name;
    int inputs_min, inputs_max;           /* data inputs; max -1: any number */
    const struct li_output_spec *outputs; /* ended by .name NULL; NULL: none */
    const struct li_attr_spec *attrs;     /* ended by .name NULL; NULL: none */
    lince_status (*shape)(struct li_infer *s);
    void (*layout)(struct li_layout *l);           /* NULL: dense in, dense out */
    lince_status (*prepare)(struct li_prepare *p); /* NULL: one task, no scratch */
    lince_status (*forward)(struct li_call *c);
    lince_status (*grad)(struct li_grad *g); /* NULL: no gradient flows */
    unsigned flags;                          /* li_op_flags */
    unsigned effects;                        /* li_effects */
};

/* The closed list of ops, by name. */
struct li_ops {
    const struct li_op *const *rows; /* sorted by name (bytewise) */
    int count;
};
const struct li_op *li_ops_find(const struct li_ops *ops, const char *name); /* NULL: unknown */

/* ---- Inference (infer.c) ----------------------------------------------------------------------------------------- */

/*
 * The graph for inputs of the given full shapes: every value typed and shaped, small constant results folded
 * (LI_MAX_FOLD_BYTES), nodes that nothing needs dropped. known[i] (or known NULL) is the content of input i where the
 * caller has it for this run; it decides shapes and is not folded into the graph.
 *
 * Where a shape depends on data, inference stops: *out holds what comes before and its outputs are the values the rest
 * needs followed by nothing else; *rest is the graph of the other nodes, whose inputs are those outputs in that order.
 * *rest is NULL when all was inferred, and then the outputs are those of g.
 *
 * Errors carry the node's name: wrong rank, dtype, channel count, too small an image. Nothing of the model's code runs
 * but shape arithmetic on constants.
 */
lince_status li_graph_infer(struct li_graph **out, struct li_graph **rest, const struct li_graph *g,
                            const struct li_shape *shapes, const struct li_tensor *const *known,
                            const struct li_env *env, lince_error *err);

/*
 * Run one node on tensors, all tasks in turn, dense: how constants are folded and how ops are tested. out[i].data is
 * allocated from env->mem (strings point to where forward found them). A resource is read from the store and written
 * back to it.
 */
lince_status li_node_eval(const struct li_graph *g, const struct li_node *node, const struct li_tensor *in,
                          struct li_tensor *out, const struct li_env *env, lince_error *err);

/* Copy of g in which every value and node has the number it has in g: for stages that append. */
lince_status li_graph_copy(struct li_graph **out, const struct li_graph *g, lince_error *err);

/* Copy of g without nodes that neither an output nor a required effect needs. For passes. */
lince_status li_graph_prune(struct li_graph **out, const struct li_graph *g, lince_error *err);

/*
 * Rewriting, for passes: copy g node by node, calling `visit` for each; map[v] is where value v of g went. visit either
 * sets *done (it appended what it wants and mapped the outputs itself) or leaves the node to be copied as it is. What
 * nothing needs any more is dropped at the end; views are to be made anew.
 */
struct li_rewrite {
    const struct li_graph *from;
    struct li_graph *to;
    li_vid *map;         /* from's values to to's; LI_NONE: not yet there */
    const int32_t *uses; /* of each value of from: how many node inputs and graph outputs read it */
    void *context;
    const struct li_env *env;
};
lince_status li_graph_rewrite(struct li_graph **out, const struct li_graph *g, const struct li_env *env, void *context,
                              lince_status (*visit)(struct li_rewrite *r, int32_t node, bool *done, lince_error *err),
                              lince_error *err);
/* The value of `to` for a value of `from`. */
static inline li_vid li_mapped(const struct li_rewrite *r, li_vid v)
{
    return v < 0 ? v : r->map[v];
}
/* The node that produces a value, or NULL. */
static inline const struct li_node *li_producer(const struct li_graph *g, li_vid v)
{
    return v < 0 || g->values[v].producer < 0 ? NULL : &g->nodes[g->values[v].producer];
}

#endif
