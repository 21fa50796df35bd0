// What is used of Unicorn: its functions come in as addresses, so that nothing here links against it.
#ifndef RENODE_MNIST_ENGINE_H
#define RENODE_MNIST_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Registers, in the order in which their numbers in Unicorn come in (`_REGISTERS` of chip.py).
typedef enum {
  kR0,
  kR12 = kR0 + 12,
  kSp,
  kLr,
  kPc,
  kXpsr,
  kControl,
  kMsp,
  kPsp,
  kPrimask,
  kBasepri,
  kFaultmask,
  kFpscr,
  kS0,
  kS31 = kS0 + 31,
  kEpsr,
  kIpsr,
  kApsrNzcv,
  kXpsrNzcvqg,
  kRegisterCount
} Register;

enum { kStateRegisters = kEpsr };  // up to there they are all that there is, behind they are parts of it

enum { kMostInBatch = 20 };

enum { kEpsrT = 1 << 24, kEpsrIt = 0x0600FC00 };  // DDI 0403E B1.4.2

typedef struct {
  void* handle;  // uc_engine*
  int (*start)(void* engine, uint64_t begin, uint64_t until, uint64_t timeout, size_t count);
  int (*stop)(void* engine);
  int (*read)(void* engine, const int* ids, void** values, int count);   // uc_reg_read_batch
  int (*write)(void* engine, const int* ids, void** values, int count);  // uc_reg_write_batch
  int ids[kRegisterCount];
} Engine;

// At most `kMostInBatch`.
void engine_read(const Engine* engine, const Register* registers, uint32_t* values, int count);
void engine_write(const Engine* engine, const Register* registers, const uint32_t* values, int count);

// All that there are.
void engine_read_state(const Engine* engine, uint32_t values[kStateRegisters]);

#endif
