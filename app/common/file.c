/* Reading files whole. */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A buffer of at least `room` bytes and one more, with the old one's content. */
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

static lince_status read_to_end(int fd, size_t expected, void **data, size_t *size, lince_error *err)
{
    size_t room = expected ? expected : 1 << 16;
    APP_TRY(grow(data, 0, room, err));
    for (;;) {
        if (*size == room) {
            char more;
            ssize_t n = read(fd, &more, 1);
            if (n == 0) {
                return LINCE_OK;
            }
            if (n == 1) {
                APP_TRY(grow(data, *size, room * 2, err));
                room *= 2;
                ((char *)*data)[(*size)++] = more;
                continue;
            }
        } else {
            ssize_t n = read(fd, (char *)*data + *size, room - *size);
            if (n == 0) {
                return LINCE_OK;
            }
            if (n > 0) {
                *size += (size_t)n;
                continue;
            }
        }
        if (errno != EINTR) {
            return app_fail(err, LINCE_EIO, "cannot be read: %s", strerror(errno));
        }
    }
}

static lince_status read_path(const char *path, void **data, size_t *size, lince_error *err)
{
    struct stat facts;
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return app_fail(err, errno == ENOENT ? LINCE_ENOENT : LINCE_EIO, "cannot be opened: %s", strerror(errno));
    }
    lince_status st = LINCE_OK;
    if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        st = app_fail(err, LINCE_EINVAL, "is a folder, a file is wanted");
    }
    st = st ? st : read_to_end(fd, S_ISREG(facts.st_mode) ? (size_t)facts.st_size : 0, data, size, err);
    if (fd != STDIN_FILENO) {
        close(fd);
    }
    return st;
}

lince_status app_read(const char *path, void **data, size_t *size, lince_error *err)
{
    lince_error why;
    *data = NULL;
    *size = 0;
    lince_status st = read_path(path, data, size, &why);
    if (st) {
        free(*data);
        *data = NULL;
        return app_fail(err, st, "%s: %.*s", strcmp(path, "-") == 0 ? "stdin" : path, 1500, why.text);
    }
    return LINCE_OK;
}
