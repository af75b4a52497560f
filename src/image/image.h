/*
 * image: photos in, pixels out. Decoding gives the bytes TensorFlow's decode_image, decode_jpeg, decode_png, decode_gif
 * and decode_bmp give; resizing, cropping and converting give its floats.
 */
#ifndef LI_IMAGE_H
#define LI_IMAGE_H

#include "augment.h"
#include "base/base.h"

/* ---- Decoding (decode.c; one file per format) ------------------------------------------------------------------ */

/* All zero: the defaults of tf.io.decode_image. */
struct li_image_options {
    int channels;      /* 0: as the file has them; 1, 3 or 4. Not every format gives every number, as in TensorFlow */
    lince_dtype dtype; /* LINCE_UINT8 (also LINCE_DTYPE_NONE), LINCE_UINT16, LINCE_FLOAT32 in [0, 1] */
    bool first_frame;  /* GIF, WebP: [h, w, c] of the first frame (expand_animations=False), not [n, h, w, c] */
    bool dct_accurate; /* JPEG: dct_method='INTEGER_ACCURATE' instead of the default, the fast one */
    bool plain_upsampling;  /* JPEG: fancy_upscaling=False */
    int ratio;              /* JPEG: 1 (also 0), 2, 4 or 8: smaller by that factor */
    bool recover_truncated; /* JPEG: try_recover_truncated=True */
};

/*
 * Decode a picture of any format; the bytes tell which (JPEG, PNG, GIF, BMP, WebP). out receives [h, w, c], or [n, h,
 * w, c] for GIF and WebP without first_frame; its data comes from mem and is the caller's (li_free). Untouched on
 * failure: LINCE_EFORMAT (no picture), LINCE_EUNSUPPORTED, LINCE_ECORRUPT (cut, or a checksum is wrong), LINCE_EINVAL
 * (its parts contradict each other), LINCE_ELIMIT (too large; found in the header, before memory is taken),
 * LINCE_ENOMEM.
 */
lince_status li_image_decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                             struct li_mem *mem, lince_error *err);

struct li_image_info {
    const char *format;    /* "JPEG"; static */
    int64_t height, width; /* GIF: of the largest frame, which is what decoding gives */
    int channels;          /* that decoding gives by default */
    int64_t frames;        /* GIF, WebP; 0: the format has but one picture */
};

/* What a picture is, from its headers; no pixel is decoded. */
lince_status li_image_size(struct li_bytes file, struct li_image_info *info, lince_error *err);

/*
 * The shape that decoding with these options gives, from the headers: wrong only where decoding fails, or leaves out
 * what comes after a damage (a chunk of a PNG, later frames of a GIF).
 */
lince_status li_image_shape(struct li_shape *out, struct li_bytes file, const struct li_image_options *options,
                            lince_error *err);

/* ---- Orientation (exif.c, orient.c) ---------------------------------------------------------------------------- */

/* The EXIF orientation tag of a JPEG, PNG or WebP file, 1..8; 1 when there is none or it makes no sense. */
int li_image_orientation(struct li_bytes file);

/*
 * Replace a decoded picture, [h, w, c], by one with its rows and columns turned and mirrored the way orientation asks
 * for. 1 does nothing; 5..8 swap height and width.
 */
lince_status li_image_orient(struct li_tensor *image, int orientation, struct li_mem *mem, lince_error *err);

/* ---- Types (convert.c) ----------------------------------------------------------------------------------------- */

/*
 * tf.image.convert_image_dtype between uint8, uint16 and float32, saturating. in and out may be the same memory when
 * the types have one size. false when a type is none of the three.
 */
bool li_image_convert(void *out, lince_dtype out_dtype, const void *in, lince_dtype in_dtype, int64_t count);

/* ---- Crops (crop.c) -------------------------------------------------------------------------------------------- */

struct li_rect {
    int64_t top, left, height, width;
};

/* tf.image.central_crop: fraction in (0, 1]. */
struct li_rect li_crop_central(int64_t h, int64_t w, double fraction);

/*
 * The central part with the aspect ratio of [oh, ow], as large as fits, times fraction: what is left of the picture
 * after its shorter side was resized to side / fraction and the centre cut out. At least one pixel.
 */
struct li_rect li_crop_aspect(int64_t h, int64_t w, int64_t oh, int64_t ow, double fraction);

/* tf.image.resize_with_crop_or_pad: `from` of the picture goes to `to` of the output; around it is 0. Same sizes. */
void li_crop_or_pad(int64_t h, int64_t w, int64_t oh, int64_t ow, struct li_rect *from, struct li_rect *to);

/* tf.image.resize_with_pad: the picture is resized to the rectangle's size and put there; around it is 0. */
struct li_rect li_resize_with_pad(int64_t h, int64_t w, int64_t oh, int64_t ow);

/* tf.image.resize(preserve_aspect_ratio=True): the size that is resized to. */
void li_resize_keep_aspect(int64_t h, int64_t w, int64_t *oh, int64_t *ow);

/*
 * Copy rectangle from of a picture of in_w columns to place (top, left) of one of out_w columns; pixel_bytes a pixel.
 */
