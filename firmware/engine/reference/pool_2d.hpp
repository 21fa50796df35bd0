// What MAX_POOL_2D and AVERAGE_POOL_2D have in common.
//
//   input    [batches][input_height][input_width][channels]
//   output   [batches][output_height][output_width][channels]
//
// Padding does not take part: it is neither the maximum nor counted in the average.
#pragma once

#include <cstdint>

#include "engine/reference/types.hpp"
#include "engine/reference/window.hpp"

namespace reference {

struct Pool2D {
  Window window;
  std::int32_t batches;
  std::int32_t channels;
};

// Calls `combine(sum, value)` for each element under the window, from `start`, then `finish(sum, count)`, in the
// order of the outputs.
template <typename Sum, typename T, typename Combine, typename Finish>
void pool(const Pool2D& p, Sum start, const T* input, Combine combine, Finish finish) {
  const Window& w = p.window;
  for (std::int32_t batch = 0; batch < p.batches; ++batch) {
    for (std::int32_t y = 0; y < w.output_height; ++y) {
      const Taps row = rows(w, y);
      for (std::int32_t x = 0; x < w.output_width; ++x) {
        const Taps column = columns(w, x);
        const std::int32_t count = (row.end - row.begin) * (column.end - column.begin);
        for (std::int32_t channel = 0; channel < p.channels; ++channel) {
          Sum sum = start;
          for (std::int32_t i = row.begin; i < row.end; ++i) {
            const std::int32_t line = (batch * w.input_height + row.origin + i) * w.input_width;
            const T* from = input + (line + column.origin + column.begin) * p.channels + channel;
            for (std::int32_t j = column.begin; j < column.end; ++j) {
              sum = combine(sum, *from);
              from += p.channels;
            }
          }
          finish(sum, count);
        }
      }
    }
  }
}

}  // namespace reference
