// DEPTHWISE_CONV_2D: output channel c * multiplier + m sees input channel c alone.
//
//   input    [batches][input_height][input_width][input_channels]
//   weights  [kernel_height][kernel_width][input_channels * multiplier]
//   bias     [input_channels * multiplier], or nullptr
//   output   [batches][output_height][output_width][input_channels * multiplier]
#pragma once

#include <cstdint>

#include "engine/reference/packed.hpp"
#include "engine/reference/types.hpp"

namespace reference {

struct DepthwiseConv2D {
  Window window;
  std::int32_t batches;
  std::int32_t input_channels;
  std::int32_t multiplier;
};

void depthwise_conv_2d(const DepthwiseConv2D& conv, const Clamp& clamp, const float* input, const float* weights,
                       const float* bias, float* output);

// Bit-exact with TensorFlow Lite Micro.
void depthwise_conv_2d(const DepthwiseConv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
                       const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output);
void depthwise_conv_2d(const DepthwiseConv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
                       PackedInt4 weights, const std::int32_t* bias, std::int8_t* output);
void depthwise_conv_2d(const DepthwiseConv2D& conv, const WideRequantisation& requantisation,
                       const std::int16_t* input, const std::int8_t* weights, const std::int64_t* bias,
                       std::int16_t* output);

// quantised: scratch of the input's shape.
void depthwise_conv_2d(const DepthwiseConv2D& conv, const Hybrid& hybrid, const float* input,
                       const std::int8_t* weights, const float* bias, std::int8_t* quantised, float* output);

}  // namespace reference
