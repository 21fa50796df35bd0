#include "engine/reference/relu.hpp"

#include <algorithm>

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

template <typename T>
void clamp_stored(const ClampStored& range, std::int32_t count, const T* input, T* output) {
  std::transform(input, input + count, output,
                 [&](T value) { return static_cast<T>(clamp(value, range.min, range.max)); });
}

template <typename T>
void rescale_stored(const Rescale& r, std::int32_t count, const T* input, T* output) {
  std::transform(input, input + count, output, [&](T value) { return static_cast<T>(rescale(value, r)); });
}

}  // namespace

void relu(const Clamp& range, std::int32_t count, const float* input, float* output) {
  std::transform(input, input + count, output, [&](float value) { return clamp(value, range); });
}

void relu(const ClampStored& range, std::int32_t count, const std::int8_t* input, std::int8_t* output) {
  clamp_stored(range, count, input, output);
}

void relu(const ClampStored& range, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  clamp_stored(range, count, input, output);
}

void relu(const Rescale& r, std::int32_t count, const std::int8_t* input, std::int8_t* output) {
  rescale_stored(r, count, input, output);
}

void relu(const Rescale& r, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  rescale_stored(r, count, input, output);
}

}  // namespace reference
