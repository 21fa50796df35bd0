// Which exception is pending, active, enabled, and which may run: the twin of nvic.py, by the same names.
#ifndef RENODE_MNIST_NVIC_H
#define RENODE_MNIST_NVIC_H

#include <stdbool.h>
#include <stdint.h>

enum {
  kNmi = 2,
  kHardFault = 3,
  kPendSv = 14,
  kSysTickException = 15,
  kFirstInterrupt = 16,
  kNoException = -1,
  kExceptions = 544,  // what STIR can name, up to a whole word
  kThreadPriority = 256
};

typedef enum { kEnabled, kPending, kActive, kLines, kNumberSets } NumberSet;

typedef struct {
  void (*on_change)(void* of);  // something became pending, or may have become able to run
  void* of;
  uint32_t sets[kNumberSets][kExceptions / 32];
  uint8_t priorities[kExceptions];
  uint32_t priority_group;
} Nvic;

void nvic_reset(Nvic* nvic);
bool nvic_has(const Nvic* nvic, NumberSet set, int number);
void nvic_put(Nvic* nvic, NumberSet set, int number, bool in);
int nvic_group_priority(const Nvic* nvic, int number);
int nvic_execution_priority(const Nvic* nvic, uint32_t primask, uint32_t basepri, uint32_t faultmask);
int nvic_best_pending(const Nvic* nvic);
void nvic_pend(Nvic* nvic, int number);
void nvic_unpend(Nvic* nvic, int number);
void nvic_enable(Nvic* nvic, int number, bool on);
void nvic_set_line(Nvic* nvic, int interrupt, bool active);
void nvic_activate(Nvic* nvic, int number);
void nvic_deactivate(Nvic* nvic, int number);

// The registers ISER to IABR, by their offset in the system control space.
enum { kNvicFirst = 0x100, kNvicEnd = 0x340 };
uint32_t nvic_read(const Nvic* nvic, uint32_t offset);
void nvic_write(Nvic* nvic, uint32_t offset, uint32_t value);

// ICSR, of which the number of the exception under way comes from outside.
uint32_t nvic_read_icsr(const Nvic* nvic, uint32_t exception_number);
void nvic_write_icsr(Nvic* nvic, uint32_t value);

#endif
