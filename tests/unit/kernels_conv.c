/* Convolution: every instruction set against the plain loops, over odd shapes and layouts. */
#include "kernels_support.h"

/* A buffer of pictures: a border of zeros around each, more channels than the value has, a slice of them. */
struct picture {
    struct guarded memory;
    struct li_map map;
    float *pixels; /* pixel (0, 0), channel 0 */
};

static struct picture picture_new(struct random *r, int64_t batch, int64_t h, int64_t w, int64_t channels,
                                  const struct border *border, bool slice)
{
    int64_t before = slice ? random_int(r, 0, 3) : 0, after = slice ? random_int(r, 0, 3) : 0,
            all = before + channels + after;
    struct picture p = {.map = map_bordered(h, w, all, border)};
    p.memory = guarded_new(map_bordered_floats(batch, h, w, all, border), random_chance(r, 2));
    p.pixels = p.memory.data + map_bordered_origin(w, all, border) + before;
    return p;
}

struct test_case {
    struct li_conv conv;
    struct picture x, y, residual;
    struct guarded filter, bias;
    bool has_bias, has_residual, in_place;
};

static int64_t outputs(int64_t in, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad_before,
                       int64_t pad_after)
{
    int64_t room = in + pad_before + pad_after - (kernel - 1) * dilation - 1;
    return room < 0 ? 0 : room / stride + 1;
}

static struct li_conv random_conv(struct random *r)
{
    static const int64_t kernels[][2] = {{1, 1}, {1, 1}, {3, 3}, {3, 3}, {5, 5}, {7, 7},
                                         {1, 7}, {7, 1}, {2, 2}, {1, 3}, {4, 3}};
    static const int64_t channels[] = {1, 2, 3, 3, 4, 5, 8, 13, 16, 17, 31, 32, 33, 40};
    const int64_t *kernel = kernels[random_int(r, 0, LI_COUNT(kernels) - 1)];
    struct li_conv c = {
        .batch = random_chance(r, 20) ? 0 : random_int(r, 1, 3),
        .window.in_h = random_int(r, 1, 17),
        .window.in_w = random_int(r, 1, 19),
        .cin = channels[random_int(r, 0, LI_COUNT(channels) - 1)],
        .cout = random_chance(r, 2) ? random_int(r, 1, 17) : random_int(r, 18, 70),
        .window.kernel_h = kernel[0],
        .window.kernel_w = kernel[1],
        .window.stride_h = random_int(r, 1, 2),
        .window.stride_w = random_chance(r, 3) ? random_int(r, 1, 3) : 1,
        .window.dilation_h = random_chance(r, 4) ? 2 : 1,
        .window.dilation_w = random_chance(r, 4) ? 3 : 1,
        .groups = 1,
        .halo = random_chance(r, 2),
        .activation = (enum li_activation)random_int(r, 0, LI_ACT_COUNT - 1),
        .alpha = 0.25f + (float)random_int(r, 0, 3) / 4,
    };
    if (random_chance(r, 4)) {
        c.groups = random_int(r, 2, 4);
        c.cin *= c.groups;
        c.cout *= c.groups;
    }
    struct li_window *w = &c.window;
    w->stride_w = random_chance(r, 2) ? w->stride_h : w->stride_w;
    w->pad_top = random_chance(r, 3) ? 0 : random_int(r, 0, (w->kernel_h - 1) * w->dilation_h);
    w->pad_left = random_chance(r, 3) ? 0 : random_int(r, 0, (w->kernel_w - 1) * w->dilation_w);
    w->out_h = outputs(w->in_h, w->kernel_h, w->stride_h, w->dilation_h, w->pad_top, random_int(r, 0, w->pad_top + 1));
    w->out_w =
        outputs(w->in_w, w->kernel_w, w->stride_w, w->dilation_w, w->pad_left, random_int(r, 0, w->pad_left + 1));
    return c;
}

static struct test_case case_new(struct random *r, struct li_conv conv)
{
    struct test_case t = {
        .has_bias = !random_chance(r, 4), .has_residual = random_chance(r, 2), .in_place = random_chance(r, 2)};
    struct border none = {0, 0, 0, 0}, halo = none;
    if (conv.halo) {
        halo = border_of(&conv.window);
    }
    struct border around_y = random_chance(r, 2) ? none : (struct border){1, 1, 1, 2};
    t.x = picture_new(r, conv.batch, conv.window.in_h, conv.window.in_w, conv.cin, &halo, random_chance(r, 4));
    t.y = picture_new(r, conv.batch, conv.window.out_h, conv.window.out_w, conv.cout, &around_y, random_chance(r, 3));
    t.residual =
        picture_new(r, conv.batch, conv.window.out_h, conv.window.out_w, conv.cout, &none, random_chance(r, 3));
    t.filter =
        guarded_new((size_t)(conv.window.kernel_h * conv.window.kernel_w * (conv.cin / conv.groups) * conv.cout), true);
    t.bias = guarded_new((size_t)conv.cout, true);
    guarded_random(&t.x.memory, r);
    map_fill_border(t.x.pixels, &t.x.map, 0, conv.batch, conv.window.in_h, conv.window.in_w, conv.cin, &halo, 0);
    guarded_random(&t.residual.memory, r);
    guarded_random(&t.filter, r);
    guarded_random(&t.bias, r);
    conv.x = t.x.map;
    conv.y = t.y.map;
    conv.residual = t.in_place ? t.y.map : t.residual.map;
    t.conv = conv;
    return t;
}

