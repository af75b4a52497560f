/*
 * proto: TensorFlow's messages, read with protobuf-c behind a guard. The messages are declared in the .proto files
 * beside this header; here is what turns a stranger's bytes into them, and what reads them once they are there.
 *
 * The guard walks all bytes once before anything is unpacked and refuses what the parser would get wrong or be hurt
 * by: nesting, lengths, wire types, groups, NUL in a string. Unpacked messages live in an arena; nothing is freed one
 * by one.
 */
#ifndef LI_PROTO_H
#define LI_PROTO_H

#include "base/base.h"

#include <proto/bundle.pb-c.h>
#include <proto/event.pb-c.h>
#include <proto/graph.pb-c.h>
#include <proto/model.pb-c.h>
#include <proto/objects.pb-c.h>

/* ---- One message (guard.c, unpack.c) ----------------------------------------------------------------------------- */

/*
 * Check that bytes are a well-formed message of the type, down to its last sub-message. where names the file, or the
 * item in a file, in errors; offsets in them count from bytes.data.
 * LINCE_EFORMAT: broken grammar, a known field with another wire type, NUL or invalid UTF-8 in a string.
 * LINCE_EUNSUPPORTED: a message stands twice where one is declared; the format would merge the two, protobuf-c does it
 * wrong.
 * LINCE_ELIMIT: more than LI_MAX_NESTING messages inside each other, or more than LI_MAX_PB_BYTES.
 */
lince_status li_proto_guard(struct li_bytes bytes, const ProtobufCMessageDescriptor *type, const char *where,
                            lince_error *err);

/*
 * Guard, then unpack into the arena; *out, to be cast to the type's struct, lives as long as the arena and shares
 * nothing with bytes. The message may take 64 times its bytes (and a little), or what the arena has left: LINCE_ELIMIT
 * or LINCE_ENOMEM beyond.
 */
lince_status li_proto_unpack(ProtobufCMessage **out, struct li_bytes bytes, const ProtobufCMessageDescriptor *type,
                             const char *where, struct li_arena *arena, lince_error *err);

/* ---- saved_model.pb (model.c) ------------------------------------------------------------------------------------ */

/*
 * A NodeDef or FunctionDef that is still packed: its bytes, and its name without unpacking. Both borrowed from the
 * file.
 */
struct li_proto_item {
    struct li_bytes name; /* never NULL data; may be empty */
    struct li_bytes bytes;
};

/* Items in the order of the file, and sorted by name. */
struct li_proto_items {
    struct li_proto_item *item;
    size_t count;
    struct li_proto_item **by_name;
};

struct li_proto_meta_graph {
    /*
     * Everything but the graph's nodes and the library's functions, which stay packed below: those two lists are empty
     * here. def->graph_def is NULL only when the file has none. Never NULL itself.
     */
    const Tf__MetaGraphDef *def;
    struct li_proto_items nodes;     /* graph_def.node */
    struct li_proto_items functions; /* graph_def.library.function */
};

/* An opened saved_model.pb. */
struct li_proto_model {
    struct li_arena arena;
    struct li_bytes bytes;
    int64_t schema_version;
    struct li_proto_meta_graph *meta_graph;
    size_t meta_graphs; /* at least 1 */
};

/*
 * Guard the bytes, find nodes and functions, unpack the rest. bytes are borrowed until li_proto_model_close: a mapped
 * file. where names it in errors. LINCE_EFORMAT when there is no meta graph.
 */
lince_status li_proto_model_open(struct li_proto_model **out, struct li_bytes bytes, const char *where,
                                 struct li_mem *mem, lince_error *err);
void li_proto_model_close(struct li_proto_model *model);

/* The first item of that name, or NULL. */
const struct li_proto_item *li_proto_find(const struct li_proto_items *items, const char *name);
const struct li_proto_item *li_proto_find_bytes(const struct li_proto_items *items, struct li_bytes name);

/* Unpack one item; the message lives as long as the arena. */
lince_status li_proto_node(const Tf__NodeDef **out, const struct li_proto_item *item, struct li_arena *arena,
                           lince_error *err);
lince_status li_proto_function(const Tf__FunctionDef **out, const struct li_proto_item *item, struct li_arena *arena,
                               lince_error *err);

/* ---- Writing (write.c) ------------------------------------------------------------------------------------------- */

/*
 * A message under construction. Fields come in any order, a message inside it between open and close. Once something
 * failed the rest does nothing: look at status at the end. Free it in any case.
 */
struct li_out {
    struct li_mem *mem;
    lince_error *err;
    lince_status status; /* LINCE_ENOMEM; LINCE_ELIMIT: more than LI_MAX_PB_BYTES; what li_out_fail() was told */
    uint8_t *data;
    size_t len, room;
};

void li_out_init(struct li_out *out, struct li_mem *mem, lince_error *err);
void li_out_free(struct li_out *out);
lince_status li_out_fail(struct li_out *out, lince_status status); /* err is filled; returns the first status */

size_t li_out_open(struct li_out *out, uint32_t field); /* give what it returns to close */
void li_out_close(struct li_out *out, size_t start);
void li_out_int(struct li_out *out, uint32_t field, int64_t value); /* of any type that is a varint, but sint */
void li_out_bytes(struct li_out *out, uint32_t field, struct li_bytes bytes);
void li_out_text(struct li_out *out, uint32_t field, const char *text);
/* What was unpacked, with the fields that it did not know: as a field, or its fields alone. */
void li_out_message(struct li_out *out, uint32_t field, const ProtobufCMessage *message);
void li_out_fields(struct li_out *out, const ProtobufCMessage *message);
void li_out_raw(struct li_out *out, struct li_bytes bytes); /* fields that are packed already */

/* ---- Maps (maps.c): the value of the last entry with the key; NULL when there is none ---------------------------- */

/* An entry without a value gives an empty message, as protocol buffers have it. */
const Tf__AttrValue *li_proto_attr(Tf__AttrEntry *const *entries, size_t n, const char *key);
const Tf__StructuredValue *li_proto_field(Tf__StructuredEntry *const *entries, size_t n, const char *key);
const Tf__CollectionDef *li_proto_collection(Tf__CollectionEntry *const *entries, size_t n, const char *key);

/* ---- Tensors (tensor.c) ------------------------------------------------------------------------------------------ */

/*
 * A shape; NULL is a scalar, an unknown rank or dim becomes -1. LINCE_EINVAL for another negative size or for dims
 * beside an unknown rank; LINCE_ELIMIT for a rank above LI_MAX_RANK or a product of the known dims that no size_t
 * holds.
 */
lince_status li_proto_shape(struct li_shape *out, const Tf__TensorShapeProto *shape, lince_error *err);

/* A dtype this library knows the size of, strings included; LINCE_EUNSUPPORTED otherwise, LINCE_EINVAL for 0. */
lince_status li_proto_dtype(lince_dtype *out, int32_t dtype, lince_error *err);

/*
 * The tensor that a TensorProto spells: its content, or its typed values, the last of them repeated to fill the shape.
 * out->data borrows the message's content when that is aligned to an element, and is the arena's otherwise; the
 * elements of a string tensor borrow the message's bytes. It lives as long as both.
 * LINCE_EINVAL: the shape is not full, or the content has another size. LINCE_ELIMIT: the shape needs more than
 * LI_MAX_TENSOR_BYTES, or more than LI_MAX_SPLAT_BYTES that the file does not spell out. Checked before memory is
 * taken.
 */
lince_status li_proto_tensor(struct li_tensor *out, const Tf__TensorProto *proto, struct li_arena *arena,
                             lince_error *err);

#endif
