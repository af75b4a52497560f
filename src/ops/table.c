/* Tables from keys to values: open addressing over arrays of keys and values in the order they came. */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct li_table {
    struct li_arena arena; /* strings */
    lince_dtype key_dtype, value_dtype;
    size_t key_size, value_size;
    int64_t count, room;
    char *keys, *values;
    int64_t *slots; /* room * 2; -1: free */
};

static bool usable(lince_dtype dtype)
{
    return dtype == LINCE_STRING || dtype == LINCE_INT64 || dtype == LINCE_INT32 || dtype == LINCE_FLOAT32 ||
           dtype == LINCE_FLOAT64 || dtype == LINCE_BOOL;
}

static uint64_t hash(lince_dtype dtype, const void *key)
{
    const lince_string *s = key;
    return dtype == LINCE_STRING ? li_hash(0, s->data, s->size) : li_hash(0, key, li_dtype_size(dtype));
}

static bool same(lince_dtype dtype, const void *a, const void *b)
{
    const lince_string *s = a, *t = b;
    if (dtype != LINCE_STRING) {
        return memcmp(a, b, li_dtype_size(dtype)) == 0;
    }
    return s->size == t->size && (s->size == 0 || memcmp(s->data, t->data, s->size) == 0);
}

/* The slot of a key: where it is, or the free one where it would go. room is not 0. */
static int64_t *slot_of(const struct li_table *t, const void *key)
{
    uint64_t at = hash(t->key_dtype, key) % (uint64_t)(2 * t->room);
    while (t->slots[at] >= 0 && !same(t->key_dtype, t->keys + (size_t)t->slots[at] * t->key_size, key)) {
        at = (at + 1) % (uint64_t)(2 * t->room);
    }
    return &t->slots[at];
}

static void index_all(struct li_table *t)
{
    for (int64_t i = 0; i < 2 * t->room; i++) {
        t->slots[i] = -1;
    }
    for (int64_t i = 0; i < t->count; i++) {
        *slot_of(t, t->keys + (size_t)i * t->key_size) = i;
    }
}

static lince_status grow(struct li_table *t, lince_error *err)
{
    int64_t room = LI_MAX(64, 2 * t->room);
    char *keys = li_realloc(t->arena.mem, t->keys, (size_t)room * t->key_size, err);
    if (!keys) {
        return LINCE_ENOMEM;
    }
    t->keys = keys;
    char *values = li_realloc(t->arena.mem, t->values, (size_t)room * t->value_size, err);
    if (!values) {
        return LINCE_ENOMEM;
    }
    t->values = values;
    int64_t *slots = li_realloc(t->arena.mem, t->slots, (size_t)room * 2 * sizeof(*slots), err);
    if (!slots) {
        return LINCE_ENOMEM;
    }
    t->slots = slots;
    t->room = room;
    index_all(t);
    return LINCE_OK;
}

/* An element, a string's bytes copied. */
static lince_status store(struct li_table *t, char *to, lince_dtype dtype, const void *element, lince_error *err)
{
    memcpy(to, element, li_dtype_size(dtype));
    if (dtype == LINCE_STRING) {
        lince_string s = *(const lince_string *)element;
        s.data = li_arena_strndup(&t->arena, s.data ? s.data : "", s.size, err);
        memcpy(to, &s, sizeof(s));
        return s.data ? LINCE_OK : LINCE_ENOMEM;
    }
    return LINCE_OK;
}

static lince_status add(struct li_table *t, const void *key, const void *value, lince_error *err)
{
    if (t->count == t->room) {
        LI_TRY(grow(t, err));
    }
    int64_t *slot = slot_of(t, key);
    if (*slot >= 0) {
        return same(t->value_dtype, t->values + (size_t)*slot * t->value_size, value)
                   ? LINCE_OK
                   : li_fail(err, LINCE_EINVAL, "a table has two values for one key, in entries %lld and %lld",
                             (long long)*slot, (long long)t->count);
    }
    LI_TRY(store(t, t->keys + (size_t)t->count * t->key_size, t->key_dtype, key, err));
    LI_TRY(store(t, t->values + (size_t)t->count * t->value_size, t->value_dtype, value, err));
    *slot = t->count++;
    return LINCE_OK;
}

