/* The counting allocator and the arena. */
#include "unit/test.h"

static struct li_mem *new_mem(size_t limit)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, limit);

    assert_non_null(mem);
    return mem;
}

static void blocks_are_aligned_and_counted(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 13, 31, 63, 64, 65, 4096, 100003};
    struct li_mem *mem = new_mem(0);
    unsigned char *block[LI_COUNT(sizes)];
    size_t sum = 0;
    (void)state;

    for (size_t i = 0; i < LI_COUNT(sizes); i++) {
        block[i] = li_alloc(mem, sizes[i], NULL);
        assert_non_null(block[i]);
        assert_int_equal((uintptr_t)block[i] % LI_ALIGN, 0);
        memset(block[i], (int)i, sizes[i]);
        sum += sizes[i];
        assert_true(li_mem_used_bytes(mem) >= sum);
    }
    assert_int_equal(li_mem_allocations(mem), LI_COUNT(sizes));
    size_t most = li_mem_used_bytes(mem);
    for (size_t i = 0; i < LI_COUNT(sizes); i++) {
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_int_equal(block[i][k], i);
        }
        li_free(mem, block[i]);
    }
    li_free(mem, NULL);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    assert_int_equal(li_mem_peak_bytes(mem), most);
    li_mem_release(mem);
}

static void the_limit_refuses_and_recovers(void **state)
{
    struct li_mem *mem = new_mem(10000);
    lince_error err;
    (void)state;

    void *first = li_alloc(mem, 8000, &err);
    assert_non_null(first);
    size_t used = li_mem_used_bytes(mem);
    assert_null(li_alloc(mem, 8000, &err));
    assert_int_equal(err.code, LINCE_ENOMEM);
    assert_non_null(strstr(err.text, "10000"));
    assert_int_equal(li_mem_used_bytes(mem), used);
    li_free(mem, first);
    void *second = li_alloc(mem, 8000, &err);
    assert_non_null(second);
    li_free(mem, second);
    li_mem_release(mem);
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct li_mem *mem = new_mem(0);
    lince_error err;
    (void)state;

    assert_null(li_alloc(mem, SIZE_MAX, &err));
    assert_int_equal(err.code, LINCE_ENOMEM);
    assert_null(li_alloc(mem, SIZE_MAX - 20, NULL));
    assert_null(li_calloc(mem, SIZE_MAX / 2, 3, &err));
    assert_int_equal(err.code, LINCE_ENOMEM);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

static void realloc_keeps_content_and_calloc_clears(void **state)
{
    struct li_mem *mem = new_mem(1 << 20);
    (void)state;

    char *text = li_realloc(mem, NULL, 6, NULL);
    memcpy(text, "lynx!", 6);
    text = li_realloc(mem, text, 5000, NULL);
    assert_string_equal(text, "lynx!");
    assert_null(li_realloc(mem, text, 2 << 20, NULL));
    assert_string_equal(text, "lynx!");
    text = li_realloc(mem, text, 3, NULL);
    assert_memory_equal(text, "lyn", 3);
    li_free(mem, text);

    unsigned char *clear = li_calloc(mem, 37, 11, NULL);
    for (int i = 0; i < 37 * 11; i++) {
        assert_int_equal(clear[i], 0);
    }
    li_free(mem, clear);
    char *copy = li_strdup(mem, "caracal", NULL);
    assert_string_equal(copy, "caracal");
    li_free(mem, copy);
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

struct counted {
    int alive, until_failure;
};

static void *counted_alloc(size_t bytes, void *context)
{
    struct counted *c = context;

    if (c->until_failure-- == 0) {
        return NULL;
    }
    char *raw = malloc(bytes + 8);
    assert_non_null(raw);
    memset(raw, 0xa5, bytes + 8);
    c->alive++;
    return raw + 8; /* aligned to 8 only: more than that is not asked of a user's function */
}

static void counted_release(void *pointer, void *context)
{
    struct counted *c = context;

    c->alive--;
    free((char *)pointer - 8);
}

static void the_users_functions_serve_everything(void **state)
{
    struct counted c = {0, 1000};
    struct li_mem *mem = li_mem_new(counted_alloc, counted_release, &c, 0);
    lince_error err;
    (void)state;

    unsigned char *clear = li_calloc(mem, 10, 10, &err);
    assert_int_equal((uintptr_t)clear % LI_ALIGN, 0);
    assert_int_equal(clear[99], 0);
    assert_int_equal(c.alive, 2);
    c.until_failure = 0;
    size_t used = li_mem_used_bytes(mem);
    assert_null(li_alloc(mem, 10, &err));
    assert_int_equal(err.code, LINCE_ENOMEM);
    assert_int_equal(li_mem_used_bytes(mem), used);
    li_free(mem, clear);
    li_mem_retain(mem);
    li_mem_release(mem);
    assert_int_equal(c.alive, 1);
    li_mem_release(mem);
    assert_int_equal(c.alive, 0);

    c.until_failure = 0;
    assert_null(li_mem_new(counted_alloc, counted_release, &c, 0));
    assert_null(li_mem_new(counted_alloc, NULL, &c, 0));
}

static void an_arena_gives_apart_aligned_pieces(void **state)
{
    struct li_mem *mem = new_mem(0);
    struct li_arena arena;
    unsigned char *piece[500];
    (void)state;

    li_arena_init(&arena, mem, 0);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 500; i++) {
            size_t bytes = i * 37 % 1000 + (i % 100 == 99 ? 300000 : 0);
            piece[i] = li_arena_alloc(&arena, bytes, NULL);
            assert_non_null(piece[i]);
            assert_int_equal((uintptr_t)piece[i] % 16, 0);
            memset(piece[i], (int)(i & 255), bytes);
        }
        for (size_t i = 0; i < 500; i++) {
            size_t bytes = i * 37 % 1000 + (i % 100 == 99 ? 300000 : 0);
            for (size_t k = 0; k < bytes; k++) {
                assert_int_equal(piece[i][k], i & 255);
            }
        }
        li_arena_free(&arena);
        assert_int_equal(li_mem_used_bytes(mem), 0);
    }
    li_mem_release(mem);
}

