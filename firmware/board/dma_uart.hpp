// A UART by DMA: a byte that comes costs no instruction until somebody looks, and none is lost meanwhile.
//
// Received bytes go into a ring, for ever. The main loop takes them out (take()); while it waits for the first one
// it lets that one interrupt (listen()), from then on it looks each millisecond, and while the app works nothing
// interrupts (ignore()) before half a ring has come.
#pragma once

#include "ring.hpp"
#include "uart.hpp"

namespace board {

// Memory that DMA reads or writes and no cache holds (memory.hpp).
struct Buffer {
  std::uint8_t* bytes;
  std::size_t size;
};

class DmaUart : public Uart {
 public:
  constexpr DmaUart(const Wiring& wiring, ByteReceived byte_received, ByteLost byte_lost, Buffer received,
                    Buffer sent)
      : Uart(wiring, byte_received, byte_lost), received_(received), sent_(sent), ring_(received.size) {}

  void start();

  // Hands on what has come; whether anything has.
  bool take();

  // The next byte is to interrupt, or none. Before a sleep has_more() is asked, with interrupts held off: DMA may
  // have had it before listen().
  void listen() const;
  void ignore() const;
  bool has_more() const { return position() != ring_.read(); }

  // Sends at most as many as its buffer holds and says how many; the core sleeps until the last is in the data
  // register.
  std::size_t send(const std::uint8_t* bytes, std::size_t count);

  // For send_waiting(): what DMA has not sent yet is dropped.
  void stop_sending() const;

  // To be called by the interrupts of this UART and its two streams.
  void interrupt() const { ignore(); }
  void receive_stream_interrupt();
  void transmit_stream_interrupt();

 private:
  bool hand_on();
  bool stands_still() const;
  void start_over();
  void watch();
  std::size_t position() const;

  Buffer received_;
  Buffer sent_;
  Ring ring_;
  Ring::Event watched_ = Ring::Event::kEnd;
  volatile unsigned passed_ = 0;  // watched events
  volatile bool sending_ = false;
};

}  // namespace board
