/* Batches of photos: what one by one gives, on any number of threads, whatever goes wrong with some of them. */
#include "support.h"

#include <pthread.h>

enum { SIDE = 37, VALUES = SIDE * SIDE * 3, SLOT = VALUES * sizeof(float), MOST = 64 };

static const char *const names[] = {"astronaut", "chelsea", "china", "coffee", "flower", "rocket"};
enum { NAMES = sizeof names / sizeof *names };

static char paths[NAMES][1024];
static float alone[NAMES][VALUES]; /* what lince_image_load() gives */

static int load_alone(void **state)
{
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        snprintf(paths[i], sizeof paths[i], LINCE_EXAMPLES "/photos/%s.jpg", names[i]);
        assert_ok(lince_image_load(paths[i], NULL, SIDE, SIDE, alone[i], err));
    }
    return 0;
}

/* Bytes of a photo in memory; free them. */
static lince_photo bytes_of(const char *path)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(f);
    void *data = malloc(size);
    rewind(f);
    assert_int_equal(fread(data, 1, size, f), size);
    fclose(f);
    return (lince_photo){.data = data, .size_bytes = size};
}

static lince_tensor batch_of(size_t count, lince_dtype dtype)
{
    lince_tensor t = {.dtype = dtype, .rank = 4, .dims = {(int64_t)count, SIDE, SIDE, 3}};
    t.size_bytes = count * VALUES * lince_dtype_size(dtype);
    t.data = malloc(t.size_bytes + 1);
    memset(t.data, 0x5a, t.size_bytes);
    return t;
}

static const char *slot(const lince_tensor *batch, size_t i)
{
    return (const char *)batch->data + i * VALUES * lince_dtype_size(batch->dtype);
}

static void assert_zeros(const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(bytes[i], 0);
    }
}

static void any_number_of_threads_gives_the_bits_of_one_by_one(void **state)
{
    (void)state;
    lince_photo photos[MOST], in_memory = bytes_of(paths[2]);
    for (int i = 0; i < MOST; i++) {
        photos[i] = i % NAMES == 2 ? in_memory : (lince_photo){.path = paths[i % NAMES]};
    }
    for (int threads = 0; threads <= 3; threads++) { /* 0: no pool */
        lince_pool *pool = NULL;
        lince_status statuses[MOST];
        lince_tensor out = batch_of(MOST, LINCE_FLOAT32);
        if (threads) {
            assert_ok(lince_pool_new(&pool, threads, err));
        }
        assert_ok(lince_image_load_batch(photos, MOST, NULL, pool, &out, statuses, NULL, err));
        for (size_t i = 0; i < MOST; i++) {
            assert_int_equal(statuses[i], LINCE_OK);
            assert_memory_equal(slot(&out, i), alone[i % NAMES], SLOT);
        }
        free(out.data);
        lince_pool_free(pool);
    }
    free((void *)(uintptr_t)in_memory.data);
}

static void options_are_those_of_one_photo(void **state)
{
    (void)state;
    lince_photo photo = {.path = paths[1]};
    lince_image_options options;
    lince_tensor out = batch_of(1, LINCE_FLOAT32);
    static float want[VALUES];
    lince_image_options_init(&options);
    options.resize = LINCE_RESIZE_PAD;
    options.interpolation = LINCE_LANCZOS3;
    options.antialias = 1;
    options.mean[1] = 0.5f;
    options.std[2] = 0.25f;
    assert_ok(lince_image_load(photo.path, &options, SIDE, SIDE, want, err));
    assert_ok(lince_image_load_batch(&photo, 1, &options, NULL, &out, NULL, NULL, err));
    assert_memory_equal(out.data, want, SLOT);
    free(out.data);
}

