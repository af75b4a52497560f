/* The list of rows, made from table.def. */
#include "ops.h"

#define OP(row) extern const struct li_op li_op_##row;
#include "table.def"
#undef OP

static const struct li_op *const rows[] = {
#define OP(row) &li_op_##row,
#include "table.def"
#undef OP
};

static const struct li_ops list = {rows, LI_COUNT(rows)};

const struct li_ops *li_ops(void)
{
    return &list;
}
