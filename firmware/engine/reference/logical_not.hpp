// LOGICAL_NOT.
//
//   input, output  [count]; may be the same memory
#pragma once

#include <cstdint>

namespace reference {

inline void logical_not(std::int32_t count, const bool* input, bool* output) {
  for (std::int32_t i = 0; i < count; ++i) output[i] = !input[i];
}

}  // namespace reference