static void case_free(struct test_case *t)
{
    guarded_free(&t->x.memory);
    guarded_free(&t->y.memory);
    guarded_free(&t->residual.memory);
    guarded_free(&t->filter);
    guarded_free(&t->bias);
}

/* Run by one table, tasks last to first if backwards; returns a copy of all of y's memory. */
static float *case_run(struct test_case *t, const struct li_kernels *k, bool backwards)
{
    const struct li_conv *g = &t->conv;
    struct guarded packed = guarded_new(k->conv->packed_floats(g), true);
    k->conv->pack(g, t->filter.data, packed.data);
    guarded_fill(&t->y.memory, UNTOUCHED);
    if (t->in_place) {
        map_copy(t->y.pixels, &t->y.map, t->residual.pixels, &t->residual.map, 0, g->batch * g->window.out_h,
                 g->window.out_h, g->window.out_w, g->cout);
    }
    struct li_conv_data data = {t->x.pixels, packed.data, t->has_bias ? t->bias.data : NULL,
                                !t->has_residual ? NULL
                                : t->in_place    ? t->y.pixels
                                                 : t->residual.pixels,
                                t->y.pixels};
    int64_t tasks = k->conv->tasks(g);
    for (int64_t i = 0; i < tasks; i++) {
        k->conv->run(g, &data, backwards ? tasks - 1 - i : i);
    }
    guarded_free(&packed);
    float *copy = malloc(t->y.memory.count * sizeof(float) + 1);
    assert_non_null(copy);
    memcpy(copy, t->y.memory.data, t->y.memory.count * sizeof(float));
    return copy;
}

/* A float sum of n products of values below 1 strays by less than n * 2^-24 times its largest partial sum, usually by
 * its root; every activation's slope is below 1.2. */
static double tolerance(const struct li_conv *g)
{
    double steps = (double)(g->window.kernel_h * g->window.kernel_w * (g->cin / g->groups));
    return 6e-8 * (10 + 2 * sqrt(steps) * sqrt(steps));
}

static void check_case(struct random *r, struct li_conv conv, uint64_t seed)
{
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct test_case t = case_new(r, conv);
    float *expected = case_run(&t, li_kernels_get(LI_ISA_REF), false), *first = NULL;
    for (int i = 0; i < n; i++) {
        float *got = case_run(&t, fast[i], false), *again = case_run(&t, fast[i], true);
        double difference = largest_difference(got, expected, t.y.memory.count);
        if (difference > tolerance(&conv)) {
            fail_msg("%s strays by %g, seed %llu: %lldx%lldx%lldx%lld k %lldx%lld s %lldx%lld -> %lldx%lldx%lld",
                     fast[i]->name, difference, (unsigned long long)seed, (long long)conv.batch,
                     (long long)conv.window.in_h, (long long)conv.window.in_w, (long long)conv.cin,
                     (long long)conv.window.kernel_h, (long long)conv.window.kernel_w, (long long)conv.window.stride_h,
                     (long long)conv.window.stride_w, (long long)conv.window.out_h, (long long)conv.window.out_w,
                     (long long)conv.cout);
        }
        assert_true(same_bits(got, again, t.y.memory.count));
        if (first) {
            assert_true(same_bits(got, first, t.y.memory.count));
            free(got);
        } else {
            first = got;
        }
        free(again);
    }
    free(first);
    free(expected);
    case_free(&t);
}

static void conv_matches_plain_loops_on_random_shapes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        check_case(&r, random_conv(&r), seed);
    }
}