void li_crop_copy(void *out, int64_t out_w, int64_t top, int64_t left, const void *in, int64_t in_w,
                  const struct li_rect *from, size_t pixel_bytes);

/* ---- Resizing (resize.c, resize_*.c) --------------------------------------------------------------------------- */

enum li_resize_method {
    LI_RESIZE_BILINEAR,
    LI_RESIZE_NEAREST,
    LI_RESIZE_BICUBIC,
    LI_RESIZE_AREA,
    /* ScaleAndTranslate's kernels. */
    LI_RESIZE_LANCZOS1,
    LI_RESIZE_LANCZOS3,
    LI_RESIZE_LANCZOS5,
    LI_RESIZE_GAUSSIAN,
    LI_RESIZE_BOX,
    LI_RESIZE_TRIANGLE,
    LI_RESIZE_KEYSCUBIC,
    LI_RESIZE_MITCHELLCUBIC
};

/*
 * One resize, [n, h, w, c] -> [n, oh, ow, c]. Sizes are checked by the caller: all at least 1 (n: 0), below 2^24, and
 * the values in a row, w * c and ow * c, below 2^31.
 */
struct li_resize {
    enum li_resize_method method;
    /* Of the input: float32, float64, half, bfloat16 or an integer. NEAREST gives the same type, others float32. */
    lince_dtype dtype;
    int64_t n, h, w, c, oh, ow;
    int64_t row_stride; /* elements from one input row to the next; 0: w * c. Of a crop: that of the whole */
    float unit;         /* integers become value * unit; 0 means 1 */
    bool align_corners; /* the first four methods; AREA has no half_pixel */
    bool half_pixel;
    bool antialias; /* ScaleAndTranslate's kernels */
    float scale[2]; /* vertical, horizontal: output size / input size */
    float translation[2];
};

/*
 * What tf.image.resize(images, [oh, ow], method, antialias) runs: half-pixel centres, a ScaleAndTranslate kernel where
 * antialias or the method asks for one. Fills method, half_pixel, antialias and scale from the sizes already set.
 */
void li_resize_v2(struct li_resize *resize, enum li_resize_method method, bool antialias);

/*
 * The value of tf.image.ResizeMethod ("bilinear", "lanczos3", ...) or of kernel_type ("keyscubic"); false for other
 * words.
 */
bool li_resize_method_parse(const char *name, enum li_resize_method *method);

/*
 * The coordinates and weights of all output rows and columns: made once per resize, read by every call. LI_ALIGN-
 * aligned.
 */
size_t li_resize_table_bytes(const struct li_resize *resize);
void li_resize_table(const struct li_resize *resize, void *table);

/* For each call that runs at the same time. LI_ALIGN-aligned. */
size_t li_resize_scratch_bytes(const struct li_resize *resize);

/*
 * Output rows [y0, y1) of the n * oh there are; in and out are the whole arrays. Results do not depend on how rows
 * are split.
 */
void li_resize_rows(const struct li_resize *resize, const void *table, const void *in, void *out, int64_t y0,
                    int64_t y1, void *scratch);

/*
 * The gradient of a resize of float32, not by AREA: dx [n, h, w, c] from dy [n, oh, ow, c], pictures [n0, n1) of the
 * whole arrays, by the resize's own table.
 */
void li_resize_back(const struct li_resize *resize, const void *table, const float *dy, float *dx, int64_t n0,
                    int64_t n1, void *scratch);
size_t li_resize_back_scratch_bytes(const struct li_resize *resize); /* LI_ALIGN-aligned */

/* ---- From file to tensor (load.c) ------------------------------------------------------------------------------ */

enum li_image_fit {
    LI_FIT_STRETCH, /* crop_fraction of both sides, then resize; the aspect ratio is not kept */
    LI_FIT_CROP,    /* li_crop_aspect, then resize */
    LI_FIT_PAD      /* crop_fraction of both sides, then resize_with_pad */
};

enum li_image_range {
    LI_RANGE_0_1,
    LI_RANGE_M1_1,
    LI_RANGE_0_255,
    LI_RANGE_MEAN_STD /* (x - mean) / std of x in [0, 1] */
};

/* All zero but the size: what the image tutorials of TensorFlow Hub do. */
struct li_load_options {
    int64_t height, width; /* 0, 0: as decoded, not resized */
    enum li_image_fit fit;
    double crop_fraction;                /* in (0, 1]; 0 means 1 */
    enum li_resize_method interpolation; /* one that tf.image.resize knows */
    bool antialias;
    bool orient; /* obey the EXIF tag */
    bool dct_accurate;
    enum li_image_range range;
    float mean[3], std[3];
};

/* The size li_image_load() gives for this file. */
lince_status li_image_load_size(struct li_bytes file, const struct li_load_options *options, int64_t *height,
                                int64_t *width, lince_error *err);

/*
 * A file as a model wants it: decode_image(channels=3, expand_animations=False), convert_image_dtype, crop, resize,
 * scale: float32 [height, width, 3] into out, which is the caller's and holds out_count floats: exactly that many,
 * else LINCE_EINVAL. On failure out holds nothing of use.
 */
lince_status li_image_load(float *out, int64_t out_count, struct li_bytes file, const struct li_load_options *options,
                           struct li_mem *mem, lince_error *err);

#endif
