/*
 * One manifest of TensorFlow's answers: lists, signatures, traces, losses, and every call with its result or refusal
 * and the state it leaves. golden FOLDER NAME.
 */
#include "golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Lists ---- */

static void check_variable(struct golden *g, lince_model *model, size_t i, const json_t *want)
{
    lince_variable_info info = {.struct_size = sizeof info};
    lince_error err;
    if (!check(g, lince_variable_info_at(model, i, &info, &err) == LINCE_OK, "variable %zu: %s", i, err.text)) {
        return;
    }
    const json_t *shape = json_object_get(want, "shape");
    check(g, strcmp(info.name, json_string_value(json_object_get(want, "name"))) == 0, "variable %zu is %s", i,
          info.name);
    check(g, info.dtype == dtype_of(json_string_value(json_object_get(want, "dtype"))), "%s is %s", info.name,
          lince_dtype_name(info.dtype));
    check(g, (info.trainable != 0) == json_is_true(json_object_get(want, "trainable")), "%s: trainable is %d",
          info.name, info.trainable);
    bool same = (size_t)info.rank == json_array_size(shape);
    for (int k = 0; same && k < info.rank; k++) {
        same = info.dims[k] == json_integer_value(json_array_get(shape, (size_t)k));
    }
    check(g, same, "%s has another shape", info.name);
}

static void check_list(struct golden *g, lince_model *model, lince_variable_list which, const json_t *want)
{
    const int32_t *indices;
    size_t count;
    lince_model_variables(model, which, &indices, &count);
    if (json_is_null(want)) {
        check(g, indices == NULL, "list %d is there, wanted none", (int)which);
        return;
    }
    check(g, indices != NULL && count == json_array_size(want), "list %d has %zu entries, wanted %zu", (int)which,
          count, json_array_size(want));
    for (size_t i = 0; indices && i < count && i < json_array_size(want); i++) {
        check(g, indices[i] == json_integer_value(json_array_get(want, i)), "list %d: entry %zu is variable %d",
              (int)which, i, indices[i]);
    }
}

static void check_losses(struct golden *g, lince_model *model, const json_t *want)
{
    int64_t count = lince_loss_count(model);
    check(g, count == (json_is_null(want) ? -1 : (int64_t)json_array_size(want)), "%lld losses", (long long)count);
    for (int64_t i = 0; i < count && i < (int64_t)json_array_size(want); i++) {
        lince_error err;
        float value = NAN;
        const json_t *loss = json_array_get(want, (size_t)i);
        double w = json_number_value(json_object_get(loss, "value"));
        double tolerance = json_number_value(json_object_get(loss, "atol")) +
                           fabs(w) * json_number_value(json_object_get(loss, "rtol"));
        lince_status st = lince_loss_value(model, (size_t)i, &value, &err);
        if (check(g, st == LINCE_OK, "loss %lld: %s", (long long)i, st ? err.text : "")) {
            check(g, fabs((double)value - w) <= tolerance, "loss %lld is %.9g, TensorFlow gives %.9g", (long long)i,
                  (double)value, w);
        }
    }
}

static void check_callables(struct golden *g, lince_model *model)
{
    const json_t *functions = json_object_get(g->manifest, "functions"),
                 *signatures = json_object_get(g->manifest, "signatures");
    lince_callable *callable;
    for (void *it = json_object_iter((json_t *)functions); it; it = json_object_iter_next((json_t *)functions, it)) {
        const char *name = json_object_iter_key(it);
        if (check(g, lince_model_callable(model, name, &callable, NULL) == LINCE_OK, "there is no callable %s", name)) {
            const json_t *wanted = json_object_iter_value(it);
            size_t traces = lince_callable_trace_count(callable), want = json_array_size(wanted);
            check(g, traces == want, "%s has %zu traces, wanted %zu", name, traces, want);
            for (size_t i = 0; i < traces && i < want; i++) {
                trace_matches(g, callable, i, json_array_get(wanted, i));
            }
        }
    }
    for (void *it = json_object_iter((json_t *)signatures); it; it = json_object_iter_next((json_t *)signatures, it)) {
        char name[256];
        snprintf(name, sizeof name, "signatures.%s", json_object_iter_key(it));
        if (check(g, lince_model_callable(model, name, &callable, NULL) == LINCE_OK, "there is no %s", name)) {
            signature_matches(g, callable, json_object_iter_value(it));
        }
    }
    check(g, (lince_model_call(model) != NULL) == (json_object_get(functions, "__call__") != NULL),
          "the object %s be called", lince_model_call(model) ? "can" : "cannot");
}

