/* lince run: one raw call. */
#include "arrays.h"
#include "model.h"
#include "say.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct run {
    const struct cli_args *args;
    struct cli_model model;
    struct cli_inputs in;
    lince_session *session;
    const lince_output *outputs;
    size_t count, fetched;
    lince_output *chosen; /* of --output-key or --fetch */
    double atol, rtol;
};

/* Keep what lies at --output-key, or below it. */
static size_t keep_key(struct run *r, const char *key)
{
    size_t len = strlen(key), kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        const char *path = r->outputs[i].path;
        if (strncmp(path, key, len) == 0 && (path[len] == '\0' || path[len] == '/')) {
            r->chosen[kept] = r->outputs[i];
            r->chosen[kept++].path = path + len + (path[len] == '/');
        }
    }
    return kept;
}

/* Keep the fetched nodes, which come last; one of them is no dict. */
static size_t keep_fetched(struct run *r)
{
    memcpy(r->chosen, r->outputs + r->count - r->fetched, r->fetched * sizeof *r->chosen);
    if (r->fetched == 1) {
        r->chosen[0].path = "";
    }
    return r->fetched;
}

static int choose(struct run *r)
{
    const char *key = cli_key_path(r->model.callable, r->args->value[OPT_OUTPUT_KEY]);
    if (!key && !r->fetched) {
        return CLI_DONE;
    }
    r->chosen = calloc(r->count + 1, sizeof *r->chosen);
    if (!r->chosen) {
        app_say("no memory for %zu results", r->count);
        return CLI_FAILED;
    }
    r->count = r->fetched ? keep_fetched(r) : keep_key(r, key);
    r->outputs = r->chosen;
    return r->count ? CLI_DONE
                    : cli_usage(r->args, "--output-key %s: the result is %s", key, lince_session_structure(r->session));
}

static bool single(const struct run *r)
{
    return r->count == 1 && !*r->outputs[0].path;
}

/* ---- Writing ---- */

static void tell_of_storage(const struct run *r, const lince_output *o)
{
    const lince_tensor *t = &o->tensor;
    if (t->dtype == LINCE_BFLOAT16 || t->dtype == LINCE_FLOAT8_E5M2 || t->dtype == LINCE_FLOAT8_E4M3FN) {
        cli_note(r->args, "%s%s%s, which .npy does not have, is stored as its bits, %s", o->path, *o->path ? ": " : "",
                 lince_dtype_name(t->dtype), app_npy_descr(t->dtype));
    }
    const lince_string *s = t->data;
    for (size_t i = 0; t->dtype == LINCE_STRING && i < cli_elements(t); i++) {
        if (s[i].size && s[i].data[s[i].size - 1] == '\0') {
            cli_note(r->args, "%s%stexts that end in NUL bytes lose these in .npy", o->path, *o->path ? ": " : "");
            return;
        }
    }
}

static lince_status save_leaf(struct app_folder *folder, const lince_output *o, lince_error *err)
{
    char *name, *path;
    if (asprintf(&name, "%s.npy", o->path) < 0) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a file name");
    }
    lince_status st = app_folder_file(folder, name, &path, err);
    free(name);
    if (!st) {
        struct stat facts;
        st = lstat(path, &facts) == 0 ? app_fail(err, LINCE_EINVAL, "two results are named %s", o->path)
                                      : app_npy_save(path, &o->tensor, err);
        free(path);
    }
    return st;
}

static lince_status save(const struct run *r, const char *path, lince_error *err)
{
    struct app_folder folder;
    if (single(r) && r->outputs[0].tensor.dtype != LINCE_DTYPE_NONE) {
        return app_npy_save(path, &r->outputs[0].tensor, err);
    }
    if (single(r)) {
        return app_fail(err, LINCE_EINVAL, "%s: the result is None, there is nothing to write", path);
    }
    APP_TRY(app_folder_open(&folder, path, err));
    for (size_t i = 0; i < r->count; i++) {
        if (r->outputs[i].tensor.dtype != LINCE_DTYPE_NONE) { /* None has no file */
            lince_status st = save_leaf(&folder, &r->outputs[i], err);
            if (st) {
                app_folder_discard(&folder);
                return st;
            }
        }
    }
    return app_folder_commit(&folder, err);
}

static lince_status save_variable(const struct run *r, size_t i, struct app_folder *folder, lince_error *err)
{
    lince_variable_info info = {.struct_size = sizeof info};
    lince_error why;
    char name[24];
    APP_TRY(lince_variable_info_at(r->model.model, i, &info, err));
    lince_tensor t = {
        .dtype = info.dtype, .rank = info.rank, .size_bytes = info.size_bytes, .data = malloc(info.size_bytes + 1)};
    if (!t.data) {
        return app_fail(err, LINCE_ENOMEM, "no memory for variable %s", info.name);
    }
    memcpy(t.dims, info.dims, sizeof t.dims);
    snprintf(name, sizeof name, "%04zu", i);
    lince_status st = lince_variable_read(r->model.model, i, t.data, t.size_bytes, &why);
    st = st ? app_fail(err, st, "%s: %.*s", r->model.path, 1500, why.text)
            : save_leaf(folder, &(lince_output){name, t}, err);
    free(t.data);
    return st;
}

