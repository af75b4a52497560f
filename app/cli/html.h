/* html: what a page is made of. Private to the files that write one. */
#ifndef CLI_HTML_H
#define CLI_HTML_H

#include "evaluation.h"

/* A text; what HTML would read as its own, and what no page may hold, replaced. Also for attributes in quotes. */
void cli_html_text(FILE *to, const char *text);

/* A photo as an <img> of its own bytes, 144 pixels on its longer side at most; turned as the model saw it. */
void cli_html_photo(FILE *to, const char *path, const lince_image_options *how);

/* Curves over epochs as an <svg> (chart.c). */
void cli_html_chart(FILE *to, const struct cli_chart *chart);

#endif
