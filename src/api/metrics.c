/* lince_metrics.h: checks, then train/metrics.c. */
#include "api.h"

#include "train/train.h"

#include <math.h>

#define MOST_CLASSES ((int64_t)1 << 24)

lince_status lince_metrics_new(lince_metrics **metrics, int64_t classes, lince_error *err)
{
    LI_NEED("lince_metrics_new", metrics);
    *metrics = NULL;
    if (classes < 1 || classes > MOST_CLASSES) {
        return li_fail(err, LINCE_EINVAL, "classes is %lld; 1 to %lld are possible", (long long)classes,
                       (long long)MOST_CLASSES);
    }
    return li_metrics_new(metrics, classes, err);
}

void lince_metrics_free(lince_metrics *metrics)
{
    li_metrics_free(metrics);
}

void lince_metrics_clear(lince_metrics *metrics)
{
    if (metrics) {
        li_metrics_clear(metrics);
    }
}

lince_status lince_metrics_add(lince_metrics *metrics, const float *scores, const int64_t *labels, size_t count,
                               lince_error *err)
{
    LI_NEED("lince_metrics_add", metrics);
    if (count) {
        LI_NEED("lince_metrics_add", scores);
        LI_NEED("lince_metrics_add", labels);
    }
    return li_metrics_add(metrics, scores, labels, count, err);
}

int64_t lince_metrics_count(const lince_metrics *metrics)
{
    return metrics ? li_metrics_count(metrics) : 0;
}

double lince_metrics_accuracy(const lince_metrics *metrics)
{
    return lince_metrics_top_k(metrics, 1);
}

double lince_metrics_top_k(const lince_metrics *metrics, int64_t k)
{
    return metrics ? li_metrics_top_k(metrics, k) : (double)NAN;
}

static bool is_class(const lince_metrics *metrics, int64_t index)
{
    return metrics && index >= 0 && index < li_metrics_classes(metrics);
}

lince_status lince_metrics_class(const lince_metrics *metrics, int64_t index, lince_class_metrics *info,
                                 lince_error *err)
{
    lince_class_metrics full;
    LI_NEED("lince_metrics_class", metrics);
    LI_NEED("lince_metrics_class", info);
    if (!is_class(metrics, index)) {
        return li_fail(err, LINCE_EINVAL, "class %lld is asked for; there are %lld", (long long)index,
                       (long long)li_metrics_classes(metrics));
    }
    li_metrics_class(metrics, index, &full);
    return LI_FILL(lince_class_metrics, info, &full, err);
}

int64_t lince_metrics_confusion(const lince_metrics *metrics, int64_t label, int64_t predicted)
{
    bool there = is_class(metrics, label) && is_class(metrics, predicted);
    return there ? li_metrics_confusion(metrics, label, predicted) : 0;
}

size_t lince_metrics_confusion_count(const lince_metrics *metrics)
{
    return metrics ? li_metrics_cells(metrics) : 0;
}

lince_status lince_metrics_confusions(const lince_metrics *metrics, lince_confusion *cells, size_t room,
                                      lince_error *err)
{
    LI_NEED("lince_metrics_confusions", metrics);
    size_t count = li_metrics_cells(metrics);
    if (count) {
        LI_NEED("lince_metrics_confusions", cells);
    }
    if (room < count) {
        return li_fail(err, LINCE_EINVAL, "there is room for %zu cells; the confusion matrix has %zu that are not 0",
                       room, count);
    }
    li_metrics_confusions(metrics, cells);
    return LINCE_OK;
}
