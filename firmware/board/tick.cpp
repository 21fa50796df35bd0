#include "tick.hpp"

#include "clock.hpp"
#include "stm32f746.hpp"

namespace board {
namespace {

// DDI 0403E, B3.3.3.
constexpr std::uint32_t kEnable = 1U << 0;
constexpr std::uint32_t kInterrupt = 1U << 1;
constexpr std::uint32_t kCoreClock = 1U << 2;

bool ticking = false;

}  // namespace

void start_ticks() {
  if (ticking) return;
  ticking = true;
  stm32f746::systick().RVR = kCoreClockHz / 1000 - 1;
  stm32f746::systick().CVR = 0;
  stm32f746::systick().CSR = kEnable | kInterrupt | kCoreClock;
}

void stop_ticks() {
  if (!ticking) return;
  ticking = false;
  stm32f746::systick().CSR = 0;
}

extern "C" void tick_interrupt() {}

}  // namespace board
