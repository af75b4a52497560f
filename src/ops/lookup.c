/* Ops on tables: LookupTableFindV2, LookupTableSizeV2. The tables themselves are made by the model. */
#include "common.h"
#include "table.h"

#include <string.h>

/* The table that the node's handle names; NULL while it is not filled. */
static lince_status table_of(const struct li_infer *s, const struct li_table **out)
{
    const struct li_resource *r = li_ops_resource(s);
    if (!r || r->kind != LI_TABLE) {
        return li_infer_fail(s, LINCE_EINVAL, "input 0 is no table");
    }
    *out = r->table;
    return LINCE_OK;
}

static lince_status find_shape(struct li_infer *s)
{
    const struct li_table *table = NULL;
    LI_TRY(table_of(s, &table));
    LI_TRY(li_need_rank(s, 2, 0));
    bool fits =
        !table || (li_in_dtype(s, 1) == li_table_key_dtype(table) && li_in_dtype(s, 2) == li_table_value_dtype(table));
    if (!fits) {
        return li_infer_fail(s, LINCE_EINVAL, "looks up %s by %s in a table of %s by %s",
                             li_dtype_name(li_in_dtype(s, 2)), li_dtype_name(li_in_dtype(s, 1)),
                             li_dtype_name(li_table_value_dtype(table)), li_dtype_name(li_table_key_dtype(table)));
    }
    return li_out_is(s, 0, li_in_dtype(s, 2), li_in_shape(s, 1));
}

static lince_status check_table(struct li_call *c)
{
    return c->state[0].resource->table ? LINCE_OK : li_call_fail(c, LINCE_EDATA, "the table was never filled");
}

static lince_status find_forward(struct li_call *c)
{
    LI_TRY(check_table(c));
    const struct li_table *table = c->state[0].resource->table;
    size_t key = li_dtype_size(c->in[1].dtype), value = li_dtype_size(c->out[0].dtype);
    if (c->in[1].dtype != li_table_key_dtype(table) || c->out[0].dtype != li_table_value_dtype(table)) {
        return li_call_fail(c, LINCE_EDATA, "the table has other dtypes");
    }
    for (int64_t i = 0; i < li_count(&c->in[1]); i++) {
        const void *found = li_table_find(table, (const char *)c->in[1].data + (size_t)i * key);
        memcpy((char *)c->out[0].data + (size_t)i * value, found ? found : c->in[2].data, value);
    }
    return LINCE_OK;
}

const struct li_op li_op_lookup_table_find_v2 = {
    .name = "LookupTableFindV2",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("values"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("Tin"), LI_TYPE_SPEC("Tout")),
    .shape = find_shape,
    .forward = find_forward,
    .grad = li_grad_none,
    .effects = LI_EFFECT_LOOKUP,
};

static lince_status size_shape(struct li_infer *s)
{
    const struct li_table *table = NULL;
    LI_TRY(table_of(s, &table));
    return li_out_is(s, 0, LINCE_INT64, &(struct li_shape){.rank = 0});
}

static lince_status size_forward(struct li_call *c)
{
    LI_TRY(check_table(c));
    *(int64_t *)c->out[0].data = li_table_count(c->state[0].resource->table);
    return LINCE_OK;
}

const struct li_op li_op_lookup_table_size_v2 = {
    .name = "LookupTableSizeV2",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("size"),
    .shape = size_shape,
    .forward = size_forward,
    .grad = li_grad_none,
    .effects = LI_EFFECT_LOOKUP,
};
