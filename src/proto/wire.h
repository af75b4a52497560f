/* The wire format, one field at a time. Private to the room. */
#ifndef LI_PROTO_WIRE_H
#define LI_PROTO_WIRE_H

#include "base/base.h"

enum li_wire_type { LI_WIRE_VARINT = 0, LI_WIRE_FIXED64 = 1, LI_WIRE_BYTES = 2, LI_WIRE_FIXED32 = 5 };

struct li_wire_field {
    uint32_t number; /* at least 1 */
    enum li_wire_type type;
    struct li_bytes value; /* of LI_WIRE_BYTES; what lies behind the length */
    struct li_bytes whole; /* tag, length and value */
};

/* Take the first field off from. NULL, or what is wrong with it; then from stands where it stood. */
const char *li_wire_next(struct li_bytes *from, struct li_wire_field *field);

#endif
