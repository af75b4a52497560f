/*
 * JPEG through libjpeg-turbo, with the settings of TensorFlow's jpeg_mem.cc. libjpeg leaves by longjmp: the only
 * setjmp is in run(), and everything that must survive it stands in struct job, which its caller holds. A longjmp
 * therefore finds no local variable to lose.
 */
#include "codec.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

/*
 * What one file may cost: passes over the picture, beyond the few that any file may have; and how often the bytes at
 * one place are read again while recovering. An MCU has at most ten blocks of 64 codes of 4 bytes.
 */
enum { FREE_SCANS = 40, MAX_REREADS = 4096 };
#define MAX_SCAN_PIXELS ((int64_t)1 << 30)

struct job {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    struct jpeg_progress_mgr progress;
    jmp_buf escape;
    struct li_bytes file;
    const struct li_image_options *options;
    struct li_mem *mem;
    lince_error *err;
    lince_status status; /* why it left by longjmp */
    struct li_tensor image;
    const JOCTET *again; /* where bytes were last read again, and how often */
    int rereads;
    JSAMPLE *cmyk; /* one row, for pictures of four components */
};

/* ---- errors ---- */

static lince_status classify(int code)
{
    switch (code) {
    case JERR_OUT_OF_MEMORY:
        return LINCE_ENOMEM;
    case JERR_IMAGE_TOO_BIG:
    case JERR_WIDTH_OVERFLOW:
    case JERR_NO_BACKING_STORE:
        return LINCE_ELIMIT;
    case JERR_INPUT_EMPTY:
    case JERR_INPUT_EOF:
    case JERR_FILE_READ:
        return LINCE_ECORRUPT;
    case JERR_NO_SOI:
        return LINCE_EFORMAT;
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_NOTIMPL:
    case JERR_NOT_COMPILED:
        return LINCE_EUNSUPPORTED;
    default:
        return LINCE_EINVAL;
    }
}

_Noreturn static void leave(struct job *job, lince_status status)
{
    job->status = status;
    longjmp(job->escape, 1);
}

static void on_error(j_common_ptr c)
{
    struct job *job = c->client_data;
    char text[JMSG_LENGTH_MAX];

    c->err->format_message(c, text);
    leave(job, li_fail(job->err, classify(c->err->msg_code), "JPEG: %s",
                       c->err->msg_code == JERR_FILE_READ ? "the file ends inside the picture" : text));
}

static void on_message(j_common_ptr c)
{
    (void)c;
}

/* Passes over the whole picture that carry almost nothing make a small file take for ever. */
static void on_progress(j_common_ptr c)
{
    struct job *job = c->client_data;
    int64_t scans = job->c.input_scan_number, pixels = (int64_t)job->c.image_width * job->c.image_height;

    if (scans > FREE_SCANS && scans * pixels > MAX_SCAN_PIXELS) {
        leave(job, li_fail(job->err, LINCE_ELIMIT, "JPEG: more than %lld scans of %u x %u pixels",
                           (long long)(scans - 1), job->c.image_width, job->c.image_height));
    }
}

/* ---- source: the bytes in memory ---- */

static void source_start(j_decompress_ptr c)
{
    struct job *job = c->client_data;

    job->source.next_input_byte = job->file.data;
    job->source.bytes_in_buffer = job->file.len;
}

/*
 * libjpeg asks for more when the file has ended. While it decodes an MCU, bytes_in_buffer still is what it was at the
 * MCU's start: FALSE then suspends it, and TRUE makes it read the MCU's bytes again, which is what TensorFlow's
 * recovery does. Recovered pictures are the same only because of that. Fill bytes would be read again for ever, though.
 */
static boolean reread(struct job *job)
{
    if (!job->options->recover_truncated) {
        return FALSE;
    }
    job->rereads = job->again == job->source.next_input_byte ? job->rereads + 1 : 0;
    job->again = job->source.next_input_byte;
    if (job->rereads > MAX_REREADS) {
        leave(job, li_fail(job->err, LINCE_ECORRUPT, "JPEG: the file ends where nothing can be recovered"));
    }
    return TRUE;
}

static boolean source_more(j_decompress_ptr c)
{
    static const JOCTET end[2] = {0xff, JPEG_EOI};
    struct job *job = c->client_data;

    if (job->source.bytes_in_buffer) {
        return reread(job);
    }
    if (job->source.next_input_byte == end || !job->options->recover_truncated) {
        ERREXIT(c, JERR_FILE_READ);
    }
    job->source.next_input_byte = end;
    job->source.bytes_in_buffer = sizeof(end);
    return TRUE;
}

static void source_skip(j_decompress_ptr c, long bytes)
{
    struct job *job = c->client_data;

    if (bytes <= 0) {
        return;
    }
    if ((size_t)bytes > job->source.bytes_in_buffer) {
        job->source.bytes_in_buffer = 0;
        source_more(c);
        return;
    }
    job->source.bytes_in_buffer -= (size_t)bytes;
    job->source.next_input_byte += bytes;
}

static void source_end(j_decompress_ptr c)
{
    (void)c;
}

/* ---- steps, all inside the reach of run()'s setjmp ---- */

