// Sums of products of two output channels with all pixels of a panel, three or four pixels (a *tile*) at a time,
// requantised and stored: the weights of two channels are read once a panel, not once every two pixels.
//
// A panel holds pixels widened to 16 bits, two taps a word. A sum runs over `segments` runs of `pairs` words; run s
// of a tile's pixel i begins at tile + s * segment_step + pixel_step[i]. Kernel rows over a widened image are such
// runs, and so is a pixel that was gathered.
//
// How weights are kept, a word after the other in the order in which they are used:
//   kWords  a channel's pair of taps is a word, doubled; so are the sums, and they start from twice the bias.
//   kBytes  a word is a pair of taps of both channels, each tap a half-word a + 256 b. SXTB16 gives the a, but
//           the b are not unpacked: SMLAD over the whole half-words gives A + 256 B, and B follows once a sum. That
//           wants |B| < 2^23, and no half-word beyond 16 bits.
//
// Registers. r0: weights; r1: pixels; r2 on: sums of channel 0, then those of channel 1 (kBytes: A + 256 B). The
// rest are operands in flight; each load is beside an SMLAD and two cycles ahead of its use:
//   four pixels, kWords   8 SMLAD, 6 LDR in 8 cycles; r10, r11: weights; r12, lr: pixels 0 and 1, then 2 and 3
//   four pixels, kBytes   8 SMLAD, 5 LDR, 1 SXTB16 in 8 cycles; r10 and r11 take turns as the word and its a
//   three pixels, kBytes  6 SMLAD, 4 LDR, 1 SXTB16 in 6 cycles; r8 and r9 take turns; r11, r12, lr: pixels
// So what binds is SMLAD, 0.5 cycles a multiply-accumulate. A tile's ends, eight outputs of four pixels, take 31
// cycles (kBytes 33, without a ReLU at the zero point 7 more), a loop of turns 2 a turn and 8 for its end.
// Measured, cycles a multiply-accumulate with memory: 64 to 64 channels 0.60, 128 to 128 0.59, 32 to 64 0.65, 16 to
// 32 0.78, 8 to 16 1.08.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"

namespace m7 {

enum class TileWeights : std::uint8_t { kWords, kBytes };

// All steps in bytes.
struct Tiles {
  int pixels;  // of a tile
  TileWeights weights;
  int segments;
  int segment_step;
  int turns;  // of a loop over the words of a run; 0: no loop, all runs are unrolled
  int pairs;  // words that are unrolled: of a turn, else of a run
  int pixel_step[4];
  int pool;            // pixels of a tile that an output is the greatest of: 1, 2 or 4
  int output_step[4];  // of a tile's outputs
  int second_channel;  // output of channel 1 behind that of channel 0
  Clamp clamp;
  int least, greatest;

