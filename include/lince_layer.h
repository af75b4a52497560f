/*
 * lince_layer: a model as a layer of something larger, which is what tensorflow_hub.KerasLayer(trainable=True) is. A
 * host (torch, Keras, JAX, a program of your own) calls it forward, computes its loss, and gives back the gradients of
 * that with respect to the layer's outputs; the layer gives those of its variables and inputs.
 *
 *     lince_layer_new(&layer, lince_model_call(model), NULL, 0, NULL, &err);
 *     lince_layer_forward(layer, &images, 1, &forward_options, &pass, &err);
 *     lince_pass_outputs(pass, &outputs, &count);
 *     ...
 *     lince_pass_backward(pass, upstreams, count, 1, gradients, gradient_count, &err);
 *     lince_pass_free(pass);
 *
 * Included by lince.h, whose conventions hold here too.
 */
#ifndef LINCE_LAYER_H
#define LINCE_LAYER_H

#include "lince.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Layers ------------------------------------------------------------------------------------------------------ */

/**
 * A callable with its arguments, to be called forward and backward. Any thread may use it at any time; passes of
 * several threads run beside each other, but for those that commit, which wait for one another.
 */
typedef struct lince_layer lince_layer;

/** One forward, with what its backward needs. */
typedef struct lince_pass lince_pass;

/** Options of lince_layer_new(). Start from lince_layer_options_init(); 0 and NULL mean the default. */
typedef struct lince_layer_options {
    size_t struct_size;
    lince_pool *pool; /* NULL: the model's */
    /*
     * Not 0: as KerasLayer(trainable=False): training=False in every forward, no regularization losses, and no
     * gradients of variables. Those of inputs there are.
     */
    int32_t frozen;
    int32_t input_gradients; /* not 0: gradients of the inputs can be asked for */
    /* indices of the variables whose gradients can be asked for, copied; NULL: the model's trainable_variables */
    const int32_t *variables;
    size_t variable_count;
    /*
     * paths of the leaves of the result at which gradients may arrive, copied; what only others need is not computed.
     * NULL: at all that are floats
     */
    const char *const *outputs;
    size_t output_count;
    int32_t no_losses; /* not 0: regularization losses are left out */
    /*
     * Not 0: what a forward assigns to variables (batch norm's moving averages) is not committed: the model stays as it
     * is, and lince_pass_updates() gives the values out. Streams of random numbers go on all the same, unless the
     * forward has a seed.
     */
    int32_t give_updates;
    int32_t recompute; /* not 0: a backward makes again what is cheap to make: about half the memory, more time */
    int32_t strict_gradients; /* not 0: custom gradients that the model did not save are refused, as TensorFlow does */
    int32_t max_live;         /* how many passes may live at one time; 0: 64 */
    /* told, while a forward is planned, of custom gradients that count as identity; may not use the layer; or NULL */
    void (*warn)(void *context, const char *text);
    void *warn_context;
} lince_layer_options;

LINCE_API void lince_layer_options_init(lince_layer_options *options);

/**
 * Make a layer of a callable.
 *
 * arguments  As for lince_session_new(), copied; without `training`, which each forward says. Where they have it all
 *            the same, theirs is meant.
 *
 * Nothing is planned before the first forward. Free with lince_layer_free().
 * Fails with LINCE_EINVAL for arguments as lince_session_new() does, for a variable that there is not, is no float or
 * is named twice. Source: tensorflow_hub.KerasLayer. Since 0.1.
 */
LINCE_API lince_status lince_layer_new(lince_layer **layer, lince_callable *callable, const lince_argument *arguments,
                                       size_t count, const lince_layer_options *options, lince_error *err);

/** Passes that still live keep what they need, the model too. */
LINCE_API void lince_layer_free(lince_layer *layer);

/** The variables whose gradients can be asked for, in order; borrowed until the layer is freed. */
LINCE_API void lince_layer_variables(const lince_layer *layer, const int32_t **variables, size_t *count);

/** How many passes live: were given by a forward, and not freed. Hosts that lose passes are found out by it. */
LINCE_API int32_t lince_layer_live(const lince_layer *layer);

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

/** Options of lince_layer_forward(). Start from lince_forward_options_init(). */
typedef struct lince_forward_options {
    size_t struct_size;
    int32_t training;    /* not 0: training=True, where the callable takes that and the layer is not frozen */
    int32_t no_backward; /* not 0: none will be asked for; nothing is saved for it */
    /*
     * Not 0: random numbers are drawn from `seed` and the place of the op in the model, so that the results are a
     * function of inputs, variables and seed; the model's own streams do not go on. 0: they do.
     */
    int32_t has_seed;
    uint64_t seed;
} lince_forward_options;

