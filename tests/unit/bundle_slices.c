/* Variables saved in slices: the code of their keys, and how they are put together. */
#include "bundle_support.h"

static lince_error err;

static void check_key(const struct li_extent *extents, int rank, const char *name, const char *wanted, size_t n)
{
    uint8_t key[LI_TABLE_MAX_KEY];

    assert_int_equal(li_slice_key(key, name, extents, rank), n);
    assert_memory_equal(key, wanted, n);
}

static void keys_of_slices_are_those_of_tensorflow(void **state)
{
    (void)state;
    /* from an index that TensorFlow wrote: big/weights, [64, 5] at 0, 64 and 128 */
    check_key((struct li_extent[]){{0, 64}, {0, 5}}, 2, "big/weights", "\0big/weights\0\1\1\2\x80\xc0\x40\x80\x85", 21);
    check_key((struct li_extent[]){{64, 64}, {0, 5}}, 2, "big/weights", "\0big/weights\0\1\1\2\xc0\x40\xc0\x40\x80\x85",
              22);
    check_key((struct li_extent[]){{128, 64}, {0, 5}}, 2, "big/weights",
              "\0big/weights\0\1\1\2\xc0\x80\xc0\x40\x80\x85", 22);
}

static void numbers_in_keys_take_as_few_bytes_as_they_need(void **state)
{
    (void)state;
    /* rank 1: 00 | "x" 00 01 | 01 01 | start, length */
    check_key((struct li_extent[]){{63, -1}}, 1, "x", "\0x\0\1\1\1\xbf\x7f", 8);
    check_key((struct li_extent[]){{64, 8191}}, 1, "x", "\0x\0\1\1\1\xc0\x40\xdf\xff", 10);
    check_key((struct li_extent[]){{8192, -65}}, 1, "x", "\0x\0\1\1\1\xe0\x20\x00\x3f\xbf", 11);
    check_key((struct li_extent[]){{INT64_MAX, 1}}, 1, "x", "\0x\0\1\1\1\xff\xc0\x7f\xff\xff\xff\xff\xff\xff\xff\x81",
              17);
    check_key((struct li_extent[]){{INT64_MIN, 1}}, 1, "x", "\0x\0\1\1\1\x00\x3f\x80\x00\x00\x00\x00\x00\x00\x00\x81",
              17);
    check_key((struct li_extent[]){{(int64_t)1 << 54, 1}}, 1, "x", "\0x\0\1\1\1\xff\x40\0\0\0\0\0\0\x81", 15);
    check_key((struct li_extent[]){{(int64_t)1 << 55, 1}}, 1, "x", "\0x\0\1\1\1\xff\x80\x80\0\0\0\0\0\0\x81", 16);
    check_key(NULL, 0, "\xff", "\0\xff\0\0\1\0", 6);
}

static void a_name_that_leaves_no_room_gives_no_key(void **state)
{
    (void)state;
    char name[LI_TABLE_MAX_KEY + 1];
    uint8_t key[LI_TABLE_MAX_KEY];

    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(li_slice_key(key, name, NULL, 0), 0);
}

/* A tensor [3, 4] of int32, 0 to 11, and slices of it: rows [row, row + rows), columns [column, column + columns). */
struct part {
    int row, rows, column, columns;
    int full_columns; /* leave the length of the columns out */
};

static void put_extent(struct buf *slice, int start, int length, int full)
{
    struct buf extent = {0};

    put_number(&extent, 1, start);
    if (!full) {
        put_number(&extent, 2, length);
    }
    put_message(slice, 1, &extent);
    free(extent.data);
}

static void put_whole(struct buf *entries, const struct part *part, size_t n)
{
    struct buf value = {0}, slice = {0};

    put_tensor(&value, LINCE_INT32, (int[]){3, 4, -1}, 0, (struct li_bytes){(const uint8_t *)"", 0});
    for (size_t i = 0; i < n; i++) {
        put_extent(&slice, part[i].row, part[i].rows, 0);
        put_extent(&slice, part[i].column, part[i].columns, part[i].full_columns);
        put_message(&value, 7, &slice);
    }
    put_entry_text(entries, "t", &value);
    free(value.data);
    free(slice.data);
}

/*
 * The entry of one slice and its elements; slices are given in the order of their keys, which is that of their places
 * here.
 */
static void put_part(struct buf *entries, struct buf *data, const struct part *part, const char *name)
{
    struct buf value = {0};
    uint8_t key[LI_TABLE_MAX_KEY];
    struct li_extent extents[2] = {{part->row, part->rows},
                                   {part->column, part->full_columns ? LI_SLICE_FULL : part->columns}};
    size_t offset = data->len;

    for (int r = part->row; r < part->row + part->rows; r++) {
        for (int c = part->column; c < part->column + part->columns; c++) {
            put_u32(data, (uint32_t)(4 * r + c));
        }
    }
    put_tensor(&value, LINCE_INT32, (int[]){part->rows, part->columns, -1}, offset,
               (struct li_bytes){data->data + offset, data->len - offset});
    put_entry(entries, (struct li_bytes){key, li_slice_key(key, name, extents, 2)}, bytes_of(&value));
    free(value.data);
}

