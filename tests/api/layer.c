/* Layers: what a forward and its backward give, what they leave alone, and what is refused. */
#include "layer_support.h"

#include <math.h>

enum { BATCH = 4, SIDE = 16 };
#define STEP 1e-4f /* short: activations have kinks */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)a[i] * (double)b[i];
    }
    return sum;
}

/* The largest difference, in parts of the largest value. */
static float difference(const lince_gradient *a, const lince_gradient *b)
{
    float largest = 1e-3f, worst = 0;
    for (size_t i = 0; i < a->size_bytes / sizeof(float); i++) {
        float x = ((const float *)a->data)[i], y = ((const float *)b->data)[i];
        largest = fmaxf(largest, fabsf(y));
        worst = fmaxf(worst, fabsf(x - y));
    }
    return worst / largest;
}

/* ---- Numbers ---- */

/* sum(output * upstream) + weight * losses */
static double objective(lince_layer *layer, const lince_tensor *images, const lince_tensor *upstream, float weight,
                        bool training)
{
    const lince_output *outputs;
    size_t count;
    lince_pass *pass = forward(layer, images, training, NULL);
    lince_pass_outputs(pass, &outputs, &count);
    double value = dot(outputs[0].tensor.data, upstream->data, upstream->size_bytes / sizeof(float)) +
                   (double)(weight * lince_pass_loss(pass));
    lince_pass_free(pass);
    return value;
}

/* Along one direction: the dot product of gradient and direction is how the objective changes. */
static void check_direction(lince_model *model, lince_layer *layer, const lince_tensor *images, bool training,
                            size_t variable)
{
    lince_variable_info info = {.struct_size = sizeof info};
    assert_ok(lince_variable_info_at(model, variable, &info, err));
    size_t n = info.size_bytes / sizeof(float);
    const int64_t dims[] = {(int64_t)n};
    lince_tensor direction = random_tensor(1, dims, 7);
    float *value = malloc(info.size_bytes), *moved = malloc(info.size_bytes), *gradient = malloc(info.size_bytes);
    lince_gradient g = {.variable = (int32_t)variable, .data = gradient, .size_bytes = info.size_bytes};
    lince_pass *pass = forward(layer, images, training, NULL);
    lince_tensor upstream = upstream_of(pass, 3);
    assert_ok(lince_pass_backward(pass, &upstream, 1, 2, &g, 1, err));
    lince_pass_free(pass);
    assert_ok(lince_variable_read(model, variable, value, info.size_bytes, err));
    double ends[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < n; i++) {
            moved[i] = value[i] + (side ? 1 : -1) * STEP * ((float *)direction.data)[i];
        }
        assert_ok(lince_variable_write(model, variable, moved, info.size_bytes, err));
        ends[side] = objective(layer, images, &upstream, 2, training);
    }
    assert_ok(lince_variable_write(model, variable, value, info.size_bytes, err));
    double found = dot(gradient, direction.data, n), wanted = (ends[1] - ends[0]) / (2 * (double)STEP);
    if (!(fabs(found - wanted) <= 2e-2 * fabs(wanted) + 2e-3)) {
        fail_msg("%s: the gradient says %g, the difference %g", info.name, found, wanted);
    }
    free(direction.data);
    free(upstream.data);
    free(value);
    free(moved);
    free(gradient);
}

static void gradients_say_how_outputs_and_losses_change(void **state)
{
    (void)state;
    static const char *const names[] = {"stem/kernel:0", "depthwise/gamma:0", "down/kernel:0", "head/kernel:0",
                                        "head/bias:0"};
    lince_model *model = open_model("classifier", 2);
    lince_layer_options options;
    lince_layer_options_init(&options);
    options.give_updates = 1;
    lince_layer *layer = new_layer(model, &options);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        lince_variable_info info = {.struct_size = sizeof info};
        check_direction(model, layer, &images, i % 2, variable_named(model, names[i / 2], &info));
    }
    free(images.data);
    lince_layer_free(layer);
    lince_model_close(model);
}

