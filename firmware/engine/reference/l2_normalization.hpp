// L2_NORMALIZATION along the last dimension.
//
//   input, output  [rows][depth]; may be the same memory
#pragma once

#include <cstdint>

namespace reference {

struct Vectors {
  std::int32_t rows;
  std::int32_t depth;
};

void l2_normalization(const Vectors& shape, const float* input, float* output);

// Output scale 1/128, zero point 0. Bit-exact with TensorFlow Lite Micro.
void l2_normalization(const Vectors& shape, std::int32_t input_zero_point, const std::int8_t* input,
                      std::int8_t* output);

}  // namespace reference
