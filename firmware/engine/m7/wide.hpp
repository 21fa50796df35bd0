// What the kernels for int16 activations and for dynamic range share: how their sums end.
//
// In both, int8 weights meet numbers of 16 bits: int16 activations, or what a float input was quantised to, with
// its zero point taken off. Weights stay bytes in flash, two SXTB16 a word of four.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"
#include "engine/reference/dynamic_range.hpp"

namespace m7 {

// How a sum becomes int16, and what the four words of a channel's scaling are.
enum class WideEnd : std::uint8_t {
  // Sums have 32 bits, bias included. Bias, multiplier * 2^16, offset, shift. TensorFlow Lite Micro's
  // (sum * multiplier + 2^(right - 1)) >> right rounds once; for a right of 17 or more that is
  // ((sum * multiplier * 2^16 >> 32) + 2^(right - 17)) >> (right - 16): SMMLA and a shift.
  kShort,
  kLong,    // 64 bits. Bias, its upper half, multiplier, right.
  kNarrow,  // 32 bits that wrap, rounded twice, as TensorFlow Lite Micro does of a bias of int32. Bias, multiplier,
            // shift to the right.
};

struct WideEnds {
  WideEnd end;
  std::int32_t least, greatest;
};

// An output channel of int16 results.
template <const WideEnds& kEnds>
class WideChannel {
 public:
  explicit WideChannel(const std::int32_t* scaling)
      : words_{scaling[0], scaling[1], scaling[2], kEnds.end == WideEnd::kNarrow ? 0 : scaling[3]} {}

  template <typename Sum>
  std::int16_t operator()(Sum sum) const {
    std::int32_t result;
    if constexpr (kEnds.end == WideEnd::kShort) {
      result = smmla(static_cast<std::int32_t>(sum) + words_[0], words_[1], words_[2]) >> words_[3];
    } else if constexpr (kEnds.end == WideEnd::kLong) {
      const std::uint64_t upper = static_cast<std::uint32_t>(words_[1]);
      const auto bias = static_cast<std::int64_t>((upper << 32) | static_cast<std::uint32_t>(words_[0]));
      const std::int64_t product = (sum + bias) * words_[2];
      result = static_cast<std::int32_t>((product + (std::int64_t{1} << (words_[3] - 1))) >> words_[3]);
    } else {
      result = requantize_in_full(wrap_add(static_cast<std::int32_t>(sum), words_[0]), words_[1], words_[2]);
    }
    if constexpr (kEnds.least == -32768 && kEnds.greatest == 32767)
      return static_cast<std::int16_t>(ssat16(result));
    return static_cast<std::int16_t>(result < kEnds.least ? kEnds.least
                                                          : (result > kEnds.greatest ? kEnds.greatest : result));
  }

 private:
  std::int32_t words_[4];
};

// Dynamic range; its clamp, and whether the input is quantised with a zero point.
struct HybridEnds {
  bool asymmetric;
  float least, greatest;
};

// An output channel of float results. Its scaling: sum of the weights, their scale and the bias as the bits of
// floats, 0.
template <const HybridEnds& kEnds>
class HybridChannel {
 public:
  // `zero_point`: of the numbers that the sums are of.
  HybridChannel(const std::int32_t* scaling, float scale, std::int32_t zero_point)
      : zero_sum_(zero_point * scaling[0]), scale_(scale * as_float(scaling[1])), bias_(as_float(scaling[2])) {}

  float operator()(std::int32_t sum) const {
    const float total = reference::unfused(static_cast<float>(wrap_sub(sum, zero_sum_)) * scale_) + bias_;
    const float raised = total < kEnds.least ? kEnds.least : total;
    return raised > kEnds.greatest ? kEnds.greatest : raised;
  }

 private:
  static float as_float(std::int32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  std::int32_t zero_sum_;
  float scale_;
  float bias_;
};

}  // namespace m7
