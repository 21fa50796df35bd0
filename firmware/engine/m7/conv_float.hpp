// CONV_2D and FULLY_CONNECTED in float32, with bias, clamp and an optional max pool fused.
//
// Images are planar: channel by channel, row by row. Then neighbouring pixels of a plane are neighbours in memory,
// one VLDM brings a whole row of a block, and it serves all taps of a kernel row (fma_block.hpp). Where the input
// is not planar, is padded or is read with a stride, it is copied first: `Prepared` describes the copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/m7/flash_bus.hpp"
#include "engine/m7/fma_block.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct ConvFloat {
  int output_channels;
  int pool_height, pool_width;  // of a fused max pool, stride = size; 1, 1 where there is none
  bool copies;                  // the input into `image`: see codegen/m7/conv_float.py
  bool planar_input, planar_output;
  bool flat;  // a 1x1 convolution that need not know rows: its image is one
  int rows;   // output channels in a block
  int taps;   // taps that a load of pixels serves: kernel_width or 1
  float least, greatest;
};

// A fused activation; a bound that is infinite costs nothing.
template <const auto& kConv>
inline float clamp(float value) {
  if constexpr (kConv.least > -__builtin_huge_valf()) value = __builtin_fmaxf(value, kConv.least);
  if constexpr (kConv.greatest < __builtin_huge_valf()) value = __builtin_fminf(value, kConv.greatest);
  return value;
}

// The planes that a convolution reads: with padding, and with columns that a stride takes together side by side.
struct Prepared {
  int height, width;  // of a plane, padding included; width of one phase
  int phases;         // stride_width, or 1: column x stands in phase x % phases at x / phases
  constexpr int row() const { return width * phases; }
  constexpr int plane() const { return height * row(); }
};

// For outputs whose height and width are rounded up to a multiple of `tile`.
constexpr Prepared prepared(const Window& w, bool copies, int tile = 1) {
  if (!copies) return {w.input_height, w.input_width, 1};
  const int rows = (w.output_height + tile - 1) / tile * tile;
  const int columns = (w.output_width + tile - 1) / tile * tile;
  const int height = (rows - 1) * w.stride_height + (w.kernel_height - 1) * w.dilation_height + 1;
  const int width = (columns - 1) * w.stride_width + (w.kernel_width - 1) * w.dilation_width + 1;
  return {height, (width + w.stride_width - 1) / w.stride_width, w.stride_width};
}

template <const Window& kWindow, const ConvFloat& kConv, int kTile = 1>
inline void prepare(const float* input, float* image) {
  constexpr Prepared kTo = prepared(kWindow, true, kTile);
  constexpr int kChannels = kWindow.input_channels;
  for (int c = 0; c < kChannels; ++c) {
    for (int y = 0; y < kTo.height; ++y, image += kTo.row()) {
      const int from_y = y - kWindow.pad_top;
      for (int x = 0; x < kTo.row(); ++x) {
        const int from_x = x - kWindow.pad_left;
        const bool inside =
            from_y >= 0 && from_y < kWindow.input_height && from_x >= 0 && from_x < kWindow.input_width;
        const int pixel = from_y * kWindow.input_width + from_x;
        const float value = !inside              ? 0.0F
                            : kConv.planar_input ? input[c * kWindow.input_height * kWindow.input_width + pixel]
                                                 : input[pixel * kChannels + c];
        image[x % kTo.phases * kTo.width + x / kTo.phases] = value;
      }
    }
  }
}

// How an output row of `width` pixels is cut into blocks of at most five: `longer` blocks of `size` + 1, then
// blocks of `size`.
struct Cut {
  int size, longer, blocks;
};
constexpr Cut cut(int width, int most) {
  const int blocks = (width + most - 1) / most;
  return {width / blocks, width % blocks, blocks};
}

constexpr int kColumnsOfBlock = 5;

