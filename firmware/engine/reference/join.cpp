#include "engine/reference/join.hpp"

#include <algorithm>

namespace reference {
namespace {

template <typename T>
void join_any(const Joined& j, const T* input, T* output) {
  output += j.start;
  for (std::int32_t row = 0; row < j.rows; ++row, input += j.run, output += j.stride) {
    std::copy_n(input, j.run, output);
  }
}

}  // namespace

void join(const Joined& joined, const float* input, float* output) { join_any(joined, input, output); }

void join(const Joined& joined, const std::int8_t* input, std::int8_t* output) { join_any(joined, input, output); }

void join(const Joined& joined, const std::int16_t* input, std::int16_t* output) {
  join_any(joined, input, output);
}

}  // namespace reference
