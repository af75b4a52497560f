/* Texts and photos in a page. */
#include "html.h"

#include <stdlib.h>
#include <string.h>

void cli_html_text(FILE *to, const char *text)
{
    static const struct {
        char letter;
        const char *name;
    } own[] = {{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\'', "&#39;"}};
    while (*text) {
        const char *shown;
        size_t bytes;
        text += app_visible(text, &shown, &bytes);
        for (size_t i = 0; bytes == 1 && i < APP_COUNT(own); i++) {
            if (*shown == own[i].letter) {
                shown = own[i].name;
                bytes = strlen(shown);
            }
        }
        fwrite(shown, 1, bytes, to);
    }
}

/* ---- Base64, in threes of bytes (RFC 4648) ---- */

struct base64 {
    FILE *to;
    uint32_t bits;
    int bytes;
};

static void put_digits(struct base64 *b)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0; i < 4; i++) {
        fputc(i <= b->bytes ? digit[b->bits >> (18 - 6 * i) & 63] : '=', b->to);
    }
    b->bits = 0;
    b->bytes = 0;
}

static void put_byte(struct base64 *b, unsigned byte)
{
    b->bits |= (uint32_t)(byte & 255) << (16 - 8 * b->bytes);
    if (++b->bytes == 3) {
        put_digits(b);
    }
}

static void put_number(struct base64 *b, uint32_t number, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        put_byte(b, number >> (8 * i));
    }
}

/* ---- A photo, made small, as a BMP file: 24 bits a pixel, rows from the bottom up and filled to four bytes ---- */

#define LONGER_SIDE 144
#define HEADERS 54

static unsigned byte_of(float value)
{
    return (unsigned)(value <= 0 ? 0 : value >= 1 ? 255 : value * 255 + 0.5f);
}

static void put_bmp(FILE *to, const float *pixels, int64_t h, int64_t w)
{
    struct base64 b = {.to = to};
    uint32_t filler = (uint32_t)(-3 * w) & 3, size = (uint32_t)h * ((uint32_t)w * 3 + filler);
    put_number(&b, 0x4D42, 2);
    put_number(&b, HEADERS + size, 4);
    put_number(&b, 0, 4);
    put_number(&b, HEADERS, 4);
    put_number(&b, 40, 4); /* BITMAPINFOHEADER */
    put_number(&b, (uint32_t)w, 4);
    put_number(&b, (uint32_t)h, 4);
    put_number(&b, 1, 2);
    put_number(&b, 24, 2);
    put_number(&b, 0, 4);
    put_number(&b, size, 4);
    for (int i = 0; i < 4; i++) {
        put_number(&b, 0, 4); /* no density, no palette */
    }
    for (int64_t y = h; y-- > 0;) {
        for (int64_t x = 0; x < w; x++) {
            const float *rgb = pixels + (y * w + x) * 3;
            put_byte(&b, byte_of(rgb[2]));
            put_byte(&b, byte_of(rgb[1]));
            put_byte(&b, byte_of(rgb[0]));
        }
        put_number(&b, 0, (int)filler);
    }
    if (b.bytes) {
        put_digits(&b);
    }
}

/* Its shape is kept, and nothing is made larger. */
static void fit(int64_t *h, int64_t *w)
{
    int64_t longer = *h > *w ? *h : *w;
    if (longer > LONGER_SIDE) {
        *h = (*h * LONGER_SIDE + longer / 2) / longer;
        *w = (*w * LONGER_SIDE + longer / 2) / longer;
        *h = *h ? *h : 1;
        *w = *w ? *w : 1;
    }
}

static void put_photo(FILE *to, const void *data, size_t size, const lince_image_options *how)
{
    float pixels[LONGER_SIDE * LONGER_SIDE * 3];
    lince_image_options options;
    lince_tensor whole;
    lince_image_options_init(&options);
    options.antialias = 1;
    options.orient = how->orient;
    if (lince_image_decode(data, size, 3, &options, &whole, NULL)) {
        return;
    }
    int64_t h = whole.dims[0], w = whole.dims[1];
    lince_tensor_free(&whole);
    fit(&h, &w);
    if (lince_image_load_bytes(data, size, &options, h, w, pixels, NULL) == LINCE_OK) {
        fprintf(to, "<img width=\"%d\" height=\"%d\" alt=\"\" src=\"data:image/bmp;base64,", (int)w, (int)h);
        put_bmp(to, pixels, h, w);
        fputs("\">", to);
    }
}

void cli_html_photo(FILE *to, const char *path, const lince_image_options *how)
{
    void *data;
    size_t size;
    if (app_read(path, CLI_PHOTO_LIMIT, &data, &size, NULL) == LINCE_OK) {
        put_photo(to, data, size, how);
        free(data);
    }
}
