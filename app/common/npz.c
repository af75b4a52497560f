/*
 * Reading .npz files, as numpy.savez and savez_compressed write them: a zip archive of .npy files, stored or deflated.
 * The archive comes from a stranger: every number is checked against the bytes there are, and a file is unpacked only
 * to the size that the caller expects. The directory at the end is what counts.
 * Source: PKWARE's APPNOTE.TXT.
 */
#include "common.h"
#include "zip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MEMBERS (1u << 20)
#define CHUNK_BYTES ((size_t)1 << 30) /* isa-l counts in 32 bits */

/* ---- Numbers ---- */

/* Where bytes are taken off; the caller has checked that they are there. */
static uint64_t take(const unsigned char **at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;) {
        value = value << 8 | (*at)[i];
    }
    *at += n;
    return value;
}

static uint64_t number_at(const unsigned char *at, size_t n)
{
    return take(&at, n);
}

/* ---- The directory ---- */

struct directory {
    uint64_t offset, size, entries;
};

/* The last record, which a comment of up to 64 KiB may follow. */
static const unsigned char *find_end(const unsigned char *data, size_t size)
{
    for (size_t back = ZIP_END_BYTES; back <= size && back <= ZIP_END_BYTES + ZIP_MAX_16; back++) {
        const unsigned char *end = data + size - back;
        if (number_at(end, 4) == ZIP_END && number_at(end + 20, 2) == back - ZIP_END_BYTES) {
            return end;
        }
    }
    return NULL;
}

static lince_status read_end_64(struct directory *d, const unsigned char *data, const unsigned char *end,
                                lince_error *err)
{
    size_t before = (size_t)(end - data);
    if (before < ZIP_LOCATOR_BYTES || number_at(end - ZIP_LOCATOR_BYTES, 4) != ZIP_LOCATOR_64) {
        return LINCE_OK; /* numbers that happen to be the largest there are */
    }
    uint64_t at = number_at(end - ZIP_LOCATOR_BYTES + 8, 8);
    before -= ZIP_LOCATOR_BYTES;
    if (before < ZIP_END_64_BYTES || at > before - ZIP_END_64_BYTES || number_at(data + at, 4) != ZIP_END_64) {
        return app_fail(err, LINCE_ECORRUPT, "the end of the zip file says that its record is at %llu, where none is",
                        (unsigned long long)at);
    }
    d->entries = number_at(data + at + 32, 8);
    d->size = number_at(data + at + 40, 8);
    d->offset = number_at(data + at + 48, 8);
    return LINCE_OK;
}

static lince_status find_directory(struct directory *d, const unsigned char *data, size_t size, lince_error *err)
{
    const unsigned char *end = find_end(data, size);
    if (!end) {
        return app_fail(err, LINCE_EFORMAT, "is no .npz file, or one that was cut: a zip file ends with its directory");
    }
    d->entries = number_at(end + 10, 2);
    d->size = number_at(end + 12, 4);
    d->offset = number_at(end + 16, 4);
    if (d->entries == ZIP_MAX_16 || d->size == ZIP_MAX_32 || d->offset == ZIP_MAX_32) {
        APP_TRY(read_end_64(d, data, end, err));
    }
    size_t before = (size_t)(end - data);
    if (d->offset > before || d->size > before - d->offset || d->entries > d->size / ZIP_CENTRAL_BYTES) {
        return app_fail(err, LINCE_ECORRUPT, "the directory, %llu entries in %llu bytes at %llu, passes its end at %zu",
                        (unsigned long long)d->entries, (unsigned long long)d->size, (unsigned long long)d->offset,
                        before);
    }
    return d->entries <= MAX_MEMBERS ? LINCE_OK
                                     : app_fail(err, LINCE_ELIMIT, "holds %llu files, the limit is %u",
                                                (unsigned long long)d->entries, MAX_MEMBERS);
}

/* Numbers that 32 bits do not hold stand among the extra fields, in this order, only those that are needed. */
static bool read_extra(struct zip_member *m, const unsigned char *at, size_t size)
{
    while (size >= 4) {
        uint64_t id = take(&at, 2), len = take(&at, 2);
        size -= 4;
        if (len > size) {
            return false;
        }
        uint64_t *const numbers[] = {&m->size, &m->packed, &m->offset};
        const unsigned char *number = at;
        for (size_t i = 0; id == ZIP_EXTRA_64 && i < APP_COUNT(numbers); i++) {
            if (*numbers[i] != ZIP_MAX_32) {
                continue;
            }
            if ((size_t)(number - at) + 8 > len) {
                return false;
            }
            *numbers[i] = take(&number, 8);
        }
        at += len;
        size -= len;
    }
    return true;
}

