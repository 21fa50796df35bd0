// ADD of two int8 tensors of the same shape, to the bit as lite/micro/kernels/add.cc: 20 instructions an element.
#pragma once

#include <cstdint>

#include "engine/m7/simd.hpp"

namespace m7 {

// One input: brought to 2^20 times the common scale. `offset` is -zero point * 2^21 (see requantize.hpp for twice).
struct AddInput {
  std::int32_t offset;
  std::int32_t multiplier;
  int shift;  // to the right
};

struct AddInt8 {
  AddInput first, second;
  std::int32_t multiplier;
  int shift;            // to the right, at least 1
  std::int32_t offset;  // (zero point << shift) + (1 << (shift - 1))
  std::int32_t least, greatest;
};

// RoundingDivideByPOT, halves away from zero.
template <int kShift>
inline std::int32_t round_shift(std::int32_t v) {
  if constexpr (kShift == 0) {
    return v;
  } else {
    return (v + (v >> 31) + (1 << (kShift - 1))) >> kShift;
  }
}

template <const AddInt8& kAdd>
[[gnu::noinline]] void add_int8(const std::int8_t* first, const std::int8_t* second, int count,
                                std::int8_t* output) {
#pragma GCC unroll 4
  for (int i = 0; i < count; ++i) {
    const std::int32_t a = smmulr(kAdd.first.offset + first[i] * (1 << 21), kAdd.first.multiplier);
    const std::int32_t b = smmulr(kAdd.second.offset + second[i] * (1 << 21), kAdd.second.multiplier);
    const std::int32_t sum = round_shift<kAdd.first.shift>(a) + round_shift<kAdd.second.shift>(b);
    const std::int32_t v = smmulr(sum * 2, kAdd.multiplier);
    std::int32_t result = (v + (v >> 31) + kAdd.offset) >> kAdd.shift;
    if constexpr (kAdd.least == -128 && kAdd.greatest == 127) {
      result = ssat8(result);
    } else {
      result = result < kAdd.least ? kAdd.least : result > kAdd.greatest ? kAdd.greatest : result;
    }
    output[i] = static_cast<std::int8_t>(result);
  }
}

}  // namespace m7
