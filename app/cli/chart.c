/* Curves over epochs, drawn. */
#include "html.h"

#include <math.h>

enum { WIDTH = 440, HEIGHT = 250, LEFT = 62, RIGHT = 12, TOP = 30, BOTTOM = 34, LINES = 5 };

struct axes {
    double low, high, step; /* of the values: multiples of step */
    size_t epochs;
};

/* 1, 2 or 5 times a power of ten, so that about LINES of them cover the range. */
static double step_for(double range)
{
    double power = pow(10, floor(log10(range / LINES))), part = range / LINES / power;
    return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static struct axes axes_of(const struct cli_chart *chart)
{
    struct axes a = {.low = INFINITY, .high = -INFINITY, .epochs = 1};
    for (size_t c = 0; c < chart->count; c++) {
        const struct cli_curve *curve = &chart->curve[c];
        a.epochs = curve->count > a.epochs ? curve->count : a.epochs;
        for (size_t i = 0; i < curve->count; i++) {
            if (isfinite(curve->value[i])) {
                a.low = fmin(a.low, curve->value[i]);
                a.high = fmax(a.high, curve->value[i]);
            }
        }
    }
    if (!(a.low <= a.high)) { /* no number at all */
        a.low = 0, a.high = 1;
    }
    double range = a.high - a.low, least = fmax(fabs(a.high), 1e-6) * 1e-3; /* a flat curve lies in the middle */
    if (range < least) {
        a.low -= least / 2, a.high += least / 2, range = a.high - a.low;
    }
    a.step = step_for(range);
    a.low = floor(a.low / a.step + 1e-9) * a.step;
    a.high = ceil(a.high / a.step - 1e-9) * a.step;
    return a;
}

static double x_of(const struct axes *a, size_t epoch)
{
    double part = a->epochs > 1 ? (double)(epoch - 1) / (double)(a->epochs - 1) : 0.5;
    return LEFT + part * (WIDTH - LEFT - RIGHT);
}

static double y_of(const struct axes *a, double value)
{
    return TOP + (a->high - value) / (a->high - a->low) * (HEIGHT - TOP - BOTTOM);
}

static void draw_axes(FILE *to, const struct axes *a)
{
    int lines = (int)lround((a->high - a->low) / a->step);
    for (int i = 0; i <= lines; i++) {
        double value = a->low + i * a->step, y = y_of(a, value);
        value = fabs(value) < a->step * 1e-6 ? 0 : value;
        fprintf(to,
                "<line x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\" stroke=\"#e1e6ec\"/>"
                "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#5b6675\">%.4g</text>\n",
                LEFT, y, WIDTH - RIGHT, y, LEFT - 6, y + 4, value);
    }
    size_t every = (a->epochs + 9) / 10;
    for (size_t e = 1; e <= a->epochs; e += every) {
        fprintf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#5b6675\">%zu</text>\n", x_of(a, e),
                HEIGHT - BOTTOM + 16, e);
    }
    fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"#5b6675\">epoch</text>\n", WIDTH - RIGHT,
            HEIGHT - 4);
}

/* The numbers between two gaps as one line; a dot at each, so that a single one is seen. */
static void draw_curve(FILE *to, const struct axes *a, const struct cli_curve *curve, const char *colour)
{
    bool open = false;
    fprintf(to, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"", colour);
    for (size_t i = 0; i < curve->count; i++) {
        bool number = isfinite(curve->value[i]);
        if (number) {
            fprintf(to, "%s%.1f %.1f", open ? "L" : "M", x_of(a, i + 1), y_of(a, curve->value[i]));
        }
        open = number;
    }
    fputs("\"/>\n", to);
    for (size_t i = 0; i < curve->count; i++) {
        if (isfinite(curve->value[i])) {
            fprintf(to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" fill=\"%s\"/>", x_of(a, i + 1),
                    y_of(a, curve->value[i]), colour);
        }
    }
    fputc('\n', to);
}

void cli_html_chart(FILE *to, const struct cli_chart *chart)
{
    static const char *const colours[] = {"#286ec8", "#d2613a", "#2f8f5b", "#7a52b8"};
    struct axes a = axes_of(chart);
    fprintf(to,
            "<svg width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\">\n<text x=\"%d\" y=\"16\" "
            "font-weight=\"600\">",
            WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    cli_html_text(to, chart->title);
    fputs("</text>\n", to);
    draw_axes(to, &a);
    for (size_t c = 0; c < chart->count; c++) {
        const char *colour = colours[c % APP_COUNT(colours)];
        draw_curve(to, &a, &chart->curve[c], colour);
        fprintf(to, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" fill=\"%s\">", WIDTH - RIGHT - (int)c * 110, 16,
                colour);
        cli_html_text(to, chart->curve[c].name);
        fputs("</text>\n", to);
    }
    fputs("</svg>\n", to);
}
