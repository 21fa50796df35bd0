// CONV_2D 3x3, stride 1, in int8 by Winograd's F(2x2, 3x3): 16 products instead of 36 for four outputs, and exact.
//
// A tile is four outputs and the 4x4 inputs that they see. With the matrices of Lavin and Gray ("Fast Algorithms
// for Convolutional Neural Networks", 2015), Y = At [(G g Gt) . (Bt d B)] A. Only G holds fractions, halves: with
// 2 G in its place everything is an integer and Y comes out four times as large. Weights stay below 9 * 128,
// inputs below 4 * 128: both fit 16 bits, and sums modulo 2^32 are right as long as four times the sum of a
// direct convolution fits 32 bits, which codegen makes sure of.
//
// Cost: inputs 45 instructions a tile and channel pair; products 0.656 instructions each (dot.hpp), 0.29 a direct
// multiply-accumulate; outputs 50 a tile and channel with a fused pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "engine/m7/conv_int8.hpp"
#include "engine/m7/dot.hpp"
#include "engine/m7/requantize.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

constexpr int kPositions = 16;

// Words of the panel from one position to the next: the operands of two tiles, then room for the four sums of
// two channels, which the loop stores where its pointer stands anyway.
constexpr int position_words(int groups) { return groups * 4 + 4; }

// Multiplies the transformed weights of two channels with two transformed tiles, position by position.
template <int kGroups, Objective kObjective>
inline void winograd_products(const std::uint32_t* weights, std::uint32_t* panel) {
#if M7_HAS_DSP
  // Positions a turn: enough to make the loop's three instructions cheap, without flooding the cache.
  constexpr int kTogether = kGroups <= 8 ? 2 : 1;
  register const std::uint32_t* w __asm__("r0") = weights;
  register std::uint32_t* p __asm__("r1") = panel;
  std::uint32_t* const end = panel + kPositions * position_words(kGroups);
  constexpr Unrolling kLoop = unrolling(kGroups - 1, kGroups);
  __asm__ volatile(
      "1:\n"
      ".rept %c[together]\n" M7_DOT
      "stmia r1!, {r10, r11, r12, lr}\n"
      ".endr\n"
      "ldr r2, %[end]\n cmp r1, r2\n bne 1b\n" M7_ROOM M7_ROOM
      : "+r"(w), "+r"(p)
      : [end] "m"(end), [together] "i"(kTogether), M7_DOT_OPERANDS(kLoop, kObjective)
      : "r10", "r11", "r12", "lr", M7_DOT_OPERAND_REGISTERS);
#else
  for (int position = 0; position < kPositions; ++position) {
    const std::uint32_t* pixels = panel;
    const Sums2x2 sums = dot_2x2<kGroups, kObjective>(weights, pixels);
    panel += kGroups * 4;
    std::memcpy(panel, &sums, sizeof sums);
    panel += 4;
  }
#endif
}

// Bt d B of one channel pair; `at(row, column)` gives d, `put(position, value)` takes the result.
template <typename At, typename Put>
inline void transform_input(At at, Put put) {
  Pair t[4][4];
#pragma GCC unroll 4
  for (int column = 0; column < 4; ++column) {
    const Pair d0 = at(0, column);
    const Pair d1 = at(1, column);
    const Pair d2 = at(2, column);
    const Pair d3 = at(3, column);
    t[0][column] = ssub16(d0, d2);
    t[1][column] = sadd16(d1, d2);
    t[2][column] = ssub16(d2, d1);
    t[3][column] = ssub16(d1, d3);
  }
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row) {
    put(4 * row + 0, ssub16(t[row][0], t[row][2]));
    put(4 * row + 1, sadd16(t[row][1], t[row][2]));
    put(4 * row + 2, ssub16(t[row][2], t[row][1]));
    put(4 * row + 3, ssub16(t[row][1], t[row][3]));
  }
}

// 2G g (2G)t of one channel pair; `taps` is g, row by row.
template <typename Put>
inline void transform_weights(const Pair (&taps)[9], Put put) {
  Pair t[4][3];
#pragma GCC unroll 3
  for (int column = 0; column < 3; ++column) {
    const Pair ends = sadd16(taps[column], taps[6 + column]);
    t[0][column] = sadd16(taps[column], taps[column]);
    t[1][column] = sadd16(ends, taps[3 + column]);
    t[2][column] = ssub16(ends, taps[3 + column]);
    t[3][column] = sadd16(taps[6 + column], taps[6 + column]);
  }
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row) {
    const Pair ends = sadd16(t[row][0], t[row][2]);
    put(4 * row + 0, sadd16(t[row][0], t[row][0]));
    put(4 * row + 1, sadd16(ends, t[row][1]));
    put(4 * row + 2, ssub16(ends, t[row][1]));
    put(4 * row + 3, sadd16(t[row][2], t[row][2]));
  }
}

