/* Offsets: no two values that live at the same time share a byte, and no block is larger than it must be. */
#include "unit/test.h"

#include "runtime/memory.h"

enum { MOST = 60 };

static uint64_t next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

static int32_t make_tenants(uint64_t *state, struct li_tenant *tenants)
{
    int32_t count = (int32_t)(next(state) % MOST), steps = 1 + (int32_t)(next(state) % 40);
    for (int32_t i = 0; i < count; i++) {
        int32_t first = (int32_t)(next(state) % (uint64_t)steps);
        bool ends = next(state) % 8 != 0;
        tenants[i] = (struct li_tenant){.bytes = next(state) % 5 == 0 ? 0 : next(state) % 2000, .first = first};
        tenants[i].last = ends ? first + (int32_t)(next(state) % 6) : INT32_MAX;
    }
    return count;
}

static bool overlap(const struct li_tenant *a, const struct li_tenant *b)
{
    return a->first <= b->last && b->first <= a->last && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

static void check(const struct li_tenant *tenants, int32_t count, size_t total, uint64_t seed)
{
    for (int32_t i = 0; i < count; i++) {
        if (tenants[i].offset % LI_ALIGN || tenants[i].offset + tenants[i].bytes > total) {
            fail_msg("seed %llu: tenant %d lies at %zu of %zu", (unsigned long long)seed, (int)i, tenants[i].offset,
                     total);
        }
        for (int32_t k = 0; k < i; k++) {
            if (overlap(&tenants[i], &tenants[k])) {
                fail_msg("seed %llu: tenants %d and %d overlap", (unsigned long long)seed, (int)i, (int)k);
            }
        }
    }
}

static void tenants_that_live_at_the_same_time_never_overlap(void **state)
{
    (void)state;
    const char *wanted = getenv("LINCE_SEED");
    uint64_t first = wanted ? strtoull(wanted, NULL, 10) : 1;
    print_message("seeds from %llu\n", (unsigned long long)first);
    for (uint64_t seed = first; seed < first + (wanted ? 1 : 2000); seed++) {
        struct li_tenant tenants[MOST], again[MOST];
        int32_t order[MOST];
        uint64_t random = seed;
        size_t total, total_again;
        int32_t count = make_tenants(&random, tenants);
        memcpy(again, tenants, sizeof again);
        assert_int_equal(li_memory_place(tenants, count, order, &total, NULL), LINCE_OK);
        check(tenants, count, total, seed);
        assert_int_equal(li_memory_place(again, count, order, &total_again, NULL), LINCE_OK);
        for (int32_t i = 0; i < count; i++) {
            assert_int_equal(again[i].offset, tenants[i].offset);
        }
        assert_int_equal(total, total_again);
    }
}

static void a_chain_takes_the_room_of_its_two_largest_neighbours(void **state)
{
    (void)state;
    struct li_tenant chain[] = {{256, 0, 1, 0}, {512, 1, 2, 0}, {256, 2, 3, 0}, {64, 3, 4, 0}};
    int32_t order[4];
    size_t total;
    assert_int_equal(li_memory_place(chain, 4, order, &total, NULL), LINCE_OK);
    assert_int_equal(total, 768);
}

/* The largest sum of what lives at one time: no block can be smaller. */
static size_t least(const struct li_tenant *tenants, int32_t count)
{
    size_t most = 0;
    for (int32_t t = 0; t < count; t++) { /* it is reached where one begins */
        size_t sum = 0;
        for (int32_t i = 0; i < count; i++) {
            bool lives = tenants[i].first <= tenants[t].first && tenants[t].first <= tenants[i].last;
            sum += lives ? (tenants[i].bytes + LI_ALIGN - 1) / LI_ALIGN * LI_ALIGN : 0;
        }
        most = LI_MAX(most, sum);
    }
    return most;
}

static void blocks_are_hardly_larger_than_what_lives_at_one_time(void **state)
{
    (void)state;
    size_t taken = 0, needed = 0;
    for (uint64_t seed = 1; seed <= 2000; seed++) {
        struct li_tenant tenants[MOST];
        int32_t order[MOST];
        uint64_t random = seed;
        size_t total;
        int32_t count = make_tenants(&random, tenants);
        assert_int_equal(li_memory_place(tenants, count, order, &total, NULL), LINCE_OK);
        size_t lower = least(tenants, count);
        assert_true(total >= lower && total <= 2 * lower);
        taken += total;
        needed += lower;
    }
    print_message("%.4f of what lives at one time\n", (double)taken / (double)needed);
    assert_true((double)taken <= 1.03 * (double)needed);
}

/* Of a chain of equal ones only two live at a time; those beyond a number that no network reaches lie apart. */
static void a_graph_of_any_size_is_placed_soon(void **state)
{
    (void)state;
    enum { COUNT = 1 << 20, SHARED = 1 << 15 };
    struct li_tenant *tenants = calloc(COUNT, sizeof *tenants);
    int32_t *order = calloc(COUNT, sizeof *order);
    size_t total;
    for (int32_t i = 0; i < COUNT; i++) {
        tenants[i] = (struct li_tenant){.bytes = 64, .first = i, .last = i + 1};
    }
    assert_int_equal(li_memory_place(tenants, COUNT, order, &total, NULL), LINCE_OK);
    assert_int_equal(total, (size_t)(2 + COUNT - SHARED) * 64);
    for (int32_t i = 1; i < COUNT; i++) {
        assert_false(overlap(&tenants[i - 1], &tenants[i]));
    }
    free(tenants);
    free(order);
}

static void sizes_beyond_the_address_space_are_refused(void **state)
{
    (void)state;
    struct li_tenant huge[] = {{SIZE_MAX / 2, 0, 0, 0}, {SIZE_MAX / 2, 0, 0, 0}, {SIZE_MAX / 2, 0, 0, 0}};
    struct li_tenant most = {SIZE_MAX, 0, 0, 0};
    int32_t order[3];
    size_t total;
    assert_int_equal(li_memory_place(huge, 3, order, &total, NULL), LINCE_ELIMIT);
    assert_int_equal(li_memory_place(&most, 1, order, &total, NULL), LINCE_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tenants_that_live_at_the_same_time_never_overlap),
        cmocka_unit_test(a_chain_takes_the_room_of_its_two_largest_neighbours),
        cmocka_unit_test(blocks_are_hardly_larger_than_what_lives_at_one_time),
        cmocka_unit_test(a_graph_of_any_size_is_placed_soon),
        cmocka_unit_test(sizes_beyond_the_address_space_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
