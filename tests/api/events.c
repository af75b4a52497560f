/* Event files: the bytes of TensorFlow's own writer; what becomes of them when a process ends at a bad moment. */
#include "support.h"

#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/lince-events-XXXXXX", path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/events.out.tfevents.test", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static size_t read_file(uint8_t *to, size_t room)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(to, 1, room, f);
    fclose(f);
    return size;
}

static void write_file(const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

/* Bit by bit, as RFC 3720 has it. */
static uint32_t masked_crc(const uint8_t *data, size_t size)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
        }
    }
    crc = ~crc;
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static uint64_t number_at(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes; i-- > 0;) {
        value = value << 8 | at[i];
    }
    return value;
}

/* How many records there are; each must be whole. */
static int count_records(const uint8_t *at, size_t size)
{
    int n = 0;
    for (; size > 0; n++) {
        assert_true(size >= 16);
        uint64_t length = number_at(at, 8);
        assert_int_equal(masked_crc(at, 8), number_at(at + 8, 4));
        assert_true(length <= size - 16);
        assert_int_equal(masked_crc(at + 12, (size_t)length), number_at(at + 12 + length, 4));
        at += length + 16, size -= (size_t)length + 16;
    }
    return n;
}

static int records(void)
{
    static uint8_t bytes[1 << 20];
    size_t size = read_file(bytes, sizeof bytes);
    assert_true(size < sizeof bytes);
    return count_records(bytes, size);
}

/* tf.io.TFRecordWriter of Events with wall_time 1.5, 1000000000.125, 2 and 1.5 (TensorFlow 2.21). */
static const uint8_t version[] = {0x18, 0,   0,   0,   0,   0,    0,    0,    0xa3, 0x7f, 0x4b, 0x22, 0x09, 0,
                                  0,    0,   0,   0,   0,   0xf8, 0x3f, 0x1a, 0x0d, 'b',  'r',  'a',  'i',  'n',
                                  '.',  'E', 'v', 'e', 'n', 't',  ':',  '2',  0x2a, 0x28, 0x64, 0x6c};
static const uint8_t scalars[] = {
    0x20, 0,    0,    0,    0,    0,    0,    0,    0x29, 0xed, 0xa9, 0x50, 0x09, 0,    0,    0,    0,    0,
    0,    0xf8, 0x3f, 0x10, 0x01, 0x2a, 0x13, 0x0a, 0x11, 0x0a, 0x0a, 'e',  'p',  'o',  'c',  'h',  '_',  'l',
    'o',  's',  's',  0x15, 0,    0,    0x80, 0x3e, 0x23, 0x4a, 0x39, 0x47, 0x27, 0,    0,    0,    0,    0,
    0,    0,    0xbb, 0xe1, 0xb1, 0x46, 0x09, 0,    0,    0x10, 0,    0x65, 0xcd, 0xcd, 0x41, 0x10, 0xac, 0x02,
    0x2a, 0x19, 0x0a, 0x17, 0x0a, 0x10, 'v',  'a',  'l',  'i',  'd',  'a',  't',  'i',  'o',  'n',  '/',  'a',
    'c',  'c',  0xc3, 0xa9, 0x15, 0,    0,    0,    0,    0x13, 0x88, 0x93, 0x66, 0x15, 0,    0,    0,    0,
    0,    0,    0,    0xd6, 0xab, 0x6b, 0x2b, 0x09, 0,    0,    0,    0,    0,    0,    0,    0x40, 0x2a, 0x0a,
    0x0a, 0x08, 0x0a, 0x01, 'x',  0x15, 0,    0,    0xc0, 0x7f, 0x64, 0xe4, 0xe7, 0xa1};
static const uint8_t start[] = {0x0f, 0, 0, 0,    0,    0,    0, 0,    0x6d, 0x53, 0x2b, 0x09, 0x09, 0,    0,   0,
                                0,    0, 0, 0xf8, 0x3f, 0x10, 7, 0x3a, 2,    8,    1,    0x77, 0x47, 0x71, 0xc7};

/* A record whose time is the clock's: all but that and its checksum. */
static void assert_record(const uint8_t *got, const uint8_t *wanted, size_t size)
{
    assert_memory_equal(got, wanted, 13);
    assert_memory_equal(got + 21, wanted + 21, size - 25);
    assert_int_equal(count_records(got, size), 1);
}

static void bytes_are_those_of_tensorflow(void **state)
{
    static uint8_t bytes[1024];
    const size_t whole = sizeof version + sizeof scalars;
    lince_events *events;
    (void)state;
    assert_ok(lince_events_open(&events, path, 0, err));
    assert_ok(lince_events_scalar(events, "epoch_loss", 1, 0.25f, 1.5, err));
    assert_ok(lince_events_scalar(events, "validation/acc\xc3\xa9", 300, 0, 1000000000.125, err));
    assert_ok(lince_events_scalar(events, "x", 0, (float)NAN, 2, err));
    assert_int_equal(read_file(bytes, sizeof bytes), whole); /* before it is closed */
    assert_record(bytes, version, sizeof version);
    assert_memory_equal(bytes + sizeof version, scalars, sizeof scalars);
    lince_events_close(events);
    assert_ok(lince_events_open(&events, path, 7, err));
    lince_events_close(events);
    assert_int_equal(read_file(bytes, sizeof bytes), whole + sizeof start);
    assert_memory_equal(bytes + sizeof version, scalars, sizeof scalars);
    assert_record(bytes + whole, start, sizeof start);
}

