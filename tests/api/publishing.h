/* What the tests of publishing share: a head of simple numbers for a body of 12 features. */
#ifndef TESTS_API_PUBLISHING_H
#define TESTS_API_PUBLISHING_H

#include "saving.h"

enum { FEATURES = 12, CLASSES = 3 };
static const char *const labels[CLASSES] = {"daisy", "rose", "tulip"};

struct parts {
    float kernel[FEATURES * CLASSES], bias[CLASSES];
    lince_head head;
    lince_publish_options options;
};

static inline void fill(struct parts *p)
{
    for (int i = 0; i < FEATURES * CLASSES; i++) {
        p->kernel[i] = (float)(i % 7) / 8 - 0.25f;
    }
    for (int i = 0; i < CLASSES; i++) {
        p->bias[i] = (float)i / 4;
    }
    lince_head_init(&p->head);
    lince_publish_options_init(&p->options);
    p->head.features = FEATURES;
    p->head.classes = CLASSES;
    p->head.kernel = p->kernel;
    p->head.bias = p->bias;
    p->head.dropout = 0.5;
    p->head.l1 = 0.25;
    p->head.l2 = 0.5;
    p->options.head = &p->head;
    p->options.labels = labels;
    p->options.label_count = CLASSES;
}

#endif