// `image`: prepared planes, where copied. `lines`: pool_height rows of the unpooled output, of `rows` channels.
// `weights`: block of `rows` channels (the last one perhaps smaller), kernel row, [tap if taps = 1,] input channel,
// [tap,] channel.
template <const Window& kWindow, const ConvFloat& kConv>
[[gnu::noinline]] void conv_float(const float* input, const float* weights, const float* bias, float* image,
                                  float* lines, float* output) {
  // Plain integers: GCC 12 breaks down over a constexpr struct whose members a generic lambda calls.
  constexpr Prepared kFrom = prepared(kWindow, kConv.copies);
  constexpr int kRow = kFrom.row();
  constexpr int kInputPlane = kFrom.plane();
  constexpr int kTaps = kConv.taps;
  constexpr int kSegments = kWindow.kernel_height * (kWindow.kernel_width / kTaps);
  constexpr int kChannels = kConv.output_channels;
  constexpr int kHeight = kConv.flat ? 1 : kWindow.output_height;
  constexpr int kWidth = kConv.flat ? kWindow.output_height * kWindow.output_width : kWindow.output_width;
  constexpr Cut kCut = cut(kWidth, kColumnsOfBlock);
  constexpr int kSize = kCut.size;
  constexpr int kLonger = kCut.longer;
  constexpr int kBlocks = kCut.blocks;
  constexpr int kPooledWidth = kWidth / kConv.pool_width;
  constexpr int kPlane = kHeight / kConv.pool_height * kPooledWidth;

  if constexpr (kConv.copies) {
    prepare<kWindow, kConv>(input, image);
    input = image;
  }
  std::int32_t offsets[kSegments];
  for (int i = 0; i < kSegments; ++i) {
    const int column = i % (kWindow.kernel_width / kTaps) * kWindow.dilation_width;
    const int row = i / (kWindow.kernel_width / kTaps) * kWindow.dilation_height;
    offsets[i] = row * kFrom.row() + column % kFrom.phases * kFrom.width + column / kFrom.phases;
  }

  const auto channels = [&](auto rows_constant, int first) {
    constexpr int kRows = decltype(rows_constant)::value;
    for (int y = 0; y < kHeight; y += kConv.pool_height) {
      for (int line = 0; line < kConv.pool_height; ++line) {
        const float* from = input + (y + line) * kWindow.stride_height * kRow;
        float* to = lines + line * kRows * kWidth;
        for (int block = 0; block < kBlocks; ++block) {
          if constexpr (kLonger > 0) {
            if (block < kLonger) {
              FmaBlock<kRows, kSize + 1, kTaps>::template run<kWindow.input_channels, kInputPlane, kWidth>(
                  weights, from, offsets, kSegments, to);
              from += kSize + 1;
              to += kSize + 1;
              continue;
            }
          }
          FmaBlock<kRows, kSize, kTaps>::template run<kWindow.input_channels, kInputPlane, kWidth>(
              weights, from, offsets, kSegments, to);
          from += kSize;
          to += kSize;
        }
      }
      for (int row = 0; row < kRows; ++row) {
        const float* sums = lines + row * kWidth;
        const float add = bias[first + row];
        const int channel = first + row;
        constexpr int kStep = kConv.planar_output ? 1 : kChannels;
        float* to =
            kConv.planar_output
                ? output + channel * kPlane + y / kConv.pool_height * kPooledWidth
                : output + static_cast<std::ptrdiff_t>(y) / kConv.pool_height * kPooledWidth * kChannels + channel;
#pragma GCC unroll 3
        for (int x = 0; x < kPooledWidth; ++x, sums += kConv.pool_width, to += kStep) {
          float greatest = sums[0];
#pragma GCC unroll 8
          for (int i = 1; i < kConv.pool_height * kConv.pool_width; ++i) {
            greatest =
                __builtin_fmaxf(greatest, sums[i / kConv.pool_width * kRows * kWidth + i % kConv.pool_width]);
          }
          *to = clamp<kConv>(greatest + add);
        }
      }
    }
    weights += static_cast<std::ptrdiff_t>(kRows) * kWindow.depth();
  };

  int first = 0;
  for (; first + kConv.rows <= kChannels; first += kConv.rows) {
    channels(std::integral_constant<int, kConv.rows>{}, first);
  }
  if constexpr (kChannels % kConv.rows != 0) {
    channels(std::integral_constant<int, kChannels % kConv.rows>{}, first);
  }
}

// FULLY_CONNECTED: `weights`: block of kRows outputs (the last one perhaps smaller), input, output.
// 1.13 instructions a multiply-accumulate.
struct DenseFloat {
  int batches, inputs, outputs;
  int rows;  // outputs in a block
  int taps;  // inputs that are loaded together; divides `inputs`
  float least, greatest;
};

template <const DenseFloat& kDense>
[[gnu::noinline]] void dense_float(const float* input, const float* weights, const float* bias, float* output) {
  const auto block = [&](auto rows_constant, int first) {
    constexpr int kRows = decltype(rows_constant)::value;
    const std::int32_t offset = 0;
    for (int batch = 0; batch < kDense.batches; ++batch) {
      float* out = output + batch * kDense.outputs + first;
      FmaBlock<kRows, 1, kDense.taps>::template run<kDense.inputs / kDense.taps, kDense.taps, 1>(
          weights, input + static_cast<std::ptrdiff_t>(batch) * kDense.inputs, &offset, 1, out);
      for (int row = 0; row < kRows; ++row) {
        out[row] = __builtin_fminf(__builtin_fmaxf(out[row] + bias[first + row], kDense.least), kDense.greatest);
      }
    }
    weights += static_cast<std::ptrdiff_t>(kRows) * kDense.inputs;
  };
  int first = 0;
  for (; first + kDense.rows <= kDense.outputs; first += kDense.rows) {
    block(std::integral_constant<int, kDense.rows>{}, first);
  }
  if constexpr (kDense.outputs % kDense.rows != 0) {
    block(std::integral_constant<int, kDense.outputs % kDense.rows>{}, first);
  }
}

}  // namespace m7
