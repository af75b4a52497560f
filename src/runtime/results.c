/* Results: from where values lie to where the caller expects them. */
#include "run.h"

#include <string.h>

static void copy_dense(char *to, const char *from, const struct li_value *value, int dim)
{
    size_t size = li_dtype_size(value->dtype);
    if (dim == value->shape.rank) {
        memcpy(to, from, size);
        return;
    }
    int64_t each = 1;
    for (int i = dim + 1; i < value->shape.rank; i++) {
        each *= value->shape.dim[i];
    }
    for (int64_t i = 0; i < value->shape.dim[dim]; i++) {
        copy_dense(to + (size_t)(i * each) * size, from + value->view.stride[dim] * i * (int64_t)size, value, dim + 1);
    }
}

static void copy_results(const struct li_running *r)
{
    const struct li_graph *g = r->plan->graph;
    for (int32_t i = 0; i < g->output_count; i++) {
        const struct li_value *value = &g->values[g->outputs[i]];
        struct li_tensor *out = &r->run->outputs[i];
        const void *data = li_value_data(r, g->outputs[i]);
        *out = (struct li_tensor){.dtype = value->dtype, .shape = value->shape, .data = (void *)(uintptr_t)data};
        out->size_bytes = (size_t)li_shape_count(&value->shape) * li_dtype_size(value->dtype);
        if (r->plan->copies[i].place != LI_PLACE_NOWHERE) {
            out->data = li_home_data(r, r->plan->copies[i]);
            if (out->size_bytes && li_view_dense(value)) {
                memcpy(out->data, data, out->size_bytes);
            } else if (out->size_bytes) {
                copy_dense(out->data, data, value, 0);
            }
        }
    }
}

static lince_status grow_texts(struct li_run *run, size_t need, lince_error *err)
{
    if (need <= run->text_room) {
        return LINCE_OK;
    }
    li_free(run->mem, run->texts);
    run->texts = li_alloc(run->mem, need, err);
    run->text_room = run->texts ? need : 0;
    return run->texts ? LINCE_OK : LINCE_ENOMEM;
}

static size_t count_strings(const struct li_tensor *t)
{
    return t->dtype == LINCE_STRING ? t->size_bytes / sizeof(lince_string) : 0;
}

/* Strings point to where their op found them: into the caller's inputs, or a plan that may be gone by the next call. */
static lince_status own_texts(const struct li_running *r)
{
    struct li_run *run = r->run;
    int32_t count = r->plan->graph->output_count;
    size_t need = 0, at = 0;
    for (int32_t i = 0; i < count; i++) {
        const lince_string *text = run->outputs[i].data;
        for (size_t k = 0; k < count_strings(&run->outputs[i]); k++) {
            if (!li_add_size(need, text[k].size, &need)) {
                return li_fail(r->err, LINCE_ELIMIT, "output %d: its strings do not fit into an address space", (int)i);
            }
        }
    }
    LI_TRY(need ? grow_texts(run, need, r->err) : LINCE_OK);
    for (int32_t i = 0; i < count; i++) {
        lince_string *text = run->outputs[i].data;
        for (size_t k = 0; k < count_strings(&run->outputs[i]); k++) {
            if (text[k].size) {
                text[k].data = memcpy(run->texts + at, text[k].data, text[k].size);
            }
            at += text[k].size;
        }
    }
    return LINCE_OK;
}

/* What an inner run or the caller's memory receives is read while all that its texts point to is there. */
lince_status li_run_collect(const struct li_running *r)
{
    copy_results(r);
    return r->plan->options.results == LI_RESULTS_OWN ? own_texts(r) : LINCE_OK;
}
