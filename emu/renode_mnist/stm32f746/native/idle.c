// Loops that wait: what comes round with nothing changed is skipped to the next event, and counted as if it had
// run.
//
// A look goes block by block from where the core stands. If it comes back there with the same registers, all of RAM
// is copied and the loop is run once more: if registers and RAM (and with a clock model the caches) are the same
// again, no peripheral was written and all reads of peripherals are of the kind that stays, nothing but an event
// can end it.
#include <stdlib.h>
#include <string.h>

#include "chip.h"
#include "spin.h"
#include "wide.h"

enum { kMostBlocks = 64, kMostReturns = 4, kLeastCycles = 512, kNearBytes = 256, kLeastRounds = 16 };
enum { kSysTickRounding = 3 };  // ticks that times of whole picoseconds can be off, at both ends
static const int64_t kLongest = INT64_C(1) << 60;
static const uint32_t kCyccnt = 0xE0001004;
static const uint64_t kLeastPatience = 500, kMostPatience = UINT64_C(1) << 23;
static const uint32_t kLeastPolls = 16, kMostPolls = 1 << 14;

// What a round took.
typedef struct {
  Edge* edges[kMostBlocks];
  int count;
  uint64_t cycles, instructions, dependency_cycles, mispredictions;
} Round;

static uint32_t pc_of(const Chip* chip) {
  static const Register pc[] = {kPc};
  uint32_t value;
  engine_read(&chip->engine, pc, &value, 1);
  return value;
}

static void copy_ram(Chip* chip) {
  size_t at = 0;
  for (int i = 0; i < chip->ram_count; ++i) at += chip->ram[i].end - chip->ram[i].begin;
  if (!chip->idle.ram) chip->idle.ram = malloc(at);
  if (!chip->idle.ram) abort();
  at = 0;
  for (int i = 0; i < chip->ram_count; ++i) {
    const size_t size = chip->ram[i].end - chip->ram[i].begin;
    memcpy(chip->idle.ram + at, chip->ram[i].host, size);
    at += size;
  }
}

static bool ram_is_same(const Chip* chip) {
  size_t at = 0;
  for (int i = 0; i < chip->ram_count; ++i) {
    const size_t size = chip->ram[i].end - chip->ram[i].begin;
    if (memcmp(chip->idle.ram + at, chip->ram[i].host, size) != 0) return false;
    at += size;
  }
  return true;
}

// Caches and bus, of which only the time and the number of accesses may go on.
static void copy_memory(Chip* chip) {
  if (!chip->counter->accesses) return;
  if (!chip->idle.memory) chip->idle.memory = malloc(sizeof *chip->idle.memory);
  if (!chip->idle.memory) abort();
  memcpy(chip->idle.memory, &chip->counter->memory, sizeof *chip->idle.memory);
}

static bool memory_is_same(Chip* chip) {
  if (!chip->counter->accesses) return true;
  Memory* before = chip->idle.memory;
  const Memory* now = &chip->counter->memory;
  const MemoryCounts counts = before->counts;
  before->now = now->now;
  before->waited = now->waited;
  before->counts.accesses[0] = now->counts.accesses[0];
  before->counts.accesses[1] = now->counts.accesses[1];
  before->counts.unresolved = now->counts.unresolved;
  const bool same = memcmp(before, now, sizeof *before) == 0;
  before->counts = counts;
  return same;
}

// Runs one block. False where something else came of it: `stop` is why, kStopNone where it is only not one block.
static bool step(Chip* chip, uint64_t limit_cycles, Round* round, StopKind* stop) {
  BlockCounter* counter = chip->counter;
  const uint64_t instructions = counter->instructions;
  *stop = chip_run_core(chip, counter->cycles + 1);
  if (*stop != kStopNone || !counter->stopped || counter->at_breakpoint) return false;
  if (chip_stop_requested(chip) || counter->cycles >= limit_cycles || !counter->last) return false;
  if (counter->instructions - instructions != counter->last->to->instructions) return false;
  round->edges[round->count++] = counter->last;
  return true;
}

typedef enum { kCameRound, kDidNot, kEnded } Outcome;

