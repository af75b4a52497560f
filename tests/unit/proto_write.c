/* Messages written field by field, read by protobuf-c. */
#include "proto_support.h"

static lince_error err;

static void *no_memory(size_t bytes, void *context)
{
    size_t *left = context;
    if (*left < bytes) {
        return NULL;
    }
    *left -= bytes;
    return malloc(bytes);
}

static void give_back(void *pointer, void *context)
{
    (void)context;
    free(pointer);
}

/* Lengths of one, two and three bytes, which stand before what was written already. */
static void nested_messages_get_their_lengths(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 126, 127, 128, 129, 16383, 16384, 100000};
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    for (size_t i = 0; i < LI_COUNT(lengths); i++) {
        struct li_out out;
        struct li_arena arena;
        ProtobufCMessage *message;
        char *text = calloc(1, lengths[i] + 1);
        memset(text, 'x', lengths[i]);
        li_out_init(&out, mem, &err);
        size_t function = li_out_open(&out, 3), attr;
        li_out_text(&out, 1, "name");
        attr = li_out_open(&out, 5);
        li_out_text(&out, 1, text);
        li_out_close(&out, attr);
        li_out_close(&out, function);
        li_out_text(&out, 99, "kept for who knows it");
        assert_int_equal(out.status, LINCE_OK);
        li_arena_init(&arena, mem, 0);
        assert_int_equal(li_proto_unpack(&message, (struct li_bytes){out.data, out.len}, &tf__function_def__descriptor,
                                         "test", &arena, &err),
                         LINCE_OK);
        const Tf__FunctionDef *def = (const Tf__FunctionDef *)message;
        assert_string_equal(def->node_def[0]->name, "name");
        assert_string_equal(def->node_def[0]->attr[0]->key, text);
        size_t len = out.len;
        struct li_out again;
        li_out_init(&again, mem, &err);
        li_out_fields(&again, message);
        assert_int_equal(again.len, len);
        assert_memory_equal(again.data, out.data, len);
        li_out_free(&again);
        li_out_free(&out);
        li_arena_free(&arena);
        free(text);
    }
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void numbers_are_what_protobuf_reads(void **state)
{
    (void)state;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct li_arena arena;
    struct li_out out;
    ProtobufCMessage *message;
    li_arena_init(&arena, mem, 0);
    li_out_init(&out, mem, &err);
    li_out_int(&out, 3, -5);
    assert_int_equal(out.len, 11); /* a tag and ten bytes */
    li_out_free(&out);
    li_out_init(&out, mem, &err);
    li_out_int(&out, 3, INT64_MIN);
    assert_int_equal(li_proto_unpack(&message, (struct li_bytes){out.data, out.len}, &tf__attr_value__descriptor,
                                     "test", &arena, &err),
                     LINCE_OK);
    assert_true(((const Tf__AttrValue *)message)->i == INT64_MIN);
    li_out_free(&out);
    li_arena_free(&arena);
    li_mem_release(mem);
}

/* Whatever comes after is nothing, and the first error stays. */
static void a_failed_writer_does_nothing_more(void **state)
{
    (void)state;
    size_t left = 20000;
    struct li_mem *mem = li_mem_new(no_memory, give_back, &left, 0);
    struct li_out out;
    static char text[9000];
    memset(text, 'x', sizeof text - 1);
    li_out_init(&out, mem, &err);
    size_t at = li_out_open(&out, 1);
    li_out_text(&out, 1, text);
    li_out_text(&out, 1, text);
    li_out_text(&out, 1, text);
    li_out_close(&out, at);
    assert_int_equal(out.status, LINCE_ENOMEM);
    assert_int_equal(err.code, LINCE_ENOMEM);
    assert_int_equal(li_out_fail(&out, LINCE_EINVAL), LINCE_ENOMEM);
    li_out_free(&out);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nested_messages_get_their_lengths),
        cmocka_unit_test(numbers_are_what_protobuf_reads),
        cmocka_unit_test(a_failed_writer_does_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
