// DEPTHWISE_CONV_2D in int8, any number of outputs an input channel, with requantisation fused.
//
// A few channels at a time are widened to planes: rows of 16-bit numbers, padding included. There two horizontal
// taps meet two neighbours in one SMLAD, so that a row of three taps takes two multiplies, at even and at odd
// places and at stride 2, and nothing has to be unpacked or shifted:
//
//   word        x0 x1      x2 x3                    weights  X = w0 w1   Y = w1 w2
//   output 0    SMLAD X    SMLABT Y (x2 w2)
//   output 1    SMLATB X   SMLAD Y                  (SMLATB: x1 w0)
//
// Eight outputs of a row are computed at once. Each word of the plane is loaded once a kernel row, beside a
// multiply, and used for all that it takes part in, then the next:
//
//   r0       the plane, at the block's first output and the kernel's first row
//   r1       the channel's constants
//   r2, r3   weights X and Y; the next row's follow as soon as one is used up
//   r4, r5   a word of the plane, and the one after it
//   r6-r14   eight sums; the last one's register holds the bias until that sum begins
//
// and, when the sums are there, r2 the multiplier, r3 the shift, r4 the offset, r5 the output. Of a 3x3 kernel
// eight outputs are 48 multiplies and 8 * 2 cycles to requantise and store, 0.89 cycles a multiply-accumulate: that
// binds. A block's end takes 4 cycles, a row's 4, a channel's 36; widening 0.8 an input. All in all, with memory,
// in DTCM: 1.08 (24x24x32) to 1.17 (25x5x64) and 1.35 (6x6x128); at stride 2, where an output has four inputs to
// widen, 1.5 (48x48x16) to 1.75 (12x12x64); a 5x5 kernel 0.85. What the loop does not take (stride 3, dilated rows)
// costs 3 to 6.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

// The window's rows are rows of a plane: where `transposed`, columns of the image.
struct DepthwiseInt8 {
  int batches;
  int multiplier;  // outputs an input channel
  int group;       // input channels whose planes are in scratch memory together; fours, where the image has fours
  int rows;        // output rows for which they are
  int block;       // outputs of a row computed together: even, at most 8
  int blocks;      // such blocks in a row; the rest, 1 to 8, comes last
  bool transposed;
  bool checks;  // there are channels with kInFull
  std::int8_t input_zero_point;
  bool at_zero_point;  // no output is below the zero point: see Clamp::kAtZeroPoint
  std::int8_t least, greatest;

  // Bounds by saturation to 8 bits: the offset puts `least` at -128, this puts `greatest` at 127, and that back.
  constexpr int lift() const { return 255 + least - greatest; }
  constexpr int lower() const { return 127 - greatest; }
};

// Words of an output channel: its weights, then twice the bias, multiplier, offset and shift as in Scaling, but for
// the offset, which has -128 - least added to the zero point. Weights are doubled, so that sums are, and stand in
// pairs that overlap: w0 w1, w1 w2 ... of each kernel row.
constexpr int weight_words(int kernel_width) { return kernel_width > 1 ? kernel_width - 1 : 1; }
constexpr int channel_words(const Window& w) {
  return w.kernel_height * weight_words(w.kernel_width) + kScalingWords;
}

// In the shift of a channel whose numbers Scaling has no room for: the bias is not doubled, the offset is the zero
// point, the shift (below this bit, with 64 added) is any.
constexpr std::uint32_t kInFull = 1U << 31;
constexpr int kShiftBias = 64;

// Numbers of a plane's row: what the outputs see, and even.
constexpr int plane_width(const Window& w) {
  const int seen = (w.output_width - 1) * w.stride_width + (w.kernel_width - 1) * w.dilation_width + 1;
  return seen + seen % 2;
}
constexpr int seen_rows(const Window& w, int outputs) {
  return (outputs - 1) * w.stride_height + (w.kernel_height - 1) * w.dilation_height + 1;
}

