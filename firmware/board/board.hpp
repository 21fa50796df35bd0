// The board behind app/port.hpp: its two lines, and the way out of it.
#pragma once

namespace board {

// Readies clock, caches, guards, counter and UARTs.
void start();

// The way of the UARTs (UART in CMake): by DMA, or by an interrupt a byte.
inline constexpr bool kByDma = UART_BY_DMA != 0;

// Hands what has come over the lines to the app; whether anything has. By interrupts it has been handed over
// already.
bool take_received();

// Sleeps until something may have come, or for a millisecond where something is coming. With interrupts held off.
void sleep(bool receiving);

// For work that is measured: what comes meanwhile is kept, and costs it nothing.
void let_nothing_interrupt();

// Lets the app work and sleeps between.
[[noreturn]] void run();

// From here on both lines are sent to by waiting, not by interrupt, and a frame that was under way is closed: for
// the fault handler.
void start_emergency();

// Waits until everything sent has left, then resets the chip.
[[noreturn]] void reset();

extern "C" void binary_uart_interrupt();
extern "C" void console_uart_interrupt();
extern "C" void binary_receive_interrupt();  // these by DMA only
extern "C" void binary_transmit_interrupt();
extern "C" void console_receive_interrupt();
extern "C" void console_transmit_interrupt();

}  // namespace board
