#include "engine/reference/conv_2d.hpp"

#include "engine/reference/dot.hpp"
#include "engine/reference/dynamic_range.hpp"
#include "engine/reference/fixed_point.hpp"
#include "engine/reference/window.hpp"

namespace reference {
namespace {

std::int32_t input_count(const Conv2D& c) {
  return c.window.input_height * c.window.input_width * c.input_channels;
}

// One image. `accumulate(sum, x, w, count)` adds a run of products, `finish(sum, channel)` takes a sum; outputs
// come in the order in which they stand.
template <typename Sum, typename Input, typename Weights, typename Accumulate, typename Finish>
void convolve(const Conv2D& c, const Input* input, Weights weights, Accumulate accumulate, Finish finish) {
  const Window& w = c.window;
  const std::int32_t group_outputs = c.output_channels / (c.input_channels / c.filter_channels);
  // Taps of a row are neighbours both in the input and in the weights: one run, unless something lies between.
  const bool whole_rows = w.dilation_width == 1 && c.filter_channels == c.input_channels;
  for (std::int32_t y = 0; y < w.output_height; ++y) {
    const Taps row = rows(w, y);
    for (std::int32_t x = 0; x < w.output_width; ++x) {
      const Taps column = columns(w, x);
      const std::int32_t row_taps = column.end - column.begin;
      for (std::int32_t channel = 0; channel < c.output_channels; ++channel) {
        const Weights filter = weights + channel * w.kernel_height * w.kernel_width * c.filter_channels;
        const std::int32_t first_channel = channel / group_outputs * c.filter_channels;
        Sum sum{};
        for (std::int32_t i = row.begin; i < row.end; ++i) {
          const Input* line = input + (row.origin + i * w.dilation_height) * w.input_width * c.input_channels;
          const std::int32_t start = column.origin + column.begin * w.dilation_width;
          const Input* from = line + start * c.input_channels + first_channel;
          Weights by = filter + (i * w.kernel_width + column.begin) * c.filter_channels;
          if (whole_rows) {
            sum = accumulate(sum, from, by, row_taps * c.filter_channels);
            continue;
          }
          for (std::int32_t j = 0; j < row_taps; ++j) {
            sum = accumulate(sum, from, by, c.filter_channels);
            from += w.dilation_width * c.input_channels;
            by += c.filter_channels;
          }
        }
        finish(sum, channel);
      }
    }
  }
}

// All images, in int8.
template <typename Weights>
void convolve_int8(const Conv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
                   Weights weights, const std::int32_t* bias, std::int8_t* output) {
  const std::int32_t zero_point = requantisation.input_zero_point;
  const auto accumulate = [zero_point](std::int32_t sum, const std::int8_t* x, Weights w, std::int32_t count) {
    return dot(sum, x, zero_point, w, count);
  };
  const auto finish = [&](std::int32_t sum, std::int32_t channel) {
    *output++ = requantise(bias != nullptr ? sum + bias[channel] : sum, channel, requantisation);
  };
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    convolve<std::int32_t>(conv, input + batch * input_count(conv), weights, accumulate, finish);
  }
}

// All images, in int16.
template <typename Finish>
void convolve_wide(const Conv2D& conv, const std::int16_t* input, const std::int8_t* weights, Finish finish) {
  const auto accumulate = [](std::int64_t sum, const std::int16_t* x, const std::int8_t* w, std::int32_t count) {
    return dot(sum, x, w, count);
  };
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    convolve<std::int64_t>(conv, input + batch * input_count(conv), weights, accumulate, finish);
  }
}

}  // namespace

void conv_2d(const Conv2D& conv, const Clamp& range, const float* input, const float* weights, const float* bias,
             float* output) {
  const auto accumulate = [](float sum, const float* x, const float* w, std::int32_t count) {
    return dot(sum, x, w, count);
  };
  const auto finish = [&](float sum, std::int32_t channel) {
    *output++ = clamp(bias != nullptr ? sum + bias[channel] : sum, range);
  };
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    convolve<float>(conv, input + batch * input_count(conv), weights, accumulate, finish);
  }
}

void conv_2d(const Conv2D& conv, const Requantisation& requantisation, const std::int8_t* input,
             const std::int8_t* weights, const std::int32_t* bias, std::int8_t* output) {
  convolve_int8(conv, requantisation, input, weights, bias, output);
}

void conv_2d(const Conv2D& conv, const Requantisation& requantisation, const std::int8_t* input, PackedInt4 weights,
             const std::int32_t* bias, std::int8_t* output) {
  convolve_int8(conv, requantisation, input, weights, bias, output);
}

void conv_2d(const Conv2D& conv, const WideRequantisation& requantisation, const std::int16_t* input,
             const std::int8_t* weights, const std::int64_t* bias, std::int16_t* output) {
  convolve_wide(conv, input, weights, [&](std::int64_t sum, std::int32_t channel) {
    *output++ = requantise(bias != nullptr ? sum + bias[channel] : sum, channel, requantisation);
  });
}

void conv_2d(const Conv2D& conv, const Requantisation& requantisation, const std::int16_t* input,
             const std::int8_t* weights, const std::int32_t* bias, std::int16_t* output) {
  convolve_wide(conv, input, weights, [&](std::int64_t sum, std::int32_t channel) {
    const auto wrapped = static_cast<std::int32_t>(bias != nullptr ? sum + bias[channel] : sum);
    *output++ = requantise<std::int16_t>(wrapped, channel, requantisation);
  });
}

void conv_2d(const Conv2D& conv, const Hybrid& hybrid, const float* input, const std::int8_t* weights,
             const float* bias, std::int8_t* quantised, float* output) {
  for (std::int32_t batch = 0; batch < conv.batches; ++batch) {
    const std::int32_t count = input_count(conv);
    const Affine affine = quantise_dynamically(hybrid.asymmetric, input + batch * count, count, quantised);
    const auto accumulate = [&](std::int32_t sum, const std::int8_t* x, const std::int8_t* w, std::int32_t run) {
      return dot(sum, x, affine.zero_point, w, run);
    };
    const auto finish = [&](std::int32_t sum, std::int32_t channel) {
      *output++ = hybrid_output(sum, channel, hybrid, affine, bias);
    };
    convolve<std::int32_t>(conv, quantised, weights, accumulate, finish);
  }
}

}  // namespace reference