// From `head` to there again.
static Outcome go_round(Chip* chip, uint64_t limit_cycles, uint32_t head, Round* round, StopKind* stop) {
  const BlockCounter* counter = chip->counter;
  const Round before = {.cycles = counter->cycles,
                        .instructions = counter->instructions,
                        .dependency_cycles = counter->dependency_cycles,
                        .mispredictions = counter->misprediction_cycles};
  round->count = 0;
  do {
    if (round->count == kMostBlocks) return kDidNot;
    if (!step(chip, limit_cycles, round, stop)) return kEnded;
  } while (pc_of(chip) != head);
  round->cycles = counter->cycles - before.cycles;
  round->instructions = counter->instructions - before.instructions;
  round->dependency_cycles = counter->dependency_cycles - before.dependency_cycles;
  round->mispredictions = counter->misprediction_cycles - before.mispredictions;
  return kCameRound;
}

// `rounds` more of it, without running them.
static void skip(Chip* chip, const Round* round, uint64_t rounds) {
  BlockCounter* counter = chip->counter;
  for (int i = 0; i < round->count; ++i) round->edges[i]->entered += rounds;
  counter->instructions += rounds * round->instructions;
  counter->cycles += rounds * round->cycles;
  counter->dependency_cycles += rounds * round->dependency_cycles;
  if (counter->accesses) {
    MemoryCounts* now = &counter->memory.counts;
    const MemoryCounts* before = &chip->idle.memory->counts;
    for (int i = 0; i < 2; ++i) now->accesses[i] += rounds * (now->accesses[i] - before->accesses[i]);
    now->unresolved += rounds * (now->unresolved - before->unresolved);
  }
}

static const uint8_t* memory_of(const void* chip, uint32_t address, uint32_t size) {
  return chip_memory(chip, address, size);
}

// How many more rounds are sure to go the way of the last one, which read a counter at one place.
static uint64_t sure_rounds(const Chip* chip, const Round* round) {
  const Idle* idle = &chip->idle;
  uint32_t registers[kStateRegisters];
  engine_read_state(&chip->engine, registers);
  const Counts* counts = &idle->counts;  // of a peripheral in Python, if it is none of the core's
  const bool systick = !counts->tick_ps && idle->counter_address != kCyccnt;
  const bool falls = counts->tick_ps ? counts->falls : systick;
  const SpinCounter counter = {idle->counter_address, idle->counter_value, falls ? -1 : 1};
  int64_t ticks = spin_ticks(round->edges, round->count, registers, &counter, memory_of, chip);
  if (counts->tick_ps) {
    if (ticks == kNeverEnds || ticks > counts->ticks) ticks = counts->ticks;
    if (ticks > kLongest / counts->tick_ps) ticks = kLongest / counts->tick_ps;
    if (ticks <= 1) return 0;  // how much of the first is over is not known
    return wide_scaled((uint64_t)((ticks - 1) * counts->tick_ps), chip->clock.hertz, PICOSECONDS, false) /
           round->cycles;
  }
  if (ticks == kNeverEnds) return UINT64_MAX;
  const int64_t apart = systick ? kSysTickRounding : 0;
  return ticks <= 1 + apart ? 0 : (uint64_t)(ticks - 1 - apart) / round->cycles;
}

// A loop that comes back to `head` with other registers: where it waits for a counter, it is skipped to just before
// the counter or an event ends it, and goes round once more, which leaves registers as they would be.
static Outcome look_for_counter(Chip* chip, uint64_t limit_cycles, uint32_t head, StopKind* stop) {
  Idle* idle = &chip->idle;
  Round before, round;
  Outcome outcome = go_round(chip, limit_cycles, head, &before, stop);
  if (outcome != kCameRound) return outcome;
  copy_memory(chip);
  const uint64_t effects = idle->effects, counter_reads = idle->counter_reads;
  outcome = go_round(chip, limit_cycles, head, &round, stop);
  if (outcome != kCameRound) return outcome;
  if (idle->effects != effects + 1 || idle->counter_reads != counter_reads + 1) return kDidNot;
  if (round.mispredictions || !round.cycles || round.cycles != before.cycles || !memory_is_same(chip))
    return kDidNot;
  const uint64_t left = (limit_cycles - chip->counter->cycles) / round.cycles, sure = sure_rounds(chip, &round);
  const uint64_t rounds = left < sure ? left : sure;
  if (rounds < kLeastRounds) return kDidNot;
  skip(chip, &round, rounds - 2);
  idle->found = (Loop){head, false, 0, true, idle->counter_address, idle->counter_value};
  return go_round(chip, limit_cycles, head, &round, stop);
}

