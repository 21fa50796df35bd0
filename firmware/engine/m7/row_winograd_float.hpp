// CONV_2D with rows of three taps, stride 1, in float32 by Winograd's F(3, 3) along rows: 5 products instead of 9
// for three outputs. For images too small for the 2x2 tiles of winograd_float.hpp; outputs come in threes.
//
// Transform of the points 0, 1, -1, 2 and infinity (Winograd, "Arithmetic Complexity of Computations", 1980);
// weights are transformed offline, which takes 5/3 of their flash.
//
// Cost: products 1.12 instructions each, 0.62 a direct multiply-accumulate; 30 a channel and row for the
// transforms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/m7/conv_float.hpp"
#include "engine/m7/fma_block.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

constexpr int kRowPositions = 5;

// `transformed`: 5 positions x input channels x input rows x thirds of an output row. `products`: 5 positions x
// `rows` channels x outputs / 3. `weights`: block of `rows` output channels, position, as conv_float has them.
template <const Window& kWindow, const ConvFloat& kConv>
[[gnu::noinline]] void row_winograd_float(const float* input, const float* weights, const float* bias,
                                          float* transformed, float* products, float* output) {
  constexpr int kInputs = kWindow.input_channels;
  constexpr int kChannels = kConv.output_channels;
  constexpr int kThirds = kWindow.output_width / 3;
  constexpr int kInputRows = kWindow.input_height;
  constexpr int kPlane = kInputRows * kThirds;
  constexpr int kPixels = kWindow.output_height * kThirds;
  constexpr int kTaps = kConv.taps;  // kernel_height where rows are single thirds, else 1
  constexpr int kSegments = kWindow.kernel_height / kTaps;
  constexpr Cut kCut = cut(kPixels, kColumnsOfBlock);
  constexpr int kSize = kCut.size;
  constexpr int kLonger = kCut.longer;
  constexpr int kBlocks = kCut.blocks;
  constexpr int kOutputPlane = kWindow.output_height * kWindow.output_width;
  static_assert(kWindow.kernel_width == 3 && kWindow.output_width % 3 == 0 && !kConv.copies);

  // Channels and rows follow one another without a gap: they are one long column of rows.
  float* to = transformed;
  for (int row = 0; row < kInputs * kInputRows; ++row, input += kWindow.input_width) {
    const float* d = input;
    for (int third = 0; third < kThirds; ++third, d += 3, ++to) {
      const float d1 = d[1];
      const float d2 = d[2];
      const float d3 = d[3];
      const float odd = d3 - d1;
      const float even = d3 - d2;
      to[0] = 2.0F * (d[0] - d2) + odd;
      to[kInputs * kPlane] = even - 2.0F * d1;
      to[2 * kInputs * kPlane] = even + 2.0F * (d1 - d2);
      to[3 * kInputs * kPlane] = odd;
      to[4 * kInputs * kPlane] = d[4] - d2 - 2.0F * odd;
    }
  }
  std::int32_t offsets[kSegments];
  for (int i = 0; i < kSegments; ++i) offsets[i] = i * kThirds;

  const auto channels = [&](auto rows_constant, int first) {
    constexpr int kRows = decltype(rows_constant)::value;
    constexpr int kBlockWeights = kRows * kInputs * kWindow.kernel_height;
    for (int position = 0; position < kRowPositions; ++position, weights += kBlockWeights) {
      const float* from = transformed + position * kInputs * kPlane;
      float* sums = products + position * kRows * kPixels;
      for (int block = 0; block < kBlocks; ++block) {
        if constexpr (kLonger > 0) {
          if (block < kLonger) {
            FmaBlock<kRows, kSize + 1, kTaps>::template run<kInputs, kPlane, kPixels>(weights, from, offsets,
                                                                                      kSegments, sums);
            from += kSize + 1;
            sums += kSize + 1;
            continue;
          }
        }
        FmaBlock<kRows, kSize, kTaps>::template run<kInputs, kPlane, kPixels>(weights, from, offsets, kSegments,
                                                                              sums);
        from += kSize;
        sums += kSize;
      }
    }
    for (int row = 0; row < kRows; ++row) {
      const float* m = products + row * kPixels;
      const float add = bias[first + row];
      constexpr int kStep = kConv.planar_output ? 1 : kChannels;
      float* out = output + (first + row) * (kConv.planar_output ? kOutputPlane : 1);
#pragma GCC unroll 3
      for (int pixel = 0; pixel < kPixels; ++pixel, ++m, out += 3 * kStep) {
        const float m1 = m[kRows * kPixels];
        const float m2 = m[2 * kRows * kPixels];
        const float m3 = m[3 * kRows * kPixels];
        const float sum = m1 + m2;
        const float twice = m3 + m3;
        out[0] = clamp<kConv>(m[0] + sum + m3 + add);
        out[kStep] = clamp<kConv>(m1 - m2 + twice + add);
        out[2 * kStep] = clamp<kConv>(sum + (twice + twice) + m[4 * kRows * kPixels] + add);
      }
    }
  };

  int first = 0;
  for (; first + kConv.rows <= kChannels; first += kConv.rows) {
    channels(std::integral_constant<int, kConv.rows>{}, first);
  }
  if constexpr (kChannels % kConv.rows != 0) {
    channels(std::integral_constant<int, kChannels % kConv.rows>{}, first);
  }
}

}  // namespace m7
