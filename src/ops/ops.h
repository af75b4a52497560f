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
