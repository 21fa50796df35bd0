// CONV_2D of a few taps (at most 10: a 3x3 window on a picture of one channel), with a fused 2x2 max pool.
//
// So few products leave dot_2x2 no time to pay its ends. Here a channel's weights stay in registers while its four
// pixels pass by. There are two loops:
// - Fewest instructions: operands come by LDM, and the pool is folded into the sums: SMLAD starts from minus the
//   greatest sum so far, so that its result is what has to be added, if positive. With nine taps an output costs 43
//   instructions for 36 multiply-accumulates.
// - Fewest cycles: each of the 20 SMLAD has a LDR beside it, which brings the word that is used two SMLAD later,
// and
//   the loads of the next channel stand beside the requantisation of this one. 52 instructions in 36 cycles, of
//   which the SMLAD are 20, the maximum of four sums 6, the requantisation 8.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/conv_int8.hpp"
#include "engine/m7/requantize.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

constexpr int kFirstTaps = 10;
constexpr int kFirstPairs = kFirstTaps / 2;

// Words of an output channel, as codegen writes them: five pairs of weights, doubled, taps in the order row,
// column, channel and unused ones zero; then as Scaling, but that bit 31 of the shift is set in all channels but
// the last.
constexpr int kFirstChannelWords = kFirstPairs + kScalingWords;

#if M7_HAS_DSP
// The products of one pixel; `begin` is the first instruction up to its operands, `sum` where the others add up.
#define M7_FIRST_DOT(begin, sum, end)                                                                  \
  "ldmia r1!, {r7, r8, r9, r10, r11}\n " begin " " sum ", r3, r7" end "\n smlad " sum ", r4, r8, " sum \
  "\n smlad " sum ", r5, r9, " sum "\n smlad " sum ", r6, r10, " sum "\n smlad " sum ", r12, r11, " sum "\n"

// The same with a load beside each product. Words of the pixels take turns in a to d; `at`: where the word stands
// that is loaded first.
#define M7_FIRST_PACED(sum, a, b, c, d, at)                   \
  "smuad " sum ", r3, " a "\n ldr " c ", [r1, #(" at          \
  ")]\n"                                                      \
  "smlad " sum ", r4, " b ", " sum "\n ldr " d ", [r1, #(" at \
  "+4)]\n"                                                    \
  "smlad " sum ", r5, " c ", " sum "\n ldr " a ", [r1, #(" at "+8)]\n"
#define M7_FIRST_PACED_END(sum, a, b, c, d, at)               \
  "smlad " sum ", r6, " d ", " sum "\n ldr " b ", [r1, #(" at \
  "+12)]\n"                                                   \
  "smlad " sum ", r12, " a ", " sum "\n ldr " c ", [r1, #(" at "+16)]\n"
#endif

