// RELU and RELU6 as operators of their own (they are usually fused into the operator before).
//
//   input, output  [count]; may be the same memory
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void relu(const Clamp& clamp, std::int32_t count, const float* input, float* output);

// RELU6: clamps stored values.
void relu(const ClampStored& clamp, std::int32_t count, const std::int16_t* input, std::int16_t* output);

// RELU: the output may be quantised differently from the input. Bit-exact with TensorFlow Lite Micro.
void relu(const Rescale& rescale, std::int32_t count, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
