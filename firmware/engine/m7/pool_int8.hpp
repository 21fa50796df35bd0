// MAX_POOL_2D and AVERAGE_POOL_2D in int8, to the bit as TensorFlow Lite Micro.
//
// Four channels a word: SSUB8 and SEL find the greater of each (3 instructions for four numbers), SXTAB16 adds
// (sums_int8.hpp). Padding does not take part; a window without any has constant
// sizes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/simd.hpp"
#include "engine/m7/sums_int8.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct PoolInt8 {
  int batches;
  std::int8_t least, greatest;
};

// Calls `one(from, rows, columns, to)` for each output: the window's first pixel in the image, and how much of the
// window is there.
template <const Window& kWindow, const auto& kPool, typename Number, typename One>
[[gnu::always_inline]] inline void for_each_window(const Number* input, Number* output, One one) {
  constexpr int kChannels = kWindow.input_channels;
  for (int batch = 0; batch < kPool.batches; ++batch) {
    for (int y = 0; y < kWindow.output_height; ++y) {
      for (int x = 0; x < kWindow.output_width; ++x, output += kChannels) {
        const int top = y * kWindow.stride_height - kWindow.pad_top;
        const int left = x * kWindow.stride_width - kWindow.pad_left;
        const int bottom = top + kWindow.kernel_height;
        const int right = left + kWindow.kernel_width;
        if (!kWindow.reads_padding() ||
            (top >= 0 && left >= 0 && bottom <= kWindow.input_height && right <= kWindow.input_width)) {
          one(input + (top * kWindow.input_width + left) * kChannels, kWindow.kernel_height, kWindow.kernel_width,
              output);
        } else {
          const int first_row = top < 0 ? 0 : top;
          const int first_column = left < 0 ? 0 : left;
          one(input + (first_row * kWindow.input_width + first_column) * kChannels,
              (bottom < kWindow.input_height ? bottom : kWindow.input_height) - first_row,
              (right < kWindow.input_width ? right : kWindow.input_width) - first_column, output);
        }
      }
    }
    input += static_cast<std::ptrdiff_t>(kWindow.input_height) * kWindow.input_width * kChannels;
  }
}

template <const Window& kWindow, const PoolInt8& kPool>
[[gnu::noinline]] void max_pool_int8(const std::int8_t* input, std::int8_t* output) {
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kRow = kWindow.input_width * kChannels;
  constexpr std::uint32_t kEach = 0x01010101U;
  constexpr std::uint32_t kLeast = static_cast<std::uint8_t>(kPool.least) * kEach;
  constexpr std::uint32_t kGreatest = static_cast<std::uint8_t>(kPool.greatest) * kEach;
  for_each_window<kWindow, kPool>(
      input, output,
      [](const std::int8_t* from, int rows, int columns, std::int8_t* to) __attribute__((always_inline)) {
        int channel = 0;
        for (; channel + 4 <= kChannels; channel += 4) {
          std::uint32_t most = kLeast;
#pragma GCC unroll 3
          for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
            for (int j = 0; j < columns; ++j) {
              most = max_bytes(load_word(from + channel + i * kRow + j * kChannels), most);
            }
          }
          if constexpr (kPool.greatest < 127) most = min_bytes(most, kGreatest);
          store_word(to + channel, most);
        }
        for (; channel < kChannels; ++channel) {
          std::int32_t most = kPool.least;
          for (int i = 0; i < rows; ++i) {
            for (int j = 0; j < columns; ++j) {
              const std::int32_t value = from[channel + i * kRow + j * kChannels];
              if (value > most) most = value;
            }
          }
          to[channel] = static_cast<std::int8_t>(most < kPool.greatest ? most : kPool.greatest);
        }
      });
}

// Halves away from zero. The dividend is made positive, which a whole number of divisors does not change.
inline std::int32_t average(std::int32_t sum, int count) {
  constexpr int kMost = 129;
  const std::int32_t half = count / 2 + (count % 2 == 0 ? sum >> 31 : 0);
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(sum + half + kMost * count) /
                                   static_cast<std::uint32_t>(count)) -
         kMost;
}

template <const Window& kWindow, const PoolInt8& kPool>
[[gnu::noinline]] void average_pool_int8(const std::int8_t* input, std::int8_t* output) {
  constexpr int kChannels = kWindow.input_channels;
  for_each_window<kWindow, kPool>(
      input, output,
      [](const std::int8_t* from, int rows, int columns, std::int8_t* to) __attribute__((always_inline)) {
        sum_pixels(from, kChannels, rows, columns, kWindow.input_width * kChannels, kChannels,
                   [rows, columns, to](std::int32_t sum, int channel) {
                     std::int32_t result = average(sum, rows * columns);
                     if constexpr (kPool.least > -128) result = result < kPool.least ? kPool.least : result;
                     if constexpr (kPool.greatest < 127) result = result > kPool.greatest ? kPool.greatest : result;
                     to[channel] = static_cast<std::int8_t>(result);
                   });
      });
}

}  // namespace m7
