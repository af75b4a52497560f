/* What the guard lets through and what it refuses: the same faults as the malformed models have. */
#include "proto_support.h"

static lince_error err;

static lince_status guard(struct li_bytes bytes)
{
    return li_proto_guard(bytes, &tf__saved_model__descriptor, "saved_model.pb", &err);
}

/* The valid model with bytes put before, or after, it. */
static lince_status guard_with(const char *before, size_t nbefore, size_t skip, const char *after, size_t nafter)
{
    struct buf model = read_file(VALID_MODEL), b = {0};

    put(&b, before, nbefore);
    put(&b, model.data + skip, model.len - skip);
    put(&b, after, nafter);
    struct buf exact = cut(bytes_of(&b), b.len);
    lince_status st = guard(bytes_of(&exact));
    free(exact.data);
    free(b.data);
    free(model.data);
    return st;
}

static void a_valid_model_passes(void **state)
{
    (void)state;
    assert_status(guard_with("", 0, 0, "", 0), LINCE_OK);
}

static void unknown_fields_of_every_wire_type_pass(void **state)
{
    (void)state;
    static const char unknown[] = "\xa0\x06\x05"             /* 100: varint */
                                  "\xa9\x06\0\0\0\0\0\0\0\0" /* 101: 8 bytes */
                                  "\xb2\x06\x05later"        /* 102: bytes */
                                  "\xbd\x06\0\0\0\0";        /* 103: 4 bytes */
    assert_status(guard_with("", 0, 0, unknown, sizeof unknown - 1), LINCE_OK);
}

static void a_model_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    struct buf model = read_file(VALID_MODEL);
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_proto_model *opened;

    for (size_t n = 0; n < model.len; n++) {
        struct buf part = cut(bytes_of(&model), n);
        assert_status(li_proto_model_open(&opened, bytes_of(&part), "saved_model.pb", mem, &err), LINCE_EFORMAT);
        free(part.data);
    }
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    free(model.data);
}

