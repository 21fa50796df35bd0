// Products of 128 bits, also where a compiler has no type for them (32-bit hosts).
#ifndef RENODE_MNIST_WIDE_H
#define RENODE_MNIST_WIDE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  uint64_t high, low;
} Product;

static inline Product wide_product(uint64_t a, uint64_t b) {
  const uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
  const uint64_t lowest = a_low * b_low, first = a_high * b_low, second = a_low * b_high;
  const uint64_t middle = (lowest >> 32) + (uint32_t)first + (uint32_t)second;
  return (Product){a_high * b_high + (first >> 32) + (second >> 32) + (middle >> 32),
                   middle << 32 | (uint32_t)lowest};
}

// a * b / c, rounded down or up, for quotients of 64 bits: by long division, bit by bit.
static inline uint64_t wide_scaled_by_hand(uint64_t a, uint64_t b, uint64_t c, bool up) {
  const Product product = wide_product(a, b);
  uint64_t rest = product.high, quotient = 0;
  for (int bit = 63; bit >= 0; --bit) {
    const bool carry = rest >> 63;
    rest = rest << 1 | (product.low >> bit & 1);
    const bool goes = carry || rest >= c;
    if (goes) rest -= c;
    quotient = quotient << 1 | goes;
  }
  return quotient + (up && rest);
}

static inline uint64_t wide_scaled(uint64_t a, uint64_t b, uint64_t c, bool up) {
#ifdef __SIZEOF_INT128__
  __extension__ typedef unsigned __int128 Wide;
  return (uint64_t)(((Wide)a * b + (up ? c - 1 : 0)) / c);
#else
  return wide_scaled_by_hand(a, b, c, up);
#endif
}

#endif
