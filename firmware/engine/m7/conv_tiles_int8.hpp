// CONV_2D and FULLY_CONNECTED in int8 by tiles (tiles_int8.hpp): a block of the output at a time, whose inputs are
// widened into a panel; then each pair of channels goes over the whole block.
//
// The panel is either rows of the input, widened and padded, of which a tile reads kernel rows where they stand, or
// pixels: each one's taps gathered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/m7/flash_bus.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/tiles_int8.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

enum class Panel : std::uint8_t {
  kPixels,
  kRows,      // channels in fours, their taps in the order 0 2 1 3
  kEvenRows,  // the taps in order; a pixel begins at a word
  kTwoRows,   // the same for pixels that begin at a half-word: odd ones read a second copy, a half-word further on
};

struct ConvTiles {
  int output_channels;
  int groups;  // of input channels, each with output channels of its own; Window counts the channels of one
  std::int8_t input_zero_point;
  int pool_height, pool_width;
  Panel panel;
  int block;        // outputs, or rows of them
  bool vertical;    // a tile goes down the rows
  int pitch;        // bytes from a row of the panel to the next
  int second_copy;  // bytes from the rows to their second copy
  int panel_words;  // kPixels: behind them is room for a pixel where runs are more than one
  int run_words;    // kPixels: those of a run that hold taps
};

namespace tiles {

using Half [[gnu::may_alias]] = std::int16_t;

constexpr int at_most(int value, int most) { return value < most ? value : most; }

// Widens an input row with its padding; `from` is null where all is padding.
template <const Window& kWindow, const ConvTiles& kConv>
inline void widen_row(const std::int8_t* from, Pair* to) {
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kColumns =
      (kWindow.output_width - 1) * kWindow.stride_width + (kWindow.kernel_width - 1) * kWindow.dilation_width + 1;
  constexpr int kBefore = kWindow.pad_left * kChannels;
  constexpr int kInside = at_most(kWindow.input_width, kColumns - kWindow.pad_left) * kChannels;
  constexpr int kApart = kChannels * kConv.groups;  // bytes from a pixel to the next
  constexpr int kAfter = kColumns * kChannels - kBefore - kInside;
  constexpr std::int8_t kZero = kConv.input_zero_point;
  if constexpr (kConv.panel == Panel::kRows) {
    if (from == nullptr) {
      widen_constant<2>(kZero, kBefore + kInside + kAfter, to);
    } else {
      to = widen_constant<2>(kZero, kBefore, to);
      if constexpr (kConv.groups == 1) {
        to = widen<2>(from, kInside, to);
      } else {
        for (int i = 0; i < kInside; i += kChannels, from += kApart) to = widen<2>(from, kChannels, to);
      }
      widen_constant<2>(kZero, kAfter, to);
    }
  } else {
    Half* half = reinterpret_cast<Half*>(to);
    const auto put = [&half](std::int32_t value) {
      half[0] = static_cast<Half>(value);
      if constexpr (kConv.panel == Panel::kTwoRows) half[kConv.second_copy / 2 + 1] = static_cast<Half>(value);
      ++half;
    };
    const auto pad = [&put](int count) {
      for (int i = 0; i < count; ++i) put(kZero);
    };
    if (from == nullptr) {
      pad(kBefore + kInside + kAfter);
      return;
    }
    pad(kBefore);
    if constexpr (kConv.groups == 1) {
#pragma GCC unroll 8
      for (int i = 0; i < kInside; ++i) put(from[i]);
    } else {
      for (int i = 0; i < kInside; i += kChannels, from += kApart) {
        for (int channel = 0; channel < kChannels; ++channel) put(from[channel]);
      }
    }
    pad(kAfter);
  }
}

// Rows of the input that the block whose first output row is `y` reads.
template <const Window& kWindow, const ConvTiles& kConv>
inline void widen_rows(const std::int8_t* input, int y, Pair* panel) {
  constexpr int kRows = (kConv.block * kConv.pool_height - 1) * kWindow.stride_height +
                        (kWindow.kernel_height - 1) * kWindow.dilation_height + 1;
  constexpr int kRowBytes = kWindow.input_width * kWindow.input_channels * kConv.groups;
  const int top = y * kConv.pool_height * kWindow.stride_height - kWindow.pad_top;
  for (int row = top; row < top + kRows; ++row, panel += kConv.pitch / 4) {
    const bool inside = !kWindow.reads_padding() || (row >= 0 && row < kWindow.input_height);
    widen_row<kWindow, kConv>(inside ? input + static_cast<std::ptrdiff_t>(row) * kRowBytes : nullptr, panel);
  }
}

// As pack_pixel, for channels of one of several groups.
template <const Window& kWindow, const ConvTiles& kConv>
inline void gather_taps(const std::int8_t* input, int y, int x, Pair* to) {
  constexpr int kChannels = kWindow.input_channels;
  alignas(4) std::int8_t taps[kWindow.groups() * 4] = {};
  std::int8_t* next = taps;
  for (int i = 0; i < kWindow.kernel_height; ++i) {
    for (int j = 0; j < kWindow.kernel_width; ++j, next += kChannels) {
      const int row = y * kWindow.stride_height - kWindow.pad_top + i * kWindow.dilation_height;
      const int column = x * kWindow.stride_width - kWindow.pad_left + j * kWindow.dilation_width;
      if (row >= 0 && row < kWindow.input_height && column >= 0 && column < kWindow.input_width) {
        const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(row) * kWindow.input_width + column;
        std::memcpy(next, input + pixel * kChannels * kConv.groups, kChannels);
      } else {
        std::memset(next, kConv.input_zero_point, kChannels);
      }
    }
  }
  widen<2>(taps, sizeof taps, to);
}

// Pixels from output `first` on; those of a pool follow one another.
template <const Window& kWindow, const ConvTiles& kConv, const Tiles& kTiles>
inline void gather_pixels(const std::int8_t* input, int first, Pair* panel) {
  constexpr int kPool = kConv.pool_height * kConv.pool_width;
  constexpr int kRun = kTiles.words() / kTiles.segments;
  constexpr int kDepth = kWindow.depth();
  constexpr bool kPointwise = kDepth == kWindow.input_channels && kWindow.stride_height == 1 &&
                              kWindow.stride_width == 1 && !kWindow.reads_padding() && kPool == 1 &&
                              kConv.groups == 1;
  if constexpr (kPointwise && kTiles.segments == 1 && kRun * 2 == kDepth) {
    widen<2>(input + static_cast<std::ptrdiff_t>(first) * kDepth, kConv.block * kDepth, panel);
  } else {
    constexpr int kWidth = kWindow.output_width / kConv.pool_width;
    Pair* const spare = panel + kConv.panel_words;
    int y = first / kWidth;
    int x = first % kWidth;
    for (int output = 0; output < kConv.block; ++output) {
      for (int i = 0; i < kPool; ++i, panel += kRun) {
        Pair* const whole = kTiles.segments == 1 ? panel : spare;
        const int row = y * kConv.pool_height + i / kConv.pool_width;
        const int column = x * kConv.pool_width + i % kConv.pool_width;
        if constexpr (kConv.groups == 1) {
          pack_pixel<kWindow, 2>(input, kConv.input_zero_point, row, column, whole);
        } else {
          gather_taps<kWindow, kConv>(input, row, column, whole);
        }
        for (int word = 0; kTiles.segments > 1 && word < kWindow.groups() * 2; ++word) {
          panel[word / kConv.run_words * (kTiles.segment_step / 4) + word % kConv.run_words] = whole[word];
        }
      }
      if (++x == kWidth) {
        x = 0;
        ++y;
      }
    }
  }
}

}  // namespace tiles

