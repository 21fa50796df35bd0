// DEPTHWISE_CONV_2D of int16 activations and in dynamic range, with weights of 8 bits: four channels at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/quantise_float.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/wide.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct DepthwiseWide {
  int batches;
  int multiplier;  // output channels of an input channel
};

namespace wide {

// Whether a word's weights are channels 0 2 1 3, as two words of int16 numbers want them; else 0 1 2 3.
template <const DepthwiseWide& kConv, typename Input>
constexpr bool kSwapped = sizeof(Input) == 2 && kConv.multiplier == 1;

// Sums of four channels, of the weights in bytes 0, 2, 1 and 3, over rows x columns taps. `minus_zero`: the
// negative zero point in both halves, added to each number. With a multiplier, of 4 or more, all four see one input
// channel.
template <const Window& kWindow, const DepthwiseWide& kConv, typename Input>
[[gnu::always_inline]] inline void four_channels(const Input* from, const std::int8_t* by, int rows, int columns,
                                                 Pair minus_zero, std::int32_t (&sums)[4]) {
  constexpr int kInputs = kWindow.input_channels;
  constexpr int kOutputs = kInputs * kConv.multiplier;
  constexpr int kDown = kWindow.dilation_height * kWindow.input_width * kInputs;
  constexpr int kAcross = kWindow.dilation_width * kInputs;
#pragma GCC unroll 3
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 4
    for (int j = 0; j < columns; ++j) {
      const Input* const x = from + i * kDown + j * kAcross;
      const std::uint32_t word = load_word(by + (i * kWindow.kernel_width + j) * kOutputs);
      const Pair a = sxtb16(word);
      const Pair b = sxtb16_ror8(word);
      if constexpr (kConv.multiplier > 1) {
        const auto all = static_cast<Pair>(*x + low(minus_zero));
        sums[0] = smlabb(all, a, sums[0]);
        sums[2] = smlabb(all, b, sums[2]);
        sums[1] = smlabt(all, a, sums[1]);
        sums[3] = smlabt(all, b, sums[3]);
      } else {
        Pair c;
        Pair d;
        if constexpr (sizeof(Input) == 2) {
          c = load_word(x);
          d = load_word(x + 2);
        } else {
          const std::uint32_t bytes = load_word(x);
          c = sxtab16(minus_zero, bytes);
          d = sxtab16_ror8(minus_zero, bytes);
        }
        sums[0] = smlabb(c, a, sums[0]);
        sums[2] = smlabb(d, b, sums[2]);
        sums[1] = smlatt(c, a, sums[1]);
        sums[3] = smlatt(d, b, sums[3]);
      }
    }
  }
}

// All channels of an output, whose window has rows x columns taps inside of the image.
template <const Window& kWindow, const DepthwiseWide& kConv, typename Input, typename Output, typename Channel>
[[gnu::always_inline]] inline void one_pixel(const Input* from, const std::int8_t* by, int rows, int columns,
                                             Pair minus_zero, const std::int32_t* scaling, Output* to,
                                             Channel channel) {
  constexpr int kInputs = kWindow.input_channels;
  constexpr int kMultiplier = kConv.multiplier;
  constexpr int kOutputs = kInputs * kMultiplier;
  constexpr bool kFours = kMultiplier == 1 || kMultiplier % 4 == 0;
  constexpr int kSecond = kSwapped<kConv, Input> ? 1 : 2;  // channel of the second sum
  int i = 0;
  for (; kFours && i + 4 <= kOutputs; i += 4, scaling += 4 * kScalingWords) {
    std::int32_t sums[4] = {};
    four_channels<kWindow, kConv>(from + i / kMultiplier, by + i, rows, columns, minus_zero, sums);
    to[i] = channel(scaling)(sums[0]);
    to[i + kSecond] = channel(scaling + kSecond * kScalingWords)(sums[1]);
    to[i + 3 - kSecond] = channel(scaling + (3 - kSecond) * kScalingWords)(sums[2]);
    to[i + 3] = channel(scaling + 3 * kScalingWords)(sums[3]);
  }
  for (; i < kOutputs; ++i, scaling += kScalingWords) {
    std::int32_t sum = 0;
    for (int row = 0; row < rows; ++row) {
#pragma GCC unroll 4
      for (int column = 0; column < columns; ++column) {
        const std::int32_t x =
            from[i / kMultiplier + row * kWindow.dilation_height * kWindow.input_width * kInputs +
                 column * kWindow.dilation_width * kInputs];
        sum += (x + low(minus_zero)) * by[i + (row * kWindow.kernel_width + column) * kOutputs];
      }
    }
    to[i] = channel(scaling)(sum);
  }
}

