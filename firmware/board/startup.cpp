// From reset to the main loop.
#include <cstdint>

#include "board.hpp"
#include "fault.hpp"
#include "memory.hpp"
#include "stm32f746.hpp"
#include "tick.hpp"
#include "wiring.hpp"

extern "C" void Reset_Handler();

namespace {

using Handler = void (*)();

// DDI 0403E, B1.5.3 and RM0385, table 46.
struct VectorTable {
  std::uint32_t* initial_stack;
  Handler reset, nmi, hard_fault, memory_management, bus_fault, usage_fault;
  Handler reserved[4];
  Handler svcall, debug_monitor, reserved_too, pendsv, systick;
  Handler interrupts[stm32f746::kInterrupts];
};

constexpr VectorTable make_vectors() {
  VectorTable table{};
  table.initial_stack = __stack_top;
  table.reset = Reset_Handler;
  // An exception that nobody asked for is a fault as well.
  table.nmi = table.hard_fault = table.memory_management = table.bus_fault = table.usage_fault = HardFault_Handler;
  table.svcall = table.debug_monitor = table.pendsv = HardFault_Handler;
  for (Handler& interrupt : table.interrupts) interrupt = HardFault_Handler;
  table.interrupts[board::kBinary.interrupt] = board::binary_uart_interrupt;
  table.interrupts[board::kConsole.interrupt] = board::console_uart_interrupt;
  table.systick = board::tick_interrupt;
#if UART_BY_DMA
  table.interrupts[board::kBinary.receive_stream.interrupt] = board::binary_receive_interrupt;
  table.interrupts[board::kBinary.transmit_stream.interrupt] = board::binary_transmit_interrupt;
  table.interrupts[board::kConsole.receive_stream.interrupt] = board::console_receive_interrupt;
  table.interrupts[board::kConsole.transmit_stream.interrupt] = board::console_transmit_interrupt;
#endif
  return table;
}

[[gnu::section(".vectors"), gnu::used]] constexpr VectorTable kVectors = make_vectors();

}  // namespace

// C++ from here on: memory as the language wants it, then the board.
extern "C" [[noreturn, gnu::used]] void start_program() {
  const std::uint32_t* from = __data_load;
  for (std::uint32_t* to = __data_start; to < __data_end; ++to) *to = *from++;
  for (std::uint32_t* to = __bss_start; to < __bss_end; ++to) *to = 0;
  for (auto construct = __init_array_start; construct < __init_array_end; ++construct) (*construct)();
  board::start();
  board::run();
}

// Paints the stack for its high-water mark, so it must not use it; and lets the FPU be used (PM0253, 4.7.1:
// CPACR), which compiled code may do anywhere.
extern "C" [[gnu::naked]] void Reset_Handler() {
  asm volatile(
      "ldr r0, =__stack_bottom\n\t"
      "ldr r1, =__stack_top\n\t"
      "ldr r2, =%c0\n"
      "1:\n\t"
      "str r2, [r0], #4\n\t"
      "cmp r0, r1\n\t"
      "blo 1b\n\t"
#ifdef __ARM_FP
      "ldr r0, =0xE000ED88\n\t"
      "ldr r1, [r0]\n\t"
      "orr r1, r1, #0xF00000\n\t"
      "str r1, [r0]\n\t"
      "dsb\n\t"
      "isb\n\t"
#endif
      "b start_program\n\t"
      ".ltorg"
      :
      : "i"(board::kStackPaint));
}

// Nothing allocates; flatbuffers' default allocator, which is never used, mentions these.
void* operator new[](std::size_t) { __builtin_trap(); }
void operator delete(void*) noexcept { __builtin_trap(); }
void operator delete(void*, std::size_t) noexcept { __builtin_trap(); }
void operator delete[](void*) noexcept { __builtin_trap(); }
void operator delete[](void*, std::size_t) noexcept { __builtin_trap(); }
