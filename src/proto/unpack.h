/* Unpacking what the guard has passed. Private to the room. */
#ifndef LI_PROTO_UNPACK_H
#define LI_PROTO_UNPACK_H

#include "proto/proto.h"

/* li_proto_unpack() without the guard: bytes are a message, or whole fields of one, that it has seen. */
lince_status li_proto_unpack_guarded(ProtobufCMessage **out, struct li_bytes bytes,
                                     const ProtobufCMessageDescriptor *type, const char *where, struct li_arena *arena,
                                     lince_error *err);

#endif
