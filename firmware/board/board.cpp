#include "board.hpp"

#include "app.hpp"
#include "clock.hpp"
#include "memory.hpp"
#include "port.hpp"
#include "receiver.hpp"
#include "stm32f746.hpp"
#include "tick.hpp"
#include "watchdog.hpp"

#if UART_BY_DMA
#include "dma_uart.hpp"
#else
#include "interrupt_uart.hpp"
#endif

namespace board {
namespace {

using namespace stm32f746;

#if UART_BY_DMA
// While the app works, a ring holds the longest request and nothing interrupts before half of one has come; a
// console's line is half a ring.
constexpr std::size_t kRingBytes = (app::kLongestFrameBytes + 31) / 32 * 32;
constexpr std::size_t kConsoleRingBytes = 256;
[[gnu::section(".dma")]] std::uint8_t binary_ring[kRingBytes];
[[gnu::section(".dma")]] std::uint8_t binary_sent[512];
[[gnu::section(".dma")]] std::uint8_t console_ring[kConsoleRingBytes];
[[gnu::section(".dma")]] std::uint8_t console_sent[128];

DmaUart binary(kBinary, app::binary_byte, app::binary_byte_lost, {binary_ring, sizeof(binary_ring)},
               {binary_sent, sizeof(binary_sent)});
DmaUart console(kConsole, app::console_byte, app::console_byte_lost, {console_ring, sizeof(console_ring)},
                {console_sent, sizeof(console_sent)});
#else
InterruptUart binary(kBinary, app::binary_byte, app::binary_byte_lost);
InterruptUart console(kConsole, app::console_byte, app::console_byte_lost);
#endif
bool emergency = false;
port::ResetCause last_reset = port::ResetCause::kUnknown;

// What comes before an answer has left finds the request before it unanswered.
template <typename Line>
void send_by(Line& line, const std::uint8_t* bytes, std::size_t count) {
  if (emergency) return line.send_waiting(bytes, count);
  take_received();
  while (count > 0) {
    const std::size_t sent = line.send(bytes, count);
    bytes += sent;
    count -= sent;
    take_received();
  }
}

// PM0253, 4.3.7: CCR.
constexpr std::uint32_t kDataCache = 1U << 16;
constexpr std::uint32_t kInstructionCache = 1U << 17;

// 4 KiB in 4 ways of 32 sets, 32 bytes a line (PM0253, 4.8; DCISW takes the way in bits 31:30, the set from
// bit 5).
void start_caches() {
  iciallu() = 0;
  for (std::uint32_t way = 0; way < 4; ++way) {
    for (std::uint32_t set = 0; set < 32; ++set) dcisw() = way << 30 | set << 5;
  }
  dsb();
  scb().CCR = scb().CCR | kInstructionCache | kDataCache;
  dsb();
  isb();
}

// PM0253, 4.6.5: never executed, 2^(size + 1) bytes.
void set_region(std::uint32_t number, std::uintptr_t base, std::uint32_t size_code, std::uint32_t attributes) {
  constexpr std::uint32_t kExecuteNever = 1U << 28;
  constexpr std::uint32_t kEnable = 1;
  mpu().RNR = number;
  mpu().RBAR = base;
  mpu().RASR = kExecuteNever | attributes | size_code << 1 | kEnable;
}

// The stack's guard; ITCM, where nothing lies but what a null pointer points at; and SRAM2 without a cache, where
// DMA has its buffers: it sees what the core writes there and the core what it writes.
void start_regions() {
  constexpr std::uint32_t kEnable = 1U << 0;
  constexpr std::uint32_t kDefaultMapElsewhere = 1U << 2;
  constexpr std::uint32_t kNoAccess = 0;                     // AP 000
  constexpr std::uint32_t kNotCached = 3U << 24 | 1U << 19;  // AP 011: all may; TEX 001, C 0, B 0
  set_region(0, reinterpret_cast<std::uintptr_t>(__stack_guard), 7, kNoAccess);  // 256 bytes, as in stm32f746.ld
  set_region(1, 0x0000'0000, 13, kNoAccess);                                     // 16 KiB
  if constexpr (kByDma) set_region(2, 0x2004'C000, 13, kNotCached);              // 16 KiB
  mpu().CTRL = kDefaultMapElsewhere | kEnable;
  dsb();
  isb();
}

// DDI 0403E, C1.6.5 and C1.8.7. Without a debugger the unit is locked on silicon (CoreSight lock access
// register).
void start_cycle_counter() {
  constexpr std::uint32_t kTraceEnable = 1U << 24;
  constexpr std::uint32_t kCountCycles = 1U << 0;
  demcr() = demcr() | kTraceEnable;
  dwt_lar() = 0xC5AC'CE55;
  dwt().CYCCNT = 0;
  dwt().CTRL = dwt().CTRL | kCountCycles;
}

// RM0385, 5.3.21: RCC_CSR. A reset of any kind pulls the pin, and power-on is a brown-out too: the most telling
// first.
void know_reset_cause() {
  using port::ResetCause;
  struct Flag {
    unsigned bit;
    ResetCause cause;
  };
  constexpr Flag kFlags[] = {{29, ResetCause::kIndependentWatchdog},
                             {30, ResetCause::kWindowWatchdog},
                             {31, ResetCause::kLowPower},
                             {28, ResetCause::kSoftware},
                             {27, ResetCause::kPowerOn},
                             {25, ResetCause::kBrownOut},
                             {26, ResetCause::kPin}};
  constexpr std::uint32_t kRemoveFlags = 1U << 24;
  const std::uint32_t status = rcc().CSR;
  for (const Flag& flag : kFlags) {
    if ((status & 1U << flag.bit) == 0) continue;
    last_reset = flag.cause;
    break;
  }
  rcc().CSR = status | kRemoveFlags;
}

}  // namespace

void start() {
  know_reset_cause();
  start_watchdog();  // before the clock: it is what helps where that does not start
  start_clock();
  start_regions();  // before anything of SRAM2 can get into a cache
  start_caches();
  start_cycle_counter();
  binary.start();
  console.start();
}

bool take_received() {
  const bool binary_has = binary.take();
  const bool console_has = console.take();
  return binary_has || console_has;
}

void sleep(bool receiving) {
  if (kByDma && receiving) {
    start_ticks();  // more is to be expected: look again in a millisecond
  } else if (kByDma) {
    kWatchdogMs > 0 ? start_slow_ticks() : stop_ticks();
    binary.listen();
    console.listen();
    if (binary.has_more() || console.has_more()) return;
  } else if (kWatchdogMs > 0) {
    start_slow_ticks();
  }
  wfi();
}

void let_nothing_interrupt() {
  stop_ticks();
  if constexpr (kByDma) {
    binary.ignore();
    console.ignore();
  }
}

void start_emergency() {
  emergency = true;
  binary.stop_sending();
  console.stop_sending();
  const std::uint8_t delimiter = 0;
  binary.send_waiting(&delimiter, 1);
}

void reset() {
  constexpr std::uint32_t kKey = 0x05FAU << 16;  // PM0253, 4.3.5: AIRCR
  constexpr std::uint32_t kSystemResetRequest = 1U << 2;
  binary.drain();
  console.drain();
  dsb();
  scb().AIRCR = kKey | kSystemResetRequest;
  for (;;) {
  }
}

extern "C" void binary_uart_interrupt() { binary.interrupt(); }
extern "C" void console_uart_interrupt() { console.interrupt(); }
#if UART_BY_DMA
extern "C" void binary_receive_interrupt() { binary.receive_stream_interrupt(); }
extern "C" void binary_transmit_interrupt() { binary.transmit_stream_interrupt(); }
extern "C" void console_receive_interrupt() { console.receive_stream_interrupt(); }
extern "C" void console_transmit_interrupt() { console.transmit_stream_interrupt(); }
#endif

}  // namespace board

namespace port {

std::uint32_t counter() { return stm32f746::dwt().CYCCNT; }

std::uint32_t counter_hz() { return board::core_clock_hz(); }

void send(const std::uint8_t* bytes, std::size_t count) { board::send_by(board::binary, bytes, count); }

void print(const char* text, std::size_t count) {
  board::send_by(board::console, reinterpret_cast<const std::uint8_t*>(text), count);
}

Memory memory() {
  const std::uint32_t* untouched = __stack_bottom;
  while (untouched < __stack_top && *untouched == board::kStackPaint) ++untouched;
  return {board::bytes_between(__flash_start, __flash_end),
          board::bytes_between(__bss_start, __bss_end) + board::bytes_between(__data_start, __data_end) +
              board::bytes_between(__dma_start, __dma_end),
          board::bytes_between(__stack_bottom, __stack_top), board::bytes_between(untouched, __stack_top)};
}

Bytes build_id() {
  // ELF note: sizes of name and descriptor, type, the name "GNU" with its zero, the descriptor.
  return {reinterpret_cast<const std::uint8_t*>(__build_id_note + 4), __build_id_note[1]};
}

bool constant_part(std::size_t index, Bytes& part) {
  part = {__flash_start, static_cast<std::size_t>(__flash_end - __flash_start)};
  return index == 0;
}

ResetCause reset_cause() { return board::last_reset; }

ClockProblem clock_problem() { return board::clock_problem(); }

std::uint32_t watchdog_ms() { return board::watchdog_ms(); }

Bytes chip_id() {
  constexpr std::uintptr_t kUniqueDeviceId = 0x1FF0'F420;  // RM0385, 41.1
  return {reinterpret_cast<const std::uint8_t*>(kUniqueDeviceId), 12};
}

void reset() { board::reset(); }

}  // namespace port
