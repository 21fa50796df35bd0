// Element-wise operators of one input in float32, each by its name; in int8 they are lookup().
//
//   input, output  [count]; may be the same memory
//
// Steps and their order are those of TensorFlow Lite Micro; the C library's functions may differ in the last bit.
#pragma once

#include <cstdint>

namespace reference {

struct LeakyRelu {
  float alpha;  // slope below zero
};

void logistic(std::int32_t count, const float* input, float* output);
void tanh(std::int32_t count, const float* input, float* output);
void hard_swish(std::int32_t count, const float* input, float* output);
void leaky_relu(const LeakyRelu& slope, std::int32_t count, const float* input, float* output);
void elu(std::int32_t count, const float* input, float* output);

}  // namespace reference
