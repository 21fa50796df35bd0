// SVDF: a dense layer (features) whose last results are kept, and a weighted sum over time of what was kept.
//
//   input    [batches][inputs]
//   feature  [filters][inputs]
//   time     [filters][memory]
//   bias     [units], or nullptr; filters = units * rank
//   state    [batches][filters][memory], the newest last; lives between inferences
//   output   [batches][units]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct Svdf {
  std::int32_t batches;
  std::int32_t inputs;
  std::int32_t units;
  std::int32_t rank;
  std::int32_t memory;
};

struct SvdfInt8 {
  std::int32_t input_zero_point;
  std::int32_t state_zero_point;
  std::int32_t output_zero_point;
  Multiplier feature;  // from the products of input and feature weights to the state
  Multiplier time;     // from the products of state and time weights to the output
};

void svdf(const Svdf& shape, const Clamp& clamp, const float* input, const float* feature, const float* time,
          const float* bias, float* state, float* output);

// Bit-exact with TensorFlow Lite Micro, which does not apply the fused activation in int8.
void svdf(const Svdf& shape, const SvdfInt8& scaling, const std::int8_t* input, const std::int8_t* feature,
          const std::int16_t* time, const std::int32_t* bias, std::int16_t* state, std::int8_t* output);
void svdf(const Svdf& shape, const SvdfInt8& scaling, const std::int8_t* input, const std::int8_t* feature,
          const std::int8_t* time, const std::int32_t* bias, std::int8_t* state, std::int8_t* output);

}  // namespace reference
