// From 32-bit sums to int8, to the bit as TensorFlow Lite Micro's MultiplyByQuantizedMultiplier (double
// rounding), in four or six instructions.
//
// With x2 = 2 * sum, SMMULR gives v = (sum * multiplier + 2^30) >> 31: that is SaturatingRoundingDoublingHighMul,
// whose product of unequal signs rounds the same way. RoundingDivideByPOT(v, shift) then is
// (v + 2^(shift - 1) + (v < 0 ? -1 : 0)) >> shift. The output zero point, multiplied by 2^shift, joins the
// constant that is added, and SMMLAR adds it to the product for nothing. Where the activation clamps at the zero
// point, what happens to negative v does not show, and the correction for its ties is left out.
#pragma once

#include <cstdint>

#include "engine/m7/simd.hpp"

namespace m7 {

// Of one output channel; codegen writes the four numbers in this order.
struct Scaling {
  std::int32_t twice_bias;  // 2 * (bias - input zero point * sum of the weights)
  std::int32_t multiplier;  // 2^30 to 2^31 - 1
  std::int32_t offset;      // (output zero point << shift) + (1 << (shift - 1)); the zero point where shift <= 0
  std::int32_t shift;       // right, 1 to 22; in kGeneral also 0, and to the left where negative
};

constexpr int kScalingWords = 4;
inline Scaling load_scaling(const std::int32_t* words) { return {words[0], words[1], words[2], words[3]}; }

// What is known of a layer's outputs; each line needs more instructions than the one above it.
enum class Clamp : std::uint8_t {
  kAtZeroPoint,  // ReLU: from the zero point, which is -128, to 127
  kNone,         // -128 to 127
  kGeneral,      // any bounds
};

// Requantises; x2 is twice the sum, bias included.
template <Clamp kClamp>
inline std::int32_t requantize(std::int32_t x2, const Scaling& scaling, std::int32_t least, std::int32_t greatest) {
  if constexpr (kClamp == Clamp::kAtZeroPoint) {
    return ssat8(smmlar(x2, scaling.multiplier, scaling.offset) >> scaling.shift);
  } else {
    if constexpr (kClamp == Clamp::kNone) {
      const std::int32_t v = smmulr(x2, scaling.multiplier);
      return ssat8((v + (v >> 31) + scaling.offset) >> scaling.shift);
    } else {
      std::int32_t result;
      if (scaling.shift > 0) {
        const std::int32_t v = smmulr(x2, scaling.multiplier);
        result = (v + (v >> 31) + scaling.offset) >> scaling.shift;
      } else {
        // Nothing is rounded a second time; `offset` is the zero point.
        const std::uint32_t shifted = static_cast<std::uint32_t>(x2) << -scaling.shift;
        result = smmulr(static_cast<std::int32_t>(shifted), scaling.multiplier) + scaling.offset;
      }
      if (result < least) return least;
      return result > greatest ? greatest : result;
    }
  }
}

// MultiplyByQuantizedMultiplier as it is defined, for what requantize() can't take; `shift` to the right.
inline std::int32_t requantize_in_full(std::int32_t sum, std::int32_t multiplier, int shift) {
  const auto left = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) << (shift < 0 ? -shift : 0));
  const auto v = static_cast<std::int32_t>((static_cast<std::int64_t>(left) * multiplier + (1 << 30)) >> 31);
  if (shift <= 0) return v;
  const std::int64_t half = std::int64_t{1} << (shift - 1);
  return static_cast<std::int32_t>((v + half - (v < 0 ? 1 : 0)) >> shift);
}

}  // namespace m7
