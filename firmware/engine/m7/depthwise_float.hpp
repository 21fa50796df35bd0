// DEPTHWISE_CONV_2D in float32.
//
// A channel at a time is copied to a plane with its padding, unless it is one already, and a row of up to 14
// outputs is summed up in registers (fma_block.hpp): one VLDM of neighbours serves all taps of a kernel row. For 14
// outputs and three taps that are 42 VFMA, 8 + 2 * 3 cycles to load and 3 behind VFMA; then a cycle a step and
// output for bias, bounds and store. With a stride of columns each tap is loaded for itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/m7/conv_float.hpp"
#include "engine/m7/fma_block.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct DepthwiseFloat {
  int batches;
  int multiplier;  // outputs an input channel
  int rows;        // output rows whose input is copied together
  int columns;     // most outputs in a block
  int taps;        // that a load serves: kernel_width or 1
  bool copies;     // else the input's planes are read as they are, and `rows` are all
  bool planar_input, planar_output;
  float least, greatest;
};

// Copies rows of a channel, the first of which is `first` in the image; see Prepared.
template <const Window& kWindow, const DepthwiseFloat& kDepthwise>
inline void copy_plane(const float* input, int first, int rows, float* image) {
  constexpr Prepared kTo = prepared(kWindow, true);
  constexpr int kStep = kDepthwise.planar_input ? 1 : kWindow.input_channels;
  for (int row = first; row < first + rows; ++row, image += kTo.row()) {
    const bool inside = row >= 0 && row < kWindow.input_height;
    const float* from = input + static_cast<std::ptrdiff_t>(row) * kWindow.input_width * kStep;
#pragma GCC unroll 3
    for (int phase = 0; phase < kTo.phases; ++phase) {
      float* to = image + phase * kTo.width;
      // Columns of this phase that are in the image; numbers are moved as words.
      const int pads = kWindow.pad_left - phase;
      const int begin = inside ? (pads > 0 ? (pads + kTo.phases - 1) / kTo.phases : 0) : kTo.width;
      const int reach = (kWindow.input_width + pads + kTo.phases - 1) / kTo.phases;
      const int end = inside ? (reach < kTo.width ? reach : kTo.width) : kTo.width;
      for (int i = 0; i < begin; ++i) to[i] = 0.0F;
      const float* next = from + static_cast<std::ptrdiff_t>(begin * kTo.phases - pads) * kStep;
#pragma GCC unroll 4
      for (int i = begin; i < end; ++i, next += kTo.phases * kStep) store_word(to + i, load_word(next));
      for (int i = end; i < kTo.width; ++i) to[i] = 0.0F;
    }
  }
}

// `weights`: of each output channel, in the order column, row where taps = 1, else row, column. `image`: prepared
// rows of a plane, where copied. `sums`: a row of outputs.
template <const Window& kWindow, const DepthwiseFloat& kDepthwise>
[[gnu::noinline]] void depthwise_float(const float* input, const float* weights, const float* bias, float* image,
                                       float* sums, float* output) {
  constexpr Prepared kFrom = prepared(kWindow, kDepthwise.copies);
  constexpr int kRow = kFrom.row();
  constexpr int kTaps = kDepthwise.taps;
  constexpr int kSegments = kWindow.kernel_width / kTaps;
  constexpr int kKernelRow = kWindow.dilation_height * kRow;
  constexpr int kWidth = kWindow.output_width;
  constexpr int kHeight = kWindow.output_height;
  constexpr Cut kCut = cut(kWidth, kDepthwise.columns);
  constexpr int kSize = kCut.size;
  constexpr int kLonger = kCut.longer;
  constexpr int kBlocks = kCut.blocks;
  constexpr int kInputs = kWindow.input_channels;
  constexpr int kOutputs = kInputs * kDepthwise.multiplier;
  constexpr int kInputPlane = kDepthwise.planar_input ? kWindow.input_height * kWindow.input_width : 1;
  constexpr int kOutputPlane = kDepthwise.planar_output ? kHeight * kWidth : 1;
  constexpr int kStep = kDepthwise.planar_output ? 1 : kOutputs;

  std::int32_t offsets[kSegments];
  for (int i = 0; i < kSegments; ++i) {
    const int column = i * kWindow.dilation_width;
    offsets[i] = column % kFrom.phases * kFrom.width + column / kFrom.phases;
  }
  for (int batch = 0; batch < kDepthwise.batches; ++batch) {
    for (int channel = 0; channel < kInputs; ++channel) {
      const float* plane = input + static_cast<std::ptrdiff_t>(channel) * kInputPlane;
      for (int first = 0; first < kHeight; first += kDepthwise.rows) {
        const int rows = kHeight - first < kDepthwise.rows ? kHeight - first : kDepthwise.rows;
        if constexpr (kDepthwise.copies) {
          const int seen =
              (rows - 1) * kWindow.stride_height + (kWindow.kernel_height - 1) * kWindow.dilation_height + 1;
          copy_plane<kWindow, kDepthwise>(plane, first * kWindow.stride_height - kWindow.pad_top, seen, image);
        }
        for (int i = channel * kDepthwise.multiplier; i < (channel + 1) * kDepthwise.multiplier; ++i) {
          const float* of_channel =
              weights + static_cast<std::ptrdiff_t>(i) * kWindow.kernel_height * kWindow.kernel_width;
          float start[kCut.size + 1];
          for (float& sum : start) sum = bias[i];
          const float* from = kDepthwise.copies ? image : plane;
          float* to = output + static_cast<std::ptrdiff_t>(i) * kOutputPlane +
                      static_cast<std::ptrdiff_t>(first) * kWidth * kStep;
          for (int y = 0; y < rows; ++y, from += kWindow.stride_height * kRow) {
            const float* next = from;
            float* sum = sums;
            if constexpr (kLonger > 0) {
              for (int block = 0; block < kLonger; ++block, next += kSize + 1, sum += kSize + 1) {
                FmaBlock<1, kSize + 1, kTaps>::template run<kWindow.kernel_height, kKernelRow, kSize + 1>(
                    of_channel, next, offsets, kSegments, sum, start);
              }
            }
            if constexpr (kLonger < kBlocks) {
              for (int block = kLonger; block < kBlocks; ++block, next += kSize, sum += kSize) {
                FmaBlock<1, kSize, kTaps>::template run<kWindow.kernel_height, kKernelRow, kSize>(
                    of_channel, next, offsets, kSegments, sum, start);
              }
            }
#pragma GCC unroll 4
            for (int x = 0; x < kWidth; ++x, to += kStep) *to = clamp<kDepthwise>(sums[x]);
          }
        }
      }
    }
    input += static_cast<std::ptrdiff_t>(kWindow.input_height) * kWindow.input_width * kInputs;
    output += static_cast<std::ptrdiff_t>(kHeight) * kWidth * kOutputs;
  }
}

}  // namespace m7
