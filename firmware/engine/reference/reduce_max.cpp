#include "engine/reference/reduce_max.hpp"

#include <limits>

#include "engine/reference/reduce.hpp"

namespace reference {
namespace {

template <typename T>
void greatest(const Reduction& shape, const T* input, T* output) {
  reduce(
      shape, std::numeric_limits<T>::lowest(), input, [](T most, T value) { return value > most ? value : most; },
      [&](T most) { *output++ = most; });
}

template <typename T>
void least(const Reduction& shape, const T* input, T* output) {
  reduce(
      shape, std::numeric_limits<T>::max(), input, [](T least, T value) { return value < least ? value : least; },
      [&](T least) { *output++ = least; });
}

}  // namespace

void reduce_max(const Reduction& shape, const float* input, float* output) { greatest(shape, input, output); }

void reduce_max(const Reduction& shape, const std::int8_t* input, std::int8_t* output) {
  greatest(shape, input, output);
}

void reduce_min(const Reduction& shape, const float* input, float* output) { least(shape, input, output); }

void reduce_min(const Reduction& shape, const std::int8_t* input, std::int8_t* output) {
  least(shape, input, output);
}

}  // namespace reference