static void bytes_are_the_floats_scaled_by_their_range_and_cut(void **state)
{
    (void)state;
    lince_photo photos[NAMES];
    lince_tensor out = batch_of(NAMES, LINCE_UINT8);
    for (int i = 0; i < NAMES; i++) {
        photos[i] = (lince_photo){.path = paths[i]};
    }
    assert_ok(lince_image_load_batch(photos, NAMES, NULL, NULL, &out, NULL, NULL, err));
    for (size_t i = 0; i < NAMES; i++) {
        const unsigned char *got = (const unsigned char *)slot(&out, i);
        for (int k = 0; k < VALUES; k++) {
            assert_int_equal(got[k], (int)(alone[i][k] * 255.5f)); /* in [0, 1], so nothing is out of range */
        }
    }
    free(out.data);
}

static void photos_that_fail_leave_zeros_and_the_others_alone(void **state)
{
    (void)state;
    enum { GOOD, MISSING, FOLDER, EMPTY, NOISE, CUT, NOTHING, ALSO_GOOD, ALL };
    static lince_error errors[ALL];
    lince_photo whole = bytes_of(paths[0]);
    const lince_photo photos[ALL] = {
        [GOOD] = {.path = paths[0]},
        [MISSING] = {.path = "/no/such/photo.jpg"},
        [FOLDER] = {.path = LINCE_EXAMPLES},
        [EMPTY] = {.data = ""},
        [NOISE] = {.data = "no picture", .size_bytes = 10},
        [CUT] = {.data = whole.data, .size_bytes = whole.size_bytes / 2},
        [NOTHING] = {.size_bytes = 5},
        [ALSO_GOOD] = {.path = paths[5]},
    };
    const lince_status want[ALL] = {
        [MISSING] = LINCE_ENOENT, [FOLDER] = LINCE_EIO,   [EMPTY] = LINCE_EFORMAT,
        [NOISE] = LINCE_EFORMAT,  [CUT] = LINCE_ECORRUPT, [NOTHING] = LINCE_EINVAL,
    };
    lince_pool *pool;
    assert_ok(lince_pool_new(&pool, 2, err));
    for (int dtype = 0; dtype < 2; dtype++) {
        lince_status statuses[ALL];
        lince_tensor out = batch_of(ALL, dtype ? LINCE_UINT8 : LINCE_FLOAT32);
        size_t bytes = out.size_bytes / ALL;
        assert_refused(lince_image_load_batch(photos, ALL, NULL, pool, &out, statuses, errors, err), LINCE_ENOENT,
                       "/no/such/photo.jpg: cannot open");
        for (size_t i = 0; i < ALL; i++) {
            assert_int_equal(statuses[i], want[i]);
            assert_int_equal(errors[i].code, want[i]);
            assert_true((errors[i].text[0] == '\0') == (want[i] == LINCE_OK));
            if (want[i]) {
                assert_zeros(slot(&out, i), bytes);
            }
        }
        assert_non_null(strstr(errors[NOISE].text, "photo 4: "));
        assert_string_equal(errors[NOTHING].text, "photo 6: neither a path nor bytes are given");
        if (!dtype) {
            assert_memory_equal(slot(&out, GOOD), alone[0], SLOT);
            assert_memory_equal(slot(&out, ALSO_GOOD), alone[5], SLOT);
        }
        free(out.data);
    }
    free((void *)(uintptr_t)whole.data);
    lince_pool_free(pool);
}

