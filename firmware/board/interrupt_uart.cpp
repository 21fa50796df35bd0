#include "interrupt_uart.hpp"

namespace board {

void InterruptUart::start() const { Uart::start(kReceiveInterrupt, 0); }

std::size_t InterruptUart::send(const std::uint8_t* bytes, std::size_t count) {
  if (count == 0) return 0;
  using namespace stm32f746;
  hold_off_interrupts();
  next_ = bytes;
  left_ = count;
  registers().CR1 = registers().CR1 | kTransmitInterrupt;
  // A pending interrupt ends WFI even while it is held off, so none can slip in between the test and the
  // sleep.
  while (left_ > 0) {
    wfi();
    let_interrupts_in();
    hold_off_interrupts();
  }
  let_interrupts_in();
  return count;
}

void InterruptUart::interrupt() {
  stm32f746::Usart& usart = registers();
  const std::uint32_t status = usart.ISR;
  // A byte with a bad stop bit or noise is still taken: the frame's checksum tells.
  if ((status & kReceived) != 0) byte_received_(static_cast<std::uint8_t>(usart.RDR));
  // After the byte: RDR holds the one before the one that was lost (31.5.3, overrun error).
  if ((status & kOverrun) != 0) byte_lost_();
  if ((status & kErrors) != 0) usart.ICR = kErrors;

  if ((status & kTransmitEmpty) != 0 && left_ > 0) {
    usart.TDR = *next_;
    next_ = next_ + 1;
    left_ = left_ - 1;
    if (left_ == 0) usart.CR1 = usart.CR1 & ~kTransmitInterrupt;
  }
}

}  // namespace board
