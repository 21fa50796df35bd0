// CONV_2D and FULLY_CONNECTED in int8, with bias, requantisation, activation and an optional max pool fused, in the
// fewest instructions: for the fewest cycles there is conv_tiles_int8.
//
// Pixels are widened into a panel once and meet all output channels there, two channels and two pixels at a time
// (dot.hpp). Widening costs about 1.1 instructions a tap, divided by the number of output channels; an output
// costs 12 on top of its products, a pooled one 20.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/dot.hpp"
#include "engine/m7/requantize.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

enum class Weights : std::uint8_t {
  kPairs,  // as dot_2x2 reads them: two bytes a weight in flash
  kBytes,  // a byte a weight: a word a channel and group, widened when it is used
};

struct Conv {
  int output_channels;
  std::int8_t input_zero_point;
  int pool_height, pool_width;  // of a fused max pool, stride = size; 1 x 1 or an even number of pixels
  int block_outputs;            // whose pixels a panel holds together
  Weights weights;
  Objective objective;
  Clamp clamp;
  std::int8_t least, greatest;
};

// All channels, an even number, of two pixels: M7_DOT, then requantisation of its four sums and stores, 30 to 38
// instructions for four outputs. `output`: of channel 0 of the first pixel; the second one follows it.
template <int kGroups, const Conv& kConv>
inline void conv_pixel_pair(const std::uint32_t* weights, const std::uint32_t* pixels, const std::int32_t* scalings,
                            std::int8_t* output) {
#if M7_HAS_DSP
  constexpr Unrolling kLoop = unrolling(kGroups - 1, 16);
  register const std::uint32_t* w __asm__("r0") = weights;
  register const std::uint32_t* p __asm__("r1") = pixels;
  const std::uint32_t* const start = pixels;
  const std::uint32_t* const end = end_of_loop<kGroups, kConv.objective>(pixels);
  const std::int8_t* const last = output + kConv.output_channels;
  __asm__ volatile(
      // Twice the bias, multiplier, offset and shift of a channel make int8 of its sums x and y.
      ".macro m7_requantize x, y\n"
      "ldmia r2!, {r3, r4, r5, r6}\n"
      "add \\x, r3, \\x, lsl #1\n add \\y, r3, \\y, lsl #1\n"
      ".if %c[relu]\n"
      "smmlar \\x, \\x, r4, r5\n smmlar \\y, \\y, r4, r5\n"
      ".else\n"
      "smmulr \\x, \\x, r4\n smmulr \\y, \\y, r4\n"
      "add \\x, \\x, \\x, asr #31\n add \\y, \\y, \\y, asr #31\n"
      "add \\x, \\x, r5\n add \\y, \\y, r5\n"
      ".endif\n"
      "asr \\x, \\x, r6\n asr \\y, \\y, r6\n"
      "ssat \\x, #8, \\x\n ssat \\y, #8, \\y\n"
      ".endm\n"
      "1:\n" M7_DOT
      "ldr r2, %[scalings]\n"
      "m7_requantize r10, r11\n"
      "m7_requantize r12, lr\n"
      "str r2, %[scalings]\n"
      "ldr r7, %[out]\n ldr r3, %[last]\n"
      "strb r11, [r7, #%c[channels]]\n strb lr, [r7, #(%c[channels]+1)]\n"
      "strb r12, [r7, #1]\n strb r10, [r7], #2\n"
      "ldr r1, %[start]\n str r7, %[out]\n"
      "cmp r7, r3\n bne 1b\n"
      ".purgem m7_requantize\n" M7_ROOM M7_ROOM
      : "+r"(w), "+r"(p), [out] "+m"(output), [scalings] "+m"(scalings)
      : [start] "m"(start), [end] "m"(end), [last] "m"(last), [channels] "i"(kConv.output_channels),
        [relu] "i"(kConv.clamp == Clamp::kAtZeroPoint ? 1 : 0), M7_DOT_OPERANDS(kLoop, kConv.objective)
      : "r10", "r11", "r12", "lr", M7_DOT_OPERAND_REGISTERS);
#else
  for (int channel = 0; channel < kConv.output_channels; channel += 2, scalings += 2 * kScalingWords) {
    const std::uint32_t* next = pixels;
    const Sums2x2 sums = dot_2x2<kGroups, kConv.objective>(weights, next);
    const std::int32_t of_channel[2][2] = {{sums.c0p0, sums.c0p1}, {sums.c1p0, sums.c1p1}};
    for (int c = 0; c < 2; ++c) {
      const Scaling scaling = load_scaling(scalings + c * kScalingWords);
      for (int pixel = 0; pixel < 2; ++pixel) {
        const std::int32_t x2 = wrap_add(scaling.twice_bias, wrap_add(of_channel[c][pixel], of_channel[c][pixel]));
        output[pixel * kConv.output_channels + channel + c] =
            static_cast<std::int8_t>(requantize<kConv.clamp>(x2, scaling, kConv.least, kConv.greatest));
      }
    }
  }
#endif
}

