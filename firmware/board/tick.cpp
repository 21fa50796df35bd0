#include "tick.hpp"

#include "clock.hpp"
#include "stm32f746.hpp"

namespace board {
namespace {

// DDI 0403E, B3.3.3.
constexpr std::uint32_t kEnable = 1U << 0;
constexpr std::uint32_t kInterrupt = 1U << 1;
constexpr std::uint32_t kCoreClock = 1U << 2;

constexpr std::uint32_t kSeldom = 50;  // RVR has 24 bits: 77 ms at 216 MHz, 58 at 288
static_assert(kSeldom * (kCoreClockHz / 1000) < 1U << 24);

std::uint32_t period = 0;  // milliseconds

void tick_each(std::uint32_t milliseconds) {
  if (period == milliseconds) return;
  period = milliseconds;
  stm32f746::systick().RVR = milliseconds * (core_clock_hz() / 1000) - 1;
  stm32f746::systick().CVR = 0;
  stm32f746::systick().CSR = kEnable | kInterrupt | kCoreClock;
}

}  // namespace

void start_ticks() { tick_each(1); }

void start_slow_ticks() { tick_each(kSeldom); }

void stop_ticks() {
  if (period == 0) return;
  period = 0;
  stm32f746::systick().CSR = 0;
}

extern "C" void tick_interrupt() {}

}  // namespace board
