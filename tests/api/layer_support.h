/* Layers and the gradients of all their variables, for the tests of lince_layer.h. */
#ifndef TESTS_API_LAYER_SUPPORT_H
#define TESTS_API_LAYER_SUPPORT_H

#include "support.h"

/* Room for the gradients of a layer's variables, one after another, and of one input behind them. */
struct gradients {
    lince_gradient *list;
    size_t count, size_bytes;
    unsigned char *bytes;
};

static inline lince_layer *new_layer(lince_model *model, const lince_layer_options *options)
{
    lince_layer *layer = NULL;
    assert_ok(lince_layer_new(&layer, lince_model_call(model), NULL, 0, options, err));
    return layer;
}

/* input: whose gradient is wanted too; NULL: none's. */
static inline struct gradients room_for(lince_model *model, lince_layer *layer, const lince_tensor *input)
{
    const int32_t *variables;
    struct gradients g = {.count = 0};
    lince_layer_variables(layer, &variables, &g.count);
    g.list = calloc(g.count + 1, sizeof *g.list);
    for (size_t i = 0; i < g.count; i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        assert_ok(lince_variable_info_at(model, (size_t)variables[i], &info, err));
        g.list[i] = (lince_gradient){.variable = variables[i], .size_bytes = info.size_bytes};
    }
    if (input) {
        g.list[g.count++] = (lince_gradient){.variable = -1, .size_bytes = input->size_bytes};
    }
    for (size_t i = 0; i < g.count; i++) {
        g.size_bytes += g.list[i].size_bytes;
    }
    g.bytes = calloc(1, g.size_bytes + 1);
    size_t at = 0;
    for (size_t i = 0; i < g.count; i++) {
        g.list[i].data = g.bytes + at;
        at += g.list[i].size_bytes;
    }
    return g;
}

static inline void free_room(struct gradients *g)
{
    free(g->list);
    free(g->bytes);
}

static inline lince_pass *forward(lince_layer *layer, const lince_tensor *input, bool training, const uint64_t *seed)
{
    lince_forward_options options;
    lince_pass *pass = NULL;
    lince_forward_options_init(&options);
    options.training = training;
    options.has_seed = seed != NULL;
    options.seed = seed ? *seed : 0;
    assert_ok(lince_layer_forward(layer, input, 1, &options, &pass, err));
    return pass;
}

/* One that fits the first output of a pass; free its data. */
static inline lince_tensor upstream_of(const lince_pass *pass, unsigned seed)
{
    const lince_output *outputs;
    size_t count;
    lince_pass_outputs(pass, &outputs, &count);
    assert_true(count > 0);
    return random_tensor(outputs[0].tensor.rank, outputs[0].tensor.dims, seed);
}

/* With a gradient that arrives at the first output; none does at others. */
static inline void backward(lince_pass *pass, const lince_tensor *upstream, float loss, struct gradients *g)
{
    const lince_output *outputs;
    lince_tensor all[8] = {{.data = NULL}};
    size_t count;
    lince_pass_outputs(pass, &outputs, &count);
    assert_true(count <= sizeof all / sizeof *all);
    all[0] = *upstream;
    assert_ok(lince_pass_backward(pass, all, count, loss, g->list, g->count, err));
}

#endif
