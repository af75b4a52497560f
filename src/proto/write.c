/* Messages written field by field. A writer that failed does nothing more: who fills it asks once, at its end. */
#include "proto/proto.h"
#include "proto/wire.h"

#include <string.h>

enum { VARINT_BYTES = 10, FIRST_ROOM = 4096 };

void li_out_init(struct li_out *out, struct li_mem *mem, lince_error *err)
{
    *out = (struct li_out){.mem = mem, .err = err};
}

void li_out_free(struct li_out *out)
{
    li_free(out->mem, out->data);
    out->data = NULL;
    out->len = out->room = 0;
}

lince_status li_out_fail(struct li_out *out, lince_status status)
{
    out->status = out->status ? out->status : status;
    return out->status;
}

/* Room for n more bytes; NULL: it failed. */
static uint8_t *extend(struct li_out *out, size_t n)
{
    size_t wanted, room = LI_MAX(out->room, (size_t)FIRST_ROOM);
    if (out->status) {
        return NULL;
    }
    if (!li_add_size(out->len, n, &wanted) || wanted > LI_MAX_PB_BYTES) {
        li_out_fail(out, li_fail(out->err, LINCE_ELIMIT, "a message of more than %zu bytes", LI_MAX_PB_BYTES));
        return NULL;
    }
    while (room < wanted) {
        room *= 2;
    }
    if (room > out->room) {
        uint8_t *grown = li_realloc(out->mem, out->data, room, out->err);
        if (!grown) {
            li_out_fail(out, LINCE_ENOMEM);
            return NULL;
        }
        out->data = grown;
        out->room = room;
    }
    uint8_t *at = out->data + out->len;
    out->len = wanted;
    return at;
}

void li_out_raw(struct li_out *out, struct li_bytes bytes)
{
    uint8_t *at = extend(out, bytes.len);
    if (at && bytes.len) {
        memcpy(at, bytes.data, bytes.len);
    }
}

static size_t varint(uint8_t to[VARINT_BYTES], uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7) {
        to[n++] = (uint8_t)(value | 0x80);
    }
    to[n++] = (uint8_t)value;
    return n;
}

static void put_varint(struct li_out *out, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES];
    li_out_raw(out, (struct li_bytes){bytes, varint(bytes, value)});
}

static void put_tag(struct li_out *out, uint32_t field, enum li_wire_type type)
{
    put_varint(out, (uint64_t)field << 3 | (uint64_t)type);
}

size_t li_out_open(struct li_out *out, uint32_t field)
{
    put_tag(out, field, LI_WIRE_BYTES);
    return out->len;
}

/* The length stands before what was written meanwhile, which makes room for it. */
void li_out_close(struct li_out *out, size_t start)
{
    uint8_t bytes[VARINT_BYTES];
    if (out->status) {
        return;
    }
    size_t len = out->len - start, n = varint(bytes, len);
    if (extend(out, n)) {
        memmove(out->data + start + n, out->data + start, len);
        memcpy(out->data + start, bytes, n);
    }
}

void li_out_int(struct li_out *out, uint32_t field, int64_t value)
{
    put_tag(out, field, LI_WIRE_VARINT);
    put_varint(out, (uint64_t)value);
}

void li_out_bytes(struct li_out *out, uint32_t field, struct li_bytes bytes)
{
    put_tag(out, field, LI_WIRE_BYTES);
    put_varint(out, bytes.len);
    li_out_raw(out, bytes);
}

void li_out_text(struct li_out *out, uint32_t field, const char *text)
{
    li_out_bytes(out, field, (struct li_bytes){(const uint8_t *)text, strlen(text)});
}

void li_out_message(struct li_out *out, uint32_t field, const ProtobufCMessage *message)
{
    size_t len = protobuf_c_message_get_packed_size(message);
    put_tag(out, field, LI_WIRE_BYTES);
    put_varint(out, len);
    uint8_t *at = extend(out, len);
    if (at) {
        protobuf_c_message_pack(message, at);
    }
}

void li_out_fields(struct li_out *out, const ProtobufCMessage *message)
{
    uint8_t *at = extend(out, protobuf_c_message_get_packed_size(message));
    if (at) {
        protobuf_c_message_pack(message, at);
    }
}
