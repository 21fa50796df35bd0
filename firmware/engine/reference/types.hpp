// Parameters that several reference kernels share. Generated code fills them in; nothing is computed at run
// time that is known from the model.
#pragma once

#include <cstdint>

namespace reference {

// A kernel that slides over an image. Output (y, x), tap (i, j) reads input
// (y * stride_height + i * dilation_height - pad_top, x * stride_width + j * dilation_width - pad_left);
// taps that fall outside of the image contribute nothing.
struct Window {
  std::int32_t input_height;
  std::int32_t input_width;
  std::int32_t output_height;
  std::int32_t output_width;
  std::int32_t kernel_height;
  std::int32_t kernel_width;
  std::int32_t stride_height;
  std::int32_t stride_width;
  std::int32_t dilation_height;
  std::int32_t dilation_width;
  std::int32_t pad_top;
  std::int32_t pad_left;
};

// The fused activation: what an output may be.
struct Clamp {
  float min;
  float max;
};

// Of stored numbers, of 8 bits or 16.
struct ClampStored {
  std::int32_t min;
  std::int32_t max;
};

// real = scale * (stored - zero_point)
struct Affine {
  float scale;
  std::int32_t zero_point;
};

// The real number value * 2^(shift - 31); value is 0 or 2^30 to 2^31 - 1.
struct Multiplier {
  std::int32_t value;
  std::int32_t shift;
};

// From one quantisation to another: the multiplier is the ratio of the scales.
struct Rescale {
  std::int32_t input_zero_point;
  std::int32_t output_zero_point;
  Multiplier multiplier;
  std::int32_t min;
  std::int32_t max;
};

// From 32-bit sums of products to int8, or to int16, whose zero points are 0.
struct Requantisation {
  std::int32_t input_zero_point;
  std::int32_t output_zero_point;
  std::int32_t min;
  std::int32_t max;
  const std::int32_t* multipliers;  // Multiplier::value, one an output channel or one in all
  const std::int8_t* shifts;        // Multiplier::shift, likewise
  bool per_channel;
};

// From the 64-bit sums of int16 by int8 products to int16: the real number multiplier * 2^(shift - 15).
struct WideRequantisation {
  std::int32_t min;
  std::int32_t max;
  const std::int16_t* multipliers;  // one an output channel or one in all
  const std::int8_t* shifts;        // to the left where positive, likewise
  bool per_channel;
};

// int8 weights that meet float activations ("dynamic range"): the input is quantised at run time.
struct Hybrid {
  const float* weight_scales;  // one an output channel or one in all
  bool per_channel;
  bool asymmetric;  // whether the input is quantised with a zero point
  Clamp clamp;
};

// Two inputs of which the smaller is repeated: each is read at the sum of index * stride; a stride of 0 repeats a
// dimension. Neighbouring dimensions that lie together in all are one; shorter shapes are filled with leading ones.
struct Broadcast {
  std::int32_t shape[5];  // of the output
  std::int32_t first_strides[5];
  std::int32_t second_strides[5];
};

// A sum or a difference: both inputs are brought to a common scale with more bits (20 in int8, 15 in int16), added,
// and brought to the output's.
struct AddScaling {
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  std::int32_t output_zero_point;
  Multiplier first;
  Multiplier second;
  Multiplier output;
  std::int32_t min;
  std::int32_t max;
};

// A result of each element along the dimensions that stay, made of all along those that are folded. Neighbouring
// dimensions are one; shorter shapes are filled with leading ones.
struct Reduction {
  std::int32_t shape[3];  // of the output
  std::int32_t strides[3];
  std::int32_t folded_shape[3];
  std::int32_t folded_strides[3];
  std::int32_t count;  // elements in each result
};

}  // namespace reference
