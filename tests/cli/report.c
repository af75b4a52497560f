/* Reports: what a page holds, whatever the names are. `test_cli_report F.html` leaves one for a browser. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/evaluation.h"

#include <math.h>

static const char *left; /* where the page stays; NULL: nowhere */

static char *read_all(FILE *f)
{
    long size = ftell(f);
    char *text = calloc((size_t)size + 1, 1);
    rewind(f);
    assert_int_equal(fread(text, 1, (size_t)size, f), size);
    fclose(f);
    return text;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) {
        n++;
    }
    return n;
}

static struct app_list list_of(const char *const *text, size_t count)
{
    struct app_list list = {0};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(app_list_add(&list, text[i], NULL), LINCE_OK);
    }
    return list;
}

/* Three classes, seven photos, of which the last two are taken for others; all of the list are the same photo. */
static char *page(const char *const class_names[3], const char *photo, const struct cli_chart *chart, size_t charts)
{
    const char *paths[] = {photo, photo, photo, photo, photo, photo, photo};
    static const float scores[7][3] = {{.9f, .1f, 0},   {.8f, .1f, .1f}, {.1f, .7f, .2f}, {.1f, .9f, 0},
                                       {.1f, .1f, .8f}, {.6f, .3f, .1f}, {0, .05f, .95f}};
    static const int64_t labels[] = {0, 0, 1, 1, 2, 1, 0};
    static const struct cli_fact facts[] = {{"Model", "a \"model\" & more"}, {"Epochs", "8"}};
    struct app_list names = list_of(class_names, 3), photos = list_of(paths, 7);
    struct cli_evaluation e;
    lince_image_options options;
    lince_image_options_init(&options);
    assert_int_equal(cli_evaluation_new(&e, &names, &photos, 2), CLI_DONE);
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(cli_evaluation_add(&e, scores[i], labels[i], i), CLI_DONE);
    }
    const struct cli_report report = {"A <report>", facts, 2, chart, charts, &e, &options};
    FILE *f = left ? fopen(left, "w+") : tmpfile();
    assert_non_null(f);
    assert_int_equal(cli_report_write(&report, f), CLI_DONE);
    cli_evaluation_free(&e);
    app_list_free(&photos);
    return read_all(f);
}

static const char *const plain[] = {"daisy", "rose", "tulip"};

static void numbers_and_photos_are_on_the_page(void **state)
{
    (void)state;
    char *text = page(plain, LINCE_EXAMPLES "/photos/flower.jpg", NULL, 0);
    assert_int_equal(count_of(text, "71.43"), 1); /* 5 of 7 */
    assert_int_equal(count_of(text, "85.71"), 1); /* the second of two is right once more */
    assert_int_equal(count_of(text, "<img "), 2);
    assert_int_equal(count_of(text, "src=\"data:image/bmp;base64,Qk"), 2); /* "BM" */
    assert_int_equal(count_of(text, "<svg"), 0);
    assert_non_null(strstr(text, "<b>daisy</b> 0.0000<br>taken for <b>tulip</b> 0.9500"));
    assert_true(strstr(text, "0.9500") < strstr(text, "<b>daisy</b> 0.6000")); /* the surest first */
    free(text);
}

static void a_photo_that_went_away_leaves_its_name(void **state)
{
    (void)state;
    char *text = page(plain, "gone/a.jpg", NULL, 0);
    assert_int_equal(count_of(text, "<img"), 0);
    assert_int_equal(count_of(text, "gone/a.jpg"), 2);
    free(text);
}

/* Tags that open and those that close, and nothing that would come from elsewhere. */
static void names_cannot_write_html(void **state)
{
    static const char *const hostile[] = {"<script>alert(1)</script>", "\"><img src=x onerror='alert(2)'>",
                                          "a\xff\x01&amp;\xc2\x9b&#60;b"};
    static const char *const tags[] = {"html", "head", "body", "table",  "tr",   "td",
                                       "th",   "div",  "p",    "figure", "style"};
    char opening[16], with[16], closing[16];
    const char *photo = "<script src=//x.y></script>.jpg";
    (void)state;
    const struct cli_curve curve = {"</text><script>", (const double[]){1}, 1};
    const struct cli_chart chart = {"<b>&", &curve, 1};
    char *text = page(hostile, photo, &chart, 1);
    assert_int_equal(count_of(text, "<script"), 0);
    assert_int_equal(count_of(text, "<img"), 0);
    assert_int_equal(count_of(text, "\xff"), 0);
    assert_int_equal(count_of(text, "\x01"), 0);
    assert_true(count_of(text, "&lt;script&gt;alert(1)&lt;/script&gt;") >= 3);
    assert_non_null(strstr(text, "a??&amp;amp;?&amp;#60;b"));
    for (size_t i = 0; i < APP_COUNT(tags); i++) {
        snprintf(opening, sizeof opening, "<%s>", tags[i]);
        snprintf(with, sizeof with, "<%s ", tags[i]);
        snprintf(closing, sizeof closing, "</%s>", tags[i]);
        assert_int_equal(count_of(text, opening) + count_of(text, with), count_of(text, closing));
    }
    assert_int_equal(count_of(text, "http://") + count_of(text, "https://"), 0);
    free(text);
}

/* 8 epochs across 440 - 62 - 12 pixels, values of 0 to 1 along 250 - 30 - 34. */
static void curves_lie_where_their_numbers_say(void **state)
{
    static const double training[] = {0, .25, .5, .75, 1, 1, 1, 1}, validation[] = {.5, NAN, INFINITY, .5};
    static const double loss[] = {123456, 5000, 800, 120, 15, 2.5, .3, .04}, flat[] = {1e-9, 1e-9}, one[] = {-3};
    static const struct cli_curve curves[] = {{"training", training, 8}, {"validation", validation, 4},
                                              {"loss", loss, 8},         {"flat", flat, 2},
                                              {"one", one, 1},           {"none", NULL, 0}};
    static const struct cli_chart charts[] = {{"Accuracy", curves, 2},
                                              {"Loss", curves + 2, 1},
                                              {"Flat", curves + 3, 1},
                                              {"One", curves + 4, 1},
                                              {"None", curves + 5, 1}};
    (void)state;
    char *text = page(plain, LINCE_EXAMPLES "/photos/chelsea.jpg", charts, 5);
    assert_int_equal(count_of(text, "<svg"), 5);
    assert_int_equal(count_of(text, "</svg>"), 5);
    assert_non_null(strstr(text, "d=\"M62.0 216.0L114.3 169.5L166.6 123.0L218.9 76.5L271.1 30.0L323.4 30.0L375.7 30.0"
                                 "L428.0 30.0\""));
    assert_non_null(strstr(text, "d=\"M62.0 123.0M218.9 123.0\""));
    assert_int_equal(count_of(text, "<circle"), 8 + 2 + 8 + 2 + 1);
    char *drawn = strstr(text, "<svg");
    *strstr(drawn, "</div>") = '\0';
    assert_int_equal(count_of(drawn, "nan") + count_of(drawn, "inf"), 0);
    free(text);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_photos_are_on_the_page),
        cmocka_unit_test(a_photo_that_went_away_leaves_its_name),
        cmocka_unit_test(names_cannot_write_html),
        cmocka_unit_test(curves_lie_where_their_numbers_say),
    };
    left = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
