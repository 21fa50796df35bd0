#include "engine/reference/sub.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {

void sub(const Broadcast& shape, const Clamp& range, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) { *output++ = clamp(first[a] - second[b], range); });
}

void sub(const Broadcast& shape, const AddScaling& s, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output) {
  constexpr std::int32_t kMoreBits = 1 << 20;
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t difference = multiply((first[a] - s.first_zero_point) * kMoreBits, s.first) -
                                    multiply((second[b] - s.second_zero_point) * kMoreBits, s.second);
    const std::int32_t stored = multiply(difference, s.output) + s.output_zero_point;
    *output++ = static_cast<std::int8_t>(clamp(stored, s.min, s.max));
  });
}

}  // namespace reference
