/*
 * PNG through libpng, with the transformations TensorFlow's png_io.cc asks for. libpng leaves by longjmp: the only
 * setjmp is in run(), and everything that must survive it stands in struct job, which its caller holds.
 */
#include "codec.h"

#include <png.h>
#include <string.h>

/* Of one chunk after inflating; pixels do not count. */
enum { MAX_CHUNK_BYTES = 8 << 20, MAX_CHUNKS = 1000 };

struct job {
    png_structp png;
    png_infop info;
    struct li_bytes rest; /* of the file, not yet read */
    const struct li_image_options *options;
    struct li_mem *mem;
    lince_error *err;
    lince_status status; /* what an error is, when it is not to be guessed from libpng's words */
    int channels, passes;
    bool widen; /* 8-bit samples, 16 wanted */
    struct li_tensor image;
};

/* ---- what libpng calls ---- */

static png_voidp allocate(png_structp png, png_alloc_size_t bytes)
{
    struct job *job = png_get_mem_ptr(png);

    void *pointer = li_alloc(job->mem, bytes, job->err);
    if (!pointer) {
        job->status = LINCE_ENOMEM;
    }
    return pointer;
}

static void release(png_structp png, png_voidp pointer)
{
    struct job *job = png_get_mem_ptr(png);

    li_free(job->mem, pointer);
}

static lince_status classify(const char *text)
{
    static const struct {
        const char *part;
        lince_status status;
    } table[] = {
        {"Missing", LINCE_EINVAL},
        {"CRC", LINCE_ECORRUPT},
        {"IDAT: ", LINCE_ECORRUPT},
        {"Not enough", LINCE_ECORRUPT},
        {"Too much", LINCE_ECORRUPT},
        {"out of range", LINCE_EFORMAT},
        {"invalid chunk type", LINCE_EFORMAT},
        {"emory", LINCE_ENOMEM},
        {"exceeds user limit", LINCE_ELIMIT},
    };

    for (size_t i = 0; i < LI_COUNT(table); i++) {
        if (strstr(text, table[i].part)) {
            return table[i].status;
        }
    }
    return LINCE_EINVAL;
}

