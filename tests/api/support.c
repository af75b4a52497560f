#include "support.h"

#include <unistd.h>

static void *counted_alloc(size_t bytes, void *context)
{
    struct counter *c = context;
    size_t call = atomic_fetch_add(&c->calls, 1) + 1;
    if (c->fail_from && call >= c->fail_from && call - c->fail_from < c->fail_for) {
        return NULL;
    }
    atomic_fetch_add(&c->live, 1);
    return malloc(bytes);
}

static void counted_release(void *pointer, void *context)
{
    struct counter *c = context;
    atomic_fetch_sub(&c->live, 1);
    free(pointer);
}

void count_in(lince_model_options *options, struct counter *counter)
{
    lince_model_options_init(options);
    options->alloc = counted_alloc;
    options->release = counted_release;
    options->context = counter;
    options->threads = 1;
}

lince_model *open_with(const char *name, const lince_model_options *options)
{
    char path[1024];
    lince_model *model = NULL;
    snprintf(path, sizeof path, "%s%s", *name == '/' ? "" : LINCE_TEST_DATA "/golden/models/", name);
    assert_ok(lince_model_open(&model, path, options, err));
    return model;
}

lince_model *open_model(const char *name, int threads)
{
    lince_model_options options;
    lince_model_options_init(&options);
    options.threads = threads;
    return open_with(name, &options);
}

lince_session *open_session(lince_model *model, const char *callable, const lince_argument *arguments, size_t count)
{
    lince_callable *found;
    lince_session *session = NULL;
    assert_ok(lince_model_callable(model, callable, &found, err));
    assert_ok(lince_session_new(&session, found, arguments, count, NULL, err));
    return session;
}

lince_session *open_training(lince_model *model, bool training)
{
    lince_argument arguments[] = {{.path = "0", .kind = LINCE_ARG_INPUT},
                                  {.path = "training", .kind = LINCE_ARG_BOOL, .i = training}};
    return open_session(model, "__call__", arguments, 2);
}

lince_tensor random_tensor(int rank, const int64_t *dims, unsigned seed)
{
    lince_tensor t = {.dtype = LINCE_FLOAT32, .rank = rank};
    size_t count = 1;
    for (int i = 0; i < rank; i++) {
        t.dims[i] = dims[i];
        count *= (size_t)dims[i];
    }
    t.size_bytes = count * sizeof(float);
    float *data = t.data = malloc(t.size_bytes + 1);
    uint32_t state = seed * 2654435761u + 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) / 16777216.0f;
    }
    return t;
}

lince_tensor random_images(int64_t n, int64_t h, int64_t w, unsigned seed)
{
    return random_tensor(4, (int64_t[]){n, h, w, 3}, seed);
}

float *run_floats(lince_session *session, const lince_tensor *input, size_t *count)
{
    const lince_output *outputs = NULL;
    size_t outputs_count = 0;
    assert_ok(lince_session_run(session, input, 1, &outputs, &outputs_count, err));
    assert_int_equal(outputs[0].tensor.dtype, LINCE_FLOAT32);
    float *copy = malloc(outputs[0].tensor.size_bytes + 1);
    if (outputs[0].tensor.size_bytes) {
        memcpy(copy, outputs[0].tensor.data, outputs[0].tensor.size_bytes);
    }
    *count = outputs[0].tensor.size_bytes / sizeof(float);
    return copy;
}

size_t variable_named(lince_model *model, const char *name, lince_variable_info *info)
{
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_info_at(model, i, info, err));
        if (strcmp(info->name, name) == 0) {
            return i;
        }
    }
    fail_msg("there is no variable %s", name);
    return 0;
}

unsigned char *read_all(lince_model *model, size_t *size_bytes)
{
    lince_variable_info info = {.struct_size = sizeof info};
    unsigned char *all = malloc(1);
    *size_bytes = 0;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_info_at(model, i, &info, err));
        all = realloc(all, *size_bytes + info.size_bytes + 1);
        assert_ok(lince_variable_read(model, i, all + *size_bytes, info.size_bytes, err));
        *size_bytes += info.size_bytes;
    }
    return all;
}

lince_tensor read_npy(const char *name)
{
    char path[1024];
    unsigned char head[10];
    lince_tensor t = {.dtype = LINCE_FLOAT32};
    snprintf(path, sizeof path, "%s/%s", LINCE_TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    if (!f || fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY\1", 7) != 0) {
        fail_msg("%s is no .npy file", path);
    }
    size_t len = head[8] + 256u * head[9], count = 1;
    char *text = calloc(1, len + 1);
    assert_int_equal(fread(text, 1, len, f), len);
    const char *at = strstr(text, "'shape': (");
    if (!at || !strstr(text, "'<f4'") || strstr(text, "True")) {
        fail_msg("%s is no float32 in C order: %s", path, text);
    }
    for (at += 10; *at && *at != ')';) {
        char *end;
        t.dims[t.rank] = strtoll(at, &end, 10);
        count *= (size_t)t.dims[t.rank++];
        at = end + strspn(end, ", ");
    }
    t.size_bytes = count * sizeof(float);
    t.data = malloc(t.size_bytes + 1);
    assert_int_equal(fread(t.data, 1, t.size_bytes, f), t.size_bytes);
    free(text);
    fclose(f);
    return t;
}

size_t resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
    fclose(f);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}
