/* What was counted, for a terminal and as JSON. */
#include "evaluation.h"
#include "say.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATRIX_SIDE 12 /* classes; of more, pairs are listed */
#define PAIRS 10
#define MISTAKES 10

static size_t columns_of(const char *name)
{
    size_t columns = 0, bytes;
    for (const char *shown; *name; columns++) {
        name += app_visible(name, &shown, &bytes);
    }
    return columns;
}

/* What is shown: classes, and the columns that their names take. */
struct shown {
    size_t *index, count;
    int width;
};

static int width_of_names(const struct cli_evaluation *e, const struct shown *s)
{
    size_t width = 5;
    for (size_t i = 0; i < s->count; i++) {
        size_t columns = columns_of(e->names.text[s->index[i]]);
        width = columns > width ? columns : width;
    }
    return width < 40 ? (int)width : 40;
}

static void print_share(double value)
{
    if (isnan(value)) {
        printf("  %9s", "-");
    } else {
        printf("  %9.4f", value);
    }
}

static void print_classes(const struct cli_evaluation *e, const struct shown *s)
{
    printf("\n%-*s  %9s  %9s  %9s  %9s\n", s->width, "class", "photos", "precision", "recall", "F1");
    for (size_t i = 0; i < s->count; i++) {
        lince_class_metrics m = cli_evaluation_class(e, s->index[i]);
        cli_show(e->names.text[s->index[i]], s->width);
        printf("  %9lld", (long long)m.count);
        print_share(m.precision);
        print_share(m.recall);
        print_share(m.f1);
        putchar('\n');
    }
}

/* Columns are numbered as rows are. */
static void print_matrix(const struct cli_evaluation *e, const struct shown *s)
{
    printf("\n%-*s  taken for\n%-*s    ", s->width, "class", s->width, "");
    for (size_t i = 0; i < s->count; i++) {
        printf("  %6zu", i + 1);
    }
    putchar('\n');
    for (size_t c = 0; c < s->count; c++) {
        cli_show(e->names.text[s->index[c]], s->width);
        printf("  %2zu", c + 1);
        for (size_t p = 0; p < s->count; p++) {
            printf("  %6lld",
                   (long long)lince_metrics_confusion(e->metrics, (int64_t)s->index[c], (int64_t)s->index[p]));
        }
        putchar('\n');
    }
}

static int print_pairs(const struct cli_evaluation *e)
{
    size_t count;
    lince_confusion *cells = cli_evaluation_confused(e, &count);
    if (!cells) {
        return CLI_FAILED;
    }
    fputs(count ? "\nmost often taken for another\n" : "", stdout);
    for (size_t i = 0; i < count && i < PAIRS; i++) {
        printf("  %5lld  ", (long long)cells[i].count);
        cli_show(e->names.text[cells[i].label], 0);
        printf(" for ");
        cli_show(e->names.text[cells[i].predicted], 0);
        putchar('\n');
    }
    free(cells);
    return CLI_DONE;
}

static void print_mistakes(const struct cli_evaluation *e)
{
    fputs(e->worst_count ? "\nworst mistakes\n" : "", stdout);
    for (size_t i = 0; i < e->worst_count && i < MISTAKES; i++) {
        const struct cli_mistake *m = &e->worst[i];
        printf("  ");
        cli_show(e->photos->text[m->photo], 0);
        printf("  is ");
        cli_show(e->names.text[m->label], 0);
        printf(" %.4f, taken for ", (double)m->label_score);
        cli_show(e->names.text[m->predicted], 0);
        printf(" %.4f\n", (double)m->predicted_score);
    }
}

static void print_summary(const struct cli_evaluation *e, const struct shown *s)
{
    long long count = (long long)lince_metrics_count(e->metrics);
    size_t classes = 0;
    for (size_t i = 0; i < s->count; i++) {
        classes += cli_evaluation_class(e, s->index[i]).count > 0;
    }
    printf("%lld photo%s of %zu class%s", count, count == 1 ? "" : "s", classes, classes == 1 ? "" : "es");
    if (e->unreadable) {
        printf(", %zu could not be read", e->unreadable);
    }
    printf("\naccuracy  %.4f\ntop-%-4lld  %.4f\n", lince_metrics_accuracy(e->metrics), (long long)e->top,
           lince_metrics_top_k(e->metrics, e->top));
}