  constexpr int outputs() const { return pixels / pool; }
  constexpr int words() const { return segments * (turns == 0 ? 1 : turns) * pairs; }
  constexpr int pair_words() const { return words() * (weights == TileWeights::kWords ? 2 : 1); }
};

// Where a tile's first pixel begins in a panel, and where the first channel of its first output is.
struct Tile {
  std::uintptr_t pixels;
  std::int8_t* output;
};
inline Tile make_tile(const Pair* pixels, std::int8_t* output) {
  return {reinterpret_cast<std::uintptr_t>(pixels), output};
}

// What ends a list of tiles: pixels at an odd address, from which the loop loads in vain, and no output.
inline Tile no_tile(const Pair* panel) { return {reinterpret_cast<std::uintptr_t>(panel) + 1, nullptr}; }

#if M7_HAS_DSP
// clang-format off
// m7_p, m7_next: where the pixels of this pair of taps are, and of the one after it, from r1; m7_w: its weights, from
// r0. m7_first: sums begin here. m7_more: there is a pair after it.
#define M7_TILE_MACROS \
  ".macro m7_mac sum, a, b, from\n"                                                                               \
  " .if m7_first == 0\n smlad \\sum, \\a, \\b, \\sum\n"                                                           \
  " .elseif %c[bytes]\n smuad \\sum, \\a, \\b\n"                                                                  \
  " .else\n smlad \\sum, \\a, \\b, \\from\n .endif\n"                                                             \
  ".endm\n"                                                                                                       \
  /* Behind the last pair the scaling of channel 0 is loaded: multiplier, offset, shift to r10, r11, r12, bias to lr. */ \
  ".macro m7_ahead to, base, at, of_scaling\n"                                                                          \
  " .if m7_more\n ldr \\to, [\\base, #(\\at)]\n"                                                                        \
  " .else\n .ifnb \\of_scaling\n ldr \\to, [r0, #\\of_scaling]\n .endif\n .endif\n"                                     \
  ".endm\n"                                                                                                             \
  ".macro m7_last to, from:vararg\n .if m7_more == 0\n ldr \\to, \\from\n .endif\n .endm\n"                             \
  /* Behind the last pair of a turn the pointers move on. */                                                            \
  ".macro m7_turn_weights bytes\n .if m7_turn\n m7_add r0, m7_w+\\bytes\n .set m7_w, -\\bytes\n .endif\n .endm\n"       \
  ".macro m7_turn_pixels\n .if m7_turn\n m7_add r1, m7_p+4\n .set m7_next, 0\n .endif\n .endm\n"                        \
  ".macro m7_words4\n"                                                                                                  \
  " m7_mac r2, r10, r12, r5\n ldr lr, [r1, #(m7_p+%c[o1])]\n"                                                           \
  " m7_mac r6, r11, r12, r9\n ldr r12, [r1, #(m7_p+%c[o2])]\n"                                                          \
  " m7_mac r3, r10, lr, r5\n m7_last r0, %[scalings]\n m7_turn_weights 8\n"                                             \
  " m7_mac r7, r11, lr, r9\n ldr lr, [r1, #(m7_p+%c[o3])]\n"                                                            \
  " m7_mac r4, r10, r12, r5\n m7_turn_pixels\n"                                                                         \
  " m7_mac r5, r10, lr, r5\n m7_ahead r10, r0, m7_w+8, 4\n"                                                             \
  " m7_mac r8, r11, r12, r9\n m7_ahead r12, r1, m7_next, 12\n"                                                          \
  " m7_mac r9, r11, lr, r9\n m7_ahead r11, r0, m7_w+12, 8\n"                                                            \
  " .set m7_w, m7_w+8\n"                                                                                                \
  ".endm\n"                                                                                                             \
  ".macro m7_bytes4 word, a, of_word, of_a\n"                                                                           \
  " sxtb16 \\a, \\word\n"                                                                                               \
  " m7_mac r6, \\word, r12\n"                                                                                           \
  " m7_mac r2, \\a, r12\n ldr r12, [r1, #(m7_p+%c[o2])]\n"                                                              \
  " m7_mac r7, \\word, lr\n m7_last r0, %[scalings]\n m7_turn_weights 4\n"                                              \
  " m7_mac r3, \\a, lr\n ldr lr, [r1, #(m7_p+%c[o3])]\n"                                                                \
  " m7_mac r4, \\a, r12\n m7_turn_pixels\n"                                                                             \
  " m7_mac r5, \\a, lr\n m7_ahead \\a, r0, m7_w+4, \\of_a\n"                                                            \
  " m7_mac r8, \\word, r12\n m7_ahead r12, r1, m7_next, 12\n"                                                           \
  " m7_mac r9, \\word, lr\n m7_ahead lr, r1, m7_next+%c[o1], 0\n"                                                       \
  " m7_last \\word, [r0, #\\of_word]\n"                                                                                 \
  " .set m7_w, m7_w+4\n"                                                                                                \
  ".endm\n"                                                                                                             \
  ".macro m7_bytes3 word, a\n"                                                                                          \
  " sxtb16 \\a, \\word\n"                                                                                               \
  " m7_mac r5, \\word, r11\n m7_last r0, %[scalings]\n"                                                                 \
  " m7_mac r2, \\a, r11\n m7_turn_weights 4\n"                                                                          \
  " m7_mac r3, \\a, r12\n m7_ahead r11, r1, m7_next, 8\n"                                                               \
  " m7_mac r4, \\a, lr\n m7_ahead \\a, r0, m7_w+4\n m7_last r10, [r0, #4]\n"                                            \
  " m7_mac r6, \\word, r12\n m7_ahead r12, r1, m7_next+%c[o1], 12\n"                                                    \
  " m7_mac r7, \\word, lr\n m7_ahead lr, r1, m7_next+%c[o2], 0\n m7_turn_pixels\n"                                      \
  " .set m7_w, m7_w+4\n"                                                                                                \
  ".endm\n"                                                                                                             \
  ".macro m7_pair next\n"                                                                                               \
  " .set m7_next, \\next\n"                                                                                             \
  " .if %c[bytes] == 0\n m7_words4\n"                                                                                   \
  " .elseif %c[pixels] == 4\n .if m7_odd\n m7_bytes4 r11, r10, 8, 4\n .else\n m7_bytes4 r10, r11, 4, 8\n .endif\n"      \
  " .else\n .if m7_odd\n m7_bytes3 r9, r8\n .else\n m7_bytes3 r8, r9\n .endif\n .endif\n"                               \
  " .set m7_odd, 1-m7_odd\n .set m7_p, m7_next\n .set m7_first, 0\n"                                                    \
  ".endm\n"                                                                                                             \
  /* What a tile begins with. */                                                                                        \
  ".macro m7_load_pixels\n"                                                                                             \
  " .if %c[pixels] == 3\n ldr r11, [r1]\n ldr r12, [r1, #%c[o1]]\n ldr lr, [r1, #%c[o2]]\n"                             \
  " .else\n ldr r12, [r1]\n .if %c[bytes]\n ldr lr, [r1, #%c[o1]]\n .endif\n .endif\n"                                  \
  ".endm\n"                                                                                                             \
  ".macro m7_load_weights\n"                                                                                            \
  " .if %c[pixels] == 3\n ldr r8, [r0]\n .else\n ldr r10, [r0]\n .if %c[bytes] == 0\n ldr r11, [r0, #4]\n .endif\n"     \
  " .endif\n"                                                                                                           \
  ".endm\n"                                                                                                             \
  ".macro m7_load_biases\n"                                                                                             \
  " .if %c[bytes] == 0\n ldr r5, %[scalings]\n ldr r9, [r5, #16]\n ldr r5, [r5]\n .endif\n"                             \
  ".endm\n"                                                                                                             \
  ".macro m7_add to, value\n"                                                                                           \
  " .if (\\value) > 4095\n add \\to, \\to, #((\\value) & 0xff000)\n .endif\n"                                           \
  " .if (\\value) & 0xfff\n addw \\to, \\to, #((\\value) & 0xfff)\n .endif\n"                                           \
  ".endm\n"                                                                                                             \
  ".macro m7_max x, y\n cmp \\x, \\y\n it lt\n movlt \\x, \\y\n .endm\n"                                                \
  /* What becomes of a sum: x2, scaled, shifted, of 8 bits, stored. Of up to four of a channel some may be missing. */  \
  ".macro m7_x2 x, how\n .if %c[bytes]\n .ifnb \\x\n add \\x, lr, \\x, \\how\n .endif\n .endif\n .endm\n"               \
  ".macro m7_scale x\n .ifnb \\x\n"                                                                                     \
  " .if %c[clamp] == 0\n smmlar \\x, \\x, r10, r11\n .else\n smmulr \\x, \\x, r10\n .endif\n"                           \
  " .endif\n .endm\n"                                                                                                   \
  ".macro m7_sign x\n .if %c[clamp] == 1\n .ifnb \\x\n add \\x, \\x, \\x, asr #31\n .endif\n .endif\n .endm\n"          \
  ".macro m7_offset x\n .if %c[clamp] == 1\n .ifnb \\x\n add \\x, \\x, r11\n .endif\n .endif\n .endm\n"                 \
  ".macro m7_shift x\n .ifnb \\x\n asr \\x, \\x, r12\n .endif\n .endm\n"                                                \
  ".macro m7_narrow x\n .ifnb \\x\n ssat \\x, #8, \\x\n .endif\n .endm\n"                                               \
  ".macro m7_store x, to, at\n .ifnb \\x\n strb \\x, [\\to, #(\\at)]\n .endif\n .endm\n"                                \
  /* All of that of a channel for any clamp and any shift. */                                                           \
  ".macro m7_general at, how, x:vararg\n"                                                                               \
  " .if %c[bytes]\n ldr lr, [r0, #\\at]\n .endif\n"                                                                     \
  " ldr r10, [r0, #(\\at+4)]\n ldr r11, [r0, #(\\at+8)]\n ldr r12, [r0, #(\\at+12)]\n"                                  \
  " .irp y, \\x\n m7_x2 \\y, \"\\how\"\n .endr\n"                                                                     \
  " rsb lr, r12, #0\n usat lr, #5, lr\n usat r12, #5, r12\n"                                                            \
  " .irp y, \\x\n .ifnb \\y\n lsl \\y, \\y, lr\n .endif\n .endr\n"                                                      \
  " rsb lr, r12, #0\n asr lr, lr, #31\n"                                                                                \
  " .irp y, \\x\n m7_scale \\y\n .endr\n"                                                                               \
  " .irp y, \\x\n .ifnb \\y\n and r10, lr, \\y, asr #31\n add \\y, \\y, r10\n add \\y, \\y, r11\n .endif\n .endr\n"     \
  " .irp y, \\x\n m7_shift \\y\n .endr\n .irp y, \\x\n m7_narrow \\y\n .endr\n"                                         \
  " .irp y, \\x\n .ifnb \\y\n"                                                                                          \
  "  .if %c[least] > -128\n cmp \\y, #%c[least]\n it lt\n movlt \\y, #%c[least]\n .endif\n"                             \
  "  .if %c[greatest] < 127\n cmp \\y, #%c[greatest]\n it gt\n movgt \\y, #%c[greatest]\n .endif\n"                     \
  " .endif\n .endr\n"                                                                                                   \
  ".endm\n"                                                                                                             \
  /* All of a tile, a to d of channel 0, e to h of channel 1. `to` is none of the registers that a tile begins with. */ \
  ".macro m7_finish to, a, b, c, d, e, f, g, h\n"                                                                       \
  " .if %c[clamp] == 2\n"                                                                                               \
  "  m7_general 0, \"lsl #1\", \\a, \\b, \\c, \\d\n m7_general 16, \"asr #7\", \\e, \\f, \\g, \\h\n"                        \
  "  ldr r1, %[tile]\n ldr lr, %[channel]\n ldr r1, [r1, #4]\n ldr r0, %[tile]\n add r1, r1, lr\n"                      \
  "  m7_store \\a, r1, 0\n m7_store \\b, r1, %c[q1]\n m7_store \\c, r1, %c[q2]\n m7_store \\d, r1, %c[q3]\n"            \
  " .else\n"                                                                                                            \
  "  m7_x2 \\c, \"lsl #1\"\n ldr r1, %[tile]\n m7_x2 \\d, \"lsl #1\"\n m7_x2 \\a, \"lsl #1\"\n m7_scale \\d\n"                \
  "  m7_x2 \\b, \"lsl #1\"\n ldr r1, [r1, #4]\n m7_scale \\b\n ldr lr, %[channel]\n m7_scale \\c\n m7_sign \\d\n"         \
  "  m7_scale \\a\n add r1, r1, lr\n m7_sign \\b\n m7_offset \\d\n m7_sign \\c\n m7_offset \\b\n m7_sign \\a\n m7_offset \\c\n" \
  "  m7_shift \\d\n .if %c[bytes]\n ldr lr, [r0, #16]\n .endif\n m7_offset \\a\n"                                       \
  "  ldr r10, [r0, #20]\n m7_shift \\c\n m7_shift \\a\n m7_x2 \\g, \"asr #7\"\n m7_narrow \\a\n m7_shift \\b\n"           \
  "  m7_x2 \\f, \"asr #7\"\n m7_store \\a, r1, 0\n m7_x2 \\e, \"asr #7\"\n ldr r11, [r0, #24]\n m7_scale \\f\n"             \
  "  m7_x2 \\h, \"asr #7\"\n m7_scale \\h\n ldr r12, [r0, #28]\n m7_narrow \\d\n m7_scale \\e\n m7_narrow \\c\n m7_sign \\f\n" \
  "  m7_scale \\g\n m7_sign \\h\n m7_offset \\f\n m7_sign \\e\n m7_offset \\h\n m7_shift \\f\n m7_offset \\e\n m7_sign \\g\n" \
  "  m7_shift \\h\n m7_shift \\e\n m7_offset \\g\n m7_narrow \\f\n m7_store \\d, r1, %c[q3]\n m7_narrow \\h\n"          \
  "  m7_store \\c, r1, %c[q2]\n m7_narrow \\b\n m7_shift \\g\n ldr r0, %[tile]\n m7_narrow \\e\n m7_store \\b, r1, %c[q1]\n" \
  " .endif\n"                                                                                                           \
  " mov \\to, r1\n ldr r1, [r0, #8]!\n .if %c[clamp] < 2\n m7_narrow \\g\n .endif\n"                                    \
  " m7_store \\h, \\to, %c[q3]+%c[second]\n str r0, %[tile]\n m7_load_biases\n"                                         \
  " m7_store \\f, \\to, %c[q1]+%c[second]\n ldr r0, %[weights]\n tst r1, #1\n m7_store \\g, \\to, %c[q2]+%c[second]\n"  \
  " m7_load_pixels\n m7_store \\e, \\to, %c[second]\n m7_load_weights\n"                                                \
  ".endm\n"
#define M7_TILE_PURGE \
  ".irp name, m7_mac, m7_ahead, m7_last, m7_turn_weights, m7_turn_pixels, m7_words4, m7_bytes4, m7_bytes3, m7_pair, m7_load_pixels, m7_load_weights, " \
  "m7_load_biases, m7_add, m7_max, m7_x2, m7_scale, m7_sign, m7_offset, m7_shift, m7_narrow, m7_store, m7_general, m7_finish\n"           \
  " .purgem \\name\n .endr\n"
// clang-format on
#endif

// Two channels of all tiles of a list. `channel`: what is added to the tiles' outputs. A function of its own, whose
// frame is small: the statement has no register left to reach into a large one.
template <const Tiles& kTiles>
[[gnu::noinline, gnu::noclone]] void channel_pair(const std::uint32_t* weights, const std::int32_t* scalings,
                                                  const Tile* tile, std::ptrdiff_t channel) {
#if M7_HAS_DSP
  constexpr bool kBytes = kTiles.weights == TileWeights::kBytes;
  constexpr int kRunBytes = kTiles.pair_words() / kTiles.segments * 4;
  // A load waits for a store within eight bytes of it.
  struct {
    const Tile* tile;
    std::uintptr_t apart;
    const std::uint32_t* weights;
    const std::int32_t* scalings;
    std::ptrdiff_t channel;
    const std::uint32_t* end;
    std::uintptr_t apart_too;
    const std::uint32_t* run_end;
  } held{tile, 0, weights, scalings, channel, weights + kTiles.pair_words(), 0, nullptr};
  // clang-format off
  __asm__ volatile(
      M7_TILE_MACROS
      "ldr r0, %[tile]\n ldr r1, [r0]\n ldr r0, %[weights]\n m7_load_biases\n m7_load_pixels\n m7_load_weights\n"
      "1:\n"
      ".set m7_odd, 0\n .set m7_more, 1\n .set m7_turn, 0\n .set m7_p, 0\n .set m7_w, 0\n"

      ".if %c[turns] == 0\n"
      ".set m7_first, 1\n .set m7_segment, 0\n"
      ".rept %c[segments]\n"
      " .rept %c[pairs]-1\n m7_pair m7_p+4\n .endr\n"
      " .set m7_segment, m7_segment+1\n .set m7_more, m7_segment < %c[segments]\n"
      " m7_pair m7_segment*%c[step]\n"
      ".endr\n"

      ".else\n"
      ".set m7_first, 0\n"
      ".if %c[bytes] == 0\n .irp y, r2, r3, r4\n mov \\y, r5\n .endr\n .irp y, r6, r7, r8\n mov \\y, r9\n .endr\n"
      ".else\n .irp y, r2, r3, r4, r5, r6, r7\n mov \\y, #0\n .endr\n"
      " .if %c[pixels] == 4\n mov r8, #0\n mov r9, #0\n .endif\n .endif\n"
      ".if %c[turns] > 1 && %c[segments] > 1\n"
      " .if %c[pixels] == 3\n mov r10, r0\n m7_add r10, %c[run]\n str r10, %[run_end]\n"
      " .elseif %c[bytes]\n mov r11, r0\n m7_add r11, %c[run]\n str r11, %[run_end]\n"
      " .else\n mov lr, r0\n m7_add lr, %c[run]\n str lr, %[run_end]\n .endif\n"
      ".endif\n"
      "7:\n 8:\n .set m7_p, 0\n .set m7_w, 0\n"
      ".rept %c[pairs]-1\n m7_pair m7_p+4\n .endr\n"
      ".set m7_turn, 1\n m7_pair m7_p+4\n .set m7_turn, 0\n"
      ".macro m7_loops free\n"
      " .if %c[turns] > 1\n"
      "  .if %c[segments] > 1\n ldr \\free, %[run_end]\n .else\n ldr \\free, %[end]\n .endif\n"
      "  cmp r0, \\free\n bne 8b\n"
      " .endif\n"
      " .if %c[segments] > 1\n"
      "  m7_add r1, (%c[step]-%c[turns]*%c[pairs]*4)\n"
      "  .if %c[turns] > 1\n m7_add \\free, %c[run]\n str \\free, %[run_end]\n .endif\n"
      "  ldr \\free, %[end]\n cmp r0, \\free\n m7_load_pixels\n bne 7b\n"
      " .endif\n"
      ".endm\n"
      ".if %c[pixels] == 3\n m7_loops r10\n .elseif %c[bytes]\n m7_loops r11\n .else\n m7_loops lr\n .endif\n"
      ".purgem m7_loops\n"
      "ldr r0, %[scalings]\n ldr r12, [r0, #12]\n ldr r10, [r0, #4]\n ldr r11, [r0, #8]\n"
      ".if %c[bytes]\n ldr lr, [r0]\n .endif\n"
      ".endif\n"

      ".if %c[pixels] == 3\n"
      " sub r5, r5, r2\n sub r6, r6, r3\n sub r7, r7, r4\n m7_finish r10, r2, r3, r4, , r5, r6, r7,\n"
      ".else\n"
      " .if %c[bytes]\n sub r6, r6, r2\n sub r7, r7, r3\n sub r8, r8, r4\n sub r9, r9, r5\n .endif\n"
      " .if %c[pool] > 1\n m7_max r2, r3\n m7_max r6, r7\n m7_max r4, r5\n m7_max r8, r9\n .endif\n"
      " .if %c[pool] > 2\n m7_max r2, r4\n m7_max r6, r8\n .endif\n"
      " .if %c[bytes]\n"
      "  .if %c[pool] > 2\n m7_finish r11, r2, , , , r6, , ,\n"
      "  .elseif %c[pool] > 1\n m7_finish r11, r2, r4, , , r6, r8, ,\n"
      "  .else\n m7_finish r11, r2, r3, r4, r5, r6, r7, r8, r9\n .endif\n"
      " .else\n"
      "  .if %c[pool] > 2\n m7_finish lr, r2, , , , r6, , ,\n"
      "  .elseif %c[pool] > 1\n m7_finish lr, r2, r4, , , r6, r8, ,\n"
      "  .else\n m7_finish lr, r2, r3, r4, r5, r6, r7, r8, r9\n .endif\n"
      " .endif\n"
      ".endif\n"
      "beq 1b\n"
      M7_TILE_PURGE M7_ROOM M7_ROOM
      : [tile] "+m"(held.tile), [run_end] "+m"(held.run_end)
      : [weights] "m"(held.weights), [scalings] "m"(held.scalings), [channel] "m"(held.channel), [end] "m"(held.end),
        [bytes] "i"(kBytes ? 1 : 0), [pixels] "i"(kTiles.pixels), [segments] "i"(kTiles.segments),
        [step] "i"(kTiles.segment_step), [turns] "i"(kTiles.turns), [pairs] "i"(kTiles.pairs), [run] "i"(kRunBytes),
        [o1] "i"(kTiles.pixel_step[1]), [o2] "i"(kTiles.pixel_step[2]), [o3] "i"(kTiles.pixel_step[3]),
        [pool] "i"(kTiles.pool), [q1] "i"(kTiles.output_step[1]), [q2] "i"(kTiles.output_step[2]),
        [q3] "i"(kTiles.output_step[3]), [second] "i"(kTiles.second_channel),
        [clamp] "i"(static_cast<int>(kTiles.clamp)), [least] "i"(kTiles.least), [greatest] "i"(kTiles.greatest)
      : "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
  // clang-format on
#else
  constexpr int kRun = kTiles.words() / kTiles.segments;
  for (; tile->output != nullptr; ++tile) {
    const Pair* const first = reinterpret_cast<const Pair*>(tile->pixels);
    std::int32_t greatest[2][4];
    for (int pixel = 0; pixel < kTiles.pixels; ++pixel) {
      std::int32_t sums[2] = {};
      for (int i = 0; i < kTiles.words(); ++i) {
        const Pair taps = first[(i / kRun * kTiles.segment_step + kTiles.pixel_step[pixel]) / 4 + i % kRun];
        if constexpr (kTiles.weights == TileWeights::kWords) {
          sums[0] = smlad(weights[2 * i], taps, sums[0]);
          sums[1] = smlad(weights[2 * i + 1], taps, sums[1]);
        } else {
          sums[0] = smlad(sxtb16(weights[i]), taps, sums[0]);
          sums[1] = smlad(weights[i], taps, sums[1]);
        }
      }
      for (int c = 0; c < 2; ++c) {
        std::int32_t x2 = sums[c];
        if constexpr (kTiles.weights == TileWeights::kBytes) {
          x2 = c == 0 ? wrap_add(x2, x2) : wrap_sub(x2, sums[0]) >> 7;
        }
        std::int32_t& kept = greatest[c][pixel / kTiles.pool];
        if (pixel % kTiles.pool == 0 || x2 > kept) kept = x2;
      }
    }
    for (int i = 0; i < kTiles.outputs(); ++i) {
      for (int c = 0; c < 2; ++c) {
        const Scaling scaling = load_scaling(scalings + c * kScalingWords);
        const std::int32_t x2 = wrap_add(scaling.twice_bias, greatest[c][i]);
        tile->output[channel + kTiles.output_step[i] + c * kTiles.second_channel] =
            static_cast<std::int8_t>(requantize<kTiles.clamp>(x2, scaling, kTiles.least, kTiles.greatest));
      }
    }
  }
#endif
}

}  // namespace m7