static void the_loss_is_the_sum_of_the_models_losses(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_layer *layer = new_layer(model, NULL);
    lince_tensor images = random_images(1, SIDE, SIDE, 1);
    lince_pass *pass = forward(layer, &images, false, NULL);
    float sum = 0;
    for (int64_t i = 0; i < lince_loss_count(model); i++) {
        float value;
        assert_ok(lince_loss_value(model, (size_t)i, &value, err));
        sum += value;
    }
    assert_true(lince_loss_count(model) > 1 && fabsf(sum - lince_pass_loss(pass)) <= 1e-6f * sum);
    lince_pass_free(pass);
    free(images.data);
    lince_layer_free(layer);
    lince_model_close(model);
}

/* Of upstream gradients that are added, the gradients are added: by the layer, into memory that holds the others. */
static void gradients_of_several_backwards_add_up_in_the_callers_memory(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_layer_options options;
    lince_layer_options_init(&options);
    options.input_gradients = 1;
    lince_layer *layer = new_layer(model, &options);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    struct gradients sum = room_for(model, layer, &images), whole = room_for(model, layer, &images);
    lince_pass *pass = forward(layer, &images, true, NULL);
    lince_tensor a = upstream_of(pass, 2), b = upstream_of(pass, 3), c = upstream_of(pass, 4);
    for (size_t i = 0; i < c.size_bytes / sizeof(float); i++) {
        ((float *)c.data)[i] = ((float *)a.data)[i] + ((float *)b.data)[i];
    }
    backward(pass, &a, 0.25f, &sum);
    for (size_t i = 0; i < sum.count; i++) {
        sum.list[i].add = 1;
    }
    backward(pass, &b, 0.75f, &sum);
    backward(pass, &c, 1, &whole);
    float largest = 0, worst = 0;
    for (size_t i = 0; i < sum.size_bytes / sizeof(float); i++) {
        float x = ((float *)sum.bytes)[i], y = ((float *)whole.bytes)[i];
        largest = fmaxf(largest, fabsf(y));
        worst = fmaxf(worst, fabsf(x - y));
    }
    assert_true(largest > 0.01f && worst <= 2e-5f * largest);
    lince_pass_free(pass);
    free(a.data);
    free(b.data);
    free(c.data);
    free_room(&sum);
    free_room(&whole);
    free(images.data);
    lince_layer_free(layer);
    lince_model_close(model);
}

/* ---- Repeating ---- */

static void a_second_backward_gives_the_same_bits_and_none_is_needed(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 3);
    lince_layer *layer = new_layer(model, NULL);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1), others = random_images(BATCH, SIDE, SIDE, 9);
    struct gradients once = room_for(model, layer, NULL), twice = room_for(model, layer, NULL);
    lince_pass *pass = forward(layer, &images, true, NULL), *other = forward(layer, &others, true, NULL);
    lince_tensor up = upstream_of(pass, 2);
    backward(pass, &up, 1, &once);
    lince_pass_free(other); /* without its backward */
    other = forward(layer, &others, true, NULL);
    backward(other, &up, 1, &twice);
    assert_memory_not_equal(once.bytes, twice.bytes, once.size_bytes);
    backward(pass, &up, 1, &twice);
    assert_memory_equal(once.bytes, twice.bytes, once.size_bytes);
    assert_int_equal(lince_layer_live(layer), 2);
    lince_pass_free(other);
    lince_pass_free(pass);
    free(up.data);
    free(images.data);
    free(others.data);
    free_room(&once);
    free_room(&twice);
    lince_layer_free(layer);
    lince_model_close(model);
}

