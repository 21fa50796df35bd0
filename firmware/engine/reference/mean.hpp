// MEAN and SUM over any dimensions of up to five.
//
//   input   the model's
//   output  [shape[0]][shape[1]][shape[2]], which are the dimensions that stay
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void mean(const Reduction& shape, const float* input, float* output);
void sum(const Reduction& shape, const float* input, float* output);

// The multiplier holds the division by the count, where it is a mean. Bit-exact with TensorFlow Lite Micro.
void mean(const Reduction& shape, const Rescale& rescale, const std::int8_t* input, std::int8_t* output);
void mean(const Reduction& shape, const Rescale& rescale, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
