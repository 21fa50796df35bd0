#include "engine/reference/average_pool_2d.hpp"

#include "engine/reference/fixed_point.hpp"

namespace reference {

void average_pool_2d(const Pool2D& shape, const Clamp& range, const float* input, float* output) {
  pool(
      shape, 0.0F, input, [](float sum, float value) { return sum + value; },
      [&](float sum, std::int32_t count) { *output++ = clamp(sum / static_cast<float>(count), range); });
}

void average_pool_2d(const Pool2D& shape, const ClampInt8& range, const std::int8_t* input, std::int8_t* output) {
  pool(
      shape, std::int32_t{0}, input, [](std::int32_t sum, std::int8_t value) { return sum + value; },
      [&](std::int32_t sum, std::int32_t count) {
        const std::int32_t average = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
        *output++ = static_cast<std::int8_t>(clamp(average, range.min, range.max));
      });
}

}  // namespace reference
