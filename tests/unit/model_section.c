/* Graphs of TensorFlow 1: what a signature needs of one, and what it is refused for. */
#include "model_graph.h"

/* ---- What is needed ---- */

static void only_what_is_fetched_matters(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=y:0",
          LINES("queue FIFOQueueV2 | | ", "batch QueueDequeueManyV2 | queue nowhere:7 | ",
                "x Placeholder | | dtype=t:1", "parts Split | axis x | T=t:1 num_split=i:3",
                "axis Const | | dtype=t:3 value=v:3::0", "y Neg | parts:2 ^axis"));
    put_signature(&l.forge, "train", "", "r=batch:0");
    gives(&l, "parts = Split(%1:int32[], %0:float32unknown) -> %2:noneunknown, %3:noneunknown, %4:noneunknown\n"
              "y = Neg(%4:noneunknown) -> %5:noneunknown\n");
    end(&l);
}

static void a_tensor_that_is_fed_cuts_off_what_would_make_it(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=pixels:0 b=half:0", "r=y",
          LINES("read ReaderReadV2 | | ", "pixels DecodeRaw | read:1 | ", "half PlaceholderWithDefault | c | dtype=t:1",
                "c Const | | dtype=t:1 value=v:1::0.5", "y Mul | pixels half ^pixels"));
    gives(&l, "y = Mul(%0:float32unknown, %1:float32unknown) -> %2:noneunknown\n");
    end(&l);
}

static void a_placeholder_with_a_default_need_not_be_fed(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "", "r=y:0",
          LINES("half PlaceholderWithDefault | c | dtype=t:1", "c Const | | dtype=t:1 value=v:1::0.5", "y Neg | half"));
    gives(&l, "half = PlaceholderWithDefault(%0:float32[]) -> %1:noneunknown\n"
              "y = Neg(%1:noneunknown) -> %2:noneunknown\n");
    end(&l);
}

/* ---- Variables ---- */

static void a_reference_is_read_where_it_is_used(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=z:0 v=v:0",
          LINES("x Placeholder | | dtype=t:1", "v VariableV2 | | dtype=t:1", "v/read Identity | v", "y Mul | v/read x",
                "z Add | v y"));
    gives(&l, "v = ReadVariableOp(%1:resource[]) -> %2:noneunknown\n"
              "v = ReadVariableOp(%1:resource[]) -> %3:noneunknown\n"
              "v/read = Identity(%3:noneunknown) -> %4:noneunknown\n"
              "y = Mul(%4:noneunknown, %0:float32unknown) -> %5:noneunknown\n"
              "z = Add(%2:noneunknown, %5:noneunknown) -> %6:noneunknown\n"
              "v = ReadVariableOp(%1:resource[]) -> %7:noneunknown\n");
    assert_int_equal(li_model_variable_count(l.model), 0);
    end(&l);
}

static void what_an_assignment_gives_is_read_after_it(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=y:0",
          LINES("x Placeholder | | dtype=t:1", "v VariableV2 | | dtype=t:1",
                "set Assign | v x | T=t:1 validate_shape=b:1 use_locking=b:1",
                "add AssignAdd | set x | T=t:1 use_locking=b:0", "y Neg | add"));
    gives(&l, "set = AssignVariableOp(%1:resource[], %0:float32unknown)\n"
              "add = AssignAddVariableOp(%1:resource[], %0:float32unknown)\n"
              "v = ReadVariableOp(%1:resource[]) -> %2:noneunknown\n"
              "y = Neg(%2:noneunknown) -> %3:noneunknown\n");
    assert_true(l.graph->nodes[0].required && l.graph->nodes[1].required);
    end(&l);
}

static void a_variable_without_a_value_is_told_by_its_node(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "", "r=y:0",
          LINES("w VarHandleOp | | dtype=t:1 shared_name=s:other", "y ReadVariableOp | w | dtype=t:1"));
    is_refused(&l, LINCE_ENOENT, "node \"w\" (VarHandleOp)");
}

/* ---- Tables ---- */

static void a_table_is_filled_by_what_initializes_the_model(void **state)
{
    struct lab l;
    (void)state;
    graph(&l, "a=x:0", "r=y:0",
          LINES("x Placeholder | | dtype=t:1",
                "t HashTableV2 | | key_dtype=t:9 value_dtype=t:9 shared_name=s:hash_table_x",
                "keys Const | | dtype=t:9 value=v:9:1:1", "fill InitializeTableV2 | t keys keys | Tkey=t:9 Tval=t:9",
                "assign AssignVariableOp | nothing keys | dtype=t:9", "init NoOp | ^assign ^fill | ",
                "init_all NoOp | ^init | ", "size LookupTableSizeV2 | t | ", "y Cast | size | SrcT=t:9 DstT=t:1"));
    put_nodes(&l.forge, "legacy_init_op", "init_all");
    gives(&l, "size = LookupTableSizeV2(%1:resource[]) -> %2:noneunknown\n"
              "y = Cast(%2:noneunknown) -> %3:noneunknown\n");
    is_table(&l, 1, 1);
    end(&l);
}

