/*
 * ops: one row for every op that a graph may hold. What each accepts, computes and how it differentiates stands in its
 * own file.
 */
#ifndef LI_OPS_H
#define LI_OPS_H

#include "graph/graph.h"
#include "kernels/kernels.h" /* enum li_activation, which internal ops carry as an attribute */

/* The closed list, sorted by name; static. */
const struct li_ops *li_ops(void);

/*
 * Rows that stand for what a file says in another way: TensorFlow 1 has variables that are read by being used,
 * conditions and loops that are many nodes, arrays that are no lists, and ops with older names (roles.c).
 */
enum li_ops_role {
    LI_OPS_READ,
    LI_OPS_ASSIGN,
    LI_OPS_ASSIGN_ADD,
    LI_OPS_ASSIGN_SUB,
    LI_OPS_IF,
    LI_OPS_WHILE,
    LI_OPS_NOTHING,
    LI_OPS_IDENTITY,
    LI_OPS_AND,
    LI_OPS_LIST_NEW,
    LI_OPS_LIST_GET,
    LI_OPS_LIST_SET,
    LI_OPS_LIST_GATHER,
    LI_OPS_LIST_SCATTER, /* into a new list of a size that is given */
    LI_OPS_LIST_SCATTER_INTO,
    LI_OPS_LIST_LENGTH,
    LI_OPS_LIST_CONCAT,
    LI_OPS_LIST_SPLIT,
    LI_OPS_TABLE_FIND,
    LI_OPS_TABLE_SIZE
};
const struct li_op *li_ops_role(enum li_ops_role role);

/* ---- What differentiation needs beside the rows (gradient.c) ----------------------------------------------------- */

/* Append a value of this shape with one number everywhere. */
lince_status li_ops_fill(struct li_graph *g, const char *name, lince_dtype dtype, const struct li_shape *shape,
                         double number, li_vid *out, lince_error *err);
/* Append the sum of count >= 1 values of one shape; a single one is its own sum. */
lince_status li_ops_add_all(struct li_graph *g, const char *name, const li_vid *in, int count, li_vid *out,
                            lince_error *err);

/* The same of branches and loops (record.c): names are those of the nodes that are appended, ints are int32. */

lince_status li_ops_number(struct li_graph *g, int32_t number, li_vid *out, lince_error *err);
/* Zeros, falses or empty texts. */
lince_status li_ops_blank(struct li_graph *g, const char *name, lince_dtype dtype, const struct li_shape *shape,
                          li_vid *out, lince_error *err);
lince_status li_ops_step(struct li_graph *g, const char *name, li_vid v, int by, li_vid *out, lince_error *err);
lince_status li_ops_less(struct li_graph *g, const char *name, li_vid a, li_vid b, li_vid *out, lince_error *err);
/* A list with item as its element `index`; and the element of that shape from a list. */
lince_status li_ops_record(struct li_graph *g, const char *name, li_vid list, li_vid index, li_vid item, li_vid *out,
                           lince_error *err);
lince_status li_ops_recall(struct li_graph *g, const char *name, li_vid list, li_vid index,
                           const struct li_shape *shape, li_vid *out, lince_error *err);
/* Running fails with the text and the number unless the condition holds. */
lince_status li_ops_demand(struct li_graph *g, const char *name, li_vid condition, const char *text, li_vid shown,
                           lince_error *err);
/* ---- What passes ask (conv_turn.c) ------------------------------------------------------------------------------- */

/*
 * Whether a Conv2DBackpropInput is a Conv2D of dy with the filter that _LiConvTurn makes, strides of 1, the same
 * dilations and these explicit paddings.
 */
bool li_ops_turned_conv(const struct li_graph *g, const struct li_node *node, int64_t pads[8]);

/* ---- Nodes of a training step (training_loss.c, training_head.c, training_update.c) ------------------------------ */

enum li_loss_kind { LI_LOSS_SOFTMAX, LI_LOSS_SIGMOID, LI_LOSS_MSE };

struct li_loss {
    enum li_loss_kind kind;
    double label_smoothing;     /* of SOFTMAX and SIGMOID */
    bool sparse;                /* SOFTMAX: targets are class numbers, int32 or int64 [batch] */
    const float *class_weights; /* NULL: all are 1 */
    int32_t classes;            /* that class_weights has */
};

