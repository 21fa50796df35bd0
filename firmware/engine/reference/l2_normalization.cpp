#include "engine/reference/l2_normalization.hpp"

#include <algorithm>
#include <cmath>

#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

std::int32_t saturated(std::int64_t value) {
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX));
}

// 1 / sqrt(value): Newton-Raphson in Q3.28 from 1, five rounds, of a value brought to [1/4, 1). Steps and rounding
// as TensorFlow Lite's GetInvSqrtQuantizedMultiplierExp (kernels/internal/common.h); 0 counts as 1.
Multiplier inverse_square_root(std::int32_t value) {
  if (value <= 1) return {INT32_MAX, 0};
  std::int32_t shift = 11;
  for (; value >= 1 << 29; value /= 4) ++shift;
  const int pairs = (__builtin_clz(static_cast<unsigned>(value)) - 1) / 2 - 1;
  shift -= pairs;
  const std::int32_t scaled = (value << (2 * pairs)) >> 1;
  const std::int32_t half = rounding_shift_right(scaled, 1);
  constexpr std::int32_t kHalfThree = (1 << 28) + (1 << 27);
  std::int32_t x = 1 << 28;
  for (int round = 0; round < 5; ++round) {
    const std::int32_t product = doubling_high_multiply(doubling_high_multiply(x, x), x);
    const std::int32_t cube = saturated(std::int64_t{product} * 64);
    const std::int32_t next = doubling_high_multiply(kHalfThree, x) - doubling_high_multiply(half, cube);
    x = saturated(std::int64_t{next} * 8);
  }
  x = doubling_high_multiply(x, 1518500250);  // sqrt(2) / 2
  if (shift < 0) return {static_cast<std::int32_t>(static_cast<std::uint32_t>(x) << -shift), 0};
  return {x, -shift};
}

}  // namespace

void l2_normalization(const Vectors& shape, const float* input, float* output) {
  for (std::int32_t row = 0; row < shape.rows; ++row, input += shape.depth, output += shape.depth) {
    float sum = 0.0F;
    for (std::int32_t i = 0; i < shape.depth; ++i) sum += input[i] * input[i];
    const float length = std::max(std::sqrt(sum), 1e-6F);
    for (std::int32_t i = 0; i < shape.depth; ++i) output[i] = input[i] / length;
  }
}

void l2_normalization(const Vectors& shape, std::int32_t input_zero_point, const std::int8_t* input,
                      std::int8_t* output) {
  constexpr std::int32_t kOutputBits = 7;
  for (std::int32_t row = 0; row < shape.rows; ++row, input += shape.depth, output += shape.depth) {
    std::int32_t sum = 0;
    for (std::int32_t i = 0; i < shape.depth; ++i) {
      const std::int32_t value = input[i] - input_zero_point;
      sum += value * value;
    }
    Multiplier inverse = inverse_square_root(sum);
    inverse.shift += kOutputBits;
    for (std::int32_t i = 0; i < shape.depth; ++i) {
      output[i] = static_cast<std::int8_t>(clamp(multiply(input[i] - input_zero_point, inverse), -128, 127));
    }
  }
}

}  // namespace reference
