#include "engine/reference/svdf.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/reference/dot.hpp"
#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

// Everything one step older; what becomes the newest of each filter is written right after.
template <typename State>
void age(const Svdf& shape, State* state) {
  std::copy(state + 1, state + shape.batches * shape.units * shape.rank * shape.memory, state);
}

// As TensorFlow Lite Micro's ActivationValFloat: a NaN becomes the lower bound, where there is one.
float bounded(float value, const Clamp& range) {
  return std::isinf(range.min) ? value : std::min(std::max(range.min, value), range.max);
}

template <typename State>
void svdf_int8(const Svdf& shape, const SvdfInt8& scaling, const std::int8_t* input, const std::int8_t* feature,
               const State* time, const std::int32_t* bias, State* state, std::int8_t* output) {
  age(shape, state);
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    const State* weight = time;
    const std::int8_t* row = feature;
    for (std::int32_t unit = 0; unit < shape.units; ++unit) {
      std::int32_t sum = bias[unit];
      for (std::int32_t i = 0; i < shape.rank; ++i) {
        const std::int32_t products = dot(0, input, scaling.input_zero_point, row, shape.inputs);
        row += shape.inputs;
        const std::int32_t newest = clamp(multiply(products, scaling.feature), std::numeric_limits<State>::min(),
                                          std::numeric_limits<State>::max());
        state[shape.memory - 1] = static_cast<State>(scaling.state_zero_point + newest);
        for (std::int32_t t = 0; t < shape.memory; ++t) {
          sum = add_wrapping(sum, *weight++ * (*state++ - scaling.state_zero_point));
        }
      }
      const std::int32_t scaled = add_wrapping(multiply(sum, scaling.time), scaling.output_zero_point);
      *output++ = static_cast<std::int8_t>(clamp(scaled, -128, 127));
    }
    input += shape.inputs;
  }
}

}  // namespace

void svdf(const Svdf& shape, const Clamp& range, const float* input, const float* feature, const float* time,
          const float* bias, float* state, float* output) {
  age(shape, state);
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    const float* weight = time;
    const float* row = feature;
    for (std::int32_t unit = 0; unit < shape.units; ++unit) {
      float sum = bias != nullptr ? bias[unit] : 0.0F;
      for (std::int32_t i = 0; i < shape.rank; ++i) {
        state[shape.memory - 1] = dot(0.0F, input, row, shape.inputs);
        row += shape.inputs;
        sum += dot(0.0F, weight, state, shape.memory);
        weight += shape.memory;
        state += shape.memory;
      }
      *output++ = bounded(sum, range);
    }
    input += shape.inputs;
  }
}

void svdf(const Svdf& shape, const SvdfInt8& scaling, const std::int8_t* input, const std::int8_t* feature,
          const std::int16_t* time, const std::int32_t* bias, std::int16_t* state, std::int8_t* output) {
  svdf_int8(shape, scaling, input, feature, time, bias, state, output);
}

void svdf(const Svdf& shape, const SvdfInt8& scaling, const std::int8_t* input, const std::int8_t* feature,
          const std::int8_t* time, const std::int32_t* bias, std::int8_t* state, std::int8_t* output) {
  svdf_int8(shape, scaling, input, feature, time, bias, state, output);
}

}  // namespace reference
