/* Files that are written: all of the bytes get there, or an error says why. */
#include "base/base.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 1 << 16, MAX_WRITE = 1 << 24 };

static lince_status cannot_write(const struct li_file_sink *s, int number, lince_error *err)
{
    return li_fail(err, number == ENOMEM ? LINCE_ENOMEM : LINCE_EIO, "%s: cannot be written: %s", s->path,
                   strerror(number));
}

/* A call may write a part only: the rest is tried again, and then the system says what is wrong. */
static lince_status write_through(struct li_file_sink *s, const uint8_t *data, size_t len, lince_error *err)
{
    while (len) {
        ssize_t n = write(s->fd, data, LI_MIN(len, (size_t)MAX_WRITE));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return cannot_write(s, n < 0 ? errno : EIO, err);
        }
        data += n;
        len -= (size_t)n;
    }
    return LINCE_OK;
}

static lince_status flush(struct li_file_sink *s, lince_error *err)
{
    size_t used = s->used;
    s->used = 0;
    return write_through(s, s->buffer, used, err);
}

static lince_status write_file(struct li_sink *sink, const void *data, size_t len, lince_error *err)
{
    struct li_file_sink *s = (struct li_file_sink *)(void *)sink;
    if (len > BUFFER_BYTES - s->used) {
        LI_TRY(flush(s, err));
    }
    if (len >= BUFFER_BYTES) {
        return write_through(s, data, len, err);
    }
    if (len) {
        memcpy(s->buffer + s->used, data, len);
        s->used += len;
    }
    return LINCE_OK;
}

lince_status li_file_sink_open(struct li_file_sink *s, const char *path, struct li_mem *mem, lince_error *err)
{
    *s = (struct li_file_sink){.sink.write = write_file, .mem = mem, .fd = -1};
    s->path = li_strdup(mem, path, err);
    s->buffer = s->path ? li_alloc(mem, BUFFER_BYTES, err) : NULL;
    if (!s->buffer) {
        li_file_sink_abandon(s);
        return LINCE_ENOMEM;
    }
    s->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (s->fd < 0) {
        lince_status st = li_fail(err, li_errno_status(errno), "%s: cannot be made: %m", path);
        li_file_sink_abandon(s);
        return st;
    }
    return LINCE_OK;
}

lince_status li_file_sink_close(struct li_file_sink *s, lince_error *err)
{
    lince_status st = flush(s, err);
    if (!st && fsync(s->fd) != 0) {
        st = cannot_write(s, errno, err);
    }
    if (close(s->fd) != 0 && !st) {
        st = cannot_write(s, errno, err);
    }
    s->fd = -1;
    li_file_sink_abandon(s);
    return st;
}

void li_file_sink_abandon(struct li_file_sink *s)
{
    if (s->path && s->fd >= 0) {
        close(s->fd);
    }
    s->fd = -1;
    li_free(s->mem, s->buffer);
    li_free(s->mem, s->path);
    s->buffer = NULL;
    s->path = NULL;
}
