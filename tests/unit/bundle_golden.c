/* Checkpoints written by TensorFlow, against the values TensorFlow reads from them; and those with one fault each. */
#include "bundle_support.h"

#include <jansson.h>
#include <pthread.h>

static lince_error err;

static json_t *read_json(const char *name)
{
    struct buf text = read_file(name);
    json_error_t fault;
    json_t *json = json_loadb((const char *)text.data, text.len, 0, &fault);

    if (!json) {
        fail_msg("%s:%d: %s", name, fault.line, fault.text);
    }
    free(text.data);
    return json;
}

/* The checkpoint in a folder below tests/. */
static lince_status open_in(struct li_bundle **out, const char *folder, enum li_bundle_files files, struct li_mem *mem)
{
    char prefix[512];

    snprintf(prefix, sizeof prefix, "%s/%s/variables", LINCE_TEST_DATA, folder);
    return li_bundle_open(out, prefix, files, mem, &err);
}

static void check_hex(const char *key, const struct li_tensor *tensor, const char *hex)
{
    const uint8_t *data = tensor->data;
    char found[3];

    assert_int_equal(strlen(hex), 2 * tensor->size_bytes);
    for (size_t i = 0; i < tensor->size_bytes; i++) {
        snprintf(found, sizeof found, "%02x", data[i]);
        if (memcmp(found, hex + 2 * i, 2)) {
            fail_msg("%s: byte %zu is %s, wanted %.2s", key, i, found, hex + 2 * i);
        }
    }
}

static void check_strings(const struct li_tensor *tensor, json_t *strings)
{
    const lince_string *found = tensor->data;

    assert_int_equal(li_shape_count(&tensor->shape), json_array_size(strings));
    for (size_t i = 0; i < json_array_size(strings); i++) {
        json_t *wanted = json_array_get(strings, i);
        assert_int_equal(found[i].size, json_string_length(wanted));
        assert_memory_equal(found[i].data, json_string_value(wanted), found[i].size);
    }
}

static void check_row(struct li_bundle *bundle, json_t *row)
{
    const char *key = json_string_value(json_object_get(row, "key"));
    json_t *dims = json_object_get(row, "shape"), *hex = json_object_get(row, "hex"),
           *strings = json_object_get(row, "strings");
    const struct li_bundle_entry *entry;
    struct li_tensor tensor;

    assert_status(li_bundle_get(&entry, bundle, key, &err), LINCE_OK);
    assert_status(li_bundle_read(&tensor, bundle, entry, &err), LINCE_OK);
    assert_string_equal(li_dtype_name(tensor.dtype), json_string_value(json_object_get(row, "dtype")));
    assert_int_equal(tensor.shape.rank, json_array_size(dims));
    for (int d = 0; d < tensor.shape.rank; d++) {
        assert_int_equal(tensor.shape.dim[d], json_integer_value(json_array_get(dims, (size_t)d)));
    }
    assert_int_equal((uintptr_t)tensor.data % LI_MIN(li_dtype_size(tensor.dtype), (size_t)8), 0);
    if (hex) {
        check_hex(key, &tensor, json_string_value(hex));
    }
    if (strings) {
        check_strings(&tensor, strings);
    }
}

/* The object graph among the tensors names keys of the others. */
static void check_object_graph(struct li_bundle *bundle, struct li_mem *mem)
{
    const struct li_bundle_entry *entry = li_bundle_find(bundle, "_CHECKPOINTABLE_OBJECT_GRAPH");
    struct li_tensor tensor;
    struct li_arena arena;
    ProtobufCMessage *message;

    assert_non_null(entry);
    assert_status(li_bundle_read(&tensor, bundle, entry, &err), LINCE_OK);
    const lince_string *text = tensor.data;
    li_arena_init(&arena, mem, 0);
    assert_status(li_proto_unpack(&message, (struct li_bytes){(const uint8_t *)text->data, text->size},
                                  &tf__trackable_object_graph__descriptor, "object graph", &arena, &err),
                  LINCE_OK);
    const Tf__TrackableObjectGraph *graph = (const Tf__TrackableObjectGraph *)message;
    size_t keys = 0;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        for (size_t j = 0; j < graph->nodes[i]->n_attributes; j++) {
            assert_status(li_bundle_get(&entry, bundle, graph->nodes[i]->attributes[j]->checkpoint_key, &err),
                          LINCE_OK);
            keys++;
        }
    }
    assert_true(keys > 0);
    li_arena_free(&arena);
}

