/*
 * Einsum of one or two operands. Every label gets a stride in each operand and in the result (0 where it is missing,
 * the sum where it is repeated: a diagonal), and what kind of axis of a batched matrix product it is follows from where
 * it occurs.
 */
#include "einsum.h"
#include "product.h"
#include "window.h"

#include <stdio.h>
#include <string.h>

#define LARGEST ((int64_t)1 << 46) /* products of single numbers */

static bool repeats(const struct li_labels *l)
{
    for (int i = 0; i < l->rank; i++) {
        if (memchr(l->label, l->label[i], (size_t)i)) {
            return true;
        }
    }
    return false;
}

static bool has(const struct li_labels *l, int label)
{
    return memchr(l->label, label, (size_t)l->rank) != NULL;
}

/* Whether a subscript is summed over. */
static bool sums(const struct li_einsum *e)
{
    for (int i = 0; i < LABELS; i++) {
        if (e->dim[i] >= 0 && !has(&e->out, i)) {
            return true;
        }
    }
    return false;
}

/* A copy, perhaps of a diagonal or to one. */
static bool is_move(const struct li_einsum *e)
{
    return e->inputs == 1 && !sums(e);
}

static bool too_large(const struct li_einsum *e)
{
    int64_t total = 1;
    for (int i = 0; i < LABELS; i++) {
        if (e->dim[i] > 1 && __builtin_mul_overflow(total, e->dim[i], &total)) {
            return true;
        }
    }
    return total > LARGEST;
}

static lince_status einsum_shape(struct li_infer *s)
{
    const char *text = li_attr(s->node, "equation")->s;
    struct li_equation eq;
    struct li_einsum e;
    if (!li_einsum_read(text, &eq) || eq.inputs != s->node->nin) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED,
                             "equation \"%.80s\" does not name one or two operands and a result for %d inputs", text,
                             s->node->nin);
    }
    const struct li_shape *shapes[2] = {li_in_shape(s, 0), li_in_shape(s, eq.inputs - 1)};
    LI_TRY(li_ops_need(s, 0, LI_SET_FLOAT | LI_SET_INDEX));
    LI_TRY(li_ops_need_alike(s, 0, eq.inputs));
    const char *wrong = li_einsum_resolve(&eq, shapes, &e);
    if (wrong) {
        return li_infer_fail(s, LINCE_EINVAL, "equation \"%.80s\": %s", text, wrong);
    }
    if (repeats(&e.out) && !is_move(&e)) {
        return li_infer_fail(s, LINCE_EUNSUPPORTED, "equation \"%.80s\": the result repeats a subscript", text);
    }
    if (too_large(&e)) {
        return li_infer_fail(s, LINCE_ELIMIT, "equation \"%.80s\": too many products", text);
    }
    struct li_shape out = {e.out.rank, {0}};
    for (int i = 0; i < e.out.rank; i++) {
        out.dim[i] = e.dim[e.out.label[i]];
    }
    return li_out_is(s, 0, li_in_dtype(s, 0), &out);
}

/* ---- Plan ---- */

struct einsum_plan {
    struct li_product product;
    bool move, swapped, diagonal; /* diagonal: the result repeats a subscript; the rest of it is 0 */
    struct li_axes axes;          /* of a move: strides of the operand in A, of the result in C */
    union li_block one;           /* what a lone operand is multiplied with, in the dtype */
};

static int64_t stride_of(const struct li_labels *l, const struct li_value *v, int label)
{
    int64_t stride[LI_MAX_RANK], sum = 0;
    li_strides_of(v, stride);
    for (int i = 0; i < l->rank; i++) {
        sum += l->label[i] == label && v->shape.dim[i] != 1 ? stride[i] : 0;
    }
    return sum;
}

/* The labels of an operand that are not in those before, each once, to the axes they are. */
static void push_labels(const struct li_einsum *e, const struct li_labels *from, const struct li_labels *const l[3],
                        const struct li_value *const v[3], uint8_t done[LABELS], struct li_product *p)
{
    for (int i = 0; i < from->rank; i++) {
        int label = from->label[i];
        if (done[label]++) {
            continue;
        }
        int64_t stride[3] = {0, 0, 0};
        bool in[3];
        for (int k = 0; k < 3; k++) {
            in[k] = l[k] && has(l[k], label);
            stride[k] = in[k] ? stride_of(l[k], v[k], label) : 0;
        }
        struct li_axes *axes = !in[LI_C] ? &p->k : in[LI_A] && in[LI_B] ? &p->batch : in[LI_A] ? &p->m : &p->n;
        li_axes_push(axes, e->dim[label], stride[LI_A], stride[LI_B], stride[LI_C]);
    }
}

