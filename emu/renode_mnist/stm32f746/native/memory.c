#include "memory.h"

#include <string.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)

// Xorshift (Marsaglia 2003): the core's replacement is pseudo-random as well (DDI 0489F 5.1.1), of a kind not told.
static uint32_t next_random(Memory* memory) {
  uint32_t x = memory->random;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return memory->random = x;
}

void memory_invalidate(Memory* memory, bool instructions, bool data) {
  if (instructions) {
    ++memory->fetch_epoch;
    memset(memory->fetch_tags, 0, sizeof memory->fetch_tags);
    memset(memory->art_tags, 0, sizeof memory->art_tags);
  }
  if (data) {
    memset(memory->data_tags, 0, sizeof memory->data_tags);
    memset(memory->dirty, 0, sizeof memory->dirty);
    memory->last_data_line = 0;
  }
}

void memory_reset(Memory* memory) {
  memory_invalidate(memory, true, true);
  memory->random = 0x2545F491;
  memory->art_next = 0;
  memory->last_fetch_line = 0;
  memory->bus_free = 0;
}

void memory_regions_changed(Memory* memory) {
  memset(memory->region_of_granule, kSeveral, sizeof memory->region_of_granule);
  for (uint32_t i = 0; i < memory->region_count; ++i) {
    const Region* region = &memory->regions[i];
    const uint32_t first = (region->begin + (1u << kGranuleBits) - 1) >> kGranuleBits;
    for (uint32_t granule = first; granule < region->end >> kGranuleBits; ++granule)
      memory->region_of_granule[granule] = region->bus == kTightlyCoupled ? kNoWait : (uint8_t)i;
  }
  memory->last_data_line = 0;
}

const Region* memory_search_region(const Memory* memory, uint32_t address) {
  for (uint32_t i = 0; i < memory->region_count; ++i) {
    const Region* region = &memory->regions[i];
    if (address >= region->begin && address < region->end) return region->bus == kTightlyCoupled ? NULL : region;
  }
  return NULL;
}

// A transfer over the AXI bus from `now` on; when its first word is there.
static uint64_t transfer(Memory* memory, uint64_t now, Bus bus, bool whole_line) {
  const uint64_t start = memory->bus_free > now ? memory->bus_free : now;
  const uint64_t first = start + memory->timing.first[bus];
  memory->bus_free = first + (whole_line ? memory->timing.rest[bus] : 0);
  return first;
}

// What is written goes by buffers of four lines; who writes waits only while they are full.
static uint64_t behind_buffers(Memory* memory, uint64_t now, Bus bus) {
  const uint64_t ahead = 4ull * (memory->timing.first[bus] + memory->timing.rest[bus]);
  return memory->bus_free > now + ahead ? memory->bus_free - ahead : now;
}

static uint64_t data_miss(Memory* memory, uint64_t now, const Region* region, uint32_t tag, bool is_store) {
  MemoryCounts* counts = &memory->counts;
  const uint32_t set = tag % kDataSets;
  ++(is_store ? counts->store_misses : counts->load_misses)[region->bus];
  if (is_store && !region->write_back) {
    transfer(memory, now, region->bus, false);
    return behind_buffers(memory, now, region->bus);
  }
  uint32_t way = 0;
  while (way < kDataWays && memory->data_tags[set][way]) ++way;
  if (way == kDataWays) way = next_random(memory) % kDataWays;
  const uint64_t first = transfer(memory, now, region->bus, true);
  if (memory->dirty[set][way]) {
    ++counts->write_backs;
    memory->bus_free += memory->timing.rest[kSramOverAxi];
  }
  memory->data_tags[set][way] = tag;
  memory->dirty[set][way] = is_store;
  return is_store ? behind_buffers(memory, now, region->bus) : first;
}

static uint64_t data_line(Memory* memory, uint64_t now, const Region* region, uint32_t tag, bool is_store) {
  const uint32_t set = tag % kDataSets;
  for (uint32_t way = 0; way < kDataWays; ++way) {
    if (memory->data_tags[set][way] != tag) continue;
    if (is_store) {
      if (region->write_back) {
        memory->dirty[set][way] = true;
      } else {
        transfer(memory, now, region->bus, false);
        return behind_buffers(memory, now, region->bus);
      }
    }
    return now;
  }
  return data_miss(memory, now, region, tag, is_store);
}

