/* The wire format: tags, varints, lengths. */
#include "proto/wire.h"

/* Past the varint that starts at `at`; NULL: none ends before `end`. Nearly all are of one byte. */
static inline const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    if (at < end && *at < 0x80) {
        *value = *at;
        return at + 1;
    }
    struct li_bytes rest = {at, (size_t)(end - at)};
    return li_read_varint(&rest, value) ? rest.data : NULL;
}

/*
 * A tag or a length holds 32 bits, so five bytes. Ten, padded with zeros, would be the same number, but protobuf-c
 * reads no more than five and nobody writes them.
 */
static inline const uint8_t *read_short_varint(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    const uint8_t *after = read_varint(at, end, value);
    return after && after - at <= 5 && *value <= UINT32_MAX ? after : NULL;
}

/* What is wrong with a value of this type at *at; NULL: nothing, and *at is behind it. */
static inline const char *read_value(const uint8_t **at, const uint8_t *end, unsigned type, struct li_bytes *value)
{
    const uint8_t *start = *at;
    uint64_t size;
    switch (type) {
    case LI_WIRE_VARINT:
        *at = read_varint(start, end, &size);
        return *at ? NULL : "its varint has no end within 10 bytes and the message";
    case LI_WIRE_FIXED64:
    case LI_WIRE_FIXED32:
        size = type == LI_WIRE_FIXED64 ? 8 : 4;
        break;
    case LI_WIRE_BYTES:
        start = read_short_varint(start, end, &size);
        if (!start) {
            return "its length is no number below 2^32";
        }
        break;
    case 3:
    case 4:
        return "it is a group, which these messages do not have";
    default:
        return "its wire type is none";
    }
    if (size > (size_t)(end - start)) {
        return type == LI_WIRE_FIXED64   ? "its 8 bytes pass the end of the message"
               : type == LI_WIRE_FIXED32 ? "its 4 bytes pass the end of the message"
                                         : "its length passes the end of the message";
    }
    *value = (struct li_bytes){start, (size_t)size};
    *at = start + size;
    return NULL;
}

const char *li_wire_next(struct li_bytes *from, struct li_wire_field *field)
{
    const uint8_t *end = from->data + from->len;
    uint64_t tag;
    field->number = 0;
    field->value = (struct li_bytes){0};
    const uint8_t *at = read_short_varint(from->data, end, &tag);
    if (!at) {
        return "no field tag starts here";
    }
    field->number = (uint32_t)(tag >> 3);
    if (field->number == 0) {
        return "the field number is 0";
    }
    const char *fault = read_value(&at, end, tag & 7, &field->value);
    if (fault) {
        return fault;
    }
    field->type = (enum li_wire_type)(tag & 7);
    field->whole = (struct li_bytes){from->data, (size_t)(at - from->data)};
    *from = (struct li_bytes){at, (size_t)(end - at)};
    return NULL;
}
