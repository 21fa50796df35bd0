#include "engine/reference/mul.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {
namespace {

template <typename T>
void mul_stored(const Broadcast& shape, const MulScaling& s, const T* first, const T* second, T* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t product = (first[a] - s.first_zero_point) * (second[b] - s.second_zero_point);
    const std::int32_t stored = add_wrapping(multiply(product, s.multiplier), s.output_zero_point);
    *output++ = static_cast<T>(clamp(stored, s.min, s.max));
  });
}

}  // namespace

void mul(const Broadcast& shape, const Clamp& range, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) { *output++ = clamp(first[a] * second[b], range); });
}

void mul(const Broadcast& shape, const MulScaling& s, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output) {
  mul_stored(shape, s, first, second, output);
}

void mul(const Broadcast& shape, const MulScaling& s, const std::int16_t* first, const std::int16_t* second,
         std::int16_t* output) {
  mul_stored(shape, s, first, second, output);
}

}  // namespace reference
