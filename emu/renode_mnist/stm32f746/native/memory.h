// What the memories of an STM32F746 keep its Cortex-M7 waiting for: caches, the AXI bus, flash and SRAM behind it.
//
// What a miss costs comes in from outside: renode_mnist/timing/memory.py has each figure with its source.
#ifndef RENODE_MNIST_MEMORY_H
#define RENODE_MNIST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  kLineBytes = 32,
  kMostRegions = 128,
  kDataSets = 32,
  kDataWays = 4,
  kFetchSets = 64,
  kFetchWays = 2,
  kArtLines = 64
};

// The address space in pieces of 64 KiB, to find the region of an address at once.
enum { kGranuleBits = 16, kGranules = 1 << (32 - kGranuleBits), kSeveral = 0xFF, kNoWait = 0xFE };

// Behind which bus a region lies.
typedef enum { kTightlyCoupled, kFlashOverAxi, kFlashOverItcm, kSramOverAxi, kBusCount } Bus;

typedef struct {
  uint32_t begin, end;
  uint8_t bus;
  bool cacheable, write_back;
} Region;

// In cycles of the core.
typedef struct {
  uint32_t first[kBusCount];  // from a miss to the word that was asked for
  uint32_t rest[kBusCount];   // more until the line is there and the bus is free
  uint32_t flash_access;      // wait states and the access itself
  uint32_t fetch_beat;        // 64 bits of code over AXI without the instruction cache, but for the flash
  uint32_t unaligned;         // more for a load that is not aligned to its size
  bool instruction_cache, data_cache, art, art_prefetch;
} MemoryTiming;

typedef struct {
  uint64_t fetch_cycles, data_cycles;  // waited
  uint64_t accesses[2], unresolved;    // loads, stores; an LDM is one
  uint64_t fetch_misses;               // lines
  uint64_t load_misses[kBusCount], store_misses[kBusCount];
  uint64_t write_backs;
} MemoryCounts;

typedef struct {
  MemoryTiming timing;
  Region regions[kMostRegions];
  uint32_t region_count;
  uint8_t region_of_granule[kGranules];  // the region that holds all of it, or one of those below
  uint32_t data_tags[kDataSets][kDataWays], fetch_tags[kFetchSets][kFetchWays], art_tags[kArtLines];
  bool dirty[kDataSets][kDataWays];
  uint32_t random;                           // which way goes next
  uint32_t art_next;                         // likewise, in turn
  uint32_t last_fetch_line, last_data_line;  // used last, so they are still there
  uint64_t now, bus_free;
  uint64_t waited;       // in the block under way
  uint64_t fetch_epoch;  // how often the instruction cache has changed, plus one
  MemoryCounts counts;
} Memory;

// Empties the caches, as a reset does; the counts go on.
void memory_reset(Memory* memory);

// To be called when `regions` were changed.
void memory_regions_changed(Memory* memory);

// What the program writes to CCR, or by set and way, does to lines: all at once.
void memory_invalidate(Memory* memory, bool instructions, bool data);

// Code of a block is fetched, which then takes `pipeline_cycles`. Cycles that it waits.
uint64_t memory_fetch(Memory* memory, uint64_t now, uint32_t address, uint32_t size, uint64_t pipeline_cycles);

// Whether code from there is kept by a cache, or needs none.
bool memory_keeps_code(const Memory* memory, uint32_t address);

// What `memory_access` leaves: more than tightly coupled memory and the line used last.
void memory_wait_for_bus(Memory* memory, const Region* region, uint32_t address, uint32_t size, bool is_store);
const Region* memory_search_region(const Memory* memory, uint32_t address);

// Line numbers plus one, so that zeros are an empty cache.
static inline uint32_t memory_line(uint32_t address) { return address / kLineBytes + 1; }

// NULL for tightly coupled memory and for a peripheral: who goes there does not wait.
static inline const Region* memory_region(const Memory* memory, uint32_t address) {
  const uint8_t index = memory->region_of_granule[address >> kGranuleBits];
  if (index == kNoWait) return NULL;
  return index != kSeveral ? &memory->regions[index] : memory_search_region(memory, address);
}

// The block under way reads or writes; adds to `waited`. Inline: most accesses end here.
static inline void memory_access(Memory* memory, uint32_t address, uint32_t size, bool is_store) {
  ++memory->counts.accesses[is_store];
  if (__builtin_expect(address & (size - 1) & 3, 0) && !is_store && size <= 4) {
    memory->waited += memory->timing.unaligned;
    memory->counts.data_cycles += memory->timing.unaligned;
  }
  const Region* region = memory_region(memory, address);
  if (!region) return;
  const uint32_t line = memory_line(address);
  if (!is_store && line == memory_line(address + size - 1)) {
    if (line == memory->last_data_line) return;
    const uint32_t* tags = memory->data_tags[line % kDataSets];
    if (tags[0] == line || tags[1] == line || tags[2] == line || tags[3] == line) {
      memory->last_data_line = line;
      return;
    }
  }
  memory_wait_for_bus(memory, region, address, size, is_store);
}

#endif
