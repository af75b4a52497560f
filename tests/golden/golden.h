/* What the files of the golden tests share. */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include <lince.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* One manifest being run. Failures are printed and counted. */
struct golden {
    const char *folder; /* that holds models/ and cases/ */
    json_t *manifest;
    const char *call; /* what is being checked, for messages */
    int checks, failures;
};

/* Count a check; print what went wrong unless ok. Returns ok. */
bool check(struct golden *g, bool ok, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* common.c: the manifest's model, NULL after a failed check; and running `all` on what FOLDER NAME says. */
lince_model *open_model(struct golden *g);
int golden_main(int argc, char **argv, void (*all)(struct golden *g));

/*
 * npy.c: the array an entry of the manifest names; data is one malloc'ed block, which for strings holds the bytes
 * behind the elements. Exits when the file is not as tests expect: then the test itself is broken.
 */
lince_tensor npy_read(const struct golden *g, const json_t *entry);
lince_dtype dtype_of(const char *name);

/*
 * arguments.c: the arguments of a call. Tensors alternate between inputs of the run and fixed ones when `fixed` is set.
 */
struct arguments {
    lince_argument list[64];
    size_t count;
    lince_tensor inputs[32];
    size_t input_count;
    lince_tensor fixed[32];
    size_t fixed_count;
};
void arguments_read(struct golden *g, struct arguments *a, const json_t *call, bool fixed);
void arguments_free(struct arguments *a);

/* compare.c */
bool floats_match(struct golden *g, const char *what, const lince_tensor *got, const lince_tensor *want, double atol,
                  double rtol);
bool tensor_matches(struct golden *g, const char *what, const lince_tensor *got, const json_t *want);
/* The leaves of a result against its golden, in TensorFlow's order, with their paths. */
void result_matches(struct golden *g, const lince_output *got, size_t count, const json_t *want);

/* structure.c: kinds of containers, keys, None, dtypes and shapes. */
void structure_matches(struct golden *g, const char *got, const json_t *want);
void trace_matches(struct golden *g, lince_callable *callable, size_t trace, const json_t *want);
void signature_matches(struct golden *g, lince_callable *callable, const json_t *want);

/* gradients.c */
void check_gradients(struct golden *g, lince_model *model);

#endif
