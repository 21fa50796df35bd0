// PAD: a tensor surrounded by a constant. Shapes have four dimensions, filled with leading ones.
//
//   input   [input[0]][input[1]][input[2]][input[3]]
//   output  [output[0]][output[1]][output[2]][output[3]]
//   before  elements of padding in front, in each dimension
#pragma once

#include <cstdint>

namespace reference {

struct Pad {
  std::int32_t input[4];
  std::int32_t output[4];
  std::int32_t before[4];
};

void pad(const Pad& shape, float value, const float* input, float* output);
void pad(const Pad& shape, std::int8_t value, const std::int8_t* input, std::int8_t* output);
void pad(const Pad& shape, std::int16_t value, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
