/*
 * Writing .npz files: a zip archive of .npy files, each stored as it is. Sizes beyond 4 GiB have the fields of zip64,
 * the others have not, as numpy and zip read both.
 * Source: PKWARE's APPNOTE.TXT, numpy.savez.
 */
#include "common.h"
#include "zip.h"

#include <errno.h>
#include <isa-l/crc.h>
#include <stdlib.h>
#include <string.h>

/* One record under construction. */
struct record {
    unsigned char bytes[128];
    size_t len;
};

static void put(struct record *r, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        r->bytes[r->len++] = (unsigned char)(value >> 8 * i);
    }
}

static lince_status write_bytes(struct app_npz_writer *w, const void *data, size_t size, lince_error *err)
{
    errno = 0;
    if (size && fwrite(data, 1, size, w->file) != size) {
        return app_fail(err, LINCE_EIO, "an array cannot be written: %s", errno ? strerror(errno) : "the disk refuses");
    }
    w->offset += size;
    return LINCE_OK;
}

static uint32_t capped(uint64_t value)
{
    return value < ZIP_MAX_32 ? (uint32_t)value : ZIP_MAX_32;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++) {
        if (*text & 0x80) {
            return false;
        }
    }
    return true;
}

/* What the two headers of a member have alike, from the version that is needed to read it on. */
static void put_common(struct record *r, const struct zip_member *m, bool large)
{
    put(r, large ? ZIP_VERSION_64 : ZIP_VERSION, 2);
    put(r, is_ascii(m->name) ? 0 : ZIP_FLAG_UTF8, 2);
    put(r, ZIP_STORED, 2);
    put(r, 0, 2);      /* midnight */
    put(r, 0x0021, 2); /* 1 January 1980: the same arrays are the same bytes */
    put(r, m->crc, 4);
    put(r, large ? ZIP_MAX_32 : m->packed, 4);
    put(r, large ? ZIP_MAX_32 : m->size, 4);
    put(r, m->name_size, 2);
}

/* Both sizes, in both headers; and, in the directory, where the member begins. */
static void put_large(struct record *r, const struct zip_member *m, bool directory)
{
    put(r, ZIP_EXTRA_64, 2);
    put(r, directory ? 24 : 16, 2);
    put(r, m->size, 8);
    put(r, m->packed, 8);
    if (directory) {
        put(r, m->offset, 8);
    }
}

static bool is_large(const struct zip_member *m)
{
    return m->size >= ZIP_MAX_32 || m->offset >= ZIP_MAX_32;
}

static lince_status write_local(struct app_npz_writer *w, const struct zip_member *m, lince_error *err)
{
    struct record r = {.len = 0};
    bool large = m->size >= ZIP_MAX_32;
    put(&r, ZIP_LOCAL, 4);
    put_common(&r, m, large);
    put(&r, large ? 20 : 0, 2);
    APP_TRY(write_bytes(w, r.bytes, r.len, err));
    APP_TRY(write_bytes(w, m->name, m->name_size, err));
    r.len = 0;
    if (large) {
        put_large(&r, m, false);
    }
    return write_bytes(w, r.bytes, r.len, err);
}

static lince_status write_entry(struct app_npz_writer *w, const struct zip_member *m, lince_error *err)
{
    struct record r = {.len = 0};
    bool large = is_large(m);
    put(&r, ZIP_CENTRAL, 4);
    put(&r, ZIP_VERSION_64, 2);
    put_common(&r, m, large);
    put(&r, large ? 28 : 0, 2);
    put(&r, 0, 2 + 2); /* no comment, this disk */
    put(&r, 0, 2 + 4); /* no attributes */
    put(&r, large ? ZIP_MAX_32 : m->offset, 4);
    APP_TRY(write_bytes(w, r.bytes, r.len, err));
    APP_TRY(write_bytes(w, m->name, m->name_size, err));
    r.len = 0;
    if (large) {
        put_large(&r, m, true);
    }
    return write_bytes(w, r.bytes, r.len, err);
}

