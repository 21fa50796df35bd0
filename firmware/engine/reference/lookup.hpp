// Element-wise operators of one input of 8 bits: a table of all their results, which the generator computes.
//
//   table          256 results, by the byte of the input: of int8 those of 0 to 127 first, then of -128 to -1
//   input, output  [count]; may be the same memory
#pragma once

#include <cstdint>

namespace reference {

void lookup_bytes(const std::uint8_t* table, std::int32_t count, const std::uint8_t* input, std::uint8_t* output);

template <typename From, typename To>
void lookup(const std::uint8_t* table, std::int32_t count, const From* input, To* output) {
  static_assert(sizeof(From) == 1 && sizeof(To) == 1);
  lookup_bytes(table, count, reinterpret_cast<const std::uint8_t*>(input), reinterpret_cast<std::uint8_t*>(output));
}

}  // namespace reference
