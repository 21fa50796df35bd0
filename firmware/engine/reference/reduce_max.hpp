// REDUCE_MAX and REDUCE_MIN over any dimensions of up to five. What is no number is passed over.
//
//   input   the model's
//   output  [shape[0]][shape[1]][shape[2]], which are the dimensions that stay
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void reduce_max(const Reduction& shape, const float* input, float* output);
void reduce_max(const Reduction& shape, const std::int8_t* input, std::int8_t* output);
void reduce_min(const Reduction& shape, const float* input, float* output);
void reduce_min(const Reduction& shape, const std::int8_t* input, std::int8_t* output);

}  // namespace reference
