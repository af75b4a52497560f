/* A dense layer behind a model's features, with the dropout before it and the losses of its kernel. */
#include "build.h"

static li_vid read_of(struct li_build *b, int32_t resource)
{
    const struct li_attr type = LI_TYPE("dtype", LINCE_FLOAT32);
    li_vid handle = LI_NONE;
    if (!b->status) {
        b->status = li_graph_resource(b->g, resource, &handle, b->err);
    }
    return li_build_node(b, "ReadVariableOp", &handle, 1, &type, 1);
}

/* What stays is divided by the share that does. The mask is a function of the seed alone. */
static li_vid dropped(struct li_build *b, li_vid x, double rate, li_vid seed)
{
    li_vid noise = li_build_two(b, "StatelessRandomUniform", li_build_one(b, "Shape", x), seed);
    li_vid stays = li_build_two(b, "GreaterEqual", noise, li_build_number(b, (float)rate));
    li_vid scaled = li_build_two(b, "Mul", x, li_build_number(b, (float)(1 / (1 - rate))));
    return li_build_node(b, "SelectV2", (li_vid[]){stays, scaled, li_build_one(b, "ZerosLike", x)}, 3, NULL, 0);
}

lince_status li_ops_head(struct li_graph *g, const struct li_dense_head *head, li_vid features, li_vid seed,
                         li_vid *logits, li_vid *loss, lince_error *err)
{
    struct li_build b = {.g = g, .name = "training/head", .err = err};
    li_vid kernel = read_of(&b, head->kernel), bias = read_of(&b, head->bias), losses[2];
    int count = 0;
    if (seed >= 0 && head->dropout > 0) {
        features = dropped(&b, features, head->dropout, seed);
    }
    *logits = li_build_two(&b, "BiasAdd", li_build_two(&b, "MatMul", features, kernel), bias);
    if (head->l1 > 0) {
        li_vid total = li_build_total(&b, li_build_one(&b, "Abs", kernel));
        losses[count++] = li_build_two(&b, "Mul", total, li_build_number(&b, (float)head->l1));
    }
    if (head->l2 > 0) {
        li_vid total = li_build_total(&b, li_build_one(&b, "Square", kernel));
        losses[count++] = li_build_two(&b, "Mul", total, li_build_number(&b, (float)head->l2));
    }
    *loss = count == 0 ? LI_NONE : count == 1 ? losses[0] : li_build_two(&b, "AddV2", losses[0], losses[1]);
    return b.status;
}