LINCE_API void lince_forward_options_init(lince_forward_options *options);

/**
 * Call it, and keep what a backward needs.
 *
 * inputs   As for lince_session_run(). Borrowed during the call, not changed.
 * options  NULL for the defaults: inference, its backward possible.
 * pass     Given: free with lince_pass_free(). NULL on failure.
 *
 * What the call assigns to variables is committed once, here. Fails as lince_session_run() does; with LINCE_ELIMIT when
 * max_live passes live; with LINCE_EUNSUPPORTED, naming the node, when a gradient on the way is missing or refused by
 * the model, or shapes depend on data. A failed call changes nothing. A repeat with shapes seen before, after passes
 * were freed, allocates nothing. Since 0.1.
 */
LINCE_API lince_status lince_layer_forward(lince_layer *layer, const lince_tensor *inputs, size_t input_count,
                                           const lince_forward_options *options, lince_pass **pass, lince_error *err);

struct lince_tensor_info; /* lince_inspect.h */

/**
 * Tell of each part of the result that such a forward would give, without running it: as lince_session_infer(), which
 * it also fails as.
 */
LINCE_API lince_status lince_layer_infer(lince_layer *layer, const lince_tensor *inputs, size_t input_count,
                                         const lince_forward_options *options,
                                         int (*tell)(const struct lince_tensor_info *output, void *context),
                                         void *context, lince_error *err);

/** The result's leaves, as lince_session_run() gives them; borrowed until the pass is freed. */
LINCE_API void lince_pass_outputs(const lince_pass *pass, const lince_output **outputs, size_t *count);

/**
 * The sum of the model's regularization losses, with the variables as they were: one more output. 0 where there are
 * none, or the layer leaves them out.
 */
LINCE_API float lince_pass_loss(const lince_pass *pass);

/** What a forward assigned to a variable, committed or not. */
typedef struct lince_update {
    int32_t variable;
    lince_tensor value;
} lince_update;

/** All that it assigned to, by variable; borrowed until the pass is freed. */
LINCE_API void lince_pass_updates(const lince_pass *pass, const lince_update **updates, size_t *count);

/* ---- Backward ---------------------------------------------------------------------------------------------------- */

/** A gradient that is asked for. */
typedef struct lince_gradient {
    int32_t variable;  /* its index; -1: an input's */
    int32_t input;     /* which, where variable is -1 */
    int32_t add;       /* not 0: it is added to what `data` holds; 0: it is written there */
    int32_t none;      /* set by the call: not 0 where no output depends on it, and the gradient is zeros */
    void *data;        /* the caller's memory: dense, of the variable's or input's dtype and shape */
    size_t size_bytes; /* its */
} lince_gradient;

/**
 * The gradients of sum(output * upstream) over all outputs, plus loss_upstream times the regularization losses.
 *
 * upstreams       One for each leaf of the result, of its dtype and shape, borrowed; or with dtype LINCE_DTYPE_NONE: no
 *                 gradient arrives there, as none can at what is no float or was not named. It counts as zeros. NULL:
 *                 at none of them.
 * upstream_count  The leaves' number; 0 with NULL.
 * loss_upstream   What the losses' sum counts; 0: nothing. 1 where a host adds it to its loss.
 * gradients       Those wanted: any of the layer's, in any order; the memory of no two overlaps. Untouched on failure.
 *
 * May be repeated, with the same bits for the same upstreams, and needs not be called at all. One call at a time for a
 * pass, from any thread. Fails with LINCE_EINVAL when the layer does not give such a gradient, sizes do not fit, the
 * forward said no_backward, or a variable that it read was written since, which the text names: the gradients would be
 * of neither value. Variables that the forward itself assigns to do not count. Since 0.1.
 */
LINCE_API lince_status lince_pass_backward(lince_pass *pass, const lince_tensor *upstreams, size_t upstream_count,
                                           float loss_upstream, lince_gradient *gradients, size_t gradient_count,
                                           lince_error *err);

/** From any thread, also when layer and model are freed and closed already. Its memory serves later passes. */
LINCE_API void lince_pass_free(lince_pass *pass);

#ifdef __cplusplus
}
#endif
#endif