static void resolve_node(const struct li_graph *g, const struct li_node *node, struct li_einsum *e)
{
    struct li_equation eq;
    const struct li_shape *shapes[2] = {&g->values[node->in[0]].shape, &g->values[node->in[node->nin - 1]].shape};
    li_einsum_read(li_attr(node, "equation")->s, &eq);
    li_einsum_resolve(&eq, shapes, e);
}

static lince_status einsum_prepare(struct li_prepare *p)
{
    struct einsum_plan *plan = li_arena_calloc(p->arena, 1, sizeof *plan, p->err);
    struct li_einsum e;
    if (!plan) {
        return LINCE_ENOMEM;
    }
    resolve_node(p->graph, p->node, &e);
    p->plan = plan;
    plan->move = is_move(&e);
    plan->diagonal = repeats(&e.out);
    /* The result's last subscript belongs to the second factor, so that results lie side by side. */
    plan->swapped = e.inputs == 2 && e.out.rank > 0 && !has(&e.in[1], e.out.label[e.out.rank - 1]);
    const struct li_labels *l[3] = {&e.in[plan->swapped], e.inputs == 2 ? &e.in[!plan->swapped] : NULL, &e.out};
    const struct li_value *v[3] = {li_ops_in(p, plan->swapped), li_ops_in(p, e.inputs == 2 && !plan->swapped),
                                   li_ops_out(p, 0)};
    struct li_product *product = &plan->product;
    uint8_t done[LABELS] = {0};
    product->dtype = v[LI_C]->dtype;
    push_labels(&e, &e.out, l, v, done, product);
    push_labels(&e, l[LI_A], l, v, done, product);
    if (e.inputs == 2) {
        push_labels(&e, l[LI_B], l, v, done, product);
    }
    if (plan->move) {
        plan->axes = product->m;
        int64_t count = li_shape_count(&v[LI_C]->shape);
        p->tasks = plan->diagonal ? 1 : li_task_count(count, LI_GRAIN_CHEAP);
        p->reason = "a copy";
        return LINCE_OK;
    }
    union li_block number;
    if (li_domain_of(product->dtype) == LI_DOMAIN_FLOAT) {
        number.f[0] = 1;
    } else {
        number.i[0] = 1;
    }
    li_block_store(&plan->one, product->dtype, &number, 1);
    li_product_plan(product, p->env->kernels);
    p->tasks = LI_MAX(product->tasks, 1);
    p->scratch_bytes = product->scratch_bytes;
    p->reason =
        product->gather[LI_A] || product->gather[LI_B] || product->gather[LI_C] ? "gemm, operands rearranged" : "gemm";
    return LINCE_OK;
}

static void move(const struct li_call *c, const struct einsum_plan *plan)
{
    size_t size = li_dtype_size(c->out[0].dtype);
    struct li_move m = {.size = size};
    if (plan->diagonal) {
        memset(c->out[0].data, 0, (size_t)li_count(&c->out[0]) * size);
    }
    for (int i = 0; i < plan->axes.rank; i++) {
        li_move_dim(&m, plan->axes.dim[i], plan->axes.stride[LI_C][i], plan->axes.stride[LI_A][i]);
    }
    li_move_run(&m, c->out[0].data, c->in[0].data, c->task, c->tasks);
}

static lince_status einsum_forward(struct li_call *c)
{
    const struct einsum_plan *plan = c->plan;
    if (plan->move) {
        move(c, plan);
    } else if (c->task < plan->product.tasks) {
        const void *b = c->node->nin == 2 ? c->in[!plan->swapped].data : &plan->one;
        li_product_run(&plan->product, c->kernels, c->in[plan->swapped].data, b, c->out[0].data, c->scratch, c->task);
    }
    return LINCE_OK;
}

/* ---- Gradient: the other operand and the result's gradient, summed to the operand's own subscripts ---- */

static lince_status emit(struct li_grad *g, const char *equation, li_vid a, li_vid b, li_vid *out)
{
    const li_vid in[] = {a, b};
    struct li_attr attr = LI_STR("equation", equation);
    return li_grad_emit(g, "Einsum", in, b == LI_NONE ? 1 : 2, &attr, 1, out);
}

