// MEAN and SUM in int8 over neighbouring dimensions, to the bit as TensorFlow Lite Micro rounds them.
#pragma once

#include <cstdint>

#include "engine/m7/requantize.hpp"
#include "engine/m7/sums_int8.hpp"

namespace m7 {

// Of [outer][count][inner] the dimension in the middle goes.
struct MeanInt8 {
  int outer, count, inner;
  std::int32_t zero_sum;  // of as many zero points
  std::int32_t multiplier;
  int shift;  // to the right
  std::int32_t zero_point;
};

template <const MeanInt8& kMean>
[[gnu::noinline]] void mean_int8(const std::int8_t* input, std::int8_t* output) {
  constexpr int kInner = kMean.inner;
  constexpr int kCount = kMean.count;
  const auto store = [](std::int32_t sum, std::int8_t* to) {
    const std::int32_t centred = wrap_sub(sum, kMean.zero_sum);
    const std::int32_t scaled = requantize_in_full(centred, kMean.multiplier, kMean.shift);
    *to = static_cast<std::int8_t>(ssat8(wrap_add(scaled, kMean.zero_point)));
  };
  for (int outer = 0; outer < kMean.outer; ++outer, input += kCount * kInner, output += kInner) {
    if constexpr (kInner == 1) {
      // Four neighbours for four channels, which are added up in the end.
      std::int32_t total = 0;
      sum_pixels(input, kCount < 4 ? 0 : 4, 1, kCount / 4, 0, 4, [&](std::int32_t sum, int) { total += sum; });
      for (int i = kCount / 4 * 4; i < kCount; ++i) total += input[i];
      store(total, output);
    } else {
      sum_pixels(input, kInner, 1, kCount, 0, kInner,
                 [&](std::int32_t sum, int channel) { store(sum, output + channel); });
    }
  }
}

}  // namespace m7
