/*
 * Reads tests/ops/NAME.case. A case is a block of lines that ends at an empty one; lines that begin with # are
 * comments.
 *
 *     op NAME                      the op
 *     attr NAME VALUE              3, 0.5, true, text, float32 or [1,-1] as the row's spec says
 *     in DTYPE [DIMS] VALUES       an input; strings without blanks
 *     hidden DTYPE [DIMS] VALUES   an input whose content is not known while shapes are inferred
 *     var DTYPE [DIMS] VALUES      an input that is the handle of a variable with that value
 *     out DTYPE [DIMS] VALUES      an output; floats within 1e-6 of it, times its size where that is above 1
 *     after DTYPE [DIMS] VALUES    what the variable holds afterwards
 *     fails STATUS TEXT instead of outputs: the status, and a part of the message ("defers": it waits for data)
 *     dy COUNT                     only so many outputs pass a gradient on, as in TensorFlow; otherwise all floats do
 *     exact                        floats are the outputs to the last bit
 *     unlike                       the gradient is TensorFlow's, and no slope
 *     refuses TEXT                 there is no gradient, and a part of the message that says so
 *
 * VALUES are numbers, or "all X", or "random SEED" in [-1, 1); of an output also "any": the shape alone is said, and
 * the values are those of the reference kernels.
 */
#ifndef OPS_CASE_FILE_H
#define OPS_CASE_FILE_H

#include "test.h"

#include "graph/graph.h"

#define CASE static inline __attribute__((unused))

enum { CASE_MOST = 12, CASE_LINE = 8192, CASE_BYTES = 32768 };

struct case_array {
    struct li_tensor tensor;
    bool any;
    _Alignas(64) char bytes[CASE_BYTES];
    char text[CASE_LINE]; /* of strings */
};

enum case_kind { CASE_SHOWN, CASE_HIDDEN, CASE_VARIABLE };

struct case_block {
    const char *file;
    int line;
    char op[128], wrong[32], message[256], refuses[256];
    char attr_name[CASE_MOST][64], attr_text[CASE_MOST][256];
    int64_t attr_ints[CASE_MOST][32];
    struct li_shape attr_shape[CASE_MOST];
    int attrs, nin, nout, dy;
    enum case_kind kind[CASE_MOST];
    struct case_array in[CASE_MOST], out[CASE_MOST], after;
    bool has_after, exact, unlike;
};

CASE lince_dtype case_dtype(const char *name)
{
    for (int d = 1; d < 32; d++) {
        if (strcmp(li_dtype_name((lince_dtype)d), name) == 0) {
            return (lince_dtype)d;
        }
    }
    fail_msg("no dtype is called %s", name);
    return LINCE_DTYPE_NONE;
}

CASE int case_ints(const char *text, int64_t *to, int most)
{
    int n = 0;
    for (const char *at = text + 1; *at && *at != ']' && n < most; n++) {
        char *end;
        to[n] = strtoll(at, &end, 10);
        assert_ptr_not_equal(end, at);
        at = *end == ',' ? end + 1 : end;
    }
    return n;
}

CASE void case_put(struct case_array *a, int64_t i, char *word)
{
    void *at = a->bytes + (size_t)i * li_dtype_size(a->tensor.dtype);
    switch ((int)a->tensor.dtype) {
    case LINCE_FLOAT32:
        *(float *)at = strtof(word, NULL);
        break;
    case LINCE_FLOAT64:
        *(double *)at = strtod(word, NULL);
        break;
    case LINCE_FLOAT16:
        *(uint16_t *)at = li_float_to_half(strtof(word, NULL));
        break;
    case LINCE_BFLOAT16:
        *(uint16_t *)at = li_float_to_bfloat16(strtof(word, NULL));
        break;
    case LINCE_STRING:
        *(lince_string *)at = (lince_string){word, strlen(word)};
        break;
    case LINCE_UINT64:
        *(uint64_t *)at = strtoull(word, NULL, 10);
        break;
    default: {
        int64_t x = strtoll(word, NULL, 10);
        memcpy(at, &x, li_dtype_size(a->tensor.dtype)); /* little-endian */
    }
    }
}

/* "all X", "random SEED" and "any"; false when the values stand there one by one. */
CASE bool case_put_all(struct case_array *a, const char *word, char **save)
{
    int64_t count = li_shape_count(&a->tensor.shape);
    bool random = word && strcmp(word, "random") == 0;
    a->any = word && strcmp(word, "any") == 0;
    if (!word || a->any || (!random && strcmp(word, "all") != 0)) {
        return a->any;
    }
    char *value = strtok_r(NULL, " ", save), text[32];
    assert_non_null(value);
    uint64_t seed = strtoull(value, NULL, 10);
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        snprintf(text, sizeof text, "%.9g", (double)(seed >> 33) / (double)(1u << 30) - 1);
        case_put(a, i, random ? text : value);
    }
    return true;
}

