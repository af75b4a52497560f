/*
 * TensorFlow 1's control flow into bodies. Switch, Merge, Enter, Exit, NextIteration and LoopCond route values through
 * one flat graph; what runs under a condition, or in turns, is told by where values come from. constructs.c tells one
 * condition or loop from another; scopes.c finds for each part the innermost branch or loop that it stands in; lower.c
 * cuts the parts of each out as a body, and puts one part that runs bodies in the place of each condition and each
 * loop.
 */
#ifndef LI_MODEL_LOWER_H
#define LI_MODEL_LOWER_H

#include "model/body.h"

enum li_flow {
    LI_FLOW_NONE,
    LI_FLOW_SWITCH,      /* data, predicate -> false, true */
    LI_FLOW_MERGE,       /* of the results of two branches */
    LI_FLOW_ENTER,       /* into the condition of a loop */
    LI_FLOW_INVARIANT,   /* an Enter of what stays the same in all turns */
    LI_FLOW_LOOP_MERGE,  /* a variable: of Enter and NextIteration */
    LI_FLOW_LOOP_SWITCH, /* a variable: its last value, or that of the next turn */
    LI_FLOW_EXIT,
    LI_FLOW_NEXT,
    LI_FLOW_LOOP_COND
};

/*
 * A condition or a loop. Scope 0 is the whole body; construct c has two more: 2c + 1 is its branch for true, or its
 * condition; 2c + 2 its branch for false, or its turn.
 */
struct li_construct {
    bool loop, effect, has_test;
    int32_t outer;         /* the scope that it stands in */
    int32_t next;          /* of those with the same hash */
    struct li_source test; /* the predicate; of a loop, what LoopCond reads */
    int32_t waits;         /* of a condition: the part whose control inputs come before it; LI_NONE */
    const char *frame;     /* of a loop: its name */
    int32_t *member;       /* the Merges; of a loop, those of its variables */
    int32_t members, room;
    int32_t place;       /* among the parts of the outer scope's body */
    int32_t first, last; /* what its bodies read from outside, in the order of arguments: li_lowering.capture */
    int32_t captures;    /* of them values */
    struct li_body *body[2];
};

/* What a construct reads from outside, or waits for there. */
struct li_capture {
    struct li_source source; /* raw; control: it is waited for */
    int32_t type;            /* its dtype as the file has it; 0: unknown */
    int32_t construct;
    int32_t argument;             /* of the construct's bodies, their own variables not counted */
    int32_t next, next_of_source; /* of the construct; of the same source */
};

/* The parts of one scope, as they will stand in its body. */
struct li_scope {
    struct li_part *part;
    const int32_t *raw; /* which they are in the flat body; those of constructs come after them */
    int32_t raw_parts, parts;
};

enum { LI_SCOPE_BUCKETS = 1024 };

struct li_lowering {
    struct li_body *raw;
    uint8_t *flow;             /* by part: enum li_flow */
    int32_t *scope, *owner;    /* by part: where it stands; the construct that it belongs to */
    int32_t *place;            /* by part: its number as a member, or in its scope's body */
    int32_t *type;             /* by part: what it routes, or a list or handle that it gives; 0: the file knows */
    struct li_source *through; /* by part that hands a value on: what it hands on; else the part itself */
    struct li_source *same;    /* by part: what an Identity gives on; else the part itself */
    struct li_construct *construct;
    int32_t constructs, room;
    int32_t bucket[LI_SCOPE_BUCKETS];
    struct li_scope *body; /* by scope */
    struct li_capture *capture;
    int32_t captures, capture_room;
    int32_t *captured;       /* by part, and behind them by argument: the first capture of it */
    struct li_arena *arena;  /* the model's */
    struct li_arena scratch; /* of this lowering */
    struct li_mem *mem;
    lince_error *err;
};

/* ---- The numbers of scopes ---- */

static inline int32_t li_scope_first(int32_t construct)
{
    return 2 * construct + 1;
}
static inline int32_t li_scope_second(int32_t construct)
{
    return 2 * construct + 2;
}
/* Of another scope than 0: the construct that it is of, and which of the two. */
static inline int32_t li_scope_construct(int32_t scope)
{
    return (scope - 1) / 2;
}
static inline int li_scope_body(int32_t scope)
{
    return (scope - 1) % 2;
}
static inline int32_t li_scope_count(const struct li_lowering *l)
{
    return 1 + 2 * l->constructs;
}

/* ---- scopes.c ---- */

/* Which output of a part that routes values a source is: 0 or 1. */
int li_flow_output(const struct li_source *source);
/* Whether a part, or a result (LI_FLOW_NONE), may read this. */
lince_status li_flow_check(const struct li_lowering *l, const struct li_source *source, enum li_flow reader);
/* Fails with the part's name and op. */
lince_status li_flow_fail(const struct li_lowering *l, int32_t part, const char *what);

/* Whether a scope is, or lies in, another. */
bool li_scope_within(const struct li_lowering *l, int32_t inner, int32_t outer);
int li_scope_depth(const struct li_lowering *l, int32_t scope);
/* Whether it is the condition of a loop. */
bool li_scope_is_condition(const struct li_lowering *l, int32_t scope);

/* Fill flow; whether there is any. */
bool li_flow_find(struct li_lowering *l);

/* Where what a source gives is there. */
int32_t li_scope_of(const struct li_lowering *l, const struct li_source *s);

/* Fill all but place and the bodies of constructs. LINCE_EUNSUPPORTED: a pattern that cannot be; it names the node. */
lince_status li_scopes_find(struct li_lowering *l);

/* ---- constructs.c ---- */

/* A source without the Identities it went through: the Switches of one condition read its predicate both ways. */
struct li_source li_flow_origin(const struct li_lowering *l, struct li_source source);
/*
 * The owner of an Enter, the loop of that name; of a Switch, the condition that it is of; in the scope where they
 * stand, a new one the first time.
 */
lince_status li_construct_loop(struct li_lowering *l, int32_t enter, const char *frame);
lince_status li_construct_condition(struct li_lowering *l, int32_t p);
/* A Merge for a construct's members. */
lince_status li_construct_add(struct li_lowering *l, int32_t construct, int32_t part);

/* ---- border.c ---- */

/* A raw source as one of a scope's body: a part, an argument, or what its construct is given. who reads it. */
lince_status li_lower_source(struct li_lowering *l, int32_t scope, const struct li_source *raw, int32_t type,
                             const char *who, struct li_source *out);
/* The same for what is waited for; *keep is false when the scope's own begin says it all. */
lince_status li_lower_control(struct li_lowering *l, int32_t scope, const struct li_source *raw, const char *who,
                              struct li_source *out, bool *keep);
/* Correct type for part p, for all parts before it is known. */
void li_lower_type(struct li_lowering *l, int32_t p);
/* What part p hands on, for all parts before it is known. */
void li_lower_through(struct li_lowering *l, int32_t p);

#endif
