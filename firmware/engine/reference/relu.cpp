#include "engine/reference/relu.hpp"

#include <algorithm>

#include "engine/reference/fixed_point.hpp"

namespace reference {
void relu(const Clamp& range, std::int32_t count, const float* input, float* output) {
  std::transform(input, input + count, output, [&](float value) { return clamp(value, range); });
}

void relu(const ClampStored& range, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  std::transform(input, input + count, output,
                 [&](std::int16_t value) { return static_cast<std::int16_t>(clamp(value, range.min, range.max)); });
}

void relu(const Rescale& r, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  std::transform(input, input + count, output,
                 [&](std::int16_t value) { return static_cast<std::int16_t>(rescale(value, r)); });
}

}  // namespace reference
