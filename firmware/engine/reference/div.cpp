#include "engine/reference/div.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"
#include "engine/reference/reciprocal.hpp"

namespace reference {
namespace {

std::int32_t quotient(std::int32_t dividend, std::int32_t divisor, const DivScaling& s) {
  if (divisor == 0) {
    if (dividend == 0) return s.output_zero_point;
    return dividend < 0 ? s.min : s.max;
  }
  if (divisor < 0) {
    dividend = -dividend;
    divisor = -divisor;
  }
  // divisor = (1 + x) * 2^(31 - zeros), x in [0, 1).
  const int zeros = __builtin_clz(static_cast<unsigned>(divisor));
  const auto fraction = static_cast<std::int32_t>((static_cast<std::uint32_t>(divisor) << zeros) - 0x80000000U);
  const int headroom = dividend == 0 ? 31 : __builtin_clrsb(dividend);
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(dividend) << headroom);
  const std::int32_t unscaled = doubling_high_multiply(shifted, reciprocal_of_one_plus(fraction));
  const int right = (31 - zeros) + headroom - s.multiplier.shift;
  if (right > 31) return s.output_zero_point;
  return rounding_shift_right(doubling_high_multiply(unscaled, s.multiplier.value), right) + s.output_zero_point;
}

}  // namespace

void div(const Broadcast& shape, const Clamp& range, const float* first, const float* second, float* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) { *output++ = clamp(first[a] / second[b], range); });
}

void div(const Broadcast& shape, const DivScaling& s, const std::int8_t* first, const std::int8_t* second,
         std::int8_t* output) {
  for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
    const std::int32_t stored = quotient(first[a] - s.first_zero_point, second[b] - s.second_zero_point, s);
    *output++ = static_cast<std::int8_t>(clamp(stored, s.min, s.max));
  });
}

}  // namespace reference
