/* Files of a model that are changed in place while it is open. */
#include "support.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- A copy of a model's folder ---- */

static void copy_file(const char *from, const char *to)
{
    char buffer[1 << 14];
    size_t n;
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in && out);
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0) {
        assert_int_equal(fwrite(buffer, 1, n, out), n);
    }
    fclose(in);
    assert_int_equal(fclose(out), 0);
}

enum { PATH = 1024 };

/* Calls `visit` with each file of a folder, folders inside included, and its path relative to it. */
static void each_file(const char *folder, const char *inside, void (*visit)(const char *path, const char *relative))
{
    char here[PATH], path[2 * PATH], relative[2 * PATH];
    snprintf(here, sizeof here, "%s/%s", folder, inside);
    DIR *dir = opendir(here);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        struct stat st;
        if (e->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", here, e->d_name);
        snprintf(relative, sizeof relative, "%s%s%s", inside, *inside ? "/" : "", e->d_name);
        assert_int_equal(stat(path, &st), 0);
        if (S_ISDIR(st.st_mode)) {
            each_file(folder, relative, visit);
        } else {
            visit(path, relative);
        }
    }
    closedir(dir);
}

static char copy[] = "/tmp/lince-files-XXXXXX";

static void copy_here(const char *path, const char *relative)
{
    char to[2 * PATH];
    for (const char *slash = strchr(relative, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(to, sizeof to, "%s/%.*s", copy, (int)(slash - relative), relative);
        mkdir(to, 0700);
    }
    snprintf(to, sizeof to, "%s/%s", copy, relative);
    copy_file(path, to);
}

static void make_copy(const char *name)
{
    char from[PATH];
    strcpy(copy + strlen(copy) - 6, "XXXXXX");
    assert_non_null(mkdtemp(copy));
    snprintf(from, sizeof from, LINCE_TEST_DATA "/golden/models/%s", name);
    each_file(from, "", copy_here);
}

static void truncate_it(const char *path, const char *relative)
{
    (void)relative;
    assert_int_equal(truncate(path, 0), 0);
}

static void remove_it(const char *path, const char *relative)
{
    (void)relative;
    unlink(path);
}

static void remove_copy(void)
{
    char folder[PATH];
    each_file(copy, "", remove_it);
    for (const char *const *inside = (const char *const[]){"variables", "assets", "assets.extra", "", NULL}; *inside;
         inside++) {
        snprintf(folder, sizeof folder, "%s/%s", copy, *inside);
        rmdir(folder);
    }
    assert_int_equal(access(copy, F_OK), -1);
}

static lince_model *open_read(const char *path)
{
    lince_model_options options;
    lince_model_options_init(&options);
    options.threads = 2;
    options.read_files = 1;
    return open_with(path, &options);
}

/* ---- Tests ---- */

static void assert_same_values(lince_model *a, lince_model *b)
{
    size_t n, m;
    unsigned char *x = read_all(a, &n), *y = read_all(b, &m);
    assert_true(n == m && n > 0);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void assert_same_runs(lince_session *a, lince_session *b)
{
    lince_tensor images = random_images(3, 16, 16, 4);
    size_t n, m;
    float *x = run_floats(a, &images, &n), *y = run_floats(b, &images, &m);
    assert_true(n == m && n > 0);
    assert_memory_equal(x, y, n * sizeof(float));
    free(x);
    free(y);
    free(images.data);
}

static void files_that_were_read_may_be_truncated(void **state)
{
    (void)state;
    make_copy("classifier");
    lince_model *model = open_read(copy), *reference = open_model("classifier", 2);
    each_file(copy, "", truncate_it);
    for (int training = 0; training < 2; training++) {
        lince_session *session = training ? open_training(model, true) : open_session(model, "__call__", NULL, 0),
                      *want = training ? open_training(reference, true) : open_session(reference, "__call__", NULL, 0);
        assert_same_runs(session, want);
        lince_session_free(session);
        lince_session_free(want);
    }
    assert_same_values(model, reference);
    lince_model_close(model);
    lince_model_close(reference);
    remove_copy();
}

static void data_files_that_no_call_needed_yet_may_be_removed(void **state)
{
    (void)state;
    make_copy("ckpt_sharded");
    lince_model *model = open_read(copy), *reference = open_model("ckpt_sharded", 1);
    remove_copy();
    assert_same_values(model, reference);
    lince_model_close(model);
    lince_model_close(reference);
}

static void files_that_are_read_count_as_memory(void **state)
{
    (void)state;
    lince_model_info info = {.struct_size = sizeof info}, mapped = info;
    lince_model *model = open_read(LINCE_TEST_DATA "/golden/models/classifier"), *other = open_model("classifier", 2);
    lince_model_options options;
    assert_ok(lince_model_get_info(model, &info, err));
    assert_ok(lince_model_get_info(other, &mapped, err));
    assert_true(info.used_bytes >= mapped.used_bytes + info.pb_bytes + info.variable_bytes);
    lince_model_close(model);
    lince_model_close(other);

    lince_model_options_init(&options);
    options.read_files = 1;
    options.threads = 1;
    options.memory_limit_bytes = info.pb_bytes;
    assert_refused(lince_model_open(&model, LINCE_TEST_DATA "/golden/models/classifier", &options, err), LINCE_ENOMEM,
                   "saved_model.pb: cannot allocate");
    assert_null(model);
}

/* Its status, and its text has `part` in it. */
static lince_status read_until_one_fails(lince_model *model, const char *part)
{
    lince_status st = LINCE_OK;
    for (size_t i = 0; !st && i < lince_variable_count(model); i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        lince_error why = {.text = ""};
        assert_ok(lince_variable_info_at(model, i, &info, err));
        void *value = malloc(info.size_bytes + 1);
        st = lince_variable_read(model, i, value, info.size_bytes, &why);
        free(value);
        if (st && !strstr(why.text, part)) {
            fail_msg("\"%s\" is not in: %s", part, why.text);
        }
    }
    return st;
}

static void a_data_file_that_is_missing_or_short_is_told_when_files_are_read(void **state)
{
    (void)state;
    char path[PATH];
    lince_model_options options;
    lince_model *model;
    lince_model_options_init(&options);
    options.read_files = 1;
    make_copy("ckpt_sharded");
    snprintf(path, sizeof path, "%s/variables/variables.data-00002-of-00006", copy);
    assert_int_equal(truncate(path, 1), 0); /* what is in a file is checked when it is used, as ever */
    model = open_read(copy);
    assert_int_equal(read_until_one_fails(model, "pass the end of data file 2"), LINCE_ECORRUPT);
    lince_model_close(model);
    assert_int_equal(unlink(path), 0);
    assert_refused(lince_model_open(&model, copy, &options, err), LINCE_ENOENT, "data-00002-of-00006: cannot open");
    assert_null(model);
    remove_copy();
}

/* ---- Damage ---- */

/* Turns over a byte at an offset, from the end when negative, of a file of the copy. */
static void flip(const char *relative, long offset)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s/%s", copy, relative);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, offset < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(f);
    assert_true(byte >= 0);
    assert_int_equal(fseek(f, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(byte ^ 0x10, f), byte ^ 0x10);
    assert_int_equal(fclose(f), 0);
}

#define DATA_FILE "variables/variables.data-00000-of-00001"

static void damaged_tensors_are_found_and_counted_without_a_run(void **state)
{
    (void)state;
    make_copy("classifier");
    lince_model *model = open_with(copy, NULL), *read = open_read(copy);
    size_t failed = 99, n;
    assert_ok(lince_model_verify(model, &failed, err));
    assert_int_equal(failed, 0);
    free(read_all(model, &n)); /* so every variable's checksum was compared once */
    flip(DATA_FILE, 0);
    assert_refused(lince_model_verify(model, &failed, err), LINCE_ECORRUPT,
                   "1 of 24 tensors are not as they were saved; ");
    assert_refused(lince_model_verify(model, &failed, err), LINCE_ECORRUPT, "save_counter/"); /* no variable of it */
    assert_int_equal(failed, 1);
    flip(DATA_FILE, -1);
    assert_refused(lince_model_verify(model, &failed, err), LINCE_ECORRUPT, "2 of 24 tensors");
    assert_refused(lince_model_verify(model, NULL, err), LINCE_ECORRUPT, "its checksum is ");
    assert_int_equal(failed, 2);
    flip(DATA_FILE, 0);
    assert_refused(lince_model_verify(model, &failed, err), LINCE_ECORRUPT, "1 of 24 tensors");
    flip(DATA_FILE, -1);
    assert_ok(lince_model_verify(model, &failed, err));
    flip(DATA_FILE, 0);
    assert_ok(lince_model_verify(read, &failed, err)); /* which has the file as it was */
    lince_model_close(model);
    lince_model_close(read);
    remove_copy();
}

static void a_written_variable_does_not_count_as_damage(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_variable_info info = {.struct_size = sizeof info};
    size_t i = variable_named(model, "head/bias:0", &info), failed;
    const float value[5] = {1, 2, 3, 4, 5};
    assert_int_equal(info.size_bytes, sizeof value);
    assert_ok(lince_variable_write(model, i, value, sizeof value, err));
    assert_ok(lince_model_verify(model, &failed, err));
    lince_model_close(model);
}

static void a_model_without_a_checkpoint_is_as_it_was_saved(void **state)
{
    (void)state;
    lince_model *model = open_model("no_variables", 1);
    size_t failed = 99;
    assert_ok(lince_model_verify(model, &failed, err));
    assert_int_equal(failed, 0);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_were_read_may_be_truncated),
        cmocka_unit_test(data_files_that_no_call_needed_yet_may_be_removed),
        cmocka_unit_test(files_that_are_read_count_as_memory),
        cmocka_unit_test(a_data_file_that_is_missing_or_short_is_told_when_files_are_read),
        cmocka_unit_test(damaged_tensors_are_found_and_counted_without_a_run),
        cmocka_unit_test(a_written_variable_does_not_count_as_damage),
        cmocka_unit_test(a_model_without_a_checkpoint_is_as_it_was_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
