/*
 * The op row: all that the rest knows of an op, and what each of its functions is given. Part of graph.h: ops fill a
 * row, inference, passes and train read it, runtime calls it.
 */
#ifndef LI_GRAPH_OP_H
#define LI_GRAPH_OP_H

#include "graph/store.h"
#include "graph/value.h"

struct li_kernels; /* kernels/kernels.h; only ops look inside */

enum li_op_flags {
    LI_OP_INPLACE =
        1 << 0,           /* output 0 may lie where input 0 lay, if both have one size and input 0 is not read again */
    LI_OP_ALIAS = 1 << 1, /* output 0 is the bytes of input 0 under another shape; no forward is called */
    LI_OP_INTERNAL = 1 << 2, /* a _Li op: made by passes, never by a file */
    LI_OP_NO_FOLD = 1 << 3,  /* not evaluated while shapes are inferred, though its inputs are constant */
    LI_OP_UNIFORM_ELEMENTWISE =
        1 << 4, /* float32 in, out, each element from the element at the same place: may be fused */
    /* has no outputs, only writes what it touches, cannot fail, and may write a resource where it reads it */
    LI_OP_COMMIT = 1 << 5
};

enum li_effects {
    LI_EFFECT_READ = 1 << 0,   /* uses the resource's value; without forward, output 0 is that value */
    LI_EFFECT_WRITE = 1 << 1,  /* forward writes the resource's new value to call->state[i].out, given state[i].in */
    LI_EFFECT_RANDOM = 1 << 2, /* as WRITE, of the op's own generator */
    LI_EFFECT_FAIL = 1 << 3, /* may fail on data: kept even when nothing reads it, if control dependencies ask for it */
    LI_EFFECT_LOOKUP = 1 << 4 /* uses the resource's table */
};

/* An input that is the handle of a resource, and what the op does to it (READ, WRITE, LOOKUP). */
struct li_handle {
    int input;
    unsigned how; /* 0 ends a list */
};

/*
 * Rows that run bodies, which are graphs. BRANCH: input 0 selects one, the other inputs are its arguments, its results
 * the outputs. LOOP: the inputs are the first turn's variables; while body 0 of them says go on, body 1 makes the next
 * turn's; the outputs are the last. Handles are bound in the bodies and are no arguments.
 */
enum li_control { LI_CONTROL_NONE, LI_CONTROL_BRANCH, LI_CONTROL_LOOP };

struct li_output_spec {
    const char *name; /* the OpDef's output_arg, as in "node:name:0" */
    const char
        *list; /* the attribute that says how many: an INT (Split's num_split) or a list (IdentityN's T); NULL: one */
};

/* ---- shape: what an op's outputs are ---- */

/* The content of a value in one run, and what it was made from: a bit for each input, the last for all after it. */
struct li_known {
    const struct li_tensor *tensor; /* NULL: not known */
    uint64_t roots;
};

struct li_infer {
    struct li_graph *graph;
    const struct li_node *node;
    const struct li_known *known; /* by value; NULL: nothing is known for this run alone */
    uint64_t *asked;              /* receives the roots of what the rule asks for; NULL with known */
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

/* What forward has of a resource that the node touches. */
struct li_state {
    const struct li_operand *in;        /* READ, WRITE, RANDOM: its value so far; else NULL */
    const struct li_operand *out;       /* WRITE, RANDOM: where its new value goes, apart from `in`; else NULL */
    const struct li_resource *resource; /* for its table */
};

struct li_call {
    const struct li_node *node;
    const struct li_operand *in, *out;
    const struct li_state *state; /* one for each of node->touch */
    const void *plan;             /* what prepare left */
    int64_t task, tasks;          /* this call does task `task` of `tasks` */
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

/* The .grad of rows through which no gradient flows, as TensorFlow registers them: steps, ends in integers, chance. */
lince_status li_grad_none(struct li_grad *g);

/* The .grad of rows that have none in TensorFlow either, which refuses them too. */
lince_status li_grad_absent(struct li_grad *g);

/* The .grad of rows that run bodies: who differentiates the graph differentiates those, and never calls this. */
lince_status li_grad_bodies(struct li_grad *g);

/* ---- the row ---- */

struct li_op {
    const char *name;
    int inputs_min, inputs_max;                /* data inputs; max -1: any number */
    const struct li_output_spec *outputs;      /* ended by .name NULL; NULL: none */
    const struct li_attr_spec *attrs;          /* ended by .name NULL; NULL: none */
    lince_status (*shape)(struct li_infer *s); /* of a control row: checks what selects; the bodies say the outputs */
    void (*layout)(struct li_layout *l);       /* NULL: dense in, dense out */
    lince_status (*prepare)(struct li_prepare *p); /* NULL: one task, no scratch */
    lince_status (*forward)(struct li_call *c);
    lince_status (*grad)(struct li_grad *g); /* NULL: there is none yet, and needing it is LINCE_EUNSUPPORTED */
    unsigned flags;                          /* li_op_flags */
    unsigned effects;                        /* li_effects; of a control row those of its bodies come on top */
    const struct li_handle *handles;         /* NULL: the only one, if effects speak of any, is input 0 */
    enum li_control control;
    const char *const *bodies; /* the attributes that name a control row's functions, in order; ended by NULL */
    /* Which body a selector chooses (BRANCH); 0 when a condition says go on (LOOP). */
    int (*choose)(const struct li_tensor *selector, int bodies);
};

/* The closed list of ops, by name. */
struct li_ops {
    const struct li_op *const *rows; /* sorted by name (bytewise) */
    int count;
};
const struct li_op *li_ops_find(const struct li_ops *ops, const char *name); /* NULL: unknown */

#endif