/* Not always to the last bit: what is made again may be fused in another way. */
static void recomputing_gives_the_same_gradients(void **state)
{
    (void)state;
    static const char *const models[] = {"classifier", "mobile", "bit", "convnext", "vit", "keras_functional"};
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        struct gradients found[2];
        for (int recompute = 0; recompute < 2; recompute++) {
            lince_model *model = open_model(models[m], 2);
            lince_layer_options options;
            lince_layer_options_init(&options);
            options.recompute = recompute;
            options.input_gradients = 1;
            lince_layer *layer = new_layer(model, &options);
            lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
            found[recompute] = room_for(model, layer, &images);
            const uint64_t seed = 5;
            lince_pass *pass = forward(layer, &images, true, &seed);
            lince_tensor up = upstream_of(pass, 2);
            backward(pass, &up, 1, &found[recompute]);
            lince_pass_free(pass);
            free(up.data);
            free(images.data);
            lince_layer_free(layer);
            lince_model_close(model);
        }
        assert_int_equal(found[0].size_bytes, found[1].size_bytes);
        for (size_t i = 0; i < found[0].count; i++) {
            if (difference(&found[0].list[i], &found[1].list[i]) > 2e-5f) {
                fail_msg("%s: gradient %zu differs by %g of its largest", models[m], i,
                         (double)difference(&found[0].list[i], &found[1].list[i]));
            }
        }
        if (m == 0) {
            assert_memory_equal(found[0].bytes, found[1].bytes, found[0].size_bytes);
        }
        free_room(&found[0]);
        free_room(&found[1]);
    }
}

static void shapes_seen_before_allocate_nothing(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    count_in(&options, &counter);
    lince_model *model = open_with("classifier", &options);
    lince_layer *layer = new_layer(model, NULL);
    struct gradients g = room_for(model, layer, NULL);
    lince_tensor images[] = {random_images(BATCH, SIDE, SIDE, 1), random_images(1, SIDE, SIDE, 2)};
    size_t calls = 0;
    for (int round = 0; round < 5; round++) {
        calls = round < 2 ? 0 : calls ? calls : atomic_load(&counter.calls);
        for (int i = 0; i < 2; i++) {
            const uint64_t seed = 1;
            lince_pass *pass = forward(layer, &images[i], true, round % 2 ? &seed : NULL);
            lince_tensor up = upstream_of(pass, 2);
            backward(pass, &up, 1, &g);
            lince_pass_free(pass);
            free(up.data);
        }
    }
    assert_int_equal(atomic_load(&counter.calls), calls);
    free_room(&g);
    free(images[0].data);
    free(images[1].data);
    lince_layer_free(layer);
    lince_model_close(model);
    assert_int_equal(atomic_load(&counter.live), 0);
}

/* ---- Lives ---- */

static void a_pass_outlives_its_layer_and_its_model(void **state)
{
    (void)state;
    struct counter counter = {0};
    lince_model_options options;
    count_in(&options, &counter);
    lince_model *model = open_with("classifier", &options);
    lince_layer *layer = new_layer(model, NULL);
    struct gradients g = room_for(model, layer, NULL);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    lince_pass *pass = forward(layer, &images, true, NULL), *late = forward(layer, &images, true, NULL);
    lince_tensor up = upstream_of(pass, 2);
    lince_layer_free(layer);
    lince_model_close(model);
    backward(pass, &up, 1, &g);
    lince_pass_free(pass);
    lince_pass_free(late);
    assert_int_equal(atomic_load(&counter.live), 0);
    free(up.data);
    free(images.data);
    free_room(&g);
}

