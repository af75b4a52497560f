/* Reading what other parts gave: outputs by name and index, whole lists of them, arguments. */
#include "model/inline.h"

#include <string.h>

static bool is_named(const struct li_source *s, const char *name)
{
    return strlen(name) == (size_t)s->output_len && memcmp(name, s->output, (size_t)s->output_len) == 0;
}

static int list_count(const struct li_node *node, const char *list)
{
    if (!list) {
        return 1;
    }
    const struct li_attr *attr = li_attr(node, list);
    return attr->kind == LI_ATTR_INT ? (int)attr->i : (int)attr->count;
}

/* Among the outputs that a row names. */
static bool find_by_row(const struct li_node *node, const struct li_source *s, int *first, int *count)
{
    for (const struct li_output_spec *o = node->op->outputs; o && o->name; o++) {
        *count = list_count(node, o->list);
        if (is_named(s, o->name)) {
            return true;
        }
        *first += *count;
    }
    return false;
}

/* Where the output that a source names begins among all of a part's, and how many it has. */
static bool find_output(const struct li_import *im, const struct li_results *r, const struct li_source *s, int *first,
                        int *count)
{
    *first = 0;
    *count = r->count;
    if (!s->output) {
        return true;
    }
    if (r->called) {
        *count = 1;
        *first = li_body_result(r->called, s->output, s->output_len);
        return *first != LI_NONE;
    }
    if (r->graph_node == LI_NONE) {
        return is_named(s, r->output ? r->output : "output");
    }
    return find_by_row(&im->graph->nodes[r->graph_node], s, first, count);
}

static lince_status add_value(struct li_import *im, struct li_values *to, li_vid v)
{
    LI_TRY(li_arena_grow(&im->scratch, &to->v, &to->room, to->count + 1, sizeof *to->v, im->err));
    to->v[to->count++] = v;
    return LINCE_OK;
}

static lince_status fail_output(struct li_import *im, const struct li_part *from, const struct li_source *s,
                                const char *who, bool found)
{
    return li_fail(im->err, LINCE_EINVAL, "%.200s reads output \"%.*s\" %d of \"%.200s\" (%.200s), which has %s", who,
                   s->output_len, s->output ? s->output : "", s->index, from->name, from->op_name,
                   found ? "fewer" : "none of that name");
}

lince_status li_source_read(struct li_import *im, const struct li_frame *f, const struct li_source *s, const char *who,
                            struct li_values *to)
{
    int first, count;
    if (s->node == LI_NONE) {
        return add_value(im, to, f->arg[s->index]);
    }
    const struct li_results *r = &f->got[s->node];
    if (r->unknown) {
        return add_value(im, to, im->dummy);
    }
    bool found = find_output(im, r, s, &first, &count);
    if (!found || s->index >= count) {
        return fail_output(im, &f->body->part[s->node], s, who, found);
    }
    if (s->whole) {
        LI_TRY(li_import_charge(im, (size_t)count, who));
    }
    for (int i = s->whole ? 0 : s->index; i < (s->whole ? count : s->index + 1); i++) {
        LI_TRY(add_value(im, to, r->out[first + i]));
    }
    return LINCE_OK;
}

lince_status li_source_read_all(struct li_import *im, const struct li_frame *f, int32_t n, struct li_values *to)
{
    const struct li_part *part = &f->body->part[n];
    LI_TRY(li_import_charge(im, (size_t)li_import_inputs(im, part), part->name));
    for (int32_t i = 0; i < li_import_inputs(im, part); i++) {
        if (!part->in[i].control) {
            LI_TRY(li_source_read(im, f, &part->in[i], part->name, to));
        }
    }
    return LINCE_OK;
}
