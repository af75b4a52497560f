/* Steps of optimizers: every instruction set against the plain loops, of any size, in place and apart. */
#include "kernels_support.h"

enum { KINDS = 8, MOST = 67 };

static void step(const struct li_kernels *k, int kind, const struct li_update *u, int64_t n)
{
    const struct li_optimizer_kernels *o = k->optimizer;
    if (kind == 0) {
        o->sgd(u, n);
    } else if (kind <= 2) {
        o->momentum(u, n, kind == 2);
    } else if (kind == 3) {
        o->adam(u, n);
    } else {
        o->rmsprop(u, n, (struct li_rmsprop){(kind & 1) != 0, (kind & 2) != 0, kind == 4});
    }
}

static const float factors[LI_FACTORS] = {0.05f, 0.04f, 0.9f, 0.95f, 0.05f, 1e-3f, 0.03f, 0.1f, 0.001f};

/* Arrays of n floats that end at a forbidden page; slots hold what steps left: the mean of squares above the square. */
struct arrays {
    struct guarded at[LI_UPDATE_SLOTS], gradient;
};

static struct arrays arrays_of(size_t n)
{
    struct arrays a;
    struct random r = {n};
    a.gradient = guarded_new(n, true);
    guarded_random(&a.gradient, &r);
    for (int s = 0; s < LI_UPDATE_SLOTS; s++) {
        a.at[s] = guarded_new(n, true);
        guarded_random(&a.at[s], &r);
        for (size_t i = 0; i < n; i++) {
            float x = a.at[s].data[i];
            a.at[s].data[i] = s == 1 ? 2 + x * x : x; /* v of RMSprop, which its mean's square stays below */
        }
    }
    for (size_t i = 0; i < n; i++) {
        a.at[2].data[i] = fabsf(a.at[2].data[i]); /* v of Adam */
    }
    return a;
}

static void free_arrays(struct arrays *a)
{
    guarded_free(&a->gradient);
    for (int s = 0; s < LI_UPDATE_SLOTS; s++) {
        guarded_free(&a->at[s]);
    }
}

static struct li_update update_of(struct arrays *to, struct arrays *from)
{
    struct li_update u = {.gradient = from->gradient.data, .factor = factors};
    for (int s = 0; s < LI_UPDATE_SLOTS; s++) {
        u.to[s] = to->at[s].data;
        u.from[s] = from->at[s].data;
    }
    return u;
}

static void check(const struct li_kernels *fast, int kind, size_t n)
{
    struct arrays from = arrays_of(n), wanted = arrays_of(n), apart = arrays_of(n), place = arrays_of(n);
    struct li_update u = update_of(&wanted, &from);
    step(li_kernels_get(LI_ISA_REF), kind, &u, (int64_t)n);
    u = update_of(&apart, &from);
    step(fast, kind, &u, (int64_t)n);
    u = update_of(&place, &place);
    step(fast, kind, &u, (int64_t)n);
    for (int s = 0; s < LI_UPDATE_SLOTS; s++) {
        for (size_t i = 0; i < n; i++) {
            float got = apart.at[s].data[i], want = wanted.at[s].data[i];
            if (!(fabsf(got - want) <= 2e-6f * (1 + fabsf(want))) || !same_bits(&got, &place.at[s].data[i], 1)) {
                fail_msg("%s, kind %d, slot %d, element %zu of %zu: %.9g apart, %.9g in place, wanted %.9g", fast->name,
                         kind, s, i, n, (double)got, (double)place.at[s].data[i], (double)want);
            }
        }
    }
    free_arrays(&from);
    free_arrays(&wanted);
    free_arrays(&apart);
    free_arrays(&place);
}

static void steps_are_those_of_the_plain_loops(void **state)
{
    const struct li_kernels *fast[3];
    int count = fast_kernels(fast);
    (void)state;
    for (int i = 0; i < count; i++) {
        for (int kind = 0; kind < KINDS; kind++) {
            for (size_t n = 1; n <= MOST; n++) {
                check(fast[i], kind, n);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps_are_those_of_the_plain_loops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
