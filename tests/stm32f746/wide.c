// wide.h by hand against the compiler's own 128 bits.
#include "wide.h"

#include <stdio.h>

static uint64_t state = 88172645463325252u;

static uint64_t random_bits(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state >> (state % 64);
}

int main(void) {
  for (int i = 0; i < 1000000; ++i) {
    const uint64_t a = random_bits(), b = random_bits(), c = random_bits() | 1;
    if (wide_product(a, b).high >= c) continue;  // the quotient takes more than 64 bits
    for (int up = 0; up < 2; ++up) {
      if (wide_scaled_by_hand(a, b, c, up) == wide_scaled(a, b, c, up)) continue;
      printf("%llu * %llu / %llu\n", (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
      return 1;
    }
  }
  return 0;
}
