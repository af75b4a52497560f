/* Depthwise convolution: every instruction set against the plain loops, over odd shapes and layouts. */
#include "kernels_support.h"

static struct li_depthwise random_depthwise(struct random *r)
{
    static const int64_t sizes[][2] = {{3, 3}, {3, 3}, {5, 5}, {5, 5}, {7, 7}, {1, 1}, {2, 3}, {1, 5}, {9, 9}};
    const int64_t *size = sizes[random_int(r, 0, LI_COUNT(sizes) - 1)];
    struct li_depthwise d = {
        .batch = random_chance(r, 20) ? 0 : random_int(r, 1, 3),
        .window.in_h = random_int(r, 1, 19),
        .window.in_w = random_int(r, 1, 23),
        .channels = random_chance(r, 2) ? random_int(r, 1, 17) : random_int(r, 18, 70),
        .multiplier = random_chance(r, 6) ? random_int(r, 2, 3) : 1,
        .window.kernel_h = size[0],
        .window.kernel_w = size[1],
        .window.stride_h = random_int(r, 1, 2),
        .window.dilation_h = random_chance(r, 5) ? 2 : 1,
        .window.dilation_w = random_chance(r, 5) ? 3 : 1,
        .halo = random_chance(r, 3),
        .activation = (enum li_activation)random_int(r, 0, LI_ACT_COUNT - 1),
        .alpha = 0.5f,
    };
    struct li_window *w = &d.window;
    w->stride_w = random_chance(r, 4) ? random_int(r, 1, 3) : w->stride_h;
    int64_t reach_h = (w->kernel_h - 1) * w->dilation_h, reach_w = (w->kernel_w - 1) * w->dilation_w;
    w->pad_top = random_chance(r, 3) ? 0 : random_int(r, 0, reach_h);
    w->pad_left = random_chance(r, 3) ? 0 : random_int(r, 0, reach_w);
    int64_t room_h = w->in_h + w->pad_top + random_int(r, 0, w->pad_top + 1) - reach_h - 1;
    int64_t room_w = w->in_w + w->pad_left + random_int(r, 0, w->pad_left + 1) - reach_w - 1;
    w->out_h = room_h < 0 ? 0 : room_h / w->stride_h + 1;
    w->out_w = room_w < 0 ? 0 : room_w / w->stride_w + 1;
    return d;
}

struct buffers {
    struct guarded x, y, filter, bias;
    struct li_depthwise_data data;
};

static struct buffers buffers_new(struct random *r, struct li_depthwise *d)
{
    struct border halo = {0, 0, 0, 0};
    int64_t outputs = d->channels * d->multiplier, extra = random_chance(r, 2) ? 0 : 3;
    if (d->halo) {
        halo = border_of(&d->window);
    }
    d->x = map_bordered(d->window.in_h, d->window.in_w, d->channels, &halo);
    d->y = li_map_dense(d->window.out_h, d->window.out_w, outputs + extra);
    struct buffers b = {
        .x = guarded_new(map_bordered_floats(d->batch, d->window.in_h, d->window.in_w, d->channels, &halo),
                         random_chance(r, 2)),
        .y = guarded_new((size_t)(d->batch * d->y.image), random_chance(r, 2)),
        .filter = guarded_new((size_t)(d->window.kernel_h * d->window.kernel_w * outputs), random_chance(r, 2)),
        .bias = guarded_new((size_t)outputs, true),
    };
    guarded_random(&b.x, r);
    guarded_random(&b.filter, r);
    guarded_random(&b.bias, r);
    float *pixels = b.x.data + map_bordered_origin(d->window.in_w, d->channels, &halo);
    map_fill_border(pixels, &d->x, 0, d->batch, d->window.in_h, d->window.in_w, d->channels, &halo, 0);
    b.data = (struct li_depthwise_data){pixels, b.filter.data, random_chance(r, 4) ? NULL : b.bias.data, b.y.data};
    return b;
}

static void buffers_free(struct buffers *b)
{
    guarded_free(&b->x);
    guarded_free(&b->y);
    guarded_free(&b->filter);
    guarded_free(&b->bias);
}

static float *run_all(const struct li_depthwise *d, struct buffers *b, const struct li_kernels *k, bool backwards)
{
    guarded_fill(&b->y, UNTOUCHED);
    int64_t tasks = k->depthwise->tasks(d);
    for (int64_t i = 0; i < tasks; i++) {
        k->depthwise->run(d, &b->data, backwards ? tasks - 1 - i : i);
    }
    float *copy = malloc(b->y.count * sizeof(float) + 1);
    assert_non_null(copy);
    memcpy(copy, b->y.data, b->y.count * sizeof(float));
    return copy;
}

/* At most 81 products of values below 1 in sequence; their sum stays below 20 here. */
static const double tolerance = 81 * 20 * 6e-8;

static void check(struct random *r, struct li_depthwise d, uint64_t seed)
{
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct buffers b = buffers_new(r, &d);
    float *expected = run_all(&d, &b, li_kernels_get(LI_ISA_REF), false), *first = NULL;
    for (int i = 0; i < n; i++) {
        float *got = run_all(&d, &b, fast[i], false), *again = run_all(&d, &b, fast[i], true);
        double difference = largest_difference(got, expected, b.y.count);
        if (difference > tolerance) {
            fail_msg("%s strays by %g, seed %llu", fast[i]->name, difference, (unsigned long long)seed);
        }
        assert_true(same_bits(got, again, b.y.count));
        free(again);
        if (d.halo) { /* the same without using it */
            d.halo = false;
            again = run_all(&d, &b, fast[i], false);
            d.halo = true;
            assert_true(same_bits(got, again, b.y.count));
            free(again);
        }
        if (first) {
            assert_true(same_bits(got, first, b.y.count));
            free(got);
        } else {
            first = got;
        }
    }
    free(first);
    free(expected);
    buffers_free(&b);
}

static void depthwise_matches_plain_loops_on_random_shapes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 800; seed++) {
        struct random r = {seed * 0x9e3779b97f4a7c15ull};
        check(&r, random_depthwise(&r), seed);
    }
}

static void depthwise_divided_into_tasks_matches_plain_loops(void **state)
{
    (void)state;
    const struct li_kernels *fast[3];
    int n = fast_kernels(fast);
    struct random r = {5};
    struct li_depthwise d = {.batch = 2,
                             .window.in_h = 31,
                             .window.in_w = 29,
                             .channels = 61,
                             .multiplier = 1,
                             .window.out_h = 31,
                             .window.out_w = 29,
                             .window.kernel_h = 3,
                             .window.kernel_w = 3,
                             .window.stride_h = 1,
                             .window.stride_w = 1,
                             .window.dilation_h = 1,
                             .window.dilation_w = 1,
                             .window.pad_top = 1,
                             .window.pad_left = 1};
    for (int i = 0; i < n; i++) {
        assert_true(fast[i]->depthwise->tasks(&d) > 1);
    }
    check(&r, d, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(depthwise_matches_plain_loops_on_random_shapes),
        cmocka_unit_test(depthwise_divided_into_tasks_matches_plain_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
