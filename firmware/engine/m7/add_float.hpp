// ADD of two float32 tensors of the same shape: 3 cycles an element without a fused activation.
#pragma once

namespace m7 {

struct AddFloat {
  int count;
  float least, greatest;
};

// By comparisons, not by FMAXNM: a sum that is no number stays none, as in TensorFlow Lite.
template <const AddFloat& kAdd>
inline float bounded(float value) {
  if constexpr (kAdd.least > -__builtin_huge_valf()) value = value < kAdd.least ? kAdd.least : value;
  if constexpr (kAdd.greatest < __builtin_huge_valf()) value = value > kAdd.greatest ? kAdd.greatest : value;
  return value;
}

// `output` may be `first`.
template <const AddFloat& kAdd>
[[gnu::noinline]] void add_float(const float* first, const float* second, float* output) {
  constexpr int kTogether = 8;
  constexpr int kWhole = kAdd.count / kTogether * kTogether;
  for (int i = 0; i < kWhole; i += kTogether) {
    // All are on their way before the first is wanted.
    float sums[kTogether];
#pragma GCC unroll 8
    for (int j = 0; j < kTogether; ++j) sums[j] = first[i + j] + second[i + j];
#pragma GCC unroll 8
    for (int j = 0; j < kTogether; ++j) output[i + j] = bounded<kAdd>(sums[j]);
  }
  for (int i = kWhole; i < kAdd.count; ++i) output[i] = bounded<kAdd>(first[i] + second[i]);
}

}  // namespace m7