static void arguments_that_make_no_sense_load_nothing(void **state)
{
    (void)state;
    lince_photo photos[2] = {{.path = paths[0]}, {.path = paths[1]}};
    lince_tensor out = batch_of(2, LINCE_FLOAT32), wrong = out;
    lince_status statuses[2];
    lince_error errors[2];
    lince_image_options options;
#define REFUSED(count, options, tensor, part)                                                                          \
    do {                                                                                                               \
        memset(statuses, 0, sizeof statuses);                                                                          \
        assert_refused(lince_image_load_batch(photos, count, options, NULL, tensor, statuses, errors, err),            \
                       LINCE_EINVAL, part);                                                                            \
        assert_int_equal(statuses[0], LINCE_EINVAL);                                                                   \
        assert_non_null(strstr(errors[0].text, part));                                                                 \
    } while (0)
    REFUSED(2, NULL, NULL, "out is NULL");
    REFUSED(1, NULL, &out, "out is [2,37,37,3]; [1,height,width,3] is wanted");
    wrong.dtype = LINCE_INT32;
    REFUSED(2, NULL, &wrong, "out is int32; float32 or uint8 is wanted");
    wrong = out;
    wrong.size_bytes--;
    REFUSED(2, NULL, &wrong, "out: float32[2,37,37,3] takes 32856 bytes, 32855 are given");
    wrong = (lince_tensor){LINCE_FLOAT32, 4, {2, 0, SIDE, 3}, out.data, 0};
    REFUSED(2, NULL, &wrong, "image size 0x37");
    wrong = (lince_tensor){LINCE_FLOAT32, 3, {2, SIDE, 3}, out.data, 2 * SIDE * 3 * sizeof(float)};
    REFUSED(2, NULL, &wrong, "out is [2,37,3]; [2,height,width,3] is wanted");
    lince_image_options_init(&options);
    options.crop_fraction = 2;
    REFUSED(2, &options, &out, "crop_fraction is 2");
    lince_image_options_init(&options);
    options.mean[0] = 0.5f;
    wrong = (lince_tensor){LINCE_UINT8, 4, {2, SIDE, SIDE, 3}, out.data, 2 * VALUES};
    REFUSED(2, &options, &wrong, "mean and std must be 0 and 1");
#undef REFUSED
    assert_refused(lince_image_load_batch(NULL, 2, NULL, NULL, &out, NULL, NULL, err), LINCE_EINVAL, "photos is NULL");
    assert_int_equal(lince_image_load_batch(NULL, 2, NULL, NULL, &out, NULL, NULL, NULL), LINCE_EINVAL);
    for (size_t i = 0; i < out.size_bytes; i++) {
        assert_int_equal(((const char *)out.data)[i], 0x5a);
    }
    wrong = (lince_tensor){LINCE_FLOAT32, 4, {0, SIDE, SIDE, 3}, NULL, 0};
    assert_ok(lince_image_load_batch(NULL, 0, NULL, NULL, &wrong, NULL, NULL, err));
    free(out.data);
}

/* ---- One pool, several callers: whoever finds it busy loads alone ---- */

static void *load_on(void *pool)
{
    lince_photo photos[NAMES];
    lince_tensor out = batch_of(NAMES, LINCE_FLOAT32);
    bool ok = true;
    for (int i = 0; i < NAMES; i++) {
        photos[i] = (lince_photo){.path = paths[i]};
    }
    for (int round = 0; ok && round < 3; round++) {
        ok = lince_image_load_batch(photos, NAMES, NULL, pool, &out, NULL, NULL, NULL) == LINCE_OK &&
             memcmp(out.data, alone, sizeof alone) == 0;
    }
    free(out.data);
    return ok ? NULL : pool;
}

static void callers_share_a_pool(void **state)
{
    (void)state;
    pthread_t threads[3];
    lince_pool *pool;
    assert_ok(lince_pool_new(&pool, 2, err));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, load_on, pool), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *failed = pool;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    lince_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_threads_gives_the_bits_of_one_by_one),
        cmocka_unit_test(options_are_those_of_one_photo),
        cmocka_unit_test(bytes_are_the_floats_scaled_by_their_range_and_cut),
        cmocka_unit_test(photos_that_fail_leave_zeros_and_the_others_alone),
        cmocka_unit_test(arguments_that_make_no_sense_load_nothing),
        cmocka_unit_test(callers_share_a_pool),
    };
    return cmocka_run_group_tests(tests, load_alone, NULL);
}
