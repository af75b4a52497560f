/*
 * GIF through giflib, composed as TensorFlow's gif_io.cc does: the picture is as large as the largest frame (the
 * screen's size is not asked), frames are drawn over the one before, disposal is ignored, and what comes after an
 * error is left out as long as a whole frame came before it.
 *
 * giflib's own whole-file reader takes memory as frame headers say; here a walk over the block lengths finds the
 * sizes first and frames are then read row by row.
 */
#include "codec.h"

#include <gif_lib.h>
#include <string.h>

/* ---- the walk ---- */

struct frames {
    int64_t count, height, width; /* whole frames; the largest of each side */
    int64_t pixels;               /* of all frames, for the limit */
};

static bool skip_blocks(struct li_bytes *rest)
{
    struct li_bytes block;
    uint8_t len;

    do {
        if (!li_read_u8(rest, &len) || !li_read_bytes(rest, len, &block)) {
            return false;
        }
    } while (len);
    return true;
}

/* A colour table, if the flags announce one: 3 * 2^(n + 1) bytes. */
static bool skip_colours(struct li_bytes *rest, uint8_t flags)
{
    struct li_bytes table;

    return !(flags & 0x80) || li_read_bytes(rest, (size_t)3 << ((flags & 7) + 1), &table);
}

/* Behind its introducer. left, top, width, height (2 bytes each), flags, [colours], code size, data blocks. */
static bool walk_frame(struct li_bytes *rest, struct frames *frames, lince_status *status, lince_error *err)
{
    struct li_bytes head, code_size;

    if (!li_read_bytes(rest, 9, &head) || !skip_colours(rest, head.data[8]) || !li_read_bytes(rest, 1, &code_size)) {
        return false;
    }
    int64_t w = li_le16(head.data + 4), h = li_le16(head.data + 6);
    if ((*status = li_image_check_size("GIF frame", h, w, 1, err))) {
        return false;
    }
    frames->pixels += w * h;
    if (frames->pixels >= LI_MAX_IMAGE_PIXELS) {
        *status =
            li_fail(err, LINCE_ELIMIT, "GIF: the first %lld frames have %lld pixels; fewer than %lld in all are read",
                    (long long)(frames->count + 1), (long long)frames->pixels, (long long)LI_MAX_IMAGE_PIXELS);
        return false;
    }
    if (!skip_blocks(rest)) {
        return false;
    }
    frames->count++;
    frames->height = LI_MAX(frames->height, h);
    frames->width = LI_MAX(frames->width, w);
    return true;
}

/* At most `most` frames; stops without complaint where the blocks do. */
static lince_status walk(struct frames *frames, struct li_bytes file, int64_t most, lince_error *err)
{
    struct li_bytes head;
    lince_status status = LINCE_OK;
    uint8_t introducer;

    *frames = (struct frames){0};
    if (!li_read_bytes(&file, 13, &head) || !skip_colours(&file, head.data[10])) {
        return li_fail(err, LINCE_ECORRUPT, "GIF: the file ends inside its screen descriptor");
    }
    while (frames->count < most && li_read_u8(&file, &introducer)) {
        if (introducer == 0x2c) {
            if (!walk_frame(&file, frames, &status, err)) {
                return status;
            }
        } else if (introducer == 0x21) {
            struct li_bytes label;
            if (!li_read_bytes(&file, 1, &label) || !skip_blocks(&file)) {
                break;
            }
        } else {
            break;
        }
    }
    return LINCE_OK;
}

/* ---- reading ---- */

struct job {
    GifFileType *gif;
    struct li_bytes rest;
    uint8_t *canvas;     /* of frame 0 */
    uint8_t *row;        /* indices of one row of one frame */
    int64_t drawn, done; /* frames that have a canvas; frames read whole */
    int64_t height, width;
    int transparent; /* colour index for the next frame; -1: none */
    bool has_control;
    lince_error *err;
};

static int read_bytes(GifFileType *gif, GifByteType *out, int bytes)
{
    struct li_bytes *rest = gif->UserData, part;

    size_t n = LI_MIN((size_t)bytes, rest->len);
    if (n == 0 || !li_read_bytes(rest, n, &part)) {
        return 0;
    }
    memcpy(out, part.data, n);
    return (int)n;
}