// `weights`: of each pair of channels what Tiles says; the last pair of an odd number repeats a channel, and so
// does that of a single one. `scalings`: of both channels of each pair. `panel`: as codegen/m7/conv_tiles_int8.py
// counts.
template <const Window& kWindow, const ConvTiles& kConv, const Tiles& kTiles>
[[gnu::noinline, gnu::noclone]] void conv_tiles_int8(const std::int8_t* input, const std::uint32_t* weights,
                                                     const std::int32_t* scalings, Pair* panel,
                                                     std::int8_t* output) {
  constexpr int kChannels = kConv.output_channels;
  constexpr int kOfGroup = kChannels / kConv.groups;
  constexpr int kPairs = (kOfGroup + 1) / 2;
  constexpr bool kPixels = kConv.panel == Panel::kPixels;
  constexpr int kHeight = kWindow.output_height / kConv.pool_height;
  constexpr int kWidth = kWindow.output_width / kConv.pool_width;
  constexpr int kAll = kPixels ? kHeight * kWidth : kHeight;
  // Outputs that the tiles of a block lie over, down and across; a last tile takes some of its neighbour again.
  constexpr int kDown = kPixels ? 1 : kConv.block;
  constexpr int kAcross = kPixels ? kConv.block : kWidth;
  constexpr int kLong = kConv.vertical ? kDown : kAcross;
  constexpr int kShort = kConv.vertical ? kAcross : kDown;
  constexpr int kStep = tiles::at_most(kTiles.outputs(), kLong);
  constexpr int kAlong = (kLong + kStep - 1) / kStep;
  // Bytes of the panel from an output to its neighbours.
  constexpr int kRight = kPixels ? kTiles.words() / kTiles.segments * 4 * kConv.pool_height * kConv.pool_width
                                 : kConv.pool_width * kWindow.stride_width * kWindow.input_channels * 2;
  constexpr int kBelow = kConv.pool_height * kWindow.stride_height * kConv.pitch;

  Tile list[kAlong * kShort + 1];
  for (int start = 0;; start += kConv.block) {
    const int first = tiles::at_most(start, kAll - kConv.block);
    std::int8_t* const out = output + static_cast<std::ptrdiff_t>(first) * (kPixels ? 1 : kWidth) * kChannels;
    Tile* tile = list;
    for (int i = 0; i < kShort; ++i) {
      for (int j = 0; j < kLong; j += kStep, ++tile) {
        const int along = tiles::at_most(j, kLong - kStep);
        const int y = kConv.vertical ? along : i;
        const int x = kConv.vertical ? i : along;
        *tile = make_tile(panel + (y * kBelow + x * kRight) / 4, out + (y * kWidth + x) * kChannels);
      }
    }
    *tile = no_tile(panel);
    const std::uint32_t* of_pair = weights;
    const std::int32_t* scaling = scalings;
    for (int group = 0; group < kConv.groups; ++group) {
      const std::int8_t* const of_group = input + group * kWindow.input_channels;
      if constexpr (kPixels) {
        tiles::gather_pixels<kWindow, kConv, kTiles>(of_group, first, panel);
      } else {
        tiles::widen_rows<kWindow, kConv>(of_group, first, panel);
      }
      for (int pair = 0; pair < kPairs; ++pair, of_pair += kTiles.pair_words(), scaling += 2 * kScalingWords) {
        const int channel = kOfGroup == 1 ? 0 : tiles::at_most(2 * pair, kOfGroup - 2);
        channel_pair<kTiles>(of_pair, scaling, list, group * kOfGroup + channel);
      }
    }
    if (start + kConv.block >= kAll) return;
  }
}

}  // namespace m7