static void a_varint_of_11_bytes_is_refused(void **state)
{
    (void)state;
    assert_status(guard_with("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, 2, "", 0), LINCE_EFORMAT);
    assert_says(err,
                "saved_model.pb: byte 0: SavedModel.saved_model_schema_version: its varint has no end within 10 bytes");
}

static void a_length_of_2_to_the_63_is_refused(void **state)
{
    (void)state;
    assert_status(guard_with("\x08\x01\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 12, 6, "", 0), LINCE_EFORMAT);
    assert_says(err, "byte 2: SavedModel.meta_graphs: its length");
}

static void a_group_is_refused(void **state)
{
    (void)state;
    assert_status(guard_with("", 0, 0, "\x1b\x08\x01", 3), LINCE_EFORMAT);
    assert_says(err, "group");
}

static void a_known_field_with_another_wire_type_is_refused(void **state)
{
    (void)state;
    assert_status(guard((struct li_bytes){(const uint8_t *)"\x08\x01\x10\x05", 4}), LINCE_EFORMAT);
    assert_says(err, "byte 2: SavedModel.meta_graphs: its wire type");
}

static void garbage_after_the_last_field_is_refused(void **state)
{
    (void)state;
    assert_status(guard_with("", 0, 0, "\xff\xff\xff", 3), LINCE_EFORMAT);
    assert_says(err, "no field tag");
}

static void a_page_of_html_is_refused(void **state)
{
    (void)state;
    static const char page[] = "<!DOCTYPE html><html><body>404 Not Found</body></html>\n";
    assert_status(guard((struct li_bytes){(const uint8_t *)page, sizeof page - 1}), LINCE_EFORMAT);
}

/* An AttrValue that holds a function whose attribute holds a function, and so on; three messages a step. */
static void nest(struct buf *value, int depth)
{
    struct buf entry = {0}, list = {0};

    put_text(value, 2, "end");
    while (depth--) {
        put_text(&entry, 1, "k");
        put_message(&entry, 2, value);
        put_text(&list, 1, "f");
        put_message(&list, 2, &entry);
        put_message(value, 10, &list);
    }
    free(entry.data);
    free(list.data);
}

static lince_status guard_nested(int depth)
{
    struct buf value = {0};

    nest(&value, depth);
    lince_status st = li_proto_guard(bytes_of(&value), &tf__attr_value__descriptor, "deep", &err);
    free(value.data);
    return st;
}

static void nesting_is_refused_beyond_100_messages(void **state)
{
    (void)state;
    assert_status(guard_nested(33), LINCE_OK); /* 1 + 3 * 33 */
    assert_status(guard_nested(34), LINCE_ELIMIT);
    assert_status(guard_nested(4000), LINCE_ELIMIT);
    assert_says(err, "more than 100 messages inside each other");
}

static lince_status guard_name(const char *name, size_t n)
{
    struct buf node = {0};

    put_field(&node, 1, name, n);
    lince_status st = li_proto_guard(bytes_of(&node), &tf__node_def__descriptor, "node", &err);
    free(node.data);
    return st;
}

static void a_string_with_a_nul_byte_is_refused(void **state)
{
    (void)state;
    assert_status(guard_name("a\0b", 3), LINCE_EFORMAT);
    assert_says(err, "node: byte 0: NodeDef.name: a NUL byte");
}

static void a_string_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "a\xe4\xb8"};

    assert_status(guard_name("z\xc3\xa9\xe4\xb8\x96\xf0\x9f\x90\xbe", 10), LINCE_OK);
    for (size_t i = 0; i < LI_COUNT(wrong); i++) {
        assert_status(guard_name(wrong[i], strlen(wrong[i])), LINCE_EFORMAT);
    }
}

static void an_asset_name_may_hold_a_nul_byte_and_is_left_to_who_opens_it(void **state)
{
    (void)state;
    struct buf asset = {0};

    put_field(&asset, 2, "a\0b", 3);
    assert_status(li_proto_guard(bytes_of(&asset), &tf__asset_file_def__descriptor, "asset", &err), LINCE_OK);
    free(asset.data);
}

static void packed_numbers_that_end_inside_one_are_refused(void **state)
{
    (void)state;
    struct buf tensor = {0};

    put_field(&tensor, 5, "\0\0\0\0\0", 5); /* float_val */
    assert_status(li_proto_guard(bytes_of(&tensor), &tf__tensor_proto__descriptor, "t", &err), LINCE_EFORMAT);
    tensor.len = 0;
    put_field(&tensor, 7, "\x01\xff", 2); /* int_val */
    assert_status(li_proto_guard(bytes_of(&tensor), &tf__tensor_proto__descriptor, "t", &err), LINCE_EFORMAT);
    assert_says(err, "TensorProto.int_val");
    free(tensor.data);
}

static void numbers_are_read_packed_and_unpacked(void **state)
{
    (void)state;
    struct buf list = {0};
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_arena arena;
    ProtobufCMessage *message;

    put_number(&list, 3, 7);
    put_field(&list, 3, "\x08\x09", 2);
    put_number(&list, 3, -1);
    li_arena_init(&arena, mem, 0);
    assert_status(
        li_proto_unpack(&message, bytes_of(&list), &tf__attr_value__list_value__descriptor, "l", &arena, &err),
        LINCE_OK);
    const Tf__AttrValue__ListValue *found = (const Tf__AttrValue__ListValue *)message;
    assert_int_equal(found->n_i, 4);
    assert_int_equal(found->i[0], 7);
    assert_int_equal(found->i[1], 8);
    assert_int_equal(found->i[2], 9);
    assert_int_equal(found->i[3], -1);
    li_arena_free(&arena);
    li_mem_release(mem);
    free(list.data);
}

/* 2 bytes an object in the file, over 100 in memory. */
static void a_file_that_unpacks_to_many_times_its_size_is_refused_with_bounded_memory(void **state)
{
    (void)state;
    struct buf graph = {0}, bomb = {0};
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_proto_model *model;

    for (int i = 0; i < 500000; i++) {
        put(&graph, "\x0a\0", 2);
    }
    struct buf meta_graph = {0};
    put_message(&meta_graph, 7, &graph);
    put_message(&bomb, 2, &meta_graph);
    assert_status(li_proto_model_open(&model, bytes_of(&bomb), "bomb", mem, &err), LINCE_ELIMIT);
    assert_in_range(li_mem_peak_bytes(mem), 0, 70 * bomb.len);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    free(graph.data);
    free(meta_graph.data);
    free(bomb.data);
}

/* To be merged, says the format; protobuf-c would lose numbers, and copy what it has each time. */
static void a_message_that_stands_twice_where_one_is_declared_is_refused(void **state)
{
    (void)state;
    struct buf meta_graph = {0}, tags = {0}, versions = {0};

    put_text(&tags, 4, "x");
    put_field(&meta_graph, 1, tags.data, tags.len);
    put_field(&meta_graph, 1, tags.data, tags.len);
    assert_status(li_proto_guard(bytes_of(&meta_graph), &tf__meta_graph_def__descriptor, "m", &err),
                  LINCE_EUNSUPPORTED);
    assert_says(err, "m: byte 5: MetaGraphDef.meta_info_def: it is given twice");
    put_number(&versions, 1, 7);
    put_number(&versions, 1, 8); /* a number may: the last one counts */
    assert_status(li_proto_guard(bytes_of(&versions), &tf__version_def__descriptor, "v", &err), LINCE_OK);
    free(tags.data);
    free(meta_graph.data);
    free(versions.data);
}

static void no_message_has_more_fields_than_the_guard_has_bits(void **state)
{
    (void)state;
    assert_in_range(tf__structured_value__descriptor.n_fields, 1, 64);
    assert_in_range(tf__tensor_proto__descriptor.n_fields, 1, 64);
    assert_in_range(tf__saved_object__descriptor.n_fields, 1, 64);
    assert_in_range(tf__op_def__descriptor.n_fields, 1, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_model_passes),
        cmocka_unit_test(unknown_fields_of_every_wire_type_pass),
        cmocka_unit_test(a_model_cut_at_any_byte_is_refused),
        cmocka_unit_test(a_varint_of_11_bytes_is_refused),
        cmocka_unit_test(a_length_of_2_to_the_63_is_refused),
        cmocka_unit_test(a_group_is_refused),
        cmocka_unit_test(a_known_field_with_another_wire_type_is_refused),
        cmocka_unit_test(garbage_after_the_last_field_is_refused),
        cmocka_unit_test(a_page_of_html_is_refused),
        cmocka_unit_test(nesting_is_refused_beyond_100_messages),
        cmocka_unit_test(a_string_with_a_nul_byte_is_refused),
        cmocka_unit_test(a_string_that_is_not_utf8_is_refused),
        cmocka_unit_test(an_asset_name_may_hold_a_nul_byte_and_is_left_to_who_opens_it),
        cmocka_unit_test(packed_numbers_that_end_inside_one_are_refused),
        cmocka_unit_test(numbers_are_read_packed_and_unpacked),
        cmocka_unit_test(a_file_that_unpacks_to_many_times_its_size_is_refused_with_bounded_memory),
        cmocka_unit_test(a_message_that_stands_twice_where_one_is_declared_is_refused),
        cmocka_unit_test(no_message_has_more_fields_than_the_guard_has_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
