/* Reading files whole. */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What has no size of its own, such as a pipe or a device, may give this much. */
#define STREAM_LIMIT ((size_t)1 << 30)

/* A buffer of `room` bytes and one more, with the old one's content. */
static lince_status grow(void **data, size_t used, size_t room, lince_error *err)
{
    void *grown;
    if (room > SIZE_MAX / 2 || posix_memalign(&grown, 64, room + 1)) {
        return app_fail(err, LINCE_ENOMEM, "no memory for %zu bytes", room);
    }
    if (used) {
        memcpy(grown, *data, used);
    }
    free(*data);
    *data = grown;
    return LINCE_OK;
}

/* The byte beyond `room` tells whether there is more. */
static lince_status read_to_end(int fd, size_t room, size_t limit, void **data, size_t *size, lince_error *err)
{
    APP_TRY(grow(data, 0, room, err));
    for (;;) {
        ssize_t n = read(fd, (char *)*data + *size, room + 1 - *size);
        if (n == 0) {
            return LINCE_OK;
        }
        if (n < 0 && errno != EINTR) {
            return app_fail(err, LINCE_EIO, "cannot be read: %s", strerror(errno));
        }
        *size += n > 0 ? (size_t)n : 0;
        if (*size > limit) {
            return app_fail(err, LINCE_ELIMIT, "goes on after %zu bytes, the most that is read", limit);
        }
        if (*size > room) {
            room = room < limit / 2 ? room * 2 : limit;
            APP_TRY(grow(data, *size, room, err));
        }
    }
}

static lince_status read_path(const char *path, size_t limit, void **data, size_t *size, lince_error *err)
{
    struct stat facts = {0};
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return app_fail(err, errno == ENOENT ? LINCE_ENOENT : LINCE_EIO, "cannot be opened: %s", strerror(errno));
    }
    lince_status st;
    if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        st = app_fail(err, LINCE_EINVAL, "is a folder, a file is wanted");
    } else if (!S_ISREG(facts.st_mode)) {
        st = read_to_end(fd, 1 << 16, limit < STREAM_LIMIT ? limit : STREAM_LIMIT, data, size, err);
    } else if ((uintmax_t)facts.st_size > limit) {
        st =
            app_fail(err, LINCE_ELIMIT, "has %jd bytes, %zu are the most that is read", (intmax_t)facts.st_size, limit);
    } else {
        st = read_to_end(fd, (size_t)facts.st_size, limit, data, size, err);
    }
    if (fd != STDIN_FILENO) {
        close(fd);
    }
    return st;
}

lince_status app_read(const char *path, size_t limit, void **data, size_t *size, lince_error *err)
{
    lince_error why;
    *data = NULL;
    *size = 0;
    lince_status st = read_path(path, limit, data, size, &why);
    if (st) {
        free(*data);
        *data = NULL;
        return app_fail(err, st, "%s: %.*s", strcmp(path, "-") == 0 ? "stdin" : path, 1500, why.text);
    }
    return LINCE_OK;
}
