#include "uart.hpp"

#include "clock.hpp"

namespace board {
namespace {

// RM0385, 31.8.1 and 31.8.8.
constexpr std::uint32_t kEnable = 1U << 0;
constexpr std::uint32_t kReceiver = 1U << 2;
constexpr std::uint32_t kTransmitter = 1U << 3;
constexpr std::uint32_t kTransmissionComplete = 1U << 6;

// RM0385, 6.4.1 to 6.4.10.
constexpr std::uint32_t kModeAlternate = 2;
constexpr std::uint32_t kSpeedHigh = 2;
constexpr std::uint32_t kPullUp = 1;

void set_field(stm32f746::Register& target, unsigned index, unsigned width, std::uint32_t value) {
  const std::uint32_t mask = ((1U << width) - 1) << (index * width);
  target = (target & ~mask) | value << (index * width);
}

void connect(Pin pin, std::uint8_t alternate) {
  using namespace stm32f746;
  rcc().AHB1ENR = rcc().AHB1ENR | 1U << (pin.port - 'A');
  dsb();
  Gpio& port = gpio(pin.port);
  set_field(port.AFR[pin.number / 8], pin.number % 8, 4, alternate);
  set_field(port.OSPEEDR, pin.number, 2, kSpeedHigh);
  set_field(port.PUPDR, pin.number, 2, kPullUp);  // a receive line that nobody drives must rest high
  set_field(port.MODER, pin.number, 2, kModeAlternate);
}

}  // namespace

void Uart::start(std::uint32_t control, std::uint32_t control3) const {
  using namespace stm32f746;
  connect(wiring_.transmit, wiring_.alternate);
  connect(wiring_.receive, wiring_.alternate);
  Register& enable = wiring_.bus == Bus::kApb1 ? rcc().APB1ENR : rcc().APB2ENR;
  enable = enable | 1U << wiring_.enable_bit;
  dsb();

  Usart& usart = registers();
  usart.BRR = (bus_clock_hz(wiring_.bus) + kBaud / 2) / kBaud;  // 31.5.4, oversampling by 16
  usart.CR3 = control3;
  usart.CR1 = kEnable | kReceiver | kTransmitter | control;
  let_in(wiring_.interrupt);
}

void Uart::send_waiting(const std::uint8_t* bytes, std::size_t count) const {
  for (; count > 0; --count) {
    while ((registers().ISR & kTransmitEmpty) == 0) {
    }
    registers().TDR = *bytes++;
  }
}

void Uart::drain() const {
  while ((registers().ISR & kTransmissionComplete) == 0) {
  }
}

}  // namespace board
