/* What the tests of the public interface share. They see <lince.h> and nothing else of the library. */
#ifndef TESTS_API_SUPPORT_H
#define TESTS_API_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <lince.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* OK, or the test fails with the message. */
#define assert_ok(call)                                                                                                \
    do {                                                                                                               \
        lince_error err_ = {.text = ""};                                                                               \
        lince_error *err = &err_;                                                                                      \
        if ((call) != LINCE_OK) {                                                                                      \
            fail_msg("%s: %s", #call, err->text);                                                                      \
        }                                                                                                              \
    } while (0)

/* Refused with this status, and a message that has `part` in it. */
#define assert_refused(call, status, part)                                                                             \
    do {                                                                                                               \
        lince_error err_ = {.text = ""};                                                                               \
        lince_error *err = &err_;                                                                                      \
        lince_status st_ = (call);                                                                                     \
        if (st_ != (status) || err->code != (status) || !strstr(err->text, (part))) {                                  \
            fail_msg("%s gives %s, wanted %s with \"%s\": %s", #call, lince_status_name(st_),                          \
                     lince_status_name(status), (part), err->text);                                                    \
        }                                                                                                              \
    } while (0)

/* An allocator that counts, and fails from the n-th call on when told so. */
struct counter {
    atomic_size_t calls, live;
    size_t fail_from; /* 1: the first; 0: never */
    size_t fail_for;  /* how many in a row */
};
void count_in(lince_model_options *options, struct counter *counter);

/* Opens tests/golden/models/NAME, or PATH when it starts with '/'. */
lince_model *open_model(const char *name, int threads);
lince_model *open_with(const char *name, const lince_model_options *options);
lince_session *open_session(lince_model *model, const char *callable, const lince_argument *arguments, size_t count);

/* images, training=True or False */
lince_session *open_training(lince_model *model, bool training);

/* A tensor of float32 in [0, 1) that depends on dims and seed; free its data. */
lince_tensor random_tensor(int rank, const int64_t *dims, unsigned seed);
lince_tensor random_images(int64_t n, int64_t h, int64_t w, unsigned seed);

/* Run on one input; the only result is copied and given to the caller, who frees it. */
float *run_floats(lince_session *session, const lince_tensor *input, size_t *count);

/* The variable of that name; the test fails when there is none. */
size_t variable_named(lince_model *model, const char *name, lince_variable_info *info);

/* The values of all variables, one after another; free it. */
unsigned char *read_all(lince_model *model, size_t *size_bytes);

/* A float32 .npy file below tests/; free its data. */
lince_tensor read_npy(const char *name);

/* Bytes of this process in memory now. */
size_t resident_bytes(void);

#endif