int cli_evaluation_text(const struct cli_evaluation *e)
{
    struct shown s;
    int status = CLI_DONE;
    s.index = cli_evaluation_shown(e, &s.count);
    if (!s.index) {
        return CLI_FAILED;
    }
    s.width = width_of_names(e, &s);
    print_summary(e, &s);
    print_classes(e, &s);
    if (s.count <= MATRIX_SIDE) {
        print_matrix(e, &s);
    } else {
        status = print_pairs(e);
    }
    print_mistakes(e);
    free(s.index);
    return status;
}

/* ---- JSON ---- */

static json_t *class_json(const struct cli_evaluation *e, size_t index)
{
    lince_class_metrics m = cli_evaluation_class(e, index);
    json_t *object = json_object();
    json_object_set_new(object, "index", json_integer((json_int_t)index));
    json_object_set_new(object, "label", app_json_text(e->names.text[index]));
    json_object_set_new(object, "photos", json_integer(m.count));
    json_object_set_new(object, "predicted", json_integer(m.predicted));
    json_object_set_new(object, "correct", json_integer(m.correct));
    json_object_set_new(object, "precision", app_json_real(m.precision));
    json_object_set_new(object, "recall", app_json_real(m.recall));
    json_object_set_new(object, "f1", app_json_real(m.f1));
    return object;
}

static json_t *classes_json(const struct cli_evaluation *e)
{
    size_t count, *shown = cli_evaluation_shown(e, &count);
    json_t *list = shown ? json_array() : NULL;
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, class_json(e, shown[i]));
    }
    free(shown);
    return list;
}

/* The cells that are not 0, [class, answer, count] each. */
static json_t *confusion_json(const struct cli_evaluation *e)
{
    size_t count = lince_metrics_confusion_count(e->metrics);
    lince_confusion *cells = calloc(count + 1, sizeof *cells);
    json_t *list = json_array();
    if (!cells || lince_metrics_confusions(e->metrics, cells, count, NULL)) {
        free(cells);
        json_decref(list);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_pack("[I,I,I]", (json_int_t)cells[i].label, (json_int_t)cells[i].predicted,
                                              (json_int_t)cells[i].count));
    }
    free(cells);
    return list;
}

static json_t *mistakes_json(const struct cli_evaluation *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->worst_count; i++) {
        const struct cli_mistake *m = &e->worst[i];
        json_t *object = json_object();
        json_object_set_new(object, "image", app_json_text(e->photos->text[m->photo]));
        json_object_set_new(object, "label", app_json_text(e->names.text[m->label]));
        json_object_set_new(object, "score", app_json_real((double)m->label_score));
        json_object_set_new(object, "predicted", app_json_text(e->names.text[m->predicted]));
        json_object_set_new(object, "predicted_score", app_json_real((double)m->predicted_score));
        json_array_append_new(list, object);
    }
    return list;
}

int cli_evaluation_json(const struct cli_evaluation *e, json_t *object)
{
    json_t *top = json_object();
    json_object_set_new(top, "k", json_integer(e->top));
    json_object_set_new(top, "accuracy", app_json_real(lince_metrics_top_k(e->metrics, e->top)));
    int failed = json_object_set_new(object, "photos", json_integer(lince_metrics_count(e->metrics)));
    failed |= json_object_set_new(object, "unreadable", json_integer((json_int_t)e->unreadable));
    failed |= json_object_set_new(object, "accuracy", app_json_real(lince_metrics_accuracy(e->metrics)));
    failed |= json_object_set_new(object, "top_k", top);
    failed |= json_object_set_new(object, "classes", classes_json(e));
    failed |= json_object_set_new(object, "confusion", confusion_json(e));
    failed |= json_object_set_new(object, "worst_mistakes", mistakes_json(e));
    if (failed) {
        app_say("no memory for the results");
    }
    return failed ? CLI_FAILED : CLI_DONE;
}
