// Four nested loops over the elements of a tensor.
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// Calls visit(a, b) for each index of `shape`, the last dimension fastest, with the sums of index * stride.
template <typename Visit>
void for_each_element(const std::int32_t (&shape)[4], const std::int32_t (&a_strides)[4],
                      const std::int32_t (&b_strides)[4], Visit visit) {
  const auto offset = [](const std::int32_t(&strides)[4], std::int32_t i, std::int32_t j, std::int32_t k) {
    return i * strides[0] + j * strides[1] + k * strides[2];
  };
  for (std::int32_t i = 0; i < shape[0]; ++i) {
    for (std::int32_t j = 0; j < shape[1]; ++j) {
      for (std::int32_t k = 0; k < shape[2]; ++k) {
        const std::int32_t a = offset(a_strides, i, j, k);
        const std::int32_t b = offset(b_strides, i, j, k);
        for (std::int32_t l = 0; l < shape[3]; ++l) visit(a + l * a_strides[3], b + l * b_strides[3]);
      }
    }
  }
}

// Calls visit(i, j) with the indices of both inputs for each element of the output, in order.
template <typename Visit>
void for_each_element(const Broadcast& b, Visit visit) {
  for_each_element(b.shape, b.first_strides, b.second_strides, visit);
}

}  // namespace reference
