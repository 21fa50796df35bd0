// ADD of two int8 tensors of the same shape, to the bit as lite/micro/kernels/add.cc.
//
// A term, brought to the common scale, depends on its byte alone: both come from tables of 256 words, which stay in
// the data cache, and only their sum is scaled here (requantize.hpp). 12 instructions an element, 9.3 modelled
// cycles; before a ReLU at the zero point 10.
#pragma once

#include <cstdint>

#include "engine/m7/requantize.hpp"
#include "engine/m7/simd.hpp"

namespace m7 {

struct AddInt8 {
  Scaling scaling;  // without a bias; its shift is at least 1
  Clamp clamp;
  std::int32_t least, greatest;
};

#if M7_HAS_DSP
// Four elements at a time, `count` a multiple of it, in the order that leaves no load waited for; the compiler,
// short of registers, takes one after the other. r0, r1: inputs; r2, r3: their tables; r4: output; r5, r6:
// multiplier and offset. One word is stored, as a load waits for a store next to it, and the output may be an
// input's memory.
template <const AddInt8& kAdd>
inline void add_fours(const std::int8_t* first, const std::int8_t* second, const std::int32_t* first_term,
                      const std::int32_t* second_term, int count, std::int8_t* output) {
  register const std::int8_t* x __asm__("r0") = first;
  register const std::int8_t* y __asm__("r1") = second;
  register const std::int32_t* of_x __asm__("r2") = first_term;
  register const std::int32_t* of_y __asm__("r3") = second_term;
  register std::int8_t* to __asm__("r4") = output;
  register std::int32_t multiplier __asm__("r5") = kAdd.scaling.multiplier;
  register std::int32_t offset __asm__("r6") = kAdd.scaling.offset;
  const std::int8_t* const end = first + count;
  __asm__ volatile(
      ".macro m7_scale x\n"
      " .if %c[relu]\n smmlar \\x, \\x, r5, r6\n .else\n smmulr \\x, \\x, r5\n .endif\n"
      ".endm\n"
      ".macro m7_sign x\n .if %c[relu] == 0\n add \\x, \\x, \\x, asr #31\n .endif\n .endm\n"
      ".macro m7_offset x\n .if %c[relu] == 0\n add \\x, \\x, r6\n .endif\n .endm\n"
      "1:\n"
      "ldrb r7, [r0]\n ldrb r8, [r1]\n ldrb r9, [r0, #1]\n ldrb r10, [r1, #1]\n"
      "ldrb r11, [r0, #2]\n ldrb r12, [r1, #2]\n"
      "ldr r7, [r2, r7, lsl #2]\n ldr r8, [r3, r8, lsl #2]\n ldrb lr, [r0, #3]\n"
      "ldr r9, [r2, r9, lsl #2]\n ldr r10, [r3, r10, lsl #2]\n add r7, r7, r8\n ldrb r8, [r1, #3]\n"
      "m7_scale r7\n ldr r11, [r2, r11, lsl #2]\n add r9, r9, r10\n ldr r12, [r3, r12, lsl #2]\n"
      "m7_scale r9\n m7_sign r7\n ldr lr, [r2, lr, lsl #2]\n m7_offset r7\n ldr r8, [r3, r8, lsl #2]\n"
      "asr r7, r7, #%c[shift]\n add r11, r11, r12\n m7_sign r9\n m7_scale r11\n ldr r12, %[end]\n"
      "ssat r7, #8, r7\n m7_offset r9\n add lr, lr, r8\n add r0, r0, #4\n m7_scale lr\n m7_sign r11\n"
      "asr r9, r9, #%c[shift]\n m7_offset r11\n uxtb r7, r7\n ssat r9, #8, r9\n m7_sign lr\n"
      "asr r11, r11, #%c[shift]\n add r1, r1, #4\n m7_offset lr\n bfi r7, r9, #8, #8\n ssat r11, #8, r11\n"
      "asr lr, lr, #%c[shift]\n cmp r0, r12\n bfi r7, r11, #16, #8\n ssat lr, #8, lr\n"
      "bfi r7, lr, #24, #8\n str r7, [r4], #4\n bne 1b\n"
      ".purgem m7_scale\n .purgem m7_sign\n .purgem m7_offset\n"
      : "+r"(x), "+r"(y), "+r"(to)
      : "r"(of_x), "r"(of_y), "r"(multiplier), "r"(offset), [end] "m"(end),
        [relu] "i"(kAdd.clamp == Clamp::kAtZeroPoint ? 1 : 0), [shift] "i"(kAdd.scaling.shift)
      : "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
#endif

// `first_term`, `second_term`: twice what a byte of either input adds to the sum at the common scale; which byte,
// as of an unsigned number.
template <const AddInt8& kAdd>
[[gnu::noinline]] void add_int8(const std::int8_t* first, const std::int8_t* second, const std::int32_t* first_term,
                                const std::int32_t* second_term, int count, std::int8_t* output) {
  constexpr int kTogether = 4;
  const auto sum = [&](int i) {
    return first_term[static_cast<std::uint8_t>(first[i])] + second_term[static_cast<std::uint8_t>(second[i])];
  };
  const auto scaled = [](std::int32_t x2) {
    return static_cast<std::int8_t>(requantize<kAdd.clamp>(x2, kAdd.scaling, kAdd.least, kAdd.greatest));
  };
  int i = 0;
#if M7_HAS_DSP
  if constexpr (kAdd.clamp != Clamp::kGeneral) {
    i = count - count % kTogether;
    if (i > 0) add_fours<kAdd>(first, second, first_term, second_term, i, output);
  }
#endif
  for (; i + kTogether <= count; i += kTogether) {
    std::int32_t sums[kTogether];
#pragma GCC unroll 4
    for (int k = 0; k < kTogether; ++k) sums[k] = sum(i + k);
    std::int8_t results[kTogether];
#pragma GCC unroll 4
    for (int k = 0; k < kTogether; ++k) results[k] = scaled(sums[k]);
#pragma GCC unroll 4
    for (int k = 0; k < kTogether; ++k) output[i + k] = results[k];
  }
  for (; i < count; ++i) output[i] = scaled(sum(i));
}

}  // namespace m7
