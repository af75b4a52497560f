/* Counting right and wrong answers. */
#include "evaluation.h"
#include "say.h"
#include "scores.h"

#include <stdlib.h>
#include <string.h>

int cli_evaluation_new(struct cli_evaluation *e, struct app_list *names, const struct app_list *photos, int64_t top)
{
    lince_error err;
    *e = (struct cli_evaluation){.names = *names, .photos = photos, .top = top};
    *names = (struct app_list){0};
    return lince_metrics_new(&e->metrics, (int64_t)e->names.count, &err) ? cli_failed(NULL, &err) : CLI_DONE;
}

void cli_evaluation_free(struct cli_evaluation *e)
{
    app_list_free(&e->names);
    lince_metrics_free(e->metrics);
    *e = (struct cli_evaluation){0};
}

/* ---- Mistakes ---- */

/* The surer of the wrong class; then the less sure of the right one; then the earlier photo. */
static bool worse(const struct cli_mistake *a, const struct cli_mistake *b)
{
    if (a->predicted_score != b->predicted_score) {
        return a->predicted_score > b->predicted_score;
    }
    return a->label_score != b->label_score ? a->label_score < b->label_score : a->photo < b->photo;
}

static void keep(struct cli_evaluation *e, const struct cli_mistake *mistake)
{
    size_t at = e->worst_count;
    while (at > 0 && worse(mistake, &e->worst[at - 1])) {
        at--;
    }
    if (at < CLI_WORST) {
        size_t moved = (e->worst_count < CLI_WORST ? e->worst_count : CLI_WORST - 1) - at;
        memmove(&e->worst[at + 1], &e->worst[at], moved * sizeof *e->worst);
        e->worst[at] = *mistake;
        e->worst_count += e->worst_count < CLI_WORST;
    }
}

int cli_evaluation_add(struct cli_evaluation *e, const float *scores, int64_t label, size_t photo)
{
    lince_error err;
    size_t best;
    cli_rank(&best, scores, 0, e->names.count, 1); /* in the order of the metrics */
    struct cli_mistake m = {.photo = photo, .label = label, .predicted = (int64_t)best};
    if (lince_metrics_add(e->metrics, scores, &label, 1, &err)) {
        return cli_failed(NULL, &err);
    }
    m.label_score = scores[label];
    m.predicted_score = scores[m.predicted];
    if (m.predicted != label) {
        keep(e, &m);
    }
    return CLI_DONE;
}

/* ---- What was counted ---- */

lince_class_metrics cli_evaluation_class(const struct cli_evaluation *e, size_t index)
{
    lince_class_metrics info = {.struct_size = sizeof info};
    lince_metrics_class(e->metrics, (int64_t)index, &info, NULL);
    return info;
}

size_t *cli_evaluation_shown(const struct cli_evaluation *e, size_t *count)
{
    size_t *shown = calloc(e->names.count + 1, sizeof *shown);
    *count = 0;
    if (!shown) {
        app_say("no memory for %zu classes", e->names.count);
    }
    for (size_t i = 0; shown && i < e->names.count; i++) {
        lince_class_metrics m = cli_evaluation_class(e, i);
        if (m.count || m.predicted) {
            shown[(*count)++] = i;
        }
    }
    return shown;
}

static int largest_first(const void *a, const void *b)
{
    const lince_confusion *x = a, *y = b;
    if (x->count != y->count) {
        return x->count < y->count ? 1 : -1;
    }
    int label = (x->label > y->label) - (x->label < y->label);
    return label ? label : (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

lince_confusion *cli_evaluation_confused(const struct cli_evaluation *e, size_t *count)
{
    size_t all = lince_metrics_confusion_count(e->metrics);
    lince_confusion *cells = calloc(all + 1, sizeof *cells);
    *count = 0;
    if (!cells || lince_metrics_confusions(e->metrics, cells, all, NULL)) {
        app_say("no memory for a confusion matrix");
        free(cells);
        return NULL;
    }
    for (size_t i = 0; i < all; i++) {
        if (cells[i].label != cells[i].predicted) {
            cells[(*count)++] = cells[i];
        }
    }
    qsort(cells, *count, sizeof *cells, largest_first);
    return cells;
}
