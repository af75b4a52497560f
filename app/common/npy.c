/*
 * Reading .npy files: "\x93NUMPY", version, length of the header, the header, which is a Python dict in ASCII, then the
 * data. The header comes from a stranger: only the three keys and the few forms that numpy writes are taken.
 * Source: numpy/lib/format.py.
 */
#include "common.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_LIMIT (1u << 20)

struct header {
    lince_dtype dtype;
    size_t item;  /* bytes of one element in the file */
    bool unicode; /* <U: item / 4 code points of 4 bytes */
    bool big;     /* big-endian */
    bool fortran;
    int rank;
    int64_t dims[LINCE_MAX_RANK];
};

/* ---- The header ---- */

struct scanner {
    const char *at, *end;
    lince_error *err;
};

static void skip_space(struct scanner *s)
{
    while (s->at < s->end && isspace((unsigned char)*s->at)) {
        s->at++;
    }
}

static bool take(struct scanner *s, const char *text)
{
    size_t len = strlen(text);
    skip_space(s);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0) {
        return false;
    }
    s->at += len;
    return true;
}

static lince_status bad_header(struct scanner *s, const char *wanted)
{
    int rest = s->end - s->at > 24 ? 24 : (int)(s->end - s->at);
    return app_fail(s->err, LINCE_EFORMAT, "header has \"%.*s\" where %s is wanted", rest, s->at, wanted);
}

/* A quoted text without escapes. */
static lince_status quoted(struct scanner *s, char *out, size_t room)
{
    skip_space(s);
    if (s->at == s->end || (*s->at != '\'' && *s->at != '"')) {
        return bad_header(s, "a quoted text");
    }
    const char *stop = memchr(s->at + 1, *s->at, (size_t)(s->end - s->at - 1));
    if (!stop || (size_t)(stop - s->at - 1) >= room) {
        return bad_header(s, "a short quoted text");
    }
    memcpy(out, s->at + 1, (size_t)(stop - s->at - 1));
    out[stop - s->at - 1] = '\0';
    s->at = stop + 1;
    return LINCE_OK;
}

static lince_status number(struct scanner *s, int64_t *out)
{
    int64_t value = 0;
    skip_space(s);
    if (s->at == s->end || !isdigit((unsigned char)*s->at)) {
        return bad_header(s, "a number");
    }
    for (; s->at < s->end && isdigit((unsigned char)*s->at); s->at++) {
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *s->at - '0', &value)) {
            return app_fail(s->err, LINCE_ELIMIT, "header has a number beyond 64 bits");
        }
    }
    *out = value;
    return LINCE_OK;
}

static lince_status shape(struct scanner *s, struct header *h)
{
    if (!take(s, "(")) {
        return bad_header(s, "a shape such as (3, 4)");
    }
    while (!take(s, ")")) {
        if (h->rank == LINCE_MAX_RANK) {
            return app_fail(s->err, LINCE_ELIMIT, "array has more than %d dimensions", LINCE_MAX_RANK);
        }
        APP_TRY(number(s, &h->dims[h->rank++]));
        if (!take(s, ",")) {
            if (!take(s, ")")) {
                return bad_header(s, "\",\" or \")\"");
            }
            break;
        }
    }
    return LINCE_OK;
}

static lince_status text_type(struct header *h, char kind, const char *digits, lince_error *err)
{
    char *stop;
    unsigned long length = strtoul(digits, &stop, 10);
    if (!isdigit((unsigned char)*digits) || *stop || length > 1u << 28) {
        return app_fail(err, LINCE_EFORMAT, "header has a text type of length \"%s\"", digits);
    }
    h->dtype = LINCE_STRING;
    h->unicode = kind == 'U';
    h->item = length * (h->unicode ? 4 : 1);
    return LINCE_OK;
}

static lince_status type_of(struct header *h, const char *descr, lince_error *err)
{
    static const struct {
        const char *name;
        lince_dtype dtype;
    } types[] = {{"f4", LINCE_FLOAT32},   {"f8", LINCE_FLOAT64},     {"f2", LINCE_FLOAT16}, {"i1", LINCE_INT8},
                 {"i2", LINCE_INT16},     {"i4", LINCE_INT32},       {"i8", LINCE_INT64},   {"u1", LINCE_UINT8},
                 {"u2", LINCE_UINT16},    {"u4", LINCE_UINT32},      {"u8", LINCE_UINT64},  {"b1", LINCE_BOOL},
                 {"c8", LINCE_COMPLEX64}, {"c16", LINCE_COMPLEX128}, {"V2", LINCE_BFLOAT16}};
    const char *name = strchr("<>|=", *descr) && *descr ? descr + 1 : descr;
    h->big = *descr == '>';
    if (*name == 'S' || *name == 'U') {
        return text_type(h, *name, name + 1, err);
    }
    if (*name == 'O') {
        return app_fail(err, LINCE_EUNSUPPORTED, "holds Python objects (a pickle), numbers or texts are wanted");
    }
    for (size_t i = 0; i < APP_COUNT(types); i++) {
        if (strcmp(name, types[i].name) == 0) {
            h->dtype = types[i].dtype;
            h->item = lince_dtype_size(h->dtype);
            return LINCE_OK;
        }
    }
    return app_fail(err, LINCE_EUNSUPPORTED, "has elements of type \"%s\", which no tensor has", descr);
}

