/* Pictures changed at random, as lince_augment.h has it. A part of image/image.h. */
#ifndef LI_IMAGE_AUGMENT_H
#define LI_IMAGE_AUGMENT_H

#include "base/base.h"

/* What is done to one picture. */
struct li_augment {
    double map[2][3];            /* output pixel (x, y, 1) to the place in the input, in pixels: x, then y */
    double brightness, contrast; /* factors */
    bool colours;                /* either is not 1 by the options */
};

/* The draw for one photo, [h, w, 3] to [oh, ow, 3]; options are checked by the caller. */
struct li_augment li_augment_draw(const lince_augment_options *options, uint64_t seed, int64_t epoch, int64_t photo,
                                  int64_t h, int64_t w, int64_t oh, int64_t ow);

/* Do it. in and out are apart. */
void li_augment_apply(const struct li_augment *augment, const float *in, int64_t h, int64_t w, float *out, int64_t oh,
                      int64_t ow);

#endif
