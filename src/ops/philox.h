/* Philox-4x32-10 (Salmon, Moraes, Dror, Shaw 2011), the counter-based generator of TensorFlow's random ops. */
#ifndef LI_OPS_PHILOX_H
#define LI_OPS_PHILOX_H

#include <stdint.h>

/* The 128-bit counter of the next block, and the key. */
struct li_philox {
    uint64_t low, high, key;
};

/* Four words, and the counter moves on by one. */
void li_philox_next(struct li_philox *p, uint32_t words[4]);
void li_philox_skip(struct li_philox *p, uint64_t blocks);

/* Key and counter from the two seeds of a stateless op, scrambled as TensorFlow does. */
struct li_philox li_philox_from_seeds(uint64_t seed, uint64_t seed2);

#endif
