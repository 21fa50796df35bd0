#include "engine/reference/depthwise_conv_2d.hpp"

#include "engine/reference/dynamic_range.hpp"
#include "engine/reference/fixed_point.hpp"
#include "engine/reference/window.hpp"

namespace reference {
namespace {

std::int32_t input_count(const DepthwiseConv2D& c) {
  return c.window.input_height * c.window.input_width * c.input_channels;
}

// One image. `zero_point` is what padding holds, in the type of products; `finish(sum, channel)` takes outputs in
// their order.
template <typename Sum, typename Product, typename Input, typename Weights, typename Finish>
void convolve(const DepthwiseConv2D& c, const Input* input, Product zero_point, Weights weights, Finish finish) {
  const Window& w = c.window;
  const std::int32_t output_channels = c.input_channels * c.multiplier;
  const std::int32_t tap_step = w.dilation_width * c.input_channels;
  for (std::int32_t y = 0; y < w.output_height; ++y) {
    const Taps row = rows(w, y);
    for (std::int32_t x = 0; x < w.output_width; ++x) {
      const Taps column = columns(w, x);
      const std::int32_t first_column = column.origin + column.begin * w.dilation_width;
      for (std::int32_t channel = 0; channel < output_channels; ++channel) {
        Sum sum{};
        for (std::int32_t i = row.begin; i < row.end; ++i) {
          const std::int32_t line = row.origin + i * w.dilation_height;
          const Input* from =
              input + (line * w.input_width + first_column) * c.input_channels + channel / c.multiplier;
          Weights by = weights + (i * w.kernel_width + column.begin) * output_channels + channel;
          for (std::int32_t j = column.begin; j < column.end; ++j) {
            sum += (static_cast<Product>(*from) - zero_point) * static_cast<Product>(*by);
            from += tap_step;
            by += output_channels;
          }
        }
        finish(sum, channel);
      }
    }
  }
}

// All images, in int8.
template <typename Weights>
void convolve_int8(const DepthwiseConv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
                   Weights weights, const std::int32_t* bias, std::int8_t* output) {
  const auto finish = [&](std::int32_t sum, std::int32_t channel) {
    *output++ = requantise(bias != nullptr ? sum + bias[channel] : sum, channel, requantisation);
  };
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    convolve<std::int32_t>(conv, input + batch * input_count(conv), requantisation.input_zero_point, weights,
                           finish);
  }
}

}  // namespace

void depthwise_conv_2d(const DepthwiseConv2D& conv, const Clamp& range, const float* input, const float* weights,
                       const float* bias, float* output) {
  const auto finish = [&](float sum, std::int32_t channel) {
    *output++ = clamp(bias != nullptr ? sum + bias[channel] : sum, range);
  };
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    convolve<float>(conv, input + batch * input_count(conv), 0.0F, weights, finish);
  }
}

void depthwise_conv_2d(const DepthwiseConv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
                       const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output) {
  convolve_int8(conv, requantisation, input, weights, bias, output);
}

void depthwise_conv_2d(const DepthwiseConv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
                       PackedInt4 weights, const std::int32_t* bias, std::int8_t* output) {
  convolve_int8(conv, requantisation, input, weights, bias, output);
}

void depthwise_conv_2d(const DepthwiseConv2D& conv, const WideRequantisation& requantisation,
                       const std::int16_t* input, const std::int8_t* weights, const std::int64_t* bias,
                       std::int16_t* output) {
  const auto finish = [&](std::int64_t sum, std::int32_t channel) {
    *output++ = requantise(bias != nullptr ? sum + bias[channel] : sum, channel, requantisation);
  };
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    convolve<std::int64_t>(conv, input + batch * input_count(conv), std::int32_t{0}, weights, finish);
  }
}

void depthwise_conv_2d(const DepthwiseConv2D& conv, const Hybrid& hybrid, const float* input,
                       const std::int8_t* weights, const float* bias, std::int8_t* quantised, float* output) {
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    const std::int32_t count = input_count(conv);
    const Affine affine = quantise_dynamically(hybrid.asymmetric, input + batch * count, count, quantised);
    const auto finish = [&](std::int32_t sum, std::int32_t channel) {
      *output++ = hybrid_output(sum, channel, hybrid, affine, bias);
    };
    convolve<std::int32_t>(conv, quantised, affine.zero_point, weights, finish);
  }
}

}  // namespace reference
