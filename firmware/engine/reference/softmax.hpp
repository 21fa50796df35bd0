// SOFTMAX over the last dimension.
//
//   input, output  [rows][depth]; may be the same memory
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct Softmax {
  std::int32_t rows;
  std::int32_t depth;
};

struct Beta {
  float beta;  // factor of the exponent
};

// exp(-d * beta * scale) in Q0.31 for d = 0 to count - 1, d being how far an input is below its row's maximum;
// 0 from there on. The generator computes it with the arithmetic that TensorFlow Lite Micro uses at run time.
struct Exponentials {
  const std::int32_t* values;
  std::int32_t count;
};

// In int16: tables of 513 entries over the range of int16, read between the entries.
struct SoftmaxTables {
  const std::int16_t* exponentials;  // exp(x) for x from -10 to 0, in Q0.15
  const std::int16_t* reciprocals;   // 1 / (1 + x) for x from 0 to 1, in Q0.15
  Multiplier scaling;                // of differences of inputs: 10 becomes 65535
};

void softmax(const Softmax& shape, const Beta& beta, const float* input, float* output);

// Output scale 1/256, zero point -128. Bit-exact with TensorFlow Lite Micro.
void softmax(const Softmax& shape, const Exponentials& table, const std::int8_t* input, std::int8_t* output);

// Output scale 2^-15. Bit-exact with TensorFlow Lite Micro.
void softmax(const Softmax& shape, const SoftmaxTables& tables, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
