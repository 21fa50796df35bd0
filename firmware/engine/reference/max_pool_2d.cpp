#include "engine/reference/max_pool_2d.hpp"

#include <algorithm>
#include <limits>

#include "engine/reference/fixed_point.hpp"

namespace reference {

void max_pool_2d(const Pool2D& shape, const Clamp& range, const float* input, float* output) {
  pool(
      shape, std::numeric_limits<float>::lowest(), input,
      [](float most, float value) { return std::max(most, value); },
      [&](float most, std::int32_t) { *output++ = clamp(most, range); });
}

void max_pool_2d(const Pool2D& shape, const ClampInt8& range, const std::int8_t* input, std::int8_t* output) {
  pool(
      shape, std::int32_t{-128}, input,
      [](std::int32_t most, std::int8_t value) { return std::max<std::int32_t>(most, value); },
      [&](std::int32_t most, std::int32_t) {
        *output++ = static_cast<std::int8_t>(clamp(most, range.min, range.max));
      });
}

}  // namespace reference
