#include "engine/reference/max_pool_2d.hpp"

#include <algorithm>
#include <limits>

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

template <typename T>
void max_pool_stored(const Pool2D& shape, const ClampStored& range, const T* input, T* output) {
  pool(
      shape, std::int32_t{std::numeric_limits<T>::min()}, input,
      [](std::int32_t most, T value) { return std::max<std::int32_t>(most, value); },
      [&](std::int32_t most, std::int32_t) { *output++ = static_cast<T>(clamp(most, range.min, range.max)); });
}

}  // namespace

void max_pool_2d(const Pool2D& shape, const Clamp& range, const float* input, float* output) {
  pool(
      shape, std::numeric_limits<float>::lowest(), input,
      [](float most, float value) { return std::max(most, value); },
      [&](float most, std::int32_t) { *output++ = clamp(most, range); });
}

void max_pool_2d(const Pool2D& shape, const ClampStored& range, const std::int8_t* input, std::int8_t* output) {
  max_pool_stored(shape, range, input, output);
}

void max_pool_2d(const Pool2D& shape, const ClampStored& range, const std::int16_t* input, std::int16_t* output) {
  max_pool_stored(shape, range, input, output);
}

}  // namespace reference
