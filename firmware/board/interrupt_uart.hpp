// A UART by interrupts, the article's way: received bytes go to a function at once, transmission sleeps until the
// last byte has gone. It has the interface of DmaUart.
#pragma once

#include "uart.hpp"

namespace board {

class InterruptUart : public Uart {
 public:
  using Uart::Uart;

  void start() const;

  // Received bytes have gone where they are to go already.
  bool take() { return false; }
  void listen() const {}
  void ignore() const {}
  bool has_more() const { return false; }

  // Returns when the last byte is in the data register; the core sleeps until then. How many that were: all.
  std::size_t send(const std::uint8_t* bytes, std::size_t count);
  void stop_sending() const {}

  // To be called by this UART's interrupt.
  void interrupt();

 private:
  const std::uint8_t* volatile next_ = nullptr;
  volatile std::size_t left_ = 0;
};

}  // namespace board
