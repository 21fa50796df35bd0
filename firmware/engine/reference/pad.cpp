#include "engine/reference/pad.hpp"

#include <algorithm>

namespace reference {
namespace {

template <typename T>
void pad_any(const Pad& p, T value, const T* input, T* output) {
  const std::int32_t lines = p.output[0] * p.output[1] * p.output[2] * p.output[3];
  std::fill_n(output, lines * p.output[4], value);
  for (std::int32_t h = 0; h < p.input[0]; ++h) {
    for (std::int32_t i = 0; i < p.input[1]; ++i) {
      const std::int32_t volume = (h + p.before[0]) * p.output[1] + i + p.before[1];
      for (std::int32_t j = 0; j < p.input[2]; ++j) {
        const std::int32_t plane = volume * p.output[2] + j + p.before[2];
        for (std::int32_t k = 0; k < p.input[3]; ++k) {
          const std::int32_t line = plane * p.output[3] + k + p.before[3];
          std::copy_n(input, p.input[4], output + line * p.output[4] + p.before[4]);
          input += p.input[4];
        }
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
