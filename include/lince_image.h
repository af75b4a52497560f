/* lince_image: from picture files to numbers, as TensorFlow makes them. Included by lince.h. */
#ifndef LINCE_IMAGE_H
#define LINCE_IMAGE_H

#include "lince.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lince_resize { LINCE_RESIZE_STRETCH = 0, LINCE_RESIZE_CROP = 1, LINCE_RESIZE_PAD = 2 } lince_resize;
typedef enum lince_interpolation {
    LINCE_BILINEAR = 0,
    LINCE_NEAREST = 1,
    LINCE_BICUBIC = 2,
    LINCE_AREA = 3,
    LINCE_LANCZOS3 = 4,
    LINCE_LANCZOS5 = 5
} lince_interpolation;

/** How a picture becomes numbers. Start from lince_image_options_init(): what the hub's tutorials do. */
typedef struct lince_image_options {
    size_t struct_size;
    lince_resize resize;               /* stretch: the aspect ratio is not kept */
    double crop_fraction;              /* the central part of the picture that is used, as central_crop; 1: all of it */
    lince_interpolation interpolation; /* bilinear, half-pixel centres */
    int32_t antialias;                 /* not 0: the kernel widens when shrinking */
    int32_t orient;                    /* not 0: turn as EXIF says; TensorFlow does not */
    int32_t accurate_dct;              /* not 0: the accurate JPEG transform; TensorFlow's default is the fast one */
    float mean[3], std[3];             /* of [0, 1] values: (x - mean) / std; 0 and 1 */
} lince_image_options;

LINCE_API void lince_image_options_init(lince_image_options *options);

/**
 * Decode a JPEG, PNG, GIF, BMP or WebP file, scale to [0, 1], resize, and store float32 [height, width, 3].
 *
 * options  NULL for the defaults.
 * height   Of the result, in pixels, as width: 1 to 65536.
 * out      The caller's height * width * 3 floats; left untouched on failure.
 *
 * Fails with LINCE_EFORMAT (no picture), LINCE_EUNSUPPORTED, LINCE_ECORRUPT (cut, or a checksum is wrong), LINCE_EINVAL
 * (options, or parts of the picture that contradict each other), LINCE_ELIMIT (too large, by its header), LINCE_ENOMEM;
 * lince_image_load() with LINCE_ENOENT and LINCE_EIO too.
 *
 * Equal, to the bit where TensorFlow itself is deterministic, to tf.image.decode_image(channels=3,
 * expand_animations=False), convert_image_dtype and tf.image.resize. Thread-safe. Since 0.1.
 */
LINCE_API lince_status lince_image_load(const char *path, const lince_image_options *options, int64_t height,
                                        int64_t width, float *out, lince_error *err);
LINCE_API lince_status lince_image_load_bytes(const void *data, size_t size_bytes, const lince_image_options *options,
                                              int64_t height, int64_t width, float *out, lince_error *err);

/** One photo of a batch: a file, or, where path is NULL, a file's bytes in memory. */
typedef struct lince_photo {
    const char *path;
    const void *data;
    size_t size_bytes;
} lince_photo;

/**
 * Load many photos into one batch, side by side; each as lince_image_load() does, to the same bits.
 *
 * photos    Borrowed during the call, with what they point to.
 * count     How many; 0 is fine.
 * options   NULL for the defaults.
 * pool      Whose threads load them, a photo at a time each. NULL, and a pool that is busy: only the caller's thread.
 *           A run that wants the pool meanwhile computes alone.
 * out       [count, height, width, 3] in the caller's memory, float32 or uint8; sides of 1 to 65536. uint8 is what
 *           tf.image.convert_image_dtype(saturate=True) makes of the floats; mean and std must then be 0 and 1.
 * statuses  Receives how each photo went. May be NULL.
 * errors    Receives the text of each, "" when it was loaded. May be NULL.
 *
 * A photo that fails has zeros in its place, and the others are loaded all the same. Returns LINCE_OK when all were;
 * else the status of the first that was not, its path or number in the text. When the arguments make no sense
 * (LINCE_EINVAL), or there is no memory to begin with, nothing is loaded, `out` is left untouched, and the status
 * returned is every photo's too. Thread-safe. Since 0.1.
 */
LINCE_API lince_status lince_image_load_batch(const lince_photo *photos, size_t count,
                                              const lince_image_options *options, lince_pool *pool,
                                              const lince_tensor *out, lince_status *statuses, lince_error *errors,
                                              lince_error *err);

/** What a picture's EXIF orientation is: 1 (upright, or not said) to 8. */
LINCE_API int32_t lince_image_orientation(const void *data, size_t size_bytes);

/**
 * Decode only: uint8 [height, width, channels] as tf.image.decode_image gives with expand_animations=False. Of the
 * options `orient` and `accurate_dct` matter; NULL for the defaults.
 * channels  0: as stored; 1, 3, 4. Not every format gives every number, as in TensorFlow: LINCE_EINVAL.
 * out       Given: free with lince_tensor_free(). Empty on failure, which is as lince_image_load_bytes() fails.
 */
LINCE_API lince_status lince_image_decode(const void *data, size_t size_bytes, int32_t channels,
                                          const lince_image_options *options, lince_tensor *out, lince_error *err);
/**
 * Convert uint8 of any shape to float32 in [0, 1], as tf.image.convert_image_dtype does. image is borrowed during the
 * call; *out is given: free with lince_tensor_free(). LINCE_EINVAL for another dtype.
 */
LINCE_API lince_status lince_image_to_float(const lince_tensor *image, lince_tensor *out, lince_error *err);
/** Free what one of the two above gave, and empty it. */
LINCE_API void lince_tensor_free(lince_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
