// The chip's own state as bytes, for a snapshot of this build: without the core's registers and the counter.
#ifndef RENODE_MNIST_CHIP_STATE_H
#define RENODE_MNIST_CHIP_STATE_H

#include "chip.h"

size_t chip_state_size(void);

// What is not saved: events, and bytes on their way to a USART.
void chip_save(const Chip* chip, uint8_t* into);
void chip_restore(Chip* chip, const uint8_t* from);

// Whose an event is; kForeign: not the chip's own.
typedef enum {
  kForeign = -1,
  kSysTickZero,
  kUsartArrival,
  kUsartIdle,
  kUsartTimeout,
  kUsartTransmission,
  kOwners
} Owner;

Owner chip_event_owner(const Chip* chip, const Event* event, int* index);
Event chip_own_event(Chip* chip, Owner owner, int index, int64_t time_ps, uint64_t asked, uint64_t argument);

#endif
