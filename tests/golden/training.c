/*
 * One manifest about training: each setup's loss and gradients, and each optimizer's losses and variables after its
 * steps, through <lince.h>. golden FOLDER NAME.
 */
#include "golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 5 };

/* One setup, and of it one optimizer. */
struct trial {
    struct golden *g;
    const json_t *setup, *run; /* run NULL: only gradients are wanted */
    lince_model *model;
    lince_trainer *trainer;
    lince_tensor images, labels;
    lince_argument arguments[16];
    size_t count;
};

static const json_t *get(const json_t *object, const char *key)
{
    return json_object_get(object, key);
}

static double number(const json_t *object, const char *key, double fallback)
{
    const json_t *value = get(object, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

/* ---- Options ---- */

static void read_arguments(struct trial *t, lince_trainer_options *o)
{
    const json_t *kwargs = get(t->setup, "kwargs");
    t->arguments[t->count++] = (lince_argument){.path = "0", .kind = LINCE_ARG_INPUT};
    for (void *it = json_object_iter((json_t *)kwargs); it; it = json_object_iter_next((json_t *)kwargs, it)) {
        const char *name = json_object_iter_key(it);
        const json_t *value = json_object_iter_value(it);
        if (strcmp(name, "training") == 0) {
            o->batch_norm = json_is_true(value) ? LINCE_BATCH_NORM_UPDATE : LINCE_BATCH_NORM_FROZEN;
        } else {
            t->arguments[t->count++] =
                (lince_argument){.path = name, .kind = LINCE_ARG_FLOAT, .f = json_number_value(value)};
        }
    }
}

static void read_optimizer(const json_t *spec, lince_trainer_options *o)
{
    const json_t *config = get(spec, "config");
    const char *name = json_string_value(get(spec, "class")), *library = json_string_value(get(spec, "library"));
    lince_trainer_options_init(o, strcmp(name, "SGD") == 0     ? LINCE_SGD
                                  : strcmp(name, "Adam") == 0  ? LINCE_ADAM
                                  : strcmp(name, "AdamW") == 0 ? LINCE_ADAMW
                                                               : LINCE_RMSPROP);
    o->learning_rate = number(config, "learning_rate", o->learning_rate);
    o->momentum = number(config, "momentum", 0);
    o->nesterov = json_is_true(get(config, "nesterov"));
    o->rho = number(config, "rho", number(config, "decay", o->rho));
    o->epsilon = number(config, "epsilon", o->epsilon);
    o->centered = json_is_true(get(config, "centered"));
    o->beta1 = number(config, "beta_1", o->beta1);
    o->beta2 = number(config, "beta_2", o->beta2);
    o->weight_decay = number(config, "weight_decay", o->weight_decay);
    o->epsilon_outside = o->optimizer == LINCE_RMSPROP && strcmp(library, "keras.legacy") == 0;
    o->accumulator = strcmp(library, "tf.compat.v1") == 0 ? 1 : 0;
}

static void read_setup(struct trial *t, lince_trainer_options *o)
{
    bool head = json_is_object(get(t->setup, "head"));
    o->label_smoothing = number(t->setup, "label_smoothing", 0);
    o->no_regularization = !json_is_true(get(t->setup, "regularization"));
    o->frozen_body = !json_is_true(get(t->setup, "train_model"));
    o->head_classes = head ? (int64_t)number(t->setup, "classes", 0) : 0;
    o->head_l2 = number(t->setup, "head_l2", 0);
    read_arguments(t, o);
}

/* ---- State ---- */

static int64_t state_named(const lince_trainer *trainer, const char *name)
{
    for (size_t i = 0; i < lince_trainer_state_count(trainer); i++) {
        lince_state_info info = {.struct_size = sizeof info};
        if (lince_trainer_state(trainer, i, &info, NULL) == LINCE_OK && strcmp(info.name, name) == 0) {
            return (int64_t)i;
        }
    }
    return -1;
}

static void write_head(struct trial *t)
{
    static const char *const parts[] = {"kernel", "bias"};
    const json_t *head = get(t->setup, "head");
    for (int i = 0; json_is_object(head) && i < 2; i++) {
        char name[32];
        lince_error err = {0};
        lince_tensor value = npy_read(t->g, get(head, parts[i]));
        snprintf(name, sizeof name, "head/%s", parts[i]);
        lince_status st = lince_trainer_state_write(t->trainer, (size_t)state_named(t->trainer, name), value.data,
                                                    value.size_bytes, &err);
        check(t->g, st == LINCE_OK, "%s: %s", name, err.text);
        free(value.data);
    }
}

static bool begin(struct trial *t)
{
    lince_trainer_options options;
    lince_error err = {0};
    if (t->run) {
        read_optimizer(get(t->run, "optimizer"), &options);
    } else {
        lince_trainer_options_init(&options, LINCE_SGD);
    }
    read_setup(t, &options);
    t->model = open_model(t->g);
    if (!t->model) {
        return false;
    }
    lince_status st =
        lince_trainer_new(&t->trainer, t->model, lince_model_call(t->model), t->arguments, t->count, &options, &err);
    if (!check(t->g, st == LINCE_OK, "%s", err.text)) {
        return false;
    }
    write_head(t);
    t->images = npy_read(t->g, get(t->setup, "images"));
    t->labels = npy_read(t->g, get(t->setup, "labels"));
    return true;
}

static void end(struct trial *t)
{
    free(t->images.data);
    free(t->labels.data);
    lince_trainer_free(t->trainer);
    lince_model_close(t->model);
}

/* ---- Packs: arrays one after the other in one file, each with its own tolerance ---- */

struct pack {
    lince_tensor all;
    const json_t *entry;
    size_t at, array;
    double worst; /* in tolerances */
};

static struct pack open_pack(const struct golden *g, const json_t *entry)
{
    json_t *file = json_copy((json_t *)entry);
    json_object_set(file, "tensor", json_object_get(entry, "pack"));
    json_object_set_new(file, "dtype", json_string("float32"));
    struct pack p = {.all = npy_read(g, file), .entry = entry};
    json_decref(file);
    return p;
}

static void next_matches(struct golden *g, struct pack *p, const char *what, const float *got, size_t count)
{
    const float *want = (const float *)p->all.data + p->at;
    double atol = json_number_value(json_array_get(get(p->entry, "atol"), p->array)), worst = 0;
    double rtol = number(p->entry, "rtol", 0);
    if (!check(g, (p->at + count) * sizeof *want <= p->all.size_bytes, "%s: the pack is too short", what)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double off = fabs((double)got[i] - (double)want[i]) / (atol + rtol * fabs((double)want[i]));
        worst = isnan(off) ? (double)INFINITY : fmax(worst, off);
    }
    check(g, worst <= 1, "%s is off by %.3g tolerances", what, worst);
    p->worst = fmax(p->worst, worst);
    p->at += count;
    p->array++;
}

static double close_pack(struct golden *g, struct pack *p)
{
    check(g, p->at * sizeof(float) == p->all.size_bytes, "the pack has %zu bytes, %zu arrays take %zu",
          p->all.size_bytes, p->array, p->at * sizeof(float));
    free(p->all.data);
    return p->worst;
}

/* All variables of the model, then the head's; the manifest's packs hold float32 only. */
static double variables_match(struct trial *t, const json_t *entry)
{
    struct pack p = open_pack(t->g, entry);
    static const char *const head[] = {"head/kernel", "head/bias"};
    for (size_t i = 0; i < lince_variable_count(t->model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        check(t->g, lince_variable_info_at(t->model, i, &info, NULL) == LINCE_OK, "variable %zu", i);
        void *data = malloc(info.size_bytes + 1);
        check(t->g, lince_variable_read(t->model, i, data, info.size_bytes, NULL) == LINCE_OK, "reading %s", info.name);
        if (info.dtype == LINCE_INT64) { /* a save_counter: packed as a float */
            *(float *)data = (float)*(int64_t *)data;
        }
        next_matches(t->g, &p, info.name, data, info.dtype == LINCE_INT64 ? 1 : info.size_bytes / sizeof(float));
        free(data);
    }
    for (int i = 0; json_is_object(get(t->setup, "head")) && i < 2; i++) {
        lince_state_info info = {.struct_size = sizeof info};
        size_t at = (size_t)state_named(t->trainer, head[i]);
        check(t->g, lince_trainer_state(t->trainer, at, &info, NULL) == LINCE_OK, "no %s", head[i]);
        float *data = malloc(info.size_bytes + 1);
        check(t->g, lince_trainer_state_read(t->trainer, at, data, info.size_bytes, NULL) == LINCE_OK, "%s", head[i]);
        next_matches(t->g, &p, head[i], data, info.size_bytes / sizeof *data);
        free(data);
    }
    return close_pack(t->g, &p);
}

/* ---- Gradients ---- */

static void gradients_match(struct trial *t)
{
    const lince_output *gradients;
    size_t count;
    lince_error err = {0};
    lince_trainer_result result = {.struct_size = sizeof result};
    const json_t *loss = get(t->setup, "loss");
    double want = number(loss, "value", 0);
    lince_status st = lince_trainer_gradients(t->trainer, &t->images, 1, &t->labels, NULL, LINCE_GRADIENTS_OF_INPUT_TOO,
                                              &gradients, &count, &result, &err);
    if (!check(t->g, st == LINCE_OK, "%s", err.text)) {
        return;
    }
    check(t->g, fabs((double)result.loss - want) <= number(loss, "atol", 0) + number(loss, "rtol", 0) * fabs(want),
          "the loss is %.9g, wanted %.9g", (double)result.loss, want);
    struct pack p = open_pack(t->g, get(t->setup, "gradients"));
    check(t->g, count == json_array_size(get(t->setup, "trained")) + 1, "%zu gradients", count);
    for (size_t i = 0; i + 1 < count; i++) {
        next_matches(t->g, &p, gradients[i].path, gradients[i].tensor.data,
                     gradients[i].tensor.size_bytes / sizeof(float));
    }
    double worst = close_pack(t->g, &p);
    if (get(t->setup, "image_gradient")) {
        tensor_matches(t->g, "image gradient", &gradients[count - 1].tensor, get(t->setup, "image_gradient"));
    }
    printf("  %s: loss %.7g, gradients at most %.2f tolerances\n", t->g->call, (double)result.loss, worst);
}

/* ---- Steps ---- */

static double loss_matches(struct trial *t, size_t i, float loss)
{
    double want = json_number_value(json_array_get(get(t->run, "losses"), i));
    double off = fabs((double)loss - want) / number(t->run, "losses_atol", 0);
    check(t->g, off <= 1, "loss %zu is %.9g, wanted %.9g: %.3g tolerances", i, (double)loss, want, off);
    return off;
}

static void steps_match(struct trial *t)
{
    double losses = 0, variables = 0;
    for (size_t i = 0; i <= STEPS; i++) {
        char key[8];
        lince_error err = {0};
        lince_trainer_result result = {.struct_size = sizeof result};
        lince_status st = (i < STEPS ? lince_trainer_step : lince_trainer_loss)(t->trainer, &t->images, 1, &t->labels,
                                                                                NULL, &result, &err);
        if (!check(t->g, st == LINCE_OK, "step %zu: %s", i, err.text)) {
            return;
        }
        losses = fmax(losses, loss_matches(t, i, result.loss));
        snprintf(key, sizeof key, "%zu", i + 1);
        const json_t *after = i < STEPS ? get(get(t->run, "after"), key) : NULL;
        variables = after ? fmax(variables, variables_match(t, after)) : variables;
    }
    printf("  %s: losses at most %.2f tolerances, variables %.2f\n", t->g->call, losses, variables);
}

static void check_one(struct golden *g, const json_t *setup, const json_t *run)
{
    char call[256];
    struct trial t = {.g = g, .setup = setup, .run = run};
    snprintf(call, sizeof call, "%s%s%s", json_string_value(get(setup, "id")), run ? " " : "",
             run ? json_string_value(get(run, "id")) : "");
    g->call = call;
    if (begin(&t)) {
        (run ? steps_match : gradients_match)(&t);
    }
    end(&t);
    g->call = "";
}

static void check_all(struct golden *g)
{
    const json_t *setups = get(g->manifest, "training");
    for (size_t i = 0; i < json_array_size(setups); i++) {
        const json_t *setup = json_array_get(setups, i), *runs = get(setup, "runs");
        check_one(g, setup, NULL);
        for (size_t k = 0; k < json_array_size(runs); k++) {
            check_one(g, setup, json_array_get(runs, k));
        }
    }
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, check_all);
}
