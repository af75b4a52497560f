/* evaluation: how well photos of known classes are told apart, and how that is shown: as text, as JSON, as a page. */
#ifndef CLI_EVALUATION_H
#define CLI_EVALUATION_H

#include "photos.h"

#include <jansson.h>

/* ---- Counting (evaluation.c) ------------------------------------------------------------------------------------- */

/* A photo that was taken for another class. Scores are as classify prints them. */
struct cli_mistake {
    size_t photo;
    int64_t label, predicted;
    float label_score, predicted_score;
};

#define CLI_WORST 24

struct cli_evaluation {
    struct app_list names; /* of all classes the scores are of */
    const struct app_list *photos;
    lince_metrics *metrics;
    int64_t top;                         /* the K of top-K accuracy */
    size_t unreadable;                   /* photos without scores */
    struct cli_mistake worst[CLI_WORST]; /* the surest first */
    size_t worst_count;
};

/* The names are taken over. */
int cli_evaluation_new(struct cli_evaluation *e, struct app_list *names, const struct app_list *photos, int64_t top);
void cli_evaluation_free(struct cli_evaluation *e);
int cli_evaluation_add(struct cli_evaluation *e, const float *scores, int64_t label, size_t photo);

/* The cells of the confusion matrix off its diagonal, the largest first. NULL: no memory, which was said. free() it. */
lince_confusion *cli_evaluation_confused(const struct cli_evaluation *e, size_t *count);

/* Classes that photos are of or were taken for, of which alone there is something to say; as above. */
size_t *cli_evaluation_shown(const struct cli_evaluation *e, size_t *count);

lince_class_metrics cli_evaluation_class(const struct cli_evaluation *e, size_t index);

/* ---- Showing (evaluation_text.c, report.c) ----------------------------------------------------------------------- */

int cli_evaluation_text(const struct cli_evaluation *e); /* on stdout */
/* Adds what was counted to the object. */
int cli_evaluation_json(const struct cli_evaluation *e, json_t *object);

/* A line of a chart: its values after epoch 1, 2 ...; what is no number leaves a gap. */
struct cli_curve {
    const char *name;
    const double *value;
    size_t count;
};

struct cli_chart {
    const char *title;
    const struct cli_curve *curve;
    size_t count;
};

/* One line of what a report is about. */
struct cli_fact {
    const char *name, *text;
};

struct cli_report {
    const char *title;
    const struct cli_fact *fact;
    size_t fact_count;
    const struct cli_chart *chart;
    size_t chart_count;
    const struct cli_evaluation *evaluation;
    const lince_image_options *image; /* of which `orient` says how photos are shown */
};

/*
 * One page of HTML that needs nothing else: styles, charts and photos, made small, are in it; it has no scripts. Errors
 * of the file are told by app_output_finish().
 */
int cli_report_write(const struct cli_report *report, FILE *to);

#endif
