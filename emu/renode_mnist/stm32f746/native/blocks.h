// Translated blocks and the edges between them, as a program was seen to take them.
//
// A run is a walk over edges: each block keeps a list of the blocks that followed it, with how often. Finding the
// edge finds the block, so counting pairs costs no more than counting blocks.
#ifndef RENODE_MNIST_BLOCKS_H
#define RENODE_MNIST_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "accesses.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum { kHashSlots = 1 << 14 };

typedef struct Block Block;

typedef struct Edge {
  struct Edge* next;  // of the same `from`, most useful first
  Block* to;
  uint32_t address;  // of `to`, here to spare a cache line
  uint32_t size;
  uint64_t cycles;             // charged each time,
  uint64_t dependency_cycles;  // of which so many wait for operands
  uint64_t entered;
  uint64_t mispredicted;  // of these times
} Edge;

struct Block {
  Edge* edges;
  Edge* predicted;                // the way out that is expected, by a two-bit counter:
  bool sure;                      // only the second wrong guess in a row changes the expectation
  uint32_t misprediction_cycles;  // charged when it goes another way
  AccessProgram* accesses;        // what it touches; NULL where that is nothing, or not asked for
  uint64_t fetched_in;            // the instruction cache's epoch in which all of its code was there
  struct Block* next_in_slot;
  struct Block* next;  // all blocks but `start`, newest first
  uint32_t address;
  uint32_t size;  // in bytes
  uint32_t instructions;
  bool breakpoint;
};

// All zeros is a graph without blocks.
typedef struct {
  Block start;  // stands before the first block and after each exception
  Block* blocks;
  Block* slots[kHashSlots];
} BlockGraph;

// NULL where there is none.
Block* block_graph_find(const BlockGraph* graph, uint32_t address, uint32_t size);

// A block that is not there yet. Ends the process where there is no memory, as `add_edge` does.
Block* block_graph_add(BlockGraph* graph, uint32_t address, uint32_t size, uint32_t instructions);

// Forgets all blocks and edges.
void block_graph_clear(BlockGraph* graph);

// The block behind `block` in a walk over all of them that begins at `start`; NULL behind the last.
static inline Block* block_graph_next(const BlockGraph* graph, const Block* block) {
  return block == &graph->start ? graph->blocks : block->next;
}

// An edge that is not there yet; it is the first to be found.
Edge* block_add_edge(Block* from, Block* to, uint64_t cycles, uint64_t dependency_cycles);

// The edge to the block at `address`, which then is the first to be found: the callers of a function take turns.
// NULL where it was never taken. Inline: each block that runs comes through here.
static inline Edge* block_find_edge(Block* from, uint32_t address, uint32_t size) {
  Edge* edge = from->edges;
  if (LIKELY(edge && edge->address == address && edge->size == size)) return edge;
  Edge** link = &from->edges;
  while (edge && (edge->address != address || edge->size != size)) {
    link = &edge->next;
    edge = edge->next;
  }
  if (!edge) return NULL;
  *link = edge->next;
  edge->next = from->edges;
  from->edges = edge;
  return edge;
}

#endif
