#include "engine/reference/fully_connected.hpp"

#include "engine/reference/dot.hpp"
#include "engine/reference/dynamic_range.hpp"
#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

template <typename Weights>
void dense_int8(const FullyConnected& shape, const Requantisation& requantisation, const std::int8_t* input,
                Weights weights, const std::int32_t* bias, std::int8_t* output) {
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    for (std::int32_t o = 0; o < shape.outputs; ++o) {
      const std::int32_t start = bias != nullptr ? bias[o] : 0;
      const std::int32_t sum =
          dot(start, input, requantisation.input_zero_point, weights + o * shape.inputs, shape.inputs);
      *output++ = requantise(sum, o, requantisation);
    }
    input += shape.inputs;
  }
}

}  // namespace

void fully_connected(const FullyConnected& shape, const Clamp& range, const float* input, const float* weights,
                     const float* bias, float* output) {
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    for (std::int32_t o = 0; o < shape.outputs; ++o) {
      const float sum = dot(0.0F, input, weights + o * shape.inputs, shape.inputs);
      *output++ = clamp(bias != nullptr ? sum + bias[o] : sum, range);
    }
    input += shape.inputs;
  }
}

void fully_connected(const FullyConnected& shape, const Requantisation& requantisation, const std::int8_t* input,
                     const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output) {
  dense_int8(shape, requantisation, input, weights, bias, output);
}

void fully_connected(const FullyConnected& shape, const Requantisation& requantisation, const std::int8_t* input,
                     PackedInt4 weights, const std::int32_t* bias, std::int8_t* output) {
  dense_int8(shape, requantisation, input, weights, bias, output);
}

void fully_connected(const FullyConnected& shape, const WideRequantisation& requantisation,
                     const std::int16_t* input, const std::int8_t* weights, const std::int64_t* bias,
                     std::int16_t* output) {
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    for (std::int32_t o = 0; o < shape.outputs; ++o) {
      const std::int64_t start = bias != nullptr ? bias[o] : 0;
      *output++ = requantise(dot(start, input, weights + o * shape.inputs, shape.inputs), o, requantisation);
    }
    input += shape.inputs;
  }
}

void fully_connected(const FullyConnected& shape, const Requantisation& requantisation, const std::int16_t* input,
                     const std::int8_t* weights, const std::int32_t* bias, std::int16_t* output) {
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    for (std::int32_t o = 0; o < shape.outputs; ++o) {
      const std::int64_t start = bias != nullptr ? bias[o] : 0;
      const auto sum = static_cast<std::int32_t>(dot(start, input, weights + o * shape.inputs, shape.inputs));
      *output++ = requantise<std::int16_t>(sum, o, requantisation);
    }
    input += shape.inputs;
  }
}

void fully_connected(const FullyConnected& shape, const Hybrid& hybrid, const float* input,
                     const std::int8_t* weights, const float* bias, std::int8_t* quantised, float* output) {
  for (std::int32_t batch = 0; batch < shape.batches; ++batch) {
    const Affine affine = quantise_dynamically(hybrid.asymmetric, input, shape.inputs, quantised);
    for (std::int32_t o = 0; o < shape.outputs; ++o) {
      const std::int8_t* row = weights + o * shape.inputs;
      const std::int32_t sum = dot(0, quantised, affine.zero_point, row, shape.inputs);
      *output++ = hybrid_output(sum, o, hybrid, affine, bias);
    }
    input += shape.inputs;
  }
}

}  // namespace reference
