// CONV_2D 3x3, stride 1, in float32 by Winograd's F(2x2, 3x3): see winograd_int8.hpp for the method. Weights are
// transformed offline, which takes 16/9 of their flash.
//
// Up to five tiles are transformed at a time; of each position, 4 output channels x 5 tiles make a block of sums.
// Cost: products 1.13 instructions each, 0.5 a direct multiply-accumulate; inputs 60 a tile and channel; outputs 50
// a tile and channel with a fused pool.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/conv_float.hpp"
#include "engine/m7/fma_block.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

constexpr int kTilesOfBlock = 5;
constexpr int kChannelsOfBlock = 4;

// Bt d B of `channels` channels of a tile: `from` is the tile's corner, its rows kRow and its planes kPlane floats
// apart; position p of the result goes to to[p * kStep], the next channel kNext floats on. 68 instructions a
// channel.
template <int kRow, int kPlane, int kStep, int kNext>
inline void transform_input_float(const float* from, int channels, float* to) {
#if M7_HAS_FPU
  const float* row;
  float* put;
  __asm__ volatile(
      ".macro m7_four op, a, b, c\n"
      "\\op s\\a, s\\b, s\\c\n"
      ".endm\n"
      ".altmacro\n"
      ".macro m7_rows op, a, b, c\n"
      ".set m7_x, 0\n .rept 4\n"
      "m7_four \\op, %%(\\a+m7_x), %%(\\b+m7_x), %%(\\c+m7_x)\n"
      ".set m7_x, m7_x+1\n .endr\n"
      ".endm\n"
      ".macro m7_columns a\n"
      "m7_four vsub.f32, 20, %%(\\a), %%(\\a+2)\n"
      "m7_four vadd.f32, 21, %%(\\a+1), %%(\\a+2)\n"
      "m7_four vsub.f32, 22, %%(\\a+2), %%(\\a+1)\n"
      "m7_four vsub.f32, 23, %%(\\a+1), %%(\\a+3)\n"
      "vstr.32 s20, [%[put]]\n add %[put], %[put], %[step]\n"
      "vstr.32 s21, [%[put]]\n add %[put], %[put], %[step]\n"
      "vstr.32 s22, [%[put]]\n add %[put], %[put], %[step]\n"
      "vstr.32 s23, [%[put]]\n add %[put], %[put], %[step]\n"
      ".endm\n"
      "1:\n"
      "vldmia %[from], {s0-s3}\n add %[row], %[from], %[pitch]\n"
      "vldmia %[row], {s4-s7}\n add %[row], %[row], %[pitch]\n"
      "vldmia %[row], {s8-s11}\n add %[row], %[row], %[pitch]\n"
      "vldmia %[row], {s12-s15}\n mov %[put], %[to]\n"
      "m7_rows vsub.f32, 0, 0, 8\n"
      "m7_rows vsub.f32, 12, 4, 12\n"
      "m7_rows vadd.f32, 16, 4, 8\n"
      "m7_rows vsub.f32, 8, 8, 4\n"
      "m7_columns 0\n m7_columns 16\n m7_columns 8\n m7_columns 12\n"
      "add %[from], %[from], %[plane]\n add %[to], %[to], %[next]\n"
      "subs %[channels], %[channels], #1\n bne 1b\n"
      ".noaltmacro\n .purgem m7_four\n .purgem m7_rows\n .purgem m7_columns\n" M7_ROOM
      : [from] "+r"(from), [to] "+r"(to), [channels] "+r"(channels), [row] "=&r"(row), [put] "=&r"(put)
      : [pitch] "r"(kRow * sizeof(float)), [plane] "r"(kPlane * sizeof(float)), [step] "r"(kStep * sizeof(float)),
        [next] "r"(kNext * sizeof(float))
      : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16",
        "s17", "s18", "s19", "s20", "s21", "s22", "s23", "cc", "memory");
#else
  for (; channels > 0; --channels, from += kPlane, to += kNext) {
    float t[4][4];
    for (int x = 0; x < 4; ++x) {
      const float d0 = from[x];
      const float d1 = from[kRow + x];
      const float d2 = from[2 * kRow + x];
      const float d3 = from[3 * kRow + x];
      t[0][x] = d0 - d2;
      t[1][x] = d1 + d2;
      t[2][x] = d2 - d1;
      t[3][x] = d1 - d3;
    }
    for (int y = 0; y < 4; ++y) {
      to[(4 * y + 0) * kStep] = t[y][0] - t[y][2];
      to[(4 * y + 1) * kStep] = t[y][1] + t[y][2];
      to[(4 * y + 2) * kStep] = t[y][2] - t[y][1];
      to[(4 * y + 3) * kStep] = t[y][1] - t[y][3];
    }
  }
#endif
}

