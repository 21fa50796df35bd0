#include "engine/reference/lookup.hpp"

namespace reference {

void lookup_bytes(const std::uint8_t* table, std::int32_t count, const std::uint8_t* input, std::uint8_t* output) {
#pragma GCC unroll 4
  for (std::int32_t i = 0; i < count; ++i) output[i] = table[input[i]];
}

}  // namespace reference
