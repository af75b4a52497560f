/* Seeded damage to small pictures of every format, through the same door as the fuzzer. LINCE_SEED repeats a run. */
#include "image_support.h"

#include "../../fuzz/image.c"

#include <time.h>

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % n;
}

static const char *const small[] = {
    "files/jpeg_420_q75_tiny.jpg",
    "files/jpeg_progressive_420.jpg",
    "files/jpeg_cmyk.jpg",
    "files/jpeg_arithmetic.jpg",
    "files/jpeg_exif_6.jpg",
    "files/jpeg_restart.jpg",
    "files/png_palette_4bit.png",
    "files/png_rgb_3x2_interlaced.png",
    "files/png_grey_1bit_interlaced.png",
    "files/png_palette_trns.png",
    "files/gif_animated_disposal1.gif",
    "files/gif_interlaced.gif",
    "files/webp_lossy.webp",
    "files/webp_alpha.webp",
    "files/webp_animated.webp",
    "malformed/bmp_overflow.bmp",
    "malformed/png_zero_width.png",
    "malformed/gif_frame_bomb.gif",
};

/* Change, repeat or remove a few bytes; half of the time near the start, where headers are. */
static size_t damage(uint8_t *data, size_t len)
{
    static const uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, 0x10, 0xd9, 0xda, 0x2c, 0x21, 0x3b};

    for (uint32_t n = 1 + random_below(4); n > 0 && len > 1; n--) {
        size_t at = random_below((uint32_t)(random_below(2) && len > 64 ? 64 : len));
        switch (random_below(5)) {
        case 0:
            data[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            data[at] = telling[random_below(sizeof(telling))];
            break;
        case 2:
            data[at] = (uint8_t)random_below(256);
            break;
        case 3: {
            size_t gap = 1 + random_below(16);
            gap = LI_MIN(gap, len - at);
            memmove(data + at, data + at + gap, len - at - gap);
            len -= gap;
            break;
        }
        default:
            len = random_below(8) ? len : 1 + random_below((uint32_t)len);
            break;
        }
    }
    return len;
}

static void damaged_pictures_end_in_an_error_or_a_picture(void **state)
{
    enum { ROUNDS = 60 };
    const char *seed = getenv("LINCE_SEED");

    (void)state;
    random_state = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
    print_message("LINCE_SEED=%llu\n", (unsigned long long)random_state);
    for (size_t i = 0; i < LI_COUNT(small); i++) {
        struct li_file file = map_golden(small[i]);
        for (int round = 0; round < ROUNDS; round++) {
            uint8_t *copy = malloc(file.bytes.len);
            assert_non_null(copy);
            memcpy(copy, file.bytes.data, file.bytes.len);
            size_t len = damage(copy, file.bytes.len);
            uint8_t *exact = malloc(len ? len : 1); /* so that reading one byte too many is seen */
            assert_non_null(exact);
            memcpy(exact, copy, len);
            LLVMFuzzerTestOneInput(exact, len);
            free(exact);
            free(copy);
        }
        li_file_unmap(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(damaged_pictures_end_in_an_error_or_a_picture)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