// All channels of one pooled output; `pixels`: four times kFirstPairs words. The loop for fewest cycles reads the
// five words behind the last channel.
template <Objective kObjective>
inline void first_conv_output(const std::uint32_t* channel, const Pair* pixels, std::int8_t* output) {
#if M7_HAS_DSP
  register const std::uint32_t* c __asm__("r0") = channel;
  register const Pair* p __asm__("r1") = pixels;
  std::int8_t* out = output;
  if constexpr (kObjective == Objective::kCycles) {
    // r2, r11, lr: sums of the pixels, the greatest in r2; r3 to r6 and r12: weights; r7 to r10: words of the
    // pixels, then the scaling.
    __asm__ volatile(
        "ldr r3, [r0]\n ldr r4, [r0, #4]\n ldr r5, [r0, #8]\n ldr r6, [r0, #12]\n ldr r12, [r0, #16]\n"
        "ldr r7, [r1]\n ldr r8, [r1, #4]\n"
        "1:\n"
        M7_FIRST_PACED("r2", "r7", "r8", "r9", "r10", "8")
        M7_FIRST_PACED_END("r2", "r7", "r8", "r9", "r10", "8")
        M7_FIRST_PACED("lr", "r8", "r9", "r10", "r7", "28")
        M7_FIRST_PACED_END("lr", "r8", "r9", "r10", "r7", "28")
        M7_FIRST_PACED("r11", "r9", "r10", "r7", "r8", "48")
        "sub lr, lr, r2\n"
        M7_FIRST_PACED_END("r11", "r9", "r10", "r7", "r8", "48")
        "usat lr, #31, lr\n add r2, r2, lr\n"
        M7_FIRST_PACED("lr", "r10", "r7", "r8", "r9", "68")
        "sub r11, r11, r2\n"
        "smlad lr, r6, r9, lr\n ldr r7, [r0, #20]\n"
        "usat r11, #31, r11\n smlad lr, r12, r10, lr\n ldr r8, [r0, #24]\n"
        "add r2, r2, r11\n ldr r9, [r0, #28]\n"
        "sub lr, lr, r2\n ldr r10, [r0, #32]\n"
        "usat lr, #31, lr\n ldr r3, [r0, #36]!\n"
        "add r2, r2, r7\n ldr r4, [r0, #4]\n"
        "add r2, r2, lr\n ldr r5, [r0, #8]\n"
        "smmlar r2, r2, r8, r9\n ldr r6, [r0, #12]\n"
        "ldr r12, [r0, #16]\n ldr r11, %[out]\n"
        "asr r2, r2, r10\n ldr r7, [r1]\n"
        "ssat r2, #8, r2\n ldr r8, [r1, #4]\n"
        "strb r2, [r11], #1\n cmp r10, #0\n"
        "str r11, %[out]\n blt 1b\n"
        : "+r"(c), "+r"(p), [out] "+m"(out)
        :
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
    return;
  }
  __asm__ volatile(
      "1:\n"
      "ldmia r0!, {r3, r4, r5, r6, r12}\n"
      M7_FIRST_DOT("smuad", "r2", "") "rsb r2, r2, #0\n"  // r2: minus the greatest so far, all without bias
      ".rept 3\n"
      M7_FIRST_DOT("smlad", "lr", ", r2") "usat lr, #31, lr\n sub r2, r2, lr\n"
      ".endr\n"
      "ldmia r0!, {r7, r8, r9, r10}\n ldr r11, %[out]\n"
      "sub r2, r2, r7\n smmlsr r2, r2, r8, r9\n asr r2, r2, r10\n ssat r2, #8, r2\n"
      "strb r2, [r11], #1\n str r11, %[out]\n"
      "sub r1, r1, #80\n"
      "cmp r10, #0\n blt 1b\n"
      : "+r"(c), "+r"(p), [out] "+m"(out)
      :
      : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#else
  for (;; channel += kFirstChannelWords) {
    std::int32_t greatest = 0;
    for (int pixel = 0; pixel < 4; ++pixel) {
      std::int32_t sum = 0;
      for (int i = 0; i < kFirstPairs; ++i) sum = smlad(channel[i], pixels[pixel * kFirstPairs + i], sum);
      greatest = pixel == 0 ? sum : maximum(sum, greatest);
    }
    const std::int32_t x2 = wrap_add(greatest, static_cast<std::int32_t>(channel[kFirstPairs]));
    const auto multiplier = static_cast<std::int32_t>(channel[kFirstPairs + 1]);
    const auto offset = static_cast<std::int32_t>(channel[kFirstPairs + 2]);
    const std::uint32_t shift = channel[kFirstPairs + 3];
    *output++ = static_cast<std::int8_t>(ssat8(smmlar(x2, multiplier, offset) >> (shift & 0xFF)));
    if (shift >> 31 == 0) break;
  }
#endif
}

// Every output clamps at the zero point (Clamp::kAtZeroPoint).
template <const Window& kWindow, const Conv& kConv>
[[gnu::noinline]] void first_conv_int8(const std::int8_t* input, const std::uint32_t* channels,
                                       std::int8_t* output) {
  static_assert(kWindow.depth() <= kFirstTaps && kConv.clamp == Clamp::kAtZeroPoint);
  static_assert(!kWindow.reads_padding() && kConv.pool_height == 2 && kConv.pool_width == 2);
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kTapsInRow = kWindow.kernel_width * kChannels;
  constexpr int kRowBytes = kWindow.input_width * kChannels;
  for (int y = 0; y < kWindow.output_height; y += 2) {
    const std::int8_t* from = input + y * kWindow.stride_height * kRowBytes;
    for (int x = 0; x < kWindow.output_width; x += 2) {
      const auto tap = [from](int pixel, int number) {
        const int row = number / kTapsInRow;
        const int channel = number % kChannels;
        const int column = number % kTapsInRow / kChannels;
        if (row >= kWindow.kernel_height) return 0;
        return static_cast<int>(
            from[(pixel / 2 * kWindow.stride_height + row * kWindow.dilation_height) * kRowBytes +
                 (pixel % 2 * kWindow.stride_width + column * kWindow.dilation_width) * kChannels + channel]);
      };
      Pair panel[4 * kFirstPairs];
#pragma GCC unroll 20
      for (int i = 0; i < 4 * kFirstPairs; ++i) {
        const int pixel = i / kFirstPairs;
        const int number = 2 * (i % kFirstPairs);
        panel[i] = pkhbt16(static_cast<Pair>(tap(pixel, number)), static_cast<Pair>(tap(pixel, number + 1)));
      }
      first_conv_output<kConv.objective>(channels, panel, output);
      from += 2 * kWindow.stride_width * kChannels;
      output += kConv.output_channels;
    }
  }
}

}  // namespace m7
