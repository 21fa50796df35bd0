// SQUARED_DIFFERENCE with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void squared_difference(const Broadcast& shape, const float* first, const float* second, float* output);

// Terms have 7 more bits here. Bit-exact with TensorFlow Lite Micro.
void squared_difference(const Broadcast& shape, const AddScaling& scaling, const std::int8_t* first,
                        const std::int8_t* second, std::int8_t* output);

}  // namespace reference
