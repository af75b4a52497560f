/* Rows by what they do, for who makes nodes that a file says in another way. */
#include "ops.h"

const struct li_op *li_ops_role(enum li_ops_role role)
{
    static const char *const names[] = {[LI_OPS_READ] = "ReadVariableOp",
                                        [LI_OPS_ASSIGN] = "AssignVariableOp",
                                        [LI_OPS_ASSIGN_ADD] = "AssignAddVariableOp",
                                        [LI_OPS_ASSIGN_SUB] = "AssignSubVariableOp",
                                        [LI_OPS_IF] = "If",
                                        [LI_OPS_WHILE] = "While",
                                        [LI_OPS_NOTHING] = "NoOp",
                                        [LI_OPS_IDENTITY] = "Identity",
                                        [LI_OPS_AND] = "LogicalAnd",
                                        [LI_OPS_LIST_NEW] = "TensorListReserve",
                                        [LI_OPS_LIST_GET] = "TensorListGetItem",
                                        [LI_OPS_LIST_SET] = "TensorListSetItem",
                                        [LI_OPS_LIST_GATHER] = "TensorListGather",
                                        [LI_OPS_LIST_SCATTER] = "TensorListScatterV2",
                                        [LI_OPS_LIST_SCATTER_INTO] = "TensorListScatterIntoExistingList",
                                        [LI_OPS_LIST_LENGTH] = "TensorListLength",
                                        [LI_OPS_LIST_CONCAT] = "TensorListConcatV2",
                                        [LI_OPS_LIST_SPLIT] = "TensorListSplit",
                                        [LI_OPS_TABLE_FIND] = "LookupTableFindV2",
                                        [LI_OPS_TABLE_SIZE] = "LookupTableSizeV2"};
    return li_ops_find(li_ops(), names[role]);
}
