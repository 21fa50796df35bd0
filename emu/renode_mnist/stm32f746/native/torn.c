// What a refused store within an IT block must not have changed: see `Torn`.
#include "chip.h"

// EPSR and PC last: Unicorn takes the state of the IT block and of Thumb from these. The flags are read as `flags`,
// and written as another: Unicorn has none for both.
static void registers_of(Register registers[kTornRegisters], Register flags) {
  int count = 0;
  for (int i = kR0; i <= kLr; ++i) registers[count++] = (Register)i;
  for (int i = kS0; i <= kS31; ++i) registers[count++] = (Register)i;
  registers[count++] = flags;
  registers[count++] = kEpsr;
  registers[count++] = kPc;
}

static int piece(int at) { return kTornRegisters - at < kMostInBatch ? kTornRegisters - at : kMostInBatch; }

void chip_tear(Chip* chip) {
  if (chip->torn.is) return;
  Register registers[kTornRegisters];
  registers_of(registers, kXpsr);
  for (int at = 0; at < kTornRegisters; at += kMostInBatch)
    engine_read(&chip->engine, &registers[at], &chip->torn.values[at], piece(at));
  chip->torn.is = true;
}

void chip_mend(Chip* chip) {
  if (!chip->torn.is) return;
  Register registers[kTornRegisters];
  registers_of(registers, kXpsrNzcvqg);
  chip->torn.values[kTornRegisters - 1] |= 1;  // Thumb
  for (int at = 0; at < kTornRegisters; at += kMostInBatch)
    engine_write(&chip->engine, &registers[at], &chip->torn.values[at], piece(at));
  chip->torn.is = false;
}
