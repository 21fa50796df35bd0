#include "counter.h"

#include <stdlib.h>
#include <string.h>

enum { kLargestBlockBytes = 2048 };

// Thumb instructions in `size` bytes: a first half-word of 0xE800 or more opens a 32-bit one (DDI 0403E, A5.1).
static uint32_t count_thumb(const uint8_t* code, uint32_t size) {
  uint32_t count = 0;
  for (uint32_t at = 0; at + 1 < size; ++count) at += code[at + 1] >= 0xE8 ? 4 : 2;
  return count;
}

static bool is_breakpoint(const BlockCounter* self, uint32_t address) {
  for (size_t i = 0; i < self->breakpoint_count; ++i)
    if (self->breakpoints[i] == address) return true;
  return false;
}

static Block* add_block(BlockCounter* self, uint32_t address, uint32_t size, uint32_t instructions) {
  Block* block = block_graph_add(&self->graph, address, size, instructions);
  block->breakpoint = is_breakpoint(self, address);
  return block;
}

static Edge* learn_edge(BlockCounter* self, Block* from, uint32_t address, uint32_t size) {
  Block* to = block_graph_find(&self->graph, address, size);
  if (!to) {
    uint8_t code[kLargestBlockBytes];
    // Cannot fail: Unicorn has just translated these bytes, and ends a block at a page (1 KiB).
    if (size > sizeof code || self->read_memory(self->engine, address, code, size) != 0) abort();
    to = add_block(self, address, size, count_thumb(code, size));
    if (self->accesses) to->accesses = self->accesses(self->timing_model, to);
  }
  const PairCost one_each = {to->instructions, 0};
  const PairCost cost = self->timing ? self->timing(self->timing_model, from, to) : one_each;
  return block_add_edge(from, to, cost.cycles, cost.dependency_cycles);
}

// `from` went by `edge`, which was not expected. The first time nothing was expected and nothing is charged; from
// then on the way that was taken first is a sure one, so that a loop's way out does not turn what is expected of
// its body.
static void mispredict(BlockCounter* self, Block* from, Edge* edge) {
  if (!from->predicted) {
    from->predicted = edge;
    from->sure = true;
    return;
  }
  edge->mispredicted++;
  self->cycles += from->misprediction_cycles;
  self->misprediction_cycles += from->misprediction_cycles;
  if (!from->sure) from->predicted = edge;
  from->sure = false;
}

static bool masks_changed(BlockCounter* self) {
  for (int i = 0; i < kMaskRegisters; ++i) {
    uint32_t value = 0;
    self->read_register(self->engine, self->mask_registers[i], &value);
    if (value != self->watched_masks[i]) return true;
  }
  return false;
}

// What the block of `edge`, which begins now, will wait for memory.
static void wait_for_memory(BlockCounter* self, const Edge* edge) {
  Block* block = edge->to;
  Memory* memory = &self->memory;
  memory->now = self->cycles;
  memory->waited = 0;
  if (block->fetched_in != memory->fetch_epoch) {
    memory->waited = memory_fetch(memory, self->cycles, block->address, block->size, edge->cycles);
    // With a cache that has all of it the next time costs nothing, until that changes.
    if (!memory->waited && memory_keeps_code(memory, block->address)) block->fetched_in = memory->fetch_epoch;
  }
  const AccessProgram* accesses = block->accesses;
  if (accesses) {
    uint32_t apsr = 0;
    if (self->carried != block) {
      for (uint32_t left = accesses->needed & 0xFFFF; left; left &= left - 1) {
        const int reg = __builtin_ctz(left);
        self->read_register(self->engine, self->core_registers[reg], &self->registers[reg]);
      }
      if (accesses->needed & kNeedsFlags) self->read_register(self->engine, self->flags_register, &apsr);
    }
    memory->counts.unresolved +=
        access_program_time(accesses, self->registers, apsr, self->guest, self->guest_count, memory);
  }
  self->carried = accesses && accesses->plain && accesses->needed & kLoops ? block : NULL;
  self->waited = memory->waited;
  self->cycles += memory->waited;
}

