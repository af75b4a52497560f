/* Savers of TensorFlow 1: which value of the checkpoint is whose. */
#include "model_graph.h"

#include "model/section.h"

static void put_texts(struct forge *f, const char *name, const char *const *text, int count)
{
    struct buf node = {0}, tensor = {0}, value = {0}, entry = {0};
    const int64_t n = count;
    put_number(&tensor, 1, LINCE_STRING);
    put_shape(&tensor, 2, &n, 1);
    for (int i = 0; i < count; i++) {
        put_text(&tensor, 8, text[i]);
    }
    put_message(&value, 8, &tensor);
    put_text(&entry, 1, "value");
    put_message(&entry, 2, &value);
    put_text(&node, 1, name);
    put_text(&node, 2, "Const");
    put_message(&node, 5, &entry);
    put_message(&f->body, 1, &node);
    free(node.data);
    free(tensor.data);
    free(value.data);
    free(entry.data);
}

/* The saver reads "v", then key, a slice of it; the assignment has these inputs. */
static void begin_saver(struct lab *l, const char *key, const char *slice, const char *assigned)
{
    struct buf saver = {0};
    begin(l);
    node(&l->forge, "v", "VarHandleOp", "", "dtype=t:1 shared_name=s:v");
    node(&l->forge, "y", "ReadVariableOp", "v", "dtype=t:1");
    put_texts(&l->forge, "names", (const char *const[]){"v", key}, 2);
    put_texts(&l->forge, "slices", (const char *const[]){"", slice}, 2);
    node(&l->forge, "file", "Const", "", "");
    node(&l->forge, "computed", "StringJoin", "names", "");
    node(&l->forge, "restore", "RestoreV2", "file names slices", "");
    node(&l->forge, "unknown", "RestoreV2", "file computed slices", "");
    node(&l->forge, "same", "Identity", "restore:1", "T=t:1");
    node(&l->forge, "set", "AssignVariableOp", assigned, "dtype=t:1");
    node(&l->forge, "shard", "NoOp", "^set", "");
    node(&l->forge, "restore_all", "NoOp", "^shard ^nothing", "");
    signature(l, "", "r=y:0");
    put_text(&saver, 3, "restore_all");
    put_message(&l->forge.meta, 3, &saver);
    free(saver.data);
}

static void is_value(struct lab *l, float wanted)
{
    float value = 0;
    imports(l);
    assert_int_equal(li_store_read(li_model_store(l->model), l->graph->values[0].resource, &value, 4, &l->err), 0);
    assert_true(value == wanted);
    end(l);
}

static void a_variable_is_what_the_saver_reads_into_it(void **state)
{
    static const struct {
        const char *assigned;
        float wanted;
    } cases[] = {{"v same", 2},  {"v restore:1", 2}, {"v restore", 1}, {"v restore:2", 1}, {"v unknown:1", 1},
                 {"v names", 1}, {"v nothing", 1},   {"v", 1},         {"nothing same", 1}};
    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct lab l;
        begin_saver(&l, "w/average", "", cases[i].assigned);
        is_value(&l, cases[i].wanted);
    }
}

static void what_the_saver_reads_must_be_there(void **state)
{
    struct lab l;
    (void)state;
    begin_saver(&l, "b", "", "v same");
    is_refused(&l, LINCE_ENOENT, "node \"v\" (VarHandleOp)");
    begin_saver(&l, "w/average", "4 0,2", "v same");
    is_refused(&l, LINCE_EINVAL, "a slice of \"w/average\" has 1 dimensions, wanted 0");
    begin_saver(&l, "w/average", "4", "v same");
    is_refused(&l, LINCE_EINVAL, "the saver reads \"4\" of \"w/average\", which is no slice");
}

static void a_slice_is_read_as_savers_write_it(void **state)
{
    struct li_slice s;
    (void)state;
    assert_true(li_restore_slice(&s, "4 6 0,4:3,2"));
    assert_int_equal(s.rank, 2);
    assert_true(s.full[0] == 4 && s.full[1] == 6 && s.offset[1] == 3 && s.shape[0] == 4 && s.shape[1] == 2);
    assert_true(li_restore_slice(&s, "4 6 -:3,2"));
    assert_true(s.offset[0] == 0 && s.shape[0] == 4);
    assert_true(li_restore_slice(&s, "5 -"));
    assert_true(s.rank == 1 && s.shape[0] == 5);
}

static void what_is_no_slice_is_none(void **state)
{
    static const char *const texts[] = {" ",
                                        "4",
                                        "4 ",
                                        "4 0",
                                        "4 0,",
                                        "4 0,1,2",
                                        "4 0,1:",
                                        "4 -:-",
                                        "4 6 0,4",
                                        "x 0,4",
                                        "4 x,4",
                                        "4  0,4",
                                        "-4 0,4",
                                        "4 --",
                                        "4 0,1 ",
                                        "4 -1,2",
                                        "4,0,4",
                                        "4 0:4",
                                        "4 0,9999999999999999999",
                                        "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 -"};
    struct li_slice s;
    (void)state;
    for (size_t i = 0; i < LI_COUNT(texts); i++) {
        if (li_restore_slice(&s, texts[i])) {
            fail_msg("\"%s\" is taken as a slice", texts[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_what_the_saver_reads_into_it),
        cmocka_unit_test(what_the_saver_reads_must_be_there),
        cmocka_unit_test(a_slice_is_read_as_savers_write_it),
        cmocka_unit_test(what_is_no_slice_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
