// What the app needs of the place it runs in. board/ and host/ each define it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace port {

// Free-running counter of what the place counts (core cycles; nanoseconds on a PC). It wraps: only
// differences of up to 2^32 - 1 mean anything (19.9 s at 216 MHz, 4.3 s in nanoseconds).
std::uint32_t counter();

// How often counter() counts in a second, nominally.
std::uint32_t counter_hz();

// What did not get ready in time, so that the core runs on the oscillator that it starts with.
enum class ClockProblem : std::uint8_t {  // as MnistProt::ClockProblem
  kNone,
  kOverDrive,
  kWaitStates,
  kPll,
  kSwitch
};
ClockProblem clock_problem();

// Puts bytes on the binary line. Returns once the last one is handed over; may sleep meanwhile.
void send(const std::uint8_t* bytes, std::size_t count);

// The same for the text console.
void print(const char* text, std::size_t count);

// Whether flash, RAM and stack are the image's own, so that memory() accounts for them. Known when it is
// compiled: the chip's image has no code for a PC.
#ifdef __arm__
inline constexpr bool kMeasuresMemory = true;
#else
inline constexpr bool kMeasuresMemory = false;
#endif

struct Memory {
  std::uint32_t flash_bytes;       // code, constants and initial data
  std::uint32_t ram_static_bytes;  // .data and .bss
  std::uint32_t stack_bytes;       // reserved
  std::uint32_t stack_used_bytes;  // high-water mark since reset
};
Memory memory();  // all 0 where they have no meaning

struct Bytes {
  const std::uint8_t* bytes;
  std::size_t count;
};
Bytes build_id();  // of the image

// What of the image never changes while it runs, in the order in which its checksum takes it (image.hpp); false
// beyond the last part.
bool constant_part(std::size_t index, Bytes& part);

enum class ResetCause : std::uint8_t {  // as MnistProt::ResetCause
  kUnknown,
  kPowerOn,
  kBrownOut,
  kPin,
  kSoftware,
  kIndependentWatchdog,
  kWindowWatchdog,
  kLowPower
};
ResetCause reset_cause();  // of the last reset

// After so long without the main loop a watchdog resets; 0 where there is none, or it did not start.
std::uint32_t watchdog_ms();

Bytes chip_id();  // of this very chip; empty where there is none

// Resets once everything sent has left. On a PC it returns, and app::start() follows.
void reset();

}  // namespace port
