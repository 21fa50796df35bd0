// ADD with broadcasting: up to four dimensions, shorter shapes filled with leading ones.
//
//   first, second  read at the sum of index * stride; a stride of 0 repeats a dimension
//   output         [shape[0]][shape[1]][shape[2]][shape[3]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct Add {
  std::int32_t shape[4];
  std::int32_t first_strides[4];
  std::int32_t second_strides[4];
};

// Both inputs are brought to a common scale with 20 more bits, added, and brought to the output's.
struct AddScaling {
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  std::int32_t output_zero_point;
  Multiplier first;
  Multiplier second;
  Multiplier output;
  std::int32_t min;
  std::int32_t max;
};

void add(const Add& shape, const Clamp& clamp, const float* first, const float* second, float* output);

// Bit-exact with TensorFlow Lite Micro.
void add(const Add& shape, const AddScaling& scaling, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output);

}  // namespace reference