static uint32_t art_wait(Memory* memory, uint32_t tag, bool sequential);

void memory_wait_for_bus(Memory* memory, const Region* region, uint32_t address, uint32_t size, bool is_store) {
  const uint32_t first = memory_line(address), last = memory_line(address + size - 1);
  const uint64_t begin = memory->now + memory->waited;
  uint64_t now = begin;
  if (region->bus == kFlashOverItcm) {
    for (uint32_t tag = first; tag <= last; ++tag) now += art_wait(memory, tag, false);
  } else if (memory->timing.data_cache && region->cacheable) {
    for (uint32_t tag = first; tag <= last; ++tag) now = data_line(memory, now, region, tag, is_store);
    memory->last_data_line = is_store && !region->write_back ? 0 : last;  // written through, it may not be there
  } else {
    for (uint32_t done = 0; done < size; done += 8) {
      const uint64_t there = transfer(memory, now, region->bus, false);
      now = is_store ? behind_buffers(memory, now, region->bus) : there;
    }
  }
  memory->waited += now - begin;
  memory->counts.data_cycles += now - begin;
}

// The ART accelerator (RM0385 3.3.2): 64 lines, and the next one read ahead while 32 bytes of code run.
static uint32_t art_wait(Memory* memory, uint32_t tag, bool sequential) {
  const MemoryTiming* timing = &memory->timing;
  if (timing->art) {
    for (uint32_t i = 0; i < kArtLines; ++i)
      if (memory->art_tags[i] == tag) return 0;
    memory->art_tags[memory->art_next++ % kArtLines] = tag;
    ++memory->fetch_epoch;
  }
  ++memory->counts.fetch_misses;
  const uint32_t ahead = timing->art && timing->art_prefetch && sequential ? 8 : 0;
  return timing->flash_access > ahead ? timing->flash_access - ahead : 0;
}

static uint64_t fetch_through_cache(Memory* memory, uint64_t now, Bus bus, uint32_t tag) {
  const uint32_t set = tag % kFetchSets;
  for (uint32_t way = 0; way < kFetchWays; ++way)
    if (memory->fetch_tags[set][way] == tag) return now;
  uint32_t way = 0;
  while (way < kFetchWays && memory->fetch_tags[set][way]) ++way;
  if (way == kFetchWays) way = next_random(memory) % kFetchWays;
  memory->fetch_tags[set][way] = tag;
  ++memory->fetch_epoch;
  ++memory->counts.fetch_misses;
  return transfer(memory, now, bus, true);
}

uint64_t memory_fetch(Memory* memory, uint64_t now, uint32_t address, uint32_t size, uint64_t pipeline_cycles) {
  const MemoryTiming* timing = &memory->timing;
  const uint32_t first = memory_line(address), last = memory_line(address + size - 1);
  if (LIKELY(first == last && first == memory->last_fetch_line)) return 0;
  const Region* region = memory_region(memory, address);
  if (!region) {
    memory->last_fetch_line = last;
    return 0;
  }
  uint64_t end = now;
  for (uint32_t tag = first; tag <= last; ++tag) {
    const bool sequential = tag == memory->last_fetch_line + 1;
    if (tag == memory->last_fetch_line) continue;
    memory->last_fetch_line = tag;
    if (region->bus == kFlashOverItcm) {
      end += art_wait(memory, tag, sequential);
    } else if (timing->instruction_cache && region->cacheable) {
      end = fetch_through_cache(memory, end, region->bus, tag);
    } else {
      // Four beats, which are asked for ahead of their use: what the pipeline takes meanwhile is not waited for.
      ++memory->counts.fetch_misses;
      const uint64_t line = memory->timing.first[region->bus] + 3ull * timing->fetch_beat;
      const uint64_t hidden = sequential ? pipeline_cycles / (last - first + 1) : 0;
      end += line > hidden ? line - hidden : 0;
    }
  }
  memory->counts.fetch_cycles += end - now;
  return end - now;
}

bool memory_keeps_code(const Memory* memory, uint32_t address) {
  const Region* region = memory_region(memory, address);
  if (!region) return true;
  return region->bus == kFlashOverItcm ? memory->timing.art : memory->timing.instruction_cache && region->cacheable;
}