static int variables_after(struct run *r, const char *path)
{
    struct app_folder folder;
    lince_error err;
    if (app_folder_open(&folder, path, &err)) {
        return cli_failed(path, &err);
    }
    for (size_t i = 0; i < lince_variable_count(r->model.model); i++) {
        if (save_variable(r, i, &folder, &err)) {
            app_folder_discard(&folder);
            return cli_failed(NULL, &err);
        }
    }
    return app_folder_commit(&folder, &err) ? cli_failed(path, &err) : CLI_DONE;
}

/* ---- Printing ---- */

struct spread {
    double least, most, sum;
    size_t numbers; /* elements that are not NaN */
};

static struct spread spread_of(const lince_tensor *t, size_t n)
{
    struct spread s = {.least = (double)INFINITY, .most = -(double)INFINITY};
    for (size_t i = 0; i < n; i++) {
        double x = cli_element(t, i, false);
        if (!isnan(x)) {
            s.least = fmin(s.least, x);
            s.most = fmax(s.most, x);
            s.sum += x;
            s.numbers++;
        }
    }
    return s;
}

/* Smallest, largest and mean, or a few texts. */
static void print_summary(const lince_tensor *t)
{
    size_t n = cli_elements(t);
    if (t->dtype == LINCE_STRING) {
        char text[64];
        for (size_t i = 0; i < n && i < 4; i++) {
            const lince_string *s = (const lince_string *)t->data + i;
            snprintf(text, sizeof text, "%.*s", (int)(s->size < 60 ? s->size : 60), s->size ? s->data : "");
            printf("  \"");
            cli_show(text, 0);
            putchar('"');
        }
        printf("%s\n", n > 4 ? "  ..." : "");
        return;
    }
    if (n == 1) {
        printf("  %.9g\n", cli_element(t, 0, false));
        return;
    }
    struct spread s = spread_of(t, n);
    if (s.numbers > 0) {
        printf("  min %.6g  max %.6g  mean %.6g", s.least, s.most, s.sum / (double)s.numbers);
    }
    if (s.numbers < n) {
        printf("  NaN: %zu", n - s.numbers);
    }
    putchar('\n');
}

static int print_results(const struct run *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const lince_output *o = &r->outputs[i];
        char shape[192];
        if (*o->path) {
            cli_show(o->path, 0);
            printf(": ");
        }
        if (o->tensor.dtype == LINCE_DTYPE_NONE) {
            printf("None\n");
            continue;
        }
        printf("%s%s", lince_dtype_name(o->tensor.dtype), cli_shape(shape, &o->tensor));
        print_summary(&o->tensor);
    }
    if (r->count == 0) {
        printf("%s\n", lince_session_structure(r->session));
    }
    return cli_flush();
}

/* ---- The command ---- */

static int open_session(struct run *r)
{
    const char **nodes = malloc((r->args->given_count + 1) * sizeof *nodes);
    lince_error err;
    if (!nodes) {
        app_say("no memory for the names of nodes");
        return CLI_FAILED;
    }
    for (size_t i = 0; i < r->args->given_count; i++) {
        if (r->args->given[i].option == OPT_FETCH) {
            nodes[r->fetched++] = r->args->given[i].value;
        }
    }
    lince_status st = cli_session_new(&r->session, r->model.callable, &r->in.arguments, false, &err);
    st = st ? st : lince_session_fetch(r->session, nodes, r->fetched, &err);
    free(nodes);
    return st ? cli_failed(r->model.path, &err) : CLI_DONE;
}

static int call(struct run *r)
{
    lince_error err;
    CLI_TRY(cli_inputs_from(&r->in, r->args, r->model.callable));
    CLI_TRY(open_session(r));
    if (lince_session_run(r->session, r->in.tensor, r->in.count, &r->outputs, &r->count, &err)) {
        return cli_failed(r->model.path, &err);
    }
    return CLI_DONE;
}

static int finish(struct run *r)
{
    const char *output = r->args->value[OPT_OUTPUT], *expected = r->args->value[OPT_EXPECT];
    const char *after = r->args->value[OPT_VARIABLES_AFTER];
    lince_error err;
    CLI_TRY(choose(r));
    if (output) {
        for (size_t i = 0; i < r->count; i++) {
            tell_of_storage(r, &r->outputs[i]);
        }
        if (save(r, output, &err)) {
            return cli_failed(output, &err);
        }
    }
    if (after) {
        CLI_TRY(variables_after(r, after));
    }
    if (expected) {
        const struct cli_expected want = {expected, lince_session_structure(r->session), r->atol, r->rtol};
        return cli_expect(&want, r->outputs, r->count);
    }
    return output ? CLI_DONE : print_results(r);
}

int cli_run(const struct cli_args *args)
{
    struct run r = {.args = args};
    CLI_TRY(cli_number(args, OPT_ATOL, 0, 1e300, &r.atol));
    CLI_TRY(cli_number(args, OPT_RTOL, 0, 1e300, &r.rtol));
    if (cli_has(args, OPT_FETCH) && cli_has(args, OPT_OUTPUT_KEY)) {
        return cli_usage(args, "--fetch and --output-key: nodes or a part of the result, not both");
    }
    int status = cli_model_open(&r.model, args);
    status = status ? status : call(&r);
    status = status ? status : finish(&r);
    lince_session_free(r.session);
    cli_inputs_free(&r.in);
    cli_model_close(&r.model);
    free(r.chosen);
    return status;
}
