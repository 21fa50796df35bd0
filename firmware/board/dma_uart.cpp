#include "dma_uart.hpp"

namespace board {
namespace {

using stm32f746::Dma;
using stm32f746::DmaStream;

// RM0385, 8.5.5. Bytes on both sides, direct mode (FCR as after reset).
constexpr std::uint32_t kEnable = 1U << 0;
constexpr std::uint32_t kErrorInterrupt = 1U << 2;
constexpr std::uint32_t kMiddleInterrupt = 1U << 3;
constexpr std::uint32_t kEndInterrupt = 1U << 4;
constexpr std::uint32_t kToPeripheral = 1U << 6;
constexpr std::uint32_t kCircular = 1U << 8;
constexpr std::uint32_t kMemoryAdvances = 1U << 10;
constexpr std::uint32_t kHighPriority = 2U << 16;
constexpr unsigned kChannelPlace = 25;

// RM0385, 31.8.3.
constexpr std::uint32_t kErrorsInterrupt = 1U << 0;
constexpr std::uint32_t kReceivesByDma = 1U << 6;
constexpr std::uint32_t kSendsByDma = 1U << 7;

Dma& dma_of(const Stream& stream) { return *reinterpret_cast<Dma*>(stream.dma); }
DmaStream& registers_of(const Stream& stream) { return dma_of(stream).stream[stream.number]; }

// All flags of a stream (8.5.3): FEIF, DMEIF, TEIF, HTIF, TCIF.
void clear_flags(const Stream& stream) {
  constexpr std::uint8_t kPlaces[] = {0, 6, 16, 22};
  const std::uint32_t flags = 0x3DU << kPlaces[stream.number % 4];
  (stream.number < 4 ? dma_of(stream).LIFCR : dma_of(stream).HIFCR) = flags;
}

// 8.3.14: it may have a transfer to finish. Switched off, its end is flagged.
void stop(const Stream& stream) {
  DmaStream& registers = registers_of(stream);
  registers.CR = 0;
  while ((registers.CR & kEnable) != 0) {
  }
  clear_flags(stream);
}

void start_clock(const Stream& stream) {
  using namespace stm32f746;
  rcc().AHB1ENR = rcc().AHB1ENR | 1U << (stream.dma == kDma1 ? 21 : 22);  // 5.3.10
  dsb();
}

constexpr std::uint32_t event_interrupt(Ring::Event event) {
  return event == Ring::Event::kEnd ? kEndInterrupt : kMiddleInterrupt;
}

}  // namespace

void DmaUart::start() {
  start_clock(wiring_.receive_stream);
  start_clock(wiring_.transmit_stream);
  Uart::start(0, kReceivesByDma | kSendsByDma);
  start_over();
  stm32f746::let_in(wiring_.receive_stream.interrupt);
  stm32f746::let_in(wiring_.transmit_stream.interrupt);
}

// Receiving

std::size_t DmaUart::position() const {
  const std::size_t left = registers_of(wiring_.receive_stream).NDTR;
  return left == 0 ? 0 : ring_.size() - left;
}

bool DmaUart::take() {
  bool any = hand_on();
  if (!any && stands_still()) {
    start_over();
    any = true;
  }
  // A byte that is lost because nobody took it from the data register came after these. One with a bad stop bit is
  // not handed over (31.8.3, DDRE): the frame's checksum tells.
  const std::uint32_t status = registers().ISR;
  if ((status & kOverrun) != 0) byte_lost_();
  if ((status & kErrors) != 0) registers().ICR = kErrors;
  return any;
}

bool DmaUart::hand_on() {
  const unsigned passed = passed_;  // before the position: an event that comes in between tells nothing new
  const Ring::Stretch come = ring_.come(passed, position());
  if (come.lost) byte_lost_();
  for (std::size_t left = come.count; left > 0; --left) {
    byte_received_(received_.bytes[ring_.read()]);
    ring_.advance();
  }
  if (passed > 0 || ring_.far_event() != watched_) watch();
  return come.count > 0;
}

void DmaUart::watch() {
  DmaStream& stream = registers_of(wiring_.receive_stream);
  stm32f746::hold_off_interrupts();
  clear_flags(wiring_.receive_stream);
  passed_ = 0;
  watched_ = ring_.far_event();
  stream.CR = (stream.CR & ~(kMiddleInterrupt | kEndInterrupt)) | event_interrupt(watched_);
  stm32f746::let_interrupts_in();
}

void DmaUart::receive_stream_interrupt() {
  DmaStream& stream = registers_of(wiring_.receive_stream);
  clear_flags(wiring_.receive_stream);
  passed_ = passed_ + 1;
  std::uint32_t control = stream.CR & ~(kMiddleInterrupt | kEndInterrupt);
  if (passed_ == 1) control |= event_interrupt(ring_.other(watched_));
  stream.CR = control;
}

// An error of the bus stops a stream (8.3.19). In an emulator whose streams do not come round (Renode) the end of
// the ring does, and a byte that comes before start_over() is through waits where no request tells of it.
bool DmaUart::stands_still() const {
  const DmaStream& stream = registers_of(wiring_.receive_stream);
  const std::uint32_t left = stream.NDTR;
  if ((stream.CR & kEnable) == 0 || left == 0) return true;
  return left == ring_.size() && (registers().ISR & kReceived) != 0;
}

// From the start of the ring, once all that was received is handed on.
void DmaUart::start_over() {
  const Stream& wiring = wiring_.receive_stream;
  DmaStream& stream = registers_of(wiring);
  stop(wiring);
  hand_on();
  while ((registers().ISR & kReceived) != 0) byte_received_(static_cast<std::uint8_t>(registers().RDR));
  ring_.start_over();
  watched_ = ring_.far_event();
  passed_ = 0;
  clear_flags(wiring);
  stream.PAR = reinterpret_cast<std::uintptr_t>(&registers().RDR);
  stream.M0AR = reinterpret_cast<std::uintptr_t>(received_.bytes);
  stream.NDTR = ring_.size();
  stream.CR = std::uint32_t{wiring_.dma_channel} << kChannelPlace | kHighPriority | kMemoryAdvances | kCircular |
              event_interrupt(watched_) | kEnable;
}

void DmaUart::listen() const {
  stm32f746::Usart& usart = registers();
  usart.CR1 = usart.CR1 | kReceiveInterrupt;
  usart.CR3 = usart.CR3 | kErrorsInterrupt;  // a bad frame is not handed to DMA, nor does it set RXNE
}

void DmaUart::ignore() const {
  stm32f746::Usart& usart = registers();
  usart.CR1 = usart.CR1 & ~kReceiveInterrupt;
  usart.CR3 = usart.CR3 & ~kErrorsInterrupt;
}

// Sending

std::size_t DmaUart::send(const std::uint8_t* bytes, std::size_t count) {
  if (count > sent_.size) count = sent_.size;
  if (count == 0) return 0;
  using namespace stm32f746;
  for (std::size_t i = 0; i < count; ++i) sent_.bytes[i] = bytes[i];
  dsb();
  const Stream& wiring = wiring_.transmit_stream;
  DmaStream& stream = registers_of(wiring);
  stop(wiring);
  stream.PAR = reinterpret_cast<std::uintptr_t>(&registers().TDR);
  stream.M0AR = reinterpret_cast<std::uintptr_t>(sent_.bytes);
  stream.NDTR = count;
  hold_off_interrupts();
  sending_ = true;
  stream.CR = std::uint32_t{wiring_.dma_channel} << kChannelPlace | kToPeripheral | kMemoryAdvances |
              kErrorInterrupt | kEndInterrupt | kEnable;
  // As in InterruptUart::send().
  while (sending_) {
    wfi();
    let_interrupts_in();
    hold_off_interrupts();
  }
  let_interrupts_in();
  return count;
}

// The end, or an error, of which the frame's checksum tells.
void DmaUart::transmit_stream_interrupt() {
  clear_flags(wiring_.transmit_stream);
  sending_ = false;
}

void DmaUart::stop_sending() const { stop(wiring_.transmit_stream); }

}  // namespace board
