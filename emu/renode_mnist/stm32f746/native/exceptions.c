// Exception entry and return where nothing goes wrong: the twin of exceptions.py, which has the rest.
#include <string.h>

#include "chip.h"

enum { kNpriv = 1, kSpsel = 2, kFpca = 4 };
enum { kXpsrT = 1 << 24, kXpsrAligned = 1 << 9, kXpsrException = 0x1FF };
enum { kBasicFrameBytes = 0x20, kFpFrameBytes = 0x68, kFloats = 17 };  // S0 to S15, FPSCR
enum { kNoFp = 1 << 4, kThread = 1 << 3, kPspFrame = 1 << 2 };
static const uint32_t kExcReturn = 0xFFFFFFE1;

static const Register kMasks[] = {kPrimask, kBasepri, kFaultmask};
static const Register kFloatRegisters[kFloats] = {kS0,      kS0 + 1,  kS0 + 2,  kS0 + 3,  kS0 + 4,  kS0 + 5,
                                                  kS0 + 6,  kS0 + 7,  kS0 + 8,  kS0 + 9,  kS0 + 10, kS0 + 11,
                                                  kS0 + 12, kS0 + 13, kS0 + 14, kS0 + 15, kFpscr};

static void store(uint8_t* to, uint32_t word) {
  for (int i = 0; i < 4; ++i) to[i] = (uint8_t)(word >> 8 * i);
}

static uint32_t load(const uint8_t* from) {
  return from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24;
}

// Where the frame can be stacked; NULL where it cannot, or where it is not sure.
static uint8_t* stack_at(const Chip* chip, uint32_t frame, uint32_t size) {
  if (chip->unwritable_count < 0) return NULL;
  for (int i = 0; i < chip->unwritable_count; ++i)
    if (frame < chip->unwritable[i][1] && chip->unwritable[i][0] < frame + size) return NULL;
  for (int i = 0; i < chip->ram_count; ++i) {
    const Ram* ram = &chip->ram[i];
    if (frame >= ram->begin && frame < ram->end && size <= ram->end - frame)
      return ram->host + (frame - ram->begin);
  }
  return NULL;
}

static bool enter(Chip* chip, int number) {
  static const Register read[] = {kR0, kR0 + 1, kR0 + 2, kR0 + 3, kR12, kLr, kPc, kXpsr, kSp, kControl, kApsrNzcv};
  static const Register written[] = {kSp, kControl, kEpsr, kIpsr, kLr, kPc, kApsrNzcv};
  const Engine* engine = &chip->engine;
  uint32_t context[11];
  engine_read(engine, read, context, 11);
  const uint32_t xpsr = context[7], sp = context[8], control = context[9];
  const bool with_fp = control & kFpca, thread = !(xpsr & kXpsrException);
  const uint32_t size = with_fp ? kFpFrameBytes : kBasicFrameBytes;
  const uint32_t frame = (sp - size) & ~7u;
  uint8_t* stack = stack_at(chip, frame, size);
  const uint8_t* vector = chip_memory(chip, chip->vector_table + 4 * (uint32_t)number, 4);
  if (!stack || !vector) return false;
  context[7] = (xpsr & ~(uint32_t)kXpsrAligned) | (sp & 4 ? kXpsrAligned : 0u);
  for (int i = 0; i < 8; ++i) store(stack + 4 * i, context[i]);
  if (with_fp) {
    uint32_t floats[kFloats];
    engine_read(engine, kFloatRegisters, floats, kFloats);
    for (int i = 0; i < kFloats; ++i) store(stack + kBasicFrameBytes + 4 * i, floats[i]);
    store(stack + kBasicFrameBytes + 4 * kFloats, 0);
    chip->fpcar = frame + kBasicFrameBytes;
    chip->fpcar_set = true;
  }
  uint32_t lr = kExcReturn | (with_fp ? 0u : kNoFp) | (thread ? kThread : 0u);
  if (thread && control & kSpsel) lr |= kPspFrame;
  // APSR_NZCV last: it makes Unicorn look at IPSR again.
  const uint32_t entered[] = {frame, control & kNpriv, kXpsrT, (uint32_t)number, lr, load(vector), context[10]};
  engine_write(engine, written, entered, 7);
  nvic_activate(&chip->nvic, number);
  block_counter_forget_previous(chip->counter);
  return true;
}

