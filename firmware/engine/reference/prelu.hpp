// PRELU with broadcasting: up to five dimensions.
//
//   input, slope  the two inputs of Broadcast
//   output        [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct PreluScaling {
  std::int32_t input_zero_point;
  std::int32_t slope_zero_point;
  std::int32_t output_zero_point;
  Multiplier above;  // of inputs that are not negative
  Multiplier below;  // of products
};

void prelu(const Broadcast& shape, const float* input, const float* slope, float* output);

// Bit-exact with TensorFlow Lite Micro.
void prelu(const Broadcast& shape, const PreluScaling& scaling, const std::int8_t* input, const std::int8_t* slope,
           std::int8_t* output);

}  // namespace reference