static void an_arena_makes_few_allocations(void **state)
{
    struct li_mem *mem = new_mem(0);
    struct li_arena arena;
    (void)state;

    li_arena_init(&arena, mem, 0);
    for (int i = 0; i < 100000; i++) {
        assert_non_null(li_arena_alloc(&arena, 24, NULL));
    }
    assert_true(li_mem_allocations(mem) < 20);
    li_arena_free(&arena);
    li_mem_release(mem);
}

static void an_arena_writes_texts(void **state)
{
    struct li_mem *mem = new_mem(0);
    struct li_arena arena;
    (void)state;

    li_arena_init(&arena, mem, 0);
    assert_string_equal(li_arena_strdup(&arena, "margay", NULL), "margay");
    assert_string_equal(li_arena_strdup(&arena, "", NULL), "");
    assert_string_equal(li_arena_strndup(&arena, "ocelot", 3, NULL), "oce");
    assert_string_equal(li_arena_strndup(&arena, NULL, 0, NULL), "");
    assert_string_equal(li_arena_printf(&arena, NULL, "%s/%d", "serval", 12), "serval/12");
    int *clear = li_arena_calloc(&arena, 100, sizeof(int), NULL);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(clear[i], 0);
    }
    li_arena_free(&arena);
    li_mem_release(mem);
}

static void an_arena_keeps_its_limit(void **state)
{
    struct li_mem *mem = new_mem(0);
    struct li_arena arena;
    lince_error err;
    (void)state;

    li_arena_init(&arena, mem, 10000);
    int given = 0;
    while (li_arena_alloc(&arena, 100, &err)) {
        given++;
        assert_true(given <= 100);
    }
    assert_int_equal(err.code, LINCE_ELIMIT);
    assert_true(given >= 80); /* the last bytes are given in blocks of their own, not kept back by doubling */
    assert_true(arena.used_bytes <= 10000);
    assert_null(li_arena_alloc(&arena, SIZE_MAX - 3, &err));
    assert_null(li_arena_calloc(&arena, SIZE_MAX / 2, 4, &err));
    assert_null(li_arena_strndup(&arena, "x", SIZE_MAX, &err));
    li_arena_free(&arena);
    assert_non_null(li_arena_alloc(&arena, 9000, &err));
    li_arena_free(&arena);
    li_mem_release(mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_and_counted),
        cmocka_unit_test(the_limit_refuses_and_recovers),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(realloc_keeps_content_and_calloc_clears),
        cmocka_unit_test(the_users_functions_serve_everything),
        cmocka_unit_test(an_arena_gives_apart_aligned_pieces),
        cmocka_unit_test(an_arena_makes_few_allocations),
        cmocka_unit_test(an_arena_writes_texts),
        cmocka_unit_test(an_arena_keeps_its_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