static lince_status grow(struct app_npz_writer *w, lince_error *err)
{
    if (w->count < w->room) {
        return LINCE_OK;
    }
    size_t room = w->room ? 2 * w->room : 64;
    struct zip_member *grown = realloc(w->member, room * sizeof *grown);
    if (!grown) {
        return app_fail(err, LINCE_ENOMEM, "no memory for %zu names", room);
    }
    w->member = grown;
    w->room = room;
    return LINCE_OK;
}

/* The name is kept from here on. */
static lince_status add_member(struct app_npz_writer *w, const char *name, struct zip_member **out, lince_error *err)
{
    char *file;
    APP_TRY(grow(w, err));
    int len = asprintf(&file, "%s.npy", name);
    if (len < 0) {
        return app_fail(err, LINCE_ENOMEM, "no memory for a name");
    }
    if (len > ZIP_MAX_NAME) {
        free(file);
        return app_fail(err, LINCE_ELIMIT, "a name of %d bytes, the limit of a zip file is %d", len, ZIP_MAX_NAME);
    }
    *out = &w->member[w->count++];
    **out = (struct zip_member){.name = file, .name_size = (size_t)len, .offset = w->offset};
    return LINCE_OK;
}

lince_status app_npz_add(struct app_npz_writer *w, const char *name, const lince_tensor *t, lince_error *err)
{
    struct zip_member *m = NULL;
    unsigned char *header;
    size_t size;
    if (t->dtype == LINCE_STRING) {
        return app_fail(err, LINCE_EUNSUPPORTED, "texts in an .npz file");
    }
    APP_TRY(app_npy_header(t, &header, &size, err));
    lince_status st = add_member(w, name, &m, err);
    if (!st) {
        m->size = m->packed = size + t->size_bytes;
        m->crc = crc32_gzip_refl(crc32_gzip_refl(0, header, size), t->data, t->size_bytes);
        st = write_local(w, m, err);
        st = st ? st : write_bytes(w, header, size, err);
        st = st ? st : write_bytes(w, t->data, t->size_bytes, err);
    }
    free(header);
    return st;
}

static lince_status write_end_64(struct app_npz_writer *w, uint64_t start, uint64_t size, lince_error *err)
{
    struct record r = {.len = 0};
    uint64_t at = w->offset;
    put(&r, ZIP_END_64, 4);
    put(&r, 44, 8); /* bytes of this record after this number */
    put(&r, ZIP_VERSION_64, 2);
    put(&r, ZIP_VERSION_64, 2);
    put(&r, 0, 8); /* this disk, that of the directory */
    put(&r, w->count, 8);
    put(&r, w->count, 8);
    put(&r, size, 8);
    put(&r, start, 8);
    put(&r, ZIP_LOCATOR_64, 4);
    put(&r, 0, 4);
    put(&r, at, 8);
    put(&r, 1, 4);
    return write_bytes(w, r.bytes, r.len, err);
}

lince_status app_npz_end(struct app_npz_writer *w, lince_error *err)
{
    struct record r = {.len = 0};
    uint64_t start = w->offset, entries = w->count < ZIP_MAX_16 ? w->count : ZIP_MAX_16;
    for (size_t i = 0; i < w->count; i++) {
        APP_TRY(write_entry(w, &w->member[i], err));
    }
    uint64_t size = w->offset - start;
    if (entries == ZIP_MAX_16 || start >= ZIP_MAX_32 || size >= ZIP_MAX_32) {
        APP_TRY(write_end_64(w, start, size, err));
    }
    put(&r, ZIP_END, 4);
    put(&r, 0, 4);
    put(&r, entries, 2);
    put(&r, entries, 2);
    put(&r, capped(size), 4);
    put(&r, capped(start), 4);
    put(&r, 0, 2);
    return write_bytes(w, r.bytes, r.len, err);
}

void app_npz_writer_free(struct app_npz_writer *w)
{
    for (size_t i = 0; i < w->count; i++) {
        free((char *)w->member[i].name);
    }
    free(w->member);
    *w = (struct app_npz_writer){.file = w->file};
}
