/* Opening saved_model.pb: what is unpacked at once, what stays packed, what is found by name. */
#include "proto_support.h"

static lince_error err;

static struct li_mem *new_mem(void)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);

    assert_non_null(mem);
    return mem;
}

static void a_model_opens_with_its_objects_and_signatures(void **state)
{
    (void)state;
    struct buf file = read_file(VALID_MODEL);
    struct li_mem *mem = new_mem();
    struct li_proto_model *model;

    assert_status(li_proto_model_open(&model, bytes_of(&file), "saved_model.pb", mem, &err), LINCE_OK);
    assert_int_equal(model->schema_version, 1);
    assert_int_equal(model->meta_graphs, 1);
    const Tf__MetaGraphDef *def = model->meta_graph[0].def;
    assert_int_equal(def->meta_info_def->n_tags, 1);
    assert_string_equal(def->meta_info_def->tags[0], "serve");
    assert_non_null(def->object_graph_def);
    assert_true(def->object_graph_def->n_nodes > 5);
    assert_int_equal(def->object_graph_def->nodes[0]->kind_case, TF__SAVED_OBJECT__KIND_USER_OBJECT);

    const Tf__SignatureDef *signature = NULL;
    for (size_t i = 0; i < def->n_signature_def; i++) {
        if (!strcmp(def->signature_def[i]->key, "serving_default")) {
            signature = def->signature_def[i]->value;
        }
    }
    assert_non_null(signature);
    assert_string_equal(signature->method_name, "tensorflow/serving/predict");
    assert_int_equal(signature->n_inputs, 1);
    assert_string_equal(signature->inputs[0]->key, "images");
    const Tf__TensorInfo *images = signature->inputs[0]->value;
    struct li_shape shape;
    assert_status(li_proto_shape(&shape, images->tensor_shape, &err), LINCE_OK);
    assert_int_equal(shape.rank, 4);
    assert_int_equal(shape.dim[0], -1);
    assert_int_equal(shape.dim[3], 3);
    li_proto_model_close(model);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
    free(file.data);
}

static void every_concrete_function_is_found_by_name_and_unpacks(void **state)
{
    (void)state;
    struct buf file = read_file(VALID_MODEL);
    struct li_mem *mem = new_mem();
    struct li_proto_model *model;
    struct li_arena arena;

    assert_status(li_proto_model_open(&model, bytes_of(&file), "saved_model.pb", mem, &err), LINCE_OK);
    const struct li_proto_meta_graph *meta_graph = &model->meta_graph[0];
    const Tf__SavedObjectGraph *objects = meta_graph->def->object_graph_def;
    assert_int_equal(meta_graph->def->graph_def->library->n_function, 0);
    assert_true(objects->n_concrete_functions > 0);
    li_arena_init(&arena, mem, 0);
    for (size_t i = 0; i < objects->n_concrete_functions; i++) {
        const Tf__ConcreteFunctionEntry *entry = objects->concrete_functions[i];
        const struct li_proto_item *item = li_proto_find(&meta_graph->functions, entry->key);
        const Tf__FunctionDef *function;
        assert_non_null(item);
        assert_status(li_proto_function(&function, item, &arena, &err), LINCE_OK);
        assert_string_equal(function->signature->name, entry->key);
        assert_true(function->n_node_def > 0);
        assert_true(function->signature->n_input_arg >= entry->value->n_bound_inputs);
    }
    assert_null(li_proto_find(&meta_graph->functions, "absent"));
    li_arena_free(&arena);
    li_proto_model_close(model);
    li_mem_release(mem);
    free(file.data);
}

static void put_node(struct buf *graph, const char *name, const char *op)
{
    struct buf node = {0};

    put_text(&node, 2, op);
    put_text(&node, 1, name);
    put_message(graph, 1, &node);
    free(node.data);
}

static void put_function(struct buf *library, const char *name)
{
    struct buf signature = {0}, function = {0};

    put_text(&signature, 1, name);
    put_message(&function, 1, &signature);
    put_message(library, 1, &function);
    free(signature.data);
    free(function.data);
}

/* A graph whose fields stand in no order: nodes b, a | functions | version 7 | nodes a, c. */
static struct buf mixed_model(void)
{
    struct buf graph = {0}, library = {0}, meta_graph = {0}, model = {0}, versions = {0}, gradient = {0};

