/* Unpacking into an arena that a hostile message cannot blow up. */
#include "proto/unpack.h"

/*
 * What a message may take for its bytes. Object graphs in real files take about 20 times theirs; a list of empty
 * messages 100.
 */
enum { GROWTH = 64, BASE_BYTES = 64 << 10 };

struct into {
    struct li_arena *arena;
    lince_error err; /* of the first allocation that failed */
    bool failed;
};

static void *into_alloc(void *context, size_t bytes)
{
    struct into *into = context;
    lince_error err;
    void *pointer = li_arena_alloc(into->arena, bytes, &err);
    if (!pointer && !into->failed) {
        into->failed = true;
        into->err = err;
    }
    return pointer;
}

static void into_free(void *context, void *pointer)
{
    (void)context;
    (void)pointer;
}

static size_t limit_for(const struct li_arena *arena, size_t len)
{
    size_t limit;
    if (!li_mul_size(len, GROWTH, &limit) || !li_add_size(limit, BASE_BYTES, &limit) || limit > LI_MAX_MESSAGE_BYTES) {
        limit = LI_MAX_MESSAGE_BYTES;
    }
    if (!li_add_size(limit, arena->used_bytes, &limit)) {
        limit = SIZE_MAX;
    }
    return arena->limit_bytes ? LI_MIN(limit, arena->limit_bytes) : limit;
}

lince_status li_proto_unpack_guarded(ProtobufCMessage **out, struct li_bytes bytes,
                                     const ProtobufCMessageDescriptor *type, const char *where, struct li_arena *arena,
                                     lince_error *err)
{
    struct into into = {.arena = arena};
    ProtobufCAllocator allocator = {.alloc = into_alloc, .free = into_free, .allocator_data = &into};
    size_t limit = arena->limit_bytes;
    arena->limit_bytes = limit_for(arena, bytes.len);
    ProtobufCMessage *message = protobuf_c_message_unpack(type, &allocator, bytes.len, bytes.data);
    arena->limit_bytes = limit;

    if (into.failed) {
        return li_fail(err, into.err.code, "%s: unpacking %zu bytes of %s: %s", where, bytes.len, type->short_name,
                       into.err.text);
    }
    if (!message) {
        return li_fail(err, LINCE_EFORMAT, "%s: %zu bytes are no %s", where, bytes.len, type->short_name);
    }
    *out = message;
    return LINCE_OK;
}

lince_status li_proto_unpack(ProtobufCMessage **out, struct li_bytes bytes, const ProtobufCMessageDescriptor *type,
                             const char *where, struct li_arena *arena, lince_error *err)
{
    LI_TRY(li_proto_guard(bytes, type, where, err));
    return li_proto_unpack_guarded(out, bytes, type, where, arena, err);
}