static lince_status fail(struct job *job)
{
    const char *why = GifErrorString(job->gif->Error);

    return li_fail(job->err, LINCE_ECORRUPT, "GIF: frame %lld: %s", (long long)job->done, why ? why : "damaged");
}

static lince_status draw_row(struct job *job, const GifImageDesc *d, int64_t y)
{
    const ColorMapObject *colours = d->ColorMap ? d->ColorMap : job->gif->SColorMap;
    int64_t n = LI_MIN((int64_t)d->Width, job->width - d->Left);

    if (!colours) {
        return li_fail(job->err, LINCE_EINVAL, "GIF: frame %lld has no colour table, nor has the file",
                       (long long)job->done);
    }
    if (d->Top + y >= job->height) {
        return LINCE_OK;
    }
    uint8_t *out = job->canvas + ((job->done * job->height + d->Top + y) * job->width + d->Left) * 3;
    for (int64_t x = 0; x < n; x++, out += 3) {
        int index = job->row[x];
        if (index == job->transparent) {
            continue;
        }
        if (index >= colours->ColorCount) {
            return li_fail(job->err, LINCE_EINVAL, "GIF: frame %lld has colour %d of %d", (long long)job->done, index,
                           colours->ColorCount);
        }
        out[0] = colours->Colors[index].Red;
        out[1] = colours->Colors[index].Green;
        out[2] = colours->Colors[index].Blue;
    }
    return LINCE_OK;
}

static void start_canvas(struct job *job)
{
    size_t bytes = (size_t)(job->height * job->width * 3);
    uint8_t *canvas = job->canvas + (size_t)job->done * bytes;

    if (job->done == 0) {
        memset(canvas, 0, bytes);
    } else {
        memcpy(canvas, canvas - bytes, bytes);
    }
}

/* The row that comes as the i-th: interlaced frames give every 8th, the 4ths between, the 2nds, the rest. */
static int64_t row_number(int64_t i, int64_t height, bool interlaced)
{
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};

    for (int pass = 0; interlaced && pass < 4; pass++) {
        int64_t rows = height > first[pass] ? (height - first[pass] + step[pass] - 1) / step[pass] : 0;
        if (i < rows) {
            return first[pass] + i * step[pass];
        }
        i -= rows;
    }
    return i;
}

/*
 * *whole says whether the frame could be read; when not, but the file may be used up to here, the result is LINCE_OK.
 */
static lince_status read_frame(struct job *job, bool *whole)
{
    *whole = false;
    int images = job->gif->ImageCount;
    if (DGifGetImageDesc(job->gif) == GIF_ERROR) {
        return job->gif->ImageCount > images ? fail(job)
                                             : LINCE_OK; /* giflib counts a frame whose data it then refuses */
    }
    GifImageDesc d = job->gif->SavedImages[job->gif->ImageCount - 1].ImageDesc;
    LI_TRY(li_image_check_size("GIF frame", d.Height, d.Width, 1, job->err));
    bool draw = job->done < job->drawn;
    if (draw) {
        start_canvas(job);
    }
    for (int64_t i = 0; i < d.Height; i++) {
        if (DGifGetLine(job->gif, job->row, d.Width) == GIF_ERROR) {
            return job->gif->Error == D_GIF_ERR_EOF_TOO_SOON ? fail(job) : LINCE_OK;
        }
        if (draw) {
            LI_TRY(draw_row(job, &d, row_number(i, d.Height, d.Interlace)));
        }
    }
    *whole = true;
    return LINCE_OK;
}

/* Only the first graphic control before a frame counts. */
static bool read_extension(struct job *job)
{
    GifByteType *block;
    int code;

    if (DGifGetExtension(job->gif, &code, &block) == GIF_ERROR) {
        return false;
    }
    if (code == GRAPHICS_EXT_FUNC_CODE && block && !job->has_control) {
        job->has_control = true;
        if (block[0] == 4 && (block[1] & 1)) {
            job->transparent = block[4];
        }
    }
    while (block) {
        if (DGifGetExtensionNext(job->gif, &block) == GIF_ERROR) {
            return false;
        }
    }
    return true;
}

