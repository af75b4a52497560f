/* All that a training is, as arrays under names: the trainer's state, the model's variables where they are trained. */
#include "retrain.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(void)
{
    app_say("no memory to keep what was trained");
    return CLI_FAILED;
}

void retrain_values_free(struct retrain_values *values)
{
    for (size_t i = 0; i < values->count; i++) {
        free(values->value[i].name);
        free(values->value[i].tensor.data);
    }
    free(values->value);
    *values = (struct retrain_values){0};
}

const lince_tensor *retrain_values_find(const struct retrain_values *from, const char *name)
{
    for (size_t i = 0; i < from->count; i++) {
        if (strcmp(from->value[i].name, name) == 0) {
            return &from->value[i].tensor;
        }
    }
    return NULL;
}

/* Room for one more, without content; the name is copied. */
static struct retrain_value *append(struct retrain_values *to, const char *name, const lince_tensor *like)
{
    if (to->count == to->room) {
        size_t room = to->room ? to->room * 2 : 16;
        struct retrain_value *grown = realloc(to->value, room * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        to->value = grown;
        to->room = room;
    }
    struct retrain_value *v = &to->value[to->count];
    *v = (struct retrain_value){.name = strdup(name), .tensor = *like};
    v->tensor.data = malloc(like->size_bytes + 1);
    if (!v->name || !v->tensor.data) {
        free(v->name);
        free(v->tensor.data);
        return NULL;
    }
    to->count++;
    return v;
}

int retrain_values_add(struct retrain_values *to, const char *name, const lince_tensor *tensor)
{
    struct retrain_value *v = append(to, name, tensor);
    if (!v) {
        return no_memory();
    }
    memcpy(v->tensor.data, tensor->data, tensor->size_bytes);
    return CLI_DONE;
}

/* ---- Taking ------------------------------------------------------------------------------------------------------ */

static int take_state(struct retrain_values *to, const struct retrain *r)
{
    lince_error err;
    for (size_t i = 0; i < lince_trainer_state_count(r->trainer); i++) {
        lince_state_info info = {.struct_size = sizeof info};
        char name[1024];
        lince_trainer_state(r->trainer, i, &info, NULL);
        lince_tensor t = {.dtype = info.dtype, .rank = info.rank, .size_bytes = info.size_bytes};
        memcpy(t.dims, info.dims, sizeof t.dims);
        snprintf(name, sizeof name, "state/%s", info.name);
        struct retrain_value *v = append(to, name, &t);
        if (!v) {
            return no_memory();
        }
        if (lince_trainer_state_read(r->trainer, i, v->tensor.data, v->tensor.size_bytes, &err)) {
            return cli_failed(NULL, &err);
        }
    }
    return CLI_DONE;
}

/* Texts are not trained. */
static int take_variables(struct retrain_values *to, const struct retrain *r)
{
    lince_error err;
    lince_model *model = r->pass.model.model;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        char name[48];
        if (lince_variable_info_at(model, i, &info, &err)) {
            return cli_failed(r->pass.model.path, &err);
        }
        if (info.dtype == LINCE_STRING) {
            continue;
        }
        lince_tensor t = {.dtype = info.dtype, .rank = info.rank, .size_bytes = info.size_bytes};
        memcpy(t.dims, info.dims, sizeof t.dims);
        snprintf(name, sizeof name, "variable/%zu", i);
        struct retrain_value *v = append(to, name, &t);
        if (!v) {
            return no_memory();
        }
        if (lince_variable_read(model, i, v->tensor.data, v->tensor.size_bytes, &err)) {
            return cli_failed(r->pass.model.path, &err);
        }
    }
    return CLI_DONE;
}

int retrain_values_take(struct retrain_values *to, const struct retrain *r)
{
    retrain_values_free(to);
    CLI_TRY(take_state(to, r));
    return r->options.tunes ? take_variables(to, r) : CLI_DONE;
}

/* ---- Putting ----------------------------------------------------------------------------------------------------- */

/* State that the values do not have keeps what it is: of the best epoch, when that was of an earlier phase. */
static int put_state(const struct retrain_values *from, struct retrain *r, bool head_only)
{
    lince_error err;
    for (size_t i = 0; i < lince_trainer_state_count(r->trainer); i++) {
        lince_state_info info = {.struct_size = sizeof info};
        char name[1024];
        lince_trainer_state(r->trainer, i, &info, NULL);
        snprintf(name, sizeof name, "state/%s", info.name);
        const lince_tensor *t = retrain_values_find(from, name);
        bool head = strcmp(info.name, "head/kernel") == 0 || strcmp(info.name, "head/bias") == 0;
        bool wanted = t && (head || !head_only);
        if (wanted && lince_trainer_state_write(r->trainer, i, t->data, t->size_bytes, &err)) {
            return cli_failed(NULL, &err);
        }
    }
    return CLI_DONE;
}

int retrain_values_put_head(const struct retrain_values *from, struct retrain *r)
{
    return put_state(from, r, true);
}

int retrain_values_put(const struct retrain_values *from, struct retrain *r)
{
    lince_error err;
    CLI_TRY(put_state(from, r, false));
    for (size_t i = 0; i < from->count; i++) {
        const struct retrain_value *v = &from->value[i];
        size_t index;
        if (sscanf(v->name, "variable/%zu", &index) == 1 &&
            lince_variable_write(r->pass.model.model, index, v->tensor.data, v->tensor.size_bytes, &err)) {
            return cli_failed(r->pass.model.path, &err);
        }
    }
    return CLI_DONE;
}
