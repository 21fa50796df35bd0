// The DSP instructions that the kernels name, each with a portable twin so that the same kernels run, and are
// tested, on the host. One function is one instruction (Armv7-M reference manual, chapter A7.7).
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP
#include <arm_acle.h>
#define M7_HAS_DSP 1
#else
#define M7_HAS_DSP 0
#endif

// The compiler takes each line of an asm statement for an instruction, and places literals and short branches by
// that. A statement that repeats lines by .rept has to add empty ones: these stand for 320 instructions.
#define M7_TEN_LINES "\n\n\n\n\n\n\n\n\n\n"
#define M7_EIGHTY_LINES \
  M7_TEN_LINES M7_TEN_LINES M7_TEN_LINES M7_TEN_LINES M7_TEN_LINES M7_TEN_LINES M7_TEN_LINES M7_TEN_LINES
#define M7_ROOM M7_EIGHTY_LINES M7_EIGHTY_LINES M7_EIGHTY_LINES M7_EIGHTY_LINES

namespace m7 {

// Two signed 16-bit numbers in a word, the first in the low half.
using Pair = std::uint32_t;

inline std::int32_t low(Pair p) { return static_cast<std::int16_t>(p); }
inline std::int32_t high(Pair p) { return static_cast<std::int16_t>(p >> 16); }
inline Pair make_pair(std::int32_t low, std::int32_t high) {
  return (static_cast<std::uint32_t>(low) & 0xFFFFU) | (static_cast<std::uint32_t>(high) << 16);
}

// 32-bit addition modulo 2^32, as the hardware adds.
inline std::int32_t wrap_add(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}
inline std::int32_t wrap_sub(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) - static_cast<std::uint32_t>(b));
}

