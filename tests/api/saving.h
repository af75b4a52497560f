/* What the tests of saving share: a folder that goes with the test, copies of models, values of variables. */
#ifndef TESTS_API_SAVING_H
#define TESTS_API_SAVING_H

#include "support.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Folders ---- */

static char root[] = "/tmp/lince-save-XXXXXX";

static inline void shell(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

static inline int make_root(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) ? chmod(root, 0777) : -1;
}

static inline int remove_root(void **state)
{
    (void)state;
    shell("chmod -R u+rwx %s && rm -r %s", root, root);
    return 0;
}

static inline const char *in_root(const char *name)
{
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

/* How many names a folder has, hidden ones too. */
static inline int entries(const char *path)
{
    int n = -2;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir)) {
        n++;
    }
    closedir(dir);
    return n;
}

/* A golden model as ROOT/NAME. */
static inline const char *copy_golden(const char *golden, const char *name)
{
    shell("cp -r %s/golden/models/%s %s/%s", LINCE_TEST_DATA, golden, root, name);
    return in_root(name);
}

static inline lince_status save(lince_model *model, const char *path, int overwrite, lince_error *err)
{
    lince_save_options options;
    lince_save_options_init(&options);
    options.overwrite = overwrite;
    return lince_model_save(model, path, &options, err);
}

/* ---- Values ---- */

/* Of all variables but strings, one after another; free it. */
static inline unsigned char *numbers_of(lince_model *model, size_t *size)
{
    lince_variable_info info = {.struct_size = sizeof info};
    unsigned char *all = malloc(1);
    *size = 0;
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_info_at(model, i, &info, err));
        if (info.dtype != LINCE_STRING) {
            all = realloc(all, *size + info.size_bytes + 1);
            assert_ok(lince_variable_read(model, i, all + *size, info.size_bytes, err));
            *size += info.size_bytes;
        }
    }
    return all;
}

static inline void assert_same_variables(lince_model *a, lince_model *b)
{
    size_t n, m;
    unsigned char *x = numbers_of(a, &n), *y = numbers_of(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

/* Turn the bytes of every variable over: any change will do, and once more undoes it. */
static inline void change_variables(lince_model *model)
{
    lince_variable_info info = {.struct_size = sizeof info};
    for (size_t i = 0; i < lince_variable_count(model); i++) {
        assert_ok(lince_variable_info_at(model, i, &info, err));
        if (info.dtype == LINCE_STRING) {
            continue;
        }
        unsigned char *value = malloc(info.size_bytes + 1);
        assert_ok(lince_variable_read(model, i, value, info.size_bytes, err));
        for (size_t k = 0; k < info.size_bytes; k++) {
            value[k] ^= info.dtype == LINCE_BOOL ? 1 : 0x15;
        }
        assert_ok(lince_variable_write(model, i, value, info.size_bytes, err));
        free(value);
    }
}

static inline void assert_opens_with(const char *path, const lince_model_options *options, lince_model *model)
{
    size_t failed;
    lince_model *saved = open_with(path, options);
    assert_ok(lince_model_verify(saved, &failed, err));
    assert_same_variables(saved, model);
    lince_model_close(saved);
}

static inline void assert_opens_like(const char *path, lince_model *model)
{
    assert_opens_with(path, NULL, model);
}

#define WITH_ROOT(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)

#endif