static void stop(BlockCounter* self) {
  self->stopped = 1;
  self->stop(self->engine);
}

// A block that is stopped here has not begun, and is not counted.
void block_counter_hook(void* engine, uint64_t address, uint32_t size, void* counter) {
  BlockCounter* self = counter;
  (void)engine;
  if (UNLIKELY(self->cycles >= self->limit_cycles) || UNLIKELY(self->watching && masks_changed(self))) {
    stop(self);
    return;
  }
  Block* from = self->current;
  Edge* edge = block_find_edge(from, (uint32_t)address, size);
  if (UNLIKELY(!edge)) edge = learn_edge(self, from, (uint32_t)address, size);
  if (UNLIKELY(edge->to->breakpoint)) {
    if (!self->skip_breakpoint) {
      self->at_breakpoint = 1;
      stop(self);
      return;
    }
  }
  self->skip_breakpoint = 0;
  if (from->misprediction_cycles) {
    if (LIKELY(edge == from->predicted))
      from->sure = true;
    else
      mispredict(self, from, edge);
  }
  edge->entered++;
  self->instructions += edge->to->instructions;
  self->cycles += edge->cycles;
  self->dependency_cycles += edge->dependency_cycles;
  if (self->accesses) wait_for_memory(self, edge);
  self->current = edge->to;
  self->last = edge;
}

void block_counter_init(BlockCounter* self) {
  self->current = &self->graph.start;
  memory_reset(&self->memory);
}

void block_counter_free(BlockCounter* self) {
  block_graph_clear(&self->graph);
  free(self->breakpoints);
}

void block_counter_begin(BlockCounter* self, uint64_t limit_cycles) {
  self->limit_cycles = limit_cycles;
  self->skip_breakpoint = self->at_breakpoint;
  self->stopped = 0;
  self->at_breakpoint = 0;
  self->carried = NULL;
}

void block_counter_watch_masks(BlockCounter* self, const uint32_t masks[kMaskRegisters]) {
  memcpy(self->watched_masks, masks, sizeof self->watched_masks);
  self->watching = 1;
}

void block_counter_forget_previous(BlockCounter* self) {
  self->carried = NULL;
  self->current = &self->graph.start;
  self->last = NULL;
}

// What was counted for the block under way gives way to its first part.
void block_counter_cut_short(BlockCounter* self, uint32_t size, uint32_t instructions) {
  Edge* whole = self->last;
  if (!whole || size >= whole->size) return;
  whole->entered--;
  self->instructions -= whole->to->instructions - instructions;
  self->cycles -= whole->cycles;
  self->dependency_cycles -= whole->dependency_cycles;
  if (instructions) {
    Block* part = block_graph_find(&self->graph, whole->address, size);
    if (!part) part = add_block(self, whole->address, size, instructions);
    Edge* edge = self->graph.start.edges;
    while (edge && edge->to != part) edge = edge->next;
    if (!edge)
      edge = block_add_edge(&self->graph.start, part, whole->cycles * instructions / whole->to->instructions,
                            whole->dependency_cycles * instructions / whole->to->instructions);
    edge->entered++;
    self->cycles += edge->cycles;
    self->dependency_cycles += edge->dependency_cycles;
  }
  block_counter_forget_previous(self);
}

void block_counter_clear_counts(BlockCounter* self) {
  block_graph_clear(&self->graph);
  block_counter_forget_previous(self);
  memory_reset(&self->memory);
  self->instructions = 0;
}

void block_counter_set_breakpoints(BlockCounter* self, uint32_t* addresses, size_t count) {
  free(self->breakpoints);
  self->breakpoints = addresses;
  self->breakpoint_count = count;
  for (Block* block = self->graph.blocks; block; block = block->next)
    block->breakpoint = is_breakpoint(self, block->address);
}
