// CONV_2D 3x3, stride 1, in int8 by Winograd's F(4x4, 3x3), and exact: 36 products instead of 144 for 16 outputs.
//
// With the matrices of Lavin and Gray ("Fast Algorithms for Convolutional Neural Networks", 2015) for the points
// 0, 1, -1, 2, -2 and infinity, Y = At [(G g Gt) . (Bt d B)] A. Only G holds fractions; here each of its rows is
// multiplied until it is whole, and A by what makes up for it:
//
//        4  0 -5  0  1  0         6  0  0
//        0 -4 -4  1  1  0        -1 -1 -1         1  4  4  1  1  0    24
//   Bt = 0  4 -4 -1  1  0    G = -1  1 -1    At = 0  2 -2  1 -1  0    12 times the output
//        0 -2 -1  2  1  0         1  2  4         0  1  1  1  1  0     6
//        0  2 -1 -2  1  0         1 -2  4         0  1 -1  2 -2  1     6
//        0  4  0 -5  0  1         0  0  6
//
// so that output (p, q) comes out 9 * 2^a times as large, a = up[p] + up[q] of 3, 2, 1, 1. Inputs, 0 to 255 here,
// become at most 100 * 128, weights at most 49 * 128: both fit 16 bits. All sums are modulo 2^32, in which 9 has an
// inverse: 0x38E38E39 takes it away, and what is left, 2^a y, is the true number where |y| < 2^25, which codegen
// makes sure of by the layer's weights. Nothing is ever rounded.
//
// Where the output is no multiple of four, a tile may be two outputs high or wide: F(2, 3) takes the weights of
// rows 0, 1, 2 and 5 as they are, with
//
//        1  0 -1  0
//   Bt = 0 -1 -1  0    At = 1  3  3  0    6 times the output
//        0  1 -1  0         0  3 -3  1    6
//        0 -1  0  1
//
// The elements (i, j) of a transformed tile are in four groups: `kSmall` (i and j of 0, 1, 2, 5), which all tiles
// have, `kTall` (i of 3, 4), `kWide` (j of 3, 4) and `kLarge` (both). A pass takes a block of tiles, sorted so that
// those that have a group follow one another: low ones (wide, not tall), large ones, narrow ones (tall, not wide),
// small ones. A panel holds of each group, element and pair of tiles the inputs of all channels, a word of two
// channels of one tile, then of the other; behind it are, of each pair of tiles and element, eight sums of
// products.
//
// Channels by four, elements, pairs of tiles, input channels: weights outside and tiles inside, so that a line of
// weights is missed once a pass, however many channels there are.
//
// Cost in modelled cycles: products 1.09 a SMLAD with 32 input channels, which is what binds (0.14 a direct
// multiply-accumulate); outputs 172 a large tile and channel; inputs 260 a large tile and pair of channels; weights
// of 16 bit 8 a line of flash, in bytes 197 an output channel and pair of input channels. 13x13x32 to 64, pooled:
// 477 thousand, of which products are 303, outputs 81, flash 37, inputs 27.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "engine/m7/add_int8.hpp"
#include "engine/m7/conv_int8.hpp"
#include "engine/m7/flash_bus.hpp"
#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"
#include "engine/m7/window.hpp"

