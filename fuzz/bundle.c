/*
 * A checkpoint from a stranger: open the index, read every tensor. The bytes are used three times: as they are, an
 * index with its data behind it (the first two bytes say where that begins); as the content of a data block, in a
 * table whose checksums are right, so that what lies behind the checksums is reached; and as the value of one entry in
 * such a table.
 */
#include "../tests/unit/bundle_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One that can be read can be written, and what was written can be read. */
static void write_again(struct li_bundle *from, bool whole, struct li_mem *mem)
{
    struct memory_sink data = memory_sink(SIZE_MAX), index = memory_sink(SIZE_MAX);
    struct li_bundle_writer *w;
    struct li_bundle *bundle;
    lince_error err;

    if (li_bundle_writer_new(&w, &data.sink, mem, &err)) {
        return;
    }
    lince_status st = li_bundle_rewrite(w, from, nothing_new, NULL, &err);
    st = st ? st : li_bundle_writer_table(w, &index.sink, &err);
    li_bundle_writer_free(w);
    if (!st && open_forged(&bundle, bytes_of(&index.bytes), bytes_of(&data.bytes), mem, &err) == LINCE_OK) {
        st = whole ? read_all(bundle, &err) : LINCE_OK;
        li_bundle_close(bundle);
    } else {
        st = st ? LINCE_OK : err.code; /* a slice that no tensor has may be broken, and memory may be short */
    }
    if (st && st != LINCE_ENOMEM) {
        abort();
    }
    free(data.bytes.data);
    free(index.bytes.data);
}

static void read_checkpoint(struct li_bytes index, struct li_bytes shard)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, (size_t)64 << 20);
    struct li_bundle *bundle;
    lince_error err;

    if (!mem) {
        return;
    }
    if (!open_forged(&bundle, index, shard, mem, &err)) {
        bool whole = !read_all(bundle, &err);
        write_again(bundle, whole, mem);
        li_bundle_close(bundle);
    }
    if (li_mem_used_bytes(mem) || li_mem_peak_bytes(mem) > 256 * (index.len + shard.len) + ((size_t)8 << 20)) {
        abort();
    }
    li_mem_release(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    struct li_bytes all = {data + 2, size - 2};
    size_t split = LI_MIN((size_t)(data[0] | data[1] << 8), all.len);
    read_checkpoint((struct li_bytes){all.data, split}, (struct li_bytes){all.data + split, all.len - split});

    struct buf table = table_of_block((struct li_bytes){all.data, split}, 0);
    read_checkpoint(bytes_of(&table), (struct li_bytes){all.data + split, all.len - split});
    free(table.data);

    struct buf entries = {0}, value = {0};
    put_header(&entries, 1);
    put(&value, all.data, split);
    put_entry_text(&entries, "x", &value);
    table = table_of(&entries);
    read_checkpoint(bytes_of(&table), (struct li_bytes){all.data + split, all.len - split});
    free(table.data);
    free(entries.data);
    free(value.data);
    return 0;
}
