// CAST: the same numbers in another type.
//
//   input, output  [count]
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

namespace reference {

// Towards zero. A real number that an integer type does not hold, of which C++ says nothing, is the nearest that it
// does, and what is no number is 0.
template <typename To>
To truncated(float value) {
  constexpr auto kLow = static_cast<float>(std::numeric_limits<To>::min());
  if (value >= -kLow) return std::numeric_limits<To>::max();  // of 32 bits the greatest itself is no float32
  if (value <= kLow) return std::numeric_limits<To>::min();
  return value == value ? static_cast<To>(value) : To{0};
}

// Integers wrap as in C++.
template <typename From, typename To>
void cast(std::int32_t count, const From* input, To* output) {
  for (std::int32_t i = 0; i < count; ++i) {
    if constexpr (std::is_same_v<From, float> && !std::is_same_v<To, float>) {
      output[i] = truncated<To>(input[i]);
    } else {
      output[i] = static_cast<To>(input[i]);
    }
  }
}

}  // namespace reference