/* Enough work for several tasks: bands, parts of the filter, both. */
static void conv_divided_into_tasks_matches_plain_loops(void **state)
{
    (void)state;
    static const struct li_conv convs[] = {
        {.batch = 1,
         .window.in_h = 29,
         .window.in_w = 31,
         .cin = 35,
         .window.out_h = 29,
         .window.out_w = 31,
         .cout = 50,
         .window.kernel_h = 3,
         .window.kernel_w = 3,
         .window.pad_top = 1,
         .window.pad_left = 1},
        {.batch = 1,
         .window.in_h = 5,
         .window.in_w = 5,
         .cin = 129,
         .window.out_h = 5,
         .window.out_w = 5,
         .cout = 130,
         .window.kernel_h = 3,
         .window.kernel_w = 3,
         .window.pad_top = 1,
         .window.pad_left = 1},
        {.batch = 3,
         .window.in_h = 19,
         .window.in_w = 21,
         .cin = 67,
         .window.out_h = 19,
         .window.out_w = 21,
         .cout = 70,
         .window.kernel_h = 1,
         .window.kernel_w = 1},
        {.batch = 1,
         .window.in_h = 3,
         .window.in_w = 3,
         .cin = 600,
         .window.out_h = 3,
         .window.out_w = 3,
         .cout = 433,
         .window.kernel_h = 1,
         .window.kernel_w = 1},
        {.batch = 2,
         .window.in_h = 61,
         .window.in_w = 63,
         .cin = 3,
         .window.out_h = 31,
         .window.out_w = 32,
         .cout = 30,
         .window.kernel_h = 7,
         .window.kernel_w = 7,
         .window.pad_top = 3,
         .window.pad_left = 3,
         .window.stride_h = 2,
         .window.stride_w = 2},
    };
    struct random r = {77};
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    for (size_t i = 0; i < LI_COUNT(convs); i++) {
        struct li_conv c = convs[i];
        c.groups = c.window.dilation_h = c.window.dilation_w = 1;
        c.window.stride_h = LI_MAX(1, c.window.stride_h);
        c.window.stride_w = LI_MAX(1, c.window.stride_w);
        c.activation = LI_ACT_RELU;
        for (int j = 0; j < n; j++) {
            struct li_conv dense = c;
            dense.x = li_map_dense(c.window.in_h, c.window.in_w, c.cin);
            dense.y = li_map_dense(c.window.out_h, c.window.out_w, c.cout);
            assert_true(fast[j]->conv->tasks(&dense) > 1);
        }
        check_case(&r, c, i);
        c.halo = true;
        check_case(&r, c, i);
    }
}

/* The same picture alone or in a batch is divided into other tasks; dense it may be one long line, with a halo its
 * borders are not clipped. */
static void conv_bits_depend_neither_on_tasks_nor_on_halo(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    for (uint64_t seed = 1; seed <= 100; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        struct li_conv conv = random_conv(&r);
        conv.batch = 3;
        conv.halo = true;
        struct test_case t = case_new(&r, conv);
        t.has_residual = false;
        for (int i = 0; i < n; i++) {
            float *whole = case_run(&t, fast[i], false);
            t.conv.halo = false;
            float *clipped = case_run(&t, fast[i], false);
            assert_true(same_bits(whole, clipped, t.y.memory.count));
            t.conv.batch = 1;
            float *pixels[2] = {t.x.pixels, t.y.pixels};
            for (int image = 0; image < 3; image++) {
                float *one = case_run(&t, fast[i], false);
                ptrdiff_t origin = t.y.pixels - t.y.memory.data;
                for (int64_t row = 0; row < conv.window.out_h; row++) {
                    for (int64_t x = 0; x < conv.window.out_w; x++) {
                        ptrdiff_t at = origin + row * t.y.map.row + x * t.y.map.pixel;
                        assert_true(same_bits(one + at, whole + at, (size_t)conv.cout));
                    }
                }
                free(one);
                t.x.pixels += t.x.map.image;
                t.y.pixels += t.y.map.image;
            }
            t.x.pixels = pixels[0];
            t.y.pixels = pixels[1];
            t.conv.batch = 3;
            t.conv.halo = true;
            free(whole);
            free(clipped);
        }
        case_free(&t);
    }
}

static void conv_without_output_has_no_tasks(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct li_conv c = {.batch = 0,
                        .window.in_h = 5,
                        .window.in_w = 5,
                        .cin = 3,
                        .window.out_h = 5,
                        .window.out_w = 5,
                        .cout = 4,
                        .window.kernel_h = 1,
                        .window.kernel_w = 1,
                        .window.stride_h = 1,
                        .window.stride_w = 1,
                        .window.dilation_h = 1,
                        .window.dilation_w = 1,
                        .groups = 1};
    assert_int_equal(li_kernels_get(LI_ISA_REF)->conv->tasks(&c), 0);
    for (int i = 0; i < n; i++) {
        assert_int_equal(fast[i]->conv->tasks(&c), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_matches_plain_loops_on_random_shapes),
        cmocka_unit_test(conv_divided_into_tasks_matches_plain_loops),
        cmocka_unit_test(conv_bits_depend_neither_on_tasks_nor_on_halo),
        cmocka_unit_test(conv_without_output_has_no_tasks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
