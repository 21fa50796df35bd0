#include "engine/reference/select_v2.hpp"

namespace reference {
namespace {

template <typename T>
T* select(const Selection& s, int dimension, const bool* condition, const T* first, const T* second, T* output) {
  for (std::int32_t i = 0; i < s.shape[dimension]; ++i) {
    if (dimension < 4) {
      output = select(s, dimension + 1, condition, first, second, output);
    } else {
      *output++ = *condition ? *first : *second;
    }
    condition += s.condition_strides[dimension];
    first += s.first_strides[dimension];
    second += s.second_strides[dimension];
  }
  return output;
}

}  // namespace

void select_v2(const Selection& shape, const bool* condition, const float* first, const float* second,
               float* output) {
  select(shape, 0, condition, first, second, output);
}

void select_v2(const Selection& shape, const bool* condition, const std::int8_t* first, const std::int8_t* second,
               std::int8_t* output) {
  select(shape, 0, condition, first, second, output);
}

}  // namespace reference
