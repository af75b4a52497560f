/* lince_augment: photos changed at random, so that a network learns what does not matter. Part of <lince.h>. */
#ifndef LINCE_AUGMENT_H
#define LINCE_AUGMENT_H

#include <lince.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * How much photos are changed. Start from lince_augment_options_init(): not at all. Ranges mean what they mean in
 * Keras's ImageDataGenerator, with fill_mode "nearest" and bilinear interpolation.
 */
typedef struct lince_augment_options {
    size_t struct_size;
    double rotation;         /* degrees: turned by -rotation to rotation; 0 to 180 */
    double width_shift;      /* moved sideways by -width_shift to width_shift of the width; 0 to 1 */
    double height_shift;     /* the same, up or down */
    double shear;            /* degrees: -shear to shear; 0 to 80 */
    double zoom;             /* each side seen at 1 - zoom to 1 + zoom of its length; 0 to 0.9 */
    int32_t horizontal_flip; /* not 0: every second photo is mirrored, by chance */
    double brightness;       /* multiplied by 1 - brightness to 1 + brightness; 0 to 1 */
    double contrast;   /* distances from the mean of a channel multiplied by 1 - contrast to 1 + contrast; 0 to 1 */
    double crop_area;  /* a part of the photo, of crop_area to 1 of its area; above 0 to 1, where 1 is all of it */
    double crop_ratio; /* the part's sides in a ratio of 1 / crop_ratio to crop_ratio of the photo's; 1 to 10 */
} lince_augment_options;

LINCE_API void lince_augment_options_init(lince_augment_options *options);

/**
 * Change a batch of pictures at random. What becomes of one is a function of it, its number, seed, epoch, options and
 * the size of the result: the same bits for any batch that it is in, and any number of threads.
 *
 * images   float32 [n, h, w, 3] in [0, 1]; n may be 0. Borrowed.
 * photos   [n]: the number of each photo, 0 or more, which tells it from the others. Borrowed. NULL: 0 to n - 1.
 * seed     Of the whole training.
 * epoch    0 or more: the same photo is changed in another way in each.
 * options  NULL for the defaults, which give the same pictures.
 * pool     Whose threads do it, a picture at a time each. NULL, and a pool that is busy: the caller's thread.
 * out      [n, oh, ow, 3] in the caller's memory, apart from images. Sides of 1 to 65536.
 *
 * Numbers u0, u1 ... in (0, 1) are (word + 0.5) / 2^32 of Philox-4x32-10 with the key `seed` and the counter (4 * epoch
 * + block, photo); u(i, r) = r * (2 * u_i - 1). A pixel (x, y) of the result is, with c the centre of its picture,
 *
 *     1. x = ow - 1 - x                                           if horizontal_flip and u6 < 0.5
 *     2. (x, y) = c + R * (t + S * Z * ((x, y) - c))
 *        R = [cos a, -sin a; sin a, cos a], a = u(0, rotation)    t = (u(1, width_shift) * ow, u(2, height_shift) * oh)
 *        S = [1, -sin s; 0, cos s], s = u(3, shear)               Z = diag(1 + u(4, zoom), 1 + u(5, zoom))
 *     3. area = 1 - u9 * (1 - crop_area), q = crop_ratio^(2 * u10 - 1);
 *        the part is bw = min(1, sqrt(area * q)) wide, bh = min(1, sqrt(area / q)) high, begins at u11 * (1 - bw) and
 *        u12 * (1 - bh), as shares of the picture: x = (u11 * (1 - bw) + bw * (x + 0.5) / ow) * w - 0.5, y alike
 *     4. the four pixels around (x, y), bilinear, beyond the border those of the border
 *     5. v = v * (1 + u(7, brightness)); v = m + (v - m) * (1 + u(8, contrast)), m the channel's mean after that;
 *        then kept within [0, 1]                                  if brightness or contrast are not 0
 *
 * Nothing is averaged when a picture shrinks. Fails with LINCE_EINVAL, and `out` is untouched. Thread-safe.
 * Source: tf_keras.preprocessing.image.ImageDataGenerator (2, 4), torchvision's RandomResizedCrop (3). Since 0.1.
 */
LINCE_API lince_status lince_image_augment(const lince_tensor *images, const int64_t *photos, uint64_t seed,
                                           int64_t epoch, const lince_augment_options *options, lince_pool *pool,
                                           const lince_tensor *out, lince_error *err);

#ifdef __cplusplus
}
#endif
#endif
