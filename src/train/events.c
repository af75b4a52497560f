/*
 * Event files: a TFRecord for each event. A record is
 *
 *     length    uint64
 *     checksum  uint32, masked CRC-32C of these 8 bytes
 *     data      an Event message
 *     checksum  uint32, masked CRC-32C of the data
 *
 * in little-endian. The first event of a file holds its version and nothing else.
 */
#include "events.h"

#include "proto/proto.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TAG_BYTES = 1024, DATA_BYTES = 2 * TAG_BYTES, FRAME_BYTES = 16, START = 1 };

static char version[] = "brain.Event:2"; /* a message has no const texts */

struct lince_events {
    struct li_mem *mem;
    char *path;
    int fd;
    off_t end; /* of the last whole record */
};

/* ---- Writing ---- */

static void put32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        to[i] = (uint8_t)(value >> (8 * i));
    }
}

static lince_status write_failed(const struct lince_events *e, lince_error *err)
{
    return li_fail(err, LINCE_EIO, "%s: cannot be written: %s", e->path, strerror(errno));
}

/* One call for a record: a process that is killed leaves all of it or, at worst, a part, which open cuts off. */
static lince_status put_record(struct lince_events *e, uint8_t *record, size_t length, lince_error *err)
{
    put32(record, (uint32_t)length);
    put32(record + 4, 0);
    put32(record + 8, li_crc32c_mask(li_crc32c(0, record, 8)));
    put32(record + 12 + length, li_crc32c_mask(li_crc32c(0, record + 12, length)));
    size_t size = length + FRAME_BYTES;
    for (size_t done = 0; done < size;) {
        ssize_t n = pwrite(e->fd, record + done, size - done, e->end + (off_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            lince_status st = write_failed(e, err);
            (void)!ftruncate(e->fd, e->end); /* if not, the next record goes there, and readers wait for that */
            return st;
        }
        done += (size_t)n;
    }
    e->end += (off_t)size;
    return LINCE_OK;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* The guard refuses what no reader would take: a tag that is no UTF-8. */
static lince_status put_event(struct lince_events *e, const Tf__Event *event, lince_error *err)
{
    uint8_t record[DATA_BYTES + FRAME_BYTES];
    size_t length = tf__event__pack(event, record + 12);
    lince_status st =
        li_proto_guard((struct li_bytes){record + 12, length}, &tf__event__descriptor, "an event for TensorBoard", err);
    return st ? li_fail(err, LINCE_EINVAL, "%s: the tag is not UTF-8", e->path) : put_record(e, record, length, err);
}

static Tf__Event event_at(int64_t step, double wall_time)
{
    Tf__Event event = TF__EVENT__INIT;
    event.wall_time = wall_time != 0 ? wall_time : now();
    event.step = step;
    return event;
}

lince_status li_events_scalar(struct lince_events *e, const char *tag, int64_t step, float value, double wall_time,
                              lince_error *err)
{
    size_t length = strlen(tag);
    if (length == 0 || length > TAG_BYTES) {
        return li_fail(err, LINCE_EINVAL, "%s: the tag has %zu bytes; 1 to %d are possible", e->path, length,
                       TAG_BYTES);
    }
    char name[TAG_BYTES + 1];
    memcpy(name, tag, length + 1);
    Tf__Summary__Value number = TF__SUMMARY__VALUE__INIT;
    number.tag = name;
    number.value_case = TF__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    number.simple_value = value;
    Tf__Summary summary = TF__SUMMARY__INIT;
    summary.n_value = 1;
    summary.value = (Tf__Summary__Value *[]){&number};
    Tf__Event event = event_at(step, wall_time);
    event.what_case = TF__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return put_event(e, &event, err);
}

static lince_status put_version(struct lince_events *e, lince_error *err)
{
    Tf__Event event = event_at(0, 0);
    event.what_case = TF__EVENT__WHAT_FILE_VERSION;
    event.file_version = version;
    return put_event(e, &event, err);
}

static lince_status put_start(struct lince_events *e, int64_t step, lince_error *err)
{
    Tf__SessionLog log = TF__SESSION_LOG__INIT;
    log.status = START;
    Tf__Event event = event_at(step, 0);
    event.what_case = TF__EVENT__WHAT_SESSION_LOG;
    event.session_log = &log;
    return put_event(e, &event, err);
}

/* ---- What is there already ---- */

/* The data of the next whole record. */
static bool read_record(struct li_bytes *rest, struct li_bytes *data)
{
    struct li_bytes head = *rest;
    uint64_t length;
    uint32_t of_length, of_data;
    return li_read_u64le(rest, &length) && li_read_u32le(rest, &of_length) &&
           li_crc32c_mask(li_crc32c(0, head.data, 8)) == of_length && length <= rest->len &&
           li_read_bytes(rest, (size_t)length, data) && li_read_u32le(rest, &of_data) &&
           li_crc32c_mask(li_crc32c(0, data->data, data->len)) == of_data;
}

/* The part of a first record that a killed process leaves: 24 bytes of data are a time and the version. */
static bool is_begun(struct li_bytes file)
{
    uint8_t head[12] = {24};
    put32(head + 8, li_crc32c_mask(li_crc32c(0, head, 8)));
    return file.len < 24 + FRAME_BYTES && memcmp(file.data, head, LI_MIN(file.len, sizeof head)) == 0;
}

/* Where the whole records end; the first must hold a version. */
static lince_status find_end(struct lince_events *e, struct li_bytes file, lince_error *err)
{
    struct li_bytes rest = file, data;
    if (is_begun(file)) {
        return LINCE_OK;
    }
    if (!read_record(&rest, &data) || memmem(data.data, data.len, "brain.Event:", 12) == NULL) {
        return li_fail(err, LINCE_EFORMAT, "%s: is no event file; another name is wanted", e->path);
    }
    do {
        e->end = (off_t)(rest.data - file.data);
    } while (read_record(&rest, &data));
    return LINCE_OK;
}

static lince_status go_on(struct lince_events *e, off_t size, int64_t from_step, lince_error *err)
{
    struct li_file file = {0};
    if (size > 0) {
        LI_TRY(li_file_read(&file, e->path, e->mem, err));
        lince_status st = find_end(e, file.bytes, err);
        li_file_unmap(&file);
        LI_TRY(st);
    }
    if (e->end < size && ftruncate(e->fd, e->end)) {
        return write_failed(e, err);
    }
    return e->end > 0 ? put_start(e, from_step, err) : put_version(e, err);
}

static lince_status open_file(struct lince_events *e, const char *path, int64_t from_step, lince_error *err)
{
    struct stat facts;
    e->path = li_strdup(e->mem, path, err);
    if (!e->path) {
        return LINCE_ENOMEM;
    }
    e->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (e->fd < 0 || fstat(e->fd, &facts)) {
        return li_fail(err, LINCE_EIO, "%s: cannot be opened: %s", path, strerror(errno));
    }
    if (!S_ISREG(facts.st_mode)) {
        return li_fail(err, LINCE_EFORMAT, "%s: is no file that events could be added to", path);
    }
    return go_on(e, facts.st_size, from_step, err);
}

lince_status li_events_open(struct lince_events **out, const char *path, int64_t from_step, lince_error *err)
{
    *out = NULL;
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);
    struct lince_events *e = mem ? li_calloc(mem, 1, sizeof *e, err) : NULL;
    if (!e) {
        li_mem_release(mem);
        return li_fail(err, LINCE_ENOMEM, "no memory for an event file");
    }
    *e = (struct lince_events){.mem = mem, .fd = -1};
    lince_status st = open_file(e, path, from_step, err);
    if (st) {
        li_events_close(e);
        return st;
    }
    *out = e;
    return LINCE_OK;
}

void li_events_close(struct lince_events *e)
{
    if (e) {
        struct li_mem *mem = e->mem;
        if (e->fd >= 0) {
            close(e->fd);
        }
        li_free(mem, e->path);
        li_free(mem, e);
        li_mem_release(mem);
    }
}
