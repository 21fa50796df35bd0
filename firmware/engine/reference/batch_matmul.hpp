// BATCH_MATMUL: a product of matrices for each index of up to three dimensions in front, along which the smaller of
// the two is repeated.
//
//   first   [...][rows][depth] or [...][depth][rows]
//   second  [...][depth][columns] or [...][columns][depth]
//   output  [batches[0]][batches[1]][batches[2]][rows][columns]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// Elements to advance of an operand.
struct MatrixStrides {
  std::int32_t batches[3];  // 0 where it is repeated
  std::int32_t outer;       // a row of the first, a column of the second
  std::int32_t depth;
};

struct Matrices {
  std::int32_t batches[3];
  std::int32_t rows;
  std::int32_t columns;
  std::int32_t depth;
  MatrixStrides first;
  MatrixStrides second;
};

struct MatrixScaling {
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  std::int32_t output_zero_point;
  Multiplier multiplier;  // of the sum of products
};

void batch_matmul(const Matrices& shape, const float* first, const float* second, float* output);

// Bit-exact with TensorFlow Lite Micro.
void batch_matmul(const Matrices& shape, const MatrixScaling& scaling, const std::int8_t* first,
                  const std::int8_t* second, std::int8_t* output);

}  // namespace reference
