// FULLY_CONNECTED.
//
//   input    [batches][inputs]
//   weights  [outputs][inputs]
//   bias     [outputs], or nullptr
//   output   [batches][outputs]
#pragma once

#include <cstdint>

#include "engine/reference/packed.hpp"
#include "engine/reference/types.hpp"

namespace reference {

struct FullyConnected {
  std::int32_t batches;
  std::int32_t inputs;
  std::int32_t outputs;
};

void fully_connected(const FullyConnected& shape, const Clamp& clamp, const float* input, const float* weights,
                     const float* bias, float* output);

// Bit-exact with TensorFlow Lite Micro.
void fully_connected(const FullyConnected& shape, const Requantisation& requantisation, const std::int8_t* input,
                     const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output);
void fully_connected(const FullyConnected& shape, const Requantisation& requantisation, const std::int8_t* input,
                     PackedInt4 weights, const std::int32_t* bias, std::int8_t* output);
void fully_connected(const FullyConnected& shape, const WideRequantisation& requantisation,
                     const std::int16_t* input, const std::int8_t* weights, const std::int64_t* bias,
                     std::int16_t* output);

// Sums have 32 bits, and wrap; so a bias of int32 asks for. Bit-exact with TensorFlow Lite Micro.
void fully_connected(const FullyConnected& shape, const Requantisation& requantisation, const std::int16_t* input,
                     const std::int8_t* weights, const std::int32_t* bias, std::int16_t* output);

// quantised: scratch of the input's shape. Each batch has a scale of its own, as in LiteRT.
void fully_connected(const FullyConnected& shape, const Hybrid& hybrid, const float* input,
                     const std::int8_t* weights, const float* bias, std::int8_t* quantised, float* output);

}  // namespace reference
