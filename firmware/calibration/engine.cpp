// Engine `calibration`: input 0 is how many rounds are wanted; output 0 the cycles that each benchmark's shorter
// routine took at least and at most, then those of the longer; output 1 how many units this one has more; output 2
// registers that tell what chip it is.
#include "engine/engine.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "memory.hpp"
#include "model_config.hpp"
#include "stm32f746.hpp"

namespace {

using namespace calibration;
using namespace stm32f746;

using Routine = void (*)(std::uint32_t turns, void* place, void* beside);

struct Benchmark {
  Routine shorter, longer;
  std::uint32_t turns;
  std::uint32_t units;  // that the longer has more than the shorter
  Place place;
  std::uint8_t state;
};

#define CALIBRATION_ROW(group, name, routine, each, turns, place, state) \
  {calibration_##routine##_short,                                        \
   calibration_##routine##_long,                                         \
   turns,                                                                \
   (each)*kCopies_##routine * (turns),                                   \
   Place::place,                                                         \
   state},
constexpr Benchmark kBenchmarks[] = {CALIBRATION_BENCHMARKS(CALIBRATION_ROW)};
#undef CALIBRATION_ROW

#define CALIBRATION_LAYER(group, name, ...) {name, group, 0},
constexpr engine::LayerInfo kLayers[] = {CALIBRATION_BENCHMARKS(CALIBRATION_LAYER)};
#undef CALIBRATION_LAYER

constexpr std::size_t kCount = model_config::kLayerCount;
static_assert(std::size(kBenchmarks) == kCount && std::size(kLayers) == kCount);

// In DTCM (board/stm32f746.ld): data that loads, stores and branches meet.
alignas(64) std::uint32_t arena[model_config::kArenaBytes / sizeof(std::uint32_t)];
alignas(8) std::int32_t rounds[2];
alignas(8) std::int32_t cycles[kCount][model_config::kExtremes];
alignas(8) std::int32_t units[kCount];
alignas(8) std::int32_t chip[model_config::kChipWords];

// Flash and SRAM1 where no code and no variable is. The two routines walk in places of their own, so that neither
// finds lines of the other in the cache.
constexpr std::uintptr_t kFlashPlace = 0x0804'0000;
constexpr std::uintptr_t kSramPlace = 0x2002'0000;
constexpr std::uintptr_t kDtcmEnd = 0x2001'0000;  // RM0385, 2.2.2
constexpr std::uintptr_t kApart = 0x1'0000;
constexpr std::uintptr_t kItcmAlias = 0x0800'0000 - 0x0020'0000;  // RM0385, 2.2.2: the flash's two addresses

constexpr std::uint32_t kLatency = 0xF;  // RM0385, 3.7.1
constexpr std::uint32_t kPrefetch = 1U << 8;
constexpr std::uint32_t kArt = 1U << 9;
constexpr std::uint32_t kDataCache = 1U << 16;  // PM0253, 4.3.7: CCR
constexpr std::uint32_t kInstructionCache = 1U << 17;

void set_flash(std::uint32_t acr) {
  flash().ACR = acr;
  while ((flash().ACR & kLatency) != (acr & kLatency)) {
  }
  dsb();
  isb();
}

// What the data cache holds of SRAM1 is nobody's, written back or not: the variables of this image are in DTCM.
void empty_data_cache() {
  dsb();
  for (std::uint32_t way = 0; way < 4; ++way) {
    for (std::uint32_t set = 0; set < 32; ++set) dcisw() = way << 30 | set << 5;
  }
  dsb();
}

void empty_instruction_cache() {
  iciallu() = 0;
  dsb();
  isb();
}

void set_caches(std::uint32_t ccr) {
  empty_data_cache();
  empty_instruction_cache();
  scb().CCR = ccr;
  dsb();
  isb();
}

std::uint32_t acr_in(std::uint8_t state, std::uint32_t acr) {
  if ((state & kSlowFlash) != 0) acr |= kLatency;
  if ((state & kNoArt) != 0) acr &= ~kArt;
  if ((state & kNoPrefetch) != 0) acr &= ~kPrefetch;
  return acr;
}

std::uint32_t ccr_in(std::uint8_t state, std::uint32_t ccr) {
  if ((state & kNoInstructionCache) != 0) ccr &= ~kInstructionCache;
  if ((state & kNoDataCache) != 0) ccr &= ~kDataCache;
  return ccr;
}

void* at(std::uintptr_t address) { return reinterpret_cast<void*>(address); }

void* place_of(Place place, std::uintptr_t apart) {
  switch (place) {
    case Place::kDtcm:
      return arena;
    case Place::kSram:
      return at(kSramPlace + apart);
    case Place::kFlashOverItcm:
      return at(kFlashPlace - kItcmAlias + apart);
    default:
      return at(kFlashPlace + apart);
  }
}

// One call for both, so that what stands around a routine costs both the same.
[[gnu::noinline]] std::uint32_t time(Routine routine, std::uint32_t turns, void* place, void* beside) {
  const std::uint32_t before = dwt().CYCCNT;
  routine(turns, place, beside);
  return dwt().CYCCNT - before;
}

Routine over(std::uint8_t state, Routine routine) {
  if ((state & kCodeOverItcm) == 0) return routine;
  return reinterpret_cast<Routine>(reinterpret_cast<std::uintptr_t>(routine) - kItcmAlias);
}

// Bits that no predictor knows (xorshift), the same in every run; also what bodies have left is gone.
void fill_arena() {
  std::uint32_t x = 0x2545'F491;
  for (std::uint32_t& word : arena) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    word = x;
  }
}