/*
 * Append a loss, float32 scalar, to a bound graph. Logits are float32 [batch, n]; so are targets, or sparse. weights:
 * float32 [batch], or LI_NONE. Nodes broadcast: whether the shapes are these is for the caller to see once they are
 * inferred.
 */
lince_status li_ops_loss(struct li_graph *g, const struct li_loss *how, li_vid logits, li_vid targets, li_vid weights,
                         li_vid *out, lince_error *err);
/* The sum of count >= 1 losses of a bound graph. */
lince_status li_ops_sum(struct li_graph *g, const li_vid *terms, int count, li_vid *out, lince_error *err);

/* A dense layer: variables kernel [features, classes] and bias [classes]. Rates that are 0 add nothing. */
struct li_dense_head {
    int32_t kernel, bias;
    double dropout, l1, l2;
};
/*
 * Append it to a bound graph. seed: int32[2], what is dropped follows from it; LI_NONE: nothing is dropped. *loss is
 * l1 sum|kernel| + l2 sum kernel^2, or LI_NONE.
 */
lince_status li_ops_head(struct li_graph *g, const struct li_dense_head *head, li_vid features, li_vid seed,
                         li_vid *logits, li_vid *loss, lince_error *err);

/* Keras: at most one is above 0. By element; each gradient by its own norm; all by the norm of all. */
struct li_clip {
    double value, norm, global_norm;
};
/* Gradients of an inferred graph, changed in place; those that are LI_NONE stay so. */
lince_status li_ops_clip(struct li_graph *g, const struct li_clip *clip, li_vid *grads, int count, lince_error *err);
/* All that are not LI_NONE, one after the other in one vector of its own. */
lince_status li_ops_flatten(struct li_graph *g, const li_vid *grads, int count, li_vid *out, lince_error *err);

enum li_step_kind {
    LI_STEP_SGD,
    LI_STEP_MOMENTUM,
    LI_STEP_NESTEROV,
    LI_STEP_ADAM,
    LI_STEP_RMSPROP,
    LI_STEP_RMSPROP_OUTSIDE, /* epsilon is added to the root */
    LI_STEP_RMSPROP_MOMENTUM,
    LI_STEP_RMSPROP_CENTERED,
    LI_STEP_RMSPROP_CENTERED_MOMENTUM
};
enum { LI_STEP_SLOTS = 3 };

/* One update of one variable, optimizer.c. */
struct li_ops_step {
    enum li_step_kind kind;
    const char *name;
    int32_t resource[1 + LI_STEP_SLOTS]; /* the variable, then its slots */
    int slots;
    li_vid gradient; /* of the variable's shape, or with offset >= 0 a vector in which it lies from there on */
    int64_t offset;
    li_vid factors; /* float32[LI_FACTORS] */
};
/* Append it to an inferred graph; and add 1 to an int64 variable. */
lince_status li_ops_update(struct li_graph *g, const struct li_ops_step *step, lince_error *err);
lince_status li_ops_count_step(struct li_graph *g, int32_t counter, lince_error *err);

/* ---- Tables (table.c): what HashTableV2 and its kin hold --------------------------------------------------------- */

struct li_table;

/* How InitializeTableFromTextFileV2 reads a file: a column, or one of the two below. */
enum { LI_TABLE_WHOLE_LINE = -2, LI_TABLE_LINE_NUMBER = -1 };

struct li_table_text {
    lince_dtype key_dtype, value_dtype; /* int64, int32, string, float32, float64 */
    int64_t key_index, value_index;
    int64_t vocab_size; /* -1: all lines */
    int64_t offset;     /* added to the numbers of lines, which begin at 0, and to int32s */
    char delimiter;
};

/* The strings are copied. A key that stands twice with different values is an error, as in TensorFlow. */
lince_status li_table_from_text(struct li_table **out, struct li_bytes text, const struct li_table_text *how,
                                struct li_mem *mem, lince_error *err);
/* LookupTableImportV2: keys and values have one shape. */
lince_status li_table_import(struct li_table **out, const struct li_tensor *keys, const struct li_tensor *values,
                             struct li_mem *mem, lince_error *err);
void li_table_free(struct li_table *table);
int64_t li_table_count(const struct li_table *table);

#endif