/* Cut at every place, and every byte damaged. What is whole before that stays, and there the file goes on. */
static void a_damaged_end_is_cut_off(void **state)
{
    static uint8_t bytes[1024];
    size_t first = sizeof version + 48, size = first + 55;
    uint8_t file[sizeof version + 48 + 55];
    lince_events *events;
    (void)state;
    memcpy(file, version, sizeof version);
    memcpy(file + sizeof version, scalars, 48 + 55);
    for (size_t cut = 0; cut <= size; cut++) {
        write_file(file, cut);
        assert_ok(lince_events_open(&events, path, 2, err));
        assert_ok(lince_events_scalar(events, "on", 2, 1, 0, err));
        lince_events_close(events);
        assert_int_equal(records(), cut < sizeof version ? 2 : cut < first ? 3 : cut < size ? 4 : 5);
    }
    for (size_t at = first; at < size; at++) {
        file[at] ^= 0x40;
        write_file(file, size);
        file[at] ^= 0x40;
        assert_ok(lince_events_open(&events, path, 2, err));
        lince_events_close(events);
        assert_int_equal(records(), 3);
        read_file(bytes, sizeof bytes);
        assert_memory_equal(bytes, file, first);
    }
}

static void a_killed_process_leaves_what_it_wrote(void **state)
{
    (void)state;
    for (int turn = 1; turn <= 5; turn++) {
        lince_events *events;
        int ready[2];
        char byte;
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            lince_events_open(&events, path, 0, NULL);
            for (int64_t step = 0; step < 1000; step++) { /* the parent may be long in coming */
                lince_events_scalar(events, "loss", step, 1, 0, NULL);
                if (step == 10 && write(ready[1], "x", 1) < 0) {
                    _exit(1);
                }
            }
            pause();
        }
        assert_int_equal(read(ready[0], &byte, 1), 1);
        usleep(100);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(ready[0]), close(ready[1]);
        assert_ok(lince_events_open(&events, path, 0, err));
        lince_events_close(events);
        assert_true(records() > 11 * turn);
    }
}

static void a_full_disk_leaves_whole_events(void **state)
{
    struct rlimit before, little;
    lince_events *events;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(lince_events_open(&events, path, 0, err));
    little = before, little.rlim_cur = sizeof version + 20;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
    assert_refused(lince_events_scalar(events, "loss", 1, 1, 0, err), LINCE_EIO, "cannot be written");
    assert_int_equal(records(), 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_ok(lince_events_scalar(events, "loss", 1, 1, 0, err));
    assert_int_equal(records(), 2);
    lince_events_close(events);
}

static void what_is_no_event_file_is_left_alone(void **state)
{
    static const char text[] = "my only copy of something";
    char tag[1026], bytes[64];
    lince_events *events;
    (void)state;
    write_file(text, sizeof text);
    assert_refused(lince_events_open(&events, path, 0, err), LINCE_EFORMAT, "is no event file");
    assert_null(events);
    assert_int_equal(read_file((uint8_t *)bytes, sizeof bytes), sizeof text);
    assert_memory_equal(bytes, text, sizeof text);
    write_file(scalars, 48); /* a record, but not a version */
    assert_refused(lince_events_open(&events, path, 0, err), LINCE_EFORMAT, "is no event file");
    assert_refused(lince_events_open(&events, folder, 0, err), LINCE_EIO, "cannot be opened");
    assert_refused(lince_events_open(&events, "/nowhere/tfevents", 0, err), LINCE_EIO, "cannot be opened");
    assert_refused(lince_events_open(&events, NULL, 0, err), LINCE_EINVAL, "path");
    unlink(path);
    assert_ok(lince_events_open(&events, path, 0, err));
    memset(tag, 'a', sizeof tag - 1);
    tag[sizeof tag - 1] = '\0';
    assert_refused(lince_events_scalar(events, tag, 0, 0, 0, err), LINCE_EINVAL, "1025 bytes");
    assert_refused(lince_events_scalar(events, "", 0, 0, 0, err), LINCE_EINVAL, "0 bytes");
    assert_refused(lince_events_scalar(events, "a\xff", 0, 0, 0, err), LINCE_EINVAL, "not UTF-8");
    assert_refused(lince_events_scalar(events, NULL, 0, 0, 0, err), LINCE_EINVAL, "tag");
    tag[1024] = '\0';
    assert_ok(lince_events_scalar(events, tag, INT64_MAX, 0, 0, err));
    assert_int_equal(records(), 2);
    lince_events_close(events);
    lince_events_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(bytes_are_those_of_tensorflow, remove_file),
        cmocka_unit_test_teardown(a_damaged_end_is_cut_off, remove_file),
        cmocka_unit_test_teardown(a_killed_process_leaves_what_it_wrote, remove_file),
        cmocka_unit_test_teardown(a_full_disk_leaves_whole_events, remove_file),
        cmocka_unit_test_teardown(what_is_no_event_file_is_left_alone, remove_file),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
