#include "engine/reference/dequantize.hpp"

#include <algorithm>

namespace reference {
namespace {

template <typename T>
void to_float(const Affine& affine, std::int32_t count, const T* input, float* output) {
  std::transform(input, input + count, output,
                 [&](T value) { return affine.scale * static_cast<float>(value - affine.zero_point); });
}

}  // namespace

void dequantize(const Affine& input_affine, std::int32_t count, const std::int8_t* input, float* output) {
  to_float(input_affine, count, input, output);
}

void dequantize(const Affine& input_affine, std::int32_t count, const std::uint8_t* input, float* output) {
  to_float(input_affine, count, input, output);
}

void dequantize(const Affine& input_affine, std::int32_t count, const std::int16_t* input, float* output) {
  to_float(input_affine, count, input, output);
}

}  // namespace reference
