/* Reading the goldens' .npy files (version 1.0, C order), and .npys files: several of them, one after another. */
#include "golden.h"

#include <stdlib.h>
#include <string.h>

lince_dtype dtype_of(const char *name)
{
    for (int d = 1; d < 64; d++) {
        if (strcmp(lince_dtype_name((lince_dtype)d), name) == 0) {
            return (lince_dtype)d;
        }
    }
    return LINCE_DTYPE_NONE;
}

static void give_up(const char *path, const char *why)
{
    fprintf(stderr, "%s: %s\n", path, why);
    exit(2);
}

/* The header's text, malloc'ed; the file then stands at the data. */
static char *read_header(FILE *f, const char *path)
{
    unsigned char head[10];
    if (fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY\1", 7) != 0) {
        give_up(path, "no .npy file");
    }
    size_t len = head[8] + 256u * head[9];
    char *text = calloc(1, len + 1);
    if (!text || fread(text, 1, len, f) != len) {
        give_up(path, "cut header");
    }
    return text;
}

static size_t read_shape(lince_tensor *t, const char *header, const char *path)
{
    const char *at = strstr(header, "'shape': (");
    size_t count = 1;
    if (!at || strstr(header, "True")) {
        give_up(path, "unexpected header");
    }
    for (at += 10; *at && *at != ')';) {
        char *end;
        t->dims[t->rank] = strtoll(at, &end, 10);
        count *= (size_t)t->dims[t->rank++];
        at = end + strspn(end, ", ");
    }
    return count;
}

static void read_data(void *data, size_t size, FILE *f, const char *path)
{
    if (!data || fread(data, 1, size, f) != size) {
        give_up(path, "less data than its header says");
    }
}

/* Elements of `|S<width>` end where only zeros follow: no golden string ends in a zero byte. */
static lince_string *read_strings(size_t count, size_t width, FILE *f, const char *path)
{
    lince_string *s = malloc(count * (sizeof *s + width) + 1);
    char *bytes = (char *)(s + count);
    read_data(s ? bytes : NULL, count * width, f, path);
    for (size_t i = 0; i < count; i++) {
        s[i].data = bytes + i * width;
        for (s[i].size = width; s[i].size > 0 && s[i].data[s[i].size - 1] == 0;) {
            s[i].size--;
        }
    }
    return s;
}

lince_tensor npy_read(const struct golden *g, const json_t *entry)
{
    char path[1024];
    lince_tensor t = {.dtype = dtype_of(json_string_value(json_object_get(entry, "dtype")))};
    snprintf(path, sizeof path, "%s/cases/%s", g->folder, json_string_value(json_object_get(entry, "tensor")));
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, (long)json_integer_value(json_object_get(entry, "offset")), SEEK_SET)) {
        give_up(path, "cannot be read");
    }
    char *header = read_header(f, path);
    size_t count = read_shape(&t, header, path);
    t.size_bytes = count * lince_dtype_size(t.dtype);
    if (t.dtype == LINCE_STRING) {
        const char *width = strstr(header, "'|S");
        t.data = read_strings(count, width ? strtoul(width + 3, NULL, 10) : 0, f, path);
    } else {
        t.data = malloc(t.size_bytes + 1);
        read_data(t.data, t.size_bytes, f, path);
    }
    if (!json_object_get(entry, "offset") && fgetc(f) != EOF) {
        give_up(path, "more data than its header says");
    }
    free(header);
    fclose(f);
    return t;
}
