// Quantises activations at run time, for operators with int8 weights and float activations.
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// Writes values[count] as int8 so that values[i] is about scale * (quantised[i] - zero_point).
//
// Symmetric: zero point 0, -127 to 127. Asymmetric: the range of the values, widened to hold 0, becomes -128 to
// 127. Rounding is LiteRT's (tensorflow/lite/kernels/internal/reference/portable_tensor_utils.cc): one step of
// difference in an input would show in the outputs.
Affine quantise_dynamically(bool asymmetric, const float* values, std::int32_t count, std::int8_t* quantised);

// How values from `least`, at most 0, to `greatest`, at least 0, are quantised: each times `inverse`, plus the zero
// point, rounded, clamped to -127 (symmetric) or -128 to 127. All are 0 where `inverse` is.
struct DynamicScale {
  Affine affine;
  float inverse;
};
DynamicScale dynamic_scale(bool asymmetric, float least, float greatest);

// A product that is rounded for itself, as LiteRT's are: the compiler must not fuse it with what is added.
inline float unfused(float product) {
#if defined(__arm__) && defined(__ARM_FP)
  __asm__("" : "+t"(product));
#elif defined(__aarch64__)
  __asm__("" : "+w"(product));
#endif
  return product;
}

// An int32 sum of products, as float.
float hybrid_output(std::int32_t sum, std::int32_t channel, const Hybrid& hybrid, const Affine& input,
                    const float* bias);

}  // namespace reference
