#include "engine/reference/prelu.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {

void prelu(const Broadcast& shape, const float* input, const float* slope, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    *output++ = input[a] >= 0.0F ? input[a] : input[a] * slope[b];
  });
}

void prelu(const Broadcast& shape, const PreluScaling& s, const std::int8_t* input, const std::int8_t* slope,
           std::int8_t* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t value = input[a] - s.input_zero_point;
    const std::int32_t scaled =
        value >= 0 ? multiply(value, s.above) : multiply(value * (slope[b] - s.slope_zero_point), s.below);
    *output++ = static_cast<std::int8_t>(clamp(add_wrapping(scaled, s.output_zero_point), -128, 127));
  });
}

}  // namespace reference
