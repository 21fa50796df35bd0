// CONV_2D 3x3, stride 1, of a picture of one channel in float32, with a fused 2x2 max pool.
//
// So few products leave conv_float no time to pay its ends. Here the weights of a channel stay in nine registers,
// and of two rows of at most six outputs only the maxima leave the registers. 44 instructions an output for 36
// multiply-accumulates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "engine/m7/conv_float.hpp"
#include "engine/m7/fma_block.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

// kPools outputs (1 to 3), side by side, of all channels. `pixels`: the corner of what they see; `weights`: of each
// channel nine weights and the bias; `output`: of channel 0, the next one kPlane floats on.
template <int kPools, int kRow, int kPlane>
inline void first_conv_block(const float* pixels, const float* weights, int channels, float least, float* output) {
#if M7_HAS_FPU
  constexpr int kSums = 4 * kPools;
  constexpr int kLoaded = 2 * kPools + 2;
  const float* const row1 = pixels + kRow;
  const float* const row2 = pixels + 2 * kRow;
  const float* const row3 = pixels + 3 * kRow;
  register float clamp __asm__("s31") = least;
  __asm__ volatile(
      ".altmacro\n"
      M7_MULTIPLE("m7_load", "vldmia", "")
      M7_MULTIPLE("m7_next", "vldmia", "!")
      M7_MULTIPLE("m7_save", "vstmia", "")
      ".macro m7_do op, a, b, c\n \\op s\\a, s\\b, s\\c\n .endm\n"
      // Adds what kernel row `tap` of the row in registers means for output row `row`.
      ".macro m7_row row, tap\n"
      ".set m7_x, 0\n"
      ".rept 3\n"
      ".set m7_c, 0\n"
      ".rept 2*%c[pools]\n"
      ".if (\\tap == 0) && (m7_x == 0)\n"
      "m7_do vmul.f32, %%(\\row*2*%c[pools]+m7_c), %%(%c[sums]+%c[loaded]+3*\\tap+m7_x), %%(%c[sums]+m7_x+m7_c)\n"
      ".else\n"
      "m7_do vfma.f32, %%(\\row*2*%c[pools]+m7_c), %%(%c[sums]+%c[loaded]+3*\\tap+m7_x), %%(%c[sums]+m7_x+m7_c)\n"
      ".endif\n"
      ".set m7_c, m7_c+1\n .endr\n"
      ".set m7_x, m7_x+1\n .endr\n"
      ".endm\n"
      "1:\n"
      "m7_next %[weights], %%(%c[sums]+%c[loaded]), %%(%c[sums]+%c[loaded]+9)\n"
      "m7_load %[row0], %%(%c[sums]), %%(%c[sums]+%c[loaded]-1)\n m7_row 0, 0\n"
      "m7_load %[row1], %%(%c[sums]), %%(%c[sums]+%c[loaded]-1)\n m7_row 0, 1\n m7_row 1, 0\n"
      "m7_load %[row2], %%(%c[sums]), %%(%c[sums]+%c[loaded]-1)\n m7_row 0, 2\n m7_row 1, 1\n"
      "m7_load %[row3], %%(%c[sums]), %%(%c[sums]+%c[loaded]-1)\n m7_row 1, 2\n"
      ".set m7_c, 0\n .rept %c[pools]\n"
      "m7_do vmaxnm.f32, %%(2*m7_c), %%(2*m7_c), %%(2*m7_c+1)\n"
      "m7_do vmaxnm.f32, %%(2*%c[pools]+2*m7_c), %%(2*%c[pools]+2*m7_c), %%(2*%c[pools]+2*m7_c+1)\n"
      ".set m7_c, m7_c+1\n .endr\n"
      ".set m7_c, 0\n .rept %c[pools]\n"
      "m7_do vmaxnm.f32, %%(m7_c), %%(2*m7_c), %%(2*%c[pools]+2*m7_c)\n"
      ".set m7_c, m7_c+1\n .endr\n"
      ".set m7_c, 0\n .rept %c[pools]\n"
      "m7_do vadd.f32, %%(m7_c), %%(m7_c), %%(%c[sums]+%c[loaded]+9)\n"
      ".set m7_c, m7_c+1\n .endr\n"
      ".set m7_c, 0\n .rept %c[pools]\n"
      "m7_do vmaxnm.f32, %%(m7_c), %%(m7_c), 31\n"
      ".set m7_c, m7_c+1\n .endr\n"
      "m7_save %[out], 0, %%(%c[pools]-1)\n"
      "add %[out], %[out], %[plane]\n"
      "subs %[channels], %[channels], #1\n"
      "bne 1b\n"
      ".purgem m7_load\n .purgem m7_next\n .purgem m7_save\n .purgem m7_do\n .purgem m7_row\n"
      ".noaltmacro\n" M7_ROOM
      : [weights] "+r"(weights), [out] "+r"(output), [channels] "+r"(channels)
      : [row0] "r"(pixels), [row1] "r"(row1), [row2] "r"(row2), [row3] "r"(row3),
        [plane] "r"(kPlane * sizeof(float)), [sums] "i"(kSums), [loaded] "i"(kLoaded), [pools] "i"(kPools),
        "t"(clamp)
      : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15", "s16",
        "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30", "cc",
        "memory");
#else
  for (; channels > 0; --channels, weights += 10, output += kPlane) {
    for (int pool = 0; pool < kPools; ++pool) {
      float greatest = 0.0F;
      for (int pixel = 0; pixel < 4; ++pixel) {
        float sum = 0.0F;
        for (int tap = 0; tap < 9; ++tap) {
          sum += weights[tap] * pixels[(pixel / 2 + tap / 3) * kRow + 2 * pool + pixel % 2 + tap % 3];
        }
        greatest = pixel == 0 ? sum : __builtin_fmaxf(greatest, sum);
      }
      output[pool] = __builtin_fmaxf(greatest + weights[9], least);
    }
  }
#endif
}

template <const Window& kWindow, const ConvFloat& kConv>
[[gnu::noinline]] void first_conv_float(const float* input, const float* weights, float* output) {
  constexpr int kWidth = kWindow.output_width / 2;
  constexpr int kPlane = kWindow.output_height / 2 * kWidth;
  constexpr Cut kCut = cut(kWidth, 3);
  static_assert(kWindow.input_channels == 1 && kConv.planar_output && !kConv.copies);
  for (int y = 0; y < kWindow.output_height; y += 2) {
    const float* from = input + y * kWindow.input_width;
    for (int block = 0; block < kCut.blocks; ++block) {
      if constexpr (kCut.longer > 0) {
        if (block < kCut.longer) {
          first_conv_block<kCut.size + 1, kWindow.input_width, kPlane>(from, weights, kConv.output_channels,
                                                                       kConv.least, output);
          from += 2 * (kCut.size + 1);
          output += kCut.size + 1;
          continue;
        }
      }
      first_conv_block<kCut.size, kWindow.input_width, kPlane>(from, weights, kConv.output_channels, kConv.least,
                                                               output);
      from += 2 * kCut.size;
      output += kCut.size;
    }
  }
}

}  // namespace m7
