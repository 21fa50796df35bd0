// The independent watchdog (RM0385, 28): it resets the chip unless the main loop comes round in time. WATCHDOG_MS
// in CMake, 0 for none.
#pragma once

#include <cstdint>

namespace board {

inline constexpr std::uint32_t kWatchdogMs = WATCHDOG_MS;

// From here on to the next reset there is no way to stop it.
void start_watchdog();

void feed_watchdog();

// kWatchdogMs, or 0 where it did not start.
std::uint32_t watchdog_ms();

}  // namespace board
