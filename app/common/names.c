/* Names, sorted and found. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    const struct app_name *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

void app_names_sort(struct app_name *names, size_t count)
{
    qsort(names, count, sizeof *names, compare);
}

const struct app_name *app_names_find(const struct app_name *sorted, size_t count, const char *text)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(sorted[middle].text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < count && strcmp(sorted[low].text, text) == 0 ? &sorted[low] : NULL;
}