static void check_lists(struct golden *g, lince_model *model)
{
    const json_t *all = json_object_get(g->manifest, "all_variables");
    g->call = "lists";
    check(g, lince_variable_count(model) == json_array_size(all), "%zu variables, wanted %zu",
          lince_variable_count(model), json_array_size(all));
    for (size_t i = 0; i < json_array_size(all) && i < lince_variable_count(model); i++) {
        check_variable(g, model, i, json_array_get(all, i));
    }
    check_list(g, model, LINCE_VARIABLES, json_object_get(g->manifest, "variables"));
    check_list(g, model, LINCE_TRAINABLE_VARIABLES, json_object_get(g->manifest, "trainable_variables"));
    check_losses(g, model, json_object_get(g->manifest, "regularization_losses"));
    check_callables(g, model);
}

/* ---- State ---- */

/* The values of all variables, one after another in malloc'ed blocks. */
static void **read_state(struct golden *g, lince_model *model)
{
    size_t n = lince_variable_count(model);
    void **state = calloc(n + 1, sizeof *state);
    for (size_t i = 0; i < n; i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        lince_error err = {0};
        if (lince_variable_info_at(model, i, &info, &err) == LINCE_OK && info.dtype != LINCE_STRING) {
            state[i] = malloc(info.size_bytes + 1);
            check(g, lince_variable_read(model, i, state[i], info.size_bytes, &err) == LINCE_OK, "reading %s: %s",
                  info.name, err.text);
        }
    }
    return state;
}

static void free_state(void **state, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(state[i]);
    }
    free(state);
}

static const json_t *changed(const json_t *after, size_t variable)
{
    for (size_t i = 0; i < json_array_size(after); i++) {
        const json_t *entry = json_array_get(after, i);
        if ((size_t)json_integer_value(json_object_get(entry, "variable")) == variable) {
            return entry;
        }
    }
    return NULL;
}

static void check_state(struct golden *g, lince_model *model, void **before, const json_t *after)
{
    void **now = read_state(g, model);
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        const json_t *want = changed(after, i);
        if (lince_variable_info_at(model, i, &info, NULL) || info.dtype == LINCE_STRING) {
            continue;
        }
        if (want) {
            lince_tensor t = {.dtype = info.dtype, .rank = info.rank, .data = now[i], .size_bytes = info.size_bytes};
            memcpy(t.dims, info.dims, sizeof t.dims);
            tensor_matches(g, info.name, &t, want);
        } else {
            check(g, memcmp(before[i], now[i], info.size_bytes) == 0, "%s changed", info.name);
        }
    }
    free_state(now, lince_variable_count(model));
}

/* ---- Calls ---- */

static lince_status run(lince_model *model, const json_t *call, const struct arguments *a, lince_session **session,
                        const lince_output **out, size_t *count, lince_error *err)
{
    lince_callable *callable;
    *session = NULL;
    lince_status st = lince_model_callable(model, json_string_value(json_object_get(call, "callable")), &callable, err);
    st = st ? st : lince_session_new(session, callable, a->list, a->count, NULL, err);
    return st ? st : lince_session_run(*session, a->inputs, a->input_count, out, count, err);
}

