/*
 * A body: what a graph is made from. The nodes of a function, their names resolved to numbers, in an order in which
 * they can be imported. Makers know the file's messages (function.c); the one reader, the inliner, knows none: it
 * passes the attributes of a node on to attrs.c as it finds them.
 *
 * Bodies lie in the model's arena, each made once.
 */
#ifndef LI_MODEL_BODY_H
#define LI_MODEL_BODY_H

#include "model/internal.h"

#include <string.h>

/* What an input of a node, or a result, reads. */
struct li_source {
    int32_t node;       /* of this body; LI_NONE: an argument */
    int32_t index;      /* of the argument; within the output; without an output's name, of all that the node gives */
    const char *output; /* its name, not ended by NUL; NULL: the index says it all */
    int32_t output_len;
    bool whole;   /* all of that output's values */
    bool control; /* an order only */
    bool back;    /* of an earlier turn of a loop: nobody waits for it; in bodies that are not yet lowered */
};

/* Attributes as the file has them: of a node, or those that a call gives for placeholders. attrs.c reads them. */
struct li_given {
    Tf__AttrEntry *const *entry;
    size_t count;
};

/* One node. */
struct li_part {
    const char *name, *op_name;
    const struct li_op *op;           /* its row; NULL: the closed list has none */
    const struct li_special *special; /* what importing does instead of appending it; NULL: nothing is special */
    struct li_given attrs;
    struct li_source *in;
    int32_t nin;
    int32_t saved;                    /* its last inputs, which its gradient reads, and nothing else */
    bool effect;                      /* it runs whether or not anything reads it, and what it waits for as well */
    const struct li_tensor *constant; /* of a Const: its value, once it was read */
    struct li_body **body;            /* that it runs, where no function has a name for it; NULL: its attributes tell */
    int32_t bodies;
};

/* An argument or a result. */
struct li_port {
    const char *name;
    int32_t type; /* as the file has it; 0: an attribute says it */
    bool list;    /* a list of tensors, which is refused */
};

struct li_body {
    const char *name;
    struct li_part *part;
    struct li_port *arg, *result;
    struct li_source *ret; /* by result */
    int32_t parts, args, results;
    int32_t *result_order; /* results sorted by name */
    int32_t *order;        /* the parts that results or effects need, each after what it reads */
    int32_t order_count;
    size_t size; /* parts and their inputs */
};

/* ---- body.c ---- */

/* Room for all but the parts' inputs, cleared, in the arena. LINCE_ELIMIT: more than LI_MAX_NODES of something. */
lince_status li_body_new(struct li_body **out, size_t parts, size_t args, size_t results, struct li_arena *arena,
                         lince_error *err);
/* Fill result_order, order and size, when all else is there. LINCE_EINVAL: a node depends on itself. */
lince_status li_body_finish(struct li_body *body, struct li_mem *mem, lince_error *err);
/* Which result has this name, of len bytes; LI_NONE when none has. */
int32_t li_body_result(const struct li_body *body, const char *name, int32_t len);

/* How many of a part's inputs are values: they come first, in every file. */
int li_part_inputs(const struct li_part *part);

/* Bytewise, a shorter name first. */
static inline int li_compare_names(const char *a, size_t an, const char *b, size_t bn)
{
    int order = memcmp(a, b, LI_MIN(an, bn));
    return order ? order : (an > bn) - (an < bn);
}

/* ---- lower.c ---- */

/*
 * li_body_finish(), after arrays and control flow of TensorFlow 1 in it, if any, became lists and parts that run
 * bodies: *body may be another.
 */
lince_status li_lower(struct li_body **body, struct li_model *model, lince_error *err);

/* ---- arrays.c ---- */

/* TensorArrays in a body that is not finished become lists; parts are added at its end. */
lince_status li_arrays_resolve(struct li_body *body, struct li_arena *arena, lince_error *err);
/* Whether what a part gives is a list, whatever the file calls it. */
bool li_array_is_list(const struct li_part *part);

/* ---- function.c ---- */

/*
 * The body of the library's function of that name, made the first time. Takes the model's lock to be held. *out is NULL
 * when there is none of that name.
 */
lince_status li_body_of_function(struct li_body **out, struct li_model *model, const char *name, lince_error *err);

/* ---- registered.c ---- */

/* The attribute by which a node names its gradient. */
#define LI_GRADIENT_TYPE "_gradient_op_type"

/* The function registered for a type; *function is NULL when there is none. Takes the model's lock to be held. */
lince_status li_registered_find(const char **function, struct li_model *model, const char *type, lince_error *err);
/* The tensor inside another function that a function captures as its i-th; NULL: it is an object of another kind. */
const Tf__CapturedTensor *li_registered_captured(const struct li_model *model, const Tf__SavedConcreteFunction *saved,
                                                 size_t i);

/* ---- attrs.c ---- */

/* Whether the row of a part names the attribute. */
bool li_attrs_has(const struct li_part *part, const char *name);

/*
 * The attributes of a part, into the arena; placeholders take what given has. Of those that begin with '_', which are
 * hints, only those that the row names.
 */
lince_status li_attrs_read(const struct li_attr **out, int *count, const struct li_part *part,
                           const struct li_given *given, struct li_arena *arena, lince_error *err);
/* How many functions an attribute names; and the i-th of them, with what it is given. *name is NULL beyond the last. */
int li_attrs_functions(const struct li_part *part, const char *attribute, const struct li_given *given);
void li_attrs_function(const struct li_part *part, const char *attribute, int i, const struct li_given *given,
                       const char **name, struct li_given *its);
/* A Const's value, into the arena. LINCE_EUNSUPPORTED: its dtype. */
lince_status li_attrs_constant(const struct li_tensor **out, const struct li_part *part, struct li_arena *arena,
                               lince_error *err);
/* One attribute of a part, for another one. */
struct li_given li_attrs_only(const struct li_part *part, const char *name);
/* Attributes without placeholders: a dtype as the file has it, 0 for none; whether one is true; a text, "" for none. */
int32_t li_attrs_type(const struct li_part *part, const char *name);
bool li_attrs_bool(const struct li_part *part, const char *name);
const char *li_attrs_text(const struct li_part *part, const char *name, struct li_arena *arena, lince_error *err);
/* "Conv2D data_format=NCHW": the op, and the first attribute that its row does not support. */
const char *li_attrs_unsupported(const struct li_op *op, const struct li_attr *attrs, int count, struct li_arena *arena,
                                 lince_error *err);

#endif
