// The board behind app/port.hpp: its two lines, and the way out of it.
#pragma once

namespace board {

// Readies clock, caches, guards, counter and UARTs.
void start();

// Lets the app work and sleeps between.
[[noreturn]] void run();

// From here on both lines are sent to by waiting, not by interrupt, and a frame that was under way is closed: for
// the fault handler.
void start_emergency();

// Waits until everything sent has left, then resets the chip.
[[noreturn]] void reset();

extern "C" void binary_uart_interrupt();
extern "C" void console_uart_interrupt();

}  // namespace board
