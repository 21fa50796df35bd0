#include "routines.hpp"

// Each pair in a section of its own, one behind the other: together they fit the instruction cache. The zeros that
// a body finds are set before its setup. Aligned so that nearly all lie within a page of 1 KiB: Unicorn divides a
// block where one ends, and the model of the cycles with it.
#define CALIBRATION_LOOP(name, copies, setup, body)                                            \
  ".balign 512\n"                                                                              \
  ".global " name "\n.type " name ", %function\n.thumb_func\n" name                            \
  ":\n"                                                                                        \
  "push {r4-r11, lr}\n"                                                                        \
  "movs r3, #0\nmovs r4, #0\nmovs r5, #0\nmovs r6, #0\n"                                       \
  ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\nvmov s\\n, r3\n.endr\n" setup \
  "\n1:\n"                                                                                     \
  ".rept " copies "\n" body                                                                    \
  "\n.endr\n"                                                                                  \
  "subs r0, #1\n"                                                                              \
  "bne.w 1b\n"                                                                                 \
  "pop {r4-r11, pc}\n"                                                                         \
  ".size " name ", . - " name "\n"

#define CALIBRATION_DEFINE(symbol, copies, setup, body)                                               \
  asm(".pushsection .text.calibration_" #symbol                                                       \
      ", \"ax\", %progbits\n" CALIBRATION_LOOP("calibration_" #symbol "_short", #copies, setup, body) \
          CALIBRATION_LOOP("calibration_" #symbol "_long", "2 * " #copies, setup, body) ".popsection\n");
CALIBRATION_ROUTINES(CALIBRATION_DEFINE)
