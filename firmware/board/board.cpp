#include "board.hpp"

#include "app.hpp"
#include "clock.hpp"
#include "memory.hpp"
#include "port.hpp"
#include "stm32f746.hpp"
#include "uart.hpp"

namespace board {
namespace {

using namespace stm32f746;

Uart binary(kBinary, app::binary_byte, app::binary_byte_lost);
Uart console(kConsole, app::console_byte, app::console_byte_lost);
bool emergency = false;

void send_by(Uart& line, const std::uint8_t* bytes, std::size_t count) {
  emergency ? line.send_waiting(bytes, count) : line.send(bytes, count);
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

// PM0253, 4.6.5: no access (AP 000), never executed, 2^(size + 1) bytes.
void forbid(std::uint32_t number, std::uintptr_t base, std::uint32_t size_code) {
  constexpr std::uint32_t kExecuteNever = 1U << 28;
  constexpr std::uint32_t kEnable = 1;
  mpu().RNR = number;
  mpu().RBAR = base;
  mpu().RASR = kExecuteNever | size_code << 1 | kEnable;
}

// The stack's guard, and ITCM, where nothing lies but what a null pointer points at.
void start_guards() {
  constexpr std::uint32_t kEnable = 1U << 0;
  constexpr std::uint32_t kDefaultMapElsewhere = 1U << 2;
  forbid(0, reinterpret_cast<std::uintptr_t>(__stack_guard), 7);  // 256 bytes, as in stm32f746.ld
  forbid(1, 0x0000'0000, 13);                                     // 16 KiB
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

}  // namespace

void start() {
  start_clock();
  start_caches();
  start_guards();
  start_cycle_counter();
  binary.start();
  console.start();
}

void start_emergency() {
  emergency = true;
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

}  // namespace board

namespace port {

std::uint32_t counter() { return stm32f746::dwt().CYCCNT; }

std::uint32_t counter_hz() { return board::kCoreClockHz; }

void send(const std::uint8_t* bytes, std::size_t count) { board::send_by(board::binary, bytes, count); }

void print(const char* text, std::size_t count) {
  board::send_by(board::console, reinterpret_cast<const std::uint8_t*>(text), count);
}

Memory memory() {
  const std::uint32_t* untouched = __stack_bottom;
  while (untouched < __stack_top && *untouched == board::kStackPaint) ++untouched;
  return {board::bytes_between(__flash_start, __flash_end),
          board::bytes_between(__bss_start, __bss_end) + board::bytes_between(__data_start, __data_end),
          board::bytes_between(__stack_bottom, __stack_top), board::bytes_between(untouched, __stack_top)};
}

Bytes build_id() {
  // ELF note: sizes of name and descriptor, type, the name "GNU" with its zero, the descriptor.
  return {reinterpret_cast<const std::uint8_t*>(__build_id_note + 4), __build_id_note[1]};
}

Bytes chip_id() {
  constexpr std::uintptr_t kUniqueDeviceId = 0x1FF0'F420;  // RM0385, 41.1
  return {reinterpret_cast<const std::uint8_t*>(kUniqueDeviceId), 12};
}

void reset() { board::reset(); }

}  // namespace port
