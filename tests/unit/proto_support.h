/* Building messages byte by byte, and files of test data. */
#ifndef LI_UNIT_PROTO_SUPPORT_H
#define LI_UNIT_PROTO_SUPPORT_H

#include "test.h"

#include "proto/proto.h"

struct buf {
    uint8_t *data;
    size_t len, room;
};

static inline void put(struct buf *b, const void *bytes, size_t n)
{
    if (b->len + n > b->room) {
        b->room = 2 * (b->len + n);
        b->data = realloc(b->data, b->room);
        assert_non_null(b->data);
    }
    if (n) {
        memcpy(b->data + b->len, bytes, n);
        b->len += n;
    }
}

static inline void put_byte(struct buf *b, unsigned byte)
{
    put(b, &(uint8_t){(uint8_t)byte}, 1);
}

static inline void put_varint(struct buf *b, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        put_byte(b, (unsigned)(value & 0x7f) | 0x80);
    }
    put_byte(b, (unsigned)value);
}

/* A field of bytes, text or a message. */
static inline void put_field(struct buf *b, unsigned number, const void *bytes, size_t n)
{
    put_varint(b, number << 3 | 2);
    put_varint(b, n);
    put(b, bytes, n);
}

static inline void put_text(struct buf *b, unsigned number, const char *text)
{
    put_field(b, number, text, strlen(text));
}

static inline void put_number(struct buf *b, unsigned number, int64_t value)
{
    put_varint(b, number << 3);
    put_varint(b, (uint64_t)value);
}

/* Put one message into a field of another, and empty it. */
static inline void put_message(struct buf *b, unsigned number, struct buf *message)
{
    put_field(b, number, message->data, message->len);
    message->len = 0;
}

static inline struct li_bytes bytes_of(const struct buf *b)
{
    return (struct li_bytes){b->data, b->len};
}

/* A SavedModel without a fault. */
#define VALID_MODEL "malformed/models/asset_missing/saved_model.pb"

/* A file under tests/, in memory that is not a byte longer, so that the sanitizer sees who reads past it. */
static inline struct buf read_file(const char *name)
{
    struct buf b = {0};
    char path[512];
    FILE *file;
    int byte;

    snprintf(path, sizeof path, "%s/%s", LINCE_TEST_DATA, name);
    file = fopen(path, "rb");
    if (!file) {
        fail_msg("%s: cannot open", path);
    }
    while ((byte = getc(file)) != EOF) {
        put_byte(&b, (unsigned)byte);
    }
    fclose(file);
    return b;
}

/* The first n bytes, in memory of their own, exactly as long. free() it. */
static inline struct buf cut(struct li_bytes bytes, size_t n)
{
    struct buf b = {.data = malloc(n ? n : 1), .len = n, .room = n};

    assert_non_null(b.data);
    memcpy(b.data, bytes.data, n);
    return b;
}

#define assert_status(call, wanted)                                                                                    \
    do {                                                                                                               \
        lince_status found_status = (call);                                                                            \
        if (found_status != (wanted)) {                                                                                \
            fail_msg("%s gives %d, wanted %d: %s", #call, (int)found_status, (int)(wanted), err.text);                 \
        }                                                                                                              \
    } while (0)

#define assert_says(err, words)                                                                                        \
    do {                                                                                                               \
        if (!strstr((err).text, words)) {                                                                              \
            fail_msg("\"%s\" does not say \"%s\"", (err).text, words);                                                 \
        }                                                                                                              \
    } while (0)

/* A generator for the random tests: the seed is printed, and read from LINCE_SEED. */
static inline uint64_t random_seed(void)
{
    const char *text = getenv("LINCE_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 0) : 20240817;

    print_message("LINCE_SEED=%llu\n", (unsigned long long)seed);
    return seed;
}

static inline uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u; /* splitmix64, by Sebastiano Vigna, public domain */

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Change a few bytes; in one case of four, also remove some or say some twice, which most formats notice at once. */
static inline struct buf mutate(struct li_bytes from, uint64_t *state)
{
    struct buf b = {0};
    size_t n = 1 + random_next(state) % 4;
    bool move = random_next(state) % 4 == 0;

    put(&b, from.data, from.len);
    while (n-- && b.len) {
        size_t at = random_next(state) % b.len, some = 1 + random_next(state) % 4, count = LI_MIN(some, b.len - at);
        switch (random_next(state) % (move ? 4 : 2)) {
        case 0:
            b.data[at] = (uint8_t)random_next(state);
            break;
        case 1:
            b.data[at] ^= (uint8_t)(1u << random_next(state) % 8);
            break;
        case 2:
            memmove(b.data + at, b.data + at + count, b.len - at - count);
            b.len -= count;
            break;
        default:
            put(&b, "1234", count); /* makes the room */
            memmove(b.data + at + count, b.data + at, b.len - count - at);
        }
    }
    struct buf exact = cut(bytes_of(&b), b.len);
    free(b.data);
    return exact;
}

#endif
