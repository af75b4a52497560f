/*
 * Object graphs as files have them: what is found, in which order, and what of a forged one is refused before it costs
 * anything.
 */
#include "model_forge.h"

struct fixture {
    struct forge forge;
    struct li_mem *mem;
    struct li_model *model;
    lince_error err;
};

static void begin(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->mem = li_mem_new(NULL, NULL, NULL, 0);
}

static lince_status try_open(struct fixture *f)
{
    return open_forge(&f->forge, &f->model, f->mem, &f->err);
}

static void end(struct fixture *f)
{
    li_model_close(f->model);
    assert_int_equal(li_mem_used_bytes(f->mem), 0);
    li_mem_release(f->mem);
    free_forge(&f->forge);
}

/*
 * The checkpoint's graph may lack objects: here the one on the shortest path to the variable. It is still found by the
 * path that both graphs have.
 */
static void a_variable_is_paired_by_the_path_that_both_graphs_have(void **state)
{
    struct fixture f;
    struct buf graph = {0};
    float value = 0;

    (void)state;
    begin(&f);
    user_object(&f.forge, "a=1 b=2", "_generic_user_object");
    user_object(&f.forge, "v=3", "_generic_user_object");
    user_object(&f.forge, "c=4", "_generic_user_object");
    put_variable(&f.forge, "weights");
    user_object(&f.forge, "d=5", "_generic_user_object");
    user_object(&f.forge, "v=3", "_generic_user_object");
    put_tracked(&graph, "b=1", NULL);
    put_tracked(&graph, "c=2", NULL);
    put_tracked(&graph, "d=3", NULL);
    put_tracked(&graph, "v=4", NULL);
    put_tracked(&graph, "", "the key");
    put_checkpoint(&f.forge, &graph, 2.5f);
    if (try_open(&f)) {
        fail_msg("%s", f.err.text);
    }
    assert_int_equal(li_model_variable_count(f.model), 1);
    assert_int_equal(li_store_read(li_model_store(f.model), li_model_variable(f.model, 0)->resource, &value, 4, &f.err),
                     0);
    assert_true(value == 2.5f);
    end(&f);
}

/* ---- What costs more than the file is large ---- */

/* An element far out says that those before it are missing: no room is made for them. */
static void a_list_with_missing_elements_is_refused_at_once(void **state)
{
    static const char *const lists[] = {"variables", "trainable_variables", "regularization_losses"};

    (void)state;
    for (size_t i = 0; i < LI_COUNT(lists); i++) {
        struct fixture f;
        char children[64];
        begin(&f);
        snprintf(children, sizeof children, "%s=1", lists[i]);
        user_object(&f.forge, children, "_generic_user_object");
        user_object(&f.forge, "0=0 999999=0", "trackable_list_wrapper");
        assert_int_equal(try_open(&f), LINCE_EINVAL);
        assert_non_null(strstr(f.err.text, lists[i]));
        assert_true(li_mem_peak_bytes(f.mem) < 1 << 18);
        end(&f);
    }
}

static char *repeat(const char *text, size_t n)
{
    char *all = malloc(n * strlen(text) + 1);

    assert_non_null(all);
    for (size_t i = 0; i < n; i++) {
        strcpy(all + i * strlen(text), text);
    }
    return all;
}

/* A trace that is listed again and again, each time with all its text, would be many times what the file holds. */
static void a_trace_listed_ten_thousand_times_does_not_take_its_size_as_often(void **state)
{
    struct fixture f;
    char *traces = repeat("f ", 10000);

    (void)state;
    begin(&f);
    for (int i = 0; i < 400; i++) {
        char text[32];
        snprintf(text, sizeof text, "argument_%03d:1:2,3,4", i);
        argument(&f.forge, text);
    }
    result(&f.forge, "r", "argument_000");
    function(&f.forge, "f");
    user_object(&f.forge, "__call__=1", "_generic_user_object");
    callable(&f.forge, traces);
    assert_int_equal(try_open(&f), LINCE_ELIMIT);
    assert_true(li_mem_peak_bytes(f.mem) < 16 << 20);
    end(&f);
    free(traces);
}

/* Seconds of the processor, as a machine may be busy. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What it takes to open an object with so many attributes, whose long names begin alike. */
static double opening(int many)
{
    enum { COMMON = 1000, EACH = COMMON + 20 };
    struct fixture f;
    char *children = malloc((size_t)many * EACH), *at = children;
    assert_non_null(children);
    begin(&f);
    for (int i = 0; i < many; i++) {
        memset(at, 'x', COMMON);
        at += COMMON;
        at += sprintf(at, "%05d=1 ", i);
    }
    user_object(&f.forge, children, "_generic_user_object");
    callable(&f.forge, "");
    double start = now();
    lince_status st = try_open(&f);
    double took = now() - start;
    assert_true(st == LINCE_OK || st == LINCE_ELIMIT);
    end(&f);
    free(children);
    return took;
}

/* Names that begin alike are slow to compare: their number must not be squared. Eight times as many would take 64. */
static void sixteen_thousand_attributes_take_eight_times_what_two_thousand_take(void **state)
{
    (void)state;
    double few = opening(2000), many = opening(16000);
    assert_true(many < 24 * few + 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_variable_is_paired_by_the_path_that_both_graphs_have),
        cmocka_unit_test(a_list_with_missing_elements_is_refused_at_once),
        cmocka_unit_test(a_trace_listed_ten_thousand_times_does_not_take_its_size_as_often),
        cmocka_unit_test(sixteen_thousand_attributes_take_eight_times_what_two_thousand_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
