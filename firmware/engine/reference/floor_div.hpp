// FLOOR_DIV and FLOOR_MOD with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include "engine/reference/types.hpp"

namespace reference {

void floor_div(const Broadcast& shape, const float* first, const float* second, float* output);
void floor_mod(const Broadcast& shape, const float* first, const float* second, float* output);  // sign of `second`

}  // namespace reference
