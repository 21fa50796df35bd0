// The inner loops of the int8 engine: sums of products of 16-bit numbers, two a SMLAD.
//
// A *panel* holds the operands in the order in which the loop reads them. K numbers (a multiple of 4) make K/4
// groups; of two rows x and y (two output channels, or two pixels) a group is four words:
//   x[0],x[2] | x[1],x[3] | y[0],y[2] | y[1],y[3]
// Bytes 0 and 2, and 1 and 3, of a word are what SXTB16 and SXTB16 with ROR #8 unpack, so no PKH is needed.
//
// Cost a multiply-accumulate, without the ends of the loops:
//   dot_2x2, kInstructions: 2 LDM of 4 + 8 SMLAD for 16: 0.625 instructions, 0.75 cycles (LDM pairs with nothing)
//   dot_2x2, kCycles: 8 LDR, each beside one of 8 SMLAD: 1.0 instructions, 0.5 cycles
//   dot_2x1, either: 3 LDM of 4 + 8 SMLAD for 16: 0.69 instructions, 0.88 cycles
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/simd.hpp"

namespace m7 {

enum class Objective : std::uint8_t { kInstructions, kCycles };

// Four sums: of channels 0 and 1 with pixels 0 and 1.
struct Sums2x2 {
  std::int32_t c0p0, c0p1, c1p0, c1p1;
};

struct Sums2x1 {
  std::int32_t c0, c1;
};

constexpr std::size_t kGroupWords = 4;

// Iterations and length of a loop over `groups` groups whose body may hold `most` of them.
struct Unrolling {
  int body, turns, rest;
};
constexpr Unrolling unrolling(int groups, int most) {
  if (groups == 0) return {0, 0, 0};
  // Shares the groups out evenly: the rest is run through once, so it costs code, not time.
  const int turns = (groups + most - 1) / most;
  const int body = groups / turns;
  return {body, turns, groups - body * turns};
}

#if M7_HAS_DSP

// M7_DOT adds up kGroups groups. r0, r1: panels of weights and of pixels, which it advances; r10, r11, r12, lr: the
// sums; r2 to r9: operands. All fourteen registers are in use: where the loop ends stands on the stack. It takes
// the operands of M7_DOT_OPERANDS.
//
// Fewest instructions: two LDM a group.
#define M7_LOAD_GROUP "ldmia r0!, {r2, r3, r4, r5}\n ldmia r1!, {r6, r7, r8, r9}\n"
#define M7_SECOND_HALF \
  "smlad r10, r3, r7, r10\n smlad r11, r3, r9, r11\n smlad r12, r5, r7, r12\n smlad lr, r5, r9, lr\n"
#define M7_FIRST_GROUP \
  M7_LOAD_GROUP "smuad r10, r2, r6\n smuad r11, r2, r8\n smuad r12, r4, r6\n smuad lr, r4, r8\n" M7_SECOND_HALF
#define M7_GROUP                                                                                  \
  M7_LOAD_GROUP                                                                                   \
  "smlad r10, r2, r6, r10\n smlad r11, r2, r8, r11\n smlad r12, r4, r6, r12\n smlad lr, r4, r8, " \
  "lr\n" M7_SECOND_HALF
// Fewest cycles: each SMLAD has an LDR beside it, which brings an operand of the half group after the next SMLADs;
// r2 to r5 and r6 to r9 take turns. In the last group there is nothing more to load.
#define M7_PACED_FIRST_HALF                                                                                 \
  "smlad r10, r2, r4, r10\n ldr r6, [r0, #(m7_at+4)]\n smlad r11, r2, r5, r11\n ldr r8, [r1, #(m7_at+4)]\n" \
  "smlad r12, r3, r4, r12\n ldr r9, [r1, #(m7_at+12)]\n smlad lr, r3, r5, lr\n ldr r7, [r0, #(m7_at+12)]\n"
#define M7_PACED_GROUP                                                                                        \
  M7_PACED_FIRST_HALF                                                                                         \
  "smlad r10, r6, r8, r10\n ldr r2, [r0, #(m7_at+16)]\n smlad r11, r6, r9, r11\n ldr r4, [r1, #(m7_at+16)]\n" \
  "smlad r12, r7, r8, r12\n ldr r5, [r1, #(m7_at+24)]\n smlad lr, r7, r9, lr\n ldr r3, [r0, #(m7_at+24)]\n"   \
  ".set m7_at, m7_at+16\n"
#define M7_PACED_GROUPS(count)                       \
  ".set m7_at, 0\n .rept " count "\n" M7_PACED_GROUP \
  ".endr\n"                                          \
  "add r0, r0, #m7_at\n add r1, r1, #m7_at\n"

#define M7_DOT \
  ".if %c[paced]\n"                                                                                       \
  "mov r10, #0\n mov r11, #0\n mov r12, #0\n mov lr, #0\n"                                             \
  "ldr r2, [r0]\n ldr r4, [r1]\n ldr r5, [r1, #8]\n ldr r3, [r0, #8]\n"                                \
  ".if %c[turns] > 0\n 8:\n" M7_PACED_GROUPS("%c[body]")                                                \
  ".if %c[turns] > 1\n ldr r6, %[end]\n cmp r1, r6\n bne 8b\n .endif\n .endif\n"                        \
  ".if %c[rest] > 0\n" M7_PACED_GROUPS("%c[rest]") ".endif\n"                                            \
  ".set m7_at, 0\n" M7_PACED_FIRST_HALF                                                                   \
  "smlad r10, r6, r8, r10\n add r0, r0, #16\n smlad r11, r6, r9, r11\n add r1, r1, #16\n"               \
  "smlad r12, r7, r8, r12\n smlad lr, r7, r9, lr\n"                                                      \
  ".else\n" M7_FIRST_GROUP                                                                               \
  ".if %c[turns] > 0\n 8:\n .rept %c[body]\n" M7_GROUP ".endr\n"                                        \
  ".if %c[turns] > 1\n ldr r2, %[end]\n cmp r1, r2\n bne 8b\n .endif\n .endif\n"                        \
  ".rept %c[rest]\n" M7_GROUP ".endr\n"                                                                 \
  ".endif\n"
#define M7_DOT_OPERANDS(loop, objective)                                 \
  [body] "i"(loop.body), [turns] "i"(loop.turns), [rest] "i"(loop.rest), \
      [paced] "i"(objective == Objective::kCycles ? 1 : 0)
#define M7_DOT_OPERAND_REGISTERS "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "cc", "memory"

// Where the pointer to the pixels stands when M7_DOT's loop is over.
template <int kGroups, Objective kObjective>
inline const std::uint32_t* end_of_loop(const std::uint32_t* pixels) {
  constexpr Unrolling kLoop = unrolling(kGroups - 1, 16);
  constexpr int kBefore = kObjective == Objective::kCycles ? 0 : 1;
  return pixels + static_cast<std::size_t>(kBefore + kLoop.body * kLoop.turns) * kGroupWords;
}

#endif

// Sums over kGroups groups; advances both panels.
template <int kGroups, Objective kObjective>
inline Sums2x2 dot_2x2(const std::uint32_t*& weights, const std::uint32_t*& pixels) {
#if M7_HAS_DSP
  constexpr Unrolling kLoop = unrolling(kGroups - 1, 16);
  register const std::uint32_t* w __asm__("r0") = weights;
  register const std::uint32_t* p __asm__("r1") = pixels;
  register std::int32_t c0p0 __asm__("r10");
  register std::int32_t c0p1 __asm__("r11");
  register std::int32_t c1p0 __asm__("r12");
  register std::int32_t c1p1 __asm__("lr");
  const std::uint32_t* const end = end_of_loop<kGroups, kObjective>(pixels);
  __asm__ volatile(M7_DOT M7_ROOM M7_ROOM
                   : "+r"(w), "+r"(p), "=r"(c0p0), "=r"(c0p1), "=r"(c1p0), "=r"(c1p1)
                   : [end] "m"(end), M7_DOT_OPERANDS(kLoop, kObjective)
                   : M7_DOT_OPERAND_REGISTERS);
  weights = w;
  pixels = p;
  return {c0p0, c0p1, c1p0, c1p1};
#else
  Sums2x2 sums{};
  for (int group = 0; group < kGroups; ++group, weights += kGroupWords, pixels += kGroupWords) {
    for (int half = 0; half < 2; ++half) {
      sums.c0p0 = smlad(weights[half], pixels[half], sums.c0p0);
      sums.c0p1 = smlad(weights[half], pixels[2 + half], sums.c0p1);
      sums.c1p0 = smlad(weights[2 + half], pixels[half], sums.c1p0);
      sums.c1p1 = smlad(weights[2 + half], pixels[2 + half], sums.c1p1);
    }
  }
  return sums;
#endif
}

// As dot_2x2 for a single pixel, whose panel holds a group in two words: x[0],x[2] | x[1],x[3].
template <int kGroups>
inline Sums2x1 dot_2x1(const std::uint32_t* weights, const std::uint32_t* pixel) {
#if M7_HAS_DSP
  constexpr Unrolling kLoop = unrolling(kGroups / 2, 8);
  register const std::uint32_t* w __asm__("r0") = weights;
  register const std::uint32_t* p __asm__("r1") = pixel;
  register std::int32_t c0 __asm__("r10") = 0;
  register std::int32_t c1 __asm__("r11") = 0;
  const std::uint32_t* const end = pixel + static_cast<std::size_t>(kLoop.body * kLoop.turns) * 4;
  __asm__ volatile(
      ".macro m7_two_groups\n"
      "ldmia r0!, {r2, r3, r4, r5}\n ldmia r1!, {r6, r7, r8, r9}\n"
      "smlad r10, r2, r6, r10\n smlad r11, r4, r6, r11\n smlad r10, r3, r7, r10\n smlad r11, r5, r7, r11\n"
      "ldmia r0!, {r2, r3, r4, r5}\n"
      "smlad r10, r2, r8, r10\n smlad r11, r4, r8, r11\n smlad r10, r3, r9, r10\n smlad r11, r5, r9, r11\n"
      ".endm\n"
      ".if %c[turns] > 0\n"
      "1:\n"
      ".rept %c[body]\n m7_two_groups\n .endr\n"
      ".if %c[turns] > 1\n"
      "ldr r2, %[end]\n cmp r1, r2\n bne 1b\n"
      ".endif\n"
      ".endif\n"
      ".rept %c[rest]\n m7_two_groups\n .endr\n"
      ".if %c[odd]\n"
      "ldmia r0!, {r2, r3, r4, r5}\n ldmia r1!, {r6, r7}\n"
      "smlad r10, r2, r6, r10\n smlad r11, r4, r6, r11\n smlad r10, r3, r7, r10\n smlad r11, r5, r7, r11\n"
      ".endif\n"
      ".purgem m7_two_groups\n" M7_ROOM
      : "+r"(w), "+r"(p), "+r"(c0), "+r"(c1)
      : [end] "m"(end), [body] "i"(kLoop.body), [turns] "i"(kLoop.turns), [rest] "i"(kLoop.rest),
        [odd] "i"(kGroups % 2)
      : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "cc", "memory");
  return {c0, c1};
#else
  Sums2x1 sums{};
  for (int group = 0; group < kGroups; ++group, weights += 4, pixel += 2) {
    for (int half = 0; half < 2; ++half) {
      sums.c0 = smlad(weights[half], pixel[half], sums.c0);
      sums.c1 = smlad(weights[2 + half], pixel[half], sums.c1);
    }
  }
  return sums;
#endif
}

}  // namespace m7
