// The logistic function and the hyperbolic tangent of int16 numbers, by straight lines between the 256 entries of a
// table of 1 / (1 + exp(-x)) for x = 0, 1/24 ..., in 2^-16, that the generator makes.
//
// Arguments are in 2^-12 / 3, so that two entries are 2^9 apart; tanh(x) = 2 / (1 + exp(-2x)) - 1 reads at twice
// its own. Results are in 2^-15. Bit-exact with TensorFlow Lite Micro (reference/integer_ops/logistic.h and
// tanh.h).
#pragma once

#include <cstdint>
#include <cstdlib>

namespace reference {

// At a distance of so many entries, with so many bits of fraction, which the result then has too.
inline std::int32_t between_entries(const std::uint16_t* table, std::int32_t distance, std::int32_t fraction_bits,
                                    std::int32_t beyond) {
  const std::int32_t entry = distance >> fraction_bits;
  if (entry >= 255) return beyond;
  const std::int32_t below = table[entry];
  const std::int32_t past = distance & ((1 << fraction_bits) - 1);
  return (below << fraction_bits) + past * (table[entry + 1] - below);
}

inline std::int16_t logistic_int16(const std::uint16_t* table, std::int32_t argument) {
  const std::int32_t found = between_entries(table, std::abs(argument), 9, 0x7FFF << 10);
  const std::int32_t sum = argument >= 0 ? found + (1 << 9) : (1 << 25) - found + (1 << 9) - 1;
  return static_cast<std::int16_t>(sum >> 10);
}

inline std::int16_t tanh_int16(const std::uint16_t* table, std::int32_t argument) {
  const std::int32_t found = between_entries(table, std::abs(argument), 8, 0xFFFF << 8);
  const std::int32_t above = found - (1 << 23);
  return static_cast<std::int16_t>((argument >= 0 ? above + (1 << 7) : -above + (1 << 7) - 1) >> 8);
}

}  // namespace reference