// `panel`: block_outputs * pool_height * pool_width, made even, times groups * 2 words.
template <const Window& kWindow, const Conv& kConv>
[[gnu::noinline]] void conv_int8(const std::int8_t* input, const std::uint32_t* weights,
                                 const std::int32_t* scalings, Pair* panel, std::int8_t* output) {
  constexpr int kGroups = kWindow.groups();
  constexpr int kPool = kConv.pool_height * kConv.pool_width;
  constexpr int kOutputWidth = kWindow.output_width / kConv.pool_width;
  constexpr int kOutputs = kWindow.output_height / kConv.pool_height * kOutputWidth;
  constexpr int kChannels = kConv.output_channels;
  constexpr int kPanelPair = kGroups * 4;
  constexpr std::size_t kPairWords = static_cast<std::size_t>(kGroups) * 4;
  static_assert(kConv.weights == Weights::kPairs);
  static_assert(kPool == 1 || kPool % 2 == 0, "a pool must take pairs of pixels");
  // 4094: the reach of STRB's offset.
  constexpr bool kOneCall = kPool == 1 && kConv.block_outputs == 2 && kChannels % 2 == 0 && kChannels <= 4094 &&
                            kConv.clamp != Clamp::kGeneral;

  const auto store = [](std::int32_t sum, const std::int32_t* words, std::int8_t* to) {
    const Scaling scaling = load_scaling(words);
    const std::int32_t x2 = scaling.twice_bias + static_cast<std::int32_t>(static_cast<std::uint32_t>(sum) << 1);
    *to = static_cast<std::int8_t>(requantize<kConv.clamp>(x2, scaling, kConv.least, kConv.greatest));
  };

  int y = 0;
  int x = 0;
  for (int first = 0; first < kOutputs; first += kConv.block_outputs) {
    const int outputs = kOutputs - first < kConv.block_outputs ? kOutputs - first : kConv.block_outputs;
    // Pixels in the order in which they pair: of one pool after the other. A last pixel without a partner has
    // a panel of its own.
    Pair* to = panel;
    for (int i = 0; i < outputs; ++i) {
      if constexpr (kPool == 1) {
        if (i % 2 == 0 && i + 1 == outputs) {
          pack_pixel<kWindow, 2>(input, kConv.input_zero_point, y, x, to);
        } else {
          pack_pixel<kWindow, 4>(input, kConv.input_zero_point, y, x, to);
        }
        to += i % 2 == 0 ? 2 : kPanelPair - 2;
      } else {
        for (int j = 0; j < kPool; j += 2, to += kPanelPair) {
          for (int k = 0; k < 2; ++k) {
            pack_pixel<kWindow, 4>(input, kConv.input_zero_point,
                                   y * kConv.pool_height + (j + k) / kConv.pool_width,
                                   x * kConv.pool_width + (j + k) % kConv.pool_width, to + 2 * k);
          }
        }
      }
      if (++x == kOutputWidth) {
        x = 0;
        ++y;
      }
    }

    if constexpr (kOneCall) {
      if (outputs == 2) {
        conv_pixel_pair<kGroups, kConv>(weights, panel, scalings,
                                        output + static_cast<std::ptrdiff_t>(first) * kChannels);
        continue;
      }
    }
    const std::uint32_t* next_weights = weights;
    const std::int32_t* scaling = scalings;
    std::int8_t* out = output + static_cast<std::ptrdiff_t>(first) * kChannels;
    for (int channel = 0; channel < kChannels;
         channel += 2, scaling += 2 * kScalingWords, next_weights += kPairWords, out += 2) {
      const bool both = kChannels % 2 == 0 || channel + 1 < kChannels;
      const Pair* pixels = panel;
      std::int8_t* next = out;
      if constexpr (kPool == 1) {
        for (int i = 0; i + 1 < outputs; i += 2, next += 2 * kChannels) {
          const std::uint32_t* w = next_weights;
          const Sums2x2 sums = dot_2x2<kGroups, kConv.objective>(w, pixels);
          store(sums.c0p0, scaling, next);
          store(sums.c0p1, scaling, next + kChannels);
          if (!both) continue;
          store(sums.c1p0, scaling + kScalingWords, next + 1);
          store(sums.c1p1, scaling + kScalingWords, next + kChannels + 1);
        }
        if (outputs % 2 != 0) {
          const Sums2x1 sums = dot_2x1<kGroups>(next_weights, pixels);
          store(sums.c0, scaling, next);
          if (both) store(sums.c1, scaling + kScalingWords, next + 1);
        }
      } else {
        for (int i = 0; i < outputs; ++i, next += kChannels) {
          std::int32_t c0 = 0;
          std::int32_t c1 = 0;
          for (int j = 0; j < kPool; j += 2) {
            const std::uint32_t* w = next_weights;
            const Sums2x2 sums = dot_2x2<kGroups, kConv.objective>(w, pixels);
            // Exact before requantising: that is monotone, its multiplier being positive.
            const std::int32_t m0 = maximum(sums.c0p0, sums.c0p1);
            const std::int32_t m1 = maximum(sums.c1p0, sums.c1p1);
            c0 = j == 0 ? m0 : maximum(c0, m0);
            c1 = j == 0 ? m1 : maximum(c1, m1);
          }
          store(c0, scaling, next);
          if (both) store(c1, scaling + kScalingWords, next + 1);
        }
      }
    }
  }
}

}  // namespace m7
