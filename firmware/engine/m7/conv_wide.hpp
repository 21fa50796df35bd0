// CONV_2D and FULLY_CONNECTED of int16 activations and in dynamic range, with weights of 8 bits.
//
// A panel holds pixels, each one's taps gathered and of 16 bits; two channels go over all pixels of a panel, two at
// a time. A group of four taps is two words of a pixel, and a word of weights a channel, which SXTB16 makes two
// pairs of: 8 SMLAD, 4 SXTB16 and 6 LDR for 16 multiply-accumulates. Where int16 pixels stand in the input as they
// would in the panel there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/m7/flash_bus.hpp"
#include "engine/m7/quantise_float.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/wide.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct ConvWide {
  int batches;
  int output_channels;
  int block;       // pixels of a panel; 0: there is none
  bool long_sums;  // of 64 bits
};

namespace wide {

// Sums of channels 0 and 1 with each pixel; `weights`: of each group a word of either channel.
template <int kPixels, int kGroups, typename Sum>
[[gnu::always_inline]] inline void dot(const std::uint32_t* weights, const Pair* pixels, Sum (&sums)[2][kPixels]) {
  constexpr int kPixelWords = 2 * kGroups;
  const auto add = [](Pair a, Pair b, Sum sum) {
    if constexpr (sizeof(Sum) == 8) {
      return smlald(a, b, sum);
    } else {
      return smlad(a, b, sum);
    }
  };
#pragma GCC unroll 4
  for (int group = 0; group < kGroups; ++group, weights += 2, pixels += 2) {
    const std::uint32_t first = weights[0];
    const std::uint32_t second = weights[1];
    for (int half = 0; half < 2; ++half) {
      const Pair a = half == 0 ? sxtb16(first) : sxtb16_ror8(first);
      const Pair b = half == 0 ? sxtb16(second) : sxtb16_ror8(second);
      for (int pixel = 0; pixel < kPixels; ++pixel) {
        const Pair x = load_word(pixels + pixel * kPixelWords + half);
        sums[0][pixel] = add(a, x, sums[0][pixel]);
        sums[1][pixel] = add(b, x, sums[1][pixel]);
      }
    }
  }
}

// All channels of some pixels. `channel(scaling)` ends sums.
template <const Window& kWindow, const ConvWide& kConv, typename Output, typename Channel>
[[gnu::always_inline]] inline void all_channels(const Pair* pixels, int count, const std::uint32_t* weights,
                                                const std::int32_t* scalings, Output* output, Channel channel) {
  using Sum = std::conditional_t<kConv.long_sums, std::int64_t, std::int32_t>;
  constexpr int kGroups = kWindow.groups();
  constexpr int kChannels = kConv.output_channels;
  for (int first = 0; first < kChannels; first += 2, weights += 2 * kGroups, scalings += 2 * kScalingWords) {
    const bool both = kChannels % 2 == 0 || first + 1 < kChannels;
    const auto one = channel(scalings);
    const auto other = channel(both ? scalings + kScalingWords : scalings);
    const Pair* next = pixels;
    Output* to = output + first;
    int left = count;
    for (; left >= 2; left -= 2, next += 4 * kGroups, to += 2 * kChannels) {
      Sum sums[2][2] = {};
      dot<2, kGroups>(weights, next, sums);
      to[0] = one(sums[0][0]);
      to[kChannels] = one(sums[0][1]);
      if (both) {
        to[1] = other(sums[1][0]);
        to[kChannels + 1] = other(sums[1][1]);
      }
    }
    if (left > 0) {
      Sum sums[2][1] = {};
      dot<1, kGroups>(weights, next, sums);
      to[0] = one(sums[0][0]);
      if (both) to[1] = other(sums[1][0]);
    }
  }
}

// All pixels of an image, through a panel. `gather(y, x, to)` writes what output (y, x) sees.
template <const Window& kWindow, const ConvWide& kConv, typename Output, typename Gather, typename Channel>
[[gnu::always_inline]] inline void through_panel(const std::uint32_t* weights, const std::int32_t* scalings,
                                                 Pair* panel, Output* output, Gather gather, Channel channel) {
  constexpr int kPixels = kWindow.output_height * kWindow.output_width;
  int y = 0;
  int x = 0;
  for (int first = 0; first < kPixels; first += kConv.block) {
    const int count = kPixels - first < kConv.block ? kPixels - first : kConv.block;
    Pair* to = panel;
    for (int i = 0; i < count; ++i, to += 2 * kWindow.groups()) {
      gather(y, x, to);
      if (++x == kWindow.output_width) {
        x = 0;
        ++y;
      }
    }
    all_channels<kWindow, kConv>(panel, count, weights, scalings, output, channel);
    output += static_cast<std::ptrdiff_t>(count) * kConv.output_channels;
  }
}

inline std::int16_t* copy(const std::int16_t* from, int count, std::int16_t* to) {
  int i = 0;
#pragma GCC unroll 4
  for (; i + 2 <= count; i += 2) store_word(to + i, load_word(from + i));
  if (i < count) to[i] = from[i];
  return to + count;
}

inline std::int16_t* zeros(int count, std::int16_t* to) {
  for (int i = 0; i < count; ++i) to[i] = 0;
  return to + count;
}

// Writes what output (y, x) sees, in the order row, column, channel, padding as 0.
template <const Window& kWindow>
inline void gather(const std::int16_t* input, int y, int x, std::int16_t* to) {
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kRow = kWindow.kernel_width * kChannels;
  constexpr bool kPads = kWindow.reads_padding();
  std::int16_t* const end = to + kWindow.groups() * 4;
  const int top = y * kWindow.stride_height - kWindow.pad_top;
  const int left = x * kWindow.stride_width - kWindow.pad_left;
  for (int i = 0; i < kWindow.kernel_height; ++i) {
    const int row = top + i * kWindow.dilation_height;
    if (kPads && (row < 0 || row >= kWindow.input_height)) {
      to = zeros(kRow, to);
      continue;
    }
    const std::int16_t* const line = input + row * kWindow.input_width * kChannels;
    if constexpr (kWindow.dilation_width == 1) {
      if (!kPads || (left >= 0 && left + kWindow.kernel_width <= kWindow.input_width)) {
        to = copy(line + left * kChannels, kRow, to);
        continue;
      }
    }
    for (int j = 0; j < kWindow.kernel_width; ++j) {
      const int column = left + j * kWindow.dilation_width;
      to = kPads && (column < 0 || column >= kWindow.input_width) ? zeros(kChannels, to)
                                                                  : copy(line + column * kChannels, kChannels, to);
    }
  }
  zeros(static_cast<int>(end - to), to);
}

}  // namespace wide

