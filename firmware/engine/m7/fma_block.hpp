// The inner loop of the float engine: a block of sums in registers, which products are added to.
//
// Sums of kRows x kColumns outputs stay in kRows * kColumns of the 32 registers. A *row operand* (weights of kRows
// output channels, say) and kColumns + kTaps - 1 *column operands* (neighbouring pixels of a plane) are loaded by
// one VLDM each; column operands serve kTaps taps, each with row operands of its own:
//   sum[r][c] += row[tap][r] * column[c + tap]
// VFMA waits for nothing when at least three independent sums take turns, and a VLDM of n takes n/2 cycles.
//
// Cost a multiply-accumulate: 4 x 5 sums, 3 taps: 64 + 1.5 instructions for 60; 4 x 5, 1 tap: 22.5 for 20.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/simd.hpp"

namespace m7 {

#if defined(__ARM_FP) && (__ARM_FP & 4) && defined(__ARM_FEATURE_FMA) && defined(__thumb2__)
#define M7_HAS_FPU 1
#else
#define M7_HAS_FPU 0
#endif

// Macro `name` pointer, first, last: VLDM or VSTM of registers s<first> to s<last>; a range of one is no range.
#define M7_MULTIPLE(name, instruction, writeback)              \
  ".macro " name                                               \
  " pointer, first, last\n"                                    \
  ".if \\first == \\last\n" instruction " \\pointer" writeback \
  ", {s\\first}\n"                                             \
  ".else\n" instruction " \\pointer" writeback                 \
  ", {s\\first-s\\last}\n"                                     \
  ".endif\n"                                                   \
  ".endm\n"

inline constexpr float kZeros[32] = {};

template <int kRows, int kColumns, int kTaps>
struct FmaBlock {
  static constexpr int kSums = kRows * kColumns;
  static constexpr int kLoaded = kColumns + kTaps - 1;
  static_assert(kSums + kLoaded + kRows <= 32, "a block must fit the registers");
  // Row operands of all taps are loaded by one VLDM, where they fit: each VLDM behind a VFMA waits for three
  // cycles.
  static constexpr bool kRowsAtOnce = kSums + kLoaded + kRows * kTaps <= 32;

