#include "engine/reference/average_pool_2d.hpp"

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

template <typename T>
void average_pool_stored(const Pool2D& shape, const ClampStored& range, const T* input, T* output) {
  pool(
      shape, std::int32_t{0}, input, [](std::int32_t sum, T value) { return sum + value; },
      [&](std::int32_t sum, std::int32_t count) {
        const std::int32_t average = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
        *output++ = static_cast<T>(clamp(average, range.min, range.max));
      });
}

}  // namespace

void average_pool_2d(const Pool2D& shape, const Clamp& range, const float* input, float* output) {
  pool(
      shape, 0.0F, input, [](float sum, float value) { return sum + value; },
      [&](float sum, std::int32_t count) { *output++ = clamp(sum / static_cast<float>(count), range); });
}

void average_pool_2d(const Pool2D& shape, const ClampStored& range, const std::int8_t* input, std::int8_t* output) {
  average_pool_stored(shape, range, input, output);
}

void average_pool_2d(const Pool2D& shape, const ClampStored& range, const std::int16_t* input,
                     std::int16_t* output) {
  average_pool_stored(shape, range, input, output);
}

}  // namespace reference
