/*
 * Gradients of whole models against those that tf.GradientTape gave: every entry "gradients" of the manifests in
 * golden/cases, with respect to variables and to the images.
 */
#include "model_support.h"

#include "unit/runtime_session_on.h"
#include "passes/passes.h"
#include "train/train.h"

#include <dirent.h>
#include <math.h>

enum { MOST = 64 };

/* One entry of a manifest on its way through. */
struct lab {
    const json_t *entry;
    struct li_mem *mem;
    struct li_env env;
    struct li_model *model;
    struct li_tensor input[MOST]; /* of the session: arguments, then what arrives at each output */
    int inputs, arguments;
    int32_t target[MOST]; /* resources; the image, where it is a float, comes before them */
    int targets;
    bool image;
    bool gradients, strict; /* keep what saved gradients read; refuse those that were not saved */
    char warning[4096];
    int warnings;
    li_vid grads[MOST];
    lince_error err;
};

#define OK(call)                                                                                                       \
    do {                                                                                                               \
        lince_status ok_status = (call);                                                                               \
        if (ok_status) {                                                                                               \
            fail_msg("%s: %s: %s", text_of(l->entry, "id"), #call, l->err.text);                                       \
        }                                                                                                              \
    } while (0)

/* ---- Files ---- */

/* The array that an object of the manifest names; free(data). */
static struct li_tensor read_array(const json_t *entry, const char *key)
{
    struct li_tensor t = {.dtype = strcmp(text_of(entry, "dtype"), "uint8") == 0   ? LINCE_UINT8
                                   : strcmp(text_of(entry, "dtype"), "int32") == 0 ? LINCE_INT32
                                   : strcmp(text_of(entry, "dtype"), "bool") == 0  ? LINCE_BOOL
                                                                                   : LINCE_FLOAT32};
    const json_t *shape = json_object_get(entry, "shape");
    char path[1024];
    unsigned char head[10];
    snprintf(path, sizeof path, "%s/golden/cases/%s", LINCE_TEST_DATA, text_of(entry, key));
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, (long)json_integer_value(json_object_get(entry, "offset")), SEEK_SET)) {
        fail_msg("%s cannot be read", path);
    }
    assert_int_equal(fread(head, 1, sizeof head, file), sizeof head);
    assert_int_equal(fseek(file, head[8] + 256 * head[9], SEEK_CUR), 0);
    long at = ftell(file);
    fseek(file, 0, SEEK_END);
    size_t rest = (size_t)(ftell(file) - at);
    fseek(file, at, SEEK_SET);
    t.shape.rank = (int)json_array_size(shape);
    for (int d = 0; d < t.shape.rank; d++) {
        t.shape.dim[d] = json_integer_value(json_array_get(shape, (size_t)d));
    }
    t.size_bytes = shape ? (size_t)li_shape_count(&t.shape) * li_dtype_size(t.dtype) : rest; /* a pack has none */
    t.data = malloc(t.size_bytes + 1);
    assert_int_equal(fread(t.data, 1, t.size_bytes, file), t.size_bytes);
    fclose(file);
    return t;
}

/* ---- The call ---- */

static struct li_arg argument(struct lab *l, const json_t *value)
{
    const json_t *constant = json_object_get(value, "const");
    if (json_object_get(value, "tensor")) {
        l->input[l->inputs] = read_array(value, "tensor");
        const struct li_tensor *t = &l->input[l->inputs];
        return input(l->inputs++, t->dtype, t->shape.rank, t->shape.dim);
    }
    if (json_is_string(constant)) {
        return (struct li_arg){.kind = LI_ARG_STRING, .text = json_string_value(constant)};
    }
    return (struct li_arg){.kind = json_is_boolean(constant)   ? LI_ARG_BOOL
                                   : json_is_integer(constant) ? LI_ARG_INT
                                   : json_is_real(constant)    ? LI_ARG_FLOAT
                                                               : LI_ARG_NONE,
                           .i = json_is_integer(constant) ? json_integer_value(constant) : json_is_true(constant),
                           .f = json_real_value(constant)};
}

static struct li_graph *import(struct lab *l)
{
    struct li_arg positional[8], keyword[8];
    const char *name[8], *key;
    struct li_call_args call = {positional, 0, keyword, name, 0};
    struct li_callable *callable;
    struct li_binding *binding;
    struct li_graph *g;
    json_t *value;
    size_t i;
    json_array_foreach(json_object_get(l->entry, "args"), i, value)
    {
        positional[call.positional_count++] = argument(l, value);
    }
    json_object_foreach(json_object_get(l->entry, "kwargs"), key, value)
    {
        name[call.keyword_count] = key;
        keyword[call.keyword_count++] = argument(l, value);
    }
    l->arguments = l->inputs;
    OK(li_model_callable(l->model, text_of(l->entry, "callable"), &callable, &l->err));
    OK(li_callable_match(&binding, callable, &call, &l->err));
    binding->gradients = l->gradients;
    OK(li_binding_import(&g, binding, &l->err));
    li_binding_free(binding);
    return g;
}

