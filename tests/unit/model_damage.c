/*
 * A small model, cut at every byte and with bits flipped: each way ends in an error, or in the answer of the whole one
 * where a checksum says that nothing was lost. LINCE_SEED repeats a run.
 */
#include "model_forge.h"
#include "unit/runtime_session_on.h"

static const char *const names[] = {"saved_model.pb", "variables/variables.index",
                                    "variables/variables.data-00000-of-00001"};
enum { PB, INDEX, DATA, FILES };

struct whole {
    struct forge folder; /* of it only the folder */
    struct buf file[FILES];
    float answer[2 * 3];
    uint64_t random;
};

static uint32_t draw(struct whole *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

static struct buf read_whole(const char *name)
{
    struct buf b = {0};
    struct li_file file;
    lince_error err;
    char path[512];

    snprintf(path, sizeof path, "%s/malformed/models/pb_unknown_fields/%s", LINCE_TEST_DATA, name);
    if (li_file_map(&file, path, &err)) {
        fail_msg("%s", err.text);
    }
    put(&b, file.bytes.data, file.bytes.len);
    li_file_unmap(&file);
    return b;
}

static lince_status run(struct li_binding *b, float answer[6], struct li_mem *mem, lince_error *err)
{
    static float pixels[2 * 8 * 8 * 3];
    const struct li_env env = {li_kernels_get(li_cpu_isa()), li_cpu_isa(), mem};
    const struct li_tensor in = {LINCE_FLOAT32, {4, {2, 8, 8, 3}}, pixels, sizeof pixels}, *out;
    struct li_graph *graph;
    struct li_session *session;
    struct li_pool *pool;

    for (size_t i = 0; i < LI_COUNT(pixels); i++) {
        pixels[i] = (float)(i % 17) / 16;
    }
    lince_status st = li_binding_import(&graph, b, err);
    if (st) {
        return st;
    }
    assert_int_equal(li_pool_new(&pool, 1, mem, err), 0);
    st = session_on(&session, graph, &env, pool, li_passes_run, err);
    if (!st) {
        st = li_session_run(session, &in, 1, NULL, &out, err);
        if (!st) {
            memset(answer, 0, 6 * sizeof *answer);
            memcpy(answer, out->data, LI_MIN(out->size_bytes, 6 * sizeof *answer));
        }
        li_session_free(session);
    }
    li_pool_release(pool);
    return st;
}

/* Open the folder as it is and call the model; whatever comes of it, nothing is left. */
static lince_status try_model(struct whole *w, float answer[6])
{
    const struct li_arg images = {
        .kind = LI_ARG_TENSOR, .dtype = LINCE_FLOAT32, .shape = {4, {2, 8, 8, 3}}, .input = 0};
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, (size_t)64 << 20);
    struct li_model *model = NULL;
    struct li_callable *c;
    struct li_binding *b;
    lince_error err = {.text = ""};

    lince_status st = li_model_open(&model, w->folder.folder, NULL, mem, &err);
    st = st ? st : li_model_callable(model, NULL, &c, &err);
    st = st ? st : li_callable_match(&b, c, &(struct li_call_args){&images, 1, NULL, NULL, 0}, &err);
    if (!st) {
        st = run(b, answer, mem, &err);
        li_binding_free(b);
    }
    li_model_close(model);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    assert_true(!st || (err.code == st && err.text[0]));
    return st;
}

static void begin(struct whole *w)
{
    char path[128];
    const char *seed = getenv("LINCE_SEED");

    memset(w, 0, sizeof *w);
    w->random = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    print_message("LINCE_SEED=%llu\n", (unsigned long long)w->random);
    strcpy(w->folder.folder, "/tmp/lince-damage-XXXXXX");
    assert_non_null(mkdtemp(w->folder.folder));
    snprintf(path, sizeof path, "%s/variables", w->folder.folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < FILES; i++) {
        w->file[i] = read_whole(names[i]);
        write_file(&w->folder, names[i], w->file[i].data, w->file[i].len);
    }
    assert_int_equal(try_model(w, w->answer), 0);
}

static void end(struct whole *w)
{
    for (int i = 0; i < FILES; i++) {
        free(w->file[i].data);
    }
    free_forge(&w->folder);
}

/* With `checked`, an answer must be that of the whole model. */
static void try_damaged(struct whole *w, int file, const uint8_t *bytes, size_t len, bool checked)
{
    float answer[6];

    write_file(&w->folder, names[file], bytes, len);
    if (!try_model(w, answer) && checked) {
        assert_memory_equal(answer, w->answer, sizeof answer);
    }
}

static void cut_everywhere(struct whole *w, int file, size_t step)
{
    for (size_t len = 0; len < w->file[file].len; len += step) {
        try_damaged(w, file, w->file[file].data, len, true);
    }
    write_file(&w->folder, names[file], w->file[file].data, w->file[file].len);
}

static void flip_bits(struct whole *w, int file, size_t step, bool checked)
{
    for (size_t at = draw(w, (uint32_t)step); at < w->file[file].len; at += step) {
        uint8_t bit = (uint8_t)(1u << draw(w, 8)), *byte = &w->file[file].data[at];
        *byte ^= bit;
        try_damaged(w, file, w->file[file].data, w->file[file].len, checked);
        *byte ^= bit;
    }
    write_file(&w->folder, names[file], w->file[file].data, w->file[file].len);
}

static void a_cut_file_gives_an_error_or_the_same_answer(void **state)
{
    struct whole w;

    (void)state;
    begin(&w);
    cut_everywhere(&w, INDEX, 1);
    cut_everywhere(&w, DATA, 1);
    cut_everywhere(&w, PB, 13);
    end(&w);
}

/* Checkpoints have checksums, saved_model.pb has none: another bit there may make another model. */
static void a_flipped_bit_gives_an_error_or_the_same_answer(void **state)
{
    struct whole w;

    (void)state;
    begin(&w);
    flip_bits(&w, INDEX, 1, true);
    flip_bits(&w, DATA, 1, true);
    flip_bits(&w, PB, 11, false);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_file_gives_an_error_or_the_same_answer),
        cmocka_unit_test(a_flipped_bit_gives_an_error_or_the_same_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
