// Element-wise operators of one input in float32, each by its name; in int8 they are lookup().
//
//   input, output  [count]; may be the same memory
//
// Steps and their order are those of TensorFlow Lite Micro; the C library's functions may differ in the last bit.
#pragma once

#include <cstdint>

namespace reference {

struct Gelu {
  bool approximate;  // by tanh, not by erfc
};

struct LeakyRelu {
  float alpha;  // slope below zero
};

void logistic(std::int32_t count, const float* input, float* output);
void tanh(std::int32_t count, const float* input, float* output);
void hard_swish(std::int32_t count, const float* input, float* output);
void leaky_relu(const LeakyRelu& slope, std::int32_t count, const float* input, float* output);
void elu(std::int32_t count, const float* input, float* output);
void gelu(const Gelu& gelu, std::int32_t count, const float* input, float* output);
void abs(std::int32_t count, const float* input, float* output);
void neg(std::int32_t count, const float* input, float* output);
void exp(std::int32_t count, const float* input, float* output);
void log(std::int32_t count, const float* input, float* output);
void sqrt(std::int32_t count, const float* input, float* output);
void rsqrt(std::int32_t count, const float* input, float* output);
void square(std::int32_t count, const float* input, float* output);
void sin(std::int32_t count, const float* input, float* output);
void cos(std::int32_t count, const float* input, float* output);
void floor(std::int32_t count, const float* input, float* output);
void ceil(std::int32_t count, const float* input, float* output);
void round(std::int32_t count, const float* input, float* output);  // halves to the even number

}  // namespace reference
