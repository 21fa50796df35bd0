// MUL with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct MulScaling {
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  std::int32_t output_zero_point;
  Multiplier multiplier;  // of the product
  std::int32_t min;
  std::int32_t max;
};

void mul(const Broadcast& shape, const Clamp& clamp, const float* first, const float* second, float* output);

// Bit-exact with TensorFlow Lite Micro.
void mul(const Broadcast& shape, const MulScaling& scaling, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output);
void mul(const Broadcast& shape, const MulScaling& scaling, const std::int16_t* first, const std::int16_t* second,
         std::int16_t* output);

}  // namespace reference
