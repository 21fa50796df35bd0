// TRANSPOSE_CONV.
//
//   input    [batches][window.output_height][window.output_width][input_channels]
//   weights  [output_channels][kernel_height][kernel_width][input_channels]
//   bias     [output_channels], or nullptr
//   output   [batches][window.input_height][window.input_width][output_channels]
//
// `window` is that of the convolution which goes the other way, from the output here to the input here.
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct TransposeConv {
  Window window;
  std::int32_t batches;
  std::int32_t input_channels;
  std::int32_t output_channels;
};

// Sums over the input row by row, then adds the bias: the order of TensorFlow Lite Micro.
void transpose_conv(const TransposeConv& conv, const Clamp& clamp, const float* input, const float* weights,
                    const float* bias, float* output);

// Bit-exact with TensorFlow Lite Micro.
void transpose_conv(const TransposeConv& conv, const Requantisation& requantisation, const std::int8_t* input,
                    const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output);

}  // namespace reference
