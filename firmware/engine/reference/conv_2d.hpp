// CONV_2D.
//
//   input    [batches][input_height][input_width][input_channels]
//   weights  [output_channels][kernel_height][kernel_width][filter_channels]
//   bias     [output_channels], or nullptr
//   output   [batches][output_height][output_width][output_channels]
//
// A grouped convolution has input_channels = groups * filter_channels; output channels belong to the groups in
// order.
#pragma once

#include <cstdint>

#include "engine/reference/packed.hpp"
#include "engine/reference/types.hpp"

namespace reference {

struct Conv2D {
  Window window;
  std::int32_t batches;
  std::int32_t input_channels;
  std::int32_t filter_channels;
  std::int32_t output_channels;
};

// Sums taps row by row, then adds the bias: the order of TensorFlow Lite Micro.
void conv_2d(const Conv2D& conv, const Clamp& clamp, const float* input, const float* weights, const float* bias,
             float* output);

// Bit-exact with TensorFlow Lite Micro.
void conv_2d(const Conv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
             const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output);
void conv_2d(const Conv2D& conv, const Requantisation& requantisation, const std::int8_t* input, PackedInt4 weights,
             const std::int32_t* bias, std::int8_t* output);
void conv_2d(const Conv2D& conv, const WideRequantisation& requantisation, const std::int16_t* input,
             const std::int8_t* weights, const std::int64_t* bias, std::int16_t* output);

// Sums have 32 bits, and wrap; so a bias of int32 asks for. Bit-exact with TensorFlow Lite Micro.
void conv_2d(const Conv2D& conv, const Requantisation& requantisation, const std::int16_t* input,
             const std::int8_t* weights, const std::int32_t* bias, std::int16_t* output);

// quantised: scratch of the input's shape. Each batch has a scale of its own, as in LiteRT.
void conv_2d(const Conv2D& conv, const Hybrid& hybrid, const float* input, const std::int8_t* weights,
             const float* bias, std::int8_t* quantised, float* output);

}  // namespace reference
