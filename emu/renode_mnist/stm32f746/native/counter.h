// Counts translated blocks, and what it cost to come to each from the one before, while Unicorn runs.
//
// The Python twin is PythonBlockCounter in blockcounter.py: same counts, 4 to 50 times slower.
// Nothing here links against Unicorn or Python; Unicorn's functions come in as addresses.
#ifndef RENODE_MNIST_COUNTER_H
#define RENODE_MNIST_COUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blocks.h"
#include "memory.h"

enum { kMaskRegisters = 3 };  // PRIMASK, BASEPRI, FAULTMASK

// uc_emu_stop, uc_reg_read, uc_mem_read: their first argument is the uc_engine*.
typedef int (*StopFunction)(void* engine);
typedef int (*RegisterFunction)(void* engine, int register_id, void* value);
typedef int (*MemoryFunction)(void* engine, uint64_t address, void* bytes, uint64_t size);

// What a pair of blocks costs.
typedef struct {
  uint64_t cycles, dependency_cycles;
} PairCost;

// The clock model: what `to` costs after `from`, asked once a pair. It sets `from->misprediction_cycles`.
typedef PairCost (*TimingFunction)(void* model, Block* from, const Block* to);

// What a block touches, asked once a block; NULL where that is nothing.
typedef AccessProgram* (*AccessesFunction)(void* model, const Block* block);

enum { kMostMemories = 8 };

typedef struct {
  void* engine;
  StopFunction stop;
  RegisterFunction read_register;
  MemoryFunction read_memory;
  int mask_registers[kMaskRegisters];  // by their numbers in Unicorn
  int core_registers[kProgramRegisters - 1];
  int flags_register;

  unsigned long long instructions;  // to the end of the block under way
  unsigned long long cycles;        // the same by the clock model
  unsigned long long limit_cycles;
  char stopped;        // this hook ended the run,
  char at_breakpoint;  // and did so for a breakpoint
  char watching;
  uint32_t watched_masks[kMaskRegisters];

  Edge* last;      // the edge that led to the block being executed
  Block* current;  // that block, or `graph.start` after block_counter_forget_previous()

  uint32_t* breakpoints;
  size_t breakpoint_count;
  char skip_breakpoint;

  TimingFunction timing;      // NULL: one cycle an instruction
  AccessesFunction accesses;  // NULL: memory costs nothing
  void* timing_model;
  uint64_t dependency_cycles, misprediction_cycles;  // parts of `cycles`
  uint32_t registers[kProgramRegisters];             // what the accesses of `carried` left for the same block
  const Block* carried;                              // NULL where that is nothing
  uint64_t waited;                                   // of `cycles`, what the block under way waited for memory

  Memory memory;
  GuestMemory guest[kMostMemories];
  size_t guest_count;

  BlockGraph graph;
} BlockCounter;

// To be called once, on zeros; the fields up to `flags_register`, `timing`, `accesses`, `timing_model`, `guest` and
// what `memory` is to begin with are the caller's to set.
void block_counter_init(BlockCounter* counter);

// Gives back what the counter holds.
void block_counter_free(BlockCounter* counter);

// uc_cb_hookcode_t for UC_HOOK_BLOCK, with the counter as its user data.
void block_counter_hook(void* engine, uint64_t address, uint32_t size, void* counter);

// What follows is as in BlockCounter of blockcounter.py.
void block_counter_begin(BlockCounter* counter, uint64_t limit_cycles);
void block_counter_watch_masks(BlockCounter* counter, const uint32_t masks[kMaskRegisters]);
void block_counter_forget_previous(BlockCounter* counter);
void block_counter_cut_short(BlockCounter* counter, uint32_t size, uint32_t instructions);
void block_counter_clear_counts(BlockCounter* counter);

// Takes `addresses`, which were allocated by calloc().
void block_counter_set_breakpoints(BlockCounter* counter, uint32_t* addresses, size_t count);

#endif
