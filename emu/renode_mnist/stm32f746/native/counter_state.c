#include "counter_state.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
  uint64_t instructions, cycles, dependency_cycles, misprediction_cycles, waited;
  uint32_t watched_masks[kMaskRegisters];
  uint32_t current_address, current_size;  // 0: `graph.start`
  uint32_t blocks;                         // besides `graph.start`
  uint8_t watching, has_memory;
} Header;

typedef struct {
  uint64_t fetched_in;
  uint32_t address, size, instructions, misprediction_cycles, edges;
  uint8_t sure;
} BlockRecord;

typedef struct {
  uint64_t cycles, dependency_cycles, entered, mispredicted;
  uint32_t address, size;  // of the block it leads to
  uint8_t predicted, last;
} EdgeRecord;

// Copies and goes on; only goes on where there is nothing to copy to.
static void put(uint8_t* into, size_t* at, const void* record, size_t size) {
  if (into) memcpy(into + *at, record, size);
  *at += size;
}

static bool take(const uint8_t* bytes, size_t size, size_t* at, void* record, size_t record_size) {
  if (record_size > size - *at) return false;
  memcpy(record, bytes + *at, record_size);
  *at += record_size;
  return true;
}

static void save_block(const BlockCounter* self, const Block* block, uint8_t* into, size_t* at) {
  BlockRecord record;
  memset(&record, 0, sizeof record);
  record.fetched_in = block->fetched_in;
  record.address = block->address;
  record.size = block->size;
  record.instructions = block->instructions;
  record.misprediction_cycles = block->misprediction_cycles;
  record.sure = block->sure;
  for (const Edge* edge = block->edges; edge; edge = edge->next) ++record.edges;
  put(into, at, &record, sizeof record);
  for (const Edge* edge = block->edges; edge; edge = edge->next) {
    EdgeRecord way;
    memset(&way, 0, sizeof way);
    way.cycles = edge->cycles;
    way.dependency_cycles = edge->dependency_cycles;
    way.entered = edge->entered;
    way.mispredicted = edge->mispredicted;
    way.address = edge->address;
    way.size = edge->size;
    way.predicted = edge == block->predicted;
    way.last = edge == self->last;
    put(into, at, &way, sizeof way);
  }
}

size_t block_counter_save(const BlockCounter* self, uint8_t* into) {
  Header header;
  memset(&header, 0, sizeof header);
  header.instructions = self->instructions;
  header.cycles = self->cycles;
  header.dependency_cycles = self->dependency_cycles;
  header.misprediction_cycles = self->misprediction_cycles;
  header.waited = self->waited;
  memcpy(header.watched_masks, self->watched_masks, sizeof header.watched_masks);
  header.current_address = self->current->address;
  header.current_size = self->current->size;
  header.watching = (uint8_t)self->watching;
  header.has_memory = self->accesses != NULL;
  for (const Block* block = self->graph.blocks; block; block = block->next) ++header.blocks;
  size_t at = 0;
  put(into, &at, &header, sizeof header);
  for (const Block* block = &self->graph.start; block; block = block_graph_next(&self->graph, block))
    save_block(self, block, into, &at);
  if (self->accesses) put(into, &at, &self->memory, sizeof self->memory);
  return at;
}

// The first pass makes the blocks, the second the edges between them.
static bool restore_blocks(BlockCounter* self, const Header* header, const uint8_t* bytes, size_t size, size_t* at,
                           bool edges) {
  for (uint32_t i = 0; i <= header->blocks; ++i) {
    BlockRecord record;
    if (!take(bytes, size, at, &record, sizeof record)) return false;
    Block* block = i == 0  ? &self->graph.start
                   : edges ? block_graph_find(&self->graph, record.address, record.size)
                           : block_graph_add(&self->graph, record.address, record.size, record.instructions);
    if (!block) return false;
    if (!edges) {
      block->fetched_in = record.fetched_in;
      block->misprediction_cycles = record.misprediction_cycles;
      block->sure = record.sure;
      block->predicted = NULL;
      if (i && self->accesses) block->accesses = self->accesses(self->timing_model, block);
    }
    for (uint32_t j = 0; j < record.edges; ++j) {
      EdgeRecord way;
      if (!take(bytes, size, at, &way, sizeof way)) return false;
      if (!edges) continue;
      Block* to = block_graph_find(&self->graph, way.address, way.size);
      if (!to) return false;
      Edge* edge = block_add_edge(block, to, way.cycles, way.dependency_cycles);
      edge->entered = way.entered;
      edge->mispredicted = way.mispredicted;
      if (way.predicted) block->predicted = edge;
      if (way.last) self->last = edge;
    }
  }
  return true;
}

static void mark_breakpoints(BlockCounter* self) {
  const size_t count = self->breakpoint_count;
  uint32_t* same = calloc(count ? count : 1, sizeof *same);
  if (!same) abort();
  if (count) memcpy(same, self->breakpoints, count * sizeof *same);
  block_counter_set_breakpoints(self, same, count);
}

bool block_counter_restore(BlockCounter* self, const uint8_t* bytes, size_t size) {
  Header header;
  size_t at = 0;
  if (!take(bytes, size, &at, &header, sizeof header) || header.has_memory != (self->accesses != NULL))
    return false;
  block_graph_clear(&self->graph);
  block_counter_forget_previous(self);
  size_t again = at;
  if (!restore_blocks(self, &header, bytes, size, &at, false)) return false;
  if (!restore_blocks(self, &header, bytes, size, &again, true)) return false;
  if (self->accesses && !take(bytes, size, &at, &self->memory, sizeof self->memory)) return false;
  if (header.current_size) {
    self->current = block_graph_find(&self->graph, header.current_address, header.current_size);
    if (!self->current) return false;
  }
  self->instructions = header.instructions;
  self->cycles = header.cycles;
  self->dependency_cycles = header.dependency_cycles;
  self->misprediction_cycles = header.misprediction_cycles;
  self->waited = header.waited;
  memcpy(self->watched_masks, header.watched_masks, sizeof self->watched_masks);
  self->watching = (char)header.watching;
  self->stopped = self->at_breakpoint = 0;
  mark_breakpoints(self);
  return true;
}