/* DTYPE [DIMS] VALUES */
CASE void case_read_array(struct case_array *a, const char *text)
{
    char *save, *word;
    snprintf(a->text, sizeof a->text, "%s", text);
    a->tensor = (struct li_tensor){.dtype = case_dtype(strtok_r(a->text, " ", &save)), .data = a->bytes};
    word = strtok_r(NULL, " ", &save);
    assert_non_null(word);
    a->tensor.shape.rank = case_ints(word, a->tensor.shape.dim, LI_MAX_RANK);
    int64_t count = li_shape_count(&a->tensor.shape), i = 0;
    a->tensor.size_bytes = (size_t)count * li_dtype_size(a->tensor.dtype);
    assert_true(a->tensor.size_bytes <= CASE_BYTES);
    word = strtok_r(NULL, " ", &save);
    if (case_put_all(a, word, &save)) {
        return;
    }
    for (; word; word = strtok_r(NULL, " ", &save), i++) {
        if (i < count) {
            case_put(a, i, word);
        }
    }
    if (i != count) {
        fail_msg("%lld values, wanted %lld: %s", (long long)i, (long long)count, text);
    }
}

CASE void case_read_input(struct case_block *b, enum case_kind kind, const char *text)
{
    assert_true(b->nin < CASE_MOST);
    b->kind[b->nin] = kind;
    case_read_array(&b->in[b->nin++], text);
}

CASE void case_read_line(struct case_block *b, char *line)
{
    char word[32];
    int used = 0;
    assert_int_equal(sscanf(line, "%31s %n", word, &used), 1);
    char *rest = line + used;
    if (strcmp(word, "op") == 0) {
        snprintf(b->op, sizeof b->op, "%s", rest);
    } else if (strcmp(word, "attr") == 0) {
        assert_true(b->attrs < CASE_MOST);
        assert_int_equal(sscanf(rest, "%63s %255[^\n]", b->attr_name[b->attrs], b->attr_text[b->attrs]), 2);
        b->attrs++;
    } else if (strcmp(word, "in") == 0) {
        case_read_input(b, CASE_SHOWN, rest);
    } else if (strcmp(word, "hidden") == 0) {
        case_read_input(b, CASE_HIDDEN, rest);
    } else if (strcmp(word, "var") == 0) {
        case_read_input(b, CASE_VARIABLE, rest);
    } else if (strcmp(word, "out") == 0) {
        assert_true(b->nout < CASE_MOST);
        case_read_array(&b->out[b->nout++], rest);
    } else if (strcmp(word, "after") == 0) {
        case_read_array(&b->after, rest);
        b->has_after = true;
    } else if (strcmp(word, "fails") == 0) {
        assert_true(sscanf(rest, "%31s %255[^\n]", b->wrong, b->message) >= 1);
    } else if (strcmp(word, "dy") == 0) {
        b->dy = atoi(rest);
    } else if (strcmp(word, "exact") == 0) {
        b->exact = true;
    } else if (strcmp(word, "unlike") == 0) {
        b->unlike = true;
    } else if (strcmp(word, "refuses") == 0) {
        snprintf(b->refuses, sizeof b->refuses, "%s", rest);
    } else {
        fail_msg("%s:%d: no line begins with %s", b->file, b->line, word);
    }
}

/* The text of attribute i as the row wants it. An attribute that the row lacks is handed on as it is, to be refused. */
CASE void case_attr(struct case_block *b, const struct li_op *op, int i, struct li_attr *to)
{
    const char *text = b->attr_text[i];
    const struct li_attr_spec *spec = op->attrs;
    while (spec && spec->name && strcmp(spec->name, b->attr_name[i]) != 0) {
        spec++;
    }
    bool known = spec && spec->name;
    *to = (struct li_attr){.name = b->attr_name[i], .kind = known ? spec->kind : LI_ATTR_STRING};
    switch (to->kind) {
    case LI_ATTR_INT:
        to->i = strtoll(text, NULL, 10);
        break;
    case LI_ATTR_FLOAT:
        to->f = strtod(text, NULL);
        break;
    case LI_ATTR_BOOL:
        to->i = strcmp(text, "true") == 0;
        break;
    case LI_ATTR_TYPE:
        to->i = case_dtype(text);
        break;
    case LI_ATTR_STRING:
        to->s = text, to->s_len = strlen(text);
        break;
    case LI_ATTR_TYPES: /* [1,3]: numbers of dtypes */
    case LI_ATTR_INTS:
        to->count = (size_t)case_ints(text, b->attr_ints[i], 32), to->ints = b->attr_ints[i];
        break;
    case LI_ATTR_SHAPE:
        b->attr_shape[i].rank = case_ints(text, b->attr_shape[i].dim, LI_MAX_RANK);
        to->shape = &b->attr_shape[i];
        break;
    default:
        fail_msg("%s:%d: no way to write attribute %s", b->file, b->line, to->name);
    }
}

/* Call `each` for every block of a file; the number of blocks. */
CASE int case_read_file(const char *path, void *context, void (*each)(struct case_block *b, void *context))
{
    static char line[CASE_LINE];
    int number = 0, cases = 0;
    FILE *f = fopen(path, "r");
    struct case_block *b = calloc(1, sizeof *b);
    assert_non_null(f);
    assert_non_null(b);
    for (bool more = true; more;) {
        more = fgets(line, sizeof line, f) != NULL;
        number++;
        line[more ? strcspn(line, "\n") : 0] = 0;
        if (line[0] == '#') {
            continue;
        }
        if (line[0]) {
            b->file = path;
            b->line = b->op[0] ? b->line : number;
            case_read_line(b, line);
        } else if (b->op[0]) {
            each(b, context);
            cases++;
            memset(b, 0, sizeof *b);
        }
    }
    free(b);
    fclose(f);
    return cases;
}

#endif
