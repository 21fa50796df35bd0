// What the memories of an STM32F746 keep its Cortex-M7 waiting for: caches, the AXI bus, flash and SRAM behind it.
//
// The Python twin is CacheModel in timing/memory.py, where each figure stands with its source.
#ifndef RENODE_MNIST_MEMORY_H
#define RENODE_MNIST_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

enum { kLineBytes = 32, kMostRegions = 128, kDataSets = 32, kDataWays = 4, kFetchSets = 64, kFetchWays = 2, kArtLines = 64 };

// Behind which bus a region lies.
typedef enum { kTightlyCoupled, kFlashOverAxi, kFlashOverItcm, kSramOverAxi, kBusCount } Bus;

typedef struct {
  uint32_t begin, end;
  uint8_t bus;
  bool cacheable, write_back;
} Region;

// In cycles of the core.
typedef struct {
  uint32_t first[kBusCount];      // from a miss to the word that was asked for
  uint32_t rest[kBusCount];       // more until the line is there and the bus is free
  uint32_t flash_access;          // wait states and the access itself
  uint32_t fetch_beat;            // 64 bits of code over AXI without the instruction cache, but for the flash
  uint32_t unaligned;             // more for an access across 64 bits
  bool instruction_cache, data_cache, art, art_prefetch;
} MemoryTiming;

typedef struct {
  uint64_t fetch_cycles, data_cycles;            // waited
  uint64_t loads, stores, unresolved;            // accesses; an LDM is one
  uint64_t fetch_misses;                         // lines
  uint64_t load_misses[kBusCount], store_misses[kBusCount];
  uint64_t write_backs;
} MemoryCounts;

typedef struct {
  MemoryTiming timing;
  Region regions[kMostRegions];
  uint32_t region_count;
  const Region *last_data_region, *last_code_region;
  uint32_t data_tags[kDataSets][kDataWays], fetch_tags[kFetchSets][kFetchWays], art_tags[kArtLines];
  bool dirty[kDataSets][kDataWays];
  uint32_t random;             // which way goes next
  uint32_t art_next;           // likewise, in turn
  uint32_t last_fetch_line;
  uint64_t now, bus_free;
  uint64_t waited;             // in the block under way
  MemoryCounts counts;
} Memory;

// Empties the caches, as a reset does; the counts go on.
void memory_reset(Memory* memory);

// What the program writes to CCR, or by set and way, does to lines: all at once.
void memory_invalidate(Memory* memory, bool instructions, bool data);

// Code of a block is fetched, which then takes `pipeline_cycles`. Cycles that it waits.
uint64_t memory_fetch(Memory* memory, uint64_t now, uint32_t address, uint32_t size, uint64_t pipeline_cycles);

// An AccessFunction; the context is a Memory. Adds to `waited`.
void memory_access(void* memory, uint32_t address, uint32_t size, bool is_store);

#endif
