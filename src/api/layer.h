/* lince_layer and lince_pass, as the files about them see them; private to this room. */
#ifndef LI_API_LAYER_H
#define LI_API_LAYER_H

#include "session.h"
#include "train/train.h"

/* What a trace is called by, in one mode. */
struct li_api_layer_program {
    struct li_api_layer_program *next;
    const struct li_trace *trace;
    struct li_program *program;
    int32_t results;             /* outputs that are the result's; the losses' sum is the next, if the layer has it */
    struct li_layer_wants wants; /* of the program's cut */
    bool *arrives;
};

/* One of the ways a layer is called: each has programs and sessions of its own. */
struct li_api_mode {
    struct lince_layer *layer;
    bool training, backward;
    struct li_api_layer_program *programs;
    struct lince_pass *idle; /* passes that were freed: used last first */
};

enum { LI_API_MODES = 4 };

/* Counted: passes hold it beside the user. */
struct lince_layer {
    struct lince_model *model;
    struct lince_callable *callable;
    struct li_pool *pool;
    struct li_arena arena;
    lince_argument *arguments;
    size_t argument_count;
    int32_t *variables;          /* indices, in the order of gradients; their resources are in wants */
    int32_t *place;              /* by variable of the model: its place among them; LI_NONE: it has none */
    struct li_layer_wants wants; /* but for arrives */
    const char **outputs;        /* paths; NULL: all */
    size_t output_count;
    bool frozen, losses, give_updates;
    struct li_api_mode mode[LI_API_MODES];
    pthread_mutex_t lock; /* of modes and live */
    struct li_fork_guard guard;
    int32_t live, max_live;
    atomic_int references;
};

struct lince_pass {
    struct lince_pass *next; /* idle ones */
    struct li_api_mode *mode;
    struct lince_session *session;
    struct li_api_bound *bound; /* of the forward */
    size_t output_count;
    float loss, loss_upstream;
    lince_update *updates;
    int32_t update_count, update_room;
    struct li_tensor *given; /* upstream gradients; by output of the graph first */
    int32_t given_room;
    void *zeros;
    size_t zero_room;
};

/* ---- layer.c ---- */

void li_api_layer_release(struct lince_layer *layer);
/* The program for a binding in a mode, made or shared; how many of its outputs are the result's; one reference more. */
lince_status li_api_layer_program(struct li_program **out, int32_t *results, struct li_api_mode *mode,
                                  const struct li_binding *binding, lince_error *err); /* layer_program.c */
void li_api_layer_programs_free(struct li_api_mode *mode);
/* Whether a gradient may arrive at a part of the result, if it is a float. */
bool li_api_arrives(const struct lince_layer *layer, const char *path);
/* layer_arguments.c: a copy that lives as long as the arena. */
lince_status li_api_copy_arguments(lince_argument **out, const lince_argument *arguments, size_t count,
                                   struct li_arena *arena, lince_error *err);

/* ---- pass.c ---- */

void li_api_pass_destroy(struct lince_pass *pass); /* an idle one */
struct li_api_mode *li_api_mode_of(struct lince_layer *layer, const lince_forward_options *options);
/* An idle one, or a new one; counted as live where live is set. */
lince_status li_api_pass_take(struct lince_pass **out, struct li_api_mode *mode, bool live, lince_error *err);
void li_api_pass_give_back(struct lince_pass *pass, bool live);

#endif
