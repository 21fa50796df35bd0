// SysTick, once a millisecond: wakes the core, nothing more.
#pragma once

namespace board {

void start_ticks();  // without effect while they come already
void stop_ticks();

extern "C" void tick_interrupt();

}  // namespace board
