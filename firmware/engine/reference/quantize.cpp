#include "engine/reference/quantize.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

template <typename T>
void from_float(const Affine& affine, std::int32_t count, const float* input, T* output) {
  // Clamped before the conversion: an int32 would not hold every rounded quotient.
  const float low = static_cast<float>(std::numeric_limits<T>::min() - affine.zero_point);
  const float high = static_cast<float>(std::numeric_limits<T>::max() - affine.zero_point);
  std::transform(input, input + count, output, [&](float value) {
    const float rounded = std::round(value / affine.scale);
    const float inside = rounded > low ? std::min(rounded, high) : low;
    return static_cast<T>(static_cast<std::int32_t>(inside) + affine.zero_point);
  });
}

template <typename From, typename To>
void from_quantised(const Rescale& r, std::int32_t count, const From* input, To* output) {
  std::transform(input, input + count, output, [&](From value) { return static_cast<To>(rescale(value, r)); });
}

}  // namespace

void quantize(const Affine& output_affine, std::int32_t count, const float* input, std::int8_t* output) {
  from_float(output_affine, count, input, output);
}

void quantize(const Affine& output_affine, std::int32_t count, const float* input, std::uint8_t* output) {
  from_float(output_affine, count, input, output);
}

void quantize(const Affine& output_affine, std::int32_t count, const float* input, std::int16_t* output) {
  from_float(output_affine, count, input, output);
}

void quantize(const Rescale& r, std::int32_t count, const std::int16_t* input, std::int8_t* output) {
  from_quantised(r, count, input, output);
}

void quantize(const Rescale& r, std::int32_t count, const std::int8_t* input, std::int16_t* output) {
  from_quantised(r, count, input, output);
}

void quantize(const Rescale& r, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  from_quantised(r, count, input, output);
}

}  // namespace reference
