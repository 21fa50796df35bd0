// Elements of a tensor in another order: slices, transpositions and their like.
//
//   input   read at start + the sum of index * stride
//   output  [shape[0]]...[shape[5]]; not the input's memory
#pragma once

#include <cstdint>

namespace reference {

struct Taken {
  std::int32_t start;
  std::int32_t shape[6];
  std::int32_t strides[6];  // negative ones go backwards, 0 repeats
};

void take(const Taken& taken, const float* input, float* output);
void take(const Taken& taken, const std::int8_t* input, std::int8_t* output);
void take(const Taken& taken, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
