/* Convolutions, pools and norms: fused forms against their parts, views, gradients as adjoints, refusals. */
#include "ops_lab.h"

static const int64_t one_stride[] = {1, 1, 1, 1};

/* A convolution to try. */
struct trial {
    int64_t x[4], filter[4], strides[4], dilations[4];
    const char *padding;
};

static const struct trial trials[] = {
    {{2, 7, 5, 3}, {3, 3, 3, 4}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
    {{1, 8, 6, 3}, {3, 2, 3, 5}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"},
    {{1, 9, 13, 2}, {5, 5, 2, 33}, {1, 3, 2, 1}, {1, 1, 1, 1}, "VALID"},
    {{2, 11, 9, 4}, {3, 3, 4, 6}, {1, 1, 1, 1}, {1, 2, 3, 1}, "SAME"},
    {{1, 12, 13, 2}, {3, 3, 2, 3}, {1, 2, 2, 1}, {1, 2, 2, 1}, "VALID"},
    {{1, 15, 14, 2}, {3, 4, 2, 3}, {1, 4, 3, 1}, {1, 2, 2, 1}, "SAME"},
    {{2, 6, 7, 6}, {3, 3, 2, 9}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},   /* three groups */
    {{1, 5, 5, 8}, {2, 3, 1, 16}, {1, 2, 1, 1}, {1, 1, 1, 1}, "VALID"}, /* eight groups */
    {{3, 7, 7, 17}, {1, 1, 17, 19}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
    {{2, 7, 8, 5}, {1, 1, 5, 6}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"}, /* pixels that no tap reaches */
    {{0, 7, 8, 5}, {3, 3, 5, 6}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
};

static int window_attrs(const struct trial *t, struct li_attr *attrs)
{
    int n = 0;
    attrs[n++] = (struct li_attr)LI_INTS("strides", t->strides, 4);
    attrs[n++] = (struct li_attr)LI_INTS("dilations", t->dilations, 4);
    attrs[n++] =
        (struct li_attr){.name = "padding", .kind = LI_ATTR_STRING, .s = t->padding, .s_len = strlen(t->padding)};
    return n;
}

static struct li_tensor run_conv(enum li_isa isa, const char *op, const struct trial *t,
                                 const struct li_tensor *const *in, int nin, struct lab *lab)
{
    struct li_attr attrs[8];
    int n = window_attrs(t, attrs);
    if (strcmp(op, "Conv2D") == 0) {
        attrs[n++] = (struct li_attr)LI_TYPE("T", LINCE_FLOAT32);
    }
    lab_open(lab, isa);
    if (lab_run(lab, op, in, nin, attrs, n)) {
        fail_msg("%s", lab->err.text);
    }
    return lab->out[0];
}

/* What Conv2D (DepthwiseConv2dNative) and then bias, residual and activation give, by plain loops; freed by the caller.
 */
static float *compose(const char *op, const struct trial *t, const struct li_tensor *const *in,
                      const struct li_tensor *bias, const struct li_tensor *residual, enum li_activation activation,
                      float alpha)
{
    struct lab lab;
    struct li_tensor y = run_conv(LI_ISA_REF, op, t, in, 2, &lab);
    int64_t count = li_shape_count(&y.shape), channels = y.shape.dim[3];
    float *out = malloc((size_t)count * sizeof *out + 1);
    assert_non_null(out);
    for (int64_t i = 0; i < count; i++) {
        out[i] = ((float *)y.data)[i] + (bias ? ((float *)bias->data)[i % channels] : 0) +
                 (residual ? ((float *)residual->data)[i] : 0);
    }
    lab.env.kernels->unary->activate(activation, alpha, out, out, count);
    lab_close(&lab);
    return out;
}

/* The filter as _LiConvPack leaves it, in lab->out[0]. */
static void pack_filter(struct lab *lab, enum li_isa isa, const struct li_tensor *filter, int64_t groups)
{
    lab_open(lab, isa);
    if (lab_run(lab, "_LiConvPack", &filter, 1, (const struct li_attr[]){LI_INT("groups", groups)}, 1)) {
        fail_msg("%s", lab->err.text);
    }
}

static void out_shape(const struct trial *t, const struct li_tensor *x, const struct li_tensor *filter, const char *op,
                      struct li_shape *y)
{
    struct lab lab;
    *y = run_conv(LI_ISA_REF, op, t, (const struct li_tensor *const[]){x, filter}, 2, &lab).shape;
    lab_close(&lab);
}

static void check_fused(enum li_isa isa, const struct trial *t, bool bias, bool residual, enum li_activation activation,
                        int views)
{
    struct li_tensor x = lab_tensor(4, t->x, 1), filter = lab_tensor(4, t->filter, 2);
    struct li_shape shape;
    out_shape(t, &x, &filter, "Conv2D", &shape);
    struct li_tensor b = lab_tensor(1, &t->filter[3], 3), r = lab_tensor(4, shape.dim, 4);
    float alpha = 0.3f, *want = compose("Conv2D", t, (const struct li_tensor *const[]){&x, &filter}, bias ? &b : NULL,
                                        residual ? &r : NULL, activation, alpha);
    struct lab packed, lab;
    pack_filter(&packed, isa, &filter, t->x[3] / t->filter[2]);
    lab_open(&lab, isa);
    if (views & 1) {
        lab.in_view[0] = (struct lab_view){.before = 3, .after = 2};
        lab.out_view[0] = (struct lab_view){.before = 1, .after = 4, .halo = {1, 0, 2, 1}};
        lab.in_view[2 + bias] = (struct lab_view){.before = 2, .halo = {0, 1, 1, 0}};
    }
    if (views & 2) {
        memcpy(lab.in_view[0].halo, (const int32_t[]){8, 9, 10, 8}, sizeof lab.in_view[0].halo);
    }
    const struct li_tensor *in[4] = {&x, &packed.out[0], bias ? &b : &r, &r};
    struct li_attr attrs[12];
    int n = window_attrs(t, attrs);
    attrs[n++] = (struct li_attr)LI_INTS("filter", t->filter, 4);
    attrs[n++] = (struct li_attr)LI_BOOL("bias", bias);
    attrs[n++] = (struct li_attr)LI_BOOL("residual", residual);
    attrs[n++] = (struct li_attr)LI_INT("activation", activation);
    attrs[n++] = (struct li_attr)LI_FLOAT("alpha", 0.3f);
    if (lab_run(&lab, "_LiConv2D", in, 2 + bias + residual, attrs, n)) {
        fail_msg("%s", lab.err.text);
    }
    assert_true(li_shape_equal(&lab.out[0].shape, &shape));
    assert_true(lab_difference(&lab.out[0], want) < 1e-5);
    lab_close(&lab);
    lab_close(&packed);
    free(want);
    free(x.data), free(filter.data), free(b.data), free(r.data);
}

static void fused_conv_equals_its_parts(void **state)
{
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t i = 0; i < LI_COUNT(trials); i++) {
            for (int parts = 0; parts < 4; parts++) {
                check_fused(isa, &trials[i], parts & 1, parts & 2, LI_ACT_RELU, 0);
            }
        }
        for (int activation = 0; activation < LI_ACT_COUNT; activation++) {
            check_fused(isa, &trials[0], true, true, (enum li_activation)activation, 0);
        }
    }
}

static void fused_conv_honours_strides_and_halo(void **state)
{
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t i = 0; i < LI_COUNT(trials); i++) {
            check_fused(isa, &trials[i], true, false, LI_ACT_NONE, 1);
            check_fused(isa, &trials[i], true, true, LI_ACT_RELU6, 2);
            check_fused(isa, &trials[i], false, true, LI_ACT_NONE, 3);
        }
    }
}

static void check_depthwise(enum li_isa isa, const struct trial *t, const char *op, bool bias,
                            enum li_activation activation, int views)
{
    struct li_tensor x = lab_tensor(4, t->x, 5), filter = lab_tensor(4, t->filter, 6);
    int64_t outputs = t->filter[2] * t->filter[3];
    struct li_tensor b = lab_tensor(1, &outputs, 7);
    float *want = compose("DepthwiseConv2dNative", t, (const struct li_tensor *const[]){&x, &filter}, bias ? &b : NULL,
                          NULL, activation, 0.3f);
    struct lab lab;
    lab_open(&lab, isa);
    if (views) {
        lab.in_view[0] = (struct lab_view){.before = 2, .after = 1, .halo = {8, 8, 8, 8}};
        lab.out_view[0] = (struct lab_view){.before = 1, .halo = {1, 2, 0, 1}};
    }
    struct li_attr attrs[8];
    int n = window_attrs(t, attrs);
    if (op[0] == '_') {
        attrs[n++] = (struct li_attr)LI_BOOL("bias", bias);
        attrs[n++] = (struct li_attr)LI_INT("activation", activation);
        attrs[n++] = (struct li_attr)LI_FLOAT("alpha", 0.3f);
    }
    if (lab_run(&lab, op, (const struct li_tensor *const[]){&x, &filter, &b}, 2 + bias, attrs, n)) {
        fail_msg("%s", lab.err.text);
    }
    assert_true(lab_difference(&lab.out[0], want) < 1e-5);
    lab_close(&lab);
    free(want);
    free(x.data), free(filter.data), free(b.data);
}

static void fused_depthwise_equals_its_parts(void **state)
{
    static const struct trial list[] = {
        {{2, 7, 6, 5}, {3, 3, 5, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
        {{1, 9, 8, 33}, {3, 3, 33, 1}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"},
        {{1, 9, 9, 3}, {5, 5, 3, 2}, {1, 1, 1, 1}, {1, 1, 1, 1}, "VALID"},
        {{2, 11, 9, 4}, {3, 3, 4, 3}, {1, 1, 1, 1}, {1, 2, 3, 1}, "SAME"},
        {{0, 7, 6, 5}, {3, 3, 5, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
    };
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t i = 0; i < LI_COUNT(list); i++) {
            check_depthwise(isa, &list[i], "DepthwiseConv2dNative", false, LI_ACT_NONE, 1);
            check_depthwise(isa, &list[i], "_LiDepthwiseConv2D", false, LI_ACT_SWISH, 0);
            check_depthwise(isa, &list[i], "_LiDepthwiseConv2D", true, LI_ACT_RELU6, 1);
        }
    }
}

/* <conv(x, f), dy> = <x, dx> = <f, df>: the convolution is linear in both, so its gradients are its adjoints. */
static void check_adjoints(enum li_isa isa, const char *op, const char *to_input, const char *to_filter,
                           const struct trial *t)
{
    struct li_tensor x = lab_tensor(4, t->x, 8), filter = lab_tensor(4, t->filter, 9);
    struct lab forward, input, weights;
    struct li_tensor y = run_conv(isa, op, t, (const struct li_tensor *const[]){&x, &filter}, 2, &forward);
    struct li_tensor dy = lab_tensor(4, y.shape.dim, 10);
    int32_t sizes[2][4];
    for (int i = 0; i < 4; i++) {
        sizes[0][i] = (int32_t)t->x[i];
        sizes[1][i] = (int32_t)t->filter[i];
    }
    struct li_tensor x_sizes = lab_int32(sizes[0], 4), filter_sizes = lab_int32(sizes[1], 4);
    struct li_tensor dx =
        run_conv(isa, to_input, t, (const struct li_tensor *const[]){&x_sizes, &filter, &dy}, 3, &input);
    struct li_tensor df =
        run_conv(isa, to_filter, t, (const struct li_tensor *const[]){&x, &filter_sizes, &dy}, 3, &weights);
    double want = lab_dot(&y, &dy), scale = sqrt(lab_dot(&y, &y) * lab_dot(&dy, &dy)) + 1e-30;
    assert_true(fabs(lab_dot(&x, &dx) - want) < 2e-6 * scale);
    assert_true(fabs(lab_dot(&filter, &df) - want) < 2e-6 * scale);
    lab_close(&forward), lab_close(&input), lab_close(&weights);
    free(x.data), free(filter.data), free(dy.data), free(x_sizes.data), free(filter_sizes.data);
}

static void conv_gradients_are_its_adjoints(void **state)
{
    static const struct trial large[] = {
        {{3, 40, 41, 70}, {3, 3, 70, 20}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"}, /* several tasks in each */
        {{1, 50, 50, 3}, {7, 7, 3, 16}, {1, 2, 2, 1}, {1, 1, 1, 1}, "VALID"},
    };
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t i = 0; i < LI_COUNT(trials); i++) {
            check_adjoints(isa, "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", &trials[i]);
        }
        for (size_t i = 0; i < LI_COUNT(large) && isa != LI_ISA_REF; i++) {
            check_adjoints(isa, "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropFilter", &large[i]);
        }
    }
}

static void depthwise_gradients_are_its_adjoints(void **state)
{
    static const struct trial list[] = {
        {{2, 7, 6, 5}, {3, 3, 5, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
        {{1, 9, 8, 33}, {3, 3, 33, 1}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"},
        {{1, 9, 9, 3}, {5, 5, 3, 2}, {1, 1, 1, 1}, {1, 1, 1, 1}, "VALID"},
        {{2, 11, 9, 4}, {3, 3, 4, 3}, {1, 1, 1, 1}, {1, 2, 3, 1}, "SAME"},
        {{1, 12, 13, 6}, {3, 3, 6, 1}, {1, 2, 2, 1}, {1, 2, 2, 1}, "VALID"},
        {{2, 15, 14, 17}, {3, 4, 17, 1}, {1, 4, 3, 1}, {1, 2, 2, 1}, "SAME"},
        {{2, 7, 8, 5}, {1, 1, 5, 1}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"}, /* pixels that no tap reaches */
        {{1, 20, 20, 9}, {9, 9, 9, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
        {{0, 7, 6, 5}, {3, 3, 5, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
        {{3, 41, 40, 70}, {3, 3, 70, 1}, {1, 2, 2, 1}, {1, 1, 1, 1}, "SAME"}, /* several tasks */
        {{2, 50, 50, 40}, {5, 5, 40, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}, "SAME"},
    };
    (void)state;
    LAB_EACH_ISA(isa)
    {
        for (size_t i = 0; i < LI_COUNT(list); i++) {
            check_adjoints(isa, "DepthwiseConv2dNative", "DepthwiseConv2dNativeBackpropInput",
                           "DepthwiseConv2dNativeBackpropFilter", &list[i]);
        }
    }
}

static void transposed_conv_places_each_input_pixel_under_the_filter(void **state)
{
    (void)state;
    const struct trial t = {{1, 4, 6, 1}, {2, 3, 1, 1}, {1, 2, 3, 1}, {1, 1, 1, 1}, "VALID"};
    float filter_values[] = {1, 2, 3, 4, 5, 6}, dy_values[] = {1, 10, 100, 1000};
    struct li_tensor sizes = lab_int32((const int32_t[]){1, 4, 6, 1}, 4);
    struct li_tensor filter = {LINCE_FLOAT32, {4, {2, 3, 1, 1}}, filter_values, sizeof filter_values};
    struct li_tensor dy = {LINCE_FLOAT32, {4, {1, 2, 2, 1}}, dy_values, sizeof dy_values};
    static const float want[] = {1,   2,   3,   10,   20,   30,   4,   5,   6,   40,   50,   60,
                                 100, 200, 300, 1000, 2000, 3000, 400, 500, 600, 4000, 5000, 6000};
    LAB_EACH_ISA(isa)
    {
        struct lab lab;
        struct li_tensor y =
            run_conv(isa, "Conv2DBackpropInput", &t, (const struct li_tensor *const[]){&sizes, &filter, &dy}, 3, &lab);
        assert_memory_equal(y.data, want, sizeof want);
        lab_close(&lab);
    }
    free(sizes.data);
}

/* Constants are folded before any value has a place in a buffer. */
static void a_node_evaluated_by_itself_takes_its_operands_as_dense(void **state)
{
    (void)state;
    for (size_t i = 0; i < LI_COUNT(trials); i++) {
        const struct trial *t = &trials[i];
        struct li_tensor x = lab_tensor(4, t->x, 12), filter = lab_tensor(4, t->filter, 13);
        const struct li_tensor *const in[] = {&x, &filter};
        const struct li_tensor operands[] = {x, filter};
        struct li_tensor out;
        struct lab want, lab;
        run_conv(li_cpu_isa(), "Conv2D", t, in, 2, &want);
        struct li_attr attrs[8];
        int n = window_attrs(t, attrs);
        attrs[n++] = (struct li_attr)LI_TYPE("T", LINCE_FLOAT32);
        lab_open(&lab, li_cpu_isa());
        struct li_node *node;
        li_vid ids[2];
        for (int k = 0; k < 2; k++) {
            assert_int_equal(li_graph_input(lab.graph, LINCE_FLOAT32, &in[k]->shape, &ids[k], &lab.err), LINCE_OK);
        }
        assert_int_equal(
            li_graph_append(lab.graph, li_ops_find(li_ops(), "Conv2D"), "x", ids, 2, attrs, n, &node, &lab.err),
            LINCE_OK);
        struct li_infer s = {.graph = lab.graph, .node = node, .env = &lab.env, .err = &lab.err};
        assert_int_equal(node->op->shape(&s), LINCE_OK);
        assert_int_equal(li_node_eval(lab.graph, node, operands, &out, &lab.env, &lab.err), LINCE_OK);
        assert_true(li_shape_equal(&out.shape, &want.out[0].shape));
        assert_memory_equal(out.data, want.out[0].data, out.size_bytes);
        li_free(lab.mem, out.data);
        lab_close(&lab), lab_close(&want);
        free(x.data), free(filter.data);
    }
}

/* A node that must be refused while shapes are inferred. */
static void refuse(const char *op, const struct li_tensor *const *in, int nin, const struct li_attr *attrs, int nattrs,
                   const char *text)
{
    struct lab lab;
    lab_open(&lab, LI_ISA_REF);
    assert_int_not_equal(lab_run(&lab, op, in, nin, attrs, nattrs), LINCE_OK);
    assert_string_equal(lab.err.text, text);
    lab_close(&lab);
}

static void conv_says_what_does_not_fit(void **state)
{
    (void)state;
    struct li_tensor x = LAB_TENSOR(1, 1, 5, 5, 4), f = LAB_TENSOR(2, 3, 3, 3, 8), g = LAB_TENSOR(3, 7, 3, 4, 8);
    struct li_attr attrs[] = {LI_TYPE("T", LINCE_FLOAT32), LI_INTS("strides", one_stride, 4),
                              LI_STR("padding", "VALID")};
    refuse("Conv2D", (const struct li_tensor *const[]){&x, &f}, 2, attrs, 3,
           "node \"x\" (Conv2D): filter expects 3 input channels, image has 4");
    refuse("DepthwiseConv2dNative", (const struct li_tensor *const[]){&x, &f}, 2, attrs, 3,
           "node \"x\" (DepthwiseConv2dNative): filter expects 3 input channels, image has 4");
    refuse("Conv2D", (const struct li_tensor *const[]){&x, &g}, 2, attrs, 3,
           "node \"x\" (Conv2D): a window of 7 x 3 does not fit into a picture of 5 x 5: it is too small");
    static const int64_t bad[] = {1, -2, -2, 1};
    attrs[1] = (struct li_attr)LI_INTS("strides", bad, 4);
    refuse("Conv2D", (const struct li_tensor *const[]){&x, &g}, 2, attrs, 3,
           "node \"x\" (Conv2D): strides must be four numbers [1, h, w, 1], h and w positive");
    attrs[1] = (struct li_attr)LI_INTS("strides", one_stride, 3);
    refuse("Conv2D", (const struct li_tensor *const[]){&x, &g}, 2, attrs, 3,
           "node \"x\" (Conv2D): strides must be four numbers [1, h, w, 1], h and w positive");
    struct li_tensor sizes = lab_int32((const int32_t[]){1, 6, 5, 4}, 4), k = LAB_TENSOR(5, 3, 3, 4, 4);
    attrs[1] = (struct li_attr)LI_INTS("strides", one_stride, 4);
    refuse("Conv2DBackpropInput", (const struct li_tensor *const[]){&sizes, &k, &x}, 3, attrs, 3,
           "node \"x\" (Conv2DBackpropInput): out_backprop has shape [1,5,5,4]; the convolution gives [1,4,3,4]");
    free(x.data), free(f.data), free(g.data), free(sizes.data), free(k.data);
}

static void pools_honour_strides_and_halo(void **state)
{
    (void)state;
    static const int64_t size[] = {1, 3, 2, 1}, strides[] = {1, 2, 3, 1};
    const struct li_attr attrs[] = {LI_INTS("ksize", size, 4), LI_INTS("strides", strides, 4),
                                    LI_STR("padding", "SAME")};
    static const char *const ops[] = {"MaxPool", "AvgPool"};
    for (int64_t batch = 0; batch < 3; batch += 2) {
        struct li_tensor x = LAB_TENSOR(11, batch, 7, 9, 5);
        const struct li_tensor *in = &x;
        for (int k = 0; k < 2; k++) {
            struct lab plain;
            lab_open(&plain, LI_ISA_REF);
            assert_int_equal(lab_run(&plain, ops[k], &in, 1, attrs, 3), LINCE_OK);
            LAB_EACH_ISA(isa)
            {
                struct lab lab;
                lab_open(&lab, isa);
                lab.in_view[0] = (struct lab_view){.before = 1, .after = 2, .halo = {1, 2, 3, 1}};
                lab.out_view[0] = (struct lab_view){.before = 2, .after = 1, .halo = {0, 1, 1, 2}};
                assert_int_equal(lab_run(&lab, ops[k], &in, 1, attrs, 3), LINCE_OK);
                assert_true(lab_difference(&lab.out[0], plain.out[0].data) < 1e-6);
                lab_close(&lab);
            }
            lab_close(&plain);
        }
        free(x.data);
    }
}

/* ---- Norms ---- */

struct norm_inputs {
    struct li_tensor x, scale, offset, mean, variance;
};

static struct norm_inputs norm_inputs(const int64_t dims[4], int64_t channels)
{
    struct norm_inputs in = {lab_tensor(4, dims, 21), lab_tensor(1, &channels, 22), lab_tensor(1, &channels, 23),
                             lab_tensor(1, &channels, 24), lab_tensor(1, &channels, 25)};
    for (int64_t i = 0; i < channels; i++) {
        ((float *)in.variance.data)[i] += 1.5f;
    }
    return in;
}

static void free_norm(struct norm_inputs *in)
{
    free(in->x.data), free(in->scale.data), free(in->offset.data), free(in->mean.data), free(in->variance.data);
}

static void run_norm(struct lab *lab, enum li_isa isa, const char *op, struct norm_inputs *in, bool training,
                     float factor, const char *format)
{
    const struct li_tensor *const list[] = {&in->x, &in->scale, &in->offset, &in->mean, &in->variance};
    const struct li_attr attrs[] = {
        LI_BOOL("is_training", training),
        LI_FLOAT("epsilon", 0.001f),
        LI_FLOAT("exponential_avg_factor", factor),
        {.name = "data_format", .kind = LI_ATTR_STRING, .s = format, .s_len = strlen(format)}};
    lab_open(lab, isa);
    if (lab_run(lab, op, list, 5, attrs, 4)) {
        fail_msg("%s", lab->err.text);
    }
}

/* By the formulas of the op, in double. outputs: y, mean, variance, saved mean, saved variance. */
static void plain_norm(const struct norm_inputs *in, int64_t rows, int64_t channels, bool training, float factor,
                       float *out[5])
{
    const float *x = in->x.data, *scale = in->scale.data, *offset = in->offset.data;
    for (int64_t c = 0; c < channels; c++) {
        double old_mean = (double)((float *)in->mean.data)[c], old_variance = (double)((float *)in->variance.data)[c],
               mean = 0, variance = 0;
        for (int64_t r = 0; r < rows; r++) {
            mean += (double)x[r * channels + c] / (double)rows;
        }
        for (int64_t r = 0; r < rows; r++) {
            variance += pow((double)x[r * channels + c] - mean, 2) / (double)rows;
        }
        double f = (double)factor, bessel = (double)rows / (double)LI_MAX(rows - 1, 1);
        out[1][c] = (float)(training ? (1 - f) * old_mean + f * mean : old_mean);
        out[2][c] = (float)(training ? (1 - f) * old_variance + f * variance * bessel : old_variance);
        out[3][c] = (float)(training ? mean : old_mean);
        out[4][c] = (float)(training ? variance : old_variance);
        for (int64_t r = 0; r < rows; r++) {
            out[0][r * channels + c] = (float)(((double)x[r * channels + c] - (double)out[3][c]) /
                                                   sqrt((double)out[4][c] + 0.001) * (double)scale[c] +
                                               (double)offset[c]);
        }
    }
}

static void batch_norm_keeps_its_formulas(void **state)
{
    static const int64_t shapes[][4] = {{2, 3, 5, 4}, {1, 1, 1, 3}, {3, 17, 19, 40}, {2, 9, 7, 301}};
    static const char *const ops[] = {"FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"};
    (void)state;
    for (size_t k = 0; k < LI_COUNT(shapes); k++) {
        int64_t channels = shapes[k][3], rows = shapes[k][0] * shapes[k][1] * shapes[k][2];
        struct norm_inputs in = norm_inputs(shapes[k], channels);
        float *want[5];
        for (int i = 0; i < 5; i++) {
            want[i] = calloc((size_t)(i == 0 ? rows * channels : channels), sizeof(float));
            assert_non_null(want[i]);
        }
        for (int mode = 0; mode < 3; mode++) {
            plain_norm(&in, rows, channels, mode > 0, mode == 2 ? 0.25f : 1, want);
            LAB_EACH_ISA(isa)
            {
                struct lab lab;
                run_norm(&lab, isa, ops[mode], &in, mode > 0, mode == 2 ? 0.25f : 1, "NHWC");
                for (int i = 0; i < 5; i++) {
                    assert_true(lab_difference(&lab.out[i], want[i]) < 1e-5);
                }
                lab_close(&lab);
            }
        }
        for (int i = 0; i < 5; i++) {
            free(want[i]);
        }
        free_norm(&in);
    }
}

static void batch_norm_takes_channels_first(void **state)
{
    (void)state;
    const int64_t dims[] = {2, 6, 3, 5}, turned[] = {2, 3, 5, 6};
    struct norm_inputs in = norm_inputs(dims, 6), last = norm_inputs(turned, 6);
    for (int64_t i = 0; i < 180; i++) { /* [n, hw, c] from [n, c, hw] */
        ((float *)last.x.data)[i] = ((float *)in.x.data)[i / 90 * 90 + i % 6 * 15 + i / 6 % 15];
    }
    for (int training = 0; training < 2; training++) {
        struct lab first, second;
        run_norm(&first, LI_ISA_REF, "FusedBatchNormV3", &in, training, 0.5f, "NCHW");
        run_norm(&second, LI_ISA_REF, "FusedBatchNormV3", &last, training, 0.5f, "NHWC");
        for (int64_t i = 0; i < 180; i++) {
            float a = ((float *)second.out[0].data)[i],
                  b = ((float *)first.out[0].data)[i / 90 * 90 + i % 6 * 15 + i / 6 % 15];
            assert_true(fabsf(a - b) < 1e-5f);
        }
        assert_true(lab_difference(&first.out[1], second.out[1].data) < 1e-6);
        assert_true(lab_difference(&first.out[2], second.out[2].data) < 1e-6);
        lab_close(&first), lab_close(&second);
    }
    free_norm(&in), free_norm(&last);
}

static void batch_norm_of_nothing_has_no_statistics(void **state)
{
    (void)state;
    const int64_t dims[] = {0, 3, 5, 4};
    struct norm_inputs in = norm_inputs(dims, 4);
    for (int training = 0; training < 2; training++) {
        struct lab lab;
        run_norm(&lab, li_cpu_isa(), "FusedBatchNormV3", &in, training, 1, "NHWC");
        assert_int_equal(li_shape_count(&lab.out[0].shape), 0);
        for (int i = 0; i < 4; i++) {
            assert_true(isnan(((float *)lab.out[1].data)[i]) && isnan(((float *)lab.out[2].data)[i]));
        }
        lab_close(&lab);
    }
    free_norm(&in);
}

static void batch_norm_checks_its_vectors(void **state)
{
    (void)state;
    const int64_t dims[] = {1, 3, 5, 4};
    struct norm_inputs in = norm_inputs(dims, 4);
    const struct li_tensor *list[] = {&in.x, &in.scale, &in.offset, &in.mean, &in.variance};
    const struct li_attr attrs[] = {LI_BOOL("is_training", true), LI_FLOAT("exponential_avg_factor", 0.5f)};
    in.mean.shape.dim[0] = in.variance.shape.dim[0] = 0;
    refuse("FusedBatchNormV3", list, 5, attrs, 2,
           "node \"x\" (FusedBatchNormV3): mean has shape [0], the input has 4 channels");
    in.scale.shape.dim[0] = 3;
    refuse("FusedBatchNormV3", list, 5, attrs, 1,
           "node \"x\" (FusedBatchNormV3): scale has shape [3], the input has 4 channels");
    free_norm(&in);
}

static void scale_shift_honours_views(void **state)
{
    static const int64_t shapes[][4] = {{2, 5, 6, 7}, {1, 1, 1, 9}, {3, 4, 5, 1}, {0, 4, 5, 3}, {2, 40, 41, 33}};
    (void)state;
    for (size_t k = 0; k < LI_COUNT(shapes); k++) {
        int64_t channels = shapes[k][3], count = shapes[k][0] * shapes[k][1] * shapes[k][2] * channels;
        struct li_tensor x = lab_tensor(4, shapes[k], 31), scale = lab_tensor(1, &channels, 32),
                         shift = lab_tensor(1, &channels, 33);
        float *want = malloc((size_t)count * sizeof *want + 1);
        assert_non_null(want);
        for (int64_t i = 0; i < count; i++) {
            float v = ((float *)x.data)[i] * ((float *)scale.data)[i % channels] + ((float *)shift.data)[i % channels];
            want[i] = v < 0 ? 0 : v;
        }
        const struct li_tensor *const in[] = {&x, &scale, &shift};
        LAB_EACH_ISA(isa)
        {
            for (int views = 0; views < 2; views++) {
                struct lab lab;
                lab_open(&lab, isa);
                if (views) {
                    lab.in_view[0] = (struct lab_view){.before = 1, .after = 2, .halo = {1, 0, 2, 1}};
                    lab.out_view[0] = (struct lab_view){.before = 2, .halo = {0, 1, 1, 1}};
                }
                assert_int_equal(lab_run(&lab, "_LiScaleShift", in, 3,
                                         (const struct li_attr[]){LI_INT("activation", LI_ACT_RELU)}, 1),
                                 LINCE_OK);
                assert_true(lab_difference(&lab.out[0], want) < 1e-6);
                lab_close(&lab);
            }
        }
        free(want);
        free(x.data), free(scale.data), free(shift.data);
    }
}

/* Shapes that are allowed and that no memory holds: what a plan counts of them stays a number. */
static void the_work_of_the_largest_shapes_is_counted_without_overflow(void **state)
{
    (void)state;
    static const char *const names[] = {"Conv2D", "DepthwiseConv2dNative"};
    const struct li_shape x = {4, {1, 1 << 19, 1 << 18, 1}}, filter = {4, {1 << 17, 1 << 17, 1, 1}};
    const struct li_attr attrs[] = {LI_INTS("strides", one_stride, 4), LI_STR("padding", "SAME")};
    const struct li_attr type = LI_TYPE("T", LINCE_FLOAT32), groups = LI_INT("groups", 1);
    for (enum li_isa isa = LI_ISA_REF; isa <= LI_ISA_NEON; isa++) {
        for (size_t i = 0; lab_runs(isa) && i < 2 * LI_COUNT(names); i++) {
            struct lab lab;
            li_vid in[2], packed, out;
            lab_open(&lab, isa);
            struct li_graph *g = lab.graph;
            g->env = &lab.env;
            assert_int_equal(li_graph_input(g, LINCE_FLOAT32, &x, &in[0], &lab.err), LINCE_OK);
            assert_int_equal(li_graph_input(g, LINCE_FLOAT32, &filter, &in[1], &lab.err), LINCE_OK);
            if (i < LI_COUNT(names)) {
                const struct li_attr all[] = {attrs[0], attrs[1], type};
                assert_int_equal(li_graph_emit(g, names[i], "n", in, 2, all, 3, &out, 1, &lab.err), LINCE_OK);
            } else if (i == LI_COUNT(names)) {
                const struct li_attr all[] = {attrs[0], attrs[1], LI_INTS("filter", filter.dim, 4)};
                assert_int_equal(li_graph_emit(g, "_LiConvPack", "p", &in[1], 1, &groups, 1, &packed, 1, &lab.err), 0);
                assert_int_equal(
                    li_graph_emit(g, "_LiConv2D", "n", (li_vid[]){in[0], packed}, 2, all, 3, &out, 1, &lab.err), 0);
            } else {
                assert_int_equal(li_graph_emit(g, "_LiDepthwiseConv2D", "n", in, 2, attrs, 2, &out, 1, &lab.err), 0);
            }
            li_graph_default_views(g);
            const struct li_node *node = &g->nodes[g->node_count - 1];
            struct li_prepare p = {
                .graph = g, .node = node, .env = &lab.env, .arena = &g->arena, .err = &lab.err, .tasks = 1};
            assert_int_equal(node->op->prepare(&p), LINCE_OK);
            assert_true(p.flop == INT64_MAX);
            assert_true(p.tasks >= 1);
            lab_close(&lab);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_conv_equals_its_parts),
        cmocka_unit_test(fused_conv_honours_strides_and_halo),
        cmocka_unit_test(fused_depthwise_equals_its_parts),
        cmocka_unit_test(conv_gradients_are_its_adjoints),
        cmocka_unit_test(depthwise_gradients_are_its_adjoints),
        cmocka_unit_test(transposed_conv_places_each_input_pixel_under_the_filter),
        cmocka_unit_test(a_node_evaluated_by_itself_takes_its_operands_as_dense),
        cmocka_unit_test(conv_says_what_does_not_fit),
        cmocka_unit_test(pools_honour_strides_and_halo),
        cmocka_unit_test(batch_norm_keeps_its_formulas),
        cmocka_unit_test(batch_norm_takes_channels_first),
        cmocka_unit_test(batch_norm_of_nothing_has_no_statistics),
        cmocka_unit_test(batch_norm_checks_its_vectors),
        cmocka_unit_test(scale_shift_honours_views),
        cmocka_unit_test(the_work_of_the_largest_shapes_is_counted_without_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
