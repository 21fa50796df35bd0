// LOG_SOFTMAX over the last dimension.
//
//   input, output  [rows][depth]; may be the same memory
#pragma once

#include <cstdint>

#include "engine/reference/softmax.hpp"
#include "engine/reference/types.hpp"

namespace reference {

struct LogScaling {
  Multiplier input;     // from a difference of two inputs to Q5.26
  Multiplier reverse;   // from Q5.26 to a difference
  std::int32_t radius;  // the largest difference that Q5.26 holds
};

void log_softmax(const Softmax& shape, const float* input, float* output);

// Output scale 1/16, zero point 127. Bit-exact with TensorFlow Lite Micro.
void log_softmax(const Softmax& shape, const LogScaling& scaling, const Exponentials& table,
                 const std::int8_t* input, std::int8_t* output);

}  // namespace reference
