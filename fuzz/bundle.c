/*
 * A checkpoint from a stranger: open the index, read every tensor. The bytes are used three times: as they are, an
 * index with its data behind it (the first two bytes say where that begins); as the content of a data block, in a
 * table whose checksums are right, so that what lies behind the checksums is reached; and as the value of one entry in
 * such a table.
 */
#include "../tests/unit/bundle_support.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_checkpoint(struct li_bytes index, struct li_bytes shard)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, (size_t)64 << 20);
    struct li_bundle *bundle;
    lince_error err;

    if (!mem) {
        return;
    }
    if (!open_forged(&bundle, index, shard, mem, &err)) {
        (void)read_all(bundle, &err);
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
