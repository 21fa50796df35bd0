#include "engine/reference/squared_difference.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {

void squared_difference(const Broadcast& shape, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const float difference = first[a] - second[b];
    *output++ = difference * difference;
  });
}

void squared_difference(const Broadcast& shape, const AddScaling& s, const std::int8_t* first,
                        const std::int8_t* second, std::int8_t* output) {
  constexpr std::int32_t kMoreBits = 1 << 7;
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t difference = multiply((first[a] - s.first_zero_point) * kMoreBits, s.first) -
                                    multiply((second[b] - s.second_zero_point) * kMoreBits, s.second);
    const std::int32_t scaled = multiply(difference * difference, s.output);
    *output++ = static_cast<std::int8_t>(clamp(add_wrapping(scaled, s.output_zero_point), s.min, s.max));
  });
}

}  // namespace reference
