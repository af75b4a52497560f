/* arrays: elements of tensors, and comparing them. */
#ifndef CLI_ARRAYS_H
#define CLI_ARRAYS_H

#include "common/common.h"

/* What a result should be: a file, or a folder of PATH.npy, to atol + rtol * |expected|. */
struct cli_expected {
    const char *path;
    const char *structure; /* of the result, in words */
    double atol, rtol;
};
int cli_expect(const struct cli_expected *want, const lince_output *outputs, size_t count);

/* Compare one array and say where it differs most. */
int cli_compare(const lince_tensor *got, const lince_tensor *want, const char *name, double atol, double rtol);
double cli_element(const lince_tensor *t, size_t i, bool imaginary); /* as a double; not for strings */
size_t cli_elements(const lince_tensor *t);
lince_tensor cli_images(bool bytes, int64_t count, int64_t height, int64_t width); /* RGB; without data */
/* "[2,3]" */
char *cli_shape(char buffer[192], const lince_tensor *t);

#endif