/* Ones, one dim for each subscript of an operand that is in `missing`. */
static lince_status ones(struct li_grad *g, const struct li_einsum *e, const char *missing, lince_dtype dtype,
                         li_vid *out)
{
    struct li_shape shape = {(int)strlen(missing), {0}};
    for (int i = 0; i < shape.rank; i++) {
        shape.dim[i] = e->dim[li_einsum_letter(missing[i])];
    }
    size_t bytes;
    LI_TRY(li_shape_bytes(&shape, dtype, &bytes, g->err));
    void *data = li_arena_alloc(&g->graph->arena, bytes, g->err);
    if (!data) {
        return LINCE_ENOMEM;
    }
    union li_block one;
    for (int i = 0; i < LI_BLOCK; i++) {
        one.f[i] = 1;
    }
    int64_t count = li_shape_count(&shape);
    for (int64_t i = 0; i < count; i += LI_BLOCK) {
        li_block_store(li_at(data, dtype, i), dtype, &one, LI_MIN(LI_BLOCK, count - i));
    }
    const struct li_tensor tensor = {dtype, shape, data, bytes}, *own;
    LI_TRY(li_graph_own_tensor(g->graph, &tensor, &own, g->err));
    return li_graph_constant(g->graph, own, out, g->err);
}

/* Splits an operand's subscripts: each once, those that another term has, those that none has. "..." counts as found.
 */
static void split(const struct li_equation *eq, int i, struct li_term *once, struct li_term *found,
                  struct li_term *missing)
{
    once->length = found->length = missing->length = 0;
    for (const char *s = eq->in[i].text; *s; s++) {
        bool seen = memchr(once->text, *s, (size_t)once->length) != NULL && *s != '.';
        if (seen) {
            continue;
        }
        once->text[once->length++] = *s;
        bool elsewhere = *s == '.' || strchr(eq->out.text, *s) || (eq->inputs == 2 && strchr(eq->in[!i].text, *s));
        struct li_term *to = elsewhere ? found : missing;
        to->text[to->length++] = *s;
    }
    once->text[once->length] = found->text[found->length] = missing->text[missing->length] = '\0';
}

static lince_status operand_grad(struct li_grad *g, const struct li_equation *eq, const struct li_einsum *e, int i)
{
    struct li_term once, found, missing;
    char text[EQUATION_CHARS];
    li_vid at = g->dy[0], one;
    const struct li_value *v = &g->graph->values[g->in[i]];
    const char *dots = strchr(eq->in[i].text, '.');
    lince_dtype dtype = v->dtype;
    if (dots && (!strchr(eq->out.text, '.') || dots != eq->in[i].text)) {
        return li_fail(g->err, LINCE_EUNSUPPORTED,
                       "node \"%s\" (Einsum): no gradient for \"...\" inside subscripts, or summed over",
                       g->node->name);
    }
    split(eq, i, &once, &found, &missing);
    if (eq->inputs == 2) {
        snprintf(text, sizeof text, "%s,%s->%s", eq->out.text, eq->in[!i].text, found.text);
        LI_TRY(emit(g, text, at, g->in[!i], &at));
    } else if (strcmp(eq->out.text, found.text) != 0) {
        snprintf(text, sizeof text, "%s->%s", eq->out.text, found.text);
        LI_TRY(emit(g, text, at, LI_NONE, &at));
    }
    if (missing.length > 0) {
        LI_TRY(ones(g, e, missing.text, dtype, &one));
        snprintf(text, sizeof text, "%s,%s->%s", found.text, missing.text, once.text);
        LI_TRY(emit(g, text, at, one, &at));
    }
    if (strcmp(once.text, eq->in[i].text) != 0) {
        snprintf(text, sizeof text, "%s->%s", once.text, eq->in[i].text);
        LI_TRY(emit(g, text, at, LI_NONE, &at));
    }
    return li_grad_unbroadcast(g, at, g->in[i], &g->dx[i]);
}

static lince_status einsum_grad(struct li_grad *g)
{
    struct li_equation eq;
    struct li_einsum e;
    if (g->dy[0] == LI_NONE) {
        return LINCE_OK;
    }
    li_einsum_read(li_attr(g->node, "equation")->s, &eq);
    resolve_node(g->graph, g->node, &e);
    for (int i = 0; i < eq.inputs; i++) {
        LI_TRY(operand_grad(g, &eq, &e, i));
    }
    return LINCE_OK;
}

const struct li_op li_op_einsum = {
    .name = "Einsum",
    .inputs_min = 1,
    .inputs_max = 2,
    .outputs = LI_OUTPUT("output"),
    .attrs = LI_ATTRS({"equation", LI_ATTR_STRING, NULL, NULL}, LI_COUNT_SPEC("N"), LI_TYPE_SPEC("T")),
    .shape = einsum_shape,
    .prepare = einsum_prepare,
    .forward = einsum_forward,
    .grad = einsum_grad,
};
