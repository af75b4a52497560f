/* Publishing what does not fit, or out of what is broken. */
#include "publishing.h"

#include <math.h>

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct parts p;
    lince_model *body = open_model("feature_vector", 1), *other = open_model("classifier", 1),
                *old = open_model("tf1_module", 1), *several = open_model("uint8_input", 1);
    fill(&p);
    lince_publish_options *o = &p.options;
#define REFUSED(model, status, part) assert_refused(lince_publish(model, in_root("new"), o, err), status, part)
    REFUSED(old, LINCE_EUNSUPPORTED, "TensorFlow 1");
    REFUSED(several, LINCE_EINVAL, "no trace of it gives one tensor");
    o->body = lince_model_call(other);
    REFUSED(body, LINCE_EINVAL, "another model");
    o->body = NULL;
    o->label_count = 2;
    REFUSED(body, LINCE_EINVAL, "2 labels");
    o->label_count = CLASSES;
    p.head.features = 13;
    REFUSED(body, LINCE_EINVAL, "takes 13 features, the body gives 12");
    p.head.features = 0;
    REFUSED(body, LINCE_EINVAL, "0 features");
    p.head.features = FEATURES;
    p.head.dropout = 1;
    REFUSED(body, LINCE_EINVAL, "dropout");
    p.head.dropout = 0;
    p.head.l2 = NAN;
    REFUSED(body, LINCE_EINVAL, "L1 and L2");
    p.head.l2 = 0;
    o->std[1] = 0;
    REFUSED(body, LINCE_EINVAL, "channel 1");
    o->std[1] = 1;
    o->height = 16;
    REFUSED(body, LINCE_EINVAL, "16x0");
    o->height = 0;
    o->output = "nothing";
    REFUSED(body, LINCE_ENOENT, "nothing");
    o->output = NULL;
    o->cut = 1;
    REFUSED(body, LINCE_EUNSUPPORTED, "no dense layer");
    o->cut = 0;
    p.head.bias = NULL;
    REFUSED(body, LINCE_EINVAL, "no bias");
    p.head.bias = p.bias;
    o->struct_size = 0;
    REFUSED(body, LINCE_EINVAL, "struct_size");
    o->struct_size = sizeof *o;
    assert_int_equal(entries(root), 0); /* not a trace of all that */
    assert_ok(lince_publish(body, in_root("new"), o, err));
    REFUSED(body, LINCE_EINVAL, "new");
    assert_int_equal(entries(root), 1);
    lince_model_close(body);
    lince_model_close(other);
    lince_model_close(old);
    lince_model_close(several);
}

/* Models with one fault each: whatever can be opened is published, or refused with one message that leaves nothing. */
static void broken_models_are_published_or_refused(void **state)
{
    (void)state;
    DIR *dir = opendir(LINCE_TEST_DATA "/malformed/models");
    int opened = 0, written = 0;
    assert_non_null(dir);
    for (const struct dirent *e; (e = readdir(dir));) {
        char path[512];
        lince_model *model;
        lince_model_options options;
        lince_model_options_init(&options);
        options.memory_limit_bytes = 256 << 20;
        snprintf(path, sizeof path, LINCE_TEST_DATA "/malformed/models/%s", e->d_name);
        if (*e->d_name == '.' || lince_model_open(&model, path, &options, NULL)) {
            continue;
        }
        opened++;
        for (int way = 0; way < 3; way++) {
            lince_error err = {.text = ""};
            lince_publish_options o;
            lince_publish_options_init(&o);
            o.cut = way == 1;
            o.mean[0] = way == 2 ? 0.5f : 0;
            lince_status st = lince_publish(model, in_root("new"), &o, &err);
            assert_true(st == LINCE_OK || err.text[0] != 0);
            assert_int_equal(entries(root), st == LINCE_OK);
            if (st == LINCE_OK) {
                shell("rm -r %s/new", root);
                written++;
            }
        }
        lince_model_close(model);
    }
    closedir(dir);
    assert_true(opened > 20 && written > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ROOT(what_does_not_fit_is_refused),
        WITH_ROOT(broken_models_are_published_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
