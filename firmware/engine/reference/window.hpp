// Which taps of a window fall on the image: found once an output position, so that inner loops need no checks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/reference/types.hpp"

namespace reference {

struct Taps {
  std::int32_t origin;  // input index of tap 0; negative in the padding
  std::int32_t begin;   // first tap on the image
  std::int32_t end;     // one after the last; equal to begin where all are outside
};

inline Taps taps(std::int32_t origin, std::int32_t kernel, std::int32_t dilation, std::int32_t size) {
  const std::int32_t begin = origin < 0 ? (-origin + dilation - 1) / dilation : 0;
  const std::int32_t end = std::min(kernel, (size - origin + dilation - 1) / dilation);
  return {origin, begin, std::max(begin, end)};
}

inline Taps rows(const Window& w, std::int32_t y) {
  return taps(y * w.stride_height - w.pad_top, w.kernel_height, w.dilation_height, w.input_height);
}

inline Taps columns(const Window& w, std::int32_t x) {
  return taps(x * w.stride_width - w.pad_left, w.kernel_width, w.dilation_width, w.input_width);
}

}  // namespace reference
