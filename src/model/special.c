/* The list of special nodes. */
#include "model/section.h"

#include <string.h>

static const struct li_special specials[] = {
    {"Const", li_import_constant, false, false},
    {"HashTableV2", li_table_create, false, false},
    {"InitializeTableFromTextFileV2", li_table_fill_from_text, false, true},
    {"InitializeTableV2", li_table_fill_from_tensors, false, true},
    {"LookupTableImportV2", li_table_fill_from_tensors, false, true},
    {"PartitionedCall", li_import_call, true, false},
    {"StatefulPartitionedCall", li_import_call, true, true},
    {"VarHandleOp", li_named_variable, false, false},
    {"Variable", li_named_variable, false, false},
    {"VariableV2", li_named_variable, false, false},
};

const struct li_special *li_special_find(const char *op)
{
    for (size_t i = 0; i < LI_COUNT(specials); i++) {
        if (strcmp(specials[i].op, op) == 0) {
            return &specials[i];
        }
    }
    return NULL;
}
