#include "engine/reference/transpose_conv.hpp"

#include <algorithm>

#include "engine/reference/dot.hpp"
#include "engine/reference/fixed_point.hpp"

namespace reference {
namespace {

// Pixels of the input that a pixel of the output is made of, along one dimension: [begin, end).
struct Reach {
  std::int32_t begin;
  std::int32_t end;
};

// Tap i of input pixel p writes output pixel p * stride + i - pad.
Reach reach(std::int32_t place, std::int32_t pad, std::int32_t stride, std::int32_t kernel, std::int32_t size) {
  const std::int32_t last = place + pad;
  const std::int32_t first = last - kernel + 1;
  return {first > 0 ? (first + stride - 1) / stride : 0, std::min(last / stride + 1, size)};
}

// `accumulate(sum, x, w)` adds a run of products over the input channels, `finish(sum, channel)` takes outputs in
// their order.
template <typename Sum, typename Input, typename Weight, typename Accumulate, typename Finish>
void spread(const TransposeConv& t, const Input* input, const Weight* weights, Accumulate accumulate,
            Finish finish) {
  const Window& w = t.window;
  for (std::int32_t batch = 0; batch < t.batches; ++batch) {
    for (std::int32_t y = 0; y < w.input_height; ++y) {
      const Reach rows = reach(y, w.pad_top, w.stride_height, w.kernel_height, w.output_height);
      for (std::int32_t x = 0; x < w.input_width; ++x) {
        const Reach columns = reach(x, w.pad_left, w.stride_width, w.kernel_width, w.output_width);
        for (std::int32_t channel = 0; channel < t.output_channels; ++channel) {
          Sum sum{};
          for (std::int32_t i = rows.begin; i < rows.end; ++i) {
            const std::int32_t row = channel * w.kernel_height + y + w.pad_top - i * w.stride_height;
            for (std::int32_t j = columns.begin; j < columns.end; ++j) {
              const std::int32_t tap = row * w.kernel_width + x + w.pad_left - j * w.stride_width;
              sum = accumulate(sum, input + (i * w.output_width + j) * t.input_channels,
                               weights + tap * t.input_channels);
            }
          }
          finish(sum, channel);
        }
      }
    }
    input += w.output_height * w.output_width * t.input_channels;
  }
}

}  // namespace

void transpose_conv(const TransposeConv& conv, const Clamp& range, const float* input, const float* weights,
                    const float* bias, float* output) {
  spread<float>(
      conv, input, weights,
      [&](float sum, const float* x, const float* w) { return dot(sum, x, w, conv.input_channels); },
      [&](float sum, std::int32_t channel) {
        *output++ = clamp(bias != nullptr ? sum + bias[channel] : sum, range);
      });
}

void transpose_conv(const TransposeConv& conv, const Requantisation& requantisation, const std::int8_t* input,
                    const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output) {
  const std::int32_t zero_point = requantisation.input_zero_point;
  spread<std::int32_t>(
      conv, input, weights,
      [&](std::int32_t sum, const std::int8_t* x, const std::int8_t* w) {
        return dot(sum, x, zero_point, w, conv.input_channels);
      },
      [&](std::int32_t sum, std::int32_t channel) {
        *output++ = requantise(bias != nullptr ? sum + bias[channel] : sum, channel, requantisation);
      });
}

}  // namespace reference
