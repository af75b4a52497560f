/* Pictures changed at random: one affine map, bilinear, then brightness and contrast. */
#include "augment.h"

#include <math.h>

/* ---- The draw ---- */

/* A draw has a number of its own, so that an option that is turned on changes no other. */
enum draw {
    DRAW_ROTATION,
    DRAW_WIDTH_SHIFT,
    DRAW_HEIGHT_SHIFT,
    DRAW_SHEAR,
    DRAW_ZOOM_X,
    DRAW_ZOOM_Y,
    DRAW_FLIP,
    DRAW_BRIGHTNESS,
    DRAW_CONTRAST,
    DRAW_AREA,
    DRAW_RATIO,
    DRAW_LEFT,
    DRAW_TOP,
    DRAW_BLOCKS = 4, /* of four words each */
    DRAWS = 4 * DRAW_BLOCKS
};

static void draw_all(double u[DRAWS], uint64_t seed, int64_t epoch, int64_t photo)
{
    struct li_philox p = {.low = DRAW_BLOCKS * (uint64_t)epoch, .high = (uint64_t)photo, .key = seed};
    for (int block = 0; block < DRAW_BLOCKS; block++) {
        uint32_t words[4];
        li_philox_next(&p, words);
        for (int i = 0; i < 4; i++) {
            u[4 * block + i] = ((double)words[i] + 0.5) * 0x1p-32;
        }
    }
}

static double within(const double *u, enum draw draw, double range)
{
    return range * (2 * u[draw] - 1);
}

static double radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180);
}

/* An affine map of the plane: the last row of the matrix is 0, 0, 1. */
struct map {
    double m[2][3];
};

/* First b, then a. */
static struct map after(const struct map *a, const struct map *b)
{
    struct map c;
    for (int r = 0; r < 2; r++) {
        for (int k = 0; k < 3; k++) {
            c.m[r][k] = a->m[r][0] * b->m[0][k] + a->m[r][1] * b->m[1][k] + (k == 2 ? a->m[r][2] : 0);
        }
    }
    return c;
}

/* R * (t + S * Z * p) about the centre of a picture. */
static struct map turn(const lince_augment_options *o, const double *u, int64_t oh, int64_t ow)
{
    double a = radians(within(u, DRAW_ROTATION, o->rotation)), s = radians(within(u, DRAW_SHEAR, o->shear));
    double zx = 1 + within(u, DRAW_ZOOM_X, o->zoom), zy = 1 + within(u, DRAW_ZOOM_Y, o->zoom);
    double tx = within(u, DRAW_WIDTH_SHIFT, o->width_shift) * (double)ow;
    double ty = within(u, DRAW_HEIGHT_SHIFT, o->height_shift) * (double)oh;
    double cx = (double)(ow - 1) / 2, cy = (double)(oh - 1) / 2;
    struct map centre = {{{1, 0, -cx}, {0, 1, -cy}}}, back = {{{1, 0, cx}, {0, 1, cy}}};
    struct map shape = {{{zx, -sin(s) * zy, tx}, {0, cos(s) * zy, ty}}};
    struct map rotate = {{{cos(a), -sin(a), 0}, {sin(a), cos(a), 0}}};
    struct map m = after(&shape, &centre);
    m = after(&rotate, &m);
    return after(&back, &m);
}

/* From the pixels of the result to those of the part that is cut out. */
static struct map crop(const lince_augment_options *o, const double *u, int64_t h, int64_t w, int64_t oh, int64_t ow)
{
    double area = 1 - u[DRAW_AREA] * (1 - o->crop_area), q = pow(o->crop_ratio, 2 * u[DRAW_RATIO] - 1);
    double bw = fmin(1, sqrt(area * q)), bh = fmin(1, sqrt(area / q));
    double left = u[DRAW_LEFT] * (1 - bw) * (double)w, top = u[DRAW_TOP] * (1 - bh) * (double)h;
    double sx = bw * (double)w / (double)ow, sy = bh * (double)h / (double)oh;
    return (struct map){{{sx, 0, left + sx * 0.5 - 0.5}, {0, sy, top + sy * 0.5 - 0.5}}};
}

