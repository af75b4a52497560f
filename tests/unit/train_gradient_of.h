/* Gradients of one loss, where no more is asked. */
#ifndef LI_UNIT_TRAIN_GRADIENT_OF_H
#define LI_UNIT_TRAIN_GRADIENT_OF_H

#include "train/train.h"

static lince_status gradient_of(struct li_graph **out, const struct li_graph *g, li_vid loss, const li_vid *targets,
                                int count, li_vid *grads, lince_error *err)
{
    const struct li_gradient_options options = {
        .outputs = &loss, .output_count = 1, .targets = targets, .target_count = count};
    return li_gradient(out, g, &options, grads, err);
}

#endif