void measure(std::size_t index, std::size_t count) {
  const Benchmark& benchmark = kBenchmarks[index];
  const std::uint32_t acr = flash().ACR, ccr = scb().CCR;
  void* beside = benchmark.place == Place::kFlashAndSram ? at(kSramPlace) : arena;
  fill_arena();
  set_flash(acr_in(benchmark.state, acr));
  if (const std::uint32_t wanted = ccr_in(benchmark.state, ccr); wanted != ccr) set_caches(wanted);
  for (std::size_t round = 0; round <= count; ++round) {
    for (std::size_t which = 0; which < 2; ++which) {
      // What is missed is missed in each round, and nothing is there by chance.
      if (benchmark.place != Place::kDtcm) empty_data_cache();
      if ((benchmark.state & kColdCode) != 0) empty_instruction_cache();
      const auto taken =
          static_cast<std::int32_t>(time(over(benchmark.state, which == 0 ? benchmark.shorter : benchmark.longer),
                                         benchmark.turns, place_of(benchmark.place, which * kApart), beside));
      std::int32_t& least = cycles[index][2 * which];
      std::int32_t& most = cycles[index][2 * which + 1];
      // The first round warms caches and branch prediction up, and does not count; nor does it in the second.
      least = round <= 1 ? taken : std::min(least, taken);
      most = round <= 1 ? taken : std::max(most, taken);
    }
  }
  if (scb().CCR != ccr) set_caches(ccr);
  set_flash(acr);
  units[index] = static_cast<std::int32_t>(benchmark.units);
}

void look_at_chip() {
  const std::uint32_t words[model_config::kChipWords] = {
      *reinterpret_cast<const volatile std::uint32_t*>(0xE004'2000),  // RM0385, 40.6.1: DBGMCU_IDCODE
      *reinterpret_cast<const volatile std::uint16_t*>(0x1FF0'F442),  // RM0385, 41.2: flash size in KiB
      scb().CPUID,
      scb().CCR,
      flash().ACR,
      rcc().PLLCFGR,
      rcc().CFGR,
      pwr().CSR1,
  };
  std::memcpy(chip, words, sizeof(chip));
}

constexpr std::uint32_t kRoundsShape[] = {1};
constexpr std::uint32_t kCyclesShape[] = {kCount, model_config::kExtremes};
constexpr std::uint32_t kUnitsShape[] = {kCount};
constexpr std::uint32_t kChipShape[] = {model_config::kChipWords};

constexpr auto kInt32 = engine::ElementType::kInt32;
constexpr engine::TensorInfo kInputs[] = {{"rounds", kInt32, 1, kRoundsShape, 1, sizeof(std::int32_t), 0.0F, 0}};
constexpr engine::TensorInfo kOutputs[] = {
    {"cycles", kInt32, 2, kCyclesShape, model_config::kOutputElements, sizeof(cycles), 0.0F, 0},
    {"units", kInt32, 1, kUnitsShape, kCount, sizeof(units), 0.0F, 0},
    {"chip", kInt32, 1, kChipShape, model_config::kChipWords, sizeof(chip), 0.0F, 0},
};

const engine::ModelInfo kModel = {
    "microbenchmarks",
    "0000000000000000000000000000000000000000000000000000000000000000",
    kInputs,
    model_config::kInputCount,
    kOutputs,
    model_config::kOutputCount,
    kLayers,
    kCount,
    0,
    model_config::kArenaBytes,
    model_config::kStateBytes,
};

// DDI 0403E, B1.5.3: the vectors in RAM, where SVC has a handler that does nothing; VTOR wants them aligned so.
constexpr std::size_t kVectors = 16 + kInterrupts;
constexpr std::size_t kSupervisorCall = 11;
alignas(512) std::uintptr_t vectors[kVectors];

}  // namespace

extern "C" [[gnu::naked, gnu::used]] void calibration_supervisor_call() { asm volatile("bx lr"); }

namespace engine {

const char kEngineName[] = "calibration";

const ModelInfo& model() { return kModel; }

const char* init() {
  // Of a variable behind DTCM the data cache would lose what was written.
  if (reinterpret_cast<std::uintptr_t>(__data_end) > kDtcmEnd ||
      reinterpret_cast<std::uintptr_t>(__flash_end) > kFlashPlace) {
    return "the image reaches into what is measured";
  }
  std::memcpy(vectors, at(scb().VTOR), sizeof(vectors));
  vectors[kSupervisorCall] = reinterpret_cast<std::uintptr_t>(calibration_supervisor_call);
  scb().VTOR = reinterpret_cast<std::uintptr_t>(vectors);
  dsb();
  return nullptr;
}

void* input(std::size_t) { return rounds; }

const void* output(std::size_t index) {
  if (index == 0) return cycles;
  return index == 1 ? static_cast<const void*>(units) : chip;
}

void reset_state() {}

Memory arena_memory() { return {reinterpret_cast<const std::uint8_t*>(arena), sizeof(arena)}; }

void invoke(LayerDone done, void* context) {
  const auto count = static_cast<std::size_t>(
      std::clamp<std::int32_t>(rounds[0], 1, static_cast<std::int32_t>(model_config::kMostRounds)));
  look_at_chip();
  for (std::size_t index = 0; index < kCount; ++index) {
    measure(index, count);
    done(context, index);
  }
}

}  // namespace engine