static void no_more_passes_live_than_are_allowed(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_layer_options options;
    lince_layer_options_init(&options);
    options.max_live = 2;
    lince_layer *layer = new_layer(model, &options);
    lince_tensor images = random_images(1, SIDE, SIDE, 1);
    lince_pass *a = forward(layer, &images, false, NULL), *b = forward(layer, &images, false, NULL), *c = a;
    assert_int_equal(lince_layer_live(layer), 2);
    assert_refused(lince_layer_forward(layer, &images, 1, NULL, &c, err), LINCE_ELIMIT, "2 passes of the layer live");
    assert_null(c);
    lince_pass_free(a);
    assert_int_equal(lince_layer_live(layer), 1);
    images.dims[3] = 2;
    images.size_bytes = images.size_bytes / 3 * 2;
    assert_refused(lince_layer_forward(layer, &images, 1, NULL, &c, err), LINCE_EINVAL, "");
    assert_int_equal(lince_layer_live(layer), 1); /* one that failed does not count */
    lince_pass_free(b);
    assert_int_equal(lince_layer_live(layer), 0);
    free(images.data);
    lince_layer_free(layer);
    lince_model_close(model);
}

/* ---- What is refused ---- */

static void a_backward_says_what_does_not_fit(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_layer *layer = new_layer(model, NULL);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    struct gradients g = room_for(model, layer, NULL);
    lince_pass *pass = forward(layer, &images, true, NULL);
    lince_tensor up = upstream_of(pass, 2), other = up;
    lince_gradient frozen = {.variable = 3, .data = g.bytes, .size_bytes = 24};
    lince_gradient image = {.variable = -1, .data = g.bytes, .size_bytes = 1};
    lince_gradient short_one = g.list[0];
    unsigned char before[16];
    memset(g.bytes, 0xa5, g.size_bytes);
    memcpy(before, g.bytes, sizeof before);
    other.dims[0]--;
    other.size_bytes -= other.size_bytes / BATCH;
    short_one.size_bytes -= 4;
    assert_refused(lince_pass_backward(pass, &other, 1, 1, g.list, g.count, err), LINCE_EINVAL, "upstream gradient");
    assert_refused(lince_pass_backward(pass, &up, 2, 1, g.list, g.count, err), LINCE_EINVAL, "2 upstream gradients");
    assert_refused(lince_pass_backward(pass, &up, 1, 1, &frozen, 1, err), LINCE_EINVAL, "no gradient of variable 3");
    assert_refused(lince_pass_backward(pass, &up, 1, 1, &image, 1, err), LINCE_EINVAL, "no gradient of input 0");
    assert_refused(lince_pass_backward(pass, &up, 1, 1, &short_one, 1, err), LINCE_EINVAL, "takes 648 bytes");
    assert_memory_equal(g.bytes, before, sizeof before);
    lince_pass_free(pass);
    lince_forward_options options;
    lince_forward_options_init(&options);
    options.no_backward = 1;
    assert_ok(lince_layer_forward(layer, &images, 1, &options, &pass, err));
    assert_refused(lince_pass_backward(pass, &up, 1, 1, g.list, g.count, err), LINCE_EINVAL, "no_backward");
    lince_pass_free(pass);
    free(up.data);
    free(images.data);
    free_room(&g);
    lince_layer_free(layer);
    lince_model_close(model);
}

static void a_layer_says_what_has_no_gradient(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_layer_options options;
    lince_layer *layer;
    lince_variable_info info = {.struct_size = sizeof info};
    int32_t counter = (int32_t)variable_named(model, "save_counter:0", &info);
    const int32_t twice[] = {1, 1}, beyond[] = {99};
    lince_layer_options_init(&options);
    options.variables = &counter;
    options.variable_count = 1;
    assert_refused(lince_layer_new(&layer, lince_model_call(model), NULL, 0, &options, err), LINCE_EINVAL,
                   "save_counter:0\" is int64");
    options.variables = twice;
    options.variable_count = 2;
    assert_refused(lince_layer_new(&layer, lince_model_call(model), NULL, 0, &options, err), LINCE_EINVAL, "twice");
    options.variables = beyond;
    options.variable_count = 1;
    assert_refused(lince_layer_new(&layer, lince_model_call(model), NULL, 0, &options, err), LINCE_EINVAL, "99 of 23");
    const lince_argument argument = {.path = "0//1"};
    assert_refused(lince_layer_new(&layer, lince_model_call(model), &argument, 1, NULL, err), LINCE_EINVAL, "0//1");
    lince_model_close(model);
}

