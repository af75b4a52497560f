/*
 * A picture from a stranger: read its header and orientation, decode it in several ways, resize it. Whatever the
 * bytes are, memory stays under a limit that does not come from them, and nothing is left behind.
 */
#include "image/image.h"

#include <stdlib.h>

enum { LIMIT_BYTES = 64 << 20, SIDE = 9 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(struct li_bytes file, const struct li_image_options *options, struct li_mem *mem)
{
    struct li_tensor image = {0};
    struct li_shape shape;
    lince_error err;

    (void)li_image_shape(&shape, file, options, NULL);
    if (!li_image_decode(&image, file, options, mem, &err)) {
        lince_status st =
            image.shape.rank == 3 ? li_image_orient(&image, 1 + (int)(file.len % 8), mem, &err) : LINCE_OK;
        if (st && st != LINCE_ENOMEM) { /* a large picture may not fit twice */
            abort();
        }
    } else if (image.data) {
        abort(); /* a failed call leaves nothing behind */
    }
    li_free(mem, image.data);
}

static void load(struct li_bytes file, const struct li_load_options *options, struct li_mem *mem)
{
    float out[SIDE * SIDE * 3];
    lince_error err;

    (void)li_image_load(out, SIDE * SIDE * 3, file, options, mem, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct li_image_options ways[] = {
        {0},
        {.channels = 3, .first_frame = true, .recover_truncated = true},
        {.channels = 1, .dtype = LINCE_UINT16, .dct_accurate = true, .ratio = 2},
        {.channels = 4, .dtype = LINCE_FLOAT32},
    };
    const struct li_load_options load_options = {.height = SIDE,
                                                 .width = SIDE,
                                                 .fit = (enum li_image_fit)(size % 3),
                                                 .crop_fraction = 0.875,
                                                 .antialias = size % 2,
                                                 .orient = true};
    struct li_bytes file = {data, size};
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, LIMIT_BYTES);
    struct li_image_info info;

    if (!mem) {
        return 0;
    }
    (void)li_image_size(file, &info, NULL);
    (void)li_image_orientation(file);
    for (size_t i = 0; i < LI_COUNT(ways); i++) {
        decode(file, &ways[i], mem);
    }
    load(file, &load_options, mem);
    if (li_mem_used_bytes(mem)) {
        abort();
    }
    li_mem_release(mem);
    return 0;
}