// At M A of four channels of a tile: `m` points at position 0 of the first channel, positions are kStep floats
// apart. Gives the maximum of each channel's four sums at to[channel] if kPools, else sum i at to[4 * i + channel].
// 36 instructions a channel.
template <bool kPools, int kStep>
inline void transform_output_float(const float* m, float* to) {
#if M7_HAS_FPU
  __asm__ volatile(
      ".altmacro\n"
      ".macro m7_one op, a, b, c\n \\op s\\a, s\\b, s\\c\n .endm\n"
      ".macro m7_four op, a, b, c\n"
      ".set m7_x, 0\n .rept 4\n"
      "m7_one \\op, %%(\\a+m7_x), %%(\\b+m7_x), %%(\\c+m7_x)\n"
      ".set m7_x, m7_x+1\n .endr\n"
      ".endm\n"
      // Loads a row of positions and folds it into its left sum at `left` and its right sum at `right`.
      ".macro m7_row left, right\n"
      "vldmia %[m], {s16-s19}\n add %[m], %[m], %[step]\n vldmia %[m], {s20-s23}\n add %[m], %[m], %[step]\n"
      "vldmia %[m], {s24-s27}\n add %[m], %[m], %[step]\n vldmia %[m], {s28-s31}\n add %[m], %[m], %[step]\n"
      "m7_four vadd.f32, \\left, 16, 20\n m7_four vadd.f32, \\left, \\left, 24\n"
      "m7_four vsub.f32, \\right, 20, 24\n m7_four vsub.f32, \\right, \\right, 28\n"
      ".endm\n"
      "m7_row 0, 4\n"
      "m7_row 8, 12\n m7_four vadd.f32, 0, 0, 8\n m7_four vadd.f32, 4, 4, 12\n"
      "m7_row 16, 20\n m7_four vadd.f32, 0, 0, 16\n m7_four vadd.f32, 4, 4, 20\n"
      "m7_four vsub.f32, 8, 8, 16\n m7_four vsub.f32, 12, 12, 20\n"
      "m7_row 16, 20\n m7_four vsub.f32, 8, 8, 16\n m7_four vsub.f32, 12, 12, 20\n"
      ".if %c[pools]\n"
      "m7_four vmaxnm.f32, 0, 0, 4\n m7_four vmaxnm.f32, 8, 8, 12\n m7_four vmaxnm.f32, 0, 0, 8\n"
      "vstmia %[to], {s0-s3}\n"
      ".else\n"
      "vstmia %[to], {s0-s15}\n"
      ".endif\n"
      ".noaltmacro\n .purgem m7_one\n .purgem m7_four\n .purgem m7_row\n" M7_ROOM
      : [m] "+r"(m)
      : [to] "r"(to), [step] "r"(kStep * sizeof(float)), [pools] "i"(kPools ? 1 : 0)
      : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16",
        "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "s31",
        "memory");
#else
  for (int channel = 0; channel < 4; ++channel) {
    float sums[2][2] = {};
    for (int y = 0; y < 4; ++y) {
      const float* at = m + 4 * y * kStep + channel;
      const float left = at[0] + at[kStep] + at[2 * kStep];
      const float right = at[kStep] - at[2 * kStep] - at[3 * kStep];
      constexpr float kUpper[4] = {1.0F, 1.0F, 1.0F, 0.0F};
      constexpr float kLower[4] = {0.0F, 1.0F, -1.0F, -1.0F};
      sums[0][0] += kUpper[y] * left;
      sums[0][1] += kUpper[y] * right;
      sums[1][0] += kLower[y] * left;
      sums[1][1] += kLower[y] * right;
    }
    if (kPools) {
      to[channel] =
          __builtin_fmaxf(__builtin_fmaxf(sums[0][0], sums[0][1]), __builtin_fmaxf(sums[1][0], sums[1][1]));
    } else {
      for (int i = 0; i < 4; ++i) to[4 * i + channel] = sums[i / 2][i % 2];
    }
  }
#endif
}

