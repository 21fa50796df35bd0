// The app as the place it runs in sees it. Interrupts feed bytes; the main loop lets it work and sleeps
// between.
#pragma once

#include <cstdint>

namespace app {

// Called once after reset, before any byte is fed: readies the engine and says hello on the console.
void start();

// From the receive interrupts, or anything that cannot run at the same time as another of these four.
void binary_byte(std::uint8_t byte);
void binary_byte_lost();
void console_byte(std::uint8_t byte);
void console_byte_lost();

// Whether work() has something to do. Asked with interrupts held off, so that none comes between the answer
// and the sleep that follows from it.
bool has_work();

// Answers one thing that has come in, if there is one.
void work();

}  // namespace app