/* The AssetFileDef: TENSOR is the path of the asset FILE. */
static struct buf asset_of(const char *tensor, const char *file)
{
    struct buf info = {0}, asset = {0};
    put_text(&info, 1, tensor);
    put_message(&asset, 1, &info);
    put_text(&asset, 2, file);
    free(info.data);
    return asset;
}

static void put_asset(struct forge *f, const char *tensor, const char *file)
{
    struct buf asset = asset_of(tensor, file);
    put_message(&f->meta, 6, &asset);
    free(asset.data);
}

/* As TensorFlow 1 lists it: wrapped, in a collection. */
static void put_collected_asset(struct forge *f, const char *type, const char *tensor, const char *file)
{
    struct buf asset = asset_of(tensor, file), any = {0}, list = {0}, def = {0}, entry = {0};
    put_text(&any, 1, type);
    put_message(&any, 2, &asset);
    put_message(&list, 1, &any);
    put_message(&def, 5, &list);
    put_text(&entry, 1, "saved_model_assets");
    put_message(&entry, 2, &def);
    put_message(&f->meta, 4, &entry);
    for (size_t i = 0; i < 5; i++) {
        free((struct buf[]){asset, any, list, def, entry}[i].data);
    }
}

static void put_table_from_file(struct lab *l)
{
    graph(l, "", "r=y:0",
          LINES("t HashTableV2 | | key_dtype=t:9 value_dtype=t:7", "path Placeholder | | dtype=t:7",
                "fill InitializeTableFromTextFileV2 | t path | key_index=i:-1 value_index=i:-2",
                "size LookupTableSizeV2 | t | ", "y Cast | size | SrcT=t:9 DstT=t:1"));
    put_nodes(&l->forge, "table_initializer", "fill");
}

static void has_read_two_labels(struct lab *l)
{
    char assets[128];
    assert_int_equal(open_lab(l), 0);
    snprintf(assets, sizeof assets, "%s/assets", l->forge.folder);
    assert_int_equal(mkdir(assets, 0700), 0);
    write_file(&l->forge, "assets/labels.txt", "cat\ndog\n", 8);
    imports(l);
    is_table(l, 0, 2);
    end(l);
}

static void a_table_from_a_file_reads_the_models_asset(void **state)
{
    struct lab l;
    (void)state;
    put_table_from_file(&l);
    put_asset(&l.forge, "path:0", "labels.txt");
    has_read_two_labels(&l);
}

static void a_table_from_a_file_reads_the_asset_that_a_collection_lists(void **state)
{
    struct lab l;
    (void)state;
    put_table_from_file(&l);
    put_collected_asset(&l.forge, "type.googleapis.com/tensorflow.AssetFileDef", "path:0", "labels.txt");
    has_read_two_labels(&l);
}

static void a_collection_of_assets_that_holds_something_else_is_refused(void **state)
{
    struct lab l;
    (void)state;
    put_table_from_file(&l);
    put_collected_asset(&l.forge, "type.googleapis.com/tensorflow.TensorInfo", "path:0", "labels.txt");
    assert_int_equal(open_lab(&l), LINCE_EINVAL);
    assert_non_null(strstr(l.err.text, "collection \"saved_model_assets\", entry 0: it is a"));
    end(&l);
}

static void a_table_from_a_file_that_is_no_asset_is_refused(void **state)
{
    struct lab l;
    (void)state;
    put_table_from_file(&l);
    is_refused(&l, LINCE_EUNSUPPORTED, "the table is filled with what must be computed");
}

/* ---- Which meta graph ---- */

static void a_hub_module_is_opened_by_its_tags(void **state)
{
    static const struct {
        const char *tags;
        lince_status st;
        const char *words;
    } cases[] = {{NULL, LINCE_OK, ""},
                 {"", LINCE_OK, ""},
                 {"train", LINCE_OK, "train"},
                 {"serve", LINCE_ENOENT, "no meta graph has the tags \"serve\"; there are \"\", \"train\""}};
    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
        const struct li_model_options options = {.tags = cases[i].tags};
        struct li_model *model = NULL;
        struct li_model_facts facts = {.tags = ""};
        lince_error err = {0};
        assert_int_equal(li_model_open(&model, LINCE_TEST_DATA "/golden/models/tf1_module", &options, mem, &err),
                         cases[i].st);
        if (model) {
            li_model_facts(model, &facts);
            assert_true(facts.is_hub_module && facts.image_height == 16 && facts.image_width == 16);
        }
        assert_non_null(strstr(model ? facts.tags : err.text, cases[i].words));
        li_model_close(model);
        li_mem_release(mem);
    }
}

