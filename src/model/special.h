/* Nodes that importing does not append as they are: constants, calls, tables. */
#ifndef LI_MODEL_SPECIAL_H
#define LI_MODEL_SPECIAL_H

#include "model/body.h"

struct li_import;
struct li_step;

struct li_special {
    const char *op;
    lince_status (*import)(struct li_import *im, struct li_step *s);
    bool calls;  /* its outputs are a function's results: what of it is needed depends on which are read */
    bool fills;  /* the table of input 0 */
    bool handle; /* what it gives is one, though the file says another dtype */
};

/* NULL: there is nothing special about the op. */
const struct li_special *li_special_find(const char *op);
/* The row of an op, which may have a newer name; NULL: the closed list has none. What is special has none. */
const struct li_op *li_special_row(const char *op);
/* A part for a node, without its inputs. */
struct li_part li_special_part(const Tf__NodeDef *node);

#endif
