// Geometry of a convolution, and the widening of its input to panels (see dot.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/m7/dot.hpp"
#include "engine/m7/simd.hpp"

namespace m7 {

// All in elements; tensors are height, width, channels. Output (y, x), tap (i, j) reads input
// (y * stride + i * dilation - pad). Only outputs that something reads are computed: `output_*` counts those.
struct Window {
  int input_height, input_width, input_channels;
  int kernel_height, kernel_width;
  int stride_height, stride_width;
  int dilation_height, dilation_width;
  int pad_top, pad_left;
  int output_height, output_width;

  constexpr int depth() const { return kernel_height * kernel_width * input_channels; }
  constexpr int groups() const { return (depth() + 3) / 4; }
  constexpr bool reads_padding() const {
    return pad_top > 0 || pad_left > 0 ||
           (output_height - 1) * stride_height + (kernel_height - 1) * dilation_height - pad_top >= input_height ||
           (output_width - 1) * stride_width + (kernel_width - 1) * dilation_width - pad_left >= input_width;
  }
};

// Widens `count` bytes, a multiple of 4, to pairs; `kStep` words from one group to the next. 4.5 instructions a
// word of four bytes.
template <int kStep>
inline Pair* widen(const std::int8_t* bytes, int count, Pair* to) {
#pragma GCC unroll 4
  for (int i = 0; i < count; i += 4, to += kStep) {
    const std::uint32_t word = load_word(bytes + i);
    to[0] = sxtb16(word);
    to[1] = sxtb16_ror8(word);
  }
  return to;
}

template <int kStep>
inline Pair* widen_constant(std::int8_t value, int count, Pair* to) {
  const Pair both = make_pair(value, value);
  for (int i = 0; i < count; i += 4, to += kStep) {
    to[0] = both;
    to[1] = both;
  }
  return to;
}

// Writes what output (y, x) sees, in the order row, column, channel, padding as `zero_point`. `kStep` is 4 for one
// of two pixels of a panel, 2 for a panel of one pixel.
template <const Window& kWindow, int kStep>
inline void pack_pixel(const std::int8_t* input, std::int8_t zero_point, int y, int x, Pair* to) {
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kRow = kWindow.kernel_width * kChannels;
  constexpr bool kPads = kWindow.reads_padding();
  const int top = y * kWindow.stride_height - kWindow.pad_top;
  const int left = x * kWindow.stride_width - kWindow.pad_left;
  const auto inside_row = [](int row) { return row >= 0 && row < kWindow.input_height; };
  const auto inside_column = [](int column) { return column >= 0 && column < kWindow.input_width; };
  const auto at = [input](int row, int column) {
    return input + (static_cast<std::ptrdiff_t>(row) * kWindow.input_width + column) * kChannels;
  };
  if constexpr (kWindow.dilation_width == 1 && kRow % 4 == 0 && (kChannels % 4 == 0 || !kPads)) {
    for (int i = 0; i < kWindow.kernel_height; ++i) {
      const int row = top + i * kWindow.dilation_height;
      if (!kPads || (inside_row(row) && left >= 0 && left + kWindow.kernel_width <= kWindow.input_width)) {
        to = widen<kStep>(at(row, left), kRow, to);
        continue;
      }
      for (int j = 0; j < kWindow.kernel_width; ++j) {
        to = inside_row(row) && inside_column(left + j) ? widen<kStep>(at(row, left + j), kChannels, to)
                                                        : widen_constant<kStep>(zero_point, kChannels, to);
      }
    }
  } else {
    alignas(4) std::int8_t patch[kWindow.groups() * 4];
    std::int8_t* next = patch;
    const bool inside = !kPads || (inside_row(top) && left >= 0 &&
                                   inside_row(top + (kWindow.kernel_height - 1) * kWindow.dilation_height) &&
                                   inside_column(left + (kWindow.kernel_width - 1) * kWindow.dilation_width));
    if (kWindow.dilation_width == 1 && inside) {
      for (int i = 0; i < kWindow.kernel_height; ++i, next += kRow) {
        std::memcpy(next, at(top + i * kWindow.dilation_height, left), kRow);
      }
    } else {
      for (int i = 0; i < kWindow.kernel_height; ++i) {
        const int row = top + i * kWindow.dilation_height;
        for (int j = 0; j < kWindow.kernel_width; ++j, next += kChannels) {
          const int column = left + j * kWindow.dilation_width;
          if (inside_row(row) && inside_column(column)) {
            std::memcpy(next, at(row, column), kChannels);
          } else {
            std::memset(next, zero_point, kChannels);
          }
        }
      }
    }
    // Weights are zero there.
    while (next != patch + sizeof patch) *next++ = 0;
    widen<kStep>(patch, sizeof patch, to);
  }
}

}  // namespace m7
