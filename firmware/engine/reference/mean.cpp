#include "engine/reference/mean.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/reduce.hpp"

namespace reference {
namespace {

template <typename T>
void mean_stored(const Reduction& shape, const Rescale& r, const T* input, T* output) {
  reduce(
      shape, std::int32_t{0}, input, [](std::int32_t sum, T value) { return sum + value; },
      [&](std::int32_t sum) {
        const std::int32_t scaled = multiply(sum - r.input_zero_point * shape.count, r.multiplier);
        *output++ = static_cast<T>(clamp(add_wrapping(scaled, r.output_zero_point), r.min, r.max));
      });
}

}  // namespace

void mean(const Reduction& shape, const float* input, float* output) {
  reduce(
      shape, 0.0F, input, [](float sum, float value) { return sum + value; },
      [&](float sum) { *output++ = sum / static_cast<float>(shape.count); });
}

void sum(const Reduction& shape, const float* input, float* output) {
  reduce(
      shape, 0.0F, input, [](float sum, float value) { return sum + value; }, [&](float sum) { *output++ = sum; });
}

void mean(const Reduction& shape, const Rescale& r, const std::int8_t* input, std::int8_t* output) {
  mean_stored(shape, r, input, output);
}

void mean(const Reduction& shape, const Rescale& r, const std::int16_t* input, std::int16_t* output) {
  mean_stored(shape, r, input, output);
}

}  // namespace reference
