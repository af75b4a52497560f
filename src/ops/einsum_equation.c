/*
 * Reading an equation with a result, as "ab,bc->ac". "..." stands for labels of its own, counted from the right; these
 * broadcast.
 */
#include "einsum.h"

#include <string.h>

/* ---- Reading ---- */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

int li_einsum_letter(char c)
{
    return c >= 'a' ? c - 'a' : 26 + c - 'A';
}

/* Takes a term up to ',' or '-' or the end; false when something else than letters and one "..." stands there. */
static bool read_term(const char **at, struct li_term *term)
{
    bool dots = false;
    term->length = 0;
    for (const char *s = *at;; s++) {
        if (*s == ',' || *s == '-' || *s == '\0') {
            *at = s;
            term->text[term->length] = '\0';
            return true;
        }
        if (*s == ' ') {
            continue;
        }
        int width = strncmp(s, "...", 3) == 0 ? 3 : 1;
        if ((width == 3 && dots) || (width == 1 && !is_letter(*s)) || term->length + width > TERM_CHARS) {
            return false;
        }
        dots = dots || width == 3;
        memcpy(term->text + term->length, s, (size_t)width);
        term->length += width;
        s += width - 1;
    }
}

bool li_einsum_read(const char *text, struct li_equation *e)
{
    *e = (struct li_equation){.inputs = 0};
    for (;;) {
        if (e->inputs == 2 || !read_term(&text, &e->in[e->inputs++])) {
            return false;
        }
        if (*text != ',') {
            break;
        }
        text++;
    }
    if (strncmp(text, "->", 2) != 0) {
        return false;
    }
    text += 2;
    return read_term(&text, &e->out) && *text == '\0';
}

static int letters_of(const struct li_term *t)
{
    return t->length - (strchr(t->text, '.') ? 3 : 0);
}

/* dots: how many dims "..." stands for. */
static void expand(const struct li_term *term, int dots, struct li_labels *to)
{
    to->rank = 0;
    for (const char *s = term->text; *s; s++) {
        if (*s != '.') {
            to->label[to->rank++] = (uint8_t)li_einsum_letter(*s);
            continue;
        }
        for (int i = 0; i < dots; i++) {
            to->label[to->rank++] = (uint8_t)(LABELS - dots + i);
        }
        s += 2;
    }
}

/* ---- Sizes ---- */

/* False when a label has two sizes; sizes of "..." broadcast. */
static bool add_sizes(struct li_einsum *e, const struct li_labels *l, const struct li_shape *shape)
{
    for (int i = 0; i < l->rank; i++) {
        int64_t *dim = &e->dim[l->label[i]], here = shape->dim[i];
        if (*dim < 0 || (l->label[i] >= LETTERS && *dim == 1)) {
            *dim = here;
        } else if (*dim != here && !(l->label[i] >= LETTERS && here == 1)) {
            return false;
        }
    }
    return true;
}

/* What is wrong, or NULL. */
const char *li_einsum_resolve(const struct li_equation *eq, const struct li_shape *const shapes[2], struct li_einsum *e)
{
    int most = 0;
    *e = (struct li_einsum){.inputs = eq->inputs};
    for (int i = 0; i < LABELS; i++) {
        e->dim[i] = -1;
    }
    for (int i = 0; i < eq->inputs; i++) {
        int dots = shapes[i]->rank - letters_of(&eq->in[i]);
        if (dots < 0 || (dots > 0 && !strchr(eq->in[i].text, '.'))) {
            return "an operand has another rank than its subscripts";
        }
        expand(&eq->in[i], dots, &e->in[i]);
        if (!add_sizes(e, &e->in[i], shapes[i])) {
            return "a subscript has two sizes";
        }
        most = LI_MAX(most, dots);
    }
    if (letters_of(&eq->out) + (strchr(eq->out.text, '.') ? most : 0) > LI_MAX_RANK) {
        return "the result has too many dims";
    }
    expand(&eq->out, most, &e->out);
    for (int i = 0; i < e->out.rank; i++) {
        if (e->dim[e->out.label[i]] < 0) {
            return "the result has a subscript that no operand has";
        }
    }
    return NULL;
}
