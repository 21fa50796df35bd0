// Division in fixed point: Qm.n has m integer and n fraction bits, and a sign.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/reference/fixed_point.hpp"

namespace reference {

// 1 / (1 + x) for x in [0, 1), both in Q0.31: Newton-Raphson for 1 / d from 48/17 - 32/17 d, d = (1 + x) / 2,
// three rounds in Q2.29. Steps and rounding as gemmlowp's one_over_one_plus_x_for_x_in_0_1
// (fixedpoint/fixedpoint.h).
inline std::int32_t reciprocal_of_one_plus(std::int32_t x) {
  constexpr std::int32_t k48Over17 = 1515870810;
  constexpr std::int32_t kMinus32Over17 = -1010580540;
  constexpr std::int32_t kOne = std::int32_t{1} << 29;
  const auto half = static_cast<std::int32_t>((std::int64_t{x} + INT32_MAX + 1) / 2);
  std::int32_t estimate = k48Over17 + doubling_high_multiply(half, kMinus32Over17);
  for (int round = 0; round < 3; ++round) {
    const std::int32_t error = kOne - doubling_high_multiply(half, estimate);
    estimate += doubling_high_multiply(estimate, error) * 4;  // the product is Q4.27
  }
  // estimate is 2 / (1 + x) in Q2.29: the same bits are 1 / (1 + x) in Q1.30, once more to the left in Q0.31.
  return static_cast<std::int32_t>(std::min<std::int64_t>(std::int64_t{estimate} * 2, INT32_MAX));
}

}  // namespace reference