// Looks for a loop where the core stands, and skips it. kEnded: the run is over, for `stop`.
static Outcome look(Chip* chip, uint64_t limit_cycles, StopKind* stop) {
  Idle* idle = &chip->idle;
  const uint32_t head = pc_of(chip);
  uint32_t registers[kStateRegisters], again[kStateRegisters];
  Round round;
  engine_read_state(&chip->engine, registers);
  for (int returns = 0;; ++returns) {
    if (returns == kMostReturns) return look_for_counter(chip, limit_cycles, head, stop);
    const uint64_t counter_reads = idle->counter_reads;
    const Outcome outcome = go_round(chip, limit_cycles, head, &round, stop);
    if (outcome != kCameRound) return outcome;
    engine_read_state(&chip->engine, again);
    if (memcmp(registers, again, sizeof registers) == 0) {
      if (idle->counter_reads == counter_reads) break;
      return look_for_counter(chip, limit_cycles, head, stop);  // whose ticks are longer than a round
    }
    memcpy(registers, again, sizeof registers);
  }
  copy_ram(chip);
  copy_memory(chip);
  const uint64_t effects = idle->effects;
  const uint64_t reads = idle->reads;
  const Outcome outcome = go_round(chip, limit_cycles, head, &round, stop);
  if (outcome != kCameRound) return outcome;
  engine_read_state(&chip->engine, again);
  if (idle->effects != effects || round.mispredictions || !round.cycles) return kDidNot;
  if (memcmp(registers, again, sizeof registers) != 0 || !ram_is_same(chip) || !memory_is_same(chip))
    return kDidNot;
  const uint64_t cycles = chip->counter->cycles;
  skip(chip, &round, (limit_cycles - cycles) / round.cycles);
  idle->found =
      (Loop){head, true, chip->clock.happened, idle->reads != reads, idle->read_address, idle->read_value};
  return kCameRound;
}

// Where a loop was skipped last, e.g. behind an interrupt that came into it, a look is worth its price soon.
static bool was_skipped_here(const Chip* chip) {
  const Loop* found = &chip->idle.found;
  return found->pc && pc_of(chip) - found->pc + kNearBytes < 2 * kNearBytes;
}

StopKind idle_run_core(Chip* chip, uint64_t limit_cycles) {
  BlockCounter* counter = chip->counter;
  Idle* idle = &chip->idle;
  idle->found.goes_on = false;
  for (bool soon = was_skipped_here(chip);;) {
    const uint64_t cycles = counter->cycles, patience = soon ? kLeastPatience : idle->patience;
    const uint64_t left = limit_cycles - cycles, more = patience > idle->waited ? patience - idle->waited : 1;
    const uint64_t slice = left <= more || left < kLeastCycles ? limit_cycles : cycles + more;
    idle->polls = 0;
    StopKind stop = chip_run_core(chip, slice);
    idle->waited += counter->cycles - cycles;
    if (stop != kStopNone || !counter->stopped || counter->at_breakpoint) return stop;
    if (counter->cycles >= limit_cycles || chip_stop_requested(chip)) return stop;
    const bool polled = idle->polls >= idle->poll_patience;
    if (!polled && counter->cycles < slice) return stop;  // masks have changed
    if (!chip->outside.interrupted(chip->outside.of)) return kStopError;
    if (limit_cycles - counter->cycles < kLeastCycles) continue;
    const Outcome outcome = look(chip, limit_cycles, &stop);
    idle->waited = 0;
    if (outcome == kEnded) return stop;
    if (outcome == kCameRound) {
      if (idle->poll_patience > kLeastPolls) idle->poll_patience /= 2;
    } else if (soon) {
      idle->found.pc = 0;
    } else if (polled) {
      if (idle->poll_patience < kMostPolls) idle->poll_patience *= 2;
    } else if (idle->patience < kMostPatience) {
      idle->patience *= 2;
    }
    soon = false;
  }
}
