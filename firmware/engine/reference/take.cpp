#include "engine/reference/take.hpp"

#include <algorithm>

namespace reference {
namespace {

template <typename T>
T* take_dimension(const Taken& t, int dimension, const T* input, T* output) {
  const std::int32_t count = t.shape[dimension];
  const std::int32_t stride = t.strides[dimension];
  if (dimension < 5) {
    for (std::int32_t i = 0; i < count; ++i) output = take_dimension(t, dimension + 1, input + i * stride, output);
    return output;
  }
  if (stride == 1) return std::copy_n(input, count, output);
  for (std::int32_t i = 0; i < count; ++i) *output++ = input[i * stride];
  return output;
}

}  // namespace

void take(const Taken& taken, const float* input, float* output) {
  take_dimension(taken, 0, input + taken.start, output);
}

void take(const Taken& taken, const std::int8_t* input, std::int8_t* output) {
  take_dimension(taken, 0, input + taken.start, output);
}

void take(const Taken& taken, const std::int16_t* input, std::int16_t* output) {
  take_dimension(taken, 0, input + taken.start, output);
}

}  // namespace reference
