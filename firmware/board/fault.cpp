#include "fault.hpp"

#include "board.hpp"
#include "memory.hpp"
#include "messages.hpp"
#include "printer.hpp"
#include "stm32f746.hpp"

namespace board {
namespace {

// DDI 0403E, B3.2.15: CFSR.
constexpr std::uint32_t kMemoryStacking = 1U << 4;
constexpr std::uint32_t kMemoryAddressValid = 1U << 7;
constexpr std::uint32_t kBusStacking = 1U << 12;
constexpr std::uint32_t kBusAddressValid = 1U << 15;
constexpr std::uint32_t kUndefined = 1U << 16;
constexpr std::uint32_t kMemoryFaults = 0xFF;
constexpr std::uint32_t kBusFaults = 0xFF00;

// What the core stacks on entry (DDI 0403E, B1.5.6).
struct Frame {
  std::uint32_t r0, r1, r2, r3, r12, lr, return_address, xpsr;
};

bool holds_stack(std::uintptr_t first, std::uintptr_t last) {
  return first >= reinterpret_cast<std::uintptr_t>(__stack_bottom) &&
         last <= reinterpret_cast<std::uintptr_t>(__stack_top);
}

const char* cause_of(std::uint32_t cfsr, std::uint32_t hfsr) {
  if ((cfsr & kMemoryFaults) != 0) return "memory management fault: an access to a guarded region";
  if ((cfsr & kBusFaults) != 0) {
    return (cfsr & kBusAddressValid) != 0 ? "bus fault: nothing answers at the address"
                                          : "bus fault: nothing answered an earlier write (address unknown)";
  }
  if ((cfsr & kUndefined) != 0) return "usage fault: undefined instruction";
  if ((cfsr | hfsr) == 0) return "an interrupt that nobody asked for";
  return "hard fault";
}

}  // namespace

// Runs on a stack of its own, with the stack pointer that the fault left.
extern "C" [[noreturn, gnu::used]] void report_fault(std::uintptr_t stack_pointer) {
  const stm32f746::Scb& scb = stm32f746::scb();
  const std::uint32_t cfsr = scb.CFSR;
  std::uint32_t address = 0;
  if ((cfsr & kMemoryAddressValid) != 0) address = scb.MMFAR;
  if ((cfsr & kBusAddressValid) != 0) address = scb.BFAR;

  // The frame may lie in the guard or below RAM: then there is none to be read.
  std::uint32_t program_counter = 0;
  const bool framed = holds_stack(stack_pointer, stack_pointer + sizeof(Frame));
  if (framed && (cfsr & (kMemoryStacking | kBusStacking)) == 0) {
    program_counter = reinterpret_cast<const Frame*>(stack_pointer)->return_address;
  }

  const bool in_guard = address >= reinterpret_cast<std::uintptr_t>(__stack_guard) &&
                        address < reinterpret_cast<std::uintptr_t>(__stack_bottom);
  const bool of_stack = in_guard || !framed || (cfsr & (kMemoryStacking | kBusStacking)) != 0;
  const char* cause = of_stack ? "the stack ran into its guard" : cause_of(cfsr, scb.HFSR);
  if (of_stack && address == 0) address = static_cast<std::uint32_t>(stack_pointer);

  start_emergency();
  app::messages::send_fault({of_stack, cause, address, program_counter});
  app::Printer out;
  out.text("Fault: ").text(cause).text(", address 0x").hexadecimal(address);
  out.text(", program counter 0x").hexadecimal(program_counter).text("; resetting").end_line();
  reset();
}

alignas(8) std::uint8_t fault_stack[1024];

}  // namespace board

extern "C" [[gnu::naked]] void HardFault_Handler() {
  asm volatile(
      "mov r0, sp\n\t"
      "ldr sp, =%c0\n\t"
      "b report_fault\n\t"
      ".ltorg"
      :
      : "i"(board::fault_stack + sizeof(board::fault_stack)));
}
