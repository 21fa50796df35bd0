#include "app.hpp"
#include "board.hpp"
#include "stm32f746.hpp"
#include "watchdog.hpp"

namespace board {

void run() {
  app::start();
  for (;;) {
    feed_watchdog();
    const bool receiving = take_received();
    stm32f746::hold_off_interrupts();
    const bool work = app::has_work();
    if (!work) sleep(receiving);  // wakes on an interrupt that is held off, which then runs below
    stm32f746::let_interrupts_in();
    if (work) {
      let_nothing_interrupt();
      app::work();
    }
  }
}

}  // namespace board
