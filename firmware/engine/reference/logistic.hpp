// LOGISTIC and TANH in int16: a table of the logistic function, read between its entries.
//
//   input, output  [count]; may be the same memory
#pragma once

#include <cstdint>

namespace reference {

// An input times multiplier * 2^-shift, rounded, counts steps of 2^-9 entries for LOGISTIC and of 2^-8 for TANH.
struct SigmoidTable {
  const std::uint16_t* values;  // 1 / (1 + exp(-i / 24)) for i = 0 to 255, in Q0.16
  std::int32_t multiplier;
  std::int32_t shift;
};

// Output scale 2^-15. Bit-exact with TensorFlow Lite Micro.
void logistic(const SigmoidTable& table, std::int32_t count, const std::int16_t* input, std::int16_t* output);
void tanh(const SigmoidTable& table, std::int32_t count, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
