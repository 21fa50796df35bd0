// Loops that wait for a counter: how long one is sure to go on, worked out from its instructions.
#ifndef RENODE_MNIST_SPIN_H
#define RENODE_MNIST_SPIN_H

#include "blocks.h"
#include "engine.h"

// The one counter that a round reads.
typedef struct {
  uint32_t address;
  uint32_t value;  // as the last round read it
  int slope;       // 1: it counts up, -1: down; by one a tick
} SpinCounter;

enum { kNeverEnds = -1 };

// How many ticks of the counter after the last round's reading a round that reads it goes the same way;
// kNeverEnds, or 0 where that cannot be told. `edges` led to the loop's blocks in the last round, `registers` (R0
// to LR) are as it left them; `memory` is chip_memory().
int64_t spin_ticks(Edge* const* edges, int count, const uint32_t registers[15], const SpinCounter* counter,
                   const uint8_t* (*memory)(const void* of, uint32_t address, uint32_t size), const void* of);

#endif
