/* Every ceiling on what grows with a number from a file, in one place. */
#ifndef LI_LIMITS_H
#define LI_LIMITS_H

enum {
    LI_MAX_NESTING = 100,        /* protobuf messages inside each other */
    LI_MAX_CALL_DEPTH = 64,      /* functions that call functions */
    LI_MAX_CONSTRUCTS = 1 << 12, /* conditions and loops of one TensorFlow 1 graph */
    LI_MAX_STRUCTURE_DEPTH = 32, /* lists in dicts in tuples */
    LI_MAX_NODES = 1 << 20,      /* nodes of one graph after calls are inlined */
    LI_MAX_VALUES = 1 << 23,     /* values of one graph */
    LI_MAX_NODE_ATTRIBUTES = 1 << 10,
    LI_MAX_OUTPUTS = 1 << 14,     /* of one node */
    LI_MAX_GROWTH = 32,           /* a graph after calls are inlined, in sizes of the functions it is made from */
    LI_MAX_SMALL_GRAPH = 1 << 17, /* one below this may have grown more: names, inputs and outputs count, too */
    LI_MAX_OBJECTS = 1 << 20,     /* objects of one SavedModel */
    LI_MAX_ATTRIBUTES = 1 << 14,  /* children of the root object, signatures */
    LI_MAX_FILLS = 1 << 10,       /* nodes that fill tables of a TensorFlow 1 model */
    LI_MAX_SIGNATURES = 1 << 10,  /* of a TensorFlow 1 model: each is compared with every other */
    LI_MAX_PARAMETERS = 1 << 12,  /* of a callable */
    LI_MAX_NAME = 4096,           /* bytes of a name of a node, function, variable or key */
    LI_MAX_META_GRAPHS = 64,      /* of one SavedModel */
    LI_MAX_SHARDS = 1 << 16,      /* data files of one checkpoint */
    LI_MAX_FOLD_BYTES = 1 << 16,  /* a constant made while shapes are inferred */
    LI_MAX_IMAGE_SIDE = 1 << 16,  /* pixels */
    LI_MAX_PLANS = 8,             /* input shapes that are remembered for a graph, or for what follows a segment */
    LI_MAX_PROGRAM_PLANS = 64,    /* plans of one program, all segments together */
    LI_MAX_SEGMENTS = 1 << 12, /* one after another in one run: branches in branches, functions that call themselves */
    LI_MAX_CHOICES = 1 << 10,  /* branches of known selector, in one graph: a function may call itself without end */
    LI_MAX_TURNS = 1 << 22,    /* of all loops, in one run */
    LI_MAX_RECORDED_TURNS = 1 << 14, /* of one loop that is differentiated, where they can be counted beforehand */
    LI_RECORDED_TURNS = 256,         /* and where they cannot */
    LI_MAX_THREADS = 256
};
#define LI_MAX_PB_BYTES ((size_t)1 << 31)      /* saved_model.pb */
#define LI_MAX_MESSAGE_BYTES ((size_t)1 << 31) /* memory an unpacked message may take */
#define LI_MAX_TENSOR_BYTES ((size_t)1 << 40)  /* any single tensor, before the memory limit is asked */
#define LI_MAX_RECORD_BYTES ((size_t)1 << 33)  /* what all turns of one loop keep for its gradient */
#define LI_MAX_SPLAT_BYTES ((size_t)1 << 28)   /* constants that are larger than what the file spells out, together */
#define LI_MAX_IMAGE_PIXELS ((int64_t)1 << 29) /* TensorFlow's own limit */

#endif
