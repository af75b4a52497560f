/* The list of special nodes. */
#include "model/section.h"

#include <string.h>

static const struct li_special specials[] = {
    {"Const", .import = li_import_constant},
    {"HashTable", .import = li_table_create, .handle = true},
    {"HashTableV2", .import = li_table_create},
    {"InitializeTable", .import = li_table_fill_from_tensors, .fills = true},
    {"InitializeTableFromTextFile", .import = li_table_fill_from_text, .fills = true},
    {"InitializeTableFromTextFileV2", .import = li_table_fill_from_text, .fills = true},
    {"InitializeTableV2", .import = li_table_fill_from_tensors, .fills = true},
    {"LookupTableImport", .import = li_table_fill_from_tensors, .fills = true},
    {"LookupTableImportV2", .import = li_table_fill_from_tensors, .fills = true},
    {"PartitionedCall", .import = li_import_call, .calls = true},
    {"StatefulPartitionedCall", .import = li_import_call, .calls = true},
    {"VarHandleOp", .import = li_named_variable},
    {"Variable", .import = li_named_variable},
    {"VariableV2", .import = li_named_variable},
};

const struct li_op *li_special_row(const char *op)
{
    static const struct {
        const char *op;
        enum li_ops_role role;
    } older[] = {{"LookupTableFind", LI_OPS_TABLE_FIND},
                 {"LookupTableSize", LI_OPS_TABLE_SIZE},
                 {"RefIdentity", LI_OPS_IDENTITY}};
    for (size_t i = 0; i < LI_COUNT(older); i++) {
        if (strcmp(older[i].op, op) == 0) {
            return li_ops_role(older[i].role);
        }
    }
    return li_ops_find(li_ops(), op);
}

const struct li_special *li_special_find(const char *op)
{
    for (size_t i = 0; i < LI_COUNT(specials); i++) {
        if (strcmp(specials[i].op, op) == 0) {
            return &specials[i];
        }
    }
    return NULL;
}

struct li_part li_special_part(const Tf__NodeDef *node)
{
    const struct li_op *row = li_special_row(node->op);
    return (struct li_part){.name = node->name,
                            .op_name = node->op,
                            .op = row,
                            .special = row ? NULL : li_special_find(node->op),
                            .attrs = {node->attr, node->n_attr}};
}
