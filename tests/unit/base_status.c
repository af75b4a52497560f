/* Errors: codes, texts, cutting and prefixes. */
#include "unit/test.h"

static void failing_fills_code_and_text(void **state)
{
    lince_error err = {0};
    (void)state;

    assert_int_equal(li_fail(&err, LINCE_ECORRUPT, "footer has %d bytes", 7), LINCE_ECORRUPT);
    assert_int_equal(err.code, LINCE_ECORRUPT);
    assert_string_equal(err.text, "footer has 7 bytes");
}

static void a_text_is_one_line_whatever_the_names_in_it(void **state)
{
    lince_error err;
    (void)state;

    li_fail(&err, LINCE_EINVAL, "node \"%s\": no such op", "a\nb\x1b[2J\x7f\xc3\xa4");
    assert_string_equal(err.text, "node \"a?b?[2J?\xc3\xa4\": no such op");
    li_prefix(&err, LINCE_EINVAL, "%s", "c\rd");
    assert_string_equal(err.text, "c?d: node \"a?b?[2J?\xc3\xa4\": no such op");
}

static void failing_without_an_error_struct_returns_the_code(void **state)
{
    (void)state;
    assert_int_equal(li_fail(NULL, LINCE_EIO, "%s", "nobody reads this"), LINCE_EIO);
    assert_int_equal(li_prefix(NULL, LINCE_EIO, "nobody"), LINCE_EIO);
}

static void a_long_text_is_cut_at_its_end(void **state)
{
    lince_error err;
    static char longer[3 * LINCE_ERROR_TEXT];
    (void)state;

    memset(longer, 'x', sizeof longer - 1);
    li_fail(&err, LINCE_EINVAL, "begin %s", longer);
    assert_int_equal(strlen(err.text), LINCE_ERROR_TEXT - 1);
    assert_memory_equal(err.text, "begin xxx", 9);

    li_prefix(&err, LINCE_EINVAL, "node \"n\"");
    assert_int_equal(strlen(err.text), LINCE_ERROR_TEXT - 1);
    assert_memory_equal(err.text, "node \"n\": begin xxx", 19);
}

/* Characters of 2, 3 and 4 bytes, at every offset against the cut: what is left must be whole characters. */
static void a_cut_never_leaves_half_a_character(void **state)
{
    static const char *const characters[] = {"\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x90\xb1"};
    (void)state;

    for (size_t c = 0; c < LI_COUNT(characters); c++) {
        size_t width = strlen(characters[c]);
        for (size_t skip = 0; skip < width; skip++) {
            static char text[2 * LINCE_ERROR_TEXT];
            lince_error err;
            size_t at = 0;
            while (at < skip) {
                text[at++] = 'a';
            }
            while (at + width < sizeof text) {
                memcpy(text + at, characters[c], width);
                at += width;
            }
            text[at] = '\0';
            li_fail(&err, LINCE_EINVAL, "%s", text);
            size_t len = strlen(err.text);
            assert_int_equal((len - skip) % width, 0);
            assert_true(len + width > LINCE_ERROR_TEXT - 1);
            assert_memory_equal(err.text, text, len);
        }
    }
}

static void a_prefix_stands_before_the_text(void **state)
{
    lince_error err;
    (void)state;

    li_fail(&err, LINCE_ENOENT, "no such file");
    assert_int_equal(li_prefix(&err, LINCE_ENOENT, "shard %d", 3), LINCE_ENOENT);
    assert_string_equal(err.text, "shard 3: no such file");
    assert_int_equal(err.code, LINCE_ENOENT);
}

static void a_text_may_be_made_from_the_old_one(void **state)
{
    lince_error err;
    (void)state;

    li_fail(&err, LINCE_EIO, "inner");
    li_fail(&err, LINCE_EIO, "outer (%s)", err.text);
    assert_string_equal(err.text, "outer (inner)");
}

static lince_status inner(lince_status status, int *after)
{
    LI_TRY(status);
    ++*after;
    return LINCE_OK;
}

static void try_returns_at_the_first_failure(void **state)
{
    int after = 0;
    (void)state;

    assert_int_equal(inner(LINCE_ELIMIT, &after), LINCE_ELIMIT);
    assert_int_equal(after, 0);
    assert_int_equal(inner(LINCE_OK, &after), LINCE_OK);
    assert_int_equal(after, 1);
}

static void every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = LINCE_OK; i <= LINCE_ECANCELED; i++) {
        assert_string_not_equal(li_status_name((lince_status)i), "unknown");
        for (int k = LINCE_OK; k < i; k++) {
            assert_string_not_equal(li_status_name((lince_status)i), li_status_name((lince_status)k));
        }
    }
    assert_string_equal(li_status_name((lince_status)(LINCE_ECANCELED + 1)), "unknown");
    assert_string_equal(li_status_name(LINCE_ECORRUPT), "corrupt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(failing_fills_code_and_text),
        cmocka_unit_test(a_text_is_one_line_whatever_the_names_in_it),
        cmocka_unit_test(failing_without_an_error_struct_returns_the_code),
        cmocka_unit_test(a_long_text_is_cut_at_its_end),
        cmocka_unit_test(a_cut_never_leaves_half_a_character),
        cmocka_unit_test(a_prefix_stands_before_the_text),
        cmocka_unit_test(a_text_may_be_made_from_the_old_one),
        cmocka_unit_test(try_returns_at_the_first_failure),
        cmocka_unit_test(every_status_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
