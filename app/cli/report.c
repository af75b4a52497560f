/* A report: one page of HTML. Whatever is a name goes through cli_html_text(). */
#include "evaluation.h"
#include "html.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MATRIX_SIDE 40 /* classes; of more, pairs are listed */
#define PAIRS 50

static const char style[] =
    "body{font:15px/1.5 system-ui,sans-serif;color:#1c2430;background:#fff;max-width:62rem;margin:2rem auto;"
    "padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}"
    "table{border-collapse:collapse}th{text-align:left;font-weight:600}"
    "td,th{padding:.15rem .6rem;vertical-align:top;overflow-wrap:anywhere}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".facts th{color:#5b6675;font-weight:400}"
    ".wide{overflow-x:auto}.rows tr:nth-child(even){background:#f4f6f9}"
    ".big{font-size:2rem;font-weight:600;margin-right:.4rem}.big+span{color:#5b6675;margin-right:2rem}"
    ".matrix td{text-align:center;min-width:1.7rem;padding:.2rem}.matrix .d{outline:1px solid #9aa5b4}"
    ".matrix th.c{writing-mode:vertical-rl;transform:rotate(180deg);max-height:12rem}"
    ".photos{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0;width:9rem;font-size:.85rem}"
    "figure img{display:block;max-width:9rem;max-height:9rem;border-radius:4px}"
    "figcaption{overflow-wrap:anywhere}figcaption span{color:#5b6675}"
    ".charts{display:flex;flex-wrap:wrap;gap:1.5rem}svg{font:12px system-ui,sans-serif}";

static void head(const struct cli_report *r, FILE *to)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
          "style-src 'unsafe-inline'\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
          to);
    cli_html_text(to, r->title);
    fprintf(to, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
    cli_html_text(to, r->title);
    fputs("</h1>\n<table class=\"facts\">\n", to);
    for (size_t i = 0; i < r->fact_count; i++) {
        fputs("<tr><th>", to);
        cli_html_text(to, r->fact[i].name);
        fputs("</th><td>", to);
        cli_html_text(to, r->fact[i].text);
        fputs("</td></tr>\n", to);
    }
    fputs("</table>\n", to);
}

static void name(const struct cli_evaluation *e, int64_t index, FILE *to)
{
    cli_html_text(to, e->names.text[index]);
}

static void share(double value, FILE *to)
{
    if (isnan(value)) {
        fputs("<td class=\"n\">&ndash;</td>", to);
    } else {
        fprintf(to, "<td class=\"n\">%.4f</td>", value);
    }
}

/* ---- Accuracy and classes ---- */

static void accuracy(const struct cli_evaluation *e, FILE *to)
{
    fprintf(to,
            "<p><span class=\"big\">%.2f&thinsp;%%</span><span>accuracy</span>"
            "<span class=\"big\">%.2f&thinsp;%%</span><span>top-%lld accuracy</span></p>\n",
            100 * lince_metrics_accuracy(e->metrics), 100 * lince_metrics_top_k(e->metrics, e->top), (long long)e->top);
}

static void classes(const struct cli_evaluation *e, const size_t *shown, size_t count, FILE *to)
{
    fputs("<h2>Classes</h2>\n<div class=\"wide\"><table class=\"rows\">\n<tr><th>class</th><th class=\"n\">photos</th>"
          "<th class=\"n\">taken for it</th><th class=\"n\">correct</th><th class=\"n\">precision</th>"
          "<th class=\"n\">recall</th><th class=\"n\">F1</th></tr>\n",
          to);
    for (size_t i = 0; i < count; i++) {
        lince_class_metrics m = cli_evaluation_class(e, shown[i]);
        fputs("<tr><td>", to);
        name(e, (int64_t)shown[i], to);
        fprintf(to, "</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td><td class=\"n\">%lld</td>",
                (long long)m.count, (long long)m.predicted, (long long)m.correct);
        share(m.precision, to);
        share(m.recall, to);
        share(m.f1, to);
        fputs("</tr>\n", to);
    }
    fputs("</table></div>\n", to);
}

/* ---- Confusion ---- */

/* The more of a class's photos, the darker: blue where they belong, red where they do not. */
static void cell(const struct cli_evaluation *e, int64_t label, int64_t predicted, int64_t of, FILE *to)
{
    int64_t n = lince_metrics_confusion(e->metrics, label, predicted);
    double part = of ? (double)n / (double)of : 0;
    const char *colour = label == predicted ? "40,110,200" : "210,60,50";
    fprintf(to, "<td%s", label == predicted ? " class=\"d\"" : "");
    if (n == 0) {
        fputs("></td>", to);
    } else {
        fprintf(to, " style=\"background:rgba(%s,%.2f);color:%s\">%lld</td>", colour, 0.1 + 0.8 * part,
                part > 0.55 ? "#fff" : "inherit", (long long)n);
    }
}

