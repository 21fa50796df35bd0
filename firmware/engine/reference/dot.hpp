// Sums of products over contiguous elements: what convolutions and dense layers spend their time in. Eight products
// a round: the loop itself would cost as much as the arithmetic. They are added in order.
#pragma once

#include <cstdint>

#include "engine/reference/packed.hpp"

namespace reference {

inline float dot(float sum, const float* x, const float* w, std::int32_t count) {
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < count; ++i) sum += x[i] * w[i];
  return sum;
}

inline std::int32_t dot(std::int32_t sum, const std::int8_t* x, std::int32_t zero_point, const std::int8_t* w,
                        std::int32_t count) {
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < count; ++i) sum += (x[i] - zero_point) * w[i];
  return sum;
}

inline std::int32_t dot(std::int32_t sum, const std::int8_t* x, std::int32_t zero_point, PackedInt4 w,
                        std::int32_t count) {
  const std::uint8_t* byte = w.byte();
  if (w.begins_above() && count > 0) {
    sum += (*x++ - zero_point) * PackedInt4::upper(*byte++);
    --count;
  }
#pragma GCC unroll 4
  for (std::int32_t i = 0; i < count / 2; ++i, x += 2) {
    sum += (x[0] - zero_point) * PackedInt4::lower(byte[i]);
    sum += (x[1] - zero_point) * PackedInt4::upper(byte[i]);
  }
  return count % 2 != 0 ? sum + (*x - zero_point) * PackedInt4::lower(byte[count / 2]) : sum;
}

inline std::int64_t dot(std::int64_t sum, const std::int16_t* x, const std::int8_t* w, std::int32_t count) {
#pragma GCC unroll 8
  for (std::int32_t i = 0; i < count; ++i) sum += std::int32_t{x[i]} * w[i];
  return sum;
}

}  // namespace reference