// `twice`: of the products, without the bias.
template <const DepthwiseInt8& kDepthwise>
inline std::int32_t requantize_sum(std::int32_t twice, const Scaling& scaling) {
  constexpr std::int32_t kLeast = kDepthwise.least;
  constexpr std::int32_t kGreatest = kDepthwise.greatest;
  if (kDepthwise.checks && (static_cast<std::uint32_t>(scaling.shift) & kInFull) != 0) {
    const int shift = static_cast<int>(static_cast<std::uint32_t>(scaling.shift) & ~kInFull) - kShiftBias;
    const std::int32_t sum = wrap_add(twice >> 1, scaling.twice_bias);
    const std::int32_t result = wrap_add(requantize_in_full(sum, scaling.multiplier, shift), scaling.offset);
    return result < kLeast ? kLeast : result > kGreatest ? kGreatest : result;
  }
  const std::int32_t x2 = wrap_add(twice, scaling.twice_bias);
  std::int32_t scaled = 0;
  if constexpr (kDepthwise.at_zero_point) {
    scaled = smmlar(x2, scaling.multiplier, scaling.offset);
  } else {
    const std::int32_t v = smmulr(x2, scaling.multiplier);
    scaled = v + (v >> 31) + scaling.offset;
  }
  std::int32_t result = ssat8(scaled >> scaling.shift);
  if constexpr (kDepthwise.lift() != 0) result = ssat8(result + kDepthwise.lift());
  return result - kDepthwise.lower();
}

// One plane, any window: `rows` rows of outputs, `kStep` from one output to the next, `kRowStep` from row to row.
template <const Window& kWindow, const DepthwiseInt8& kDepthwise, int kRowWords, int kStep, int kRowStep>
[[gnu::noinline]] void depthwise_plane_any(const Pair* plane, const std::uint32_t* channel, int rows,
                                           std::int8_t* output) {
  constexpr int kTaps = kWindow.kernel_width;
  constexpr int kWords = weight_words(kTaps);
  constexpr int kTogether = kWindow.output_width < 4 ? kWindow.output_width : 4;
  const std::uint32_t* words = channel + static_cast<std::ptrdiff_t>(kWindow.kernel_height) * kWords;
  const Scaling scaling{static_cast<std::int32_t>(words[0]), static_cast<std::int32_t>(words[1]),
                        static_cast<std::int32_t>(words[2]), static_cast<std::int32_t>(words[3])};
  for (; rows > 0; --rows, plane += kRowWords * kWindow.stride_height, output += kRowStep) {
    for (int first = 0; first < kWindow.output_width; first += kTogether) {
      // The last ones once more, where they are no multiple.
      const int x = first + kTogether > kWindow.output_width ? kWindow.output_width - kTogether : first;
      std::int32_t sums[kTogether] = {};
      for (int i = 0; i < kWindow.kernel_height; ++i) {
        const auto* from = reinterpret_cast<const std::byte*>(plane + i * kWindow.dilation_height * kRowWords) +
                           static_cast<std::ptrdiff_t>(x) * kWindow.stride_width * 2;
        const std::uint32_t* weights = channel + i * kWords;
#pragma GCC unroll 4
        for (int j = 0; j < kTaps; ++j, from += 2 * kWindow.dilation_width) {
          const std::int32_t weight = j == 0 ? low(weights[0]) : high(weights[j - 1]);
#pragma GCC unroll 4
          for (int k = 0; k < kTogether; ++k) sums[k] += weight * load_half(from + 2 * k * kWindow.stride_width);
        }
      }
#pragma GCC unroll 4
      for (int k = 0; k < kTogether; ++k) {
        output[(x + k) * kStep] = static_cast<std::int8_t>(requantize_sum<kDepthwise>(sums[k], scaling));
      }
    }
  }
}

// What the loop in assembly is told; all in bytes.
template <int kHeight, int kWidth, int kStride, int kKernelRow, int kPlaneRow, int kOutputs, int kBlock,
          int kBlocks, int kStep, int kOutputRow, bool kAtZeroPoint, int kLift, int kLower>
