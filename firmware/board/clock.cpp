#include "clock.hpp"

#include "stm32f746.hpp"
#include "wait.hpp"

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

port::ClockProblem problem = port::ClockProblem::kNone;

// What has got ready, or may yet, is switched off. Dividers and wait states are HSI's (3.3.2), the latter once it
// is known to be the clock.
void stay_on_hsi() {
  using namespace stm32f746;
  rcc().CFGR = 0;
  if (!comes_in_time(rcc().CFGR, kSwitchStatusMask, 0)) return;
  pwr().CR1 = pwr().CR1 & ~(kOverDrive | kOverDriveSwitch);
  rcc().CR = rcc().CR & ~kPllOn;
  flash().ACR = kPrefetch | kArt;
}

port::ClockProblem start_pll() {
  using namespace stm32f746;
  using port::ClockProblem;

  // Voltage scale 1 is what PWR_CR1 holds after reset. The over-drive is entered between starting the PLL and
  // switching to it (4.1.4).
  rcc().PLLCFGR = kPllConfiguration;
  rcc().CR = rcc().CR | kPllOn;
  pwr().CR1 = pwr().CR1 | kOverDrive;
  if (!comes_in_time(pwr().CSR1, kOverDriveReady, kOverDriveReady)) return ClockProblem::kOverDrive;
  pwr().CR1 = pwr().CR1 | kOverDriveSwitch;
  if (!comes_in_time(pwr().CSR1, kOverDriveSwitchReady, kOverDriveSwitchReady)) return ClockProblem::kOverDrive;

  flash().ACR = kWaitStates | kPrefetch | kArt;
  if (!comes_in_time(flash().ACR, kLatencyMask, kWaitStates)) return ClockProblem::kWaitStates;

  if (!comes_in_time(rcc().CR, kPllReady, kPllReady)) return ClockProblem::kPll;
  constexpr std::uint32_t kDividers = divider_code(kApb1Divider) << 10 | divider_code(kApb2Divider) << 13;
  rcc().CFGR = kDividers;
  rcc().CFGR = kDividers | kSwitchPll;
  return comes_in_time(rcc().CFGR, kSwitchStatusMask, kSwitchStatusPll) ? ClockProblem::kNone
                                                                        : ClockProblem::kSwitch;
}

}  // namespace

void start_clock() {
  using namespace stm32f746;
  rcc().APB1ENR = rcc().APB1ENR | kPwrEnable;
  dsb();
  problem = start_pll();
  if (problem != port::ClockProblem::kNone) stay_on_hsi();
}

port::ClockProblem clock_problem() { return problem; }

std::uint32_t core_clock_hz() { return problem == port::ClockProblem::kNone ? kCoreClockHz : kHsiHz; }

std::uint32_t bus_clock_hz(Bus bus) {
  if (problem != port::ClockProblem::kNone) return kHsiHz;
  return bus == Bus::kApb1 ? kCoreClockHz / kApb1Divider : kCoreClockHz / kApb2Divider;
}

}  // namespace board
