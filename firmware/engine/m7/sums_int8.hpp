// Sums of int8 over pixels, channel by channel.
//
// SXTAB16 adds two of a word's four bytes to two sums of 16 bits: 3 instructions for four numbers, 0.5 cycles each.
// 256 numbers fit such a sum.
#pragma once

#include <cstdint>

#include "engine/m7/simd.hpp"

namespace m7 {

constexpr int kMostInSum = 256;

// Sums of the channels of 4 * kWords neighbours, over `columns` pixels of each of `rows` rows.
template <int kWords>
[[gnu::always_inline]] inline void sum_words(const std::int8_t* from, int rows, int columns, int row_bytes,
                                             int pixel_bytes, std::int32_t (&sums)[4 * kWords]) {
  Pair even[kWords] = {};
  Pair odd[kWords] = {};
  const auto add = [&](const std::int8_t* pixel, int count) {
#pragma GCC unroll 4
    for (int i = 0; i < count; ++i, pixel += pixel_bytes) {
#pragma GCC unroll 2
      for (int j = 0; j < kWords; ++j) {
        const std::uint32_t word = load_word(pixel + 4 * j);
        even[j] = sxtab16(even[j], word);
        odd[j] = sxtab16_ror8(odd[j], word);
      }
    }
  };
  const auto flush = [&] {
#pragma GCC unroll 2
    for (int j = 0; j < kWords; ++j) {
      sums[4 * j] += low(even[j]);
      sums[4 * j + 1] += low(odd[j]);
      sums[4 * j + 2] += high(even[j]);
      sums[4 * j + 3] += high(odd[j]);
      even[j] = odd[j] = 0;
    }
  };
  for (std::int32_t& sum : sums) sum = 0;
  if (rows * columns <= kMostInSum) {
    for (int i = 0; i < rows; ++i, from += row_bytes) add(from, columns);
    flush();
    return;
  }
  for (int i = 0; i < rows; ++i, from += row_bytes) {
    for (int first = 0; first < columns; first += kMostInSum) {
      add(from + first * pixel_bytes, columns - first < kMostInSum ? columns - first : kMostInSum);
      flush();
    }
  }
}

// Calls `take(sum, channel)` for each of `channels`, in their order.
template <typename Take>
[[gnu::always_inline]] inline void sum_pixels(const std::int8_t* from, int channels, int rows, int columns,
                                              int row_bytes, int pixel_bytes, Take take) {
  int channel = 0;
  for (; channel + 8 <= channels; channel += 8) {
    std::int32_t sums[8];
    sum_words<2>(from + channel, rows, columns, row_bytes, pixel_bytes, sums);
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) take(sums[i], channel + i);
  }
  if (channel + 4 <= channels) {
    std::int32_t sums[4];
    sum_words<1>(from + channel, rows, columns, row_bytes, pixel_bytes, sums);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) take(sums[i], channel + i);
    channel += 4;
  }
  for (; channel < channels; ++channel) {
    std::int32_t sum = 0;
    for (int i = 0; i < rows; ++i) {
      const std::int8_t* pixel = from + i * row_bytes + channel;
#pragma GCC unroll 4
      for (int j = 0; j < columns; ++j, pixel += pixel_bytes) sum += *pixel;
    }
    take(sum, channel);
  }
}

}  // namespace m7