    put_node(&graph, "b", "first");
    put_node(&graph, "a", "second");
    put_function(&library, "g");
    put_text(&gradient, 1, "f_grad");
    put_text(&gradient, 2, "Custom");
    put_message(&library, 3, &gradient);
    put_function(&library, "f");
    put_message(&graph, 2, &library);
    put_number(&versions, 1, 7);
    put_message(&graph, 4, &versions);
    put_node(&graph, "a", "third");
    put_node(&graph, "c", "fourth");
    put_message(&meta_graph, 2, &graph);
    put_message(&model, 2, &meta_graph);
    put_number(&model, 1, 1);
    free(graph.data);
    free(library.data);
    free(meta_graph.data);
    free(versions.data);
    free(gradient.data);
    return model;
}

static void fields_may_stand_in_any_order(void **state)
{
    (void)state;
    struct buf file = mixed_model();
    struct li_mem *mem = new_mem();
    struct li_proto_model *model;
    struct li_arena arena;
    const Tf__NodeDef *node;

    assert_status(li_proto_model_open(&model, bytes_of(&file), "mixed", mem, &err), LINCE_OK);
    const struct li_proto_meta_graph *meta_graph = &model->meta_graph[0];
    assert_int_equal(model->schema_version, 1);
    assert_int_equal(meta_graph->nodes.count, 4);
    assert_int_equal(meta_graph->functions.count, 2);
    assert_int_equal(meta_graph->def->graph_def->versions->producer, 7);
    assert_int_equal(meta_graph->def->graph_def->library->n_registered_gradients, 1);
    assert_string_equal(meta_graph->def->graph_def->library->registered_gradients[0]->registered_op_type, "Custom");
    assert_ptr_equal(li_proto_find(&meta_graph->functions, "f"), &meta_graph->functions.item[1]);

    li_arena_init(&arena, mem, 0);
    assert_status(li_proto_node(&node, &meta_graph->nodes.item[0], &arena, &err), LINCE_OK);
    assert_string_equal(node->name, "b");
    assert_status(li_proto_node(&node, li_proto_find(&meta_graph->nodes, "a"), &arena, &err), LINCE_OK);
    assert_string_equal(node->op, "second"); /* the first of two */
    li_arena_free(&arena);
    li_proto_model_close(model);
    li_mem_release(mem);
    free(file.data);
}

/* The file is mapped, and someone may write to it after it was looked at: what is unpacked later is looked at again. */
static void what_changed_since_opening_is_refused_when_it_is_unpacked(void **state)
{
    (void)state;
    struct buf file = read_file(VALID_MODEL);
    struct li_mem *mem = new_mem();
    struct li_proto_model *model;
    struct li_arena arena;
    const Tf__FunctionDef *function;
    const Tf__NodeDef *node;

    assert_status(li_proto_model_open(&model, bytes_of(&file), "saved_model.pb", mem, &err), LINCE_OK);
    const struct li_proto_item *item = &model->meta_graph[0].functions.item[0];
    file.data[item->name.data - file.data] = 0;
    li_arena_init(&arena, mem, 0);
    assert_status(li_proto_function(&function, item, &arena, &err), LINCE_EFORMAT);
    item = &model->meta_graph[0].nodes.item[0];
    file.data[item->name.data - file.data] = 0;
    assert_status(li_proto_node(&node, item, &arena, &err), LINCE_EFORMAT);
    li_arena_free(&arena);
    li_proto_model_close(model);
    li_mem_release(mem);
    free(file.data);
}

static void a_model_without_a_meta_graph_is_refused(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_proto_model *model;

    assert_status(li_proto_model_open(&model, (struct li_bytes){NULL, 0}, "x/saved_model.pb", mem, &err),
                  LINCE_EFORMAT);
    assert_says(err, "x/saved_model.pb: 0 bytes without a meta graph");
    assert_status(li_proto_model_open(&model, (struct li_bytes){(const uint8_t *)"\x08\x01", 2}, "m", mem, &err),
                  LINCE_EFORMAT);
    li_mem_release(mem);
}

