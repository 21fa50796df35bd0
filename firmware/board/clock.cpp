#include "clock.hpp"

#include "stm32f746.hpp"

namespace board {
namespace {

// RM0385, 5.3.1 to 5.3.3.
constexpr std::uint32_t kPllOn = 1U << 24;
constexpr std::uint32_t kPllReady = 1U << 25;
constexpr std::uint32_t kSwitchPll = 2;
constexpr std::uint32_t kSwitchStatusPll = 2U << 2;
constexpr std::uint32_t kSwitchStatusMask = 3U << 2;
constexpr std::uint32_t kPwrEnable = 1U << 28;  // RCC_APB1ENR, 5.3.13

// RM0385, 4.4.1 and 4.4.2.
constexpr std::uint32_t kOverDrive = 1U << 16;
constexpr std::uint32_t kOverDriveSwitch = 1U << 17;
constexpr std::uint32_t kOverDriveReady = 1U << 16;
constexpr std::uint32_t kOverDriveSwitchReady = 1U << 17;

// RM0385, 3.7.1.
constexpr std::uint32_t kPrefetch = 1U << 8;
constexpr std::uint32_t kArt = 1U << 9;
constexpr std::uint32_t kLatencyMask = 0xF;

// RM0385, 3.3.2, table 5: one wait state more for each 30 MHz at 2.7 V and above.
constexpr std::uint32_t kWaitStates = (kCoreClockHz - 1) / 30'000'000;
static_assert(kCoreClockHz != 216'000'000 || kWaitStates == 7);

// f = 16 MHz / M * N / P with P = 2; Q = 9 keeps the unused 48 MHz output in its range at 216 MHz.
constexpr std::uint32_t kPllM = 8;
constexpr std::uint32_t kPllN = kCoreClockHz / 1'000'000;
constexpr std::uint32_t kPllConfiguration = kPllM | kPllN << 6 | 9U << 24;

// Dividers 2, 4, 8 are coded 100, 101, 110.
constexpr std::uint32_t divider_code(std::uint32_t divider) { return divider == 2 ? 4 : divider == 4 ? 5 : 6; }

void wait_for(const stm32f746::Register& status, std::uint32_t mask, std::uint32_t value) {
  while ((status & mask) != value) {
  }
}

}  // namespace

void start_clock() {
  using namespace stm32f746;
  rcc().APB1ENR = rcc().APB1ENR | kPwrEnable;
  dsb();

  // Voltage scale 1 is what PWR_CR1 holds after reset. The over-drive is entered between starting the PLL and
  // switching to it (4.1.4).
  rcc().PLLCFGR = kPllConfiguration;
  rcc().CR = rcc().CR | kPllOn;
  pwr().CR1 = pwr().CR1 | kOverDrive;
  wait_for(pwr().CSR1, kOverDriveReady, kOverDriveReady);
  pwr().CR1 = pwr().CR1 | kOverDriveSwitch;
  wait_for(pwr().CSR1, kOverDriveSwitchReady, kOverDriveSwitchReady);

  flash().ACR = kWaitStates | kPrefetch | kArt;
  wait_for(flash().ACR, kLatencyMask, kWaitStates);

  wait_for(rcc().CR, kPllReady, kPllReady);
  constexpr std::uint32_t kDividers = divider_code(kApb1Divider) << 10 | divider_code(kApb2Divider) << 13;
  rcc().CFGR = kDividers;
  rcc().CFGR = kDividers | kSwitchPll;
  wait_for(rcc().CFGR, kSwitchStatusMask, kSwitchStatusPll);
}

}  // namespace board
