// Comparisons with broadcasting: up to five dimensions. What is no number is unequal to all, and neither greater
// nor less.
//
//   output  [shape[0]]...[shape[4]]
#pragma once

#include <cstdint>
#include <functional>

#include "engine/reference/fixed_point.hpp"
#include "engine/reference/grid.hpp"
#include "engine/reference/types.hpp"

namespace reference {

// Of two quantised terms, to 8 more bits of real numbers. They come out equal where their real numbers differ by
// less.
struct ComparisonScaling {
  std::int32_t first_zero_point;
  std::int32_t second_zero_point;
  Multiplier first;
  Multiplier second;
};

template <typename Compare>
struct Comparison {
  template <typename T>
  void operator()(const Broadcast& shape, const T* first, const T* second, bool* output) const {
    for_each_element(shape, [&](std::int32_t a, std::int32_t b) { *output++ = Compare{}(first[a], second[b]); });
  }

  // Bit-exact with TensorFlow Lite Micro.
  void operator()(const Broadcast& shape, const ComparisonScaling& s, const std::int8_t* first,
                  const std::int8_t* second, bool* output) const {
    constexpr std::int32_t kMoreBits = 1 << 8;
    for_each_element(shape, [&](std::int32_t a, std::int32_t b) {
      const std::int32_t one = multiply((first[a] - s.first_zero_point) * kMoreBits, s.first);
      const std::int32_t other = multiply((second[b] - s.second_zero_point) * kMoreBits, s.second);
      *output++ = Compare{}(one, other);
    });
  }
};

inline constexpr Comparison<std::equal_to<>> equal;
inline constexpr Comparison<std::not_equal_to<>> not_equal;
inline constexpr Comparison<std::greater<>> greater;
inline constexpr Comparison<std::greater_equal<>> greater_equal;
inline constexpr Comparison<std::less<>> less;
inline constexpr Comparison<std::less_equal<>> less_equal;
inline constexpr Comparison<std::logical_and<>> logical_and;
inline constexpr Comparison<std::logical_or<>> logical_or;

}  // namespace reference
