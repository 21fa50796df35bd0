#include "engine/reference/resize_bilinear.hpp"

namespace reference {
namespace {

// `between(upper left, lower left, upper right, lower right, down, right)` makes an output; down and right are
// fractions.
template <typename Fraction, typename T, typename Between>
void interpolate(const Bilinear<Fraction>& s, const T* input, T* output, Between between) {
  for (std::int32_t batch = 0; batch < s.batches; ++batch) {
    for (std::int32_t y = 0; y < s.rows; ++y) {
      const T* above = input + s.row_before[y] * s.input_width * s.depth;
      const T* below = input + s.row_behind[y] * s.input_width * s.depth;
      for (std::int32_t x = 0; x < s.columns; ++x) {
        const std::int32_t left = s.column_before[x] * s.depth;
        const std::int32_t right = s.column_behind[x] * s.depth;
        for (std::int32_t c = 0; c < s.depth; ++c) {
          *output++ = between(above[left + c], below[left + c], above[right + c], below[right + c], s.row_past[y],
                              s.column_past[x]);
        }
      }
    }
    input += s.input_height * s.input_width * s.depth;
  }
}

}  // namespace

void resize_bilinear(const ResizeBilinear& shape, const float* input, float* output) {
  interpolate(shape, input, output, [](float a, float b, float c, float d, float down, float right) {
    return a * (1 - down) * (1 - right) + b * down * (1 - right) + c * (1 - down) * right + d * down * right;
  });
}

void resize_bilinear(const ResizeBilinearInt8& shape, const std::int8_t* input, std::int8_t* output) {
  constexpr std::int32_t kOne = 1 << 10;
  // Weights are at most 2^20 in all, the numbers 7 bits and a sign: their sum fits in 32 bits.
  interpolate(
      shape, input, output,
      [](std::int32_t a, std::int32_t b, std::int32_t c, std::int32_t d, std::int32_t down, std::int32_t right) {
        const std::int32_t sum = a * (kOne - down) * (kOne - right) + b * down * (kOne - right) +
                                 c * (kOne - down) * right + d * down * right;
        const std::int32_t half = sum > 0 ? 1 << 19 : -(1 << 19);
        return static_cast<std::int8_t>((sum + half) / (1 << 20));
      });
}

}  // namespace reference
