// Waiting for the hardware, with an end: what never comes is to be told, not waited for.
#pragma once

#include <cstdint>

#include "stm32f746.hpp"

namespace board {

// 10 ms or more at the 16 MHz of HSI: a round takes four cycles at least. What is waited for takes 0.3 ms at most
// (DS10916: the PLL's lock time; five cycles of LSI at its slowest).
inline constexpr std::uint32_t kMostRounds = 40'000;

inline bool comes_in_time(const stm32f746::Register& status, std::uint32_t mask, std::uint32_t value) {
  for (std::uint32_t left = kMostRounds; left > 0; --left) {
    if ((status & mask) == value) return true;
  }
  return false;
}

}  // namespace board
