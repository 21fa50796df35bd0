// ADD of two int16 tensors of the same shape, to the bit as lite/micro/kernels/add.cc: both terms, with 15 bits
// more, brought to a common scale, their sum to the output's; each is rounded twice (requantize.hpp).
#pragma once

#include <cstdint>

#include "engine/m7/simd.hpp"

namespace m7 {

struct AddFactor {
  std::int32_t multiplier;
  int shift;  // to the right, 0 to 30
};

struct AddInt16 {
  AddFactor first, second, output;
  std::int32_t least, greatest;
};

// `twice`: twice the number.
inline std::int32_t scaled(std::int32_t twice, AddFactor factor) {
  const std::int32_t v = smmulr(twice, factor.multiplier);
  return factor.shift == 0 ? v : (v + (v >> 31) + (1 << (factor.shift - 1))) >> factor.shift;
}

template <const AddInt16& kAdd>
[[gnu::noinline]] void add_int16(const std::int16_t* first, const std::int16_t* second, int count,
                                 std::int16_t* output) {
  const auto one = [&](int i) {
    const std::int32_t sum = scaled(first[i] * (1 << 16), kAdd.first) + scaled(second[i] * (1 << 16), kAdd.second);
    const std::int32_t result = scaled(2 * sum, kAdd.output);
    if constexpr (kAdd.least == -32768 && kAdd.greatest == 32767) return static_cast<std::int16_t>(ssat16(result));
    return static_cast<std::int16_t>(result < kAdd.least      ? kAdd.least
                                     : result > kAdd.greatest ? kAdd.greatest
                                                              : result);
  };
  int i = 0;
  // The output may be an input's memory: two are read before two are written, so that they overlap.
  for (; i + 2 <= count; i += 2) {
    const std::int16_t one_of_two = one(i);
    const std::int16_t other = one(i + 1);
    output[i] = one_of_two;
    output[i + 1] = other;
  }
  if (i < count) output[i] = one(i);
}

}  // namespace m7
