#include "engine/reference/batch_matmul.hpp"

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"

namespace reference {
namespace {

// Calls visit(a, b) with where the row and the column of each element of the output begin, in order.
template <typename Visit>
void for_each_product(const Matrices& m, Visit visit) {
  auto one = [&](std::int32_t first, std::int32_t second) {
    for (std::int32_t row = 0; row < m.rows; ++row) {
      for (std::int32_t column = 0; column < m.columns; ++column) {
        visit(first + row * m.first.outer, second + column * m.second.outer);
      }
    }
  };
  for_each_element(m.batches, m.first.batches, m.second.batches, one);
}

}  // namespace

void batch_matmul(const Matrices& m, const float* first, const float* second, float* output) {
  for_each_product(m, [&](std::int32_t row, std::int32_t column) {
    float sum = 0.0F;
    for (std::int32_t i = 0; i < m.depth; ++i) {
      sum += first[row + i * m.first.depth] * second[column + i * m.second.depth];
    }
    *output++ = sum;
  });
}

void batch_matmul(const Matrices& m, const MatrixScaling& s, const std::int8_t* first, const std::int8_t* second,
                  std::int8_t* output) {
  for_each_product(m, [&](std::int32_t row, std::int32_t column) {
    std::int32_t sum = 0;
    for (std::int32_t i = 0; i < m.depth; ++i) {
      sum += (first[row + i * m.first.depth] - s.first_zero_point) *
             (second[column + i * m.second.depth] - s.second_zero_point);
    }
    const std::int32_t stored = add_wrapping(multiply(sum, s.multiplier), s.output_zero_point);
    *output++ = static_cast<std::int8_t>(clamp(stored, -128, 127));
  });
}

}  // namespace reference
