#include "engine/reference/softmax.hpp"

#include <algorithm>
#include <cmath>

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

// Fixed point: Qm.n has m integer and n fraction bits, and a sign.

// 1 / (1 + x) for x in [0, 1), both in Q0.31: Newton-Raphson for 1 / d from 48/17 - 32/17 d, d = (1 + x) / 2,
// three rounds in Q2.29. Steps and rounding as gemmlowp's one_over_one_plus_x_for_x_in_0_1
// (fixedpoint/fixedpoint.h).
std::int32_t reciprocal_of_one_plus(std::int32_t x) {
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

void softmax_row(const Exponentials& table, std::int32_t depth, const std::int8_t* input, std::int8_t* output) {
  const std::int32_t most = *std::max_element(input, input + depth);
  std::int32_t sum = 0;  // Q12.19
  for (std::int32_t i = 0; i < depth; ++i) {
    const std::int32_t below = most - input[i];
    if (below < table.count) sum += rounding_shift_right(table.values[below], 12);
  }
  // sum = (1 + x) * 2^integer_bits, x in [0, 1); it is at least 1, the maximum's own exponential.
  const int headroom = __builtin_clz(static_cast<unsigned>(sum));
  const int integer_bits = 12 - headroom;
  const auto fraction = static_cast<std::int32_t>((static_cast<std::uint32_t>(sum) << headroom) - 0x80000000U);
  const std::int32_t inverse = reciprocal_of_one_plus(fraction);
  const int shift = integer_bits + 31 - 8;
  if (shift > 31) {  // a sum of 512 or more: each share is below half of 1/256 (TensorFlow Lite Micro aborts here)
    std::fill_n(output, depth, std::int8_t{-128});
    return;
  }
  for (std::int32_t i = 0; i < depth; ++i) {
    const std::int32_t below = most - input[i];
    const std::int32_t share =
        below < table.count ? rounding_shift_right(doubling_high_multiply(inverse, table.values[below]), shift) : 0;
    output[i] = static_cast<std::int8_t>(clamp(share - 128, -128, 127));
  }
}

}  // namespace

void softmax(const Softmax& shape, const Beta& beta, const float* input, float* output) {
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    const float most = *std::max_element(input, input + shape.depth);
    float sum = 0.0F;
    for (std::int32_t i = 0; i < shape.depth; ++i) {
      output[i] = std::exp((input[i] - most) * beta.beta);
      sum += output[i];
    }
    for (std::int32_t i = 0; i < shape.depth; ++i) output[i] /= sum;
    input += shape.depth;
    output += shape.depth;
  }
}

void softmax(const Softmax& shape, const Exponentials& table, const std::int8_t* input, std::int8_t* output) {
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    softmax_row(table, shape.depth, input + row * shape.depth, output + row * shape.depth);
  }
}

}  // namespace reference