// Weights of two channels, kept as bytes (of each group of four input channels, nine words of channel 0, then
// nine of channel 1), to the panel that winograd_products reads.
template <int kGroups>
inline void transform_pair_weights(const std::uint32_t* bytes, Pair* to) {
  for (int group = 0; group < kGroups; ++group, to += 4) {
    for (int channel = 0; channel < 2; ++channel, bytes += 9) {
      Pair taps[9];
      for (int i = 0; i < 9; ++i) taps[i] = sxtb16(bytes[i]);
      transform_weights(taps, [=](int position, Pair value) { to[position * kGroups * 4 + 2 * channel] = value; });
      for (int i = 0; i < 9; ++i) taps[i] = sxtb16_ror8(bytes[i]);
      transform_weights(taps,
                        [=](int position, Pair value) { to[position * kGroups * 4 + 2 * channel + 1] = value; });
    }
  }
}

// Transforms the inputs of tile (y, x) of all channels into its half of a panel.
template <const Window& kWindow>
inline void transform_tile(const std::int8_t* input, std::int8_t zero_point, int y, int x, Pair* to) {
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kGroups = kChannels / 4;
  constexpr int kStep = position_words(kGroups);
  const int top = 2 * y - kWindow.pad_top;
  const int left = 2 * x - kWindow.pad_left;
  const auto transform = [to](const std::int8_t* from, auto row_bytes) {
    Pair* next = to;
    for (int c = 0; c < kChannels; c += 4, from += 4, next += 4) {
      const auto word = [from](int row, int column) {
        return load_word(from + row * decltype(row_bytes)::value + column * kChannels);
      };
      transform_input([&](int row, int column) { return sxtb16(word(row, column)); },
                      [&](int position, Pair value) { next[position * kStep] = value; });
      transform_input([&](int row, int column) { return sxtb16_ror8(word(row, column)); },
                      [&](int position, Pair value) { next[position * kStep + 1] = value; });
    }
  };
  constexpr bool kInside =
      !kWindow.reads_padding() && kWindow.output_height % 2 == 0 && kWindow.output_width % 2 == 0;
  if (kInside || (top >= 0 && left >= 0 && top + 4 <= kWindow.input_height && left + 4 <= kWindow.input_width)) {
    transform(input + (static_cast<std::ptrdiff_t>(top) * kWindow.input_width + left) * kChannels,
              std::integral_constant<int, kWindow.input_width * kChannels>{});
    return;
  }
  std::int8_t patch[4 * 4 * kChannels];
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 4; ++column) {
      const int from_row = top + row;
      const int from_column = left + column;
      std::int8_t* const here = patch + (4 * row + column) * kChannels;
      if (from_row >= 0 && from_row < kWindow.input_height && from_column >= 0 &&
          from_column < kWindow.input_width) {
        std::memcpy(here,
                    input + (static_cast<std::ptrdiff_t>(from_row) * kWindow.input_width + from_column) * kChannels,
                    kChannels);
      } else {
        std::memset(here, zero_point, kChannels);
      }
    }
  }
  transform(static_cast<const std::int8_t*>(patch), std::integral_constant<int, 4 * kChannels>{});
}

// At M A of one tile and channel: four sums, each four times too large. `m` points at position 0.
struct TileSums {
  std::int32_t y00, y01, y10, y11;
};
template <int kGroups>
inline TileSums transform_output(const std::uint32_t* m) {
  constexpr int kStep = position_words(kGroups);
  TileSums sums{};
#pragma GCC unroll 4
  for (int row = 0; row < 4; ++row, m += 4 * kStep) {
    const auto m0 = m[0];
    const auto m1 = m[kStep];
    const auto m2 = m[2 * kStep];
    const auto m3 = m[3 * kStep];
    const auto left = static_cast<std::int32_t>(m0 + m1 + m2);
    const auto right = static_cast<std::int32_t>(m1 - m2 - m3);
    if (row == 0) {
      sums = {left, right, 0, 0};
    } else if (row == 1) {
      sums = {wrap_add(sums.y00, left), wrap_add(sums.y01, right), left, right};
    } else if (row == 2) {
      sums = {wrap_add(sums.y00, left), wrap_add(sums.y01, right), wrap_sub(sums.y10, left),
              wrap_sub(sums.y11, right)};
    } else {
      sums.y10 = wrap_sub(sums.y10, left);
      sums.y11 = wrap_sub(sums.y11, right);
    }
  }
  return sums;
}

