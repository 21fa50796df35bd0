// What is measured: routines in assembly, so that no compiler has a say, and the benchmarks that call them.
//
// A routine is a loop around so many copies of a body, and there are two of each: one with twice as many. The
// difference of their times is that of the copies alone: call, loop, and the counter's reads take the same in both.
// A body finds its loop's count in r0, which it keeps, two places in memory in r1 and r2, zeros in r3, r4 and s0 to
// s15, and may change all but r0 and sp. A routine with setup has that between.
#pragma once

#include <cstddef>
#include <cstdint>

namespace calibration {

// ROUTINE(symbol, copies, setup, body)
#define CALIBRATION_ROUTINES(ROUTINE)                                                                         \
  /* A chain each: the next copy needs what this one makes. */                                                \
  ROUTINE(chain_ldr, 8, "str r1, [r1]", "ldr r1, [r1]")                                                       \
  ROUTINE(chain_ldr_add, 8, "str r1, [r1]", "ldr r5, [r1]; add r1, r5, r3")                                   \
  ROUTINE(chain_ldrb, 8, "str r3, [r1]", "ldrb r3, [r1, r3]")                                                 \
  ROUTINE(chain_add, 8, "", "add r5, r5, r3")                                                                 \
  ROUTINE(chain_add_shifted, 8, "", "add.w r5, r3, r5, lsl #1")                                               \
  ROUTINE(chain_sxtb16, 8, "", "sxtb16 r5, r5")                                                               \
  ROUTINE(chain_ssat, 8, "", "ssat r5, #8, r5")                                                               \
  ROUTINE(chain_mul, 8, "", "mul r5, r5, r3")                                                                 \
  ROUTINE(chain_mla, 8, "", "mla r5, r3, r4, r5")                                                             \
  ROUTINE(chain_smlad, 8, "", "smlad r5, r3, r4, r5")                                                         \
  ROUTINE(chain_vadd, 8, "", "vadd.f32 s0, s0, s1")                                                           \
  ROUTINE(chain_vmul, 8, "", "vmul.f32 s0, s0, s1")                                                           \
  ROUTINE(chain_vfma, 8, "", "vfma.f32 s0, s1, s2")                                                           \
  ROUTINE(chain_vfma_factor, 8, "", "vfma.f32 s0, s0, s1")                                                    \
  ROUTINE(chain_vmla, 8, "", "vmla.f32 s0, s1, s2")                                                           \
  /* Two that don't need each other. */                                                                       \
  ROUTINE(pair_nop_nop, 8, "", "nop; nop")                                                                    \
  ROUTINE(pair_add_add, 8, "", "add r5, r3, r4; add r6, r3, r4")                                              \
  ROUTINE(pair_add_add_dependent, 8, "", "add r5, r3, r4; add r6, r5, r4")                                    \
  ROUTINE(pair_shifted_shifted, 8, "", "add.w r5, r3, r4, lsl #1; add.w r6, r3, r4, lsl #1")                  \
  ROUTINE(pair_mul_add, 8, "", "mul r5, r3, r4; add r6, r3, r4")                                              \
  ROUTINE(pair_mul_mul, 8, "", "mul r5, r3, r4; mul r6, r3, r4")                                              \
  ROUTINE(pair_ldr_add, 8, "", "ldr r5, [r1]; add r6, r3, r4")                                                \
  ROUTINE(pair_ldr_ldr, 8, "", "ldr r5, [r1]; ldr r6, [r1, #4]")                                              \
  ROUTINE(pair_ldr_ldr_bank, 8, "", "ldr r5, [r1]; ldr r6, [r1, #8]")                                         \
  ROUTINE(pair_ldr_str, 8, "", "ldr r5, [r1]; str r3, [r1, #64]")                                             \
  ROUTINE(pair_str_str, 8, "", "str r3, [r1]; str r3, [r1, #4]")                                              \
  ROUTINE(pair_ldr_smlad, 8, "", "ldr r5, [r1]; smlad r6, r3, r4, r6")                                        \
  ROUTINE(pair_smlad_smlad, 8, "", "smlad r5, r3, r4, r5; smlad r6, r3, r4, r6")                              \
  ROUTINE(pair_smlad_add, 8, "", "smlad r5, r3, r4, r5; add r6, r3, r4")                                      \
  ROUTINE(pair_sxtb16_add, 8, "", "sxtb16 r5, r3; add r6, r3, r4")                                            \
  ROUTINE(pair_add_sxtb16, 8, "", "add r6, r3, r4; sxtb16 r5, r3")                                            \
  ROUTINE(pair_sxtb16_sxtb16, 8, "", "sxtb16 r5, r3; sxtb16 r6, r4")                                          \
  ROUTINE(pair_sxtb16_smlad, 8, "", "sxtb16 r5, r3; smlad r6, r3, r4, r6")                                    \
  ROUTINE(pair_ldr_sxtb16, 8, "", "ldr r5, [r1]; sxtb16 r6, r3")                                              \
  ROUTINE(pair_vldr_vldr, 8, "", "vldr s0, [r1]; vldr s1, [r1, #4]")                                          \
  ROUTINE(pair_vldr_ldr, 8, "", "vldr s0, [r1]; ldr r5, [r1, #4]")                                            \
  ROUTINE(pair_vadd_add, 8, "", "vadd.f32 s0, s1, s2; add r5, r3, r4")                                        \
  ROUTINE(pair_vadd_vadd, 8, "", "vadd.f32 s0, s4, s5; vadd.f32 s1, s4, s5")                                  \
  ROUTINE(four_vfma, 4, "",                                                                                   \
          "vfma.f32 s8, s4, s5; vfma.f32 s9, s4, s5; vfma.f32 s10, s4, s5; vfma.f32 s11, s4, s5")             \
  ROUTINE(four_vfma_vldr, 4, "",                                                                              \
          "vldr s0, [r1]; vfma.f32 s8, s4, s5; vldr s1, [r1, #4]; vfma.f32 s9, s4, s5;"                       \
          "vldr s2, [r1, #8]; vfma.f32 s10, s4, s5; vldr s3, [r1, #12]; vfma.f32 s11, s4, s5")                \
  ROUTINE(vfma_vadd, 8, "", "vfma.f32 s8, s4, s5; vadd.f32 s0, s4, s5")                                       \
  ROUTINE(it_add, 8, "", "cmp r3, r4; it eq; addeq r5, r3, r4")                                               \
  /* Several registers at once. */                                                                            \
  ROUTINE(ldrd, 8, "", "ldrd r6, r7, [r1]")                                                                   \
  ROUTINE(strd, 8, "", "strd r6, r7, [r1]")                                                                   \
  ROUTINE(ldm_2, 8, "", "ldm r1, {r5, r6}")                                                                   \
  ROUTINE(ldm_4, 8, "", "ldm r1, {r5-r8}")                                                                    \
  ROUTINE(ldm_7, 8, "", "ldm r1, {r5-r11}")                                                                   \
  ROUTINE(stm_4, 8, "", "stm r1, {r5-r8}")                                                                    \
  ROUTINE(vldm_4, 8, "", "vldm r1, {s0-s3}")                                                                  \
  ROUTINE(vldm_8, 8, "", "vldm r1, {s0-s7}")                                                                  \
  ROUTINE(vstm_4, 8, "", "vstm r1, {s0-s3}")                                                                  \
  /* Branches. The loop's own SUBS leaves Z clear but at its end. */                                          \
  ROUTINE(b_taken, 8, "", "b.n 9f; nop; 9:")                                                                  \
  ROUTINE(bne_taken, 8, "cmp r0, #0", "bne.n 9f; nop; 9:")                                                    \
  ROUTINE(beq_not_taken, 8, "cmp r0, #0", "beq.n 9f; nop; 9:")                                                \
  ROUTINE(bl_bx, 8, "", "bl 8f; b.n 9f; 8: bx lr; 9:")                                                        \
  ROUTINE(tbb, 8, "", "tbb [pc, r3]; .byte 1, 1")                                                             \
  ROUTINE(loop_2, 4, "", "movs r5, #2; 9: subs r5, #1; bne.n 9b")                                             \
  ROUTINE(loop_3, 4, "", "movs r5, #3; 9: subs r5, #1; bne.n 9b")                                             \
  ROUTINE(loop_4, 4, "", "movs r5, #4; 9: subs r5, #1; bne.n 9b")                                             \
  ROUTINE(loop_8, 4, "", "movs r5, #8; 9: subs r5, #1; bne.n 9b")                                             \
  ROUTINE(loop_16, 4, "", "movs r5, #16; 9: subs r5, #1; bne.n 9b")                                           \
  ROUTINE(branch_by_data, 4, "", "ldrb r5, [r1], #1; tst r5, #1; beq.n 9f; nop; 9:")                          \
  ROUTINE(branch_by_no_data, 4, "", "ldrb r5, [r1], #1; tst r5, #0; beq.n 9f; nop; 9:")                       \
  /* Divisions, by the bits of the quotient. */                                                               \
  ROUTINE(udiv_0, 8, "movs r5, #1; movs r6, #255", "udiv r7, r5, r6")                                         \
  ROUTINE(udiv_1, 8, "movs r5, #255; movs r6, #255", "udiv r7, r5, r6")                                       \
  ROUTINE(udiv_8, 8, "movs r5, #255; movs r6, #1", "udiv r7, r5, r6")                                         \
  ROUTINE(udiv_16, 8, "mvn r5, #0; movw r6, #65535", "udiv r7, r5, r6")                                       \
  ROUTINE(udiv_32, 8, "mvn r5, #0; movs r6, #1", "udiv r7, r5, r6")                                           \
  ROUTINE(sdiv_16, 8, "mvn r5, #0x80000000; movw r6, #32767", "sdiv r7, r5, r6")                              \
  ROUTINE(sdiv_negative, 8, "mvn r5, #0x80000000; rsbs r5, r5, #0; movw r6, #32767", "sdiv r7, r5, r6")       \
  ROUTINE(vdiv, 8, "vmov.f32 s4, #1.0; vmov.f32 s5, #3.0", "vdiv.f32 s0, s4, s5")                             \
  ROUTINE(vsqrt, 8, "vmov.f32 s4, #3.0", "vsqrt.f32 s0, s4")                                                  \
  /* The system's own. */                                                                                     \
  ROUTINE(mrs, 8, "", "mrs r5, apsr")                                                                         \
  ROUTINE(dsb, 8, "", "dsb")                                                                                  \
  ROUTINE(isb, 8, "", "isb")                                                                                  \
  ROUTINE(svc, 4, "mrs r5, control; bic r5, #4; msr control, r5; isb", "svc #0")                              \
  ROUTINE(svc_with_floats, 4, "", "svc #0")                                                                   \
  /* Lines of memory: one load each, by itself, or with 20 or 60 cycles of work that waits for it. */         \
  ROUTINE(words_apart, 4, "", "ldr r5, [r1]; ldr r6, [r1, #32]; ldr r7, [r1, #64]; ldr r8, [r1, #96]")        \
  ROUTINE(load_lines, 4, "", "ldr r5, [r1], #32")                                                             \
  ROUTINE(load_lines_20, 4, "", "ldr r5, [r1], #32; add r6, r5; b.n 9f; 9:\n.rept 20; add r6, r6, r3; .endr") \
  ROUTINE(load_lines_60, 4, "", "ldr r5, [r1], #32; add r6, r5; b.n 9f; 9:\n.rept 60; add r6, r6, r3; .endr") \
  ROUTINE(load_words, 4, "", ".rept 8; ldr r5, [r1], #4; .endr")                                              \
  /* A buffer over and over, a load a line. */                                                                \
  ROUTINE(lap_128, 1, "", ".rept 128\nldr r5, [r1], #32\n.endr\nsub.w r1, r1, #4096")                         \
  ROUTINE(lap_144, 1, "", ".rept 144\nldr r5, [r1], #32\n.endr\nsub.w r1, r1, #4608")                         \
  ROUTINE(lap_160, 1, "", ".rept 160\nldr r5, [r1], #32\n.endr\nsub.w r1, r1, #5120")                         \
  ROUTINE(lap_192, 1, "", ".rept 192\nldr r5, [r1], #32\n.endr\nsub.w r1, r1, #6144")                         \
  ROUTINE(store_lines, 4, "", "str r3, [r1], #32")                                                            \
  ROUTINE(store_words, 4, "", ".rept 8; str r3, [r1], #4; .endr")                                             \
  ROUTINE(copy, 4, "", "ldm r1!, {r5-r8}; stm r2!, {r5-r8}; ldm r1!, {r5-r8}; stm r2!, {r5-r8}")              \
  ROUTINE(store_load, 8, "", "str r3, [r1]; ldr r3, [r1]")                                                    \
  ROUTINE(store_load_elsewhere, 8, "", "str r3, [r1]; ldr r5, [r1, #64]")                                     \
  ROUTINE(load_at_1, 8, "", "ldr r5, [r1, #1]")                                                               \
  ROUTINE(load_at_2, 8, "", "ldr r5, [r1, #2]")                                                               \
  ROUTINE(load_at_6, 8, "", "ldr r5, [r1, #6]")                                                               \
  ROUTINE(load_at_30, 8, "", "ldr r5, [r1, #30]")                                                             \
  ROUTINE(load_half_at_1, 8, "", "ldrh r5, [r1, #1]")                                                         \
  ROUTINE(store_at_1, 8, "", "str r3, [r1, #1]")                                                              \
  /* Code without a loop: 32 bytes a copy, 3 KiB and 6, more than the ART accelerator has. */                 \
  ROUTINE(straight, 96, "", ".rept 8; add.w r5, r5, r3; .endr")

#define CALIBRATION_DECLARE(symbol, count, setup, body)                      \
  extern "C" void calibration_##symbol##_short(std::uint32_t, void*, void*); \
  extern "C" void calibration_##symbol##_long(std::uint32_t, void*, void*);  \
  inline constexpr std::uint32_t kCopies_##symbol = count;
CALIBRATION_ROUTINES(CALIBRATION_DECLARE)
#undef CALIBRATION_DECLARE

// Where r1 points, and r2 beside it. What walks does so by 16 KiB at most.
enum class Place : std::uint8_t { kDtcm, kSram, kFlash, kFlashOverItcm, kFlashAndDtcm, kFlashAndSram };

// How the chip is set up meanwhile, otherwise than by board/.
enum State : std::uint8_t {
  kAsIs = 0,
  kSlowFlash = 1,  // 15 wait states
  kNoArt = 2,
  kNoPrefetch = 4,
  kNoInstructionCache = 8,
  kNoDataCache = 16,
  kCodeOverItcm = 32,
  kColdCode = 64,
};

// BENCHMARK(group, name, routine, units a copy, turns of the loop, place, state)
#define CALIBRATION_BENCHMARKS(BENCHMARK)                                                                          \
  BENCHMARK("load to use", "LDR to the next one's address", chain_ldr, 1, 128, kDtcm, kAsIs)                       \
  BENCHMARK("load to use", "LDR, ADD to the next one's address", chain_ldr_add, 1, 128, kDtcm, kAsIs)              \
  BENCHMARK("load to use", "LDRB to the next one's address", chain_ldrb, 1, 128, kDtcm, kAsIs)                     \
  BENCHMARK("result to operand", "ADD", chain_add, 1, 128, kDtcm, kAsIs)                                           \
  BENCHMARK("result to operand", "ADD, shifted", chain_add_shifted, 1, 128, kDtcm, kAsIs)                          \
  BENCHMARK("result to operand", "SXTB16", chain_sxtb16, 1, 128, kDtcm, kAsIs)                                     \
  BENCHMARK("result to operand", "SSAT", chain_ssat, 1, 128, kDtcm, kAsIs)                                         \
  BENCHMARK("result to operand", "MUL", chain_mul, 1, 128, kDtcm, kAsIs)                                           \
  BENCHMARK("result to operand", "MLA, accumulator", chain_mla, 1, 128, kDtcm, kAsIs)                              \
  BENCHMARK("result to operand", "SMLAD, accumulator", chain_smlad, 1, 128, kDtcm, kAsIs)                          \
  BENCHMARK("result to operand", "VADD", chain_vadd, 1, 128, kDtcm, kAsIs)                                         \
  BENCHMARK("result to operand", "VMUL", chain_vmul, 1, 128, kDtcm, kAsIs)                                         \
  BENCHMARK("result to operand", "VFMA, accumulator", chain_vfma, 1, 128, kDtcm, kAsIs)                            \
  BENCHMARK("result to operand", "VFMA, factor", chain_vfma_factor, 1, 128, kDtcm, kAsIs)                          \
  BENCHMARK("result to operand", "VMLA, accumulator", chain_vmla, 1, 128, kDtcm, kAsIs)                            \
  BENCHMARK("a pair", "NOP, NOP", pair_nop_nop, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "ADD, ADD", pair_add_add, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "ADD, ADD that needs it", pair_add_add_dependent, 1, 128, kDtcm, kAsIs)                      \
  BENCHMARK("a pair", "ADD shifted, ADD shifted", pair_shifted_shifted, 1, 128, kDtcm, kAsIs)                      \
  BENCHMARK("a pair", "MUL, ADD", pair_mul_add, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "MUL, MUL", pair_mul_mul, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "LDR, ADD", pair_ldr_add, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "LDR even word, LDR odd word", pair_ldr_ldr, 1, 128, kDtcm, kAsIs)                           \
  BENCHMARK("a pair", "LDR even word, LDR even word", pair_ldr_ldr_bank, 1, 128, kDtcm, kAsIs)                     \
  BENCHMARK("a pair", "LDR, STR", pair_ldr_str, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "STR, STR", pair_str_str, 1, 128, kDtcm, kAsIs)                                              \
  BENCHMARK("a pair", "LDR, SMLAD", pair_ldr_smlad, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("a pair", "SMLAD, SMLAD", pair_smlad_smlad, 1, 128, kDtcm, kAsIs)                                      \
  BENCHMARK("a pair", "SMLAD, ADD", pair_smlad_add, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("a pair", "SXTB16, ADD", pair_sxtb16_add, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("a pair", "ADD, SXTB16", pair_add_sxtb16, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("a pair", "SXTB16, SXTB16", pair_sxtb16_sxtb16, 1, 128, kDtcm, kAsIs)                                  \
  BENCHMARK("a pair", "SXTB16, SMLAD", pair_sxtb16_smlad, 1, 128, kDtcm, kAsIs)                                    \
  BENCHMARK("a pair", "LDR, SXTB16", pair_ldr_sxtb16, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("a pair", "VLDR, VLDR", pair_vldr_vldr, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("a pair", "VLDR, LDR", pair_vldr_ldr, 1, 128, kDtcm, kAsIs)                                            \
  BENCHMARK("a pair", "VADD, ADD", pair_vadd_add, 1, 128, kDtcm, kAsIs)                                            \
  BENCHMARK("a pair", "VADD, VADD", pair_vadd_vadd, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("a pair", "VLDR, VFMA", four_vfma_vldr, 4, 64, kDtcm, kAsIs)                                           \
  BENCHMARK("a pair", "VFMA, VADD", vfma_vadd, 1, 128, kDtcm, kAsIs)                                               \
  BENCHMARK("an instruction", "VFMA, four accumulators", four_vfma, 4, 64, kDtcm, kAsIs)                           \
  BENCHMARK("an instruction", "CMP, IT, ADDEQ", it_add, 1, 128, kDtcm, kAsIs)                                      \
  BENCHMARK("several registers", "LDRD", ldrd, 1, 128, kDtcm, kAsIs)                                               \
  BENCHMARK("several registers", "STRD", strd, 1, 128, kDtcm, kAsIs)                                               \
  BENCHMARK("several registers", "LDM of 2", ldm_2, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("several registers", "LDM of 4", ldm_4, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("several registers", "LDM of 7", ldm_7, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("several registers", "STM of 4", stm_4, 1, 128, kDtcm, kAsIs)                                          \
  BENCHMARK("several registers", "VLDM of 4", vldm_4, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("several registers", "VLDM of 8", vldm_8, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("several registers", "VSTM of 4", vstm_4, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("branch", "B", b_taken, 1, 128, kDtcm, kAsIs)                                                          \
  BENCHMARK("branch", "BNE, always taken", bne_taken, 1, 128, kDtcm, kAsIs)                                        \
  BENCHMARK("branch", "BEQ, never taken, and NOP", beq_not_taken, 1, 128, kDtcm, kAsIs)                            \
  BENCHMARK("branch", "BL, BX LR, B", bl_bx, 1, 64, kDtcm, kAsIs)                                                  \
  BENCHMARK("branch", "TBB", tbb, 1, 128, kDtcm, kAsIs)                                                            \
  BENCHMARK("branch", "loop of 2 turns", loop_2, 1, 128, kDtcm, kAsIs)                                             \
  BENCHMARK("branch", "loop of 3 turns", loop_3, 1, 128, kDtcm, kAsIs)                                             \
  BENCHMARK("branch", "loop of 4 turns", loop_4, 1, 128, kDtcm, kAsIs)                                             \
  BENCHMARK("branch", "loop of 8 turns", loop_8, 1, 128, kDtcm, kAsIs)                                             \
  BENCHMARK("branch", "loop of 16 turns", loop_16, 1, 128, kDtcm, kAsIs)                                           \
  BENCHMARK("branch", "LDRB, TST, BEQ, always taken", branch_by_no_data, 1, 512, kDtcm, kAsIs)                     \
  BENCHMARK("branch", "LDRB, TST, BEQ, taken at random", branch_by_data, 1, 512, kDtcm, kAsIs)                     \
  BENCHMARK("division", "UDIV, quotient 0", udiv_0, 1, 64, kDtcm, kAsIs)                                           \
  BENCHMARK("division", "UDIV, quotient of 1 bit", udiv_1, 1, 64, kDtcm, kAsIs)                                    \
  BENCHMARK("division", "UDIV, quotient of 8 bits", udiv_8, 1, 64, kDtcm, kAsIs)                                   \
  BENCHMARK("division", "UDIV, quotient of 17 bits", udiv_16, 1, 64, kDtcm, kAsIs)                                 \
  BENCHMARK("division", "UDIV, quotient of 32 bits", udiv_32, 1, 64, kDtcm, kAsIs)                                 \
  BENCHMARK("division", "SDIV, quotient of 17 bits", sdiv_16, 1, 64, kDtcm, kAsIs)                                 \
  BENCHMARK("division", "SDIV, quotient of 17 bits, negative", sdiv_negative, 1, 64, kDtcm, kAsIs)                 \
  BENCHMARK("division", "VDIV", vdiv, 1, 64, kDtcm, kAsIs)                                                         \
  BENCHMARK("division", "VSQRT", vsqrt, 1, 64, kDtcm, kAsIs)                                                       \
  BENCHMARK("system", "MRS", mrs, 1, 128, kDtcm, kAsIs)                                                            \
  BENCHMARK("system", "DSB", dsb, 1, 64, kDtcm, kAsIs)                                                             \
  BENCHMARK("system", "ISB", isb, 1, 64, kDtcm, kAsIs)                                                             \
  BENCHMARK("system", "SVC, entry and return", svc, 1, 4, kDtcm, kAsIs)                                            \
  BENCHMARK("system", "SVC, entry and return, FPU in use", svc_with_floats, 1, 4, kDtcm, kAsIs)                    \
  BENCHMARK("not aligned", "LDR at 1", load_at_1, 1, 128, kDtcm, kAsIs)                                            \
  BENCHMARK("not aligned", "LDR at 2", load_at_2, 1, 128, kDtcm, kAsIs)                                            \
  BENCHMARK("not aligned", "LDR at 6, two doublewords", load_at_6, 1, 128, kDtcm, kAsIs)                           \
  BENCHMARK("not aligned", "LDR at 30, two lines of SRAM1", load_at_30, 1, 128, kSram, kAsIs)                      \
  BENCHMARK("not aligned", "LDRH at 1", load_half_at_1, 1, 128, kDtcm, kAsIs)                                      \
  BENCHMARK("not aligned", "STR at 1", store_at_1, 1, 128, kDtcm, kAsIs)                                           \
  BENCHMARK("store", "STR, LDR of it", store_load, 1, 128, kDtcm, kAsIs)                                           \
  BENCHMARK("store", "STR, LDR of elsewhere", store_load_elsewhere, 1, 128, kDtcm, kAsIs)                          \
  BENCHMARK("store", "STR x8 to DTCM", store_words, 1, 64, kDtcm, kAsIs)                                           \
  BENCHMARK("store", "STR x8 to SRAM1, missed", store_words, 1, 64, kSram, kAsIs)                                  \
  BENCHMARK("store", "STR to a line of SRAM1, missed", store_lines, 1, 64, kSram, kAsIs)                           \
  BENCHMARK("store", "STR x8 to SRAM1, data cache off", store_words, 1, 64, kSram, kNoDataCache)                   \
  BENCHMARK("data", "LDR of DTCM, 32 B apart", words_apart, 4, 64, kDtcm, kAsIs)                                   \
  BENCHMARK("data", "LDR of SRAM1, 32 B apart, cached", words_apart, 4, 64, kSram, kAsIs)                          \
  BENCHMARK("data", "line of DTCM, 60 cycles apart", load_lines_60, 1, 64, kDtcm, kAsIs)                           \
  BENCHMARK("data", "line of SRAM1, 60 cycles apart", load_lines_60, 1, 64, kSram, kAsIs)                          \
  BENCHMARK("data", "line of flash, 60 cycles apart", load_lines_60, 1, 64, kFlash, kAsIs)                         \
  BENCHMARK("data", "line of flash, 20 cycles apart", load_lines_20, 1, 64, kFlash, kAsIs)                         \
  BENCHMARK("data", "line of flash, 60 apart, 15 wait states", load_lines_60, 1, 64, kFlash, kSlowFlash)           \
  BENCHMARK("data", "line of flash by ITCM, 60 apart", load_lines_60, 1, 64, kFlashOverItcm, kAsIs)                \
  BENCHMARK("data", "line of flash by ITCM, 60 apart, no ART", load_lines_60, 1, 64, kFlashOverItcm, kNoArt)       \
  BENCHMARK("data", "line of SRAM1 after line", load_lines, 1, 64, kSram, kAsIs)                                   \
  BENCHMARK("data", "line of flash after line", load_lines, 1, 64, kFlash, kAsIs)                                  \
  BENCHMARK("data", "line of 4 kB of SRAM1, over and over", lap_128, 128, 16, kSram, kAsIs)                        \
  BENCHMARK("data", "line of 4.5 kB of SRAM1, over and over", lap_144, 144, 16, kSram, kAsIs)                      \
  BENCHMARK("data", "line of 5 kB of SRAM1, over and over", lap_160, 160, 16, kSram, kAsIs)                        \
  BENCHMARK("data", "line of 6 kB of SRAM1, over and over", lap_192, 192, 16, kSram, kAsIs)                        \
  BENCHMARK("data", "LDR x8 of flash, missed", load_words, 1, 64, kFlash, kAsIs)                                   \
  BENCHMARK("data", "LDR x8 of flash, data cache off", load_words, 1, 64, kFlash, kNoDataCache)                    \
  BENCHMARK("data", "LDR x8 of SRAM1, data cache off", load_words, 1, 64, kSram, kNoDataCache)                     \
  BENCHMARK("data", "32 B copied from flash to DTCM", copy, 1, 64, kFlashAndDtcm, kAsIs)                           \
  BENCHMARK("data", "32 B copied from flash to SRAM1", copy, 1, 64, kFlashAndSram, kAsIs)                          \
  BENCHMARK("code", "32 B over AXI, missed", straight, 1, 1, kDtcm, kColdCode)                                     \
  BENCHMARK("code", "32 B over AXI, missed, 15 wait states", straight, 1, 1, kDtcm, kSlowFlash | kColdCode)        \
  BENCHMARK("code", "32 B over AXI, no instruction cache", straight, 1, 1, kDtcm, kNoInstructionCache | kColdCode) \
  BENCHMARK("code", "32 B over ITCM", straight, 1, 1, kDtcm, kCodeOverItcm | kColdCode)                            \
  BENCHMARK("code", "32 B over ITCM, no prefetch", straight, 1, 1, kDtcm, kCodeOverItcm | kNoPrefetch | kColdCode) \
  BENCHMARK("code", "32 B over ITCM, no ART", straight, 1, 1, kDtcm,                                               \
            kCodeOverItcm | kNoArt | kNoPrefetch | kColdCode)

}  // namespace calibration
