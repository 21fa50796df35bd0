#include "engine/reference/log_softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/reciprocal.hpp"

namespace reference {
namespace {

std::int32_t shift_left(std::int32_t value, int exponent) {
  const std::int64_t shifted = std::int64_t{value} * (std::int64_t{1} << exponent);
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(shifted, INT32_MIN, INT32_MAX));
}

// The natural logarithm of a number of at least 1 in Q12.19, as Q5.26. The number is 2^k r with r around 2^-1/4,
// whose logarithm is a quotient of polynomials. Steps and rounding as log_x_for_x_greater_than_or_equal_to_1_impl
// of tensorflow/lite/kernels/internal/common.h.
std::int32_t logarithm(std::int32_t value) {
  constexpr std::int32_t kLog2 = 1488522236;
  constexpr std::int32_t kFourthRootOfHalf = 1805811301;
  constexpr std::int32_t kRootOfHalf = 1518500250;
  constexpr std::int32_t kAlphaNumerator = 117049297;    // 11/240 * 2^(1/4)
  constexpr std::int32_t kAlphaDenominator = 127690142;  // 1/20 * 2^(1/4)
  constexpr std::int32_t kAlphaConstant = 1057819769;    // 2 / 2^(1/4) - 2^(1/4)
  constexpr std::int32_t kAlphaLinear = 638450708;       // 1/4 * 2^(1/4)
  constexpr std::int32_t kQuarter = 1 << 23;             // in Q6.25
  const int zeros = __builtin_clz(static_cast<unsigned>(value));
  const std::int32_t one = shift_left(doubling_high_multiply(shift_left(value, zeros - 1), kRootOfHalf), 1);
  const std::int32_t one_exponent = (12 - zeros) * (1 << 25) + kQuarter;
  const std::int32_t lower = doubling_high_multiply(value, kRootOfHalf);
  const int headroom = __builtin_clz(static_cast<unsigned>(lower)) - 1;
  const std::int32_t other = shift_left(value, headroom);
  const std::int32_t other_exponent = (12 - headroom) * (1 << 25) - kQuarter;
  const std::int32_t r = std::min(one, other);
  const std::int32_t exponent = std::max(one_exponent, other_exponent);

  const auto p = static_cast<std::int32_t>((std::int64_t{r} + kFourthRootOfHalf + 1) / 2);
  const std::int32_t q = (r - kFourthRootOfHalf) * 2;
  const std::int32_t square = doubling_high_multiply(q, q);
  const std::int32_t numerator =
      doubling_high_multiply(q, r) + doubling_high_multiply(doubling_high_multiply(q, square), kAlphaNumerator);
  const std::int32_t denominator =
      doubling_high_multiply(p, kAlphaConstant + q + doubling_high_multiply(kAlphaDenominator, square)) +
      doubling_high_multiply(kAlphaLinear, q);
  const std::int32_t fraction =
      doubling_high_multiply(rounding_shift_right(numerator, 6), reciprocal_of_one_plus(denominator));
  return shift_left(doubling_high_multiply(exponent, kLog2) + fraction, 1);
}

void log_softmax_row(const LogScaling& s, const Exponentials& table, std::int32_t depth, const std::int8_t* input,
                     std::int8_t* output) {
  const std::int32_t most = *std::max_element(input, input + depth);
  std::int32_t sum = 0;  // Q12.19
  for (std::int32_t i = 0; i < depth; ++i) {
    const std::int32_t below = most - input[i];
    if (below < table.count) sum += rounding_shift_right(table.values[below], 12);
  }
  const std::int32_t log_sum = logarithm(sum);
  const std::int32_t least = std::max(-s.radius - 1, multiply(log_sum + INT32_MIN, s.reverse));
  for (std::int32_t i = 0; i < depth; ++i) {
    const std::int32_t difference = input[i] - most;
    std::int32_t stored = -128;
    if (difference > least) {
      stored = rounding_shift_right(multiply(difference, s.input) - log_sum, 31 - 5 - 4) + 127;
    }
    output[i] = static_cast<std::int8_t>(clamp(stored, -128, 127));
  }
}

}  // namespace

void log_softmax(const Softmax& shape, const float* input, float* output) {
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    float most = std::numeric_limits<float>::lowest();
    for (std::int32_t i = 0; i < shape.depth; ++i) most = std::max(most, input[i]);
    float sum = 0.0F;
    for (std::int32_t i = 0; i < shape.depth; ++i) sum += std::exp(input[i] - most);
    const float log_sum = std::log(sum);
    for (std::int32_t i = 0; i < shape.depth; ++i) output[i] = input[i] - most - log_sum;
    input += shape.depth;
    output += shape.depth;
  }
}

void log_softmax(const Softmax& shape, const LogScaling& scaling, const Exponentials& table,
                 const std::int8_t* input, std::int8_t* output) {
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    log_softmax_row(scaling, table, shape.depth, input + row * shape.depth, output + row * shape.depth);
  }
}

}  // namespace reference
