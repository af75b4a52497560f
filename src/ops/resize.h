/* What resizing and its gradients share; private to ops/. */
#ifndef LI_OPS_RESIZE_H
#define LI_OPS_RESIZE_H

#include "common.h"
#include "image/image.h"

/* False for what TensorFlow refuses: scales that are not positive. Both arrays hold two numbers. */
bool li_translation_set(struct li_resize *r, const float *scale, const float *translation);
/* kernel_type is known; scale and translation have two numbers. */
lince_status li_translation_infer(const struct li_infer *s);

/* .grad of the forward rows (resize_grad.c). */
lince_status li_bilinear_grad(struct li_grad *g);
lince_status li_bicubic_grad(struct li_grad *g);
lince_status li_nearest_grad(struct li_grad *g);
lince_status li_translate_grad(struct li_grad *g);

#endif