/* One entry, at *at; false when it passes the end. */
static bool read_entry(struct zip_member *m, const unsigned char **at, const unsigned char *end)
{
    const unsigned char *p = *at;
    if ((size_t)(end - p) < ZIP_CENTRAL_BYTES || number_at(p, 4) != ZIP_CENTRAL) {
        return false;
    }
    size_t name = number_at(p + 28, 2), extra = number_at(p + 30, 2), comment = number_at(p + 32, 2);
    if (name + extra + comment > (size_t)(end - p) - ZIP_CENTRAL_BYTES) {
        return false;
    }
    *m = (struct zip_member){.name = (const char *)p + ZIP_CENTRAL_BYTES,
                             .name_size = name,
                             .flags = (unsigned)number_at(p + 8, 2),
                             .method = (unsigned)number_at(p + 10, 2),
                             .crc = (uint32_t)number_at(p + 16, 4),
                             .packed = number_at(p + 20, 4),
                             .size = number_at(p + 24, 4),
                             .offset = number_at(p + 42, 4)};
    *at = p + ZIP_CENTRAL_BYTES + name + extra + comment;
    return read_extra(m, p + ZIP_CENTRAL_BYTES + name, extra);
}

/* numpy's name of an array is the file's without .npy. */
static void strip_ending(struct zip_member *m)
{
    if (m->name_size >= 4 && memcmp(m->name + m->name_size - 4, ".npy", 4) == 0) {
        m->name_size -= 4;
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct zip_member *x = a, *y = b;
    size_t n = x->name_size < y->name_size ? x->name_size : y->name_size;
    int order = n ? memcmp(x->name, y->name, n) : 0;
    return order ? order : (x->name_size > y->name_size) - (x->name_size < y->name_size);
}

static lince_status check_names(const struct app_npz *z, lince_error *err)
{
    for (size_t i = 1; i < z->count; i++) {
        if (compare_names(&z->member[i - 1], &z->member[i]) == 0) {
            return app_fail(err, LINCE_EFORMAT, "holds two arrays named \"%.*s\"",
                            (int)(z->member[i].name_size < 200 ? z->member[i].name_size : 200), z->member[i].name);
        }
    }
    return LINCE_OK;
}

static lince_status read_directory(struct app_npz *z, const struct directory *d, lince_error *err)
{
    const unsigned char *at = z->data + d->offset, *end = at + d->size;
    z->member = calloc((size_t)d->entries + 1, sizeof *z->member);
    if (!z->member) {
        return app_fail(err, LINCE_ENOMEM, "no memory for %llu names", (unsigned long long)d->entries);
    }
    for (; z->count < d->entries; z->count++) {
        if (!read_entry(&z->member[z->count], &at, end)) {
            return app_fail(err, LINCE_ECORRUPT, "entry %zu of its directory is none, or passes its end", z->count);
        }
        strip_ending(&z->member[z->count]);
    }
    qsort(z->member, z->count, sizeof *z->member, compare_names);
    return check_names(z, err);
}

lince_status app_npz_open(struct app_npz *z, const void *data, size_t size, lince_error *err)
{
    struct directory d = {0};
    *z = (struct app_npz){.data = data, .size = size};
    lince_status st = find_directory(&d, data, size, err);
    st = st ? st : read_directory(z, &d, err);
    if (st) {
        app_npz_close(z);
    }
    return st;
}

void app_npz_close(struct app_npz *z)
{
    free(z->member);
    *z = (struct app_npz){0};
}

size_t app_npz_find(const struct app_npz *z, const char *name)
{
    const struct zip_member key = {.name = name, .name_size = strlen(name)};
    const struct zip_member *found = bsearch(&key, z->member, z->count, sizeof *z->member, compare_names);
    return found ? (size_t)(found - z->member) : z->count;
}

void app_npz_name(const struct app_npz *z, size_t i, const char **name, size_t *size)
{
    *name = z->member[i].name;
    *size = z->member[i].name_size;
}

/* ---- One file ---- */

/* Its bytes in the archive, behind a header whose name and extra field have sizes of their own. */
static lince_status locate(const struct app_npz *z, const struct zip_member *m, const unsigned char **out,
                           lince_error *err)
{
    if (z->size < ZIP_LOCAL_BYTES || m->offset > z->size - ZIP_LOCAL_BYTES ||
        number_at(z->data + m->offset, 4) != ZIP_LOCAL) {
        return app_fail(err, LINCE_ECORRUPT, "the directory says it is at %llu of %zu, where no file begins",
                        (unsigned long long)m->offset, z->size);
    }
    const unsigned char *header = z->data + m->offset;
    size_t skip = ZIP_LOCAL_BYTES + number_at(header + 26, 2) + number_at(header + 28, 2);
    size_t rest = z->size - (size_t)m->offset;
    if (skip > rest || m->packed > rest - skip) {
        return app_fail(err, LINCE_ECORRUPT, "its %llu bytes pass the end of the file", (unsigned long long)m->packed);
    }
    *out = header + skip;
    return LINCE_OK;
}

static uint32_t chunk(size_t left)
{
    return (uint32_t)(left < CHUNK_BYTES ? left : CHUNK_BYTES);
}

/* True when the stream ends exactly where its input does, and gives exactly `size` bytes. */
static bool inflate_all(struct inflate_state *s, const unsigned char *from, size_t packed, unsigned char *to,
                        size_t size)
{
    size_t in = 0, out = 0;
    while (s->block_state != ISAL_BLOCK_FINISH) {
        uint32_t give = chunk(packed - in), room = chunk(size - out);
        s->next_in = (unsigned char *)(uintptr_t)from + in; /* isa-l's type lacks const; it only reads */
        s->avail_in = give;
        s->next_out = to + out;
        s->avail_out = room;
        if (isal_inflate(s) != ISAL_DECOMP_OK) {
            return false;
        }
        size_t took = give - s->avail_in, gave = room - s->avail_out;
        in += took;
        out += gave;
        if (took == 0 && gave == 0 && s->block_state != ISAL_BLOCK_FINISH) {
            return false; /* it wants more input, or more room, than there is */
        }
    }
    return out == size && in == packed;
}

static lince_status inflate_member(const struct zip_member *m, const unsigned char *from, unsigned char *to,
                                   lince_error *err)
{
    struct inflate_state *s = malloc(sizeof *s);
    if (!s) {
        return app_fail(err, LINCE_ENOMEM, "no memory to unpack it");
    }
    isal_inflate_init(s);
    bool good = inflate_all(s, from, (size_t)m->packed, to, (size_t)m->size);
    free(s);
    return good ? LINCE_OK
                : app_fail(err, LINCE_ECORRUPT, "its %llu bytes do not unpack to the %llu that the directory says",
                           (unsigned long long)m->packed, (unsigned long long)m->size);
}

static lince_status unpack(const struct zip_member *m, const unsigned char *from, unsigned char *to, lince_error *err)
{
    if (m->method == ZIP_DEFLATED) {
        APP_TRY(inflate_member(m, from, to, err));
    } else {
        memcpy(to, from, (size_t)m->size);
    }
    uint32_t crc = crc32_gzip_refl(0, to, m->size);
    return crc == m->crc ? LINCE_OK
                         : app_fail(err, LINCE_ECORRUPT, "its checksum is %08x, its bytes have %08x", (unsigned)m->crc,
                                    (unsigned)crc);
}

static lince_status check_member(const struct zip_member *m, size_t limit, lince_error *err)
{
    if (m->flags & ZIP_FLAG_ENCRYPTED) {
        return app_fail(err, LINCE_EUNSUPPORTED, "is encrypted");
    }
    if (m->method != ZIP_STORED && m->method != ZIP_DEFLATED) {
        return app_fail(err, LINCE_EUNSUPPORTED, "is packed by method %u, wanted 0 (stored) or 8 (deflated)",
                        m->method);
    }
    if (m->size > limit) {
        return app_fail(err, LINCE_ELIMIT, "takes %llu bytes, wanted at most %zu", (unsigned long long)m->size, limit);
    }
    return m->method == ZIP_STORED && m->packed != m->size
               ? app_fail(err, LINCE_ECORRUPT, "is stored, but of %llu bytes in %llu", (unsigned long long)m->size,
                          (unsigned long long)m->packed)
               : LINCE_OK;
}

lince_status app_npz_read(const struct app_npz *z, size_t i, size_t limit, struct app_array *out, lince_error *err)
{
    const struct zip_member *m = &z->member[i];
    const unsigned char *packed = NULL;
    *out = (struct app_array){0};
    APP_TRY(check_member(m, limit, err));
    APP_TRY(locate(z, m, &packed, err));
    unsigned char *bytes = malloc((size_t)m->size + 1);
    if (!bytes) {
        return app_fail(err, LINCE_ENOMEM, "no memory for %llu bytes", (unsigned long long)m->size);
    }
    lince_status st = unpack(m, packed, bytes, err);
    st = st ? st : app_npy_parse(bytes, (size_t)m->size, out, err);
    free(bytes);
    return st;
}