struct li_augment li_augment_draw(const lince_augment_options *o, uint64_t seed, int64_t epoch, int64_t photo,
                                  int64_t h, int64_t w, int64_t oh, int64_t ow)
{
    double u[DRAWS];
    draw_all(u, seed, epoch, photo);
    bool flipped = o->horizontal_flip && u[DRAW_FLIP] < 0.5;
    struct map flip = {{{flipped ? -1 : 1, 0, flipped ? (double)(ow - 1) : 0}, {0, 1, 0}}};
    struct map turned = turn(o, u, oh, ow), cropped = crop(o, u, h, w, oh, ow);
    struct map m = after(&turned, &flip);
    m = after(&cropped, &m);
    struct li_augment augment = {.brightness = 1 + within(u, DRAW_BRIGHTNESS, o->brightness),
                                 .contrast = 1 + within(u, DRAW_CONTRAST, o->contrast),
                                 .colours = o->brightness != 0 || o->contrast != 0};
    for (int i = 0; i < 6; i++) {
        augment.map[i / 3][i % 3] = m.m[i / 3][i % 3];
    }
    return augment;
}

/* ---- Pixels ---- */

/* The two places between which a coordinate lies, and how far on it is. Beyond the border is on the border. */
struct between {
    int64_t low, high;
    float part;
};

static struct between between(double at, int64_t side)
{
    double inside = at < 0 ? 0 : at > (double)(side - 1) ? (double)(side - 1) : at;
    int64_t low = (int64_t)inside;
    return (struct between){low, low + 1 < side ? low + 1 : low, (float)(inside - (double)low)};
}

static float mix(float a, float b, float part)
{
    return a + (b - a) * part;
}

static void sample(float *rgb, const float *in, int64_t w, struct between x, struct between y)
{
    const float *upper = in + y.low * w * 3, *lower = in + y.high * w * 3;
    for (int c = 0; c < 3; c++) {
        float above = mix(upper[x.low * 3 + c], upper[x.high * 3 + c], x.part);
        float below = mix(lower[x.low * 3 + c], lower[x.high * 3 + c], x.part);
        rgb[c] = mix(above, below, y.part);
    }
}

static void move(const struct li_augment *a, const float *in, int64_t h, int64_t w, float *out, int64_t oh, int64_t ow)
{
    const double(*m)[3] = a->map;
    for (int64_t y = 0; y < oh; y++) {
        for (int64_t x = 0; x < ow; x++, out += 3) {
            double sx = m[0][0] * (double)x + m[0][1] * (double)y + m[0][2];
            double sy = m[1][0] * (double)x + m[1][1] * (double)y + m[1][2];
            sample(out, in, w, between(sx, w), between(sy, h));
        }
    }
}

static float limited(float v)
{
    return v < 0 ? 0 : v > 1 ? 1 : v;
}

/* Brightness, and the mean of each channel after it: summed row by row, in float64. */
static void brighten(float mean[3], float *pixels, int64_t count, float factor)
{
    double sum[3] = {0, 0, 0};
    for (int64_t i = 0; i < count; i++) {
        for (int c = 0; c < 3; c++) {
            pixels[3 * i + c] *= factor;
            sum[c] += (double)pixels[3 * i + c];
        }
    }
    for (int c = 0; c < 3; c++) {
        mean[c] = (float)(sum[c] / (double)count);
    }
}

static void colour(const struct li_augment *a, float *pixels, int64_t count)
{
    float mean[3], factor = (float)a->contrast;
    brighten(mean, pixels, count, (float)a->brightness);
    for (int64_t i = 0; i < count; i++) {
        for (int c = 0; c < 3; c++) {
            pixels[3 * i + c] = limited(mean[c] + (pixels[3 * i + c] - mean[c]) * factor);
        }
    }
}

void li_augment_apply(const struct li_augment *a, const float *in, int64_t h, int64_t w, float *out, int64_t oh,
                      int64_t ow)
{
    move(a, in, h, w, out, oh, ow);
    if (a->colours) {
        colour(a, out, oh * ow);
    }
}
