// LEAKY_RELU in int16.
//
//   input, output  [count]; may be the same memory
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct LeakyScaling {
  Multiplier above;  // of inputs from 0 on
  Multiplier below;
  bool rises;  // whether what is below 0 becomes positive
};

// Bit-exact with TensorFlow Lite Micro.
void leaky_relu(const LeakyScaling& scaling, std::int32_t count, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
