/* Saving: what was saved is what is opened, wherever it goes. */
#include "saving.h"

/* ---- What is saved ---- */

/* Any golden model: the same files but for the fingerprint; with changed values, these. */
static void every_model_is_saved_and_opened_again(void **state)
{
    (void)state;
    DIR *dir = opendir(LINCE_TEST_DATA "/golden/models");
    int models = 0;
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir));) {
        if (*e->d_name == '.' || (!SNAPPY && strcmp(e->d_name, "ckpt_snappy") == 0)) {
            continue;
        }
        lince_model_options options;
        lince_model_options_init(&options);
        options.tags = strcmp(e->d_name, "flow_tf1_two_graphs") == 0 ? "serve" : NULL;
        lince_model *model = open_with(e->d_name, &options);
        assert_ok(save(model, in_root("same"), 0, err));
        shell("diff -r -x variables -x fingerprint.pb %s/golden/models/%s %s/same", LINCE_TEST_DATA, e->d_name, root);
        shell("test ! -e %s/same/fingerprint.pb", root);
        assert_opens_with(in_root("same"), &options, model);
        change_variables(model);
        assert_ok(save(model, in_root("changed"), 0, err));
        assert_opens_with(in_root("changed"), &options, model);
        lince_model_close(model);
        shell("rm -r %s/same %s/changed", root, root);
        models++;
    }
    closedir(dir);
    assert_true(models > 60);
    assert_int_equal(entries(root), 0);
}

/* What TensorFlow wrote in one plain file becomes the same bytes, an optimizer's state included. */
static void nothing_changed_gives_the_same_checkpoint(void **state)
{
    (void)state;
    static const char *const models[] = {"classifier", "keras_compiled", "tf1_module", "tf1_renamed", "no_variables"};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        lince_model *model = open_model(models[i], 1);
        assert_ok(save(model, in_root("same"), 0, err));
        shell("diff -r -x fingerprint.pb %s/golden/models/%s %s/same", LINCE_TEST_DATA, models[i], root);
        shell("rm -r %s/same", root);
        lince_model_close(model);
    }
}

/* Statistics that a run has updated, and a written kernel: the saved model computes what this one does. */
static void a_saved_model_computes_the_same(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_session *training = open_training(model, true);
    lince_tensor images = random_images(4, 16, 16, 3);
    size_t n, m;
    free(run_floats(training, &images, &n));
    assert_ok(save(model, in_root("new"), 0, err));
    lince_model *saved = open_with(in_root("new"), NULL), *old = open_model("classifier", 2);
    lince_session *here = open_session(model, "__call__", NULL, 0), *there = open_session(saved, "__call__", NULL, 0),
                  *before = open_session(old, "__call__", NULL, 0);
    float *x = run_floats(here, &images, &n), *y = run_floats(there, &images, &m), *z = run_floats(before, &images, &m);
    assert_memory_equal(x, y, n * sizeof *x);
    assert_memory_not_equal(x, z, n * sizeof *x);
    free(x);
    free(y);
    free(z);
    lince_session_free(training);
    lince_session_free(here);
    lince_session_free(there);
    lince_session_free(before);
    lince_model_close(model);
    lince_model_close(saved);
    lince_model_close(old);
    free(images.data);
}

/* ---- Where it is saved ---- */

static void a_model_is_saved_over_its_own_folder(void **state)
{
    (void)state;
    for (int read_files = 0; read_files < 2; read_files++) {
        const char *path = copy_golden("assets_table", "own");
        lince_model_options options;
        lince_model_options_init(&options);
        options.read_files = read_files;
        lince_model *model = open_with(path, &options);
        shell("echo mine > %s/own/notes.txt && chmod 750 %s/own", root, root);
        assert_refused(save(model, in_root("own"), 0, err), LINCE_EINVAL, "is a model already");
        for (int round = 0; round < 3; round++) {
            change_variables(model);
            assert_ok(save(model, in_root("own/"), 1, err));
            assert_opens_like(in_root("own"), model);
        }
        shell("grep -q mine %s/own/notes.txt && test $(stat -c %%a %s/own) = 750 && test ! -e %s/own/fingerprint.pb",
              root, root, root);
        assert_int_equal(entries(root), 1);
        lince_model_close(model);
        shell("rm -r %s/own", root);
    }
}

