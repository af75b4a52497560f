/* Writing .npy files, version 1.0, data at a multiple of 64 bytes as numpy does. */
#include "common.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Room for any shape of LINCE_MAX_RANK; a multiple of 64 with the 10 bytes before it. */
#define HEADER_ROOM 374

const char *app_npy_descr(lince_dtype dtype)
{
    static const char *const descr[] = {
        [LINCE_FLOAT32] = "<f4", [LINCE_FLOAT64] = "<f8",     [LINCE_INT32] = "<i4",         [LINCE_UINT8] = "|u1",
        [LINCE_INT16] = "<i2",   [LINCE_INT8] = "|i1",        [LINCE_STRING] = "|S",         [LINCE_COMPLEX64] = "<c8",
        [LINCE_INT64] = "<i8",   [LINCE_BOOL] = "|b1",        [LINCE_QINT8] = "|i1",         [LINCE_QUINT8] = "|u1",
        [LINCE_QINT32] = "<i4",  [LINCE_BFLOAT16] = "<u2",    [LINCE_QINT16] = "<i2",        [LINCE_QUINT16] = "<u2",
        [LINCE_UINT16] = "<u2",  [LINCE_COMPLEX128] = "<c16", [LINCE_FLOAT16] = "<f2",       [LINCE_UINT32] = "<u4",
        [LINCE_UINT64] = "<u8",  [LINCE_FLOAT8_E5M2] = "|u1", [LINCE_FLOAT8_E4M3FN] = "|u1", [LINCE_INT4] = "|i1",
        [LINCE_UINT4] = "|u1"};
    return (size_t)dtype < APP_COUNT(descr) ? descr[dtype] : NULL;
}

static lince_status cannot_write(lince_error *err)
{
    return app_fail(err, LINCE_EIO, "an array cannot be written: %s", errno ? strerror(errno) : "the disk refuses");
}

/* `room` 0: as short as 64 bytes allow. */
static lince_status header(FILE *file, const char *descr, int rank, const int64_t *dims, size_t room, lince_error *err)
{
    char text[HEADER_ROOM + 1], shape[LINCE_MAX_RANK * 22 + 4] = "";
    size_t used = 0;
    for (int i = 0; i < rank; i++) {
        used += (size_t)snprintf(shape + used, sizeof shape - used, i ? " %" PRId64 "," : "%" PRId64 ",", dims[i]);
    }
    if (rank > 1) {
        shape[used - 1] = '\0'; /* (3,) but (3, 4) */
    }
    int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape);
    size_t padded = room ? room : ((size_t)length + 1 + 10 + 63) / 64 * 64 - 10;
    unsigned char lead[10] = {
        0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (unsigned char)(padded & 255), (unsigned char)(padded >> 8)};
    errno = 0;
    if (fwrite(lead, 1, sizeof lead, file) != sizeof lead ||
        fprintf(file, "%s%*s\n", text, (int)padded - length - 1, "") < 0) {
        return cannot_write(err);
    }
    return LINCE_OK;
}

static size_t count_of(const lince_tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->rank; i++) {
        n *= (size_t)t->dims[i];
    }
    return n;
}

/* As |S: every element as long as the longest, filled up with zeros. */
static lince_status write_strings(FILE *file, const lince_tensor *t, lince_error *err)
{
    const lince_string *s = t->data;
    size_t count = count_of(t), longest = 1;
    char descr[32];
    for (size_t i = 0; i < count; i++) {
        longest = s[i].size > longest ? s[i].size : longest;
    }
    snprintf(descr, sizeof descr, "|S%zu", longest);
    APP_TRY(header(file, descr, t->rank, t->dims, 0, err));
    for (size_t i = 0; i < count; i++) {
        if ((s[i].size && fwrite(s[i].data, 1, s[i].size, file) != s[i].size)) {
            return cannot_write(err);
        }
        for (size_t k = s[i].size; k < longest; k++) {
            if (fputc(0, file) == EOF) {
                return cannot_write(err);
            }
        }
    }
    return LINCE_OK;
}

static lince_status describe(FILE *file, const lince_tensor *tensor, lince_error *err)
{
    const char *descr = app_npy_descr(tensor->dtype);
    if (!descr) {
        return app_fail(err, LINCE_EUNSUPPORTED, "a tensor of type %s cannot be stored as .npy",
                        lince_dtype_name(tensor->dtype));
    }
    return tensor->dtype == LINCE_STRING ? LINCE_OK : header(file, descr, tensor->rank, tensor->dims, 0, err);
}

lince_status app_npy_header(const lince_tensor *tensor, unsigned char **bytes, size_t *size, lince_error *err)
{
    char *text = NULL;
    FILE *file = open_memstream(&text, size);
    lince_status st = file ? describe(file, tensor, err) : LINCE_ENOMEM;
    if (!file || fclose(file)) {
        st = app_fail(err, LINCE_ENOMEM, "no memory for a header");
    }
    if (st) {
        free(text);
        return st;
    }
    *bytes = (unsigned char *)text;
    return LINCE_OK;
}

lince_status app_npy_write(FILE *file, const lince_tensor *tensor, lince_error *err)
{
    APP_TRY(describe(file, tensor, err));
    if (tensor->dtype == LINCE_STRING) {
        return write_strings(file, tensor, err);
    }
    errno = 0;
    if (tensor->size_bytes && fwrite(tensor->data, 1, tensor->size_bytes, file) != tensor->size_bytes) {
        return cannot_write(err);
    }
    return LINCE_OK;
}

lince_status app_npy_save(const char *path, const lince_tensor *tensor, lince_error *err)
{
    struct app_output out;
    APP_TRY(app_output_open(&out, path, err));
    lince_status st = app_npy_write(out.file, tensor, err);
    if (st) {
        app_output_discard(&out);
        return st;
    }
    return app_output_commit(&out, err);
}

lince_status app_npy_rows_header(FILE *file, int64_t rows, int64_t columns, lince_error *err)
{
    int64_t dims[2] = {rows, columns};
    return header(file, "<f4", 2, dims, 118, err); /* 128 bytes in all: room for any two numbers */
}