/* What arrives at outputs are further inputs of the graph. */
static struct li_graph *bind(struct lab *l)
{
    struct li_graph *g = import(l);
    json_t *value;
    size_t i;
    json_array_foreach(json_object_get(l->entry, "upstream"), i, value)
    {
        li_vid v;
        l->input[l->inputs] = read_array(value, "tensor");
        OK(li_graph_input(g, LINCE_FLOAT32, &l->input[l->inputs++].shape, &v, &l->err));
    }
    return g;
}

/* ---- Differentiating ---- */

static void note(void *context, const char *text)
{
    struct lab *l = context;
    snprintf(l->warning, sizeof l->warning, "%s", text);
    l->warnings++;
}

static lince_status differentiate(struct lab *l, const struct li_graph *from, struct li_graph **out)
{
    li_vid upstream[MOST], targets[MOST];
    int floats = 0;
    struct li_graph *g;
    LI_TRY(li_graph_copy(&g, from, &l->err));
    for (int32_t i = 0; i < g->output_count; i++) {
        bool is_float = g->values[g->outputs[i]].dtype == LINCE_FLOAT32;
        upstream[i] = is_float ? g->inputs[l->arguments + floats++] : LI_NONE;
    }
    assert_int_equal(floats, l->inputs - l->arguments);
    targets[0] = g->inputs[0];
    for (int i = 0; i < l->targets; i++) {
        LI_TRY(li_graph_resource(g, l->target[i], &targets[i + l->image], &l->err));
    }
    const struct li_gradient_options options = {.outputs = g->outputs,
                                                .upstream = upstream,
                                                .output_count = (int)g->output_count,
                                                .targets = targets,
                                                .target_count = l->targets + l->image,
                                                .none = true,
                                                .model = l->model,
                                                .strict = l->strict,
                                                .warn = note,
                                                .warn_context = l};
    lince_status st = li_gradient(out, g, &options, l->grads, &l->err);
    li_graph_free(g);
    return st;
}

/* From an inferred graph to one of its gradients, which is all that is left; none of them is missing. */
static lince_status stage_of(struct li_graph **out, const struct li_graph *from, void *context,
                             const struct li_env *env, lince_error *err)
{
    struct lab *l = context;
    struct li_graph *g;
    lince_status st = differentiate(l, from, &g);
    if (st) {
        *err = l->err;
        return st;
    }
    for (int i = 0; i < l->targets + l->image; i++) {
        if (l->grads[i] < 0) {
            fail_msg("%s: target %d has no gradient", text_of(l->entry, "id"), i);
        }
    }
    st = li_graph_set_outputs(g, l->grads, l->targets + l->image, err);
    st = st ? st : li_passes_run(out, g, NULL, env, err);
    li_graph_free(g);
    return st;
}

/* ---- Comparing ---- */

static void compare(const struct lab *l, const char *what, int which, const float *got, const float *want, size_t n,
                    double atol, double rtol)
{
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)got[i] - (double)want[i]) <= atol + rtol * fabs((double)want[i]))) {
            fail_msg("%s: %s %d: element %zu of %zu is %.9g, TensorFlow gives %.9g", text_of(l->entry, "id"), what,
                     which, i, n, (double)got[i], (double)want[i]);
        }
    }
}

static void compare_all(const struct lab *l, const struct li_tensor *got)
{
    const json_t *image = json_object_get(l->entry, "image_gradient"), *pack = json_object_get(l->entry, "pack");
    if (l->image) {
        struct li_tensor want = read_array(image, "tensor");
        assert_true(li_shape_equal(&got->shape, &want.shape));
        compare(l, "image", 0, got->data, want.data, want.size_bytes / sizeof(float),
                json_number_value(json_object_get(image, "atol")), json_number_value(json_object_get(image, "rtol")));
        free(want.data);
    }
    if (l->targets == 0) {
        return;
    }
    struct li_tensor all = read_array(pack, "pack");
    size_t at = 0;
    for (int i = 0; i < l->targets; i++) {
        const struct li_tensor *one = &got[i + l->image];
        size_t n = one->size_bytes / sizeof(float);
        assert_true(at + n <= all.size_bytes / sizeof(float));
        compare(l, "variable", i, one->data, (const float *)all.data + at, n,
                json_number_value(json_array_get(json_object_get(pack, "atol"), (size_t)i)),
                json_number_value(json_object_get(pack, "rtol")));
        at += n;
    }
    assert_int_equal(at * sizeof(float), all.size_bytes);
    free(all.data);
}

/* ---- One entry ---- */

