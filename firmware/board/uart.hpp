// A UART by interrupts: received bytes go to a function at once, transmission sleeps until the last byte has
// gone.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stm32f746.hpp"
#include "wiring.hpp"

namespace board {

inline constexpr std::uint32_t kBaud = 115'200;

class Uart {
 public:
  using ByteReceived = void (*)(std::uint8_t byte);
  using ByteLost = void (*)();

  constexpr explicit Uart(const Wiring& wiring, ByteReceived byte_received, ByteLost byte_lost)
      : wiring_(wiring), byte_received_(byte_received), byte_lost_(byte_lost) {}

  // Pins, clock, 115200 8N1, receive interrupt.
  void start() const;

  // Returns when the last byte is in the data register; the core sleeps until then.
  void send(const std::uint8_t* bytes, std::size_t count);

  // The same by waiting, for when interrupts cannot be relied on.
  void send_waiting(const std::uint8_t* bytes, std::size_t count) const;

  // Waits until the last bit has left the pin.
  void drain() const;

  // To be called by this UART's interrupt.
  void interrupt();

 private:
  stm32f746::Usart& registers() const { return *reinterpret_cast<stm32f746::Usart*>(wiring_.usart); }

  const Wiring& wiring_;
  ByteReceived byte_received_;
  ByteLost byte_lost_;
  const std::uint8_t* volatile next_ = nullptr;
  volatile std::size_t left_ = 0;
};

}  // namespace board