static int compare_keys(const void *a, const void *b)
{
    uint8_t one[LI_TABLE_MAX_KEY], other[LI_TABLE_MAX_KEY];
    const struct part *p = a, *q = b;
    struct li_extent x[2] = {{p->row, p->rows}, {p->column, p->full_columns ? LI_SLICE_FULL : p->columns}};
    struct li_extent y[2] = {{q->row, q->rows}, {q->column, q->full_columns ? LI_SLICE_FULL : q->columns}};
    struct li_bytes first = {one, li_slice_key(one, "t", x, 2)}, second = {other, li_slice_key(other, "t", y, 2)};

    return li_table_compare(first, second);
}

/* Save with these slices, those from `missing` on without an entry, and read again. */
static lince_status join(struct part *part, size_t n, size_t missing)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct buf entries = {0}, data = {0};
    struct li_bundle *bundle;
    struct li_tensor tensor;

    qsort(part, n, sizeof *part, compare_keys);
    put_header(&entries, 1);
    for (size_t i = 0; i < missing; i++) {
        put_part(&entries, &data, &part[i], "t");
    }
    put_whole(&entries, part, n);
    struct buf table = table_of(&entries);
    assert_status(open_forged(&bundle, bytes_of(&table), bytes_of(&data), mem, &err), LINCE_OK);
    assert_int_equal(li_bundle_count(bundle), 1);
    lince_status st = li_bundle_read(&tensor, bundle, li_bundle_at(bundle, 0), &err);
    for (int i = 0; !st && i < 12; i++) {
        assert_int_equal(((int32_t *)tensor.data)[i], i);
    }
    li_bundle_close(bundle);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    free(table.data);
    free(entries.data);
    free(data.data);
    return st;
}

static void slices_of_rows_columns_and_blocks_are_joined(void **state)
{
    (void)state;
    struct part rows[] = {{0, 1, 0, 4, 0}, {1, 2, 0, 4, 0}};
    struct part columns[] = {{0, 3, 0, 1, 0}, {0, 3, 1, 3, 0}};
    struct part blocks[] = {{0, 2, 0, 3, 0}, {0, 2, 3, 1, 0}, {2, 1, 0, 1, 0}, {2, 1, 1, 3, 0}};
    struct part whole[] = {{0, 1, 0, 4, 1}, {1, 2, 0, 4, 1}};
    struct part empty[] = {{0, 3, 0, 4, 0}, {1, 0, 0, 4, 0}};

    assert_status(join(rows, 2, 2), LINCE_OK);
    assert_status(join(columns, 2, 2), LINCE_OK);
    assert_status(join(blocks, 4, 4), LINCE_OK);
    assert_status(join(whole, 2, 2), LINCE_OK);
    assert_status(join(empty, 2, 2), LINCE_OK);
}

static void slices_that_overlap_leave_gaps_or_go_outside_are_refused(void **state)
{
    (void)state;
    struct part overlap[] = {{0, 2, 0, 4, 0}, {1, 2, 0, 4, 0}};
    struct part gap[] = {{0, 1, 0, 4, 0}, {2, 1, 0, 4, 0}};
    struct part outside[] = {{0, 2, 0, 4, 0}, {2, 2, 0, 4, 0}};

    assert_status(join(overlap, 2, 2), LINCE_EINVAL);
    assert_says(err, "forged.index: \"t\": its slices 0 and 1 overlap");
    assert_status(join(gap, 2, 2), LINCE_EINVAL);
    assert_says(err, "its 2 slices have 8 elements, wanted 12");
    assert_status(join(outside, 2, 2), LINCE_EINVAL);
    assert_says(err, "slice 1 takes 2 from 2 of dimension 0, which is 3");
}

static void a_slice_without_an_entry_is_missing(void **state)
{
    (void)state;
    struct part rows[] = {{0, 1, 0, 4, 0}, {1, 2, 0, 4, 0}};

    assert_status(join(rows, 2, 1), LINCE_ENOENT);
    assert_says(err, "its slice 1 has no entry");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_slices_are_those_of_tensorflow),
        cmocka_unit_test(numbers_in_keys_take_as_few_bytes_as_they_need),
        cmocka_unit_test(a_name_that_leaves_no_room_gives_no_key),
        cmocka_unit_test(slices_of_rows_columns_and_blocks_are_joined),
        cmocka_unit_test(slices_that_overlap_leave_gaps_or_go_outside_are_refused),
        cmocka_unit_test(a_slice_without_an_entry_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
