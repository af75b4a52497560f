/* Reading the goldens' .npy files (version 1.0, C order). */
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

lince_tensor npy_read(const struct golden *g, const char *name, const char *dtype)
{
    char path[1024];
    unsigned char head[10];
    lince_tensor t = {.dtype = dtype_of(dtype)};
    snprintf(path, sizeof path, "%s/cases/%s", g->folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY\1", 7) != 0) {
        give_up(path, "no .npy file");
    }
    size_t len = head[8] + 256u * head[9];
    char *text = calloc(1, len + 1);
    if (!text || fread(text, 1, len, f) != len) {
        give_up(path, "cut header");
    }
    const char *at = strstr(text, "'shape': (");
    if (!at || strstr(text, "True")) {
        give_up(path, "unexpected header");
    }
    size_t count = 1;
    for (at += 10; *at && *at != ')';) {
        char *end;
        t.dims[t.rank] = strtoll(at, &end, 10);
        count *= (size_t)t.dims[t.rank++];
        at = end + strspn(end, ", ");
    }
    t.size_bytes = count * lince_dtype_size(t.dtype);
    t.data = malloc(t.size_bytes + 1);
    if (!t.data || fread(t.data, 1, t.size_bytes, f) != t.size_bytes || fgetc(f) != EOF) {
        give_up(path, "data of another size than its header says");
    }
    free(text);
    fclose(f);
    return t;
}
