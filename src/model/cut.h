/* A function whose result is taken from further inside: where that is (cut_find.c), and what is left of it (cut.c). */
#ifndef LI_MODEL_CUT_H
#define LI_MODEL_CUT_H

#include "model/publish.h"

/* A function that was entered through a call. */
struct li_frame {
    Tf__FunctionDef *def; /* unpacked for the cut alone, so it may be changed */
    struct li_frame_name {
        const char *text;
        int32_t node; /* -1 - i: argument i */
    } * name;         /* sorted */
    size_t names;
    int32_t call; /* the node of the frame before that enters it */
};

/* A value of a frame: "node:output:index", or an argument's name. */
struct li_place {
    const char *text;
    int32_t node; /* -1 - i: argument i */
};

enum { LI_MAX_FRAMES = 32 };

struct li_cutting {
    struct li_draft *draft;
    const struct li_callee *callee;
    struct li_frame frame[LI_MAX_FRAMES];
    int frames;
    struct li_place at; /* in the last frame */
    int64_t features;   /* how many there are; -1: not known */
    bool squeezes;      /* they are [n, 1, 1, features] */
    int steps;          /* so far */
};

lince_status li_frame_open(struct li_frame *frame, struct li_draft *draft, const char *function);
/* What an input names. LINCE_EINVAL: nothing. */
lince_status li_frame_find(struct li_place *out, const struct li_frame *frame, const char *text, lince_error *err);

/* From the answer-th result of the callee to what its last dense layer reads, dropout left out. */
lince_status li_cut_find(struct li_cutting *cutting, size_t answer);

/* A call of another function: its name; NULL: the node is none. */
const char *li_called(const Tf__NodeDef *node);

#endif
