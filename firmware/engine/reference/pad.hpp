// PAD: a tensor surrounded by a constant. Dimensions that are not padded are one with those in front; shorter
// shapes are filled with leading ones.
//
//   input   [input[0]]...[input[4]]
//   output  [output[0]]...[output[4]]
//   before  elements of padding in front, in each dimension
#pragma once

#include <cstdint>

namespace reference {

struct Pad {
  std::int32_t input[5];
  std::int32_t output[5];
  std::int32_t before[5];
};

void pad(const Pad& shape, float value, const float* input, float* output);
void pad(const Pad& shape, std::int8_t value, const std::int8_t* input, std::int8_t* output);
void pad(const Pad& shape, std::int16_t value, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