static void check_call(struct golden *g, lince_model *model, const json_t *call, bool fixed)
{
    struct arguments a;
    lince_session *session;
    const lince_output *out = NULL;
    size_t count = 0;
    lince_error err = {0};
    void **before = read_state(g, model);
    const json_t *refusal = json_object_get(call, "error");
    arguments_read(g, &a, call, fixed);
    lince_status st = run(model, call, &a, &session, &out, &count, &err);
    if (refusal) {
        check(g, st != LINCE_OK, "was accepted; TensorFlow says: %s",
              json_string_value(json_object_get(refusal, "reason")));
        check(g, st == LINCE_OK || (st != LINCE_EUNSUPPORTED && strlen(err.text) > 10),
              "refused for the wrong reason: %s", err.text);
        check_state(g, model, before, NULL);
    } else if (check(g, st == LINCE_OK, "%s", err.text)) {
        result_matches(g, out, count, json_object_get(call, "result"));
        structure_matches(g, lince_session_structure(session), json_object_get(call, "result"));
        check_state(g, model, before, json_object_get(call, "state_after"));
    }
    lince_session_free(session);
    arguments_free(&a);
    free_state(before, lince_variable_count(model));
}

static void check_calls(struct golden *g, bool fixed)
{
    const json_t *calls = json_object_get(g->manifest, "calls");
    lince_model *model = NULL;
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        g->call = json_string_value(json_object_get(call, "id"));
        if (!json_is_true(json_object_get(call, "continues"))) {
            lince_model_close(model);
            model = open_model(g);
        }
        if (model) {
            check_call(g, model, call, fixed);
        }
    }
    lince_model_close(model);
}

/* ---- Dropout: the fraction kept, and the value of what is kept ---- */

static void check_mask(struct golden *g, const lince_tensor *mask, const json_t *want)
{
    const float *x = mask->data;
    size_t n = mask->size_bytes / sizeof *x, kept = 0, odd = 0;
    const json_t *fraction = json_object_get(want, "kept_fraction");
    double value = json_number_value(json_object_get(json_object_get(want, "kept_value"), "value"));
    for (size_t i = 0; i < n; i++) {
        kept += x[i] != 0;
        odd += x[i] != 0 && fabs((double)x[i] - value) > 1e-6 * value;
    }
    double share = (double)kept / (double)n, target = json_number_value(json_object_get(fraction, "value"));
    check(g, mask->dtype == LINCE_FLOAT32 && n > 0 && odd == 0, "%zu of %zu values are neither 0 nor %g", odd, n,
          value);
    check(g, fabs(share - target) <= json_number_value(json_object_get(fraction, "plus_minus")),
          "%g are kept, wanted %g", share, target);
}

static void check_statistics(struct golden *g)
{
    const json_t *list = json_object_get(g->manifest, "statistics");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *call = json_array_get(list, i);
        const char *name = json_string_value(json_object_get(call, "output"));
        struct arguments a;
        lince_session *session = NULL;
        const lince_output *out = NULL;
        size_t count = 0;
        lince_error err = {0};
        g->call = json_string_value(json_object_get(call, "id"));
        lince_model *model = open_model(g);
        arguments_read(g, &a, call, false);
        if (model && check(g, run(model, call, &a, &session, &out, &count, &err) == LINCE_OK, "%s", err.text)) {
            bool found = false;
            for (size_t k = 0; k < count; k++) {
                if (strcmp(out[k].path, name) == 0) {
                    found = true;
                    check_mask(g, &out[k].tensor, call);
                }
            }
            check(g, found, "the result has no %s", name);
        }
        lince_session_free(session);
        arguments_free(&a);
        lince_model_close(model);
    }
}

static void check_all(struct golden *g)
{
    lince_model *model = open_model(g);
    if (model) {
        check_lists(g, model);
        check_gradients(g, model);
        lince_model_close(model);
        check_calls(g, false);
        check_calls(g, true);
        check_statistics(g);
    }
}

int main(int argc, char **argv)
{
    return golden_main(argc, argv, check_all);
}
