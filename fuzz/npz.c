/* An .npz file from a stranger: every array in it is read. And the bytes as a .npy file: there a checksum guards it. */
#include "common/common.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 20, ARRAYS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct app_npz npz;
    struct app_array array;
    lince_error err;
    if (!app_npz_open(&npz, data, size, &err)) {
        for (size_t i = 0; i < npz.count && i < ARRAYS; i++) {
            if (!app_npz_read(&npz, i, LIMIT, &array, &err)) {
                app_array_free(&array);
            }
        }
        app_npz_close(&npz);
    }
    if (!app_npy_parse(data, size, &array, &err)) {
        app_array_free(&array);
    }
    return 0;
}