// `weights`: of each pair of channels, the last one of an odd number repeated, and of each group of four taps a
// word of either channel, bytes 0 2 1 3; `scalings`: of each channel WideEnd's. `panel`: block * groups * 2 words.
template <const Window& kWindow, const ConvWide& kConv, const WideEnds& kEnds>
[[gnu::noinline]] void conv_wide(const std::int16_t* input, const std::uint32_t* weights,
                                 const std::int32_t* scalings, Pair* panel, std::int16_t* output) {
  constexpr int kInputs = kWindow.input_height * kWindow.input_width * kWindow.input_channels;
  constexpr int kPixels = kWindow.output_height * kWindow.output_width;
  const auto channel = [](const std::int32_t* scaling) { return WideChannel<kEnds>(scaling); };
  for (int batch = 0; batch < kConv.batches; ++batch) {
    if constexpr (kConv.block == 0) {
      wide::all_channels<kWindow, kConv>(static_cast<const Pair*>(static_cast<const void*>(input)), kPixels,
                                         weights, scalings, output, channel);
    } else {
      const auto gather = [input](int y, int x, Pair* to) {
        wide::gather<kWindow>(input, y, x, static_cast<std::int16_t*>(static_cast<void*>(to)));
      };
      wide::through_panel<kWindow, kConv>(weights, scalings, panel, output, gather, channel);
    }
    input += kInputs;
    output += static_cast<std::ptrdiff_t>(kPixels) * kConv.output_channels;
  }
}

// Each image is quantised for itself. `weights`: as above, bytes in order. `quantised`: room for an image.
template <const Window& kWindow, const ConvWide& kConv, const HybridEnds& kEnds>
[[gnu::noinline]] void conv_hybrid(const float* input, const std::uint32_t* weights, const std::int32_t* scalings,
                                   std::int8_t* quantised, Pair* panel, float* output) {
  constexpr int kInputs = kWindow.input_height * kWindow.input_width * kWindow.input_channels;
  for (int batch = 0; batch < kConv.batches; ++batch) {
    const reference::Affine affine = quantise_float<kEnds.asymmetric>(input, kInputs, quantised);
    const auto channel = [affine](const std::int32_t* scaling) {
      return HybridChannel<kEnds>(scaling, affine.scale, affine.zero_point);
    };
    const auto gather = [quantised, affine](int y, int x, Pair* to) {
      pack_pixel<kWindow, 2>(quantised, static_cast<std::int8_t>(affine.zero_point), y, x, to);
    };
    wide::through_panel<kWindow, kConv>(weights, scalings, panel, output, gather, channel);
    input += kInputs;
    output += static_cast<std::ptrdiff_t>(kWindow.output_height) * kWindow.output_width * kConv.output_channels;
  }
}

}  // namespace m7
