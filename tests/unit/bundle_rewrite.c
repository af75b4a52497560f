/* Checkpoints written again: TensorFlow's own become the same bytes, and new values stand where the old ones did. */
#include "bundle_support.h"

#include <unistd.h>

static lince_error err;
static char folder[] = "/tmp/lince-bundle-XXXXXX", prefix[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(prefix, sizeof prefix, "%s/variables", folder);
    return 0;
}

static void remove_files(void)
{
    char path[128];

    snprintf(path, sizeof path, "%s.index", prefix);
    unlink(path);
    snprintf(path, sizeof path, "%s.data-00000-of-00001", prefix);
    unlink(path);
}

static int remove_folder(void **state)
{
    (void)state;
    remove_files();
    return rmdir(folder);
}

/* The files of a checkpoint of one data file. */
struct files {
    struct li_file index, data;
};

static struct files map_files(const char *from)
{
    struct files f = {0};
    char path[512];

    snprintf(path, sizeof path, "%s.index", from);
    assert_status(li_file_map(&f.index, path, &err), LINCE_OK);
    snprintf(path, sizeof path, "%s.data-00000-of-00001", from);
    assert_status(li_file_map(&f.data, path, &err), LINCE_OK);
    return f;
}

static void unmap_files(struct files *f)
{
    li_file_unmap(&f->index);
    li_file_unmap(&f->data);
}

static lince_status rewrite(struct li_bundle *from, li_bundle_value *value, void *context, struct li_mem *mem)
{
    struct li_bundle_writer *w;

    remove_files();
    LI_TRY(li_bundle_writer_open(&w, prefix, mem, &err));
    lince_status st = li_bundle_rewrite(w, from, value, context, &err);
    st = st ? st : li_bundle_writer_finish(w, &err);
    li_bundle_writer_free(w);
    return st;
}

static void path_of(char path[512], const char *name)
{
    snprintf(path, 512, "%s/golden/%s/variables", LINCE_TEST_DATA, name);
}

/* ---- The same bytes ---- */