// The first tap that is inside, and how many are.
struct Inside {
  int first, count;
};
inline Inside inside(int start, int step, int taps, int size) {
  int first = 0;
  while (first < taps && start + first * step < 0) ++first;
  int end = taps;
  while (end > first && start + (end - 1) * step >= size) --end;
  return {first, end - first};
}

// An image.
template <const Window& kWindow, const DepthwiseWide& kConv, typename Input, typename Output, typename Channel>
[[gnu::always_inline]] inline void each_channel(const Input* input, Pair minus_zero, const std::int8_t* weights,
                                                const std::int32_t* scalings, Output* output, Channel channel) {
  constexpr int kOutputs = kWindow.input_channels * kConv.multiplier;
  for (int y = 0; y < kWindow.output_height; ++y) {
    const int top = y * kWindow.stride_height - kWindow.pad_top;
    const Inside rows = inside(top, kWindow.dilation_height, kWindow.kernel_height, kWindow.input_height);
    for (int x = 0; x < kWindow.output_width; ++x, output += kOutputs) {
      const int left = x * kWindow.stride_width - kWindow.pad_left;
      const Inside columns = inside(left, kWindow.dilation_width, kWindow.kernel_width, kWindow.input_width);
      const int row = top + rows.first * kWindow.dilation_height;
      const int column = left + columns.first * kWindow.dilation_width;
      const Input* const from = input + (row * kWindow.input_width + column) * kWindow.input_channels;
      const std::int8_t* const by = weights + (rows.first * kWindow.kernel_width + columns.first) * kOutputs;
      if (rows.count == kWindow.kernel_height && columns.count == kWindow.kernel_width) {
        one_pixel<kWindow, kConv>(from, by, kWindow.kernel_height, kWindow.kernel_width, minus_zero, scalings,
                                  output, channel);
      } else {
        one_pixel<kWindow, kConv>(from, by, rows.count, columns.count, minus_zero, scalings, output, channel);
      }
    }
  }
}

template <const Window& kWindow>
constexpr int inputs() {
  return kWindow.input_height * kWindow.input_width * kWindow.input_channels;
}
template <const Window& kWindow, const DepthwiseWide& kConv>
constexpr std::ptrdiff_t outputs() {
  return std::ptrdiff_t{kWindow.output_height} * kWindow.output_width * kWindow.input_channels * kConv.multiplier;
}

}  // namespace wide

// `weights`: row, column, output channel, in fours 0 2 1 3 where there is no multiplier. `scalings`: of each
// channel WideEnd's.
template <const Window& kWindow, const DepthwiseWide& kConv, const WideEnds& kEnds>
[[gnu::noinline]] void depthwise_wide(const std::int16_t* input, const std::int8_t* weights,
                                      const std::int32_t* scalings, std::int16_t* output) {
  const auto channel = [](const std::int32_t* scaling) { return WideChannel<kEnds>(scaling); };
  for (int batch = 0; batch < kConv.batches; ++batch) {
    wide::each_channel<kWindow, kConv>(input, Pair{0}, weights, scalings, output, channel);
    input += wide::inputs<kWindow>();
    output += wide::outputs<kWindow, kConv>();
  }
}

// Each image is quantised for itself. `weights`: row, column, output channel. `quantised`: room for an image.
template <const Window& kWindow, const DepthwiseWide& kConv, const HybridEnds& kEnds>
[[gnu::noinline]] void depthwise_hybrid(const float* input, const std::int8_t* weights,
                                        const std::int32_t* scalings, std::int8_t* quantised, float* output) {
  for (int batch = 0; batch < kConv.batches; ++batch) {
    const reference::Affine affine = quantise_float<kEnds.asymmetric>(input, wide::inputs<kWindow>(), quantised);
    const auto channel = [affine](const std::int32_t* scaling) {
      return HybridChannel<kEnds>(scaling, affine.scale, 0);
    };
    const Pair minus_zero = make_pair(-affine.zero_point, -affine.zero_point);
    wide::each_channel<kWindow, kConv>(quantised, minus_zero, weights, scalings, output, channel);
    input += wide::inputs<kWindow>();
    output += wide::outputs<kWindow, kConv>();
  }
}

}  // namespace m7