  // Adds up products over `segments` segments of kPlanes planes and stores sum [r][c] at sums[r * kRowStep + c].
  // Segment s reads column operands at columns + offsets[s], then every kPlaneStep floats. Row operands are read in
  // order: [segment][plane][tap][row]. `start`: what sums begin with.
  template <int kPlanes, int kPlaneStep, int kRowStep>
  static void run(const float* rows, const float* columns, const std::int32_t* offsets, int segments, float* sums,
                  const float* start = kZeros) {
#if M7_HAS_FPU
    // Planes a turn: as many as keep the body at about 500 instructions.
    constexpr int kMost = 500 / (kTaps * (kSums + 1) + 1) + 1;
    constexpr int kTogether = kPlanes % 8 == 0 && kMost >= 8   ? 8
                              : kPlanes % 4 == 0 && kMost >= 4 ? 4
                              : kPlanes % 3 == 0 && kMost >= 3 ? 3
                              : kPlanes % 2 == 0 && kMost >= 2 ? 2
                                                               : 1;
    const float* at;
    int turns;
    __asm__ volatile(
        ".altmacro\n"
        M7_MULTIPLE("m7_load", "vldmia", "")
        M7_MULTIPLE("m7_next", "vldmia", "!")
        M7_MULTIPLE("m7_save", "vstmia", "")
        ".macro m7_fma sum, row, column\n vfma.f32 s\\sum, s\\row, s\\column\n .endm\n"
        "m7_load %[start], 0, %%(%c[sums]-1)\n"
        "1:\n"
        "ldr %[at], [%[offsets]], #4\n"
        "add %[at], %[columns], %[at], lsl #2\n"
        "mov %[turns], %[planes]\n"
        "2:\n"
        ".rept %c[together]\n"
        ".if %c[step] == %c[loaded]\n"
        "m7_next %[at], %%(%c[sums]), %%(%c[sums]+%c[loaded]-1)\n"
        ".else\n"
        "m7_load %[at], %%(%c[sums]), %%(%c[sums]+%c[loaded]-1)\n"
        "add %[at], %[at], %[stride]\n"
        ".endif\n"
        ".set m7_operand, %c[sums]+%c[loaded]\n"
        ".if %c[at_once]\n"
        "m7_next %[rows], %%m7_operand, %%(m7_operand+%c[height]*%c[taps]-1)\n"
        ".endif\n"
        ".set m7_tap, 0\n"
        ".rept %c[taps]\n"
        ".if %c[at_once] == 0\n"
        "m7_next %[rows], %%m7_operand, %%(m7_operand+%c[height]-1)\n"
        ".endif\n"
        ".set m7_row, 0\n"
        ".rept %c[height]\n"
        ".set m7_column, 0\n"
        ".rept %c[width]\n"
        "m7_fma %%(m7_row*%c[width]+m7_column), %%(m7_operand+m7_row), %%(%c[sums]+m7_tap+m7_column)\n"
        ".set m7_column, m7_column+1\n"
        ".endr\n"
        ".set m7_row, m7_row+1\n"
        ".endr\n"
        ".set m7_operand, m7_operand+%c[at_once]*%c[height]\n"
        ".set m7_tap, m7_tap+1\n"
        ".endr\n"
        ".endr\n"
        ".if %c[planes] > %c[together]\n"
        "subs %[turns], %[turns], #%c[together]\n"
        "bne 2b\n"
        ".endif\n"
        "subs %[segments], %[segments], #1\n"
        "bne 1b\n"
        ".if %c[out_step] == %c[width]\n"
        "m7_save %[out], 0, %%(%c[sums]-1)\n"
        ".else\n"
        ".set m7_row, 0\n"
        ".rept %c[height]\n"
        "m7_save %[out], %%(m7_row*%c[width]), %%(m7_row*%c[width]+%c[width]-1)\n"
        "add %[out], %[out], #(4*%c[out_step])\n"
        ".set m7_row, m7_row+1\n"
        ".endr\n"
        ".endif\n"
        ".purgem m7_load\n .purgem m7_next\n .purgem m7_save\n .purgem m7_fma\n"
        ".noaltmacro\n" M7_ROOM M7_ROOM
        : [rows] "+r"(rows), [offsets] "+r"(offsets), [segments] "+r"(segments), [out] "+r"(sums), [at] "=&r"(at),
          [turns] "=&r"(turns)
        : [columns] "r"(columns), [stride] "r"(kPlaneStep * sizeof(float)), [out_step] "i"(kRowStep),
          [start] "r"(start), [at_once] "i"(kRowsAtOnce ? 1 : 0), [sums] "i"(kSums), [loaded] "i"(kLoaded), [taps] "i"(kTaps), [height] "i"(kRows),
          [width] "i"(kColumns), [together] "i"(kTogether), [planes] "i"(kPlanes), [step] "i"(kPlaneStep)
        : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15",
          "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30",
          "s31", "cc", "memory");
#else
    float sum[kRows][kColumns];
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) sum[row][column] = start[row * kColumns + column];
    }
    for (; segments > 0; --segments, ++offsets) {
      const float* at = columns + *offsets;
      for (int plane = 0; plane < kPlanes; ++plane, at += kPlaneStep) {
        for (int tap = 0; tap < kTaps; ++tap, rows += kRows) {
          for (int row = 0; row < kRows; ++row) {
            for (int column = 0; column < kColumns; ++column) sum[row][column] += rows[row] * at[column + tap];
          }
        }
      }
    }
    for (int row = 0; row < kRows; ++row) {
      for (int column = 0; column < kColumns; ++column) {
        sums[row * kRowStep + column] = sum[row][column];
      }
    }
#endif
  }

  // `count` blocks of sums one after the other, all operands and results in the order in which they are used: row
  // operands [block][plane][row], column operands [block][plane][column], sums [block][row][column].
  template <int kPlanes>
  static void series(const float* rows, const float* columns, int count, float* sums) {
    static_assert(kTaps == 1);
#if M7_HAS_FPU
    constexpr int kTogether = kPlanes % 8 == 0 ? 8 : kPlanes % 4 == 0 ? 4 : kPlanes % 2 == 0 ? 2 : 1;
    int turns;
    __asm__ volatile(
        ".altmacro\n"
        M7_MULTIPLE("m7_load", "vldmia", "")
        M7_MULTIPLE("m7_next", "vldmia", "!")
        M7_MULTIPLE("m7_save", "vstmia", "!")
        ".macro m7_fma sum, row, column\n vfma.f32 s\\sum, s\\row, s\\column\n .endm\n"
        "1:\n"
        "m7_load %[zeros], 0, %%(%c[sums]-1)\n"
        "mov %[turns], %[planes]\n"
        "2:\n"
        ".rept %c[together]\n"
        "m7_next %[columns], %%(%c[sums]), %%(%c[sums]+%c[width]-1)\n"
        "m7_next %[rows], %%(%c[sums]+%c[width]), %%(%c[sums]+%c[width]+%c[height]-1)\n"
        ".set m7_row, 0\n"
        ".rept %c[height]\n"
        ".set m7_column, 0\n"
        ".rept %c[width]\n"
        "m7_fma %%(m7_row*%c[width]+m7_column), %%(%c[sums]+%c[width]+m7_row), %%(%c[sums]+m7_column)\n"
        ".set m7_column, m7_column+1\n"
        ".endr\n"
        ".set m7_row, m7_row+1\n"
        ".endr\n"
        ".endr\n"
        ".if %c[planes] > %c[together]\n"
        "subs %[turns], %[turns], #%c[together]\n"
        "bne 2b\n"
        ".endif\n"
        "m7_save %[out], 0, %%(%c[sums]-1)\n"
        "subs %[count], %[count], #1\n"
        "bne 1b\n"
        ".purgem m7_load\n .purgem m7_next\n .purgem m7_save\n .purgem m7_fma\n"
        ".noaltmacro\n" M7_ROOM
        : [rows] "+r"(rows), [columns] "+r"(columns), [count] "+r"(count), [out] "+r"(sums), [turns] "=&r"(turns)
        : [zeros] "r"(kZeros), [sums] "i"(kSums), [height] "i"(kRows), [width] "i"(kColumns),
          [together] "i"(kTogether), [planes] "i"(kPlanes)
        : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12", "s13", "s14", "s15",
          "s16", "s17", "s18", "s19", "s20", "s21", "s22", "s23", "s24", "s25", "s26", "s27", "s28", "s29", "s30",
          "s31", "cc", "memory");
#else
    const std::int32_t offset = 0;
    for (; count > 0; --count, rows += kPlanes * kRows, columns += kPlanes * kColumns, sums += kSums) {
      run<kPlanes, kColumns, kColumns>(rows, columns, &offset, 1, sums);
    }
#endif
  }
};

}  // namespace m7