struct DepthwisePlane {
  static constexpr int kPasses = kWidth > 1 ? kWidth / 2 : 1;
  static constexpr int kWords = weight_words(kWidth);
  static constexpr int kTail = kOutputs - kBlocks * kBlock;
  // Blocks of a row that are written out one after the other: no loop of two or three turns, which is mispredicted.
  static constexpr bool kUnrolled = kBlocks * kHeight * kPasses <= 9;
  static constexpr int kLastInput = (kHeight - 1) * kKernelRow + (4 * kStride + kPasses + 1) * 4;
  static constexpr int kRowSkip = kPlaneRow - kBlocks * kBlock * kStride * 2;
  static constexpr bool kFits = kStride <= 2 && kHeight * kPasses <= 24 && kLastInput <= 4095 && kStep <= 4095 &&
                                kRowSkip <= 4095 && (kOutputRow == kOutputs * kStep || kOutputRow <= 4095);

#if M7_HAS_DSP
  // From the first row of outputs to where the row at `end` would begin.
  [[gnu::noinline]] static void run(const Pair* plane, const std::uint32_t* channel, std::int8_t* output,
                                    const std::int8_t* end) {
    register const Pair* p __asm__("r0") = plane;
    register const std::uint32_t* c __asm__("r1") = channel;
    std::int8_t* row = output;
    int turns = kBlocks;
    __asm__ volatile(
        ".altmacro\n"
        // In this mode && is none: conditions are 0 or -1 and are multiplied.
        // One multiply, and beside it one of the loads that wait: the next word of the plane, or of the weights.
        ".macro m7_emit op, to, word, weight, sum\n \\op r\\to, r\\word, r\\weight, r\\sum\n .endm\n"
        ".macro m7_load to, base, at\n ldr r\\to, [r\\base, #\\at]\n .endm\n"
        ".macro m7_waiting\n"
        ".if m7_word_at >= 0\n m7_load %%(9-m7_word), 0, %%m7_word_at\n .set m7_word_at, -1\n"
        ".elseif m7_weight_at >= 0\n m7_load %%m7_weight_to, 1, %%m7_weight_at\n .set m7_weight_at, -1\n"
        ".elseif m7_last_word*(m7_word == 4)\n ldr r5, %[out]\n .set m7_last_word, 0\n .set m7_has_output, 1\n"
        ".endif\n .endm\n"
        ".macro m7_multiply op, number, weight\n"
        ".set m7_to, 6+(\\number)+(\\number)/7\n"
        ".if m7_first\n m7_emit \\op, %%m7_to, %%m7_word, \\weight, %%(6+(m7_count-1)+(m7_count-1)/7)\n"
        ".else\n m7_emit \\op, %%m7_to, %%m7_word, \\weight, %%m7_to\n .endif\n"
        " m7_waiting\n .endm\n"
        // A kernel row's taps 2 m7_pass to 2 m7_pass + 2 on all sums.
        ".macro m7_taps\n"
        ".set m7_last, -(m7_pass == %c[passes]-1)\n"
        ".set m7_three, -(2*m7_pass+2 < %c[width])\n"  // else X's second tap is the last
        ".set m7_ends, m7_last*%c[single]\n"
        ".set m7_even, 1-m7_count+m7_count/2*2\n"
        ".if %c[stride] == 1\n .set m7_pairs, (m7_count+1)/2\n .else\n .set m7_pairs, m7_count\n .endif\n"
        ".set m7_words, m7_pairs+1-(1-m7_ends)*(1-%c[odd]*m7_even)\n"
        ".set m7_y, m7_ends-%c[odd]*m7_three*(m7_count > 1)\n"
        ".set m7_x_to, m7_x\n .if m7_y == 0\n .set m7_x_to, 5-m7_x\n .endif\n"
        // Where the next row or pass begins.
        ".set m7_next_pass, m7_pass+1\n .set m7_next_row, m7_row\n"
        ".if m7_last\n .set m7_next_pass, 0\n .set m7_next_row, m7_row+1\n .endif\n"
        ".set m7_more, -(m7_next_row < %c[height])\n"
        ".set m7_i, 0\n"
        ".rept m7_words\n"
        ".if m7_i+1 < m7_words\n .set m7_word_at, m7_row*%c[kernel_row]+(m7_pass+m7_i+1)*4\n"
        ".elseif m7_more\n .set m7_word_at, m7_next_row*%c[kernel_row]+m7_next_pass*4\n"
        ".else\n .set m7_last_word, 1\n .endif\n"
        ".if m7_i == 0\n"
        ".if m7_y\n .set m7_weight_to, 5-m7_x\n .set m7_weight_at, (m7_row*%c[words]+2*m7_pass+1)*4\n"
        ".elseif m7_more\n"
        ".set m7_weight_to, 5-m7_x\n .set m7_weight_at, (m7_next_row*%c[words]+2*m7_next_pass)*4\n .endif\n"
        ".endif\n"
        ".if m7_i < m7_pairs\n"
        ".set m7_first, (m7_row+m7_pass == 0)\n"
        ".if %c[stride] == 1\n .set m7_number, 2*m7_i\n .else\n .set m7_number, m7_i\n .endif\n"
        ".if %c[width] == 1\n m7_multiply smlabb, %%m7_number, %%m7_x\n"
        ".else\n m7_multiply smlad, %%m7_number, %%m7_x\n .endif\n"
        ".if (%c[stride] == 1)*(m7_pass == 0)*(2*m7_i+1 < m7_count)\n"
        " m7_multiply smlatb, %%(2*m7_i+1), %%m7_x\n .endif\n"
        ".set m7_first, 0\n"
        ".endif\n"
        ".if m7_y*(m7_i == m7_pairs-1)\n"
        ".if m7_weight_at >= 0\n m7_waiting\n m7_waiting\n .endif\n"
        ".if m7_more\n .set m7_weight_to, m7_x\n .set m7_weight_at, (m7_next_row*%c[words]+2*m7_next_pass)*4\n"
        ".elseif m7_x == 2\n .set m7_weight_to, 2\n .set m7_weight_at, m7_scaling+4\n"
        ".set m7_has_multiplier, 1\n .endif\n"
        ".endif\n"
        ".if m7_i > 0\n"
        ".if %c[odd]*(2*m7_i-1 < m7_count)\n"
        ".if m7_three\n m7_multiply smlad, %%(2*m7_i-1), %%(5-m7_x)\n"
        ".else\n m7_multiply smlabt, %%(2*m7_i-1), %%m7_x\n .endif\n"
        ".endif\n"
        ".if m7_ends\n"
        ".if %c[stride] == 1\n m7_multiply smlabt, %%(2*m7_i-2), %%(5-m7_x)\n"
        ".else\n m7_multiply smlabt, %%(m7_i-1), %%(5-m7_x)\n .endif\n"
        ".endif\n"
        ".endif\n"
        " m7_waiting\n m7_waiting\n"  // where there were fewer multiplies than loads
        ".set m7_word, 9-m7_word\n"
        ".set m7_i, m7_i+1\n"
        ".endr\n"
        ".set m7_x, m7_x_to\n"
        ".endm\n"
        // The sums to int8, steps of several outputs at once: a step waits for the one before.
        ".macro m7_one op, number\n"
        ".if ((\\number) >= 0)*((\\number) < m7_count)\n"
        " \\op %%(6+(\\number)+(\\number)/7), %%((\\number)*%c[step])\n .endif\n .endm\n"
        ".macro m7_a reg, at\n"
        ".if %c[relu]\n smmlar r\\reg, r\\reg, r2, r4\n .else\n smmulr r\\reg, r\\reg, r2\n .endif\n .endm\n"
        ".macro m7_b reg, at\n add r\\reg, r\\reg, r\\reg, asr #31\n .endm\n"
        ".macro m7_c reg, at\n add r\\reg, r\\reg, r4\n .endm\n"
        ".macro m7_d reg, at\n asr r\\reg, r\\reg, r3\n .endm\n"
        ".macro m7_e reg, at\n ssat r\\reg, #8, r\\reg\n .endm\n"
        ".macro m7_f reg, at\n add r\\reg, r\\reg, #%c[lift]\n .endm\n"
        ".macro m7_g reg, at\n sub r\\reg, r\\reg, #%c[lower]\n .endm\n"
        // The output moves on where it is out of reach.
        ".macro m7_store reg, at\n strb r\\reg, [r5, #\\at]\n .endm\n"
        ".macro m7_move bytes\n add r5, r5, #(\\bytes)\n .endm\n"
        ".macro m7_near at\n"
        ".if \\at-m7_base > 4095\n add r5, r5, #(4095/%c[step]*%c[step])\n"
        ".set m7_base, m7_base+4095/%c[step]*%c[step]\n .endif\n .endm\n"
        ".macro m7_h reg, at\n m7_near \\at\n m7_store \\reg, %%(\\at-m7_base)\n .endm\n"
        ".macro m7_behind\n m7_near %%(m7_count*%c[step])\n m7_move %%(m7_count*%c[step]-m7_base)\n .endm\n"
        ".macro m7_beside\n"
        ".if m7_i == 0\n m7_load 3, 1, %%(m7_scaling+12)\n .endif\n"
        ".if (m7_i == 1)*(m7_has_output == 0)\n ldr r5, %[out]\n .endif\n"
        ".if m7_i == m7_count\n ldr r2, [r1]\n .endif\n .endm\n"
        ".macro m7_results\n"
        ".if m7_has_multiplier == 0\n m7_load 2, 1, %%(m7_scaling+4)\n .endif\n"
        " m7_load 4, 1, %%(m7_scaling+8)\n"
        ".set m7_i, 0\n"
        ".rept m7_count+m7_stored\n"
        " m7_one m7_a, %%m7_i\n m7_one m7_d, %%(m7_i-m7_shifted)\n m7_beside\n"
        ".if %c[relu] == 0\n m7_one m7_b, %%(m7_i-1)\n m7_one m7_c, %%(m7_i-2)\n .endif\n"
        " m7_one m7_e, %%(m7_i-m7_saturated)\n"
        ".if %c[lift] != 0\n m7_one m7_f, %%(m7_i-m7_saturated-1)\n m7_one m7_e, %%(m7_i-m7_saturated-2)\n "
        ".endif\n"
        ".if %c[lower] != 0\n m7_one m7_g, %%(m7_i-m7_saturated-3)\n .endif\n"
        " m7_one m7_h, %%(m7_i-m7_stored)\n"
        ".set m7_i, m7_i+1\n .endr\n .endm\n"
        // `m7_count` outputs; the first word, X and the bias are there.
        ".macro m7_block\n"
        ".set m7_word, 4\n .set m7_x, 2\n .set m7_word_at, -1\n .set m7_weight_at, -1\n"
        ".set m7_has_multiplier, 0\n .set m7_has_output, 0\n .set m7_last_word, 0\n .set m7_first, 0\n .set "
        "m7_base, 0\n"
        ".set m7_row, 0\n .rept %c[height]\n"
        ".set m7_pass, 0\n .rept %c[passes]\n m7_taps\n .set m7_pass, m7_pass+1\n .endr\n"
        ".set m7_row, m7_row+1\n .endr\n"
        " m7_results\n .endm\n"
        // The first word of the next block, of `count` outputs, and the bias; X is there.
        ".macro m7_ahead bytes\n"
        ".if (\\bytes) < 256\n ldr r4, [r0, #(\\bytes)]!\n"
        ".else\n add r0, r0, #(\\bytes)\n ldr r4, [r0]\n .endif\n .endm\n"
        ".macro m7_bias count\n m7_load %%(6+(\\count)-1+((\\count)-1)/7), 1, %%m7_scaling\n .endm\n"
        // How many outputs later an output is shifted, saturated and stored.
        ".set m7_shifted, 3-2*%c[relu]\n .set m7_saturated, 3-%c[relu]\n"
        ".set m7_stored, m7_saturated-2*(%c[lift] != 0)-(%c[lower] != 0)\n"
        ".set m7_scaling, %c[height]*%c[words]*4\n"
        ".if %c[blocks] > 0\n .set m7_begins, %c[block]\n .else\n .set m7_begins, %c[tail]\n .endif\n"

        " ldr r4, [r0]\n ldr r2, [r1]\n m7_bias %%m7_begins\n"
        "1:\n"
        ".set m7_count, %c[block]\n"
        ".if %c[unrolled]\n"
        ".set m7_turn, 1\n"
        ".rept %c[blocks]\n"
        " m7_block\n"
        " m7_behind\n m7_ahead %c[block]*%c[stride]*2\n str r5, %[out]\n"
        ".if m7_turn < %c[blocks]\n m7_bias %c[block]\n .else\n m7_bias %c[tail]\n .endif\n"
        ".set m7_turn, m7_turn+1\n"
        ".endr\n"
        ".else\n"
        "2:\n m7_block\n"
        " m7_behind\n ldr r3, %[turns]\n"
        " m7_ahead %c[block]*%c[stride]*2\n subs r3, r3, #1\n"
        " str r5, %[out]\n m7_bias %c[block]\n str r3, %[turns]\n bne 2b\n"
        " mov r3, #%c[blocks]\n str r3, %[turns]\n"
        ".if %c[tail] != %c[block]\n m7_bias %c[tail]\n .endif\n"
        ".endif\n"
        ".set m7_count, %c[tail]\n m7_block\n"
        ".if %c[output_row] == %c[outputs]*%c[step]\n"
        " m7_behind\n ldr r3, %[end]\n"
        ".else\n"
        " ldr r5, %[row]\n ldr r3, %[end]\n add r5, r5, #%c[output_row]\n str r5, %[row]\n"
        ".endif\n"
        " m7_ahead %c[row_skip]\n cmp r5, r3\n"
        " str r5, %[out]\n m7_bias %%m7_begins\n bne 1b\n"
        ".purgem m7_emit\n .purgem m7_load\n .purgem m7_waiting\n .purgem m7_multiply\n .purgem m7_taps\n"
        ".purgem m7_one\n .purgem m7_a\n .purgem m7_b\n .purgem m7_c\n .purgem m7_d\n .purgem m7_e\n .purgem m7_f\n"
        ".purgem m7_g\n .purgem m7_h\n .purgem m7_store\n .purgem m7_move\n .purgem m7_near\n .purgem m7_behind\n"
        ".purgem m7_results\n .purgem m7_block\n .purgem m7_beside\n .purgem m7_ahead\n .purgem m7_bias\n"
        ".noaltmacro\n" M7_ROOM M7_ROOM M7_ROOM
        : "+r"(p), "+r"(c), [out] "+m"(output), [row] "+m"(row), [turns] "+m"(turns)
        : [end] "m"(end), [height] "i"(kHeight), [width] "i"(kWidth), [stride] "i"(kStride),
          [kernel_row] "i"(kKernelRow), [outputs] "i"(kOutputs), [block] "i"(kBlock), [blocks] "i"(kBlocks),
          [tail] "i"(kTail), [passes] "i"(kPasses), [odd] "i"(kStride == 1 && kWidth > 1 ? 1 : 0),
          [single] "i"(kWidth > 1 ? kWidth % 2 : 0), [words] "i"(kWords), [unrolled] "i"(kUnrolled ? 1 : 0),
          [step] "i"(kStep), [output_row] "i"(kOutputRow), [row_skip] "i"(kRowSkip),
          [relu] "i"(kAtZeroPoint ? 1 : 0), [lift] "i"(kLift), [lower] "i"(kLower)
        : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
  }
#endif
};

// Four channels of two neighbours, a word each, to a word of each of four planes: the halves of the two meet, and
// then SXTB16 finds a channel's two bytes.
template <int kPlane>
inline void widen_two(std::uint32_t left, std::uint32_t right, Pair* to) {
  const Pair front = pkhbt16(left, right);
  const Pair back = pkhtb16(right, left);
  to[0] = sxtb16(front);
  to[kPlane / 4] = sxtb16_ror8(front);
  to[kPlane / 2] = sxtb16(back);
  to[3 * kPlane / 4] = sxtb16_ror8(back);
}

// The same for kCount words of a row of pixels kAlong bytes apart; where kLeft, the first one's left is padding,
// where kRight, the last one's right. 6 cycles for two pixels.
template <int kCount, int kPlane, int kAlong, bool kLeft, bool kRight>
[[gnu::always_inline]] inline void widen_four(const std::int8_t* pixel, std::uint32_t padding, Pair* to) {
#if M7_HAS_DSP
  // What a turn loads for the next word is always there.
  constexpr int kTurns = (kCount - (kRight ? 2 : 1)) / 4;
  if constexpr (9 * kAlong <= 4095 && 3 * kPlane + 16 <= 4095) {
    const Pair* const end = to + 4 * kTurns;
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t front;
    std::uint32_t back;
    std::uint32_t word;
    __asm__ volatile(
        // Two pixels; meanwhile the two after them are loaded: as many as m7_next says. PKH and SXTB16 are the
        // first of a pair, so that a store goes beside each; the last one waits for the next PKHBT.
        ".macro m7_two at\n"
        "pkhbt %[front], %[left], %[right], lsl #16\n"
        ".if \\at > 0\n str %[back], [%[to], #(4*\\at-4+3*%c[plane])]\n .endif\n"
        "pkhtb %[back], %[right], %[left], asr #16\n"
        ".if m7_next > 0\n ldr %[left], [%[pixel], #((2*\\at+2)*%c[along])]\n .endif\n"
        "sxtb16 %[word], %[front]\n"
        ".if m7_next > 1\n ldr %[right], [%[pixel], #((2*\\at+3)*%c[along])]\n"
        ".elseif m7_next == 1\n mov %[right], %[padding]\n .endif\n"
        "sxtb16 %[front], %[front], ror #8\n"
        "str %[word], [%[to], #(4*\\at)]\n"
        "sxtb16 %[word], %[back]\n"
        "str %[front], [%[to], #(4*\\at+%c[plane])]\n"
        "sxtb16 %[back], %[back], ror #8\n"
        "str %[word], [%[to], #(4*\\at+2*%c[plane])]\n"
        ".set m7_stored, \\at\n"
        ".endm\n"
        ".macro m7_last\n str %[back], [%[to], #(4*m7_stored+3*%c[plane])]\n .endm\n"
        ".if %c[padded_left]\n mov %[left], %[padding]\n .else\n ldr %[left], [%[pixel]]\n .endif\n"
        ".if %c[padded_right]*(%c[count] == 1)\n mov %[right], %[padding]\n"
        ".else\n ldr %[right], [%[pixel], #%c[along]]\n .endif\n"
        ".set m7_next, 2\n"
        ".if %c[turns] > 0\n"
        "1:\n m7_two 0\n m7_two 1\n m7_two 2\n"
        "m7_two 3\n m7_last\n"
        "add %[to], %[to], #16\n add %[pixel], %[pixel], #(8*%c[along])\n"
        ".if %c[turns] > 1\n cmp %[to], %[end]\n bne 1b\n .endif\n"
        ".endif\n"
        ".set m7_at, 4*%c[turns]+1\n"
        ".irp m7_place, 0, 1, 2, 3, 4\n"
        ".if m7_at <= %c[count]\n"
        ".if m7_at == %c[count]\n .set m7_next, 0\n"
        ".elseif m7_at+1 == %c[count]\n .set m7_next, 2-%c[padded_right]\n .endif\n"
        "m7_two \\m7_place\n .set m7_at, m7_at+1\n"
        ".endif\n"
        ".endr\n"
        "m7_last\n"
        ".purgem m7_two\n .purgem m7_last\n" M7_EIGHTY_LINES
        : [pixel] "+r"(pixel), [to] "+r"(to), [left] "=&r"(left), [right] "=&r"(right), [front] "=&r"(front),
          [back] "=&r"(back), [word] "=&r"(word)
        : [end] "r"(end), [padding] "r"(padding), [along] "i"(kAlong), [plane] "i"(kPlane), [count] "i"(kCount),
          [turns] "i"(kTurns), [padded_left] "i"(kLeft ? 1 : 0), [padded_right] "i"(kRight ? 1 : 0)
        : "cc", "memory");
    return;
  }
#endif
  for (int i = 0; i < kCount; ++i, pixel += 2 * kAlong) {
    const bool left_outside = kLeft && i == 0;
    const bool right_outside = kRight && i + 1 == kCount;
    widen_two<kPlane>(left_outside ? padding : load_word(pixel),
                      right_outside ? padding : load_word(pixel + kAlong), to + i);
  }
}

// Widens rows of an image to planes: of each row the channels' one after the other, `kRowWords` words each.
// `first`: the plane's first row, in which 0 is the image's first. `input`: of the first of `count` channels;
// columns are kAlong apart, rows kAcross. `pads`: whether what is all padding has to be written.
template <const Window& kWindow, const DepthwiseInt8& kDepthwise, int kRowWords, int kAlong, int kAcross>
inline void widen_planes(const std::int8_t* input, int first, int rows, int count, bool pads, Pair* planes) {
  constexpr int kPad = kWindow.pad_left;
  constexpr int kSeen = kRowWords * 2 - kPad < kWindow.input_width ? kRowWords * 2 - kPad : kWindow.input_width;
  const Pair padding = make_pair(kDepthwise.input_zero_point, kDepthwise.input_zero_point);
  for (int row = first; row < first + rows; ++row, planes += kDepthwise.group * kRowWords) {
    if (row < 0 || row >= kWindow.input_height) {
      if (pads) {
        for (int i = 0; i < count * kRowWords; ++i) planes[i] = padding;
      }
      continue;
    }
    const std::int8_t* from = input + static_cast<std::ptrdiff_t>(row) * kAcross;
    if constexpr (kWindow.input_channels % 4 == 0) {
      constexpr std::uint32_t kBytes = static_cast<std::uint8_t>(kDepthwise.input_zero_point) * 0x01010101U;
      constexpr int kBegin = kPad / 2;                  // the first word with a pixel in it
      constexpr int kEnd = (kPad + kSeen - 1) / 2 + 1;  // behind the last
      for (int c = 0; c < count; c += 4) {
        Pair* to = planes + c * kRowWords;
        if ((kBegin > 0 || kEnd < kRowWords) && pads) {
#pragma GCC unroll 4
          for (int i = 0; i < 4; ++i) {
            for (int j = 0; j < kBegin; ++j) to[i * kRowWords + j] = padding;
            for (int j = kEnd; j < kRowWords; ++j) to[i * kRowWords + j] = padding;
          }
        }
        widen_four<kEnd - kBegin, kRowWords * 4, kAlong, kPad % 2 != 0, (kPad + kSeen) % 2 != 0>(
            from + c + (2 * kBegin - kPad) * kAlong, kBytes, to + kBegin);
      }
    } else {
      for (int c = 0; c < count; ++c) {
        auto* to = reinterpret_cast<std::byte*>(planes + c * kRowWords);
        for (int i = 0; i < kPad; ++i) store_half(to + 2 * i, kDepthwise.input_zero_point);
#pragma GCC unroll 8
        for (int i = 0; i < kSeen; ++i) store_half(to + 2 * (kPad + i), from[c + i * kAlong]);
        for (int i = kPad + kSeen; i < 2 * kRowWords; ++i) store_half(to + 2 * i, kDepthwise.input_zero_point);
      }
    }
  }
}

// `channels`: channel_words of each output channel. `planes`: seen_rows(rows) times `group` rows of plane_width
// numbers, and a word that is read and not used.
template <const Window& kWindow, const DepthwiseInt8& kDepthwise>
[[gnu::noinline]] void depthwise_int8(const std::int8_t* input, const std::uint32_t* channels, Pair* planes,
                                      std::int8_t* output) {
  constexpr int kInputs = kWindow.input_channels;
  constexpr int kOutputs = kInputs * kDepthwise.multiplier;
  constexpr bool kTransposed = kDepthwise.transposed;
  constexpr int kAlong = kTransposed ? kWindow.input_height * kInputs : kInputs;
  constexpr int kAcross = kTransposed ? kInputs : kWindow.input_width * kInputs;
  constexpr int kStep = kTransposed ? kWindow.output_height * kOutputs : kOutputs;
  constexpr int kOutputRow = kTransposed ? kOutputs : kWindow.output_width * kOutputs;
  constexpr int kRowWords = plane_width(kWindow) / 2;
  constexpr int kPlaneRow = kDepthwise.group * kRowWords * 4;
  using Fast = DepthwisePlane<kWindow.kernel_height, kWindow.kernel_width, kWindow.stride_width,
                              kWindow.dilation_height * kPlaneRow, kWindow.stride_height * kPlaneRow,
                              kWindow.output_width, kDepthwise.block, kDepthwise.blocks, kStep, kOutputRow,
                              kDepthwise.at_zero_point, kDepthwise.lift(), kDepthwise.lower()>;
  constexpr bool kFast = M7_HAS_DSP && kWindow.dilation_width == 1 && Fast::kFits;

  for (int batch = 0; batch < kDepthwise.batches; ++batch) {
    const std::uint32_t* channel = channels;
    for (int c = 0; c < kInputs; c += kDepthwise.group) {
      const int count = kInputs - c < kDepthwise.group ? kInputs - c : kDepthwise.group;
      const std::uint32_t* const first_channel = channel;
      for (int y = 0; y < kWindow.output_height; y += kDepthwise.rows) {
        const int rows = kWindow.output_height - y < kDepthwise.rows ? kWindow.output_height - y : kDepthwise.rows;
        widen_planes<kWindow, kDepthwise, kRowWords, kAlong, kAcross>(
            input + c, y * kWindow.stride_height - kWindow.pad_top, seen_rows(kWindow, rows), count,
            kDepthwise.rows < kWindow.output_height || (batch == 0 && c == 0), planes);
        channel = first_channel;
        std::int8_t* to = output + static_cast<std::ptrdiff_t>(y) * kOutputRow + c * kDepthwise.multiplier;
        for (int i = 0; i < count * kDepthwise.multiplier; ++i, ++to, channel += channel_words(kWindow)) {
          const Pair* plane = planes + i / kDepthwise.multiplier * kRowWords;
          if constexpr (kFast) {
            if (!kDepthwise.checks || (channel[channel_words(kWindow) - 1] & kInFull) == 0) {
#if M7_HAS_DSP
              Fast::run(plane, channel, to, to + static_cast<std::ptrdiff_t>(rows) * kOutputRow);
#endif
              continue;
            }
          }
          if constexpr (!kFast || kDepthwise.checks) {
            depthwise_plane_any<kWindow, kDepthwise, kPlaneRow / 4, kStep, kOutputRow>(plane, channel, rows, to);
          }
        }
      }
    }
    input += static_cast<std::ptrdiff_t>(kWindow.input_height) * kWindow.input_width * kInputs;
    output += static_cast<std::ptrdiff_t>(kWindow.output_height) * kWindow.output_width * kOutputs;
  }
}

}  // namespace m7
