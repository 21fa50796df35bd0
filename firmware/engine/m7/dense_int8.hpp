// FULLY_CONNECTED of one row in int8, and CONV_2D with one pixel: each weight is used once, so that reading them
// binds.
//
// Weights are kept as TileWeights::kBytes keeps them (tiles_int8.hpp): a word is two taps of two channels,
// half-words a + 256 b, so that only the a are unpacked. Eight channels at a time take 8 SMLAD, 4 SXTB16, 4 LDR of
// weights and one of the input for 16 multiply-accumulates: 9 cycles, and 8 more for each line of 32
// weights, as all are missed. Measured, cycles a multiply-accumulate with memory: 288 to 128 0.92.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/flash_bus.hpp"
#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

struct DenseInt8 {
  int output_channels;
  std::int8_t input_zero_point;
  int pairs;  // of taps, a multiple of kDenseTurn: those that are too many have weights of 0
  Clamp clamp;
  std::int8_t least, greatest;
  bool one_scale;  // of all channels: `scale` but for the bias
  Scaling scale;
};

constexpr int kDenseTurn = 4;   // pairs of taps that are unrolled
constexpr int kDenseRun = 256;  // pairs after which A and B are told apart: |B| <= 512 * 127 * 128 < 2^23
constexpr int kDenseWords = 4;  // pairs of channels at a time

// A and A + 256 B of kWords pairs of channels over some pairs of taps, a multiple of kDenseTurn; advances both
// pointers.
//
// r0, r1: weights and input; r2 to r9: the sums, A before A + 256 B; r10 and r11 take turns as the word, r12: its
// a, lr: the input. A word is loaded two cycles before its use, the next input beside the last SMLAD with this one.
template <int kWords>
inline void dense_run(const std::uint32_t*& weights, const Pair*& input, int pairs, std::uint32_t* sums) {
#if M7_HAS_DSP
  register const std::uint32_t* w __asm__("r0") = weights;
  register const Pair* x __asm__("r1") = input;
  const Pair* const end = input + pairs;
  // clang-format off
  __asm__ volatile(
      ".macro m7_word word, a, sum, at\n"
      " .if %c[words] > \\at\n"
      " sxtb16 r12, \\word\n"
      " smlad \\sum, \\word, lr, \\sum\n"
      " smlad \\a, r12, lr, \\a\n"
      "  .if %c[words] == \\at + 1\n .set m7_p, m7_p+4\n ldr lr, [r1, #m7_p]\n .endif\n"
      " ldr \\word, [r0, #(m7_w+8)]\n"
      " .set m7_w, m7_w+4\n .set m7_odd, 1-m7_odd\n"
      " .endif\n"
      ".endm\n"
      ".macro m7_next_word a, sum, at\n"
      " .if m7_odd\n m7_word r11, \\a, \\sum, \\at\n .else\n m7_word r10, \\a, \\sum, \\at\n .endif\n"
      ".endm\n"
      "ldr r10, [r0]\n ldr r11, [r0, #4]\n ldr lr, [r1]\n"
      ".irp y, r2, r3, r4, r5, r6, r7, r8, r9\n mov \\y, #0\n .endr\n"
      "1:\n"
      ".set m7_odd, 0\n .set m7_w, 0\n .set m7_p, 0\n"
      ".rept %c[turn]\n"
      " m7_next_word r2, r3, 0\n m7_next_word r4, r5, 1\n m7_next_word r6, r7, 2\n m7_next_word r8, r9, 3\n"
      ".endr\n"
      "ldr r12, %[end]\n add r1, r1, #m7_p\n add r0, r0, #m7_w\n cmp r1, r12\n bne 1b\n"
      "ldr r12, %[sums]\n"
      ".if %c[words] == 1\n stmia r12, {r2, r3}\n .elseif %c[words] == 2\n stmia r12, {r2, r3, r4, r5}\n"
      ".elseif %c[words] == 3\n stmia r12, {r2, r3, r4, r5, r6, r7}\n"
      ".else\n stmia r12, {r2, r3, r4, r5, r6, r7, r8, r9}\n .endif\n"
      ".purgem m7_word\n .purgem m7_next_word\n"
      : "+r"(w), "+r"(x)
      : [end] "m"(end), [sums] "m"(sums), [words] "i"(kWords), [turn] "i"(kDenseTurn)
      : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
  // clang-format on
  weights = w;
  input = x;
#else
  for (int k = 0; k < 2 * kWords; ++k) sums[k] = 0;
  for (int i = 0; i < pairs; ++i, ++input) {
    for (int k = 0; k < kWords; ++k, ++weights) {
      sums[2 * k] =
          static_cast<std::uint32_t>(smlad(sxtb16(*weights), *input, static_cast<std::int32_t>(sums[2 * k])));
      sums[2 * k + 1] =
          static_cast<std::uint32_t>(smlad(*weights, *input, static_cast<std::int32_t>(sums[2 * k + 1])));
    }
  }
#endif
}

// kCount channels.
template <int kCount, const DenseInt8& kDense>
inline void dense_block(const std::uint32_t*& weights, const Pair* input, const std::int32_t* scalings,
                        std::int8_t* output) {
  constexpr int kWords = (kCount + 1) / 2;
  std::int32_t totals[2 * kWords] = {};
  std::uint32_t sums[2 * kWords];
  for (int done = 0; done < kDense.pairs; done += kDenseRun) {
    dense_run<kWords>(weights, input, kDense.pairs - done < kDenseRun ? kDense.pairs - done : kDenseRun, sums);
#pragma GCC unroll 4
    for (int i = 0; i < 2 * kWords; i += 2) {
      totals[i] += static_cast<std::int32_t>(sums[i]);
      totals[i + 1] += static_cast<std::int32_t>(sums[i + 1] - sums[i]) >> 8;
    }
    if (kDense.pairs <= kDenseRun) break;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kCount; ++i) {
    const Scaling scaling = kDense.one_scale ? kDense.scale : load_scaling(scalings + i * kScalingWords);
    const std::int32_t twice_bias = kDense.one_scale ? scalings[i] : scaling.twice_bias;
    const std::int32_t x2 = wrap_add(twice_bias, wrap_add(totals[i], totals[i]));
    output[i] = static_cast<std::int8_t>(requantize<kDense.clamp>(x2, scaling, kDense.least, kDense.greatest));
  }
}

// `weights`: of each eight channels (the last ones, up to seven, made even), of each pair of taps, a word a pair of
// channels. `scalings`: of each channel, or twice its bias. `panel`: pairs words and one more.
template <const Window& kWindow, const DenseInt8& kDense>
[[gnu::noinline, gnu::noclone]] void dense_int8(const std::int8_t* input, const std::uint32_t* weights,
                                                const std::int32_t* scalings, Pair* panel, std::int8_t* output) {
  constexpr int kTogether = 2 * kDenseWords;
  constexpr int kWordsOfScaling = kDense.one_scale ? 1 : kScalingWords;
  constexpr int kRest = kDense.output_channels % kTogether;
  pack_pixel<kWindow, 2>(input, kDense.input_zero_point, 0, 0, panel);
  const std::uint32_t* next = weights;
  int first = 0;
  for (; first + kTogether <= kDense.output_channels; first += kTogether) {
    dense_block<kTogether, kDense>(next, panel, scalings + first * kWordsOfScaling, output + first);
  }
  if constexpr (kRest > 0) {
    dense_block<kRest, kDense>(next, panel, scalings + first * kWordsOfScaling, output + first);
  }
}

}  // namespace m7