/* What hub_module_attachments holds, and what is made of it. */
static void check_attachment(const char *key, const char *bytes, size_t len, int32_t height, int32_t width)
{
    struct lab l;
    struct buf attachment = {0}, list = {0}, collection = {0}, entry = {0};
    struct li_model_facts facts;
    begin(&l);
    put_text(&attachment, 1, key);
    put_field(&attachment, 2, bytes, len);
    put_message(&list, 1, &attachment);
    put_message(&collection, 2, &list);
    put_text(&entry, 1, "hub_module_attachments");
    put_message(&entry, 2, &collection);
    put_message(&l.forge.meta, 4, &entry);
    nodes(&l.forge, LINES("x Placeholder | | dtype=t:1"));
    signature(&l, "a=x:0", "r=x:0");
    assert_int_equal(open_lab(&l), LINCE_OK);
    li_model_facts(l.model, &facts);
    assert_false(facts.is_hub_module);
    assert_int_equal(facts.image_height, height);
    assert_int_equal(facts.image_width, width);
    end(&l);
    free(attachment.data);
    free(list.data);
    free(collection.data);
    free(entry.data);
}

static void an_attachment_says_both_sides_or_nothing(void **state)
{
    (void)state;
    check_attachment("image_module_info", "\x0a\x04\x08\x0a\x10\x0c", 6, 10, 12);
    check_attachment("image_module_info", "\x0a\x02\x08\x0a", 4, 0, 0);
    check_attachment("image_module_info", "\x0a\x00", 2, 0, 0);
    check_attachment("image_module_info", "", 0, 0, 0);
    check_attachment("image_module_info", "\x0a\x7f\x08", 3, 0, 0);
    check_attachment("other_info", "\x0a\x04\x08\x0a\x10\x0c", 6, 0, 0);
}

/* ---- What makes no sense ---- */

static void a_graph_that_makes_no_sense_is_refused(void **state)
{
    static const struct {
        const char *lines[4], *in, *out;
        lince_status st;
        const char *words;
    } cases[] = {
        {{"y Neg | z:0"}, "", "r=y:0", LINCE_EINVAL, "y reads \"z:0\", and there is no such node"},
        {{"y Neg | y"}, "", "r=y:0", LINCE_EINVAL, "node \"y\" depends on itself"},
        {{"y Neg | z", "z Neg | y"}, "", "r=y:0", LINCE_EINVAL, "depends on itself"},
        {{"y Neg"}, "", "r=", LINCE_EINVAL, "\"\" names no tensor"},
        {{"y Neg"}, "", "r=y:", LINCE_EINVAL, "\"y:\" names no tensor"},
        {{"y Neg"}, "", "r=y:0:0", LINCE_EINVAL, "\"y:0:0\" names no tensor"},
        {{"y Neg"}, "", "r=y:99999999999", LINCE_EINVAL, "names no tensor"},
        {{"y Neg"}, "", "r=^y", LINCE_EINVAL, "its result is \"^y\", wanted a tensor"},
        {{"x Placeholder"}, "a=^x", "r=x:0", LINCE_EINVAL, "its input is \"^x\", wanted a tensor"},
        {{"x Placeholder"}, "a=w:0", "r=x:0", LINCE_EINVAL, "its input reads \"w:0\""},
        {{"x Const", "y Neg | x:3"}, "", "r=y:0", LINCE_EINVAL, ""},
        {{"v VariableV2", "y Assign | y v"}, "", "r=y:0", LINCE_EUNSUPPORTED, "assigns to what is no variable"},
        {{"y QueueDequeueV2"}, "", "r=y:0", LINCE_EUNSUPPORTED, "node \"y\" (QueueDequeueV2)"},
    };
    (void)state;
    for (size_t i = 0; i < LI_COUNT(cases); i++) {
        struct lab l;
        graph(&l, cases[i].in, cases[i].out, cases[i].lines);
        is_refused(&l, cases[i].st, cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_is_fetched_matters),
        cmocka_unit_test(a_tensor_that_is_fed_cuts_off_what_would_make_it),
        cmocka_unit_test(a_placeholder_with_a_default_need_not_be_fed),
        cmocka_unit_test(a_reference_is_read_where_it_is_used),
        cmocka_unit_test(what_an_assignment_gives_is_read_after_it),
        cmocka_unit_test(a_variable_without_a_value_is_told_by_its_node),
        cmocka_unit_test(a_table_is_filled_by_what_initializes_the_model),
        cmocka_unit_test(a_table_from_a_file_reads_the_models_asset),
        cmocka_unit_test(a_table_from_a_file_reads_the_asset_that_a_collection_lists),
        cmocka_unit_test(a_collection_of_assets_that_holds_something_else_is_refused),
        cmocka_unit_test(a_table_from_a_file_that_is_no_asset_is_refused),
        cmocka_unit_test(a_hub_module_is_opened_by_its_tags),
        cmocka_unit_test(an_attachment_says_both_sides_or_nothing),
        cmocka_unit_test(a_graph_that_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
