// The input of an operator in dynamic range as int8, to the bit as reference/dynamic_range.hpp: VMINNM and VMAXNM,
// then VCVTA and SSAT, 20 cycles a number; that one takes 37.
#pragma once

#include <cmath>
#include <cstdint>

#include "engine/m7/simd.hpp"
#include "engine/reference/dynamic_range.hpp"

// The core's FPU is an FPv5, where floats are not emulated.
#if M7_HAS_DSP && defined(__ARM_FP)
#define M7_HAS_FPV5 1
#else
#define M7_HAS_FPV5 0
#endif

namespace m7 {

#if M7_HAS_FPV5
inline float least_of(float a, float b) {
  float result;
  __asm__("vminnm.f32 %0, %1, %2" : "=t"(result) : "t"(a), "t"(b));
  return result;
}
inline float greatest_of(float a, float b) {
  float result;
  __asm__("vmaxnm.f32 %0, %1, %2" : "=t"(result) : "t"(a), "t"(b));
  return result;
}
// To the nearest, halves away from zero, of 8 bits.
inline std::int32_t rounded8(float value) {
  float bits;
  std::int32_t result;
  __asm__("vcvta.s32.f32 %0, %1" : "=t"(bits) : "t"(value));
  __asm__("vmov %0, %1" : "=r"(result) : "t"(bits));
  return ssat8(result);
}
#else
inline float least_of(float a, float b) { return b < a ? b : a; }
inline float greatest_of(float a, float b) { return b > a ? b : a; }
inline std::int32_t rounded8(float value) {
  const float rounded = std::round(value);
  return static_cast<std::int32_t>(rounded < -128.0F ? -128.0F : (rounded > 127.0F ? 127.0F : rounded));
}
#endif

// See reference::quantise_dynamically.
template <bool kAsymmetric>
[[gnu::noinline]] reference::Affine quantise_float(const float* values, int count, std::int8_t* quantised) {
  float least[2] = {};
  float greatest[2] = {};
  int i = 0;
#pragma GCC unroll 4
  for (; i + 2 <= count; i += 2) {
    for (int k = 0; k < 2; ++k) {
      least[k] = least_of(least[k], values[i + k]);
      greatest[k] = greatest_of(greatest[k], values[i + k]);
    }
  }
  if (i < count) {
    least[0] = least_of(least[0], values[i]);
    greatest[0] = greatest_of(greatest[0], values[i]);
  }
  const reference::DynamicScale scale =
      reference::dynamic_scale(kAsymmetric, least_of(least[0], least[1]), greatest_of(greatest[0], greatest[1]));
  const auto zero_point = static_cast<float>(scale.affine.zero_point);
  const auto one = [&](float value) {
    const std::int32_t result = rounded8(zero_point + reference::unfused(value * scale.inverse));
    return static_cast<std::int8_t>(kAsymmetric || result > -128 ? result : -127);
  };
  for (i = 0; i + 4 <= count; i += 4) {
    std::int8_t results[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) results[k] = one(values[i + k]);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) quantised[i + k] = results[k];
  }
  for (; i < count; ++i) quantised[i] = one(values[i]);
  return scale.affine;
}

}  // namespace m7
