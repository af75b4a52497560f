/*
 * The smallest images that a model takes where its trace leaves height or width free: found by planning, nothing is
 * run.
 */
#include "arrays.h"
#include "model.h"

#include <stdlib.h>

#define LARGEST 1024 /* networks want less */

struct search {
    lince_session *session;
    const struct cli_trace *trace;
    void *data; /* never read: only shapes matter */
};

static int pass_over(const lince_step *step, void *context)
{
    (void)step;
    (void)context;
    return 1;
}

static lince_tensor image_of(const struct cli_trace *trace, int64_t side)
{
    return cli_images(trace->bytes, trace->batch > 0 ? trace->batch : 1, trace->height ? trace->height : side,
                      trace->width ? trace->width : side);
}

static bool fits(const struct search *s, int64_t side)
{
    lince_tensor t = image_of(s->trace, side);
    t.data = s->data;
    return lince_session_explain(s->session, &t, 1, pass_over, NULL, NULL) == LINCE_OK;
}

/* 0: none up to LARGEST. */
static int64_t smallest_side(const struct search *s)
{
    int64_t below = 0, side = 1;
    while (side <= LARGEST && !fits(s, side)) {
        below = side;
        side *= 2;
    }
    while (side <= LARGEST && side - below > 1) {
        int64_t middle = below + (side - below) / 2;
        if (fits(s, middle)) {
            side = middle;
        } else {
            below = middle;
        }
    }
    return side <= LARGEST ? side : 0;
}

int64_t cli_smallest_side(lince_callable *callable, const struct cli_args *args, const struct cli_trace *trace)
{
    struct search s = {.trace = trace, .data = malloc(image_of(trace, LARGEST).size_bytes)};
    struct cli_arguments a = {0};
    int64_t side = 0;
    if (s.data && cli_arguments_input(&a, "0") == CLI_DONE &&
        cli_arguments_from(&a, args, callable, true) == CLI_DONE &&
        lince_session_new(&s.session, callable, a.argument, a.count, NULL, NULL) == LINCE_OK) {
        side = smallest_side(&s);
    }
    lince_session_free(s.session);
    cli_arguments_free(&a);
    free(s.data);
    return side;
}
