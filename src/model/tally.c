/* What importing keeps count of: its work, nodes that are unsupported, ops that it met. */
#include "model/inline.h"

lince_status li_import_charge(struct li_import *im, size_t work, const char *node)
{
    im->work += work;
    if (im->work <= LI_MAX_SMALL_GRAPH || im->work / LI_MAX_GROWTH <= im->model->unpacked) {
        return LINCE_OK;
    }
    return li_fail(
        im->err, LINCE_ELIMIT,
        "node \"%.500s\": with it, the graph is more than %d times as large as the functions it is made from", node,
        LI_MAX_GROWTH);
}

/* A value for those who read what an unsupported node would have given. */
lince_status li_import_need_dummy(struct li_import *im)
{
    static uint8_t zero;
    const struct li_tensor nothing = {.dtype = LINCE_BOOL, .data = &zero, .size_bytes = 1};
    return im->dummy == LI_NONE ? li_graph_constant(im->graph, &nothing, &im->dummy, im->err) : LINCE_OK;
}

lince_status li_import_missing(struct li_import *im, struct li_step *s, const char *what)
{
    if (!what) {
        return LINCE_ENOMEM;
    }
    LI_TRY(li_grow(im->model->mem, &im->missing, &im->missing_room, (int64_t)im->missing_count + 1, sizeof *im->missing,
                   im->err));
    im->missing[im->missing_count++] = (struct li_missing){s->name, what};
    *s->to = (struct li_results){.graph_node = LI_NONE, .unknown = true};
    return li_import_need_dummy(im);
}

lince_status li_import_note_op(struct li_import *im, const char *op)
{
    if (!im->collect_ops) {
        return LINCE_OK;
    }
    LI_TRY(li_grow(im->model->mem, &im->op, &im->op_room, (int64_t)im->op_count + 1, sizeof *im->op, im->err));
    im->op[im->op_count++] = op;
    return LINCE_OK;
}

lince_status li_import_check_missing(const struct li_import *im)
{
    char list[1200];
    struct li_text text = {list, sizeof list, 0};
    if (!im->missing_count) {
        return LINCE_OK;
    }
    for (size_t i = 0; i < im->missing_count && i < 3; i++) {
        li_text_add(&text, "%s node \"%.200s\" (%.100s)", i ? "," : "", im->missing[i].node, im->missing[i].what);
    }
    return li_fail(im->err, LINCE_EUNSUPPORTED, "%zu node%s what is not supported:%s%s", im->missing_count,
                   im->missing_count == 1 ? " needs" : "s need", list, im->missing_count > 3 ? ", ..." : "");
}