// `image`: as in conv_float, for tiles of 2; `tiles`: 16 positions x input channels x tiles of a block; `products`:
// 16 positions x tiles of a block x 4. `weights`: block of 4 output channels, position, input channel, channel;
// channels that fill up the last block are zero.
template <const Window& kWindow, const ConvFloat& kConv>
[[gnu::noinline]] void winograd_float(const float* input, const float* weights, const float* bias, float* image,
                                      float* tiles, float* products, float* output) {
  // Plain integers: GCC 12 breaks down over a constexpr struct whose members a generic lambda calls.
  constexpr Prepared kFrom = prepared(kWindow, kConv.copies, 2);
  constexpr int kRow = kFrom.row();
  constexpr int kInputPlane = kFrom.plane();
  constexpr int kInputs = kWindow.input_channels;
  constexpr int kChannels = kConv.output_channels;
  constexpr bool kPools = kConv.pool_height == 2;
  constexpr int kAcross = (kWindow.output_width + 1) / 2;
  constexpr int kTiles = (kWindow.output_height + 1) / 2 * kAcross;
  constexpr Cut kCut = cut(kTiles, kTilesOfBlock);
  constexpr int kWidth = kPools ? kAcross : kWindow.output_width;
  constexpr int kPlane = kPools ? kTiles : kWindow.output_height * kWindow.output_width;
  constexpr int kPixelStep = kConv.planar_output ? 1 : kChannels;
  constexpr int kChannelStep = kConv.planar_output ? kPlane : 1;

  if constexpr (kConv.copies) {
    prepare<kWindow, kConv, 2>(input, image);
    input = image;
  }
  const auto block = [&](auto tiles_constant, int first) {
    constexpr int kHere = decltype(tiles_constant)::value;
    for (int tile = 0; tile < kHere; ++tile) {
      const float* from = input + (first + tile) / kAcross * 2 * kRow + (first + tile) % kAcross * 2;
      transform_input_float<kRow, kInputPlane, kInputs * kHere, kHere>(from, kInputs, tiles + tile);
    }
    const float* next = weights;
    for (int channel = 0; channel < kChannels; channel += kChannelsOfBlock) {
      FmaBlock<kHere, kChannelsOfBlock, 1>::template series<kInputs>(tiles, next, 16, products);
      next += 16 * kInputs * kChannelsOfBlock;
      for (int tile = 0; tile < kHere; ++tile) {
        const int y = (first + tile) / kAcross;
        const int x = (first + tile) % kAcross;
        float sums[kPools ? 4 : 16];
        transform_output_float<kPools, kHere * kChannelsOfBlock>(products + tile * kChannelsOfBlock, sums);
        float* to =
            output + channel * kChannelStep + (kPools ? y * kWidth + x : 2 * y * kWidth + 2 * x) * kPixelStep;
#pragma GCC unroll 4
        for (int i = 0; i < kChannelsOfBlock; ++i, to += kChannelStep) {
          if (kChannels % kChannelsOfBlock != 0 && channel + i >= kChannels) break;
          const float add = bias[channel + i];
          to[0] = clamp<kConv>(sums[i] + add);
          if constexpr (!kPools) {
            const bool right = 2 * x + 1 < kWindow.output_width;
            const bool below = 2 * y + 1 < kWindow.output_height;
            if (right) to[kPixelStep] = clamp<kConv>(sums[4 + i] + add);
            if (below) to[kWidth * kPixelStep] = clamp<kConv>(sums[8 + i] + add);
            if (right && below) to[(kWidth + 1) * kPixelStep] = clamp<kConv>(sums[12 + i] + add);
          }
        }
      }
    }
  };
  int first = 0;
  for (int i = 0; i < kCut.longer; ++i, first += kCut.size + 1) {
    if constexpr (kCut.longer > 0) block(std::integral_constant<int, kCut.size + 1>{}, first);
  }
  for (; first < kTiles; first += kCut.size) block(std::integral_constant<int, kCut.size>{}, first);
}

}  // namespace m7
