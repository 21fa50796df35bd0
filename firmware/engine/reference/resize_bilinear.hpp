// RESIZE_BILINEAR.
//
//   input   [batches][input_height][input_width][depth]
//   output  [batches][rows][columns][depth]
//
// Of each row and column of the output the generator computes which of the input lie before and behind it, and how
// far it is past the first.
#pragma once

#include <cstdint>

namespace reference {

template <typename Fraction>
struct Bilinear {
  std::int32_t batches;
  std::int32_t input_height;
  std::int32_t input_width;
  std::int32_t rows;
  std::int32_t columns;
  std::int32_t depth;
  const std::uint16_t* row_before;
  const std::uint16_t* row_behind;
  const Fraction* row_past;
  const std::uint16_t* column_before;
  const std::uint16_t* column_behind;
  const Fraction* column_past;
};

using ResizeBilinear = Bilinear<float>;
using ResizeBilinearInt8 = Bilinear<std::int16_t>;  // fractions in 1/1024

void resize_bilinear(const ResizeBilinear& shape, const float* input, float* output);

// Bit-exact with TensorFlow Lite Micro.
void resize_bilinear(const ResizeBilinearInt8& shape, const std::int8_t* input, std::int8_t* output);

}  // namespace reference
