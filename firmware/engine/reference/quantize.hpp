// QUANTIZE: from float32, or from one quantisation to another.
//
//   input, output  [count]; stored ones of one size may be the same memory
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

// Rounds halves away from zero; what is out of range is clamped, and what is no number becomes the smallest.
void quantize(const Affine& output_affine, std::int32_t count, const float* input, std::int8_t* output);
void quantize(const Affine& output_affine, std::int32_t count, const float* input, std::uint8_t* output);
void quantize(const Affine& output_affine, std::int32_t count, const float* input, std::int16_t* output);

// Bit-exact with TensorFlow Lite Micro.
void quantize(const Rescale& rescale, std::int32_t count, const std::int16_t* input, std::int8_t* output);
void quantize(const Rescale& rescale, std::int32_t count, const std::int8_t* input, std::int16_t* output);
void quantize(const Rescale& rescale, std::int32_t count, const std::int16_t* input, std::int16_t* output);

}  // namespace reference