bool exceptions_take_pending(Chip* chip, bool* taken) {
  BlockCounter* counter = chip->counter;
  *taken = false;
  int number = nvic_best_pending(&chip->nvic);
  if (number == kNoException) {
    counter->watching = 0;
    return true;
  }
  uint32_t masks[3];
  engine_read(&chip->engine, kMasks, masks, 3);
  if (nvic_group_priority(&chip->nvic, number) <
      nvic_execution_priority(&chip->nvic, masks[0], masks[1], masks[2])) {
    // What may switch the MPU off, or ends in a lockup, is not for here.
    if (number <= kHardFault || !enter(chip, number)) return false;
    *taken = true;
    number = nvic_best_pending(&chip->nvic);
  }
  if (number == kNoException)
    counter->watching = 0;
  else
    block_counter_watch_masks(counter, masks);
  return true;
}

bool exceptions_wakes(const Chip* chip) {
  const int number = nvic_best_pending(&chip->nvic);
  if (number == kNoException) return false;
  uint32_t masks[3];
  engine_read(&chip->engine, kMasks, masks, 3);
  return nvic_group_priority(&chip->nvic, number) < nvic_execution_priority(&chip->nvic, 0, masks[1], masks[2]);
}

bool exceptions_leave(Chip* chip, bool* thread) {
  static const Register read[] = {kIpsr, kPc, kControl, kMsp, kPsp};
  // CONTROL comes first to be privileged until all is in place, then as it is to be; SP after both.
  static const Register written[] = {kFaultmask, kControl, kIpsr, kControl, kSp, kR0,         kR0 + 1,
                                     kR0 + 2,    kR0 + 3,  kR12,  kLr,      kPc, kXpsrNzcvqg, kApsrNzcv};
  const Engine* engine = &chip->engine;
  uint32_t now[5];
  engine_read(engine, read, now, 5);
  const uint32_t number = now[0], exc_return = now[1] | 1;
  if (number <= kHardFault) return false;
  if ((exc_return & ~(uint32_t)(kNoFp | kThread | kPspFrame)) != kExcReturn) return false;
  if (exc_return & kPspFrame && !(exc_return & kThread)) return false;
  const uint32_t frame = exc_return & kPspFrame ? now[4] : now[3];
  const uint32_t size = exc_return & kNoFp ? kBasicFrameBytes : kFpFrameBytes;
  const uint8_t* stack = chip_memory(chip, frame, size);
  if (!stack) return false;
  const uint32_t xpsr = load(stack + 28);
  *thread = exc_return & kThread;
  if (*thread != !(xpsr & kXpsrException)) return false;
  nvic_deactivate(&chip->nvic, (int)number);
  const uint32_t control =
      (now[2] & kNpriv) | (exc_return & kNoFp ? 0u : kFpca) | (exc_return & kPspFrame ? kSpsel : 0u);
  const uint32_t sp = frame + size + (xpsr & kXpsrAligned ? 4 : 0);
  uint32_t left[14] = {0, 0, xpsr & kXpsrException, control, sp};
  for (int i = 0; i < 7; ++i) left[5 + i] = load(stack + 4 * i);
  left[12] = left[13] = xpsr;
  engine_write(engine, written, left, 14);
  if (!(exc_return & kNoFp)) {
    uint32_t floats[kFloats];
    for (int i = 0; i < kFloats; ++i) floats[i] = load(stack + kBasicFrameBytes + 4 * i);
    engine_write(engine, kFloatRegisters, floats, kFloats);
  }
  block_counter_forget_previous(chip->counter);
  return true;
}
