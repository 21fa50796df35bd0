#include "engine/reference/pick.hpp"

#include <algorithm>

namespace reference {
namespace {

template <typename T>
void pick_any(const Picked& p, const T* input, T* output) {
  for (std::int32_t i = 0; i < p.counts[0]; ++i) {
    for (std::int32_t j = 0; j < p.counts[1]; ++j) {
      const T* line = input + p.offsets[0][i] + p.offsets[1][j];
      for (std::int32_t k = 0; k < p.counts[2]; ++k) output = std::copy_n(line + p.offsets[2][k], p.run, output);
    }
  }
}

}  // namespace

void pick(const Picked& picked, const float* input, float* output) { pick_any(picked, input, output); }

void pick(const Picked& picked, const std::int8_t* input, std::int8_t* output) { pick_any(picked, input, output); }

void pick(const Picked& picked, const std::int16_t* input, std::int16_t* output) {
  pick_any(picked, input, output);
}

}  // namespace reference
