// UNIDIRECTIONAL_SEQUENCE_LSTM: a long short-term memory over the steps of a sequence.
//
// Each gate is a dense layer of the step's input and of the last output (h):
//   c = logistic(forget gate) * c + logistic(input gate) * tanh(cell gate)
//   h = logistic(output gate) * tanh(c)
//
//   input      [batches][steps][inputs], or [steps][batches][inputs] where time_major
//   weights    [4][units][inputs]: gates input, forget, cell, output
//   recurrent  [4][units][units], likewise
//   bias       [4][units], likewise
//   hidden     [batches][units], h of the last step; lives between inferences
//   cell       [batches][units], c of the last step; likewise
//   output     [batches][steps][units], or as the input: h of every step
#pragma once

#include <cstdint>

#include "engine/reference/logistic.hpp"
#include "engine/reference/types.hpp"

namespace reference {

struct Lstm {
  std::int32_t batches;
  std::int32_t steps;
  std::int32_t inputs;
  std::int32_t units;
  bool time_major;
};

struct LstmFloat {
  float cell_clip;  // the largest cell state; 0 for any
};

struct LstmInt8 {
  std::int32_t input_zero_point;
  std::int32_t hidden_zero_point;
  Multiplier input[4];      // from products of inputs and weights to 2^-12; gates in their order
  Multiplier recurrent[4];  // likewise from those of the last output
  Multiplier forget;        // from logistic * cell state to the cell state
  Multiplier update;        // from logistic * cell gate to the cell state
  Multiplier output;        // from logistic * tanh to the output
  std::int32_t cell_clip;   // the largest cell state; -1 for any
  SigmoidTable gates;       // of the gates
  SigmoidTable cell_state;  // of the cell state
};

void unidirectional_sequence_lstm(const Lstm& shape, const LstmFloat& how, const float* input, const float* weights,
                                  const float* recurrent, const float* bias, float* hidden, float* cell,
                                  float* output);

// Bit-exact with TensorFlow Lite Micro.
void unidirectional_sequence_lstm(const Lstm& shape, const LstmInt8& how, const std::int8_t* input,
                                  const std::int8_t* weights, const std::int8_t* recurrent,
                                  const std::int32_t* bias, std::int8_t* hidden, std::int16_t* cell,
                                  std::int8_t* output);

}  // namespace reference
