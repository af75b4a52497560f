/* Attributes: what a row says of them, and what a node has. Part of graph.h. */
#ifndef LI_GRAPH_ATTR_H
#define LI_GRAPH_ATTR_H

#include "base/base.h"

struct li_node;
struct li_op;

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

/* What a row says of one attribute. Those of a file that start with '_' are hints: one that no spec has is not read. */
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

#endif