namespace m7 {

// Pairs of tiles for which a panel has room in each group of elements, and in how many passes all tiles are taken.
struct Tiling {
  int passes;
  int small, tall, wide, large;
};

// Output channels that the products take at once.
constexpr int kQuad = 4;
constexpr int kSumsOfPair = 2 * kQuad;
// Words from the sums of one element to those of the next: an odd number, so that two that are loaded in one cycle
// lie in both banks of the memory.
constexpr int kSumsStep = kSumsOfPair + 1;

// Offsets of a panel, in words, and of the weights and sums, in elements. kSteps: pairs of input channels.
template <int kSteps, const Tiling& kTiling>
struct TilePanel {
  static constexpr int kPair = 2 * kSteps;
  static constexpr int kSmallStep = kTiling.small * kPair;
  static constexpr int kTallStep = kTiling.tall * kPair;
  static constexpr int kWideStep = kTiling.wide * kPair;
  static constexpr int kLargeStep = kTiling.large * kPair;
  static constexpr int kSmall = 0;
  static constexpr int kTall = kSmall + 16 * kSmallStep;
  static constexpr int kWide = kTall + 8 * kTallStep;
  static constexpr int kLarge = kWide + 8 * kWideStep;
  static constexpr int kSums = kLarge + 4 * kLargeStep;
  static constexpr int kTallElements = 16;
  static constexpr int kWideElements = kTallElements + (kTiling.tall > 0 ? 8 : 0);
  static constexpr int kLargeElements = kWideElements + (kTiling.wide > 0 ? 8 : 0);
  static constexpr int kElements = kLargeElements + (kTiling.large > 0 ? 4 : 0);
  // Number of element (row, column), both in the order 0, 1, 2, 5, 3, 4; -1 where no tile has it.
  static constexpr int element(int row, int column) {
    if (row < 4) {
      return column < 4 ? 4 * row + column : kTiling.wide == 0 ? -1 : kWideElements + 2 * row + column - 4;
    }
    if (column < 4) return kTiling.tall == 0 ? -1 : kTallElements + 4 * (row - 4) + column;
    return kTiling.large == 0 ? -1 : kLargeElements + 2 * (row - 4) + column - 4;
  }
  static constexpr int kSumsOfTiles = kElements * kSumsStep;
};

#if M7_HAS_DSP
// The products of four output channels and two tiles with one pair of input channels: eight SMLAD, beside which
// six LDR bring in time what comes next. r0: weights; r1: inputs; r2, r3: a weight of one channel and of the next,
// turn about; r4, r5: inputs of either tile; r6 to r12, lr: sums. These are all fourteen registers. r3 is free
// between two steps.
#define M7_FOUR_BY_TWO(first, r6, r7, r8, r9, r10, r11, r12, lr, next)                                           \
  first " r6, r2, r4" r6 "\n ldr r3, [r0, #(m7_w+4)]\n " first " r7, r2, r5" r7                                  \
        "\n ldr r2, [r0, #(m7_w+8)]\n " first " r8, r3, r4" r8 "\n " first " r9, r3, r5" r9                      \
        "\n ldr r3, [r0, #(m7_w+12)]\n " first " r10, r2, r4" r10 "\n " first " r11, r2, r5" r11                 \
        "\n ldr r2, " next "\n " first " r12, r3, r4" r12 "\n ldr r4, [r1, #(m7_v+8)]\n " first " lr, r3, r5" lr \
        "\n ldr r5, [r1, #(m7_v+12)]\n .set m7_w, m7_w+16\n .set m7_v, m7_v+8\n"
#define M7_FIRST_STEP M7_FOUR_BY_TWO("smuad", "", "", "", "", "", "", "", "", "[r0, #(m7_w+16)]")
#define M7_STEP \
  M7_FOUR_BY_TWO("smlad", ", r6", ", r7", ", r8", ", r9", ", r10", ", r11", ", r12", ", lr", "[r0, #(m7_w+16)]")
// The last one of a pair of tiles brings where its sums go, and what is multiplied next: the panel goes on there.
#define M7_LAST_STEP \
  M7_FOUR_BY_TWO("smlad", ", r6", ", r7", ", r8", ", r9", ", r10", ", r11", ", r12", ", lr", "%[sums]")
#endif

// Multiplies the inputs of some elements, pair of tiles by pair, with the weights of four output channels.
// `step`: words from one element to the next in the panel; of `pairs` there are some.
template <int kSteps, int kSumsOfTiles>
[[gnu::noinline]] void multiply_elements(const std::uint32_t* weights, const std::uint32_t* panel,
                                         std::uint32_t* sums, int elements, int pairs, int step) {
#if M7_HAS_DSP
  // So many steps are at most 2 kB of code.
  constexpr Unrolling kLoop = unrolling(kSteps - 2, 38);
  // All of these have to stand on the stack: there is no register left to point elsewhere.
  const std::uint32_t* last_weights = weights + static_cast<std::size_t>(elements) * kSteps * kQuad;
  const std::uint32_t* end = panel + pairs * 2 * kSteps;
  int step_bytes = 4 * step;
  int gap_bytes = 4 * (step - pairs * 2 * kSteps);
  int back_bytes = 4 * (pairs * kSumsOfTiles - kSumsStep);
  int turn = 0;
  register const std::uint32_t* w __asm__("r0") = weights;
  register const std::uint32_t* v __asm__("r1") = panel;
  __asm__ volatile(
      "1:\n"
      "ldr r2, [r0]\n ldr r4, [r1]\n ldr r5, [r1, #4]\n"
      "2:\n"
      ".set m7_w, 0\n .set m7_v, 0\n"
      ".if %c[turns] > 1\n mov r3, #%c[turns]\n str r3, %[turn]\n .endif\n" M7_FIRST_STEP
      ".if %c[turns] > 1\n add r0, r0, #16\n add r1, r1, #8\n"
      "3:\n .set m7_w, 0\n .set m7_v, 0\n .rept %c[body]\n" M7_STEP
      ".endr\n"
      "ldr r3, %[turn]\n add r0, r0, #m7_w\n subs r3, r3, #1\n add r1, r1, #m7_v\n str r3, %[turn]\n bne 3b\n"
      ".set m7_w, 0\n .set m7_v, 0\n"
      ".else\n .rept %c[body]\n" M7_STEP
      ".endr\n .endif\n"
      ".rept %c[rest]\n" M7_STEP ".endr\n" M7_LAST_STEP
      "stmia r2, {r6, r7, r8, r9, r10, r11, r12, lr}\n"
      "add r3, r2, #(4*%c[sums_step])\n ldr r6, %[end]\n"
      "add r1, r1, #m7_v\n"
      ".if %c[turns] > 1\n sub r0, r0, #(16*(%c[body]*%c[turns]+1))\n .endif\n"
      "ldr r2, [r0]\n str r3, %[sums]\n cmp r1, r6\n bne 2b\n"
      "ldr r7, %[step]\n ldr r8, %[back]\n ldr r9, %[gap]\n ldr r10, %[last]\n"
      "add r6, r6, r7\n sub r3, r3, r8\n add r0, r0, #(16*%c[steps])\n add r1, r1, r9\n"
      "str r6, %[end]\n str r3, %[sums]\n cmp r0, r10\n bne 1b\n" M7_ROOM M7_ROOM
      : "+r"(w), "+r"(v), [end] "+m"(end), [sums] "+m"(sums), [turn] "+m"(turn), [last] "+m"(last_weights),
        [step] "+m"(step_bytes), [gap] "+m"(gap_bytes), [back] "+m"(back_bytes)
      : [steps] "i"(kSteps), [sums_step] "i"(kSumsOfTiles), [body] "i"(kLoop.body), [turns] "i"(kLoop.turns),
        [rest] "i"(kLoop.rest)
      : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#else
  for (int element = 0; element < elements; ++element, weights += kSteps * kQuad, panel += step) {
    const std::uint32_t* v = panel;
    for (int pair = 0; pair < pairs; ++pair) {
      std::int32_t totals[kSumsOfPair] = {};
      const std::uint32_t* w = weights;
      for (int i = 0; i < kSteps; ++i, v += 2, w += kQuad) {
        for (int sum = 0; sum < kSumsOfPair; ++sum) totals[sum] = smlad(w[sum / 2], v[sum % 2], totals[sum]);
      }
      std::memcpy(sums + pair * kSumsOfTiles + element * kSumsStep, totals, sizeof totals);
    }
  }
#endif
}

// Pairs of numbers are added and shifted as words: that is right in the end, where the low number borrowed from the
// high one, if the low number is made positive by 2^15 for as long. So four inputs come with 2^15, of either sign,
// of which Bt and B make 2^15 in each element, once.
constexpr std::uint32_t kOffsets = 0x00800080;           // makes 0 to 255 of two int8
constexpr std::uint32_t kOffsetsAndBorrow = 0x00808080;  // the same plus 2^15
constexpr std::uint32_t kOffsetsAndOwed = 0x007F8080;    // the same minus 2^15
constexpr std::uint32_t kBorrow = 0x8000;

// The compiler would load all numbers of a tile first, and spill most of them: it gets them in parts.
[[gnu::always_inline]] inline void keep_order() { __asm__ volatile("" ::: "memory"); }

// Bt in one dimension: of 6 numbers, or of 4; `put(i, value)` takes elements 0, 1, 2, 5, 3, 4 as 0 to 5.
template <bool kLong, typename At, typename Put>
[[gnu::always_inline]] inline void transform_inputs(At at, Put put) {
  const Pair d0 = at(0);
  const Pair d1 = at(1);
  const Pair d2 = at(2);
  const Pair d3 = at(3);
  if constexpr (kLong) {
    const Pair d4 = at(4);
    const Pair d5 = at(5);
    const Pair e = d4 - 4 * d2;
    const Pair f = d3 - 4 * d1;
    const Pair g = d4 - d2;
    const Pair h = d3 - d1;
    put(0, g + 4 * (d0 - d2));
    put(1, e + f);
    put(2, e - f);
    put(3, d5 - d3 - 4 * h);
    put(4, g + 2 * h);
    put(5, g - 2 * h);
  } else {
    put(0, d0 - d2);
    put(1, 0U - d1 - d2);
    put(2, d1 - d2);
    put(3, d3 - d1);
  }
}

// G in one dimension, plus `borrow` in each element; `put(i, value)` takes elements 0, 1, 2, 5, 3, 4 as 0 to 5.
template <typename Put>
[[gnu::always_inline]] inline void transform_taps(Pair g0, Pair g1, Pair g2, std::uint32_t borrow, Put put) {
  const Pair ends = borrow - (g0 + g2);
  const Pair far = g0 + 4 * g2 + borrow;
  put(0, borrow + 2 * (g0 + 2 * g0));
  put(1, ends - g1);
  put(2, ends + g1);
  put(3, borrow + 2 * (g2 + 2 * g2));
  put(4, far + 2 * g1);
  put(5, far - 2 * g1);
}

// G g Gt of four output channels. `bytes`: of each four input channels and output channel nine taps, a word of four
// channels each; `to`: as multiply_elements reads them. 196 cycles an output channel and
// pair of input channels.
template <int kGroups, typename Panel>
[[gnu::noinline]] void transform_weights(const std::uint32_t* bytes, Pair* to) {
  for (int i = 0; i < kGroups * kQuad; ++i, bytes += 9, to += i % kQuad == 0 ? kQuad + 1 : 1) {
#pragma GCC unroll 1
    for (int half = 0; half < 2; ++half) {
      Pair rows[6][3];
#pragma GCC unroll 3
      for (int column = 0; column < 3; ++column) {
        const auto tap = [&](int row) {
          const std::uint32_t word = bytes[3 * row + column] >> (8 * half);
          return sxtab16(kOffsets, word) - kOffsets;
        };
        transform_taps(tap(0), tap(1), tap(2), 0, [&](int row, Pair value) { rows[row][column] = value; });
        keep_order();
      }
#pragma GCC unroll 6
      for (int row = 0; row < 6; ++row) {
        transform_taps(rows[row][0], rows[row][1], rows[row][2], kBorrow, [&](int column, Pair value) {
          const int element = Panel::element(row, column);
          if (element >= 0) to[(element * 2 * kGroups + half) * kQuad] = value ^ kBorrow;
        });
        keep_order();
      }
    }
  }
}

// What four inputs in a row, or six, are given on top of 128.
constexpr std::uint32_t offsets(bool tall, bool wide, int row, int column) {
  const int of_row = tall ? (row >= 4 ? 1 : 0) : (row == 2 ? -1 : row == 3 ? 1 : 0);
  const int of_column = wide ? (column >= 4 ? 1 : 0) : (column == 2 ? -1 : column == 3 ? 1 : 0);
  return of_row * of_column == 0 ? kOffsets : of_row * of_column > 0 ? kOffsetsAndBorrow : kOffsetsAndOwed;
}

// Bt d B of four input channels of a tile; `from`: its first input; `small` and the others: where the elements of
// the first pair of channels go in each group.
template <bool kTall, bool kWide, int kRowBytes, int kPixelBytes, typename Panel>
[[gnu::noinline]] void transform_tile(const std::int8_t* from, int groups, Pair* small, Pair* tall, Pair* wide,
                                      Pair* large) {
  constexpr int kRows = kTall ? 6 : 4;
  constexpr int kColumns = kWide ? 6 : 4;
  for (; groups > 0; --groups, from += 4) {
#pragma GCC unroll 1
    for (int half = 0; half < 2; ++half) {
      Pair rows[kRows][kColumns];
      const auto columns = [&](auto widen) {
#pragma GCC unroll 6
        for (int column = 0; column < kColumns; ++column) {
          transform_inputs<kTall>(
              [&](int row) {
                return widen(offsets(kTall, kWide, row, column),
                             load_word(from + row * kRowBytes + column * kPixelBytes));
              },
              [&](int row, Pair value) { rows[row][column] = value; });
          keep_order();
        }
      };
      if (half == 0) {
        columns([](std::uint32_t a, std::uint32_t b) { return sxtab16(a, b); });
      } else {
        columns([](std::uint32_t a, std::uint32_t b) { return sxtab16_ror8(a, b); });
      }
#pragma GCC unroll 6
      for (int row = 0; row < kRows; ++row) {
        Pair* const left = row < 4 ? small + 4 * row * Panel::kSmallStep : tall + 4 * (row - 4) * Panel::kTallStep;
        Pair* const right = row < 4 ? wide + 2 * row * Panel::kWideStep : large + 2 * (row - 4) * Panel::kLargeStep;
        const int left_step = row < 4 ? Panel::kSmallStep : Panel::kTallStep;
        const int right_step = row < 4 ? Panel::kWideStep : Panel::kLargeStep;
        transform_inputs<kWide>([&](int column) { return rows[row][column]; },
                                [&](int column, Pair value) {
                                  Pair* const to =
                                      column < 4 ? left + column * left_step : right + (column - 4) * right_step;
                                  *to = value ^ kBorrow;
                                });
        keep_order();
      }
      small += 2;
      tall += 2;
      wide += 2;
      large += 2;
    }
  }
}

// At in one dimension; `at(i)` gives elements 0, 1, 2, 5, 3, 4 as 0 to 5.
template <bool kLong>
[[gnu::always_inline]] inline void transform_sums(const std::uint32_t (&m)[kLong ? 6 : 4],
                                                  std::uint32_t (&y)[kLong ? 4 : 2]) {
  const std::uint32_t s1 = m[1] + m[2];
  const std::uint32_t d1 = m[1] - m[2];
  if constexpr (kLong) {
    const std::uint32_t s2 = m[4] + m[5];
    const std::uint32_t d2 = m[4] - m[5];
    y[0] = m[0] + s2 + 4 * s1;
    y[1] = d2 + 2 * d1;
    y[2] = s1 + s2;
    y[3] = m[3] + d1 + 2 * d2;
  } else {
    y[0] = m[0] + s1 + 2 * s1;
    y[1] = m[3] + d1 + 2 * d1;
  }
}

#if M7_HAS_DSP
// At M A of a tile of 4x4: its even columns, then its odd ones. Of each row of M the two numbers of these columns,
// then down the columns. Everything stays in registers, at the price of loading the inner numbers twice; two
// instructions a cycle, 89 for both, in the order that the pipeline's model likes best.
[[gnu::always_inline]] inline void transform_large(const std::uint32_t* sums, std::uint32_t (&y)[4][4]) {
  static_assert(kSumsStep == 9);
  register const std::uint32_t* m __asm__("r0") = sums;
  __asm__ volatile(
      "ldr r9, [r0, #36*28]\n ldr r10, [r0, #36*29]\n add r9, r9, r10\n ldr r3, [r0, #36*6]\n"
      "ldr r7, [r0, #36*9]\n ldr r6, [r0, #36*8]\n ldr r4, [r0, #36*26]\n ldr r5, [r0, #36*27]\n"
      "ldr r8, [r0, #36*10]\n ldr r2, [r0, #36*5]\n ldr r11, [r0, #36*20]\n add r7, r7, r8\n"
      "ldr r1, [r0, #36*4]\n add r4, r4, r5\n add r1, r1, r4\n add r2, r2, r3\n add r6, r6, r9\n"
      "ldr r5, [r0, #36*16]\n ldr r10, [r0, #36*33]\n add r6, r6, r7, lsl #2\n"
      "add r1, r1, r2, lsl #2\n ldr r12, [r0, #36*21]\n add r2, r2, r4\n add r7, r7, r9\n"
      "add r3, r1, r6\n add r4, r2, r7\n sub r2, r2, r7\n ldr r8, [r0, #36*18]\n"
      "ldr lr, [r0, #36*34]\n sub r1, r1, r6\n ldr r6, [r0, #36*17]\n ldr r9, [r0, #36*32]\n"
      "add r6, r6, r8\n add r9, r9, r10\n ldr r8, [r0, #36*35]\n ldr r7, [r0, #36*22]\n"
      "add r12, r12, r7\n add lr, lr, r8\n add r5, r5, r9\n add r11, r11, lr\n"
      "add r5, r5, r6, lsl #2\n add r6, r6, r9\n add r11, r11, r12, lsl #2\n add r12, r12, lr\n"
      "add r7, r5, r11\n ldr r10, [r0, #36*1]\n add r8, r6, r12\n sub r6, r6, r12\n"
      "ldr r12, [r0, #36*24]\n ldr lr, [r0, #36*25]\n sub r5, r5, r11\n ldr r11, [r0, #36*2]\n"
      "add r12, r12, lr\n ldr r9, [r0, #36*0]\n add r10, r10, r11\n add r9, r9, r12\n"
      "add r9, r9, r10, lsl #2\n ldr lr, [r0, #36*31]\n add r10, r10, r12\n add r10, r10, r8\n"
      "add r10, r10, r4, lsl #2\n str r10, %[y2]\n add r9, r9, r7\n ldr r10, [r0, #36*13]\n"
      "ldr r11, [r0, #36*14]\n add r9, r9, r3, lsl #2\n ldr r12, [r0, #36*30]\n str r9, %[y0]\n"
      "add r10, r10, r11\n add r12, r12, lr\n add r3, r3, r7\n ldr r9, [r0, #36*12]\n"
      "add r9, r9, r12\n str r3, %[y8]\n add r9, r9, r10, lsl #2\n add r10, r10, r12\n"
      "add r9, r9, r1\n add r10, r10, r2\n add r10, r10, r6, lsl #1\n str r10, %[y14]\n"
      "add r9, r9, r5, lsl #1\n str r9, %[y12]\n add r6, r6, r2, lsl #1\n str r6, %[y6]\n"
      "add r5, r5, r1, lsl #1\n str r5, %[y4]\n add r4, r4, r8\n str r4, %[y10]\n"
      : [y0] "=m"(y[0][0]), [y2] "=m"(y[0][2]), [y4] "=m"(y[1][0]), [y6] "=m"(y[1][2]), [y8] "=m"(y[2][0]),
        [y10] "=m"(y[2][2]), [y12] "=m"(y[3][0]), [y14] "=m"(y[3][2])
      : "r"(m)
      : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
  __asm__ volatile(
      "ldr r3, [r0, #36*6]\n ldr r10, [r0, #36*29]\n ldr r4, [r0, #36*26]\n ldr r6, [r0, #36*11]\n"
      "ldr r2, [r0, #36*5]\n ldr r9, [r0, #36*28]\n ldr r7, [r0, #36*9]\n ldr lr, [r0, #36*34]\n"
      "ldr r8, [r0, #36*10]\n ldr r5, [r0, #36*27]\n sub r7, r7, r8\n ldr r1, [r0, #36*7]\n"
      "sub r2, r2, r3\n add r6, r6, r7\n sub r9, r9, r10\n add r1, r1, r2\n add r7, r9, r7, lsl #1\n"
      "ldr r11, [r0, #36*23]\n add r6, r6, r9, lsl #1\n ldr r12, [r0, #36*21]\n sub r4, r4, r5\n"
      "add r2, r4, r2, lsl #1\n ldr r8, [r0, #36*18]\n ldr r5, [r0, #36*19]\n ldr r10, [r0, #36*33]\n"
      "ldr r9, [r0, #36*32]\n sub r9, r9, r10\n add r1, r1, r4, lsl #1\n add r4, r1, r6\n"
      "sub r1, r1, r6\n add r3, r2, r7\n ldr r6, [r0, #36*17]\n sub r2, r2, r7\n sub r6, r6, r8\n"
      "add r5, r5, r6\n ldr r7, [r0, #36*22]\n add r6, r9, r6, lsl #1\n sub r12, r12, r7\n"
      "add r11, r11, r12\n ldr r8, [r0, #36*35]\n sub lr, lr, r8\n add r5, r5, r9, lsl #1\n"
      "add r12, lr, r12, lsl #1\n add r11, r11, lr, lsl #1\n add r7, r6, r12\n ldr r9, [r0, #36*3]\n"
      "add r8, r5, r11\n sub r5, r5, r11\n ldr r11, [r0, #36*2]\n ldr lr, [r0, #36*25]\n"
      "sub r6, r6, r12\n ldr r12, [r0, #36*24]\n ldr r10, [r0, #36*1]\n sub r12, r12, lr\n"
      "ldr lr, [r0, #36*31]\n sub r10, r10, r11\n add r9, r9, r10\n add r10, r12, r10, lsl #1\n"
      "ldr r11, [r0, #36*14]\n add r10, r10, r7\n add r9, r9, r12, lsl #1\n add r10, r10, r3, lsl #2\n"
      "add r9, r9, r8\n add r9, r9, r4, lsl #2\n str r9, %[y3]\n str r10, %[y1]\n"
      "ldr r10, [r0, #36*13]\n add r3, r3, r7\n ldr r9, [r0, #36*15]\n str r3, %[y9]\n"
      "ldr r12, [r0, #36*30]\n sub r10, r10, r11\n add r9, r9, r10\n sub r12, r12, lr\n"
      "add r4, r4, r8\n str r4, %[y11]\n add r10, r12, r10, lsl #1\n add r10, r10, r2\n"
      "add r9, r9, r12, lsl #1\n add r9, r9, r1\n add r10, r10, r6, lsl #1\n add r9, r9, r5, lsl #1\n"
      "str r9, %[y15]\n str r10, %[y13]\n add r6, r6, r2, lsl #1\n add r5, r5, r1, lsl #1\n"
      "str r5, %[y7]\n str r6, %[y5]\n"
      : [y1] "=m"(y[0][1]), [y3] "=m"(y[0][3]), [y5] "=m"(y[1][1]), [y7] "=m"(y[1][3]), [y9] "=m"(y[2][1]),
        [y11] "=m"(y[2][3]), [y13] "=m"(y[3][1]), [y15] "=m"(y[3][3])
      : "r"(m)
      : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
}
#endif

// Powers of two in a row of outputs.
constexpr int up(bool is_long, int row) { return is_long && row < 2 ? 3 - row : 1; }

constexpr std::uint32_t kInverseOfNine = 0x38E38E39;

// Gives `take(p, q, value)` 2^(up(p) + up(q)) times each sum of one tile and output channel; `sums`: of the first
// element.
template <bool kTall, bool kWide, typename Panel, typename Take>
[[gnu::always_inline]] inline void transform_output(const std::uint32_t* sums, Take take) {
  constexpr int kRows = kTall ? 6 : 4;
  constexpr int kColumns = kWide ? 6 : 4;
  std::uint32_t down[kColumns][kTall ? 4 : 2];
#pragma GCC unroll 6
  for (int column = 0; column < kColumns; ++column) {
    std::uint32_t m[kRows];
#pragma GCC unroll 6
    for (int row = 0; row < kRows; ++row) {
      m[row] = sums[Panel::element(row, column) * kSumsStep];
    }
    transform_sums<kTall>(m, down[column]);
    keep_order();
  }
#pragma GCC unroll 4
  for (int p = 0; p < (kTall ? 4 : 2); ++p) {
    std::uint32_t m[kColumns];
    std::uint32_t y[kWide ? 4 : 2];
#pragma GCC unroll 6
    for (int column = 0; column < kColumns; ++column) m[column] = down[column][p];
    transform_sums<kWide>(m, y);
#pragma GCC unroll 4
    for (int q = 0; q < (kWide ? 4 : 2); ++q) take(p, q, static_cast<std::int32_t>(y[q] * kInverseOfNine));
    keep_order();
  }
}

#if M7_HAS_DSP
// How far twice an output has to be shifted to the right.
constexpr int shift_of(int row, int column) { return up(true, row) + up(true, column) - 1; }

// Requantises what transform_large gave, 2^(up(p) + up(q)) times 9 times the sums, and stores it: two rows of four
// outputs, or the maxima of four pools. `first` and `second`: where the two rows that are stored begin. r3 to r7:
// what all outputs have in common; the others take turns. Again ordered by the pipeline's model: 29 cycles two rows
// (37 where the clamp is not at the zero point), 54 and 61 the pools.
template <const Conv& kConv, bool kLower>
[[gnu::always_inline]] inline void store_two_rows(std::uint32_t (&y)[4][4], const Scaling& scaling,
                                                  std::int8_t* first, std::int8_t* second) {
  constexpr int kRow = kLower ? 2 : 0;
  register std::int8_t* first_row __asm__("r1") = first;
  register std::int8_t* second_row __asm__("r2") = second;
  register std::uint32_t inverse __asm__("r3") = kInverseOfNine;
  register std::int32_t bias __asm__("r4") = scaling.twice_bias;
  register std::int32_t multiplier __asm__("r5") = scaling.multiplier;
  register std::int32_t offset __asm__("r6") = scaling.offset;
  register std::int32_t shift __asm__("r7") = scaling.shift;
  if constexpr (kConv.clamp == Clamp::kAtZeroPoint) {
    __asm__ volatile(
        "ldr r0, %[y0]\n ldr r8, %[y1]\n ldr r9, %[y2]\n ldr r12, %[y5]\n ldr lr, %[y6]\n mul r8, r8, r3\n"
        "mul r0, r0, r3\n ldr r11, %[y4]\n mul r9, r9, r3\n mul r11, r11, r3\n add r8, r4, r8, asr #%c[s1]\n"
        "mul r12, r12, r3\n add r0, r4, r0, asr #%c[s0]\n mul lr, lr, r3\n ldr r10, %[y3]\n"
        "smmlar r0, r0, r5, r6\n add r11, r4, r11, asr #%c[s4]\n smmlar r8, r8, r5, r6\n"
        "add r12, r4, r12, asr #%c[s5]\n mul r10, r10, r3\n add lr, r4, lr, asr #%c[s6]\n smmlar lr, lr, r5, r6\n"
        "asr r0, r0, r7\n ssat r0, #8, r0\n strb r0, [r1, #(%c[column]*0)]\n smmlar r12, r12, r5, r6\n"
        "add r9, r4, r9, asr #%c[s2]\n smmlar r9, r9, r5, r6\n ldr r0, %[y7]\n asr r12, r12, r7\n"
        "smmlar r11, r11, r5, r6\n add r10, r4, r10, asr #%c[s3]\n mul r0, r0, r3\n smmlar r10, r10, r5, r6\n"
        "asr r11, r11, r7\n asr r8, r8, r7\n asr r9, r9, r7\n add r0, r4, r0, asr #%c[s7]\n asr lr, lr, r7\n"
        "ssat r8, #8, r8\n strb r8, [r1, #(%c[column]*1)]\n ssat r12, #8, r12\n ssat r11, #8, r11\n"
        "smmlar r0, r0, r5, r6\n ssat r9, #8, r9\n strb r9, [r1, #(%c[column]*2)]\n"
        "strb r11, [r2, #(%c[column]*0)]\n asr r10, r10, r7\n ssat lr, #8, lr\n"
        "strb lr, [r2, #(%c[column]*2)]\n strb r12, [r2, #(%c[column]*1)]\n asr r0, r0, r7\n"
        "ssat r10, #8, r10\n strb r10, [r1, #(%c[column]*3)]\n ssat r0, #8, r0\n"
        "strb r0, [r2, #(%c[column]*3)]\n"
        :
        : [y0] "m"(y[kRow][0]), [y1] "m"(y[kRow][1]), [y2] "m"(y[kRow][2]), [y3] "m"(y[kRow][3]),
          [y4] "m"(y[kRow + 1][0]), [y5] "m"(y[kRow + 1][1]), [y6] "m"(y[kRow + 1][2]), [y7] "m"(y[kRow + 1][3]),
          [s0] "i"(shift_of(kRow, 0)), [s1] "i"(shift_of(kRow, 1)), [s2] "i"(shift_of(kRow, 2)),
          [s3] "i"(shift_of(kRow, 3)), [s4] "i"(shift_of(kRow + 1, 0)), [s5] "i"(shift_of(kRow + 1, 1)),
          [s6] "i"(shift_of(kRow + 1, 2)), [s7] "i"(shift_of(kRow + 1, 3)), "r"(inverse), "r"(bias),
          "r"(multiplier), "r"(offset), "r"(shift), "r"(first_row),
          "r"(second_row), [column] "i"(kConv.output_channels)
        : "r0", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
  } else {
    __asm__ volatile(
        "ldr r10, %[y3]\n ldr r9, %[y2]\n ldr r8, %[y1]\n ldr r11, %[y4]\n ldr r0, %[y0]\n"
        "mul r10, r10, r3\n mul r9, r9, r3\n ldr r12, %[y5]\n ldr lr, %[y6]\n mul r0, r0, r3\n"
        "add r10, r4, r10, asr #%c[s3]\n mul r8, r8, r3\n add r9, r4, r9, asr #%c[s2]\n add r0, r4, r0, asr "
        "#%c[s0]\n"
        "smmulr r10, r10, r5\n smmulr r0, r0, r5\n add r8, r4, r8, asr #%c[s1]\n smmulr r9, r9, r5\n"
        "smmulr r8, r8, r5\n add r10, r10, r10, asr #31\n add r0, r0, r0, asr #31\n mul lr, lr, r3\n"
        "add r0, r0, r6\n add r10, r10, r6\n asr r0, r0, r7\n mul r11, r11, r3\n mul r12, r12, r3\n"
        "add lr, r4, lr, asr #%c[s6]\n ssat r0, #8, r0\n strb r0, [r1, #(%c[column]*0)]\n ldr r0, %[y7]\n"
        "add r11, r4, r11, asr #%c[s4]\n smmulr lr, lr, r5\n asr r10, r10, r7\n mul r0, r0, r3\n"
        "add r8, r8, r8, asr #31\n add r9, r9, r9, asr #31\n add r8, r8, r6\n smmulr r11, r11, r5\n"
        "add r12, r4, r12, asr #%c[s5]\n add r0, r4, r0, asr #%c[s7]\n add r9, r9, r6\n add lr, lr, lr, asr #31\n"
        "smmulr r12, r12, r5\n add r11, r11, r11, asr #31\n add lr, lr, r6\n asr r9, r9, r7\n"
        "smmulr r0, r0, r5\n add r12, r12, r12, asr #31\n asr r8, r8, r7\n ssat r8, #8, r8\n"
        "add r12, r12, r6\n strb r8, [r1, #(%c[column]*1)]\n add r0, r0, r0, asr #31\n ssat r10, #8, r10\n"
        "asr lr, lr, r7\n asr r12, r12, r7\n add r11, r11, r6\n ssat r12, #8, r12\n asr r11, r11, r7\n"
        "ssat r9, #8, r9\n strb r9, [r1, #(%c[column]*2)]\n strb r12, [r2, #(%c[column]*1)]\n"
        "add r0, r0, r6\n ssat r11, #8, r11\n strb r10, [r1, #(%c[column]*3)]\n ssat lr, #8, lr\n"
        "strb lr, [r2, #(%c[column]*2)]\n asr r0, r0, r7\n strb r11, [r2, #(%c[column]*0)]\n"
        "ssat r0, #8, r0\n strb r0, [r2, #(%c[column]*3)]\n"
        :
        : [y0] "m"(y[kRow][0]), [y1] "m"(y[kRow][1]), [y2] "m"(y[kRow][2]), [y3] "m"(y[kRow][3]),
          [y4] "m"(y[kRow + 1][0]), [y5] "m"(y[kRow + 1][1]), [y6] "m"(y[kRow + 1][2]), [y7] "m"(y[kRow + 1][3]),
          [s0] "i"(shift_of(kRow, 0)), [s1] "i"(shift_of(kRow, 1)), [s2] "i"(shift_of(kRow, 2)),
          [s3] "i"(shift_of(kRow, 3)), [s4] "i"(shift_of(kRow + 1, 0)), [s5] "i"(shift_of(kRow + 1, 1)),
          [s6] "i"(shift_of(kRow + 1, 2)), [s7] "i"(shift_of(kRow + 1, 3)), "r"(inverse), "r"(bias),
          "r"(multiplier), "r"(offset), "r"(shift), "r"(first_row),
          "r"(second_row), [column] "i"(kConv.output_channels)
        : "r0", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
  }
}

template <const Conv& kConv, int kRowBytes>
[[gnu::always_inline]] inline void store_pools(std::uint32_t (&y)[4][4], const Scaling& scaling,
                                               std::int8_t* first) {
  register std::int8_t* first_row __asm__("r1") = first;
  register std::uint32_t inverse __asm__("r3") = kInverseOfNine;
  register std::int32_t bias __asm__("r4") = scaling.twice_bias;
  register std::int32_t multiplier __asm__("r5") = scaling.multiplier;
  register std::int32_t offset __asm__("r6") = scaling.offset;
  register std::int32_t shift __asm__("r7") = scaling.shift;
  if constexpr (kConv.clamp == Clamp::kAtZeroPoint) {
    __asm__ volatile(
        "ldr r10, %[y5]\n ldr r11, %[y2]\n ldr r8, %[y1]\n ldr r9, %[y4]\n mul r10, r10, r3\n"
        "ldr r0, %[y0]\n mul r8, r8, r3\n ldr r2, %[y7]\n mul r0, r0, r3\n ldr lr, %[y6]\n ldr r12, %[y3]\n"
        "mul r9, r9, r3\n mul r11, r11, r3\n rsb r8, r10, r8, asr #1\n rsb r0, r9, r0, asr #1\n"
        "mul r12, r12, r3\n usat r8, #31, r8\n mul r2, r2, r3\n usat r0, #31, r0\n"
        "rsb r12, r2, r12, asr #1\n add r0, r0, r9\n mul lr, lr, r3\n usat r12, #31, r12\n add r8, r8, r10\n"
        "rsb r0, r8, r0, asr #1\n add r12, r12, r2\n rsb r11, lr, r11, asr #1\n usat r0, #31, r0\n"
        "usat r11, #31, r11\n ldr r2, %[y15]\n ldr r10, %[y13]\n ldr r9, %[y12]\n add r0, r0, r8\n"
        "add r11, r11, lr\n mul r10, r10, r3\n add r0, r4, r0, asr #3\n smmlar r0, r0, r5, r6\n"
        "mul r2, r2, r3\n ldr r8, %[y9]\n sub r11, r11, r12\n asr r0, r0, r7\n usat r11, #31, r11\n"
        "mul r9, r9, r3\n ssat r0, #8, r0\n ldr lr, %[y14]\n strb r0, [r1, #(%c[column]*0)]\n"
        "ldr r0, %[y8]\n add r11, r11, r12\n mul r8, r8, r3\n add r11, r4, r11, asr #2\n mul r0, r0, r3\n"
        "sub r8, r8, r10\n smmlar r11, r11, r5, r6\n ldr r12, %[y11]\n mul lr, lr, r3\n sub r0, r0, r9\n"
        "mul r12, r12, r3\n asr r11, r11, r7\n ssat r11, #8, r11\n strb r11, [r1, #(%c[column]*1)]\n"
        "ldr r11, %[y10]\n sub r12, r12, r2\n usat r0, #31, r0\n usat r8, #31, r8\n mul r11, r11, r3\n"
        "usat r12, #31, r12\n sub r11, r11, lr\n usat r11, #31, r11\n add r0, r0, r9\n add r8, r8, r10\n"
        "add r11, r11, lr\n rsb r0, r8, r0, asr #1\n add r12, r12, r2\n sub r11, r11, r12\n"
        "usat r0, #31, r0\n usat r11, #31, r11\n add r0, r0, r8\n add r11, r11, r12\n"
        "add r0, r4, r0, asr #2\n add r11, r4, r11, asr #1\n smmlar r0, r0, r5, r6\n"
        "smmlar r11, r11, r5, r6\n asr r11, r11, r7\n asr r0, r0, r7\n ssat r0, #8, r0\n"
        "strb r0, [r1, #(%c[row])]\n ssat r11, #8, r11\n strb r11, [r1, #(%c[row]+%c[column])]\n"
        :
        : [y0] "m"(y[0][0]), [y1] "m"(y[0][1]), [y2] "m"(y[0][2]), [y3] "m"(y[0][3]), [y4] "m"(y[1][0]),
          [y5] "m"(y[1][1]), [y6] "m"(y[1][2]), [y7] "m"(y[1][3]), [y8] "m"(y[2][0]), [y9] "m"(y[2][1]),
          [y10] "m"(y[2][2]), [y11] "m"(y[2][3]), [y12] "m"(y[3][0]), [y13] "m"(y[3][1]), [y14] "m"(y[3][2]),
          [y15] "m"(y[3][3]), "r"(inverse), "r"(bias), "r"(multiplier), "r"(offset), "r"(shift),
          "r"(first_row), [column] "i"(kConv.output_channels), [row] "i"(kRowBytes)
        : "r0", "r2", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
  } else {
    __asm__ volatile(
        "ldr r0, %[y0]\n ldr r9, %[y4]\n ldr r8, %[y1]\n ldr r10, %[y5]\n mul r0, r0, r3\n mul r9, r9, r3\n"
        "ldr r12, %[y3]\n ldr r2, %[y7]\n mul r8, r8, r3\n mul r10, r10, r3\n rsb r0, r9, r0, asr #1\n"
        "mul r2, r2, r3\n ldr r11, %[y2]\n mul r12, r12, r3\n rsb r8, r10, r8, asr #1\n usat r0, #31, r0\n"
        "ldr lr, %[y6]\n usat r8, #31, r8\n add r0, r0, r9\n mul r11, r11, r3\n rsb r12, r2, r12, asr #1\n"
        "add r8, r8, r10\n rsb r0, r8, r0, asr #1\n usat r12, #31, r12\n mul lr, lr, r3\n usat r0, #31, r0\n"
        "ldr r9, %[y12]\n rsb r11, lr, r11, asr #1\n add r0, r0, r8\n usat r11, #31, r11\n mul r9, r9, r3\n"
        "add r0, r4, r0, asr #3\n ldr r8, %[y9]\n smmulr r0, r0, r5\n add r12, r12, r2\n add r11, r11, lr\n"
        "sub r11, r11, r12\n add r0, r0, r0, asr #31\n ldr r10, %[y13]\n usat r11, #31, r11\n"
        "ldr r2, %[y15]\n add r0, r0, r6\n asr r0, r0, r7\n mul r8, r8, r3\n add r11, r11, r12\n"
        "ssat r0, #8, r0\n strb r0, [r1, #(%c[column]*0)]\n ldr lr, %[y14]\n add r11, r4, r11, asr #2\n"
        "smmulr r11, r11, r5\n mul r10, r10, r3\n ldr r0, %[y8]\n mul r2, r2, r3\n ldr r12, %[y11]\n"
        "mul r0, r0, r3\n add r11, r11, r11, asr #31\n sub r8, r8, r10\n mul r12, r12, r3\n"
        "add r11, r11, r6\n sub r0, r0, r9\n sub r12, r12, r2\n asr r11, r11, r7\n ssat r11, #8, r11\n"
        "strb r11, [r1, #(%c[column]*1)]\n mul lr, lr, r3\n ldr r11, %[y10]\n usat r8, #31, r8\n"
        "mul r11, r11, r3\n usat r0, #31, r0\n sub r11, r11, lr\n usat r12, #31, r12\n usat r11, #31, r11\n"
        "add r8, r8, r10\n add r0, r0, r9\n rsb r0, r8, r0, asr #1\n add r12, r12, r2\n add r11, r11, lr\n"
        "sub r11, r11, r12\n usat r0, #31, r0\n usat r11, #31, r11\n add r11, r11, r12\n add r0, r0, r8\n"
        "add r11, r4, r11, asr #1\n smmulr r11, r11, r5\n add r0, r4, r0, asr #2\n smmulr r0, r0, r5\n"
        "add r11, r11, r11, asr #31\n add r0, r0, r0, asr #31\n add r11, r11, r6\n add r0, r0, r6\n"
        "asr r11, r11, r7\n asr r0, r0, r7\n ssat r11, #8, r11\n strb r11, [r1, #(%c[row]+%c[column])]\n"
        "ssat r0, #8, r0\n strb r0, [r1, #(%c[row])]\n"
        :
        : [y0] "m"(y[0][0]), [y1] "m"(y[0][1]), [y2] "m"(y[0][2]), [y3] "m"(y[0][3]), [y4] "m"(y[1][0]),
          [y5] "m"(y[1][1]), [y6] "m"(y[1][2]), [y7] "m"(y[1][3]), [y8] "m"(y[2][0]), [y9] "m"(y[2][1]),
          [y10] "m"(y[2][2]), [y11] "m"(y[2][3]), [y12] "m"(y[3][0]), [y13] "m"(y[3][1]), [y14] "m"(y[3][2]),
          [y15] "m"(y[3][3]), "r"(inverse), "r"(bias), "r"(multiplier), "r"(offset), "r"(shift),
          "r"(first_row), [column] "i"(kConv.output_channels), [row] "i"(kRowBytes)
        : "r0", "r2", "r8", "r9", "r10", "r11", "r12", "lr", "memory");
  }
}
#endif

// How many tiles of each kind a pass takes, in their order. Codegen writes these four numbers, then of each tile
// the first row and column of its outputs, halved.
struct Pass {
  int low, large, narrow, small;

  static constexpr int pairs(int count) { return (count + 1) / 2; }
  constexpr int tiles() const { return low + large + narrow + small; }
  constexpr int pairs_small() const { return pairs(tiles()); }
  // Elements of tall tiles begin with this pair; a low tile that shares it goes along.
  constexpr int first_tall() const { return low / 2; }
  constexpr int pairs_tall() const { return large + narrow == 0 ? 0 : pairs(low + large + narrow) - first_tall(); }
  constexpr int pairs_wide() const { return pairs(low + large); }
  constexpr int pairs_large() const { return large == 0 ? 0 : pairs(low + large) - first_tall(); }
};

// Requantises and stores the outputs of one tile and of some channels, pooled by two by two where that is fused.
// `output`: of the first of these channels; `y` and `x`: the tile's first output. kApart: `output` is an image of
// 4x4 for this tile alone.
template <bool kTall, bool kWide, const Window& kWindow, const Conv& kConv, typename Panel, bool kApart>
[[gnu::noinline]] void write_tile(const std::uint32_t* sums, const std::int32_t* scalings, int channels, int y,
                                  int x, std::int8_t* output) {
  constexpr bool kPools = kConv.pool_height == 2;
  constexpr int kRowBytes = (kApart ? 4 : kWindow.output_width / kConv.pool_width) * kConv.output_channels;
  // Whether a tile may reach beyond the output.
  constexpr bool kCut = kWindow.output_height % 2 != 0 || kWindow.output_width % 2 != 0;
  const int rows = kWindow.output_height - y;
  const int columns = kWindow.output_width - x;
  if constexpr (!kApart) {
    output += y / kConv.pool_height * kRowBytes + x / kConv.pool_width * kConv.output_channels;
  }
  for (; channels > 0; --channels, sums += 2, scalings += kScalingWords, ++output) {
    const Scaling scaling = load_scaling(scalings);
#if M7_HAS_DSP
    // What the offsets of STRB reach.
    constexpr bool kNear = kConv.clamp != Clamp::kGeneral &&
                           (kPools ? kRowBytes + kConv.output_channels : 3 * kConv.output_channels) < 4096;
    if constexpr (kTall && kWide && kNear) {
      if (!kCut || (rows >= 4 && columns >= 4)) {
        std::uint32_t all[4][4];
        transform_large(sums, all);
        if constexpr (kPools) {
          store_pools<kConv, kRowBytes>(all, scaling, output);
        } else {
          store_two_rows<kConv, false>(all, scaling, output, output + kRowBytes);
          store_two_rows<kConv, true>(all, scaling, output + 2 * kRowBytes, output + 3 * kRowBytes);
        }
        continue;
      }
    }
#endif
    const auto store = [&](std::int32_t twice_sum, int row, int column) {
      const std::int32_t x2 = wrap_add(scaling.twice_bias, twice_sum);
      output[row * kRowBytes + column * kConv.output_channels] =
          static_cast<std::int8_t>(requantize<kConv.clamp>(x2, scaling, kConv.least, kConv.greatest));
    };
    std::int32_t left = 0;
    std::int32_t above[2] = {};
    transform_output<kTall, kWide, Panel>(sums, [&](int p, int q, std::int32_t value) {
      const int up_here = up(kTall, p) + up(kWide, q);
      if constexpr (!kPools) {
        if (!kCut || (p < rows && q < columns)) store(value >> (up_here - 1), p, q);
      } else if (q % 2 == 0) {
        left = value >> (up(kWide, q) - up(kWide, q + 1));
      } else {
        const std::int32_t of_row = maximum(left, value);
        if (p % 2 == 0) {
          above[q / 2] = of_row >> (up(kTall, p) - up(kTall, p + 1));
        } else {
          store(maximum(above[q / 2], of_row) >> (up_here - 1), p / 2, q / 2);
        }
      }
    });
  }
}

// Where outputs are stored at once.
struct StoredAtOnce {};

// All passes. `apart`: where `finish` is not StoredAtOnce, room for the tiles of a pass, an image of 4x4 each;
// `finish(from, at, count)` then takes outputs that belong at number `at` of the output.
template <const Window& kWindow, const Conv& kConv, const Tiling& kTiling, typename Finish>
[[gnu::always_inline]] inline void winograd_passes(const std::int8_t* input, const std::uint32_t* weights,
                                                   const std::int32_t* scalings, const std::uint8_t* tiles,
                                                   Pair* panel, Pair* transformed, std::int8_t* output,
                                                   std::int8_t* apart, Finish finish) {
  constexpr bool kApart = !std::is_same_v<Finish, StoredAtOnce>;
  constexpr int kChannels = kWindow.input_channels;
  constexpr int kGroups = (kChannels + 3) / 4;
  constexpr int kSteps = 2 * kGroups;
  constexpr int kOutputs = kConv.output_channels;
  using Places = TilePanel<kSteps, kTiling>;
  std::uint32_t* const sums = panel + Places::kSums;
  // Whether no tile reaches beyond the input: tiles cover an even number of rows and columns.
  constexpr auto covered = [](int outputs) { return outputs + outputs % 2; };
  constexpr bool kNoneOut = kChannels % 4 == 0 && kWindow.pad_top == 0 && kWindow.pad_left == 0 &&
                            covered(kWindow.output_height) + 2 <= kWindow.input_height &&
                            covered(kWindow.output_width) + 2 <= kWindow.input_width;

  for (int pass_number = 0; pass_number < kTiling.passes; ++pass_number) {
    const Pass pass{tiles[0], tiles[1], tiles[2], tiles[3]};
    const int count = pass.tiles();
    const std::uint8_t* const origins = tiles + 4;
    tiles += 4 + 2 * count;
    // Calls `with` for each tile; `in_small`, `in_tall`: words from the first pair of a group.
    const auto each = [&](auto with) {
      for (int tile = 0; tile < count; ++tile) {
        const int y = 2 * origins[2 * tile];
        const int x = 2 * origins[2 * tile + 1];
        const int in_small = tile / 2 * Places::kPair + tile % 2;
        const int in_tall = in_small - pass.first_tall() * Places::kPair;
        with(tile, in_small, in_tall, y, x);
      }
    };
    const auto by_kind = [&](int tile, auto with) {
      const bool is_low = tile < pass.low;
      const bool is_wide = tile < pass.low + pass.large;
      const bool is_tall = !is_low && tile < pass.low + pass.large + pass.narrow;
      if constexpr (kTiling.large > 0) {
        if (is_tall && is_wide) return with(std::true_type{}, std::true_type{});
      }
      if constexpr (kTiling.wide > 0) {
        if (is_wide) return with(std::false_type{}, std::true_type{});
      }
      if constexpr (kTiling.tall > 0) {
        if (is_tall) return with(std::true_type{}, std::false_type{});
      }
      return with(std::false_type{}, std::false_type{});
    };

    each([&](int tile, int in_small, int in_tall, int y, int x) {
      by_kind(tile, [&](auto tall, auto wide) {
        constexpr bool kTall = decltype(tall)::value;
        constexpr bool kWide = decltype(wide)::value;
        constexpr int kRows = kTall ? 6 : 4;
        constexpr int kColumns = kWide ? 6 : 4;
        const int top = y - kWindow.pad_top;
        const int left = x - kWindow.pad_left;
        Pair* const small = panel + Places::kSmall + in_small;
        Pair* const of_tall = panel + Places::kTall + in_tall;
        Pair* const of_wide = panel + Places::kWide + in_small;
        Pair* const large = panel + Places::kLarge + in_tall;
        if (kNoneOut || (kChannels % 4 == 0 && top >= 0 && left >= 0 && top + kRows <= kWindow.input_height &&
                         left + kColumns <= kWindow.input_width)) {
          transform_tile<kTall, kWide, kWindow.input_width * kChannels, kChannels, Places>(
              input + (static_cast<std::ptrdiff_t>(top) * kWindow.input_width + left) * kChannels, kGroups, small,
              of_tall, of_wide, large);
          return;
        }
        // The tile reads padding: a copy of it, some channels at a time.
        constexpr int kMost = kGroups * 4 < 16 ? kGroups * 4 : 16;
        std::int8_t patch[kRows * kColumns * kMost];
        for (int first = 0; first < kChannels; first += kMost) {
          const int here = kChannels - first < kMost ? kChannels - first : kMost;
          std::int8_t* to = patch;
          for (int row = top; row < top + kRows; ++row) {
            for (int column = left; column < left + kColumns; ++column, to += kMost) {
              if (row >= 0 && row < kWindow.input_height && column >= 0 && column < kWindow.input_width) {
                std::memcpy(
                    to,
                    input + (static_cast<std::ptrdiff_t>(row) * kWindow.input_width + column) * kChannels + first,
                    here);
                if constexpr (kChannels % 4 != 0) std::memset(to + here, 0, kMost - here);
              } else {
                std::memset(to, kConv.input_zero_point, kMost);
              }
            }
          }
          transform_tile<kTall, kWide, kColumns * kMost, kMost, Places>(
              patch, (here + 3) / 4, small + first, of_tall + first, of_wide + first, large + first);
        }
      });
    });

    const std::uint32_t* next_weights = weights;
    for (int channel = 0; channel < kOutputs; channel += kQuad) {
      const std::uint32_t* w = next_weights;
      if constexpr (kConv.weights == Weights::kBytes) {
        transform_weights<kGroups, Places>(next_weights, transformed);
        w = transformed;
        next_weights += static_cast<std::ptrdiff_t>(kGroups) * kQuad * 9;
      } else {
        next_weights += static_cast<std::ptrdiff_t>(Places::kElements) * kSteps * kQuad;
      }
      constexpr std::size_t kElementWeights = kSteps * kQuad;
      const auto multiply = [&](int first, int elements, int first_pair, int pairs, const Pair* inputs, int step) {
        if (pairs == 0) return;
        multiply_elements<kSteps, Places::kSumsOfTiles>(
            w + first * kElementWeights, inputs,
            sums + first_pair * Places::kSumsOfTiles + static_cast<std::ptrdiff_t>(first) * kSumsStep, elements,
            pairs, step);
      };
      multiply(0, 16, 0, pass.pairs_small(), panel + Places::kSmall, Places::kSmallStep);
      if constexpr (kTiling.tall > 0) {
        multiply(Places::kTallElements, 8, pass.first_tall(), pass.pairs_tall(), panel + Places::kTall,
                 Places::kTallStep);
      }
      if constexpr (kTiling.wide > 0) {
        multiply(Places::kWideElements, 8, 0, pass.pairs_wide(), panel + Places::kWide, Places::kWideStep);
      }
      if constexpr (kTiling.large > 0) {
        multiply(Places::kLargeElements, 4, pass.first_tall(), pass.pairs_large(), panel + Places::kLarge,
                 Places::kLargeStep);
      }
      const int here = kOutputs - channel < kQuad ? kOutputs - channel : kQuad;
      each([&](int tile, int, int, int y, int x) {
        by_kind(tile, [&](auto tall, auto wide) {
          write_tile<decltype(tall)::value, decltype(wide)::value, kWindow, kConv, Places, kApart>(
              sums + tile / 2 * Places::kSumsOfTiles + tile % 2, scalings + channel * kScalingWords, here, y, x,
              (kApart ? apart + tile * 16 * kOutputs : output) + channel);
        });
      });
    }
    if constexpr (kApart) {
      each([&](int tile, int, int, int y, int x) {
        by_kind(tile, [&](auto tall, auto wide) {
          constexpr int kRows = decltype(tall)::value ? 4 : 2;
          constexpr int kColumns = decltype(wide)::value ? 4 : 2;
          const int rows = kWindow.output_height - y < kRows ? kWindow.output_height - y : kRows;
          const int columns = kWindow.output_width - x < kColumns ? kWindow.output_width - x : kColumns;
          for (int row = 0; row < rows; ++row) {
            finish(apart + (tile * 4 + row) * 4 * kOutputs, ((y + row) * kWindow.output_width + x) * kOutputs,
                   columns * kOutputs);
          }
        });
      });
    }
  }
}

// `tiles`: a Pass and its tiles, for each pass. `panel`: as TilePanel has it. `transformed`: where weights are
// bytes, those of four output channels, transformed once a pass; else nullptr.
template <const Window& kWindow, const Conv& kConv, const Tiling& kTiling>
[[gnu::noinline]] void winograd_4x4_int8(const std::int8_t* input, const std::uint32_t* weights,
                                         const std::int32_t* scalings, const std::uint8_t* tiles, Pair* panel,
                                         Pair* transformed, std::int8_t* output) {
  winograd_passes<kWindow, kConv, kTiling>(input, weights, scalings, tiles, panel, transformed, output, nullptr,
                                           StoredAtOnce{});
}

// Behind it an ADD of `other`, a pass at a time, so that the convolution's own output is never in memory as a
// whole; `term` and `other_term` as add_int8 has them. The output may stand where `other` stood.
template <const Window& kWindow, const Conv& kConv, const Tiling& kTiling, const AddInt8& kAdd>
[[gnu::noinline]] void winograd_4x4_add_int8(const std::int8_t* input, const std::uint32_t* weights,
                                             const std::int32_t* scalings, const std::uint8_t* tiles, Pair* panel,
                                             Pair* transformed, const std::int8_t* other, const std::int32_t* term,
                                             const std::int32_t* other_term, std::int8_t* apart,
                                             std::int8_t* output) {
  static_assert(kConv.pool_height == 1 && kConv.pool_width == 1);
  winograd_passes<kWindow, kConv, kTiling>(
      input, weights, scalings, tiles, panel, transformed, output, apart,
      [other, term, other_term, output](const std::int8_t* from, int at, int count) {
        add_int8<kAdd>(from, other + at, term, other_term, count, output + at);
      });
}

}  // namespace m7