static lince_status new_table(struct li_table **out, lince_dtype key, lince_dtype value, struct li_mem *mem,
                              lince_error *err)
{
    if (!usable(key) || !usable(value)) {
        return li_fail(err, LINCE_EUNSUPPORTED, "a table from %s to %s is not supported", li_dtype_name(key),
                       li_dtype_name(value));
    }
    struct li_table *t = li_calloc(mem, 1, sizeof(*t), err);
    if (!t) {
        return LINCE_ENOMEM;
    }
    li_arena_init(&t->arena, mem, 0);
    t->key_dtype = key, t->key_size = li_dtype_size(key);
    t->value_dtype = value, t->value_size = li_dtype_size(value);
    *out = t;
    return LINCE_OK;
}

void li_table_free(struct li_table *table)
{
    if (table) {
        struct li_mem *mem = table->arena.mem;
        li_free(mem, table->keys);
        li_free(mem, table->values);
        li_free(mem, table->slots);
        li_arena_free(&table->arena);
        li_free(mem, table);
    }
}

int64_t li_table_count(const struct li_table *table)
{
    return table->count;
}

lince_dtype li_table_key_dtype(const struct li_table *table)
{
    return table->key_dtype;
}

lince_dtype li_table_value_dtype(const struct li_table *table)
{
    return table->value_dtype;
}

const void *li_table_find(const struct li_table *table, const void *key)
{
    int64_t at = table->count ? *slot_of(table, key) : -1;
    return at < 0 ? NULL : table->values + (size_t)at * table->value_size;
}

lince_status li_table_import(struct li_table **out, const struct li_tensor *keys, const struct li_tensor *values,
                             struct li_mem *mem, lince_error *err)
{
    struct li_table *t;
    char a[LI_SHAPE_TEXT], b[LI_SHAPE_TEXT];
    if (!li_shape_equal(&keys->shape, &values->shape)) {
        return li_fail(err, LINCE_EINVAL, "a table's keys have shape %s, its values %s", li_shape_text(&keys->shape, a),
                       li_shape_text(&values->shape, b));
    }
    LI_TRY(new_table(&t, keys->dtype, values->dtype, mem, err));
    for (int64_t i = 0; i < li_shape_count(&keys->shape); i++) {
        lince_status st = add(t, (const char *)keys->data + (size_t)i * t->key_size,
                              (const char *)values->data + (size_t)i * t->value_size, err);
        if (st) {
            li_table_free(t);
            return st;
        }
    }
    *out = t;
    return LINCE_OK;
}

/* ---- From text ---- */

/* One element of any usable dtype. */
union element {
    lince_string s;
    int64_t i64;
    int32_t i32;
    float f32;
    double f64;
    uint8_t b;
};

