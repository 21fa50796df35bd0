// The integer arithmetic of TensorFlow Lite's kernels, rounding included (double rounding, as TensorFlow
// Lite Micro is built; tensorflow/lite/kernels/internal/common.cc).
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// a * b / 2^31 to the nearest, halves upwards. Not both may be -2^31.
inline std::int32_t doubling_high_multiply(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>((std::int64_t{a} * b + (std::int64_t{1} << 30)) >> 31);
}

// value / 2^exponent to the nearest, halves away from zero; exponent 0 to 31.
inline std::int32_t rounding_shift_right(std::int32_t value, std::int32_t exponent) {
  const std::int32_t mask = static_cast<std::int32_t>((std::int64_t{1} << exponent) - 1);
  const std::int32_t remainder = value & mask;
  const std::int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
  return (value >> exponent) + (remainder > threshold ? 1 : 0);
}

inline std::int32_t multiply(std::int32_t value, Multiplier multiplier) {
  const std::int32_t left = std::max<std::int32_t>(multiplier.shift, 0);
  const std::int32_t right = std::max<std::int32_t>(-multiplier.shift, 0);
  const auto shifted = static_cast<std::int32_t>(static_cast<std::uint32_t>(value) << left);
  return rounding_shift_right(doubling_high_multiply(shifted, multiplier.value), right);
}

// A result that was scaled up beyond 32 bits has lost its meaning; it wraps as TensorFlow Lite Micro's does.
inline std::int32_t add_wrapping(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

inline std::int32_t clamp(std::int32_t value, std::int32_t min, std::int32_t max) {
  return std::min(std::max(value, min), max);
}

inline float clamp(float value, const Clamp& range) { return std::min(std::max(value, range.min), range.max); }

// A 32-bit sum of an output channel as a stored number.
template <typename T = std::int8_t>
inline T requantise(std::int32_t sum, std::int32_t channel, const Requantisation& output) {
  const std::int32_t i = output.per_channel ? channel : 0;
  const std::int32_t scaled = multiply(sum, {output.multipliers[i], output.shifts[i]});
  return static_cast<T>(clamp(add_wrapping(scaled, output.output_zero_point), output.min, output.max));
}

// A 64-bit sum of an output channel as int16: rounded once, halves upwards.
inline std::int16_t requantise(std::int64_t sum, std::int32_t channel, const WideRequantisation& output) {
  const std::int32_t i = output.per_channel ? channel : 0;
  const std::int32_t right = 15 - output.shifts[i];
  const std::int64_t scaled = (sum * output.multipliers[i] + (std::int64_t{1} << (right - 1))) >> right;
  return static_cast<std::int16_t>(clamp(static_cast<std::int32_t>(scaled), output.min, output.max));
}

inline std::int32_t rescale(std::int32_t stored, const Rescale& r) {
  const std::int32_t scaled = multiply(stored - r.input_zero_point, r.multiplier);
  return clamp(add_wrapping(scaled, r.output_zero_point), r.min, r.max);
}

}  // namespace reference
