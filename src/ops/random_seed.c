/* What random ops are keyed with: scrambled seeds, and generators that are variables. */
#include "common.h"

static lince_status vector_is(const struct li_infer *s, int output, lince_dtype dtype, int64_t n)
{
    return li_out_is(s, output, dtype, &(struct li_shape){.rank = 1, .dim = {n}});
}

static lince_status need_seeds(const struct li_infer *s)
{
    LI_TRY(li_ops_need(s, 0, LI_SET_INDEX));
    if (li_shape_count(li_in_shape(s, 0)) != 2) {
        return li_infer_fail(s, LINCE_EINVAL, "wants two seeds");
    }
    return LINCE_OK;
}

static lince_status key_shape(struct li_infer *s)
{
    LI_TRY(need_seeds(s));
    return vector_is(s, 0, LINCE_UINT64, 1);
}

static lince_status key_counter_shape(struct li_infer *s)
{
    LI_TRY(key_shape(s));
    return vector_is(s, 1, LINCE_UINT64, 2);
}

static lince_status key_counter_forward(struct li_call *c)
{
    struct li_philox p = li_philox_from_seeds((uint64_t)li_index_at(&c->in[0], 0), (uint64_t)li_index_at(&c->in[0], 1));
    *(uint64_t *)c->out[0].data = p.key;
    if (c->node->nout > 1) {
        ((uint64_t *)c->out[1].data)[0] = p.low;
        ((uint64_t *)c->out[1].data)[1] = p.high;
    }
    return LINCE_OK;
}

const struct li_op li_op_stateless_random_get_key_counter = {
    .name = "StatelessRandomGetKeyCounter",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUTS({"key", NULL}, {"counter", NULL}),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("Tseed")),
    .shape = key_counter_shape,
    .forward = key_counter_forward,
    .grad = li_grad_none,
};

const struct li_op li_op_stateless_random_get_key = {
    .name = "StatelessRandomGetKey",
    .inputs_min = 1,
    .inputs_max = 1,
    .outputs = LI_OUTPUT("key"),
    .attrs = LI_ATTRS(LI_TYPE_SPEC("Tseed")),
    .shape = key_shape,
    .forward = key_counter_forward,
    .grad = li_grad_none,
};

static lince_status alg_shape(struct li_infer *s)
{
    return li_out_is(s, 0, LINCE_INT32, &(struct li_shape){.rank = 0});
}

static lince_status alg_forward(struct li_call *c)
{
    *(int32_t *)c->out[0].data = 1; /* Philox */
    return LINCE_OK;
}

const struct li_op li_op_stateless_random_get_alg = {
    .name = "StatelessRandomGetAlg",
    .inputs_min = 0,
    .inputs_max = 0,
    .outputs = LI_OUTPUT("alg"),
    .shape = alg_shape,
    .forward = alg_forward,
    .grad = li_grad_none,
};

/* ---- Generators: variables int64[3] of counter low, counter high, key ---- */

static lince_status skip_shape(struct li_infer *s)
{
    LI_TRY(li_ops_need_generator(s));
    for (int i = 1; i <= 2; i++) {
        LI_TRY(li_ops_need(s, i, LI_SET_INDEX | LI_BIT(LINCE_UINT64)));
        LI_TRY(li_need_rank(s, i, 0));
    }
    return LINCE_OK;
}

static lince_status read_and_skip_shape(struct li_infer *s)
{
    LI_TRY(skip_shape(s));
    return vector_is(s, 0, LINCE_INT64, li_ops_resource(s)->shape.dim[0]);
}

/* The counter moves on by 256 blocks for each of delta numbers; RngReadAndSkip gives the state before. */
static lince_status skip_forward(struct li_call *c)
{
    const uint64_t *before = c->state[0].in->data;
    uint64_t *after = c->state[0].out->data, delta = (uint64_t)li_index_at(&c->in[2], 0);
    struct li_philox p = {.low = before[0], .high = before[1], .key = before[2]};
    if (li_index_at(&c->in[1], 0) != 1 && li_index_at(&c->in[1], 0) != 3) {
        return li_call_fail(c, LINCE_EUNSUPPORTED, "random algorithm %lld; only Philox (1) is supported",
                            (long long)li_index_at(&c->in[1], 0));
    }
    li_philox_skip(&p, delta * 256);
    for (int64_t i = 0; i < li_count(c->state[0].in); i++) {
        if (c->node->nout > 0) {
            ((uint64_t *)c->out[0].data)[i] = before[i];
        }
        after[i] = i == 0 ? p.low : i == 1 ? p.high : before[i];
    }
    return LINCE_OK;
}

const struct li_op li_op_rng_read_and_skip = {
    .name = "RngReadAndSkip",
    .inputs_min = 3,
    .inputs_max = 3,
    .outputs = LI_OUTPUT("value"),
    .shape = read_and_skip_shape,
    .forward = skip_forward,
    .grad = li_grad_none,
    .effects = LI_EFFECT_WRITE,
};

const struct li_op li_op_rng_skip = {
    .name = "RngSkip",
    .inputs_min = 3,
    .inputs_max = 3,
    .shape = skip_shape,
    .forward = skip_forward,
    .grad = li_grad_none,
    .effects = LI_EFFECT_WRITE,
};
