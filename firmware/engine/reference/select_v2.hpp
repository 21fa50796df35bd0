// SELECT_V2 with broadcasting: up to five dimensions.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// Each of the three is read at the sum of index * stride.
struct Selection {
  std::int32_t shape[5];
  std::int32_t condition_strides[5];
  std::int32_t first_strides[5];
  std::int32_t second_strides[5];
};

// `first` where the condition holds, else `second`.
void select_v2(const Selection& shape, const bool* condition, const float* first, const float* second,
               float* output);
void select_v2(const Selection& shape, const bool* condition, const std::int8_t* first, const std::int8_t* second,
               std::int8_t* output);

}  // namespace reference
