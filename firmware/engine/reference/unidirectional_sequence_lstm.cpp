#include "engine/reference/unidirectional_sequence_lstm.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/reference/dot.hpp"
#include "engine/reference/fixed_point.hpp"
#include "engine/reference/logistic.hpp"
#include "engine/reference/unary.hpp"

namespace reference {
namespace {

enum Gate : std::int32_t { kInput, kForget, kCell, kOutput };

// Calls unit(batch's hidden state, step's input, unit, its cell state) for its new output, batch by batch and step
// by step. A unit reads what all units put out in the step before, which is replaced only when the step is done.
template <typename Element, typename Cell, typename Unit>
void for_each_unit(const Lstm& shape, const Element* input, Element* hidden, Cell* cell, Element* output,
                   Unit unit) {
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    for (std::int32_t step = 0; step < shape.steps; ++step) {
      const std::int32_t row = shape.time_major ? step * shape.batches + batch : batch * shape.steps + step;
      Element* const out = output + row * shape.units;
      for (std::int32_t u = 0; u < shape.units; ++u) out[u] = unit(hidden, input + row * shape.inputs, u, cell[u]);
      std::copy(out, out + shape.units, hidden);
    }
    hidden += shape.units;
    cell += shape.units;
  }
}

std::int16_t saturated(std::int32_t value) {
  return static_cast<std::int16_t>(
      clamp(value, std::numeric_limits<std::int16_t>::min(), std::numeric_limits<std::int16_t>::max()));
}

float logistic_of(float x) {
  logistic(1, &x, &x);
  return x;
}

std::int32_t logistic_of(const SigmoidTable& table, std::int16_t x) {
  logistic(table, 1, &x, &x);
  return x;
}

std::int32_t tanh_of(const SigmoidTable& table, std::int16_t x) {
  tanh(table, 1, &x, &x);
  return x;
}

}  // namespace

void unidirectional_sequence_lstm(const Lstm& shape, const LstmFloat& how, const float* input, const float* weights,
                                  const float* recurrent, const float* bias, float* hidden, float* cell,
                                  float* output) {
  // What is infinite becomes the largest number at each step, as in TensorFlow Lite Micro.
  constexpr Clamp kFinite{std::numeric_limits<float>::lowest(), std::numeric_limits<float>::max()};
  const auto unit = [&](const float* h, const float* x, std::int32_t u, float& c) {
    const auto sum = [&](Gate gate) {
      const std::int32_t row = gate * shape.units + u;
      return clamp(dot(0.0F, x, weights + row * shape.inputs, shape.inputs) + bias[row], kFinite) +
             clamp(dot(0.0F, h, recurrent + row * shape.units, shape.units), kFinite);
    };
    c = clamp(logistic_of(sum(kForget)) * c, kFinite) +
        clamp(logistic_of(sum(kInput)) * std::tanh(sum(kCell)), kFinite);
    // A NaN becomes the upper bound.
    if (how.cell_clip > 0.0F) c = std::max(std::min(how.cell_clip, c), -how.cell_clip);
    return std::tanh(c) * logistic_of(sum(kOutput));
  };
  for_each_unit(shape, input, hidden, cell, output, unit);
}

void unidirectional_sequence_lstm(const Lstm& shape, const LstmInt8& how, const std::int8_t* input,
                                  const std::int8_t* weights, const std::int8_t* recurrent,
                                  const std::int32_t* bias, std::int8_t* hidden, std::int16_t* cell,
                                  std::int8_t* output) {
  const auto unit = [&](const std::int8_t* h, const std::int8_t* x, std::int32_t u, std::int16_t& c) {
    const auto sum = [&](Gate gate) {
      const std::int32_t row = gate * shape.units + u;
      const std::int32_t fed = dot(bias[row], x, how.input_zero_point, weights + row * shape.inputs, shape.inputs);
      const std::int32_t fed_back = dot(0, h, how.hidden_zero_point, recurrent + row * shape.units, shape.units);
      return saturated(saturated(multiply(fed, how.input[gate])) +
                       saturated(multiply(fed_back, how.recurrent[gate])));
    };
    const std::int32_t kept = logistic_of(how.gates, sum(kForget)) * c;
    const std::int32_t news = logistic_of(how.gates, sum(kInput)) * tanh_of(how.gates, sum(kCell));
    c = saturated(saturated(multiply(kept, how.forget)) + saturated(multiply(news, how.update)));
    if (how.cell_clip >= 0) c = static_cast<std::int16_t>(clamp(c, -how.cell_clip, how.cell_clip));
    const std::int32_t product = tanh_of(how.cell_state, c) * logistic_of(how.gates, sum(kOutput));
    const std::int32_t scaled = multiply(product, how.output);
    return static_cast<std::int8_t>(clamp(add_wrapping(scaled, how.hidden_zero_point), -128, 127));
  };
  for_each_unit(shape, input, hidden, cell, output, unit);
}

}  // namespace reference