static void check_files(const char *folder, const char *name, bool objects, enum li_bundle_files files)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *bundle;
    char path[128];

    snprintf(path, sizeof path, "golden/ckpt/%s.json", name);
    json_t *rows = read_json(path);
    assert_status(open_in(&bundle, folder, files, mem), LINCE_OK);
    assert_int_equal(li_bundle_count(bundle), json_array_size(rows) + objects);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        check_row(bundle, json_array_get(rows, i));
    }
    if (objects) {
        check_object_graph(bundle, mem);
    }
    assert_status(read_all(bundle, &err), LINCE_OK);
    li_bundle_close(bundle);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    json_decref(rows);
}

static void check_in(const char *folder, const char *name, bool objects)
{
    check_files(folder, name, objects, LI_BUNDLE_MAPPED);
    check_files(folder, name, objects, LI_BUNDLE_IN_MEMORY);
}

/* Of a model in golden/models. */
static void check_golden(const char *name)
{
    char folder[128];

    snprintf(folder, sizeof folder, "golden/models/%s/variables", name);
    check_in(folder, name, true);
}

static void six_data_files_are_read(void **state)
{
    (void)state;
    check_golden("ckpt_sharded");
}

#ifdef LINCE_SNAPPY
static void compressed_blocks_are_read(void **state)
{
    (void)state;
    check_golden("ckpt_snappy");
}
#endif

static void many_small_blocks_are_read(void **state)
{
    (void)state;
    check_golden("ckpt_small_blocks");
}

static void every_dtype_is_read(void **state)
{
    (void)state;
    check_golden("ckpt_dtypes");
}

static void three_thousand_variables_are_read(void **state)
{
    (void)state;
    check_golden("ckpt_many");
}

static void a_model_with_a_table_is_read(void **state)
{
    (void)state;
    check_golden("assets_table");
}

static void a_partitioned_variable_is_joined(void **state)
{
    (void)state;
    check_in("golden/ckpt/tf1_slices", "tf1_slices", false);
}

/* What a model would do: open the checkpoint, look at its kernel's dtype and shape, read everything. */
static lince_status load(const char *name)
{
    static const char key[] = "kernel/.ATTRIBUTES/VARIABLE_VALUE";
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    const struct li_bundle_entry *entry;
    struct li_bundle *bundle = NULL;
    char path[128];

    snprintf(path, sizeof path, "malformed/models/%s/variables", name);
    lince_status st = open_in(&bundle, path, LI_BUNDLE_MAPPED, mem);
    if (!st && !(st = li_bundle_get(&entry, bundle, key, &err))) {
        st = entry->dtype == LINCE_FLOAT32 ? read_all(bundle, &err)
                                           : li_fail(&err, LINCE_EINVAL, "%s: not float32", key);
    }
    li_bundle_close(bundle);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    assert_in_range(li_mem_peak_bytes(mem), 0, 1 << 18);
    li_mem_release(mem);
    return st;
}

static lince_status status_of(const char *word)
{
    static const struct {
        const char *word;
        lince_status status;
    } words[] = {{"accept", LINCE_OK},
                 {"missing", LINCE_ENOENT},
                 {"format", LINCE_EFORMAT},
                 {"corrupt", LINCE_ECORRUPT},
                 {"invalid", LINCE_EINVAL},
                 {"limit", LINCE_ELIMIT},
                 {"unsupported", LINCE_EUNSUPPORTED}};

    for (size_t i = 0; i < LI_COUNT(words); i++) {
        if (!strcmp(word, words[i].word)) {
            return words[i].status;
        }
    }
    fail_msg("no such class: %s", word);
    return LINCE_OK;
}

/* Faults that show when the index is opened or the tensors are read, without a model around them. */
static bool is_of_checkpoint(const char *name)
{
    static const char *const kinds[] = {"index_", "entry_", "data_", "shards_", "endianness_"};

    for (size_t i = 0; i < LI_COUNT(kinds); i++) {
        if (!strncmp(name, kinds[i], strlen(kinds[i]))) {
            return true;
        }
    }
    return false;
}

