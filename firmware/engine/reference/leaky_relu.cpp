#include "engine/reference/leaky_relu.hpp"

#include <algorithm>
#include <limits>

#include "engine/reference/fixed_point.hpp"

namespace reference {

void leaky_relu(const LeakyScaling& s, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  using Limits = std::numeric_limits<std::int16_t>;
  std::transform(input, input + count, output, [&](std::int16_t value) {
    const std::int32_t scaled = multiply(value, value >= 0 ? s.above : s.below);
    const std::int32_t signed_result = value < 0 && s.rises ? -scaled : scaled;
    return static_cast<std::int16_t>(clamp(signed_result, Limits::min(), Limits::max()));
  });
}

}  // namespace reference