static void a_failed_allocation_is_an_error_and_leaves_nothing_behind(void **state)
{
    (void)state;
    struct buf file = read_file(VALID_MODEL);
    struct li_proto_model *model;
    lince_status st = LINCE_ENOMEM;
    size_t limit;

    for (limit = 64; limit < ((size_t)1 << 20) && st; limit += 512) {
        struct li_mem *mem = li_mem_new(NULL, NULL, NULL, limit);
        st = li_proto_model_open(&model, bytes_of(&file), "saved_model.pb", mem, &err);
        if (st) {
            assert_int_equal(st, LINCE_ENOMEM);
        } else {
            li_proto_model_close(model);
        }
        assert_int_equal(li_mem_used_bytes(mem), 0);
        li_mem_release(mem);
    }
    assert_int_equal(st, LINCE_OK);
    free(file.data);
}

static void the_last_entry_of_a_map_wins(void **state)
{
    (void)state;
    struct buf node = {0}, entry = {0}, value = {0};
    struct li_mem *mem = new_mem();
    struct li_arena arena;
    ProtobufCMessage *message;

    for (int i = 1; i <= 3; i++) {
        put_number(&value, 3, i);
        put_text(&entry, 1, i == 2 ? "other" : "key");
        put_message(&entry, 2, &value);
        put_message(&node, 5, &entry);
    }
    put_text(&entry, 1, "empty");
    put_message(&node, 5, &entry);
    li_arena_init(&arena, mem, 0);
    assert_status(li_proto_unpack(&message, bytes_of(&node), &tf__node_def__descriptor, "node", &arena, &err),
                  LINCE_OK);
    const Tf__NodeDef *n = (const Tf__NodeDef *)message;
    assert_int_equal(li_proto_attr(n->attr, n->n_attr, "key")->i, 3);
    assert_int_equal(li_proto_attr(n->attr, n->n_attr, "other")->i, 2);
    assert_int_equal(li_proto_attr(n->attr, n->n_attr, "empty")->value_case, TF__ATTR_VALUE__VALUE__NOT_SET);
    assert_null(li_proto_attr(n->attr, n->n_attr, "absent"));
    li_arena_free(&arena);
    li_mem_release(mem);
    free(node.data);
    free(entry.data);
    free(value.data);
}

static void a_negative_python_integer_is_read_as_zigzag(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_arena arena;
    ProtobufCMessage *message;

    li_arena_init(&arena, mem, 0);
    assert_status(li_proto_unpack(&message, (struct li_bytes){(const uint8_t *)"\x60\x09", 2},
                                  &tf__structured_value__descriptor, "value", &arena, &err),
                  LINCE_OK);
    const Tf__StructuredValue *value = (const Tf__StructuredValue *)message;
    assert_int_equal(value->kind_case, TF__STRUCTURED_VALUE__KIND_INT64_VALUE);
    assert_int_equal(value->int64_value, -5);
    li_arena_free(&arena);
    li_mem_release(mem);
}

static void an_empty_message_in_a_choice_is_present(void **state)
{
    (void)state;
    struct li_mem *mem = new_mem();
    struct li_arena arena;
    ProtobufCMessage *message;

    li_arena_init(&arena, mem, 0);
    assert_status(li_proto_unpack(&message, (struct li_bytes){(const uint8_t *)"\x0a\x00", 2},
                                  &tf__attr_value__descriptor, "value", &arena, &err),
                  LINCE_OK);
    const Tf__AttrValue *value = (const Tf__AttrValue *)message;
    assert_int_equal(value->value_case, TF__ATTR_VALUE__VALUE_LIST);
    assert_int_equal(value->list->n_i, 0);
    li_arena_free(&arena);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_opens_with_its_objects_and_signatures),
        cmocka_unit_test(every_concrete_function_is_found_by_name_and_unpacks),
        cmocka_unit_test(fields_may_stand_in_any_order),
        cmocka_unit_test(what_changed_since_opening_is_refused_when_it_is_unpacked),
        cmocka_unit_test(a_model_without_a_meta_graph_is_refused),
        cmocka_unit_test(a_failed_allocation_is_an_error_and_leaves_nothing_behind),
        cmocka_unit_test(the_last_entry_of_a_map_wins),
        cmocka_unit_test(a_negative_python_integer_is_read_as_zigzag),
        cmocka_unit_test(an_empty_message_in_a_choice_is_present),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
