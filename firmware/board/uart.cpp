#include "uart.hpp"

#include "clock.hpp"

namespace board {
namespace {

// RM0385, 31.8.1.
constexpr std::uint32_t kEnable = 1U << 0;
constexpr std::uint32_t kReceiver = 1U << 2;
constexpr std::uint32_t kTransmitter = 1U << 3;
constexpr std::uint32_t kReceiveInterrupt = 1U << 5;
constexpr std::uint32_t kTransmitInterrupt = 1U << 7;

// RM0385, 31.8.8 and 31.8.9: the error flags have the same places in ISR and ICR.
constexpr std::uint32_t kOverrun = 1U << 3;
constexpr std::uint32_t kErrors = 1U << 1 | 1U << 2 | kOverrun;  // framing, noise
constexpr std::uint32_t kReceived = 1U << 5;
constexpr std::uint32_t kTransmissionComplete = 1U << 6;
constexpr std::uint32_t kTransmitEmpty = 1U << 7;

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

void Uart::start() const {
  using namespace stm32f746;
  connect(wiring_.transmit, wiring_.alternate);
  connect(wiring_.receive, wiring_.alternate);
  Register& enable = wiring_.bus == Bus::kApb1 ? rcc().APB1ENR : rcc().APB2ENR;
  enable = enable | 1U << wiring_.enable_bit;
  dsb();

  Usart& usart = registers();
  usart.BRR = (bus_clock_hz(wiring_.bus) + kBaud / 2) / kBaud;  // 31.5.4, oversampling by 16
  usart.CR1 = kEnable | kReceiver | kTransmitter | kReceiveInterrupt;
  nvic_iser(wiring_.interrupt) = 1U << (wiring_.interrupt % 32);
}

void Uart::send(const std::uint8_t* bytes, std::size_t count) {
  if (count == 0) return;
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

void Uart::interrupt() {
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
