/* Byte ranges: files, mapped or read, and readers that stay inside. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

lince_status li_errno_status(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        return LINCE_ENOENT;
    case ENOMEM:
        return LINCE_ENOMEM;
    default:
        return LINCE_EIO;
    }
}

/* O_NONBLOCK: opening a named pipe that nobody writes must not wait. */
static lince_status open_file(int *fd, const char *path, lince_error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return *fd < 0 ? li_fail(err, li_errno_status(errno), "%s: cannot open: %m", path) : LINCE_OK;
}

static lince_status size_of(size_t *size, int fd, const char *path, lince_error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return li_fail(err, LINCE_EIO, "%s: cannot tell its size: %m", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return li_fail(err, LINCE_EIO, "%s: is %s, wanted a file", path,
                       S_ISDIR(st.st_mode) ? "a directory" : "a pipe or a device");
    }
    if ((uintmax_t)st.st_size > SIZE_MAX) {
        return li_fail(err, LINCE_ELIMIT, "%s: %jd bytes do not fit into the address space", path,
                       (intmax_t)st.st_size);
    }
    *size = (size_t)st.st_size;
    return LINCE_OK;
}

static lince_status map_descriptor(struct li_file *file, int fd, const char *path, lince_error *err)
{
    size_t size;
    LI_TRY(size_of(&size, fd, path, err));
    if (size == 0) {
        return LINCE_OK; /* nothing to map, and mmap refuses length 0 */
    }
    void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        return li_fail(err, li_errno_status(errno), "%s: cannot map %zu bytes: %m", path, size);
    }
    file->map = map;
    file->bytes = (struct li_bytes){map, size};
    return LINCE_OK;
}

lince_status li_file_map(struct li_file *file, const char *path, lince_error *err)
{
    int fd;
    *file = (struct li_file){0};
    LI_TRY(open_file(&fd, path, err));
    lince_status status = map_descriptor(file, fd, path, err);
    close(fd);
    return status;
}

static lince_status fill(uint8_t *data, size_t size, int fd, const char *path, lince_error *err)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = read(fd, data + done, size - done);
        if (n == 0) {
            return li_fail(err, LINCE_EIO, "%s: became shorter while it was read: %zu bytes, found %zu", path, size,
                           done);
        }
        if (n < 0 && errno != EINTR) {
            return li_fail(err, LINCE_EIO, "%s: cannot read: %m", path);
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return LINCE_OK;
}

static lince_status read_descriptor(struct li_file *file, int fd, const char *path, struct li_mem *mem,
                                    lince_error *err)
{
    size_t size;
    LI_TRY(size_of(&size, fd, path, err));
    uint8_t *data = li_alloc(mem, size, err);
    if (!data) {
        return li_prefix(err, LINCE_ENOMEM, "%s", path);
    }
    lince_status status = fill(data, size, fd, path, err);
    if (status) {
        li_free(mem, data);
        return status;
    }
    *file = (struct li_file){.bytes = {data, size}, .mem = mem};
    return LINCE_OK;
}

lince_status li_file_read(struct li_file *file, const char *path, struct li_mem *mem, lince_error *err)
{
    int fd;
    if (!mem) {
        return li_file_map(file, path, err);
    }
    *file = (struct li_file){0};
    LI_TRY(open_file(&fd, path, err));
    lince_status status = read_descriptor(file, fd, path, mem, err);
    close(fd);
    return status;
}

void li_file_unmap(struct li_file *file)
{
    if (file->map) {
        munmap(file->map, file->bytes.len);
    }
    if (file->mem) {
        li_free(file->mem, (void *)(uintptr_t)file->bytes.data);
    }
    *file = (struct li_file){0};
}

bool li_read_bytes(struct li_bytes *from, size_t len, struct li_bytes *value)
{
    if (len > from->len) {
        return false;
    }
    *value = (struct li_bytes){from->data, len};
    if (len) {
        from->data += len;
        from->len -= len;
    }
    return true;
}

bool li_read_u8(struct li_bytes *from, uint8_t *value)
{
    struct li_bytes b;

    if (!li_read_bytes(from, 1, &b)) {
        return false;
    }
    *value = b.data[0];
    return true;
}

static uint64_t little_endian(const uint8_t *data, int bytes)
{
    uint64_t value = 0;

    for (int i = bytes - 1; i >= 0; i--) {
        value = value << 8 | data[i];
    }
    return value;
}

bool li_read_u32le(struct li_bytes *from, uint32_t *value)
{
    struct li_bytes b;

    if (!li_read_bytes(from, 4, &b)) {
        return false;
    }
    *value = (uint32_t)little_endian(b.data, 4);
    return true;
}

bool li_read_u64le(struct li_bytes *from, uint64_t *value)
{
    struct li_bytes b;

    if (!li_read_bytes(from, 8, &b)) {
        return false;
    }
    *value = little_endian(b.data, 8);
    return true;
}

bool li_read_varint(struct li_bytes *from, uint64_t *value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < from->len && i < 10; i++) {
        uint8_t byte = from->data[i];
        if (i == 9 && byte > 1) {
            return false; /* bit 64 or above, or an eleventh byte */
        }
        sum |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            from->data += i + 1;
            from->len -= i + 1;
            *value = sum;
            return true;
        }
    }
    return false;
}

uint64_t li_hash(uint64_t seed, const void *data, size_t len)
{
    const uint8_t *byte = data;
    uint64_t hash = 0xcbf29ce484222325u ^ seed;

    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ byte[i]) * 0x100000001b3u;
    }
    return hash;
}
