/* Lists of labels with and without a class "background", against models with and without one. */
#include "cli/photos.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* `count` labels: `first`, then "1", "2" and so on. The exit status of reading them for so many classes. */
static int read_labels(struct app_list *labels, const char *first, size_t count, size_t classes)
{
    char path[] = "/tmp/lince-test-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        i ? fprintf(file, "%zu\n", i) : fprintf(file, "%s\n", first);
    }
    assert_int_equal(fclose(file), 0);
    struct cli_args args = {.command = cli_command_find("classify")};
    args.value[OPT_LABELS] = path;
    args.value[OPT_QUIET] = "";
    const struct cli_model model = {.path = "model"};
    int status = cli_labels(labels, &args, &model, classes);
    unlink(path);
    return status;
}

static void fits_lists_to_models(void **state)
{
    (void)state;
    static const struct {
        const char *first;
        size_t count, classes;
        const char *zero, *one; /* what classes 0 and 1 are then called; NULL: refused */
    } cases[] = {
        {"0", 1000, 1000, "0", "1"},
        {"background", 1001, 1001, "background", "1"},
        {"0", 1000, 1001, "background", "0"},
        {"background", 1001, 1000, "1", "2"},
        {"dummy", 1001, 1000, "1", "2"},
        {"Background", 6, 5, "1", "2"},
        {"0", 6, 5, NULL, NULL},
        {"0", 5, 6, NULL, NULL},
        {"0", 999, 1000, NULL, NULL},
        {"0", 1002, 1000, NULL, NULL},
    };
    for (size_t i = 0; i < APP_COUNT(cases); i++) {
        struct app_list labels;
        int status = read_labels(&labels, cases[i].first, cases[i].count, cases[i].classes);
        assert_int_equal(status, cases[i].zero ? CLI_DONE : CLI_FAILED);
        if (cases[i].zero) {
            assert_int_equal(labels.count, cases[i].classes);
            assert_string_equal(labels.text[0], cases[i].zero);
            assert_string_equal(labels.text[1], cases[i].one);
        }
        app_list_free(&labels);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(fits_lists_to_models)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