// A word at any address: LDR takes unaligned ones.
inline std::uint32_t load_word(const void* from) {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

inline void store_word(void* to, std::uint32_t word) { std::memcpy(to, &word, sizeof word); }

// One of the two numbers of a pair, in memory.
inline std::int32_t load_half(const void* from) {
  std::int16_t half;
  std::memcpy(&half, from, sizeof half);
  return half;
}
inline void store_half(void* to, std::int32_t value) {
  const auto half = static_cast<std::int16_t>(value);
  std::memcpy(to, &half, sizeof half);
}

#if M7_HAS_DSP

inline std::int32_t smuad(Pair a, Pair b) {
  std::int32_t result;
  __asm__("smuad %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline std::int32_t smlad(Pair a, Pair b, std::int32_t sum) {
  std::int32_t result;
  __asm__("smlad %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
// sum plus both products, modulo 2^64.
inline std::int64_t smlald(Pair a, Pair b, std::int64_t sum) {
  __asm__("smlald %Q0, %R0, %1, %2" : "+r"(sum) : "r"(a), "r"(b));
  return sum;
}
// Of both numbers in the low halves, of the high half of the second, or of both in the high halves.
inline std::int32_t smlabb(Pair a, Pair b, std::int32_t sum) {
  std::int32_t result;
  __asm__("smlabb %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline std::int32_t smlabt(Pair a, Pair b, std::int32_t sum) {
  std::int32_t result;
  __asm__("smlabt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline std::int32_t smlatt(Pair a, Pair b, std::int32_t sum) {
  std::int32_t result;
  __asm__("smlatt %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline Pair sadd16(Pair a, Pair b) {
  Pair result;
  __asm__("sadd16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline Pair ssub16(Pair a, Pair b) {
  Pair result;
  __asm__("ssub16 %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline Pair sxtb16(std::uint32_t bytes) {
  Pair result;
  __asm__("sxtb16 %0, %1" : "=r"(result) : "r"(bytes));
  return result;
}
inline Pair sxtb16_ror8(std::uint32_t bytes) {
  Pair result;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(result) : "r"(bytes));
  return result;
}
inline Pair sxtab16(Pair sum, std::uint32_t bytes) {
  Pair result;
  __asm__("sxtab16 %0, %1, %2" : "=r"(result) : "r"(sum), "r"(bytes));
  return result;
}
inline Pair sxtab16_ror8(Pair sum, std::uint32_t bytes) {
  Pair result;
  __asm__("sxtab16 %0, %1, %2, ror #8" : "=r"(result) : "r"(sum), "r"(bytes));
  return result;
}
// Of four bytes each the greater, or the less; two instructions, of which the first sets the flags for the second.
inline std::uint32_t max_bytes(std::uint32_t a, std::uint32_t b) {
  std::uint32_t result;
  __asm__("ssub8 %0, %1, %2\n sel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b));
  return result;
}
inline std::uint32_t min_bytes(std::uint32_t a, std::uint32_t b) {
  std::uint32_t result;
  __asm__("ssub8 %0, %1, %2\n sel %0, %2, %1" : "=&r"(result) : "r"(a), "r"(b));
  return result;
}
// The greater of both numbers each.
inline Pair max_halves(Pair a, Pair b) {
  Pair result;
  __asm__("ssub16 %0, %1, %2\n sel %0, %1, %2" : "=&r"(result) : "r"(a), "r"(b));
  return result;
}
inline Pair pkhbt16(Pair low_of, Pair low_of_high) {
  Pair result;
  __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(low_of), "r"(low_of_high));
  return result;
}
inline Pair pkhtb16(Pair high_of, Pair high_of_low) {
  Pair result;
  __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(high_of), "r"(high_of_low));
  return result;
}
inline std::int32_t smmulr(std::int32_t a, std::int32_t b) {
  std::int32_t result;
  __asm__("smmulr %0, %1, %2" : "=r"(result) : "r"(a), "r"(b));
  return result;
}
inline std::int32_t smmlar(std::int32_t a, std::int32_t b, std::int32_t sum) {
  std::int32_t result;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline std::int32_t smmla(std::int32_t a, std::int32_t b, std::int32_t sum) {
  std::int32_t result;
  __asm__("smmla %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
  return result;
}
inline std::int32_t ssat16(std::int32_t value) {
  std::int32_t result;
  __asm__("ssat %0, #16, %1" : "=r"(result) : "r"(value));
  return result;
}
inline std::int32_t ssat8(std::int32_t value) {
  std::int32_t result;
  __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
  return result;
}
inline std::int32_t usat31(std::int32_t value) {
  std::int32_t result;
  __asm__("usat %0, #31, %1" : "=r"(result) : "r"(value));
  return result;
}

#else

inline std::int32_t smlad(Pair a, Pair b, std::int32_t sum) {
  return wrap_add(wrap_add(sum, low(a) * low(b)), high(a) * high(b));
}
inline std::int32_t smuad(Pair a, Pair b) { return smlad(a, b, 0); }
inline std::int64_t smlald(Pair a, Pair b, std::int64_t sum) {
  return sum + std::int64_t{low(a) * low(b)} + high(a) * high(b);
}
inline std::int32_t smlabb(Pair a, Pair b, std::int32_t sum) { return wrap_add(sum, low(a) * low(b)); }
inline std::int32_t smlabt(Pair a, Pair b, std::int32_t sum) { return wrap_add(sum, low(a) * high(b)); }
inline std::int32_t smlatt(Pair a, Pair b, std::int32_t sum) { return wrap_add(sum, high(a) * high(b)); }
inline Pair sadd16(Pair a, Pair b) { return make_pair(low(a) + low(b), high(a) + high(b)); }
inline Pair ssub16(Pair a, Pair b) { return make_pair(low(a) - low(b), high(a) - high(b)); }
inline Pair sxtb16(std::uint32_t bytes) {
  return make_pair(static_cast<std::int8_t>(bytes), static_cast<std::int8_t>(bytes >> 16));
}
inline Pair sxtb16_ror8(std::uint32_t bytes) {
  return make_pair(static_cast<std::int8_t>(bytes >> 8), static_cast<std::int8_t>(bytes >> 24));
}
inline Pair sxtab16(Pair sum, std::uint32_t bytes) { return sadd16(sum, sxtb16(bytes)); }
inline Pair sxtab16_ror8(Pair sum, std::uint32_t bytes) { return sadd16(sum, sxtb16_ror8(bytes)); }
inline std::uint32_t max_bytes(std::uint32_t a, std::uint32_t b) {
  std::uint32_t result = 0;
  for (int i = 0; i < 32; i += 8) {
    const bool first = static_cast<std::int8_t>(a >> i) >= static_cast<std::int8_t>(b >> i);
    result |= (first ? a : b) & 0xFFU << i;
  }
  return result;
}
inline std::uint32_t min_bytes(std::uint32_t a, std::uint32_t b) { return a ^ b ^ max_bytes(a, b); }
inline Pair max_halves(Pair a, Pair b) {
  return make_pair(low(a) >= low(b) ? low(a) : low(b), high(a) >= high(b) ? high(a) : high(b));
}
inline Pair pkhbt16(Pair low_of, Pair low_of_high) { return (low_of & 0xFFFFU) | (low_of_high << 16); }
inline Pair pkhtb16(Pair high_of, Pair high_of_low) { return (high_of & 0xFFFF0000U) | (high_of_low >> 16); }
inline std::int32_t smmlar(std::int32_t a, std::int32_t b, std::int32_t sum) {
  const std::int64_t product = static_cast<std::int64_t>(a) * b + 0x80000000LL;
  return wrap_add(static_cast<std::int32_t>(product >> 32), sum);
}
inline std::int32_t smmulr(std::int32_t a, std::int32_t b) { return smmlar(a, b, 0); }
inline std::int32_t smmla(std::int32_t a, std::int32_t b, std::int32_t sum) {
  return wrap_add(static_cast<std::int32_t>((static_cast<std::int64_t>(a) * b) >> 32), sum);
}
inline std::int32_t ssat16(std::int32_t value) { return value < -32768 ? -32768 : value > 32767 ? 32767 : value; }
inline std::int32_t ssat8(std::int32_t value) { return value < -128 ? -128 : value > 127 ? 127 : value; }
inline std::int32_t usat31(std::int32_t value) { return value < 0 ? 0 : value; }

#endif

// max(a, b) in three instructions without a branch or an IT block; a - b must not overflow.
inline std::int32_t maximum(std::int32_t a, std::int32_t b) { return wrap_add(usat31(wrap_sub(a, b)), b); }

}  // namespace m7
