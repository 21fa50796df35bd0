#include "app.hpp"
#include "board.hpp"
#include "stm32f746.hpp"

namespace board {

void run() {
  app::start();
  for (;;) {
    stm32f746::hold_off_interrupts();
    const bool work = app::has_work();
    if (!work) stm32f746::wfi();  // wakes on an interrupt that is held off, which then runs below
    stm32f746::let_interrupts_in();
    if (work) app::work();
  }
}

}  // namespace board
