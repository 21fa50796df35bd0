// Element-wise operators of one int8 input: a table of all their results, which the generator computes.
//
//   table          256 results, of the inputs -128 to 127
//   input, output  [count]; may be the same memory
#pragma once

#include <cstdint>

namespace reference {

// Bit-exact with TensorFlow Lite Micro.
void lookup(const std::int8_t* table, std::int32_t count, const std::int8_t* input, std::int8_t* output);

}  // namespace reference
