#include "engine/reference/lookup.hpp"

#include <algorithm>

namespace reference {

void lookup(const std::int8_t* table, std::int32_t count, const std::int8_t* input, std::int8_t* output) {
  std::transform(input, input + count, output, [table](std::int8_t value) { return table[value + 128]; });
}

}  // namespace reference
