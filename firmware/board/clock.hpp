// Core clock by the PLL from the internal 16 MHz oscillator, which every board has.
#pragma once

#include <cstdint>

#include "build_info.hpp"
#include "port.hpp"
#include "wiring.hpp"

namespace board {

// What the image is built for.
inline constexpr std::uint32_t kCoreClockHz = build_info::kCoreClockHz;
static_assert(kCoreClockHz == 216'000'000 || kCoreClockHz == 288'000'000);

// DS10916, table 17: APB1 at most 54 MHz, APB2 at most 108 MHz.
inline constexpr std::uint32_t kApb1Divider = kCoreClockHz == 216'000'000 ? 4 : 8;
inline constexpr std::uint32_t kApb2Divider = kApb1Divider / 2;

inline constexpr std::uint32_t kHsiHz = 16'000'000;

// Where a part of it does not get ready in time, the core stays on HSI.
void start_clock();

// What kept the core on HSI.
port::ClockProblem clock_problem();

// As they are: those of the image, or HSI's, undivided.
std::uint32_t core_clock_hz();
std::uint32_t bus_clock_hz(Bus bus);

}  // namespace board