_Noreturn static void on_error(png_structp png, png_const_charp text)
{
    struct job *job = png_get_error_ptr(png);

    job->status = li_fail(job->err, job->status ? job->status : classify(text), "PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void read_bytes(png_structp png, png_bytep out, size_t bytes)
{
    struct job *job = png_get_io_ptr(png);
    struct li_bytes part;

    if (!li_read_bytes(&job->rest, bytes, &part)) {
        job->status = LINCE_ECORRUPT;
        png_error(png, "the file ends inside a chunk, or before its last one");
    }
    memcpy(out, part.data, bytes);
}

/* ---- steps, all inside the reach of run()'s setjmp ---- */

/* Chunks that change no sample: text may inflate to any size. */
static void skip_words(png_structp png)
{
    static const png_byte names[] = "tEXt\0zTXt\0iTXt\0tIME\0sPLT\0eXIf\0hIST\0pHYs\0oFFs\0pCAL\0sCAL";

    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, names, 11);
    png_set_chunk_malloc_max(png, MAX_CHUNK_BYTES);
    png_set_chunk_cache_max(png, MAX_CHUNKS);
    png_set_user_limits(png, LI_MAX_IMAGE_SIDE, LI_MAX_IMAGE_SIDE);
}

static void set_alpha(struct job *job, int colour, int depth, bool has_key)
{
    bool has_alpha = colour & PNG_COLOR_MASK_ALPHA;

    if (job->channels % 2 == 1) {
        if (has_alpha || has_key) {
            png_set_strip_alpha(job->png);
        }
    } else if (!has_alpha && has_key) {
        png_set_tRNS_to_alpha(job->png);
    } else if (!has_alpha) {
        png_set_add_alpha(job->png, (1u << depth) - 1, PNG_FILLER_AFTER);
    }
}

static void set_colour(struct job *job, int colour, int depth)
{
    bool grey = !(colour & PNG_COLOR_MASK_COLOR);

    if (colour == PNG_COLOR_TYPE_PALETTE) {
        png_set_palette_to_rgb(job->png);
    }
    if (grey && depth < 8) {
        png_set_expand_gray_1_2_4_to_8(job->png);
    }
    if (job->channels < 3 && !grey) {
        png_set_rgb_to_gray(job->png, PNG_ERROR_ACTION_NONE, 0.299, 0.587);
    } else if (job->channels >= 3 && grey) {
        png_set_gray_to_rgb(job->png);
    }
}

static void prepare(struct job *job)
{
    png_structp png = job->png;
    bool wide = job->options->dtype != LINCE_UINT8;

    png_set_read_fn(png, job, read_bytes);
    skip_words(png);
    png_read_info(png, job->info);
    int depth = png_get_bit_depth(png, job->info), colour = png_get_color_type(png, job->info);
    bool has_key = png_get_valid(png, job->info, PNG_INFO_tRNS) != 0;
    job->channels = job->options->channels;
    if (job->channels == 0) {
        job->channels = colour == PNG_COLOR_TYPE_PALETTE ? (has_key ? 4 : 3) : png_get_channels(png, job->info);
    }
    set_alpha(job, colour, depth, has_key);
    if (depth == 16 && !wide) {
        png_set_strip_16(png);
    }
    job->widen = depth < 16 && wide;
    png_set_packing(png);
    job->passes = png_set_interlace_handling(png);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (wide) {
        png_set_swap(png);
    }
#endif
    set_colour(job, colour, depth);
    png_read_update_info(png, job->info);
}

static void read_rows(struct job *job)
{
    int64_t h = png_get_image_height(job->png, job->info), w = png_get_image_width(job->png, job->info);
    lince_dtype dtype = job->options->dtype == LINCE_UINT8 ? LINCE_UINT8 : LINCE_UINT16;
    size_t row_bytes = (size_t)(w * job->channels) * li_dtype_size(dtype);

    job->status = li_image_alloc(&job->image, dtype, 0, h, w, job->channels, job->mem, job->err);
    if (job->status) {
        png_longjmp(job->png, 1);
    }
    if (png_get_rowbytes(job->png, job->info) != (job->widen ? row_bytes / 2 : row_bytes)) {
        png_error(job->png, "a combination of colour type, depth and channels that has no rule");
    }
    for (int pass = 0; pass < job->passes; pass++) {
        uint8_t *row = job->image.data;
        for (int64_t y = 0; y < h; y++, row += row_bytes) {
            png_read_row(job->png, row, NULL);
        }
    }
    png_read_end(job->png, NULL);
}

static lince_status run(struct job *job)
{
    if (setjmp(png_jmpbuf(job->png))) {
        return job->status ? job->status : LINCE_EINVAL;
    }
    prepare(job);
    read_rows(job);
    return LINCE_OK;
}

/* Every row holds its 8-bit samples in its first half: spread them over the whole, from the back, 0xab to 0xabab. */
static void widen_rows(struct li_tensor *image)
{
    int64_t h = image->shape.dim[0], samples = image->shape.dim[1] * image->shape.dim[2];

    for (int64_t y = 0; y < h; y++) {
        uint16_t *row = (uint16_t *)image->data + y * samples;
        for (int64_t i = samples - 1; i >= 0; i--) {
            row[i] = (uint16_t)(((const uint8_t *)row)[i] * 257);
        }
    }
}

/* ---- header ---- */

/*
 * Whether a palette has alpha: chunks are length, name, bytes, checksum, and tRNS stands between PLTE and IDAT. One
 * that libpng then finds damaged has none.
 */
static bool has_alpha(struct li_bytes rest)
{
    struct li_bytes head, body, checksum;
    int64_t colours = 0;

    while (li_read_bytes(&rest, 8, &head) && memcmp(head.data + 4, "IDAT", 4) != 0 &&
           li_read_bytes(&rest, li_be32(head.data), &body) && li_read_bytes(&rest, 4, &checksum)) {
        if (memcmp(head.data + 4, "PLTE", 4) == 0) {
            colours = (int64_t)body.len / 3;
        } else if (memcmp(head.data + 4, "tRNS", 4) == 0) {
            return body.len > 0 && (int64_t)body.len <= colours;
        }
    }
    return false;
}

/* Signature, then length, "IHDR", width, height, depth, colour, ... */
static lince_status size(struct li_bytes file, struct li_image_info *info, lince_error *err)
{
    static const uint8_t channels[] = {1, 0, 3, 3, 2, 0, 4};

    if (file.len < 33 || memcmp(file.data + 12, "IHDR", 4) != 0) {
        return li_fail(err, LINCE_ECORRUPT, "PNG: %zu bytes without an image header at byte 8", file.len);
    }
    info->width = li_be32(file.data + 16);
    info->height = li_be32(file.data + 20);
    info->channels = file.data[25] < sizeof(channels) ? channels[file.data[25]] : 0;
    LI_TRY(li_image_check_size("PNG", info->height, info->width, 1, err));
    if (file.data[25] == PNG_COLOR_TYPE_PALETTE && has_alpha((struct li_bytes){file.data + 8, file.len - 8})) {
        info->channels = 4;
    }
    if (info->channels == 0) {
        return li_fail(err, LINCE_EINVAL, "PNG: colour type %d; wanted 0, 2, 3, 4 or 6", file.data[25]);
    }
    return LINCE_OK;
}

static lince_status decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                           struct li_mem *mem, lince_error *err)
{
    struct job job = {.rest = file, .options = options, .mem = mem, .err = err};
    struct li_image_info header;

    LI_TRY(size(file, &header, err));
    job.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning, &job, allocate, release);
    if (job.png) {
        job.info = png_create_info_struct(job.png);
    }
    lince_status status = job.info
                              ? run(&job)
                              : li_fail(err, LINCE_ENOMEM, "PNG: libpng cannot start; is it another version than %s?",
                                        PNG_LIBPNG_VER_STRING);
    png_destroy_read_struct(&job.png, &job.info, NULL);
    if (status) {
        li_free(mem, job.image.data);
        return status;
    }
    if (job.widen) {
        widen_rows(&job.image);
    }
    *out = job.image;
    return LINCE_OK;
}

static bool takes_channels(int channels)
{
    (void)channels;
    return true;
}

const struct li_codec li_codec_png = {
    .name = "PNG", .size = size, .decode = decode, .channels = "0, 1, 3 or 4", .takes_channels = takes_channels};
