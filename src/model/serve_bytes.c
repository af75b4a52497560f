/*
 * From the bytes of photo files to a batch of images, as a loop in the graph: each is decoded, scaled to [0, 1] and
 * resized, as tf.io.decode_jpeg, convert_image_dtype and resize do it.
 *
 * layers: graphs of files
 */
#include "model/publish.h"

static const enum li_nodes_in IN = LI_IN_FUNCTION;
enum { F32 = LINCE_FLOAT32, I32 = LINCE_INT32, VARIANT = LINCE_VARIANT, STRING = LINCE_STRING };

/* What the loop carries: which photo is next, how many there are, the images so far, and the files. */
static const int32_t carried[] = {I32, I32, VARIANT, STRING};

static lince_status open_plain(struct li_made *made, struct li_draft *d, const char *base, struct li_arg spec[4],
                               const struct li_arg *specs[4])
{
    static const char *const names[] = {"index", "count", "images", "files"};
    static const int rank[] = {0, 0, 0, 1};
    for (int i = 0; i < 4; i++) {
        spec[i] = (struct li_arg){.kind = LI_ARG_SPEC, .dtype = (lince_dtype)carried[i]};
        spec[i].shape = (struct li_shape){.rank = rank[i], .dim = {-1}};
        specs[i] = &spec[i];
    }
    *made = (struct li_made){.spec = specs, .specs = 4, .spec_name = names};
    return li_made_open(made, d, base);
}

static lince_status close_plain(struct li_made *made, const char *const *from, const struct li_arg *const *result,
                                size_t results)
{
    li_made_signature(made, from, result, results);
    lince_status st = li_draft_add_function(made->draft, made->name, &made->out);
    li_made_free(made);
    return st;
}

static lince_status make_condition(struct li_draft *d, const char **name)
{
    static const struct li_arg yes = {.kind = LI_ARG_SPEC, .dtype = LINCE_BOOL};
    const struct li_arg *specs[4], *result = &yes;
    struct li_arg spec[4];
    struct li_made made;
    LI_TRY(open_plain(&made, d, "decode_while_cond", spec, specs));
    *name = made.name;
    li_node_plain(&made.out, IN, "Less", "Less", "input_0 input_1", I32);
    return close_plain(&made, (const char *const[]){"Less:z:0"}, &result, 1);
}

static void decode_nodes(struct li_out *out)
{
    static const float scale = 1.0F / 255.0F;
    size_t at = li_node_open(out, IN, "GatherV2", "file");
    li_node_inputs(out, "input_3 input_0 zero:output:0");
    li_attr_type_out(out, "Tparams", STRING);
    li_attr_type_out(out, "Tindices", I32);
    li_attr_type_out(out, "Taxis", I32);
    li_attr_int_out(out, "batch_dims", 0);
    li_out_close(out, at);
    at = li_node_open(out, IN, "DecodeJpeg", "DecodeJpeg");
    li_node_inputs(out, "file:output:0");
    li_attr_int_out(out, "channels", 3);
    li_out_close(out, at);
    at = li_node_open(out, IN, "Cast", "Cast");
    li_node_inputs(out, "DecodeJpeg:image:0");
    li_attr_type_out(out, "SrcT", LINCE_UINT8);
    li_attr_type_out(out, "DstT", F32);
    li_attr_bool_out(out, "Truncate", false);
    li_out_close(out, at);
    li_node_const_f32(out, IN, "scale", &scale, 0);
    li_node_plain(out, IN, "Mul", "Mul", "Cast:y:0 scale:output:0", F32);
}

static void resize_nodes(struct li_out *out, const int32_t size[2])
{
    size_t at = li_node_open(out, IN, "ExpandDims", "ExpandDims");
    li_node_inputs(out, "Mul:z:0 zero:output:0");
    li_attr_type_out(out, "T", F32);
    li_attr_type_out(out, "Tdim", I32);
    li_out_close(out, at);
    li_node_const_i32(out, IN, "size", size, 2);
    at = li_node_open(out, IN, "ResizeBilinear", "ResizeBilinear");
    li_node_inputs(out, "ExpandDims:output:0 size:output:0");
    li_attr_type_out(out, "T", F32);
    li_attr_bool_out(out, "align_corners", false);
    li_attr_bool_out(out, "half_pixel_centers", true);
    li_out_close(out, at);
    static const int32_t squeezed[] = {0};
    at = li_node_open(out, IN, "Squeeze", "Squeeze");
    li_node_inputs(out, "ResizeBilinear:resized_images:0");
    li_attr_type_out(out, "T", F32);
    li_attr_ints_out(out, "squeeze_dims", squeezed, 1);
    li_out_close(out, at);
    at = li_node_open(out, IN, "TensorListSetItem", "TensorListSetItem");
    li_node_inputs(out, "input_2 input_0 Squeeze:output:0");
    li_attr_type_out(out, "element_dtype", F32);
    li_out_close(out, at);
}

static lince_status make_turn(struct li_draft *d, const int32_t size[2], const char **name)
{
    static const int32_t zero = 0, one = 1;
    static const char *const from[] = {"AddV2:z:0", "input_1", "TensorListSetItem:output_handle:0", "input_3"};
    const struct li_arg *specs[4];
    struct li_arg spec[4];
    struct li_made made;
    LI_TRY(open_plain(&made, d, "decode_while_body", spec, specs));
    *name = made.name;
    li_node_const_i32(&made.out, IN, "zero", &zero, 0);
    li_node_const_i32(&made.out, IN, "one", &one, 0);
    decode_nodes(&made.out);
    resize_nodes(&made.out, size);
    li_node_plain(&made.out, IN, "AddV2", "AddV2", "input_0 one:output:0", I32);
    return close_plain(&made, from, specs, 4);
}

static void loop_node(struct li_out *out, const char *condition, const char *turn)
{
    size_t at = li_node_open(out, IN, "StatelessWhile", "decode");
    li_node_inputs(out, "zero:output:0 Size:output:0 TensorListReserve:handle:0 input_0");
    li_attr_types_out(out, "T", carried, LI_COUNT(carried));
    li_attr_function_out(out, "cond", condition);
    li_attr_function_out(out, "body", turn);
    li_attr_int_out(out, "parallel_iterations", 10);
    li_out_close(out, at);
}

lince_status li_decode_nodes(struct li_made *made, const int32_t size[2])
{
    static const int32_t zero = 0;
    const int32_t shape[] = {size[0], size[1], 3};
    const char *condition, *turn;
    struct li_out *out = &made->out;
    LI_TRY(make_condition(made->draft, &condition));
    LI_TRY(make_turn(made->draft, size, &turn));
    li_node_const_i32(out, IN, "zero", &zero, 0);
    li_node_const_i32(out, IN, "shape", shape, 3);
    size_t at = li_node_open(out, IN, "Size", "Size");
    li_node_inputs(out, "input_0");
    li_attr_type_out(out, "T", STRING);
    li_attr_type_out(out, "out_type", I32);
    li_out_close(out, at);
    at = li_node_open(out, IN, "TensorListReserve", "TensorListReserve");
    li_node_inputs(out, "shape:output:0 Size:output:0");
    li_attr_type_out(out, "element_dtype", F32);
    li_attr_type_out(out, "shape_type", I32);
    li_out_close(out, at);
    loop_node(out, condition, turn);
    at = li_node_open(out, IN, "TensorListStack", "TensorListStack");
    li_node_inputs(out, "decode:output:2 shape:output:0");
    li_attr_type_out(out, "element_dtype", F32);
    li_attr_int_out(out, "num_elements", -1);
    li_out_close(out, at);
    return LINCE_OK;
}
