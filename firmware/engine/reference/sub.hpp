// SUB with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void sub(const Broadcast& shape, const Clamp& clamp, const float* first, const float* second, float* output);

// Bit-exact with TensorFlow Lite Micro.
void sub(const Broadcast& shape, const AddScaling& scaling, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output);
void sub(const Broadcast& shape, const AddScaling& scaling, const std::int16_t* first, const std::int16_t* second,
         std::int16_t* output);

}  // namespace reference
