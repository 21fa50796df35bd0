// MAX_POOL_2D and AVERAGE_POOL_2D of int16, to the bit as TensorFlow Lite Micro; see pool_int8.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/pool_int8.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct PoolInt16 {
  int batches;
  std::int32_t least, greatest;
};

// `start`, combined with what `from` points to in each pixel under a window.
template <const Window& kWindow, typename Sum, typename Combine>
[[gnu::always_inline]] inline Sum over_window(const std::int16_t* from, int rows, int columns, Sum start,
                                              Combine combine) {
  constexpr int kRow = kWindow.input_width * kWindow.input_channels;
  Sum sum = start;
#pragma GCC unroll 3
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < columns; ++j) sum = combine(sum, from + i * kRow + j * kWindow.input_channels);
  }
  return sum;
}

template <const PoolInt16& kPool>
inline std::int16_t pooled(std::int32_t value) {
  return static_cast<std::int16_t>(value < kPool.least      ? kPool.least
                                   : value > kPool.greatest ? kPool.greatest
                                                            : value);
}

template <const Window& kWindow, const PoolInt16& kPool>
[[gnu::noinline]] void max_pool_int16(const std::int16_t* input, std::int16_t* output) {
  constexpr int kChannels = kWindow.input_channels;
  for_each_window<kWindow, kPool>(
      input, output,
      [](const std::int16_t* from, int rows, int columns, std::int16_t* to) __attribute__((always_inline)) {
        int channel = 0;
        for (; channel + 2 <= kChannels; channel += 2) {
          const Pair most =
              over_window<kWindow>(from + channel, rows, columns, Pair{0x80008000U},
                                   [](Pair a, const std::int16_t* x) { return max_halves(load_word(x), a); });
          to[channel] = pooled<kPool>(low(most));
          to[channel + 1] = pooled<kPool>(high(most));
        }
        if (channel < kChannels) {
          to[channel] = pooled<kPool>(over_window<kWindow>(
              from + channel, rows, columns, std::int32_t{-32768},
              [](std::int32_t a, const std::int16_t* x) { return *x > a ? std::int32_t{*x} : a; }));
        }
      });
}

template <const Window& kWindow, const PoolInt16& kPool>
[[gnu::noinline]] void average_pool_int16(const std::int16_t* input, std::int16_t* output) {
  constexpr int kChannels = kWindow.input_channels;
  for_each_window<kWindow, kPool>(
      input, output,
      [](const std::int16_t* from, int rows, int columns, std::int16_t* to) __attribute__((always_inline)) {
        const int count = rows * columns;
        for (int channel = 0; channel < kChannels; ++channel) {
          const std::int32_t sum =
              over_window<kWindow>(from + channel, rows, columns, std::int32_t{0},
                                   [](std::int32_t a, const std::int16_t* x) { return a + *x; });
          // Halves away from zero.
          to[channel] = pooled<kPool>((sum > 0 ? sum + count / 2 : sum - count / 2) / count);
        }
      });
}

}  // namespace m7
