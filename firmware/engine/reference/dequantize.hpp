// DEQUANTIZE: from stored numbers to float32.
//
//   input, output  [count]
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

void dequantize(const Affine& input_affine, std::int32_t count, const std::int8_t* input, float* output);
void dequantize(const Affine& input_affine, std::int32_t count, const std::uint8_t* input, float* output);
void dequantize(const Affine& input_affine, std::int32_t count, const std::int16_t* input, float* output);

}  // namespace reference