static void matrix(const struct cli_evaluation *e, const size_t *shown, size_t count, FILE *to)
{
    fputs("<p>Rows: the class of the folder. Columns: what the photos were taken for.</p>\n"
          "<div class=\"wide\"><table class=\"matrix\">\n<tr><th></th>",
          to);
    for (size_t p = 0; p < count; p++) {
        fputs("<th class=\"c\">", to);
        name(e, (int64_t)shown[p], to);
        fputs("</th>", to);
    }
    for (size_t c = 0; c < count; c++) {
        fputs("</tr>\n<tr><th>", to);
        name(e, (int64_t)shown[c], to);
        fputs("</th>", to);
        for (size_t p = 0; p < count; p++) {
            cell(e, (int64_t)shown[c], (int64_t)shown[p], cli_evaluation_class(e, shown[c]).count, to);
        }
    }
    fputs("</tr>\n</table></div>\n", to);
}

static int pairs(const struct cli_evaluation *e, FILE *to)
{
    size_t count;
    lince_confusion *cells = cli_evaluation_confused(e, &count);
    if (!cells) {
        return CLI_FAILED;
    }
    fprintf(to,
            "<p>%zu pairs of classes were confused; the most frequent:</p>\n<table class=\"rows\">\n"
            "<tr><th class=\"n\">photos</th><th>of class</th><th>taken for</th></tr>\n",
            count);
    for (size_t i = 0; i < count && i < PAIRS; i++) {
        fprintf(to, "<tr><td class=\"n\">%lld</td><td>", (long long)cells[i].count);
        name(e, cells[i].label, to);
        fputs("</td><td>", to);
        name(e, cells[i].predicted, to);
        fputs("</td></tr>\n", to);
    }
    fputs("</table>\n", to);
    free(cells);
    return CLI_DONE;
}

static int confusion(const struct cli_evaluation *e, const size_t *shown, size_t count, FILE *to)
{
    fputs("<h2>Confusion matrix</h2>\n", to);
    if (count > MATRIX_SIDE) {
        return pairs(e, to);
    }
    matrix(e, shown, count, to);
    return CLI_DONE;
}

/* ---- Mistakes ---- */

static void mistakes(const struct cli_report *r, FILE *to)
{
    const struct cli_evaluation *e = r->evaluation;
    fprintf(to, "<h2>Worst mistakes</h2>\n%s\n<div class=\"photos\">\n",
            e->worst_count ? "<p>Wrong answers that were given with the highest scores.</p>" : "<p>None.</p>");
    for (size_t i = 0; i < e->worst_count; i++) {
        const struct cli_mistake *m = &e->worst[i];
        const char *path = e->photos->text[m->photo];
        fputs("<figure>", to);
        cli_html_photo(to, path, r->image);
        fputs("<figcaption><b>", to);
        name(e, m->label, to);
        fprintf(to, "</b> %.4f<br>taken for <b>", (double)m->label_score);
        name(e, m->predicted, to);
        fprintf(to, "</b> %.4f<br><span>", (double)m->predicted_score);
        cli_html_text(to, path);
        fputs("</span></figcaption></figure>\n", to);
    }
    fputs("</div>\n", to);
}

static void charts(const struct cli_report *r, FILE *to)
{
    fputs(r->chart_count ? "<h2>Curves</h2>\n<div class=\"charts\">\n" : "", to);
    for (size_t i = 0; i < r->chart_count; i++) {
        cli_html_chart(to, &r->chart[i]);
    }
    fputs(r->chart_count ? "</div>\n" : "", to);
}

int cli_report_write(const struct cli_report *r, FILE *to)
{
    const struct cli_evaluation *e = r->evaluation;
    size_t count, *shown = cli_evaluation_shown(e, &count);
    if (!shown) {
        return CLI_FAILED;
    }
    head(r, to);
    accuracy(e, to);
    charts(r, to);
    int status = confusion(e, shown, count, to);
    mistakes(r, to);
    classes(e, shown, count, to);
    fprintf(to, "<p>Made by lince %s.</p>\n</body>\n</html>\n", lince_version());
    free(shown);
    return status;
}
