#include "engine/reference/pad.hpp"

#include <algorithm>

namespace reference {
namespace {

template <typename T>
void pad_any(const Pad& p, T value, const T* input, T* output) {
  const std::int32_t count = p.output[0] * p.output[1] * p.output[2] * p.output[3];
  std::fill_n(output, count, value);
  for (std::int32_t i = 0; i < p.input[0]; ++i) {
    for (std::int32_t j = 0; j < p.input[1]; ++j) {
      for (std::int32_t k = 0; k < p.input[2]; ++k) {
        const std::int32_t plane = (i + p.before[0]) * p.output[1] + j + p.before[1];
        const std::int32_t line = plane * p.output[2] + k + p.before[2];
        std::copy_n(input, p.input[3], output + line * p.output[3] + p.before[3]);
        input += p.input[3];
      }
    }
  }
}

}  // namespace

void pad(const Pad& shape, float value, const float* input, float* output) { pad_any(shape, value, input, output); }

void pad(const Pad& shape, std::int8_t value, const std::int8_t* input, std::int8_t* output) {
  pad_any(shape, value, input, output);
}

void pad(const Pad& shape, std::int16_t value, const std::int16_t* input, std::int16_t* output) {
  pad_any(shape, value, input, output);
}

}  // namespace reference
