// Runs the steps of renode_mnist/timing/accesses.py: which addresses a block will touch, known before it runs.
#ifndef RENODE_MNIST_ACCESSES_H
#define RENODE_MNIST_ACCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory.h"

// Step of accesses.py, as its `packed` lays it out.
typedef struct {
  uint8_t do_, target, n, m, shift_kind, shift, condition, size, is_signed, extra;
  uint8_t unused[2];
  uint32_t constant;
} AccessStep;

// Of one block.
typedef struct {
  uint32_t needed;  // a bit a register whose value at the beginning is wanted; bit 16: the flags; bit 17: behind a
                    // plain program they have the values for the same block once more
  bool plain;       // nothing in it hangs on flags or memory, and everything is known: most programs
  size_t count;
  AccessStep steps[];
} AccessProgram;

enum { kNeedsFlags = 1 << 16, kLoops = 1 << 17, kProgramRegisters = 16 };

// What `accesses.py` packed; NULL where there is nothing to do. To be given to free().
AccessProgram* access_program(const uint8_t* packed, size_t bytes);

// Where the values that a program holds in memory are read.
typedef struct {
  uint32_t begin, end;
  const uint8_t* host;
} GuestMemory;

// Called for each access that a block makes, in its order.
typedef void (*AccessFunction)(void* context, uint32_t address, uint32_t size, bool is_store);

// Runs a program from the registers and the APSR that its block begins with, calling `access`.
// Returns how many accesses could not be resolved; those are left out.
uint32_t access_program_run(const AccessProgram* program, uint32_t registers[kProgramRegisters], uint32_t apsr,
                            const GuestMemory* memories, size_t memory_count, AccessFunction access, void* context);

// The same, each access going to `memory_access`.
uint32_t access_program_time(const AccessProgram* program, uint32_t registers[kProgramRegisters], uint32_t apsr,
                             const GuestMemory* memories, size_t memory_count, Memory* memory);

#endif
