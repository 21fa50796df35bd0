#include "engine/reference/logistic.hpp"

#include <algorithm>
#include <cstdlib>

namespace reference {
namespace {

constexpr std::int32_t kLast = 255;

std::int32_t scaled(const SigmoidTable& table, std::int16_t stored) {
  const std::int32_t round = table.shift > 0 ? (std::int32_t{1} << table.shift) >> 1 : 0;
  return (stored * table.multiplier + round) >> table.shift;
}

// The table at a position with so many fraction bits, in Q0.16 with as many more; `beyond` behind its end.
std::int32_t between(const SigmoidTable& table, std::int32_t position, int bits, std::int32_t beyond) {
  const std::int32_t i = position >> bits;
  if (i >= kLast) return beyond;
  const std::int32_t value = table.values[i];
  const std::int32_t slope = table.values[i + 1] - value;
  return (value << bits) + (position & ((1 << bits) - 1)) * slope;
}

}  // namespace

void logistic(const SigmoidTable& table, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  constexpr std::int32_t kOne = 1 << 25;
  std::transform(input, input + count, output, [&](std::int16_t stored) {
    const std::int32_t x = scaled(table, stored);
    const std::int32_t share = between(table, std::abs(x), 9, 0x7FFF << 10);
    return static_cast<std::int16_t>((x >= 0 ? share + 512 : kOne - share + 511) >> 10);
  });
}

// 2 * logistic(2 x) - 1.
void tanh(const SigmoidTable& table, std::int32_t count, const std::int16_t* input, std::int16_t* output) {
  constexpr std::int32_t kHalf = 1 << 23;
  std::transform(input, input + count, output, [&](std::int16_t stored) {
    const std::int32_t x = scaled(table, stored);
    const std::int32_t size = between(table, std::abs(x), 8, 0xFFFF << 8) - kHalf;
    return static_cast<std::int16_t>((x >= 0 ? size + 128 : 127 - size) >> 8);
  });
}

}  // namespace reference