/* One "key: value"; bits of *seen say which keys were met. */
static lince_status entry(struct scanner *s, struct header *h, unsigned *seen)
{
    char key[32], descr[32];
    APP_TRY(quoted(s, key, sizeof key));
    if (!take(s, ":")) {
        return bad_header(s, "\":\"");
    }
    unsigned bit = strcmp(key, "descr") == 0           ? 1
                   : strcmp(key, "fortran_order") == 0 ? 2
                   : strcmp(key, "shape") == 0         ? 4
                                                       : 0;
    if (!bit || (*seen & bit)) {
        return app_fail(s->err, LINCE_EFORMAT,
                        "header has key \"%s\"; descr, fortran_order and shape are wanted, each once", key);
    }
    *seen |= bit;
    if (bit == 4) {
        return shape(s, h);
    }
    if (bit == 2) {
        h->fortran = take(s, "True");
        return h->fortran || take(s, "False") ? LINCE_OK : bad_header(s, "True or False");
    }
    skip_space(s);
    if (s->at < s->end && *s->at == '[') {
        return app_fail(s->err, LINCE_EUNSUPPORTED, "holds records, plain numbers or texts are wanted");
    }
    APP_TRY(quoted(s, descr, sizeof descr));
    return type_of(h, descr, s->err);
}

static lince_status parse_header(const char *text, size_t size, struct header *h, lince_error *err)
{
    struct scanner s = {text, text + size, err};
    unsigned seen = 0;
    if (!take(&s, "{")) {
        return bad_header(&s, "\"{\"");
    }
    while (!take(&s, "}")) {
        APP_TRY(entry(&s, h, &seen));
        if (!take(&s, ",")) {
            if (!take(&s, "}")) {
                return bad_header(&s, "\",\" or \"}\"");
            }
            break;
        }
    }
    skip_space(&s);
    if (s.at != s.end) {
        return bad_header(&s, "its end");
    }
    return seen == 7 ? LINCE_OK : app_fail(err, LINCE_EFORMAT, "header lacks descr, fortran_order or shape");
}

/* *data and *size are advanced to the array's bytes. */
static lince_status read_header(const unsigned char **data, size_t *size, struct header *h, lince_error *err)
{
    const unsigned char *d = *data;
    if (*size < 10 || memcmp(d, "\x93NUMPY", 6) != 0) {
        return app_fail(err, LINCE_EFORMAT, "is no .npy file: it does not begin with \\x93NUMPY");
    }
    size_t lead = d[6] == 1 ? 10 : 12, length = 0;
    if (d[6] < 1 || d[6] > 3 || d[7] != 0 || *size < lead) {
        return app_fail(err, LINCE_EFORMAT, "is of .npy version %d.%d, 1.0 to 3.0 are wanted", d[6], d[7]);
    }
    for (size_t i = lead; i-- > 8;) {
        length = length << 8 | d[i];
    }
    if (length > *size - lead || length > HEADER_LIMIT) {
        return app_fail(err, LINCE_EFORMAT, "header says %zu bytes, the file has %zu after it", length, *size - lead);
    }
    APP_TRY(parse_header((const char *)d + lead, length, h, err));
    *data += lead + length;
    *size -= lead + length;
    return LINCE_OK;
}

/* ---- The data ---- */

static void swap_bytes(unsigned char *data, size_t count, size_t width)
{
    for (; count > 0; count--, data += width) {
        for (size_t i = 0; i < width / 2; i++) {
            unsigned char kept = data[i];
            data[i] = data[width - 1 - i];
            data[width - 1 - i] = kept;
        }
    }
}

/* From the order where the first index runs fastest to the one where the last does. */
static void reorder(unsigned char *to, const unsigned char *from, const struct header *h, size_t count)
{
    int64_t index[LINCE_MAX_RANK] = {0};
    for (size_t i = 0; i < count; i++, to += h->item) {
        size_t at = 0;
        for (int d = h->rank; d-- > 0;) {
            at = at * (size_t)h->dims[d] + (size_t)index[d];
        }
        memcpy(to, from + at * h->item, h->item);
        for (int d = h->rank; d-- > 0 && ++index[d] == h->dims[d];) {
            index[d] = 0;
        }
    }
}

