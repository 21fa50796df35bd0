// MAXIMUM and MINIMUM with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void maximum(const Broadcast& shape, const float* first, const float* second, float* output);
void maximum(const Broadcast& shape, const std::int8_t* first, const std::int8_t* second, std::int8_t* output);
void maximum(const Broadcast& shape, const std::int16_t* first, const std::int16_t* second, std::int16_t* output);
void minimum(const Broadcast& shape, const float* first, const float* second, float* output);
void minimum(const Broadcast& shape, const std::int8_t* first, const std::int8_t* second, std::int8_t* output);
void minimum(const Broadcast& shape, const std::int16_t* first, const std::int16_t* second, std::int16_t* output);

}  // namespace reference