/* ---- Frozen ---- */

static void a_frozen_layer_infers_and_gives_gradients_of_its_inputs_alone(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 2);
    lince_layer_options options;
    lince_layer_options_init(&options);
    options.frozen = 1;
    options.input_gradients = 1;
    lince_layer *frozen = new_layer(model, &options);
    options.frozen = 0;
    lince_layer *layer = new_layer(model, &options);
    lince_tensor images = random_images(BATCH, SIDE, SIDE, 1);
    struct gradients a = room_for(model, frozen, &images), b = room_for(model, layer, &images);
    assert_int_equal(a.count, 1);
    lince_pass *pass = forward(frozen, &images, true, NULL), *inference = forward(layer, &images, false, NULL);
    lince_tensor up = upstream_of(pass, 2);
    const lince_update *updates;
    size_t count;
    lince_pass_updates(pass, &updates, &count);
    assert_int_equal(count, 0);
    assert_true(lince_pass_loss(pass) == 0);
    backward(pass, &up, 1, &a);
    backward(inference, &up, 1, &b);
    const float *x = (float *)a.bytes, *y = (float *)(b.bytes + b.size_bytes - a.size_bytes);
    float largest = 0, worst = 0; /* packed once in the one, in every run in the other: the kernels differ */
    for (size_t i = 0; i < a.size_bytes / sizeof(float); i++) {
        largest = fmaxf(largest, fabsf(y[i]));
        worst = fmaxf(worst, fabsf(x[i] - y[i]));
    }
    assert_true(largest > 0 && worst <= 1e-5f * largest);
    lince_pass_free(pass);
    lince_pass_free(inference);
    free(up.data);
    free(images.data);
    free_room(&a);
    free_room(&b);
    lince_layer_free(frozen);
    lince_layer_free(layer);
    lince_model_close(model);
}

/* ---- Shapes ---- */

static int note_shape(const lince_tensor_info *output, void *context)
{
    *(lince_tensor_info *)context = *output;
    return 0;
}

static void what_a_forward_gives_is_known_without_it(void **state)
{
    (void)state;
    lince_model *model = open_model("classifier", 1);
    lince_layer *layer = new_layer(model, NULL);
    lince_tensor images = {.dtype = LINCE_FLOAT32, .rank = 4, .dims = {7, SIDE, SIDE, 3}};
    lince_tensor_info info = {.rank = 0};
    assert_ok(lince_layer_infer(layer, &images, 1, NULL, note_shape, &info, err));
    assert_true(info.dtype == LINCE_FLOAT32 && info.rank == 2 && info.dims[0] == 7 && info.dims[1] == 5);
    assert_int_equal(lince_layer_live(layer), 0);
    lince_layer_free(layer);
    lince_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_say_how_outputs_and_losses_change),
        cmocka_unit_test(the_loss_is_the_sum_of_the_models_losses),
        cmocka_unit_test(gradients_of_several_backwards_add_up_in_the_callers_memory),
        cmocka_unit_test(a_second_backward_gives_the_same_bits_and_none_is_needed),
        cmocka_unit_test(recomputing_gives_the_same_gradients),
        cmocka_unit_test(shapes_seen_before_allocate_nothing),
        cmocka_unit_test(a_pass_outlives_its_layer_and_its_model),
        cmocka_unit_test(no_more_passes_live_than_are_allowed),
        cmocka_unit_test(a_backward_says_what_does_not_fit),
        cmocka_unit_test(a_layer_says_what_has_no_gradient),
        cmocka_unit_test(a_frozen_layer_infers_and_gives_gradients_of_its_inputs_alone),
        cmocka_unit_test(what_a_forward_gives_is_known_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
