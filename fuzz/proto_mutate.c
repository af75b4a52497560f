/*
 * Mutation for targets that read protocol buffers: a field, at any depth, is changed, dropped, repeated, or replaced by
 * another one, and the lengths around it are made right again. Changing bytes at random hardly ever gets past the first
 * wrong length.
 */
#include "proto/wire.h"

#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct out {
    uint8_t *data;
    size_t len, room;
    bool full;
};

struct mutation {
    struct li_bytes all; /* the whole input, where other fields are taken from */
    uint64_t state;
};

static uint32_t draw(struct mutation *m, uint32_t below)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m->state >> 33) % below;
}

static void put(struct out *out, const void *data, size_t len)
{
    if (len > out->room - out->len) {
        out->full = true;
        return;
    }
    if (len) {
        memcpy(out->data + out->len, data, len);
    }
    out->len += len;
}

static void put_varint(struct out *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    do {
        bytes[n++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value);
    put(out, bytes, n);
}

static void put_bytes_field(struct out *out, uint32_t number, const uint8_t *data, size_t len)
{
    put_varint(out, (uint64_t)number << 3 | LI_WIRE_BYTES);
    put_varint(out, len);
    put(out, data, len);
}

static size_t count_fields(struct li_bytes message)
{
    struct li_wire_field field;
    size_t n = 0;

    while (message.len && !li_wire_next(&message, &field)) {
        n++;
    }
    return message.len ? 0 : n; /* no message at all */
}

/* Any field of the whole input: a walk down from the top that stops at random. */
static bool any_field(struct mutation *m, struct li_wire_field *field)
{
    struct li_bytes message = m->all;
    bool found = false;

    for (size_t n; (n = count_fields(message)) > 0;) {
        for (uint32_t i = draw(m, (uint32_t)n) + 1; i > 0; i--) {
            (void)li_wire_next(&message, field);
        }
        found = true;
        if (field->type != LI_WIRE_BYTES || draw(m, 6) == 0) {
            break;
        }
        message = field->value;
    }
    return found;
}

static uint64_t odd_number(struct mutation *m)
{
    static const uint64_t numbers[] = {0,          1,        2,          3,          127,           255,
                                       1 << 10,    1 << 16,  1u << 20,   INT32_MAX,  UINT32_MAX,    INT64_MAX,
                                       UINT64_MAX, 1u << 31, 1ull << 32, 1ull << 40, UINT64_MAX - 1};

    return draw(m, 4) ? numbers[draw(m, LI_COUNT(numbers))] : draw(m, 64);
}

static void change_value(struct mutation *m, struct out *out, const struct li_wire_field *field)
{
    uint8_t tag_and_value[32];
    size_t len = LI_MIN(field->whole.len, sizeof tag_and_value), room = field->value.len + 64;
    uint8_t *copy;

    switch (field->type) {
    case LI_WIRE_VARINT:
        put_varint(out, (uint64_t)field->number << 3);
        put_varint(out, odd_number(m));
        return;
    case LI_WIRE_BYTES:
        copy = malloc(room);
        if (copy) {
            if (field->value.len) {
                memcpy(copy, field->value.data, field->value.len);
            }
            put_bytes_field(out, field->number, copy, LLVMFuzzerMutate(copy, field->value.len, room));
        }
        free(copy);
        return;
    default:
        memcpy(tag_and_value, field->whole.data, len);
        tag_and_value[len - 1 - draw(m, 4)] ^= (uint8_t)(1u << draw(m, 8));
        put(out, tag_and_value, len);
    }
}

static void change_field(struct mutation *m, struct out *out, const struct li_wire_field *field)
{
    struct li_wire_field other;

    switch (draw(m, 6)) {
    case 0:
        return; /* dropped */
    case 1:
        for (uint32_t n = 2 + (draw(m, 8) ? 0 : draw(m, 100)); n > 0; n--) {
            put(out, field->whole.data, field->whole.len);
        }
        return;
    case 2:
        if (any_field(m, &other)) {
            put(out, field->whole.data, field->whole.len);
            put(out, other.whole.data, other.whole.len);
            return;
        }
        break;
    case 3:
        if (field->type == LI_WIRE_BYTES && any_field(m, &other) && other.type == LI_WIRE_BYTES) {
            put_bytes_field(out, field->number, other.value.data, other.value.len);
            return;
        }
        break;
    default:
        break;
    }
    change_value(m, out, field);
}

/* Copy the message with one field changed, or with one changed inside of it. */
static void mutate_message(struct mutation *m, struct out *out, struct li_bytes message, size_t fields)
{
    struct li_wire_field field;
    uint32_t chosen = draw(m, (uint32_t)fields);

    for (uint32_t i = 0; message.len && !li_wire_next(&message, &field); i++) {
        size_t inside = i == chosen && field.type == LI_WIRE_BYTES ? count_fields(field.value) : 0;
        if (i != chosen) {
            put(out, field.whole.data, field.whole.len);
        } else if (!inside || draw(m, 8) == 0) {
            change_field(m, out, &field);
        } else {
            struct out inner = {.data = malloc(out->room), .room = out->room};
            if (inner.data) {
                mutate_message(m, &inner, field.value, inside);
                put_bytes_field(out, field.number, inner.data, inner.len);
                out->full |= inner.full;
            }
            free(inner.data);
        }
    }
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct mutation m = {.all = {data, size}, .state = seed};
    struct out out = {.data = malloc(max_size), .room = max_size};
    size_t fields = count_fields(m.all), len = 0;

    if (out.data && fields && draw(&m, 50)) {
        mutate_message(&m, &out, m.all, fields);
        if (!out.full) {
            memcpy(data, out.data, out.len);
            len = out.len;
        }
    }
    free(out.data);
    return len ? len : LLVMFuzzerMutate(data, size, max_size);
}
