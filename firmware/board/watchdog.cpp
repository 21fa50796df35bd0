#include "watchdog.hpp"

#include "stm32f746.hpp"
#include "wait.hpp"

namespace board {
namespace {

// RM0385, 28.4.1: IWDG_KR.
constexpr std::uint32_t kStart = 0xCCCC;
constexpr std::uint32_t kAccess = 0x5555;
constexpr std::uint32_t kFeed = 0xAAAA;

// Counts of LSI, nominally 32 kHz (17 to 47 kHz: DS10916, table 39), so that a time is up after 0.68 to 1.9 of it.
constexpr std::uint32_t kLsiKilohertz = 32;
constexpr std::uint32_t kMostCounts = 4096;  // 28.4.3: IWDG_RLR has 12 bits

// 28.4.2: IWDG_PR 0 to 6 divide by 4 to 256; the finest that reaches.
constexpr std::uint32_t prescaler() {
  std::uint32_t code = 0;
  while (code < 6 && kWatchdogMs * kLsiKilohertz > kMostCounts << (code + 2)) ++code;
  return code;
}
constexpr std::uint32_t kPrescaler = prescaler();
constexpr std::uint32_t kCounts = (kWatchdogMs * kLsiKilohertz) >> (kPrescaler + 2);
static_assert(kWatchdogMs == 0 || (kCounts > 0 && kCounts <= kMostCounts), "Options.cmake has the range");

bool runs = false;

}  // namespace

void start_watchdog() {
  if constexpr (kWatchdogMs > 0) {
    stm32f746::Iwdg& iwdg = stm32f746::iwdg();
    iwdg.KR = kStart;  // starts LSI too
    iwdg.KR = kAccess;
    iwdg.PR = kPrescaler;
    iwdg.RLR = kCounts - 1;
    runs = comes_in_time(iwdg.SR, ~0U, 0);  // five cycles of LSI each; never without LSI
    iwdg.KR = kFeed;
  }
}

void feed_watchdog() {
  if constexpr (kWatchdogMs > 0) stm32f746::iwdg().KR = kFeed;
}

std::uint32_t watchdog_ms() { return runs ? kWatchdogMs : 0; }

}  // namespace board
