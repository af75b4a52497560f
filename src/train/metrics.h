/* Metrics of a classifier, as lince_metrics.h has them; the caller checks arguments. A part of train/train.h. */
#ifndef LI_TRAIN_METRICS_H
#define LI_TRAIN_METRICS_H

#include "base/base.h"

/* struct lince_metrics is complete in metrics.c alone. */
lince_status li_metrics_new(struct lince_metrics **out, int64_t classes, lince_error *err);
void li_metrics_free(struct lince_metrics *m);
void li_metrics_clear(struct lince_metrics *m);

lince_status li_metrics_add(struct lince_metrics *m, const float *scores, const int64_t *labels, size_t count,
                            lince_error *err);

int64_t li_metrics_classes(const struct lince_metrics *m);
int64_t li_metrics_count(const struct lince_metrics *m);
double li_metrics_top_k(const struct lince_metrics *m, int64_t k);
void li_metrics_class(const struct lince_metrics *m, int64_t index, lince_class_metrics *info);
int64_t li_metrics_confusion(const struct lince_metrics *m, int64_t label, int64_t predicted);
size_t li_metrics_cells(const struct lince_metrics *m);
void li_metrics_confusions(const struct lince_metrics *m, lince_confusion *cells);

#endif