// `panel`: block_outputs tiles, made even, times 8 * position_words words. `transformed`: 16 * groups * 4 words
// where weights are bytes, else nullptr. A pool of 2x2, if any, takes just a tile: block_outputs counts tiles.
template <const Window& kWindow, const Conv& kConv>
[[gnu::noinline]] void winograd_int8(const std::int8_t* input, const std::uint32_t* weights,
                                     const std::int32_t* scalings, Pair* panel, Pair* transformed,
                                     std::int8_t* output) {
  constexpr int kGroups = kWindow.input_channels / 4;
  constexpr int kChannels = kConv.output_channels;
  constexpr bool kPools = kConv.pool_height == 2;
  constexpr int kTilesAcross = (kWindow.output_width + 1) / 2;
  constexpr int kTiles = (kWindow.output_height + 1) / 2 * kTilesAcross;
  constexpr std::size_t kPairWords =
      kConv.weights == Weights::kPairs ? kPositions * kGroups * 4 : static_cast<std::size_t>(kGroups) * 18;
  static_assert(kWindow.input_channels % 4 == 0);
  static_assert(!kPools || (kWindow.output_height % 2 == 0 && kWindow.output_width % 2 == 0));

  const auto store = [](std::int32_t sum, const std::int32_t* words, std::int8_t* to) {
    const Scaling scaling = load_scaling(words);
    const std::int32_t x2 = scaling.twice_bias + (sum >> 1);
    *to = static_cast<std::int8_t>(requantize<kConv.clamp>(x2, scaling, kConv.least, kConv.greatest));
  };

  int y = 0;
  int x = 0;
  for (int first = 0; first < kTiles; first += kConv.block_outputs) {
    const int tiles = kTiles - first < kConv.block_outputs ? kTiles - first : kConv.block_outputs;
    const int first_y = y;
    const int first_x = x;
    for (int tile = 0; tile < tiles; ++tile) {
      transform_tile<kWindow>(input, kConv.input_zero_point, y, x,
                              panel + (tile / 2) * kPositions * position_words(kGroups) + 2 * (tile % 2));
      if (++x == kTilesAcross) {
        x = 0;
        ++y;
      }
    }
    const std::uint32_t* next_weights = weights;
    const std::int32_t* scaling = scalings;
    for (int channel = 0; channel < kChannels;
         channel += 2, scaling += 2 * kScalingWords, next_weights += kPairWords) {
      const int here = kChannels % 2 == 0 || channel + 1 < kChannels ? 2 : 1;
      const std::uint32_t* ready = next_weights;
      if constexpr (kConv.weights == Weights::kBytes) {
        transform_pair_weights<kGroups>(next_weights, transformed);
        ready = transformed;
      }
      Pair* products = panel;
      int tile_y = first_y;
      int tile_x = first_x;
      std::int8_t* out = output + static_cast<std::ptrdiff_t>(first) * kChannels + channel;
      for (int tile = 0; tile < tiles; ++tile) {
        if (tile % 2 == 0) winograd_products<kGroups, kConv.objective>(ready, products);
        const Pair* sums_at = products + kGroups * 4 + tile % 2;
        for (int i = 0; i < here; ++i) {
          const TileSums sums = transform_output<kGroups>(sums_at + 2 * i);
          if constexpr (kPools) {
            store(maximum(maximum(sums.y00, sums.y01), maximum(sums.y10, sums.y11)), scaling + i * kScalingWords,
                  out + i);
          } else {
            const bool right = kWindow.output_width % 2 == 0 || tile_x + 1 < kTilesAcross;
            const bool below = kWindow.output_height % 2 == 0 || 2 * tile_y + 1 < kWindow.output_height;
            std::int8_t* const corner =
                output + (static_cast<std::ptrdiff_t>(2 * tile_y) * kWindow.output_width + 2 * tile_x) * kChannels +
                channel + i;
            store(sums.y00, scaling + i * kScalingWords, corner);
            if (right) store(sums.y01, scaling + i * kScalingWords, corner + kChannels);
            if (below) store(sums.y10, scaling + i * kScalingWords, corner + kWindow.output_width * kChannels);
            if (right && below)
              store(sums.y11, scaling + i * kScalingWords, corner + (kWindow.output_width + 1) * kChannels);
          }
        }
        out += kChannels;
        if (tile % 2 != 0) products += kPositions * position_words(kGroups);
        if (++tile_x == kTilesAcross) {
          tile_x = 0;
          ++tile_y;
        }
      }
    }
  }
}

}  // namespace m7