static size_t utf8(unsigned char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (unsigned char)c;
        return 1;
    }
    size_t more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    to[0] = (unsigned char)(lead[more] | c >> (6 * more));
    for (size_t i = 1; i <= more; i++) {
        to[i] = (unsigned char)(0x80 | (c >> (6 * (more - i)) & 0x3F));
    }
    return more + 1;
}

/* One <U element in place: UTF-8 is never longer than 4 bytes a character. */
static lince_status narrow(unsigned char *item, size_t bytes, size_t *length, lince_error *err)
{
    size_t used = 0, last = 0;
    for (size_t i = 0; i + 4 <= bytes; i += 4) {
        uint32_t c =
            (uint32_t)item[i] | (uint32_t)item[i + 1] << 8 | (uint32_t)item[i + 2] << 16 | (uint32_t)item[i + 3] << 24;
        if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
            return app_fail(err, LINCE_EFORMAT, "holds the code point %#x, which is no character", c);
        }
        used += utf8(item + used, c);
        last = c ? used : last; /* numpy fills up with zeros, which are not part of the text */
    }
    *length = last;
    return LINCE_OK;
}

static lince_status make_strings(struct app_array *out, const struct header *h, size_t count, lince_error *err)
{
    unsigned char *item = out->memory;
    lince_string *strings = calloc(count + 1, sizeof *strings);
    out->strings = strings;
    if (!strings) {
        return app_fail(err, LINCE_ENOMEM, "no memory for %zu texts", count);
    }
    for (size_t i = 0; i < count; i++, item += h->item) {
        size_t length = h->item;
        if (h->unicode) {
            if (h->big) {
                swap_bytes(item, h->item / 4, 4);
            }
            APP_TRY(narrow(item, h->item, &length, err));
        }
        while (!h->unicode && length > 0 && item[length - 1] == 0) {
            length--;
        }
        strings[i] = (lince_string){(const char *)item, length};
    }
    out->tensor.data = strings;
    out->tensor.size_bytes = count * sizeof *strings;
    return LINCE_OK;
}

static lince_status check_bools(const unsigned char *data, size_t count, lince_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (data[i] > 1) {
            return app_fail(err, LINCE_EFORMAT, "element %zu of booleans is %d, 0 or 1 is wanted", i, data[i]);
        }
    }
    return LINCE_OK;
}

static lince_status fill(struct app_array *out, const struct header *h, const unsigned char *data, size_t count,
                         lince_error *err)
{
    size_t bytes = count * h->item;
    if (posix_memalign(&out->memory, 64, bytes + 1)) {
        out->memory = NULL;
        return app_fail(err, LINCE_ENOMEM, "no memory for %zu bytes", bytes);
    }
    if (h->fortran && h->rank > 1) {
        reorder(out->memory, data, h, count);
    } else {
        memcpy(out->memory, data, bytes);
    }
    out->tensor = (lince_tensor){.dtype = h->dtype, .rank = h->rank, .data = out->memory, .size_bytes = bytes};
    memcpy(out->tensor.dims, h->dims, sizeof h->dims);
    if (h->dtype == LINCE_STRING) {
        return make_strings(out, h, count, err);
    }
    if (h->big) {
        bool complex = h->dtype == LINCE_COMPLEX64 || h->dtype == LINCE_COMPLEX128;
        swap_bytes(out->memory, complex ? count * 2 : count, complex ? h->item / 2 : h->item);
    }
    return h->dtype == LINCE_BOOL ? check_bools(out->memory, count, err) : LINCE_OK;
}

lince_status app_npy_parse(const void *data, size_t size, struct app_array *out, lince_error *err)
{
    struct header h = {0};
    const unsigned char *at = data;
    size_t count = 1, bytes;
    *out = (struct app_array){0};
    APP_TRY(read_header(&at, &size, &h, err));
    for (int i = 0; i < h.rank; i++) {
        if (__builtin_mul_overflow(count, (size_t)h.dims[i], &count)) {
            return app_fail(err, LINCE_ELIMIT, "shape has more elements than memory has bytes");
        }
    }
    if (__builtin_mul_overflow(count, h.item, &bytes) || bytes != size || (h.item == 0 && count > 1u << 24)) {
        return app_fail(err, LINCE_EFORMAT, "holds %zu bytes of data, its shape and type want %zu elements of %zu",
                        size, count, h.item);
    }
    lince_status st = fill(out, &h, at, count, err);
    if (st) {
        app_array_free(out);
    }
    return st;
}

lince_status app_npy_read(const char *path, struct app_array *out, lince_error *err)
{
    void *data;
    size_t size;
    lince_error why;
    APP_TRY(app_read(path, SIZE_MAX / 2, &data, &size, err));
    lince_status st = app_npy_parse(data, size, out, &why);
    free(data);
    return st ? app_fail(err, st, "%s: %.*s", path, 1500, why.text) : LINCE_OK;
}

void app_array_free(struct app_array *array)
{
    free(array->memory);
    free(array->strings);
    *array = (struct app_array){0};
}
