// DEPTHWISE_CONV_2D in int8, one output channel an input channel, channels in fours, with requantisation fused.
//
// A word of the input holds four channels; SXTB16 unpacks two of them, and SMLABB and SMLATT multiply each with its
// own weight. 8 instructions for 4 multiply-accumulates, and 8 an output to requantise and to store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/m7/conv_int8.hpp"
#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

// Bytes of an input row with its padding.
constexpr int padded_row_bytes(const Window& w) {
  const int columns = (w.output_width - 1) * w.stride_width + (w.kernel_width - 1) * w.dilation_width + 1;
  return (w.reads_padding() ? columns : w.input_width) * w.input_channels;
}

// Rows of the input that an output row sees, first to last.
constexpr int seen_rows(const Window& w) { return (w.kernel_height - 1) * w.dilation_height + 1; }

// Adds one tap to the sums of four channels; advances `weights`. One statement, because the compiler, free to
// choose an order, keeps all taps in flight and runs out of registers.
inline void add_tap(const std::int8_t* from, const Pair*& weights, std::int32_t (&sums)[4]) {
#if M7_HAS_DSP
  std::uint32_t word;
  std::uint32_t even;
  Pair even_weights;
  Pair odd_weights;
  __asm__(
      "ldr %[word], %[from]\n ldrd %[even_weights], %[odd_weights], [%[weights]], #8\n"
      "sxtb16 %[even], %[word]\n sxtb16 %[word], %[word], ror #8\n"
      "smlabb %[s0], %[even], %[even_weights], %[s0]\n smlabb %[s1], %[word], %[odd_weights], %[s1]\n"
      "smlatt %[s2], %[even], %[even_weights], %[s2]\n smlatt %[s3], %[word], %[odd_weights], %[s3]\n"
      : [word] "=&r"(word), [even] "=&r"(even), [even_weights] "=&r"(even_weights),
        [odd_weights] "=&r"(odd_weights), [weights] "+r"(weights), [s0] "+r"(sums[0]), [s1] "+r"(sums[1]),
        [s2] "+r"(sums[2]), [s3] "+r"(sums[3])
      : [from] "m"(*reinterpret_cast<const std::int8_t(*)[4]>(from)),
        "m"(*reinterpret_cast<const Pair(*)[2]>(weights)));
#else
  const std::uint32_t word = load_word(from);
  const Pair even = sxtb16(word);
  const Pair odd = sxtb16_ror8(word);
  sums[0] = smlabb(even, weights[0], sums[0]);
  sums[1] = smlabb(odd, weights[1], sums[1]);
  sums[2] = smlatt(even, weights[0], sums[2]);
  sums[3] = smlatt(odd, weights[1], sums[3]);
  weights += 2;
#endif
}

// Four outputs, neighbouring channels. `rows[i]`: where kernel row i begins; `weights`: two words a tap.
template <const Window& kWindow, const Conv& kConv>
inline void depthwise_four(const std::int8_t* const (&rows)[kWindow.kernel_height], std::ptrdiff_t at,
                           const Pair* weights, const std::int32_t* scalings, std::int8_t* output) {
  std::int32_t sums[4] = {};
#pragma GCC unroll 8
  for (int i = 0; i < kWindow.kernel_height; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < kWindow.kernel_width; ++j) {
      add_tap(rows[i] + at + j * kWindow.dilation_width * kWindow.input_channels, weights, sums);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Scaling scaling = load_scaling(scalings + i * kScalingWords);
    const std::int32_t x2 =
        scaling.twice_bias + static_cast<std::int32_t>(static_cast<std::uint32_t>(sums[i]) << 1);
    output[i] = static_cast<std::int8_t>(requantize<kConv.clamp>(x2, scaling, kConv.least, kConv.greatest));
  }
}

// `weights`: of each four channels and each tap the pairs 0, 2 and 1, 3. `lines`: seen_rows padded rows where
// padding is read, else nullptr.
template <const Window& kWindow, const Conv& kConv>
[[gnu::noinline]] void depthwise_int8(const std::int8_t* input, const std::uint32_t* weights,
                                      const std::int32_t* scalings, std::int8_t* lines, std::int8_t* output) {
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kInputRow = kWindow.input_width * kChannels;
  constexpr bool kPads = kWindow.reads_padding();
  constexpr int kRowBytes = padded_row_bytes(kWindow);
  constexpr int kSeen = seen_rows(kWindow);
  constexpr int kTaps = kWindow.kernel_height * kWindow.kernel_width;
  static_assert(kChannels % 4 == 0);

  int filled = -kWindow.pad_top;  // the next input row to go into its line
  for (int y = 0; y < kWindow.output_height; ++y) {
    const int top = y * kWindow.stride_height - kWindow.pad_top;
    if constexpr (kPads) {
      // Lines are a ring: input row r stands in line (r + pad_top) % kSeen.
      if (filled < top) filled = top;
      for (; filled < top + kSeen; ++filled) {
        std::int8_t* line = lines + (filled + kWindow.pad_top) % kSeen * kRowBytes;
        if (filled < 0 || filled >= kWindow.input_height) {
          std::memset(line, kConv.input_zero_point, kRowBytes);
          continue;
        }
        constexpr int kBefore = kWindow.pad_left * kChannels;
        constexpr int kInside = kRowBytes - kBefore < kInputRow ? kRowBytes - kBefore : kInputRow;
        std::memset(line, kConv.input_zero_point, kBefore);
        std::memcpy(line + kBefore, input + filled * kInputRow, kInside);
        std::memset(line + kBefore + kInside, kConv.input_zero_point, kRowBytes - kBefore - kInside);
      }
    }
    const std::int8_t* rows[kWindow.kernel_height];
    for (int i = 0; i < kWindow.kernel_height; ++i) {
      const int row = top + i * kWindow.dilation_height;
      rows[i] = kPads ? lines + (row + kWindow.pad_top) % kSeen * kRowBytes : input + row * kInputRow;
    }
    for (int c = 0; c < kChannels; c += 4) {
      std::ptrdiff_t at = c;
      std::int8_t* to = output + c;
      for (int x = 0; x < kWindow.output_width; ++x, at += kWindow.stride_width * kChannels, to += kChannels) {
        depthwise_four<kWindow, kConv>(rows, at, weights + c / 4 * kTaps * 2, scalings + c * kScalingWords, to);
      }
    }
    output += kWindow.output_width * kChannels;
  }
}

}  // namespace m7
