#include "engine/reference/softmax.hpp"

#include <algorithm>
#include <cmath>

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/reciprocal.hpp"

namespace reference {
namespace {

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

// A table of 513 entries at a position from -32768 to 32767: a multiple of 128 is an entry.
std::int32_t between(const std::int16_t* table, std::int32_t position) {
  const std::int16_t* entry = table + 256 + (position >> 7);
  // The difference of two neighbours is less than 2^15 in the tables that there are.
  const std::int32_t slope = entry[1] - entry[0];
  return entry[0] + ((slope * (position & 0x7F) + 64) >> 7);
}

void softmax_row(const SoftmaxTables& tables, std::int32_t depth, const std::int16_t* input, std::int16_t* output) {
  const std::int32_t most = *std::max_element(input, input + depth);
  std::int32_t sum = 0;  // Q16.15
  for (std::int32_t i = 0; i < depth; ++i) {
    const std::int32_t position = multiply(input[i] - most, tables.scaling) + 32767;
    output[i] = static_cast<std::int16_t>(between(tables.exponentials, clamp(position, -32768, 32767)));
    sum += output[i];
  }
  // sum = (1 + x) * 2^(30 - headroom), x in [0, 1), the sign bit being counted as headroom.
  const int headroom = __builtin_clz(static_cast<unsigned>(sum));
  const std::int64_t aligned = std::int64_t{sum} << (headroom - 1);
  const auto fraction = static_cast<std::int32_t>((aligned + (1 << 13)) >> 14) - (1 << 16) - (1 << 15);
  const std::int32_t inverse = between(tables.reciprocals, clamp(fraction, -32768, 32767));
  const int shift = 31 - headroom;
  for (std::int32_t i = 0; i < depth; ++i) {
    const std::int32_t share = (output[i] * inverse + (1 << (shift - 1))) >> shift;
    output[i] = static_cast<std::int16_t>(clamp(share, 0, 32767));
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

void softmax(const Softmax& shape, const SoftmaxTables& tables, const std::int16_t* input, std::int16_t* output) {
  for (std::int32_t row = 0; row < shape.rows; ++row) {
    softmax_row(tables, shape.depth, input + row * shape.depth, output + row * shape.depth);
  }
}

}  // namespace reference
