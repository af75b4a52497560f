/*
 * Folders and files that are no SavedModel, or not all of one: each is named for what it is, and opening never waits.
 */
#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static const char *at(const char *name)
{
    static char path[2][512];
    static unsigned turn;
    char *out = path[turn++ % 2];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/lince-foreign-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

static void put(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(at(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void make_dir(const char *name)
{
    assert_int_equal(mkdir(at(name), 0700), 0);
}

static void copy(const char *from, const char *name)
{
    char command[1024];
    snprintf(command, sizeof command, "cp -r '%s' '%s' && chmod -R u+w '%s'", from, at(name), folder);
    assert_int_equal(system(command), 0);
}

static void refused(const char *name, lince_status status, const char *part)
{
    lince_model *model;
    assert_refused(lince_model_open(&model, at(name), NULL, err), status, part);
    assert_null(model);
}

#define LFS                                                                                                            \
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32\nsize 12345\n"

static void a_folder_is_named_for_what_lies_in_it(void **state)
{
    static const struct {
        const char *file;
        lince_status status;
        const char *part;
    } cases[] = {
        {"saved_model.pbtxt", LINCE_EUNSUPPORTED, "a SavedModel in text form"},
        {"saved_model.cpb", LINCE_EUNSUPPORTED, "cut into chunks"},
        {"tfhub_module.pb", LINCE_EUNSUPPORTED, "a TensorFlow 1 Hub module without its saved_model.pb"},
        {"model.json", LINCE_EUNSUPPORTED, "a TensorFlow.js model"},
        {"frozen_inference_graph.pb", LINCE_EUNSUPPORTED, "frozen_inference_graph.pb, which is a frozen graph"},
        {"net.keras", LINCE_EUNSUPPORTED, "net.keras, which is a Keras file"},
        {"net.h5", LINCE_EUNSUPPORTED, "net.h5, which is a Keras file"},
        {"net.tflite", LINCE_EUNSUPPORTED, "net.tflite, which is a TensorFlow Lite model"},
        {"fingerprint.pb", LINCE_ENOENT, "a SavedModel without its saved_model.pb: there is only fingerprint.pb"},
        {"notes.txt", LINCE_ENOENT, "no saved_model.pb in this folder"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[32], file[64];
        snprintf(name, sizeof name, "%zu", i);
        snprintf(file, sizeof file, "%zu/%s", i, cases[i].file);
        make_dir(name);
        put(file, "x", 1);
        refused(name, cases[i].status, cases[i].part);
    }
    make_dir("empty");
    refused("empty", LINCE_ENOENT, "an empty folder");
    make_dir("outer");
    copy(LINCE_TEST_DATA "/golden/models/no_variables", "outer/inner");
    put("outer/a.h5", "x", 1);
    refused("outer", LINCE_ENOENT, "outer/inner");
    make_dir("link");
    assert_int_equal(symlink("nowhere", at("link/saved_model.pb")), 0);
    refused("link", LINCE_ENOENT, "which is a link to nowhere");
}

static void a_file_is_named_for_what_it_is(void **state)
{
    static const struct {
        const char *name, *bytes;
        size_t size;
        const char *part;
    } cases[] = {
        {"model.tar.gz", "\x1f\x8b\x08\x00", 4, "a packed archive"},
        {"weights", "\x89HDF\r\n\x1a\n", 8, "an HDF5 file"},
        {"lite", "\x1c\0\0\0TFL3", 8, "a TensorFlow Lite model"},
        {"pointer", LFS, sizeof LFS - 1, "a Git LFS pointer"},
        {"page", "\n <!DOCTYPE html><html>", 23, "an HTML page"},
        {"net.keras", "PK\x03\x04", 4, "a Keras 3 archive"},
        {"net.zip", "PK\x03\x04", 4, "a zip archive"},
        {"saved_model.pb", "\x08\x01", 2, "one file of a SavedModel"},
        {"graph.pb", "\x0a\x00", 2, "a frozen graph"},
        {"nothing", "", 0, "a file"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put(cases[i].name, cases[i].bytes, cases[i].size);
        refused(cases[i].name, LINCE_EUNSUPPORTED, cases[i].part);
    }
    assert_int_equal(mkfifo(at("pipe"), 0600), 0);
    refused("pipe", LINCE_EUNSUPPORTED, "a pipe or a device");
}

static void what_stands_in_place_of_saved_model_pb_is_named(void **state)
{
    static const char node[] = "\x0a\x0a\x0a\x01x\x12\x05"
                               "Const";
    (void)state;
    make_dir("a");
    put("a/saved_model.pb", LFS, sizeof LFS - 1);
    refused("a", LINCE_EFORMAT, "saved_model.pb: this is a Git LFS pointer");
    put("a/saved_model.pb", "<html>404</html>", 16);
    refused("a", LINCE_EFORMAT, "saved_model.pb: this is an HTML page");
    put("a/saved_model.pb", node, sizeof node - 1);
    refused("a", LINCE_EFORMAT, "saved_model.pb: this is a frozen graph");
    assert_int_equal(unlink(at("a/saved_model.pb")), 0);
    make_dir("a/saved_model.pb");
    refused("a", LINCE_EIO, "a/saved_model.pb: is a directory, wanted a file");
    make_dir("b");
    assert_int_equal(mkfifo(at("b/saved_model.pb"), 0600), 0);
    refused("b", LINCE_EIO, "b/saved_model.pb: is a pipe or a device, wanted a file");
}

static void a_file_that_may_not_be_read_is_not_called_missing(void **state)
{
    (void)state;
    make_dir("mine");
    put("mine/saved_model.pb", "\x08\x01", 2);
    assert_int_equal(chmod(at("mine/saved_model.pb"), 0), 0);
    if (access(at("mine/saved_model.pb"), R_OK) == 0) {
        skip(); /* root may read everything */
    }
    refused("mine", LINCE_EIO, "mine/saved_model.pb: cannot open: Permission denied");
}

static lince_status read_first(const char *name, lince_error *err)
{
    lince_model *model;
    lince_variable_info info = {.struct_size = sizeof info};
    lince_status st = lince_model_open(&model, at(name), NULL, err);
    if (!st) {
        st = lince_variable_info_at(model, 0, &info, err);
    }
    if (!st) {
        char *data = malloc(info.size_bytes + 1);
        st = lince_variable_read(model, 0, data, info.size_bytes, err);
        free(data);
    }
    lince_model_close(model);
    return st;
}

static void what_stands_in_place_of_variables_is_named(void **state)
{
    static const char data[] = "m/variables/variables.data-00000-of-00001", index[] = "m/variables/variables.index";
    (void)state;
    copy(LINCE_TEST_DATA "/malformed/models/pb_unknown_fields", "m");
    assert_ok(read_first("m", err));
    put(data, LFS, sizeof LFS - 1);
    assert_refused(read_first("m", err), LINCE_ECORRUPT, "data file 0 is a Git LFS pointer");
    assert_int_equal(unlink(at(data)), 0);
    assert_refused(read_first("m", err), LINCE_ENOENT, data + 2);
    assert_int_equal(mkfifo(at(data), 0600), 0);
    assert_refused(read_first("m", err), LINCE_EIO, "is a pipe or a device, wanted a file");
    put(index, LFS, sizeof LFS - 1);
    assert_refused(read_first("m", err), LINCE_EFORMAT, "variables.index: this is a Git LFS pointer");
    assert_int_equal(unlink(at(index)), 0);
    make_dir(index);
    assert_refused(read_first("m", err), LINCE_EIO, "is a directory, wanted a file");
}

static void what_has_neither_objects_nor_signatures_is_named(void **state)
{
    (void)state;
    make_dir("hub");
    put("hub/saved_model.pb", "\x12\x02\x0a\x00", 4);
    refused("hub", LINCE_EUNSUPPORTED, "a SavedModel that has neither objects nor signatures");
    put("hub/tfhub_module.pb", "\x08\x03", 2);
    refused("hub", LINCE_EUNSUPPORTED, "a TensorFlow 1 Hub module that has neither");
    put("hub/tfhub_module.pb", "\x08\x01", 2);
    refused("hub", LINCE_EUNSUPPORTED, "tfhub_module.pb: format 1, wanted 3");
    put("hub/tfhub_module.pb", "\x08\x03\x12\x01x", 5);
    refused("hub", LINCE_EUNSUPPORTED, "it requires \"x\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_named_for_what_lies_in_it),           TEST(a_file_is_named_for_what_it_is),
        TEST(what_stands_in_place_of_saved_model_pb_is_named), TEST(a_file_that_may_not_be_read_is_not_called_missing),
        TEST(what_stands_in_place_of_variables_is_named),      TEST(what_has_neither_objects_nor_signatures_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
