/* The wire format: tags, varints, lengths. */
#include "proto/wire.h"

/*
 * A tag or a length holds 32 bits, so five bytes. Ten, padded with zeros, would be the same number, but protobuf-c
 * reads no more than five and nobody writes them.
 */
static inline bool read_short_varint(struct li_bytes *from, uint64_t *value)
{
    if (from->len && from->data[0] < 0x80) { /* nearly all of them */
        *value = *from->data++;
        from->len--;
        return true;
    }
    struct li_bytes at = *from;
    if (!li_read_varint(&at, value) || from->len - at.len > 5 || *value > UINT32_MAX) {
        return false;
    }
    *from = at;
    return true;
}

static const char *read_value(struct li_bytes *at, struct li_wire_field *field)
{
    uint64_t number;
    switch (field->type) {
    case LI_WIRE_VARINT:
        return li_read_varint(at, &number) ? NULL : "its varint has no end within 10 bytes and the message";
    case LI_WIRE_FIXED64:
        return li_read_bytes(at, 8, &field->value) ? NULL : "its 8 bytes pass the end of the message";
    case LI_WIRE_FIXED32:
        return li_read_bytes(at, 4, &field->value) ? NULL : "its 4 bytes pass the end of the message";
    case LI_WIRE_BYTES:
        if (!read_short_varint(at, &number)) {
            return "its length is no number below 2^32";
        }
        return li_read_bytes(at, (size_t)number, &field->value) ? NULL : "its length passes the end of the message";
    }
    return "its wire type is none";
}

const char *li_wire_next(struct li_bytes *from, struct li_wire_field *field)
{
    struct li_bytes at = *from;
    uint64_t tag;
    field->number = 0;
    field->value = (struct li_bytes){0};
    if (!read_short_varint(&at, &tag)) {
        return "no field tag starts here";
    }
    field->number = (uint32_t)(tag >> 3);
    if (field->number == 0) {
        return "the field number is 0";
    }
    switch (tag & 7) {
    case LI_WIRE_VARINT:
    case LI_WIRE_FIXED64:
    case LI_WIRE_BYTES:
    case LI_WIRE_FIXED32:
        field->type = (enum li_wire_type)(tag & 7);
        break;
    case 3:
    case 4:
        return "it is a group, which these messages do not have";
    default:
        return "its wire type is none";
    }
    const char *fault = read_value(&at, field);
    if (!fault) {
        field->whole = (struct li_bytes){from->data, from->len - at.len};
        *from = at;
    }
    return fault;
}
