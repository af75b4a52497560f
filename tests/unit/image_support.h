/* Golden pictures: files, .npy arrays, the manifest, checksums. */
#ifndef IMAGE_SUPPORT_H
#define IMAGE_SUPPORT_H

#include "test.h"

#include "image/image.h"

#include <jansson.h>

/* For tests of formats that -DLINCE_IMAGE=OFF leaves out. */
#ifdef LINCE_IMAGE
#define NEEDS_CODECS() (void)0
#else
#define NEEDS_CODECS() skip()
#endif

#define GOLDEN LINCE_TEST_DATA "/golden/decode/"

/* ---- SHA-256 (FIPS 180-4) ---- */

static inline uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static inline void sha256_block(uint32_t state[8], const uint8_t *p)
{
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++) {
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] =
            w[i - 16] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + w[i - 7] + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof(s));
    for (int i = 0; i < 64; i++) {
        uint32_t t = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) +
                     k[i] + w[i];
        uint32_t u =
            (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(*s));
        s[4] += t;
        s[0] = t + u;
    }
    for (int i = 0; i < 8; i++) {
        state[i] += s[i];
    }
}

static inline const char *sha256(const void *data, size_t len, char text[65])
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint8_t tail[128] = {0};
    size_t whole = len / 64 * 64, left = len - whole, tail_len = left < 56 ? 64 : 128;

    for (size_t i = 0; i < whole; i += 64) {
        sha256_block(state, (const uint8_t *)data + i);
    }
    if (left) {
        memcpy(tail, (const uint8_t *)data + whole, left);
    }
    tail[left] = 0x80;
    for (int i = 0; i < 8; i++) {
        tail[tail_len - 1 - i] = (uint8_t)((uint64_t)len * 8 >> 8 * i);
    }
    for (size_t i = 0; i < tail_len; i += 64) {
        sha256_block(state, tail + i);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(text + 8 * i, 9, "%08x", state[i]);
    }
    return text;
}

/* ---- files ---- */

/* "photos/..." are those of the examples. */
static inline struct li_file map_golden(const char *name)
{
    struct li_file file;
    lince_error err;
    char path[1024];

    snprintf(path, sizeof(path), "%s%s", strncmp(name, "photos/", 7) ? GOLDEN : LINCE_TEST_DATA "/../examples/", name);
    if (li_file_map(&file, path, &err)) {
        fail_msg("%s", err.text);
    }
    return file;
}

static inline json_t *read_json(const char *name)
{
    json_error_t error;
    char path[1024];

    snprintf(path, sizeof(path), GOLDEN "%s", name);
    json_t *root = json_load_file(path, 0, &error);
    if (!root) {
        fail_msg("%s: %s", name, error.text);
    }
    return root;
}

static inline const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static inline int64_t int_at(const json_t *array, size_t i)
{
    return json_integer_value(json_array_get(array, i));
}

/* The data of the .npy record at an offset of a mapped file; count receives how many elements its shape has. */
static inline const void *npy_data(struct li_bytes file, size_t offset, int64_t *count)
{
    assert_true(file.len >= offset + 10);
    const uint8_t *p = file.data + offset;
    assert_memory_equal(p, "\x93NUMPY\1\0", 8);
    size_t header = p[8] | (size_t)p[9] << 8;
    char text[256];
    assert_true(header < sizeof(text));
    memcpy(text, p + 10, header);
    text[header] = '\0';
    const char *at = strstr(text, "'shape': (");
    assert_non_null(at);
    *count = 1;
    for (at += 10; *at != ')'; at += *at == ',' || *at == ' ') {
        char *end = (char *)at;
        if (*at >= '0' && *at <= '9') {
            *count *= strtoll(at, &end, 10);
        }
        at = end;
    }
    return p + 10 + header;
}

static inline lince_dtype dtype_of(const char *name)
{
    static const lince_dtype all[] = {LINCE_UINT8, LINCE_UINT16, LINCE_FLOAT32, LINCE_INT32};

    for (size_t i = 0; i < LI_COUNT(all); i++) {
        if (strcmp(li_dtype_name(all[i]), name) == 0) {
            return all[i];
        }
    }
    fail_msg("dtype %s", name);
    return LINCE_DTYPE_NONE;
}

static inline struct li_mem *new_mem(void)
{
    struct li_mem *mem = li_mem_new(NULL, NULL, NULL, 0);

    assert_non_null(mem);
    return mem;
}

/* Everything that was taken must be back. */
static inline void end_mem(struct li_mem *mem)
{
    assert_int_equal(li_mem_used_bytes(mem), 0);
    li_mem_release(mem);
}

#endif
