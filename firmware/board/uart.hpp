// What both ways of driving a UART share: its pins, clock and rate, and sending by waiting.
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

  constexpr Uart(const Wiring& wiring, ByteReceived byte_received, ByteLost byte_lost)
      : wiring_(wiring), byte_received_(byte_received), byte_lost_(byte_lost) {}

  // Sends by waiting, for when interrupts cannot be relied on.
  void send_waiting(const std::uint8_t* bytes, std::size_t count) const;

  // Waits until the last bit has left the pin.
  void drain() const;

 protected:
  // RM0385, 31.8.1.
  static constexpr std::uint32_t kReceiveInterrupt = 1U << 5;
  static constexpr std::uint32_t kTransmitInterrupt = 1U << 7;
  // RM0385, 31.8.8 and 31.8.9: the error flags have the same places in ISR and ICR.
  static constexpr std::uint32_t kOverrun = 1U << 3;
  static constexpr std::uint32_t kErrors = 1U << 1 | 1U << 2 | kOverrun;  // framing, noise
  static constexpr std::uint32_t kReceived = 1U << 5;
  static constexpr std::uint32_t kTransmitEmpty = 1U << 7;

  // Pins, clock, 115200 8N1, receiver and transmitter; `control` and `control3` are the rest of CR1 and CR3.
  void start(std::uint32_t control, std::uint32_t control3) const;

  stm32f746::Usart& registers() const { return *reinterpret_cast<stm32f746::Usart*>(wiring_.usart); }

  const Wiring& wiring_;
  ByteReceived byte_received_;
  ByteLost byte_lost_;
};

}  // namespace board
