/* Tables from keys to values; private to ops/. */
#ifndef LI_OPS_TABLE_H
#define LI_OPS_TABLE_H

#include "ops.h"

lince_dtype li_table_key_dtype(const struct li_table *table);
lince_dtype li_table_value_dtype(const struct li_table *table);
/* The value of a key, borrowed from the table; NULL when it is not there. */
const void *li_table_find(const struct li_table *table, const void *key);

#endif