static void begin(struct lab *l, const char *model, const json_t *entry)
{
    char path[300];
    json_t *index;
    size_t i;
    memset(l, 0, sizeof *l);
    l->entry = entry;
    l->gradients = true;
    l->mem = li_mem_new(NULL, NULL, NULL, 0);
    l->env = (struct li_env){.mem = l->mem, .isa = li_cpu_isa(), .kernels = li_kernels_get(li_cpu_isa())};
    snprintf(path, sizeof path, "golden/%s", model);
    OK(open_model(&l->model, path, l->mem, &l->err));
    l->image = json_is_object(json_object_get(entry, "image_gradient"));
    json_array_foreach(json_object_get(entry, "variables"), i, index)
    {
        l->target[l->targets++] = li_model_variable(l->model, (size_t)json_integer_value(index))->resource;
    }
}

static void end(struct lab *l)
{
    for (int i = 0; i < l->inputs; i++) {
        free(l->input[i].data);
    }
    li_model_close(l->model);
    assert_int_equal(li_mem_used_bytes(l->mem), 0);
    li_mem_release(l->mem);
}

static lince_status run(struct lab *l, struct li_session **session, const struct li_tensor **out)
{
    struct li_pool *pool;
    struct li_program *program;
    const struct li_stage stages[] = {{.make = stage_of, .context = l}};
    const struct li_program_options options = {.env = &l->env, .stages = stages, .stage_count = 1};
    OK(li_pool_new(&pool, 2, l->mem, &l->err));
    OK(li_program_new(&program, bind(l), &options, &l->err));
    OK(li_session_new(session, program, pool, &l->err));
    li_program_release(program);
    li_pool_release(pool);
    return li_session_run(*session, l->input, l->inputs, NULL, out, &l->err);
}

/* Twice: what a run leaves behind is nothing to the next. */
static void check_entry(const json_t *manifest, const json_t *entry)
{
    struct lab lab, *l = &lab;
    struct li_session *session;
    const struct li_tensor *out;
    begin(l, text_of(manifest, "model"), entry);
    l->strict = true;
    OK(run(l, &session, &out));
    compare_all(l, out);
    OK(li_session_run(session, l->input, l->inputs, NULL, &out, &l->err));
    compare_all(l, out);
    assert_int_equal(l->warnings, 0);
    li_session_free(session);
    end(l);
}

static void gradients_of_models_are_those_of_tensorflow(void **state)
{
    int entries = 0;
    struct dirent *file;
    DIR *folder = opendir(LINCE_TEST_DATA "/golden/cases");
    (void)state;
    assert_non_null(folder);
    while ((file = readdir(folder))) {
        char path[300];
        const char *dot = strrchr(file->d_name, '.');
        if (!dot || strcmp(dot, ".json") != 0) {
            continue;
        }
        snprintf(path, sizeof path, "golden/cases/%s", file->d_name);
        json_t *manifest = read_manifest(path), *entry;
        size_t i;
        json_array_foreach(json_object_get(manifest, "gradients"), i, entry)
        {
            print_message("%s, %s\n", text_of(manifest, "name"), text_of(entry, "id"));
            check_entry(manifest, entry);
            entries++;
        }
        json_decref(manifest);
    }
    closedir(folder);
    print_message("%d entries\n", entries);
    assert_true(entries >= 57);
}

/* The two swishes of this net have gradients that say what their nodes say: the identity gives the same numbers. */
static void a_gradient_that_was_not_saved_is_told_of_once_or_refused(void **state)
{
    struct lab lab, *l = &lab;
    struct li_session *session;
    const struct li_tensor *out;
    json_t *manifest = read_manifest("golden/cases/mobile.json");
    const json_t *entry = json_array_get(json_object_get(manifest, "gradients"), 0);
    (void)state;
    for (int saved = 0; saved < 2; saved++) {
        begin(l, saved ? "models/mobile" : "models/mobile_unsaved_gradient", entry);
        l->gradients = false; /* of the one that has them, too, nothing is kept for them */
        assert_int_equal(run(l, &session, &out), LINCE_OK);
        if (saved) {
            compare_all(l, out);
        }
        assert_int_equal(l->warnings, 1);
        assert_non_null(strstr(l->warning, "was not saved with the model; taken as the identity; so are 1 more"));
        li_session_free(session);
        end(l);
    }
    begin(l, "models/mobile_unsaved_gradient", entry);
    l->strict = true;
    assert_int_equal(run(l, &session, &out), LINCE_EUNSUPPORTED);
    assert_non_null(strstr(l->err.text, "IdentityN_1\" (IdentityN): its gradient, \"CustomGradient-"));
    li_session_free(session);
    end(l);
    json_decref(manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_models_are_those_of_tensorflow),
        cmocka_unit_test(a_gradient_that_was_not_saved_is_told_of_once_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
