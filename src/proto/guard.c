/*
 * The pass over all bytes before protobuf-c sees them. It goes by the same descriptors, so that the two cannot
 * disagree about which field is a message or a string.
 */
#include "proto/proto.h"
#include "proto/wire.h"

#include <string.h>

struct guard {
    const char *where;
    const uint8_t *start;
    lince_error *err;
};

static lince_status fault(const struct guard *g, lince_status code, const uint8_t *at,
                          const ProtobufCMessageDescriptor *type, uint32_t number, const char *what)
{
    const ProtobufCFieldDescriptor *field = number ? protobuf_c_message_descriptor_get_field(type, number) : NULL;
    size_t offset = (size_t)(at - g->start);
    if (field) {
        return li_fail(g->err, code, "%s: byte %zu: %s.%s: %s", g->where, offset, type->short_name, field->name, what);
    }
    if (number) {
        return li_fail(g->err, code, "%s: byte %zu: field %u of %s: %s", g->where, offset, (unsigned)number,
                       type->short_name, what);
    }
    return li_fail(g->err, code, "%s: byte %zu: in %s: %s", g->where, offset, type->short_name, what);
}

static enum li_wire_type wire_type(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return LI_WIRE_FIXED32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return LI_WIRE_FIXED64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return LI_WIRE_BYTES;
    default:
        return LI_WIRE_VARINT;
    }
}

/* Bytes of one well-formed UTF-8 character at text: 1 to 4, or 0. Surrogates, overlong forms and NUL are none. */
static size_t utf8_length(const uint8_t *text, size_t len)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text[0];
    if (first < 0x80) {
        return first ? 1 : 0;
    }
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || len < n) {
        return 0;
    }
    uint32_t code = first & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (text[i] & 0x3fu);
    }
    return code < smallest[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

/*
 * Whether 8 bytes are all ASCII and none is NUL: the top bits of x, and of what borrows when each byte loses 1, stay
 * clear.
 */
static bool plain_text(const uint8_t *text)
{
    uint64_t x;
    memcpy(&x, text, sizeof x);
    return !((x | (x - 0x0101010101010101u)) & 0x8080808080808080u);
}

static const char *check_string(struct li_bytes text)
{
    for (size_t i = 0, n; i < text.len; i += n) {
        if (text.len - i >= 8 && plain_text(text.data + i)) {
            n = 8;
            continue;
        }
        n = utf8_length(text.data + i, text.len - i);
        if (!n) {
            return text.data[i] ? "the string is not UTF-8" : "a NUL byte stands in the string";
        }
    }
    return NULL;
}

static const char *check_packed(struct li_bytes values, enum li_wire_type type)
{
    uint64_t ignored;
    if (type == LI_WIRE_FIXED32 || type == LI_WIRE_FIXED64) {
        return values.len % (type == LI_WIRE_FIXED32 ? 4 : 8) ? "the packed numbers end inside one" : NULL;
    }
    while (values.len) {
        if (!li_read_varint(&values, &ignored)) {
            return "a packed varint has no end within 10 bytes and the field";
        }
    }
    return NULL;
}

static lince_status check_message(const struct guard *g, struct li_bytes bytes, const ProtobufCMessageDescriptor *type,
                                  int depth);

/*
 * The format lets a message field that is not repeated stand twice, its parts to be merged. protobuf-c loses numbers
 * when it does that, and copies what it has each time; TensorFlow never writes it. seen has a bit for each field of
 * the message.
 */
static lince_status check_once(const struct guard *g, const struct li_wire_field *field,
                               const ProtobufCFieldDescriptor *known, const ProtobufCMessageDescriptor *type,
                               uint64_t *seen)
{
    uint64_t bit = (uint64_t)1 << (known - type->fields);
    if (known->type == PROTOBUF_C_TYPE_MESSAGE && known->label != PROTOBUF_C_LABEL_REPEATED) {
        if (*seen & bit) {
            return fault(g, LINCE_EUNSUPPORTED, field->whole.data, type, field->number,
                         "it is given twice, and is no list");
        }
        *seen |= bit;
    }
    return LINCE_OK;
}

/* A field that the message's declaration names. */
static lince_status check_known(const struct guard *g, const struct li_wire_field *field,
                                const ProtobufCFieldDescriptor *known, const ProtobufCMessageDescriptor *type,
                                int depth)
{
    enum li_wire_type wanted = wire_type(known->type);
    const char *what = NULL;
    if (field->type != wanted) {
        bool packed =
            known->label == PROTOBUF_C_LABEL_REPEATED && field->type == LI_WIRE_BYTES && wanted != LI_WIRE_BYTES;
        what = packed ? check_packed(field->value, wanted) : "its wire type is another one than declared";
    } else if (known->type == PROTOBUF_C_TYPE_STRING) {
        what = check_string(field->value);
    } else if (known->type == PROTOBUF_C_TYPE_MESSAGE) {
        if (depth >= LI_MAX_NESTING) {
            return li_fail(g->err, LINCE_ELIMIT, "%s: byte %zu: %s.%s: more than %d messages inside each other",
                           g->where, (size_t)(field->whole.data - g->start), type->short_name, known->name,
                           LI_MAX_NESTING);
        }
        return check_message(g, field->value, known->descriptor, depth + 1);
    }
    return what ? fault(g, LINCE_EFORMAT, field->whole.data, type, field->number, what) : LINCE_OK;
}

static lince_status check_message(const struct guard *g, struct li_bytes bytes, const ProtobufCMessageDescriptor *type,
                                  int depth)
{
    struct li_wire_field field;
    const ProtobufCFieldDescriptor *known = NULL;
    uint64_t seen = 0; /* our messages have fewer than 64 fields */
    while (bytes.len) {
        const uint8_t *at = bytes.data;
        const char *what = li_wire_next(&bytes, &field);
        if (what) {
            return fault(g, LINCE_EFORMAT, at, type, field.number, what);
        }
        if (!known || known->id != field.number) { /* a list's elements follow each other */
            known = protobuf_c_message_descriptor_get_field(type, field.number);
        }
        if (known) {
            LI_TRY(check_once(g, &field, known, type, &seen));
            LI_TRY(check_known(g, &field, known, type, depth));
        }
    }
    return LINCE_OK;
}

lince_status li_proto_guard(struct li_bytes bytes, const ProtobufCMessageDescriptor *type, const char *where,
                            lince_error *err)
{
    struct guard g = {.where = where, .start = bytes.data, .err = err};
    if (bytes.len > LI_MAX_PB_BYTES) {
        return li_fail(err, LINCE_ELIMIT, "%s: %zu bytes pass the limit of %zu for a message", where, bytes.len,
                       LI_MAX_PB_BYTES);
    }
    return check_message(&g, bytes, type, 1);
}