static void each_malformed_checkpoint_gives_its_class_of_error(void **state)
{
    (void)state;
    json_t *rows = read_json("malformed/models.json");
    int tried = 0;

    for (size_t i = 0; i < json_array_size(rows); i++) {
        json_t *row = json_array_get(rows, i);
        const char *name = json_string_value(json_object_get(row, "name"));
        if (!is_of_checkpoint(name)) {
            continue;
        }
        lince_status wanted = status_of(json_string_value(json_object_get(row, "expect")));
        tried++;
        err.text[0] = '\0';
#ifndef LINCE_SNAPPY
        if (!strcmp(name, "index_snappy_lie")) {
            wanted = LINCE_EUNSUPPORTED;
        }
#endif
        lince_status found = load(name);
        if (found != wanted) {
            fail_msg("%s gives %d, wanted %d: %s", name, (int)found, (int)wanted, err.text);
        }
        if (found) {
            print_message("    %s: %s\n", name, strrchr(err.text, '/') ? strrchr(err.text, '/') + 1 : err.text);
        }
    }
    assert_true(tried > 20);
    json_decref(rows);
}

/* A data file that is not there is an error only for what lies in it. */
static void a_missing_data_file_is_an_error_when_an_entry_needs_it(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct buf index = read_file("golden/models/ckpt_sharded/variables/variables.index");
    struct buf shard = read_file("golden/models/ckpt_sharded/variables/variables.data-00000-of-00006");
    struct li_bundle *bundle;
    size_t read = 0, missing = 0;

    assert_status(li_bundle_open_bytes(&bundle, bytes_of(&index), "/nowhere/variables", mem, &err), LINCE_OK);
    bundle->shard[0] = (struct li_shard){.file.bytes = bytes_of(&shard), .open = true};
    for (size_t i = 0; i < li_bundle_count(bundle); i++) {
        struct li_tensor tensor;
        lince_status st = li_bundle_read(&tensor, bundle, li_bundle_at(bundle, i), &err);
        assert_true(st == LINCE_OK || st == LINCE_ENOENT);
        read += st == LINCE_OK;
        missing += st == LINCE_ENOENT;
    }
    assert_true(read > 0 && missing > 0);
    assert_says(err, "of-00006");
    li_bundle_close(bundle);
    li_mem_release(mem);
    free(index.data);
    free(shard.data);
}

static void an_index_of_tensorflow_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct buf index = read_file("golden/models/ckpt_small_blocks/variables/variables.index");
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *bundle;

    for (size_t n = 0; n < index.len; n++) {
        struct buf part = cut(bytes_of(&index), n);
        assert_status(li_bundle_open_bytes(&bundle, bytes_of(&part), "cut", mem, &err), LINCE_EFORMAT);
        free(part.data);
    }
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    free(index.data);
}

static void *read_in_thread(void *bundle)
{
    lince_error local;

    return (void *)(uintptr_t)read_all(bundle, &local);
}

static void threads_may_read_the_same_entries_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *bundle;
    pthread_t thread[THREADS];
    void *status;

    assert_status(open_in(&bundle, "golden/models/ckpt_many/variables", LI_BUNDLE_MAPPED, mem), LINCE_OK);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&thread[i], NULL, read_in_thread, bundle), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], &status);
        assert_int_equal((uintptr_t)status, LINCE_OK);
    }
    li_bundle_close(bundle);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(six_data_files_are_read),
#ifdef LINCE_SNAPPY
        cmocka_unit_test(compressed_blocks_are_read),
#endif
        cmocka_unit_test(many_small_blocks_are_read),
        cmocka_unit_test(every_dtype_is_read),
        cmocka_unit_test(three_thousand_variables_are_read),
        cmocka_unit_test(a_model_with_a_table_is_read),
        cmocka_unit_test(a_partitioned_variable_is_joined),
        cmocka_unit_test(each_malformed_checkpoint_gives_its_class_of_error),
        cmocka_unit_test(a_missing_data_file_is_an_error_when_an_entry_needs_it),
        cmocka_unit_test(an_index_of_tensorflow_cut_at_any_byte_is_refused),
        cmocka_unit_test(threads_may_read_the_same_entries_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
