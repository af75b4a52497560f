/* What padding and its gradients share; private to ops/. */
#ifndef LI_OPS_PAD_H
#define LI_OPS_PAD_H

#include "common.h"

/* .grad of MirrorPad (mirror_grad.c). */
lince_status li_mirror_pad_grad(struct li_grad *g);

#endif
