// SysTick: wakes the core, nothing more.
#pragma once

namespace board {

void start_ticks();       // once a millisecond; without effect while they come so
void start_slow_ticks();  // as seldom as a watchdog can be fed by them
void stop_ticks();

extern "C" void tick_interrupt();

}  // namespace board
