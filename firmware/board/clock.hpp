// Core clock from the internal 16 MHz oscillator, which every board has.
#pragma once

#include <cstdint>

#include "build_info.hpp"
#include "wiring.hpp"

namespace board {

inline constexpr std::uint32_t kCoreClockHz = build_info::kCoreClockHz;
static_assert(kCoreClockHz == 216'000'000 || kCoreClockHz == 288'000'000);

// DS10916, table 17: APB1 at most 54 MHz, APB2 at most 108 MHz.
inline constexpr std::uint32_t kApb1Divider = kCoreClockHz == 216'000'000 ? 4 : 8;
inline constexpr std::uint32_t kApb2Divider = kApb1Divider / 2;

constexpr std::uint32_t bus_clock_hz(Bus bus) {
  return kCoreClockHz / (bus == Bus::kApb1 ? kApb1Divider : kApb2Divider);
}

void start_clock();

}  // namespace board
