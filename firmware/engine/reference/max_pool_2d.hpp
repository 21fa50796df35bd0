// MAX_POOL_2D; shapes in pool_2d.hpp.
#pragma once

#include "engine/reference/pool_2d.hpp"

namespace reference {

void max_pool_2d(const Pool2D& shape, const Clamp& clamp, const float* input, float* output);
void max_pool_2d(const Pool2D& shape, const ClampStored& clamp, const std::int8_t* input, std::int8_t* output);
void max_pool_2d(const Pool2D& shape, const ClampStored& clamp, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
