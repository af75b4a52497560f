/* Tables read from texts. What a key stands for, and what is refused, is TensorFlow's answer to the same file. */
#include "test.h"

#include "ops/table.h"

struct reader {
    struct li_mem *mem;
    struct li_table *table;
    lince_error err;
};

static lince_status read_text(struct reader *r, const char *text, struct li_table_text how)
{
    *r = (struct reader){.mem = li_mem_new(NULL, NULL, NULL, 0)};
    how.delimiter = '\t';
    return li_table_from_text(&r->table, (struct li_bytes){(const uint8_t *)text, strlen(text)}, &how, r->mem, &r->err);
}

static void end(struct reader *r)
{
    li_table_free(r->table);
    assert_int_equal(li_mem_used_bytes(r->mem), 0);
    li_mem_release(r->mem);
}

static void expect_refusal(const char *text, struct li_table_text how, const char *message)
{
    struct reader r;
    assert_int_not_equal(read_text(&r, text, how), LINCE_OK);
    if (!strstr(r.err.text, message)) {
        fail_msg("\"%s\" does not say \"%s\"", r.err.text, message);
    }
    end(&r);
}

static const void *find_text(const struct reader *r, const char *key)
{
    const lince_string s = {key, strlen(key)};
    return li_table_find(r->table, &s);
}

static void expect_text(const struct reader *r, int64_t key, const char *wanted)
{
    const lince_string *s = li_table_find(r->table, &key);
    assert_int_equal(s != NULL, wanted != NULL);
    if (s && wanted) {
        assert_int_equal(s->size, strlen(wanted));
        assert_memory_equal(s->data, wanted, s->size);
    }
}

static const struct li_table_text text_to_line = {.key_dtype = LINCE_STRING,
                                                  .value_dtype = LINCE_INT64,
                                                  .key_index = LI_TABLE_WHOLE_LINE,
                                                  .value_index = LI_TABLE_LINE_NUMBER,
                                                  .vocab_size = -1};

static void offset_is_added_to_line_numbers_that_are_values(void **state)
{
    struct reader r;
    struct li_table_text how = text_to_line;
    (void)state;
    how.offset = 10;
    assert_int_equal(read_text(&r, "a\nb\r\nc", how), LINCE_OK);
    assert_int_equal(li_table_count(r.table), 3);
    assert_int_equal(*(const int64_t *)find_text(&r, "a"), 10);
    assert_int_equal(*(const int64_t *)find_text(&r, "b"), 11);
    assert_int_equal(*(const int64_t *)find_text(&r, "c"), 12);
    assert_null(find_text(&r, "b\r"));
    end(&r);
    how.offset = -5;
    assert_int_equal(read_text(&r, "a\nb\n", how), LINCE_OK);
    assert_int_equal(*(const int64_t *)find_text(&r, "b"), -4);
    end(&r);
}

static void offset_is_added_to_line_numbers_that_are_keys(void **state)
{
    struct reader r;
    (void)state;
    assert_int_equal(read_text(&r, "a\nb\nc\n",
                               (struct li_table_text){.key_dtype = LINCE_INT64,
                                                      .value_dtype = LINCE_STRING,
                                                      .key_index = LI_TABLE_LINE_NUMBER,
                                                      .value_index = LI_TABLE_WHOLE_LINE,
                                                      .vocab_size = -1,
                                                      .offset = 1}),
                     LINCE_OK);
    expect_text(&r, 0, NULL);
    expect_text(&r, 1, "a");
    expect_text(&r, 2, "b");
    expect_text(&r, 3, "c");
    end(&r);
}

static void offset_is_added_to_int32_and_to_no_other_column(void **state)
{
    struct reader r;
    struct li_table_text how = {.key_dtype = LINCE_STRING, .value_index = 1, .vocab_size = -1, .offset = 3};
    (void)state;
    how.value_dtype = LINCE_INT32;
    assert_int_equal(read_text(&r, "a\t5\nb\t7\n", how), LINCE_OK);
    assert_int_equal(*(const int32_t *)find_text(&r, "a"), 8);
    assert_int_equal(*(const int32_t *)find_text(&r, "b"), 10);
    end(&r);
    how.value_dtype = LINCE_INT64;
    assert_int_equal(read_text(&r, "a\t5\nb\t7\n", how), LINCE_OK);
    assert_int_equal(*(const int64_t *)find_text(&r, "b"), 7);
    end(&r);
    how.value_dtype = LINCE_FLOAT32;
    assert_int_equal(read_text(&r, "a\t5\nb\t7\n", how), LINCE_OK);
    assert_true(*(const float *)find_text(&r, "b") == 7);
    end(&r);
}

static void a_whole_line_may_be_an_integer(void **state)
{
    struct reader r;
    struct li_table_text how = text_to_line;
    (void)state;
    how.key_dtype = LINCE_INT64;
    assert_int_equal(read_text(&r, " 10 \n20\n", how), LINCE_OK);
    assert_int_equal(*(const int64_t *)li_table_find(r.table, &(int64_t){10}), 0);
    assert_int_equal(*(const int64_t *)li_table_find(r.table, &(int64_t){20}), 1);
    end(&r);
    expect_refusal("10\n0x10\n", how, "line 2 of a table's file: \"0x10\" is no int64");
    how.key_dtype = LINCE_FLOAT32;
    expect_refusal("1.5\n", how, "a table's keys cannot be float32 from column -2");
}

static void an_empty_line_is_refused_unless_it_is_beyond_the_vocabulary(void **state)
{
    struct reader r;
    struct li_table_text how = text_to_line;
    (void)state;
    expect_refusal("a\n\nc", how, "line 2 of a table's file is empty");
    expect_refusal("a\n\n", how, "line 2 of a table's file is empty");
    how.vocab_size = 1;
    assert_int_equal(read_text(&r, "a\n\n", how), LINCE_OK);
    assert_int_equal(li_table_count(r.table), 1);
    end(&r);
    how.vocab_size = 5;
    expect_refusal("a\nb\nc", how, "a table's file has 3 lines, the model wants 5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offset_is_added_to_line_numbers_that_are_values),
        cmocka_unit_test(offset_is_added_to_line_numbers_that_are_keys),
        cmocka_unit_test(offset_is_added_to_int32_and_to_no_other_column),
        cmocka_unit_test(a_whole_line_may_be_an_integer),
        cmocka_unit_test(an_empty_line_is_refused_unless_it_is_beyond_the_vocabulary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
