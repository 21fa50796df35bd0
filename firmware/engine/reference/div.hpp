// DIV with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct DivScaling {
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  std::int32_t output_zero_point;
  Multiplier multiplier;  // of the quotient
  std::int32_t min;
  std::int32_t max;
};

void div(const Broadcast& shape, const Clamp& clamp, const float* first, const float* second, float* output);

// Bit-exact with TensorFlow Lite Micro, but where that shifts by more than 31: such a quotient is below half a step
// of the output. What is divided by 0 is the least or greatest output, 0 / 0 is 0.
void div(const Broadcast& shape, const DivScaling& scaling, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output);

}  // namespace reference