static void prepare(struct job *job)
{
    struct jpeg_decompress_struct *c = &job->c;
    const struct li_image_options *o = job->options;

    jpeg_create_decompress(c);
    job->source = (struct jpeg_source_mgr){.init_source = source_start,
                                           .fill_input_buffer = source_more,
                                           .skip_input_data = source_skip,
                                           .resync_to_restart = jpeg_resync_to_restart,
                                           .term_source = source_end};
    c->src = &job->source;
    if (jpeg_read_header(c, TRUE) != JPEG_HEADER_OK) {
        leave(job, li_fail(job->err, LINCE_ECORRUPT, "JPEG: the file ends inside its headers, after %zu bytes",
                           job->file.len));
    }
    int channels = o->channels ? o->channels : LI_MIN(c->num_components, 3);
    bool inks = c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK;
    if (channels == 2) {
        leave(job, li_fail(job->err, LINCE_EUNSUPPORTED, "JPEG: two components; wanted 1, 3 or 4"));
    }
    c->out_color_space = channels == 1 ? JCS_GRAYSCALE : inks ? JCS_CMYK : JCS_RGB;
    c->do_fancy_upsampling = !o->plain_upsampling;
    c->dct_method = o->dct_accurate ? JDCT_ISLOW : JDCT_IFAST;
    c->scale_num = 1;
    c->scale_denom = o->ratio ? (unsigned)o->ratio : 1;
    jpeg_calc_output_dimensions(c);
    lince_status status = li_image_check_size("JPEG", c->image_height, c->image_width, c->num_components, job->err);
    if (!status && jpeg_has_multiple_scans(c)) {
        /* libjpeg keeps all coefficients: two bytes for each sample. */
        status = li_image_afford((size_t)c->image_height * c->image_width * (size_t)c->num_components * 2, job->mem,
                                 job->err);
    }
    if (!status) {
        status = li_image_alloc(&job->image, LINCE_UINT8, 0, c->output_height, c->output_width, channels, job->mem,
                                job->err);
    }
    if (!status && c->out_color_space == JCS_CMYK &&
        !(job->cmyk = li_alloc(job->mem, (size_t)c->output_width * 4, job->err))) {
        status = LINCE_ENOMEM;
    }
    if (status) {
        leave(job, status);
    }
}

/* With an Adobe marker the inks are stored inverted. */
static void cmyk_to_rgb(JSAMPLE *rgb, const JSAMPLE *cmyk, JDIMENSION width, bool inverted)
{
    for (JDIMENSION x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        for (int i = 0; i < 3; i++) {
            rgb[i] = (JSAMPLE)(inverted ? cmyk[i] * cmyk[3] / 255 : (255 - cmyk[i]) * (255 - cmyk[3]) / 255);
        }
    }
}

/* Rows that could not be read repeat the last one that could; black if there is none. */
static void fill_rest(struct job *job, JSAMPLE *row, size_t stride)
{
    for (JDIMENSION y = job->c.output_scanline; y < job->c.output_height; y++, row += stride) {
        for (size_t i = 0; i < stride; i++) {
            row[i] = y ? row[i - stride] : 0;
        }
    }
    job->c.output_scanline = job->c.output_height;
}

static void read_rows(struct job *job)
{
    struct jpeg_decompress_struct *c = &job->c;
    size_t stride = (size_t)job->image.shape.dim[1] * (size_t)job->image.shape.dim[2];
    JSAMPLE *row = job->image.data;

    if (!jpeg_start_decompress(c)) {
        leave(job, li_fail(job->err, LINCE_ECORRUPT, "JPEG: the file ends inside its first scans, after %zu bytes",
                           job->file.len));
    }
    while (c->output_scanline < c->output_height) {
        JSAMPLE *target = job->cmyk ? job->cmyk : row;
        if (jpeg_read_scanlines(c, &target, 1) == 0) {
            if (!job->options->recover_truncated) {
                leave(job, li_fail(job->err, LINCE_ECORRUPT, "JPEG: the file ends in row %u of %u", c->output_scanline,
                                   c->output_height));
            }
            fill_rest(job, row, stride);
            break;
        }
        if (job->cmyk) {
            cmyk_to_rgb(row, job->cmyk, c->output_width, c->saw_Adobe_marker);
        }
        row += stride;
    }
    jpeg_finish_decompress(c);
}

static lince_status run(struct job *job)
{
    job->c.err = jpeg_std_error(&job->errors);
    job->errors.error_exit = on_error;
    job->errors.output_message = on_message;
    job->c.client_data = job;
    if (setjmp(job->escape)) {
        return job->status;
    }
    prepare(job);
    job->progress.progress_monitor = on_progress;
    job->c.progress = &job->progress;
    read_rows(job);
    return LINCE_OK;
}

static lince_status decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                           struct li_mem *mem, lince_error *err)
{
    struct job job = {.file = file, .options = options, .mem = mem, .err = err};

    lince_status status = run(&job);
    jpeg_destroy_decompress(&job.c);
    li_free(mem, job.cmyk);
    if (status) {
        li_free(mem, job.image.data);
        return status;
    }
    *out = job.image;
    return LINCE_OK;
}

/* ---- header only ---- */

static bool is_frame_header(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static lince_status size(struct li_bytes file, struct li_image_info *info, lince_error *err)
{
    struct li_segment segment;
    struct li_bytes rest = {file.data + 2, file.len - 2};

    while (li_jpeg_segment(&rest, &segment)) {
        if (!is_frame_header(segment.marker)) {
            continue;
        }
        if (segment.body.len < 6) {
            return li_fail(err, LINCE_EINVAL, "JPEG: a frame header of %zu bytes; wanted at least 6", segment.body.len);
        }
        info->height = li_be16(segment.body.data + 1);
        info->width = li_be16(segment.body.data + 3);
        info->channels = LI_MIN(segment.body.data[5], 3);
        return li_image_check_size("JPEG", info->height, info->width, LI_MAX(segment.body.data[5], 1), err);
    }
    return li_fail(err, LINCE_ECORRUPT, "JPEG: no frame header in %zu bytes", file.len);
}

static bool takes_channels(int channels)
{
    return channels != 4;
}

const struct li_codec li_codec_jpeg = {
    .name = "JPEG",
    .size = size,
    .decode = decode,
    .channels = "0, 1 or 3",
    .takes_channels = takes_channels,
    .shrinks = true,
};