/* The next line without its end; what stands before a \n may hold a \r, which goes too. False after the last. */
static bool next_line(struct li_bytes *text, struct li_bytes *line)
{
    if (text->len == 0) {
        return false;
    }
    const uint8_t *end = memchr(text->data, '\n', text->len);
    line->data = text->data;
    line->len = end ? (size_t)(end - text->data) : text->len;
    size_t taken = line->len + (end ? 1 : 0);
    text->data += taken;
    text->len -= taken;
    if (line->len && line->data[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

/* Column `index` of a line; false when there are fewer. */
static bool column(struct li_bytes line, char delimiter, int64_t index, struct li_bytes *out)
{
    for (;; index--) {
        const uint8_t *end = line.len ? memchr(line.data, delimiter, line.len) : NULL;
        size_t len = end ? (size_t)(end - line.data) : line.len;
        if (index == 0) {
            *out = (struct li_bytes){line.data, len};
            return true;
        }
        if (!end) {
            return false;
        }
        line.data += len + 1;
        line.len -= len + 1;
    }
}

static lince_status parse(lince_dtype dtype, struct li_bytes text, int64_t line, union element *out, lince_error *err)
{
    char number[64], *end = number;
    if (dtype == LINCE_STRING) {
        out->s = (lince_string){(const char *)text.data, text.len};
        return LINCE_OK;
    }
    if (text.len > 0 && text.len < sizeof(number) && !memchr(text.data, 0, text.len)) {
        memcpy(number, text.data, text.len);
        number[text.len] = 0;
        errno = 0;
        if (dtype == LINCE_FLOAT32 || dtype == LINCE_FLOAT64) {
            out->f64 = strtod(number, &end);
        } else {
            out->i64 = strtoll(number, &end, 10);
        }
    }
    bool wrong = end == number || end[strspn(end, " ")] || errno == ERANGE ||
                 (dtype == LINCE_INT32 && (out->i64 < INT32_MIN || out->i64 > INT32_MAX));
    if (wrong || dtype == LINCE_BOOL) {
        return li_fail(err, LINCE_EFORMAT, "line %lld of a table's file: \"%.*s\" is no %s", (long long)line + 1,
                       (int)LI_MIN(text.len, 80), (const char *)text.data, li_dtype_name(dtype));
    }
    if (dtype == LINCE_INT32) {
        out->i32 = (int32_t)out->i64;
    } else if (dtype == LINCE_FLOAT32) {
        out->f32 = (float)out->f64;
    }
    return LINCE_OK;
}

/* TensorFlow adds the offset to numbers of lines and to every int32 (lookup_util.cc), and to nothing else. */
static lince_status read_element(lince_dtype dtype, int64_t index, const struct li_table_text *how,
                                 struct li_bytes line, int64_t number, union element *out, lince_error *err)
{
    struct li_bytes text = line;
    if (index == LI_TABLE_LINE_NUMBER) {
        out->i64 = (int64_t)((uint64_t)number + (uint64_t)how->offset);
        return LINCE_OK;
    }
    if (index >= 0 && !column(line, how->delimiter, index, &text)) {
        return li_fail(err, LINCE_EFORMAT, "line %lld of a table's file has no column %lld", (long long)number + 1,
                       (long long)index);
    }
    LI_TRY(parse(dtype, text, number, out, err));
    if (dtype == LINCE_INT32) {
        out->i32 = (int32_t)((uint32_t)out->i32 + (uint32_t)how->offset);
    }
    return LINCE_OK;
}

/* A whole line is a text or an integer, the number of a line an int64. */
static bool readable(lince_dtype dtype, int64_t index)
{
    bool integer = dtype == LINCE_INT64 || dtype == LINCE_INT32;
    if (index == LI_TABLE_WHOLE_LINE) {
        return integer || dtype == LINCE_STRING;
    }
    return index == LI_TABLE_LINE_NUMBER ? dtype == LINCE_INT64 : index >= 0;
}

static lince_status check_how(const struct li_table_text *how, lince_error *err)
{
    const lince_dtype dtypes[2] = {how->key_dtype, how->value_dtype};
    const int64_t indices[2] = {how->key_index, how->value_index};
    for (int i = 0; i < 2; i++) {
        if (!readable(dtypes[i], indices[i])) {
            return li_fail(err, LINCE_EINVAL, "a table's %s cannot be %s from column %lld", i ? "values" : "keys",
                           li_dtype_name(dtypes[i]), (long long)indices[i]);
        }
    }
    return LINCE_OK;
}

static lince_status read_lines(struct li_table *t, struct li_bytes text, const struct li_table_text *how,
                               lince_error *err)
{
    struct li_bytes line;
    int64_t number = 0;
    for (; (how->vocab_size < 0 || number < how->vocab_size) && next_line(&text, &line); number++) {
        union element key, value;
        if (line.len == 0) {
            return li_fail(err, LINCE_EFORMAT, "line %lld of a table's file is empty", (long long)number + 1);
        }
        LI_TRY(read_element(how->key_dtype, how->key_index, how, line, number, &key, err));
        LI_TRY(read_element(how->value_dtype, how->value_index, how, line, number, &value, err));
        LI_TRY(add(t, &key, &value, err));
    }
    if (how->vocab_size >= 0 && number < how->vocab_size) {
        return li_fail(err, LINCE_EFORMAT, "a table's file has %lld lines, the model wants %lld", (long long)number,
                       (long long)how->vocab_size);
    }
    return LINCE_OK;
}

lince_status li_table_from_text(struct li_table **out, struct li_bytes text, const struct li_table_text *how,
                                struct li_mem *mem, lince_error *err)
{
    struct li_table *t;
    LI_TRY(check_how(how, err));
    LI_TRY(new_table(&t, how->key_dtype, how->value_dtype, mem, err));
    lince_status st = read_lines(t, text, how, err);
    if (st) {
        li_table_free(t);
        return st;
    }
    *out = t;
    return LINCE_OK;
}
