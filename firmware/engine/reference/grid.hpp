// Nested loops over the elements of a tensor.
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// Calls visit(a, b) for each index of `shape`, the last dimension fastest, with the sums of index * stride, from
// those of the dimensions before `dimension` on.
template <int dimension = 0, int rank, typename Visit>
void for_each_element(const std::int32_t (&shape)[rank], const std::int32_t (&a_strides)[rank],
                      const std::int32_t (&b_strides)[rank], Visit& visit, std::int32_t a = 0, std::int32_t b = 0) {
  // Read once: for all that the compiler knows the visitor writes over them.
  const std::int32_t count = shape[dimension];
  const std::int32_t a_stride = a_strides[dimension];
  const std::int32_t b_stride = b_strides[dimension];
  for (std::int32_t i = 0; i < count; ++i) {
    if constexpr (dimension + 1 < rank) {
      for_each_element<dimension + 1>(shape, a_strides, b_strides, visit, a, b);
    } else {
      visit(a, b);
    }
    a += a_stride;
    b += b_stride;
  }
}

// Calls visit(i, j) with the indices of both inputs for each element of the output, in order.
template <typename Visit>
void for_each_element(const Broadcast& b, Visit visit) {
  for_each_element(b.shape, b.first_strides, b.second_strides, visit);
}

}  // namespace reference