static void check_same(const char *name, bool same_index)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *from;
    char path[512];

    path_of(path, name);
    assert_status(li_bundle_open(&from, path, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    assert_status(rewrite(from, nothing_new, NULL, mem), LINCE_OK);
    li_bundle_close(from);
    struct files wanted = map_files(path), found = map_files(prefix);
    assert_int_equal(found.data.bytes.len, wanted.data.bytes.len);
    assert_memory_equal(found.data.bytes.data, wanted.data.bytes.data, found.data.bytes.len);
    if (same_index) {
        assert_int_equal(found.index.bytes.len, wanted.index.bytes.len);
        assert_memory_equal(found.index.bytes.data, wanted.index.bytes.data, found.index.bytes.len);
    }
    unmap_files(&wanted);
    unmap_files(&found);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void what_tensorflow_wrote_becomes_the_same_bytes(void **state)
{
    (void)state;
    check_same("models/ckpt_dtypes/variables", true);
    check_same("models/ckpt_many/variables", true);
    check_same("models/assets_table/variables", true);
    check_same("ckpt/tf1_slices", true);
}

static void other_blocks_become_tensorflows(void **state)
{
    (void)state;
    check_same("models/ckpt_small_blocks/variables", false);
#ifdef LINCE_SNAPPY
    check_same("models/ckpt_snappy/variables", false);
#endif
}

/* ---- The same tensors ---- */

static void check_tensor(struct li_bundle *from, struct li_bundle *to, size_t i)
{
    const struct li_bundle_entry *wanted = li_bundle_at(from, i), *found = li_bundle_at(to, i);
    struct li_tensor a, b;

    assert_string_equal(found->key, wanted->key);
    assert_status(li_bundle_read(&a, from, wanted, &err), LINCE_OK);
    assert_status(li_bundle_read(&b, to, found, &err), LINCE_OK);
    assert_int_equal(a.dtype, b.dtype);
    assert_true(li_shape_equal(&a.shape, &b.shape));
    for (int64_t k = 0; a.dtype == LINCE_STRING && k < li_shape_count(&a.shape); k++) {
        const lince_string *x = a.data, *y = b.data;
        assert_int_equal(x[k].size, y[k].size);
        assert_memory_equal(x[k].data, y[k].data, x[k].size);
    }
    if (a.dtype != LINCE_STRING) {
        assert_memory_equal(a.data, b.data, a.size_bytes);
    }
}

/* Slices of six data files into one. */
static void several_data_files_become_one(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *from, *to;
    char path[512];

    path_of(path, "models/ckpt_sharded/variables");
    assert_status(li_bundle_open(&from, path, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    assert_status(rewrite(from, nothing_new, NULL, mem), LINCE_OK);
    assert_status(li_bundle_open(&to, prefix, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    assert_int_equal(li_bundle_count(to), li_bundle_count(from));
    for (size_t i = 0; i < li_bundle_count(from); i++) {
        check_tensor(from, to, i);
    }
    li_bundle_close(from);
    li_bundle_close(to);
    li_mem_release(mem);
}

/* ---- New values ---- */

struct change {
    const struct li_bundle_entry *entry;
    struct li_tensor value;
};

static lince_status one_new(void *context, const struct li_bundle_entry *entry, const struct li_tensor **value,
                            lince_error *e)
{
    const struct change *change = context;

    (void)e;
    if (entry == change->entry) {
        *value = &change->value;
    }
    return LINCE_OK;
}

/* Every tensor of the checkpoint in turn gets its elements in reverse, and reads so; the others stay. */
static void change_each(const char *name)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *from, *to;
    char path[512];

    path_of(path, name);
    assert_status(li_bundle_open(&from, path, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    for (size_t i = 0; i < li_bundle_count(from); i++) {
        struct change change = {.entry = li_bundle_at(from, i)};
        struct li_tensor old, read;
        assert_status(li_bundle_read(&old, from, change.entry, &err), LINCE_OK);
        uint8_t *data = li_alloc(mem, old.size_bytes, &err);
        size_t element = old.dtype == LINCE_STRING ? sizeof(lince_string) : li_dtype_size(old.dtype);
        for (size_t k = 0; k < old.size_bytes; k += element) {
            memcpy(data + k, (uint8_t *)old.data + old.size_bytes - element - k, element);
        }
        change.value = old;
        change.value.data = data;
        assert_status(rewrite(from, one_new, &change, mem), LINCE_OK);
        assert_status(li_bundle_open(&to, prefix, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
        for (size_t k = 0; k < li_bundle_count(from); k++) {
            if (k != i) {
                check_tensor(from, to, k);
            }
        }
        assert_status(li_bundle_read(&read, to, li_bundle_at(to, i), &err), LINCE_OK);
        assert_int_equal(read.size_bytes, old.size_bytes);
        if (old.dtype != LINCE_STRING) {
            assert_memory_equal(read.data, data, old.size_bytes);
        }
        li_bundle_close(to);
        li_free(mem, data);
    }
    li_bundle_close(from);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void each_tensor_can_get_a_new_value(void **state)
{
    (void)state;
    change_each("models/ckpt_dtypes/variables");
}

static void a_new_value_is_cut_into_the_old_slices(void **state)
{
    (void)state;
    change_each("ckpt/tf1_slices");
    change_each("models/ckpt_sharded/variables");
}

static void a_slice_can_get_a_value_of_its_own(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *from, *to;
    struct li_tensor whole, read;
    char path[512];

    path_of(path, "ckpt/tf1_slices");
    assert_status(li_bundle_open(&from, path, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    const struct li_bundle_entry *entry = NULL;
    for (size_t i = 0; i < li_bundle_count(from) && !entry; i++) {
        const struct li_entry *e = (const struct li_entry *)li_bundle_at(from, i);
        entry = e->slices > 1 ? &e->entry : NULL;
    }
    assert_non_null(entry);
    assert_status(li_bundle_read(&whole, from, entry, &err), LINCE_OK);
    struct li_bundle_part part;
    struct li_entry *own;
    assert_status(li_bundle_part_place(&part, (const struct li_entry *)entry, 1, &err), LINCE_OK);
    assert_status(li_bundle_part_find(&own, from, (const struct li_entry *)entry, 1, &part, &err), LINCE_OK);
    struct change change = {.entry = &own->entry, .value = {.dtype = entry->dtype, .shape = part.shape}};
    assert_status(li_shape_bytes(&part.shape, entry->dtype, &change.value.size_bytes, &err), LINCE_OK);
    change.value.data = li_calloc(mem, 1, change.value.size_bytes, &err);
    assert_status(rewrite(from, one_new, &change, mem), LINCE_OK);
    assert_status(li_bundle_open(&to, prefix, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    assert_status(li_bundle_read(&read, to, li_bundle_find(to, entry->key), &err), LINCE_OK);
    size_t zeros = 0, kept = 0, n = (size_t)li_shape_count(&entry->shape);
    for (size_t i = 0; i < n; i++) {
        zeros += ((const float *)read.data)[i] == 0;
        kept += ((const float *)read.data)[i] == ((const float *)whole.data)[i];
    }
    assert_int_equal(zeros, li_shape_count(&part.shape));
    assert_int_equal(kept, n - zeros);
    li_bundle_close(to);
    li_free(mem, change.value.data);
    li_bundle_close(from);
    li_mem_release(mem);
}

/* ---- Refusals ---- */

static void a_value_of_another_shape_is_refused(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_bundle *from;
    char path[512];

    path_of(path, "ckpt/tf1_slices");
    assert_status(li_bundle_open(&from, path, LI_BUNDLE_MAPPED, mem, &err), LINCE_OK);
    struct change change = {.entry = li_bundle_at(from, 0), .value = {.dtype = LINCE_INT8, .shape = {.rank = 0}}};
    assert_int_equal(rewrite(from, one_new, &change, mem), LINCE_EINVAL);
    assert_non_null(strstr(err.text, "the new value is int8[], the checkpoint has "));
    assert_int_not_equal(access(prefix, F_OK), 0);
    li_bundle_close(from);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

/* A checksum that is wrong is not handed on as if it were right, nor made right. */
static void a_broken_tensor_is_not_carried_over(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct buf entries = {0}, value = {0};
    struct li_bundle *from;
    const float right[2] = {1, 2}, wrong[2] = {1, 3};

    put_header(&entries, 1);
    put_tensor(&value, LINCE_FLOAT32, (int[]){2, -1}, 0, (struct li_bytes){(const uint8_t *)right, sizeof right});
    put_entry_text(&entries, "w", &value);
    struct buf index = table_of(&entries);
    assert_status(
        open_forged(&from, bytes_of(&index), (struct li_bytes){(const uint8_t *)wrong, sizeof wrong}, mem, &err),
        LINCE_OK);
    assert_int_equal(rewrite(from, nothing_new, NULL, mem), LINCE_ECORRUPT);
    from->shard[0].file = (struct li_file){0};
    li_bundle_close(from);
    free(entries.data);
    free(value.data);
    free(index.data);
    li_mem_release(mem);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_tensorflow_wrote_becomes_the_same_bytes),
        WITH_FOLDER(other_blocks_become_tensorflows),
        WITH_FOLDER(several_data_files_become_one),
        WITH_FOLDER(each_tensor_can_get_a_new_value),
        WITH_FOLDER(a_new_value_is_cut_into_the_old_slices),
        WITH_FOLDER(a_slice_can_get_a_value_of_its_own),
        WITH_FOLDER(a_value_of_another_shape_is_refused),
        WITH_FOLDER(a_broken_tensor_is_not_carried_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