/* A link keeps leading where it did; an empty folder is taken. */
static void links_and_empty_folders_are_followed(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    copy_golden("mixer", "there");
    shell("ln -s there %s/link && mkdir %s/empty", root, root);
    assert_ok(save(model, in_root("link"), 1, err));
    assert_opens_like(in_root("there"), model);
    assert_ok(save(model, in_root("empty"), 0, err));
    assert_opens_like(in_root("empty"), model);
    shell("test -L %s/link && test ! -L %s/there", root, root);
    assert_int_equal(entries(root), 3);
    lince_model_close(model);
}

static void what_is_no_model_is_not_replaced(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_save_options options = {.struct_size = 0};
    shell("mkdir %s/photos && touch %s/photos/cat.jpg %s/file", root, root, root);
    copy_golden("mixer", "more");
    shell("touch %s/more/thesis.tex", root);
    shell("cp -r %s %s.before", root, root);
    assert_refused(save(model, in_root("photos"), 1, err), LINCE_EINVAL, "holds \"cat.jpg\", so it is no SavedModel");
    assert_refused(save(model, in_root("more"), 1, err), LINCE_EINVAL, "more than a SavedModel");
    assert_refused(save(model, in_root("file"), 1, err), LINCE_EINVAL, "is no folder");
    assert_refused(save(model, in_root("nowhere/new"), 1, err), LINCE_ENOENT, "there is no folder to make it in");
    assert_refused(save(model, "", 1, err), LINCE_EINVAL, "0 bytes");
    assert_refused(save(model, LINCE_TEST_DATA "/golden/models", 1, err), LINCE_EINVAL, "one lies in the other");
    assert_refused(save(model, LINCE_TEST_DATA "/golden/models/classifier/new", 1, err), LINCE_EINVAL,
                   "one lies in the other");
    assert_refused(lince_model_save(model, in_root("new"), &options, err), LINCE_EINVAL, "struct_size");
    assert_refused(lince_model_save(model, NULL, NULL, err), LINCE_EINVAL, "path");
    assert_refused(lince_model_save(NULL, in_root("new"), NULL, err), LINCE_EINVAL, "model");
    shell("diff -r %s %s.before && rm -r %s.before", root, root, root);
    lince_model_close(model);
}

/* A folder from a stranger may hold links to what is the user's. */
static void links_out_of_the_model_are_not_published(void **state)
{
    (void)state;
    static const struct {
        const char *make;
        lince_status status;
        const char *part;
    } cases[] = {
        {"ln -s /etc/passwd assets/words.txt", LINCE_EUNSAFE, "leads out"},
        {"ln -s ../.. assets/up", LINCE_EUNSAFE, "leads out"},
        {"ln -s . assets/loop", LINCE_EUNSAFE, "no file"},
        {"ln -s nothing assets/gone", LINCE_ENOENT, "leads nowhere"},
        {"mkfifo assets/pipe", LINCE_EIO, "pipe"},
        {"d=assets; for i in $(seq 40); do d=$d/deep; mkdir $d; done", LINCE_ELIMIT, "inside each other"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        copy_golden("classifier", "model");
        shell("cd %s/model && mkdir -p assets && %s", root, cases[i].make);
        lince_model *model = open_with(in_root("model"), NULL);
        assert_refused(save(model, in_root("new"), 0, err), cases[i].status, cases[i].part);
        assert_int_equal(entries(root), 1);
        lince_model_close(model);
        shell("rm -r %s/model", root);
    }
    copy_golden("classifier", "model");
    shell("cd %s/model && mkdir -p assets && echo words > w && ln -s ../w assets/words.txt", root);
    lince_model *model = open_with(in_root("model"), NULL);
    assert_ok(save(model, in_root("new"), 0, err));
    shell("test ! -L %s/new/assets/words.txt && grep -q words %s/new/assets/words.txt", root, root);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(every_model_is_saved_and_opened_again),    WITH_ROOT(nothing_changed_gives_the_same_checkpoint),
        WITH_ROOT(a_saved_model_computes_the_same),          WITH_ROOT(a_model_is_saved_over_its_own_folder),
        WITH_ROOT(links_and_empty_folders_are_followed),     WITH_ROOT(what_is_no_model_is_not_replaced),
        WITH_ROOT(links_out_of_the_model_are_not_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