static lince_status read_frames(struct job *job)
{
    GifRecordType type;

    job->transparent = NO_TRANSPARENT_COLOR;
    while (DGifGetRecordType(job->gif, &type) != GIF_ERROR && type != TERMINATE_RECORD_TYPE) {
        if (type == EXTENSION_RECORD_TYPE) {
            if (!read_extension(job)) {
                break;
            }
        } else if (type == IMAGE_DESC_RECORD_TYPE) {
            bool whole;
            LI_TRY(read_frame(job, &whole));
            if (!whole) {
                break;
            }
            job->done++;
            job->transparent = NO_TRANSPARENT_COLOR;
            job->has_control = false;
        }
    }
    if (job->done) {
        return LINCE_OK;
    }
    return job->gif->Error ? fail(job) : li_fail(job->err, LINCE_EINVAL, "GIF: the file has no frame");
}

static lince_status read_file(struct job *job, struct li_bytes file, struct li_mem *mem)
{
    enum { ROW_BYTES = 1 << 16 };
    int code = 0;

    job->rest = file;
    job->done = 0;
    if (!(job->gif = DGifOpen(&job->rest, read_bytes, &code))) {
        const char *why = GifErrorString(code);
        return li_fail(job->err, code == D_GIF_ERR_NOT_ENOUGH_MEM ? LINCE_ENOMEM : LINCE_ECORRUPT, "GIF: %s",
                       why ? why : "cannot be opened");
    }
    lince_status status = LINCE_ENOMEM;
    if ((job->row = li_alloc(mem, ROW_BYTES, job->err))) {
        status = read_frames(job);
    }
    li_free(mem, job->row);
    DGifCloseFile(job->gif, &code);
    return status;
}

static lince_status decode_frames(struct li_tensor *out, struct li_bytes file, const struct frames *frames, bool first,
                                  int64_t *done, struct li_mem *mem, lince_error *err)
{
    struct job job = {.drawn = first ? LI_MIN(frames->count, 1) : frames->count,
                      .height = frames->height,
                      .width = frames->width,
                      .err = err};
    struct li_tensor image = {0};

    if (frames->count) {
        LI_TRY(li_image_check_size("GIF", frames->height, frames->width, job.drawn, err));
        LI_TRY(li_image_alloc(&image, LINCE_UINT8, first ? 0 : job.drawn, job.height, job.width, 3, mem, err));
    }
    job.canvas = image.data;
    lince_status status = read_file(&job, file, mem);
    *done = job.done;
    if (status || job.done < frames->count) {
        li_free(mem, image.data);
        return status;
    }
    *out = image;
    return LINCE_OK;
}

static lince_status decode(struct li_tensor *out, struct li_bytes file, const struct li_image_options *options,
                           struct li_mem *mem, lince_error *err)
{
    int64_t most = INT64_MAX;
    struct frames frames;

    for (;;) {
        int64_t done = 0;
        LI_TRY(walk(&frames, file, most, err));
        LI_TRY(decode_frames(out, file, &frames, options->first_frame, &done, mem, err));
        if (done >= frames.count) {
            return LINCE_OK;
        }
        most = done; /* a later frame is damaged: once more, with the size of those before it */
    }
}

static lince_status size(struct li_bytes file, struct li_image_info *info, lince_error *err)
{
    struct frames frames;

    LI_TRY(walk(&frames, file, INT64_MAX, err));
    if (frames.count == 0) {
        return li_fail(err, LINCE_EINVAL, "GIF: no whole frame in %zu bytes", file.len);
    }
    info->height = frames.height;
    info->width = frames.width;
    info->channels = 3;
    info->frames = frames.count;
    return LINCE_OK;
}

static bool takes_channels(int channels)
{
    return channels == 0 || channels == 3;
}

const struct li_codec li_codec_gif = {
    .name = "GIF", .size = size, .decode = decode, .channels = "0 or 3", .takes_channels = takes_channels};
