/* Philox-4x32-10. */
#include "base/base.h"

static void rounds(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t c0 = (uint32_t)(p1 >> 32) ^ c[1] ^ k0, c2 = (uint32_t)(p0 >> 32) ^ c[3] ^ k1;
        c[0] = c0, c[1] = (uint32_t)p1, c[2] = c2, c[3] = (uint32_t)p0;
    }
}

void li_philox_next(struct li_philox *p, uint32_t words[4])
{
    words[0] = (uint32_t)p->low, words[1] = (uint32_t)(p->low >> 32);
    words[2] = (uint32_t)p->high, words[3] = (uint32_t)(p->high >> 32);
    rounds(words, (uint32_t)p->key, (uint32_t)(p->key >> 32));
    li_philox_skip(p, 1);
}

void li_philox_skip(struct li_philox *p, uint64_t blocks)
{
    p->low += blocks;
    p->high += p->low < blocks;
}

struct li_philox li_philox_from_seeds(uint64_t seed, uint64_t seed2)
{
    struct li_philox p = {.low = seed, .high = seed2, .key = 0x02461e293ec8f720u};
    uint32_t m[4];
    li_philox_next(&p, m);
    return (struct li_philox){.key = m[0] | (uint64_t)m[1] << 32, .low = 0, .high = m[2] | (uint64_t)m[3] << 32};
}
