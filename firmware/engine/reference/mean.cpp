#include "engine/reference/mean.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {
namespace {

// `finish` takes the sums in the order of the outputs.
template <typename Sum, typename T, typename Finish>
void reduce(const Mean& m, const T* input, Finish finish) {
  const std::int32_t strides[4] = {m.shape[1] * m.shape[2] * m.shape[3], m.shape[2] * m.shape[3], m.shape[3], 1};
  const std::int32_t none[4] = {};
  std::int32_t kept[4];
  std::int32_t summed[4];
  for (int i = 0; i < 4; ++i) {
    kept[i] = m.reduced[i] ? 1 : m.shape[i];
    summed[i] = m.reduced[i] ? m.shape[i] : 1;
  }
  for_each_element(kept, strides, none, [&](std::int32_t start, std::int32_t) {
    Sum sum{};
    for_each_element(summed, strides, none,
                     [&](std::int32_t offset, std::int32_t) { sum += input[start + offset]; });
    finish(sum);
  });
}

}  // namespace

void mean(const Mean& shape, const float* input, float* output) {
  reduce<float>(shape, input, [&](float sum) { *output++ = sum / static_cast<float>(shape.count); });
}

void mean(const Mean& shape, const Rescale& r, const std::int8_t* input, std::int8_t* output) {
  reduce<std::int32_t>(shape, input, [&](std::int32_t sum) {
    const std::int32_t scaled = multiply(sum - r.input_zero_point * shape.count, r.multiplier);
    *output++ = static_cast<std::int8_t>(clamp(add_wrapping(scaled, r.output_zero_point), r.min, r.max));
  });
}

}  // namespace reference
