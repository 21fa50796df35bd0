// Where a ring that DMA fills is read, and whether DMA has come round past the reader. Nothing of the chip is in
// it.
//
// DMA tells its position, and that it passes the middle and the end. Of these two events the one that lies more
// than half a ring ahead of the reader is watched, by an interrupt: nothing interrupts before half a ring has come.
// Once it has, the other one is watched, which lies more than a whole ring ahead: with it, bytes are lost.
#pragma once

#include <cstddef>
#include <cstdint>

namespace board {

class Ring {
 public:
  enum class Event : std::uint8_t { kMiddle, kEnd };

  struct Stretch {
    std::size_t count;  // to be read from read(), around the end if need be
    bool lost;          // others before these are lost
  };

  constexpr explicit Ring(std::size_t size) : size_(size) {}

  constexpr std::size_t size() const { return size_; }
  constexpr std::size_t read() const { return read_; }

  // The event to be watched first.
  constexpr Event far_event() const { return read_ < size_ / 2 ? Event::kEnd : Event::kMiddle; }
  constexpr Event other(Event event) const { return event == Event::kEnd ? Event::kMiddle : Event::kEnd; }

  // What has come since the last time. `passed` is how many watched events there were, asked for before `written`,
  // DMA's position.
  constexpr Stretch come(unsigned passed, std::size_t written) {
    const std::size_t count = distance(read_, written);
    const std::size_t to_event = distance(read_, place_of(far_event()));
    const bool lost = passed > 1 || (passed == 1 && count < (to_event == 0 ? size_ : to_event));
    if (!lost) return {count, false};
    // What DMA is about to write to is given up too: it must not catch up while this is read.
    read_ = advanced(written, kMargin);
    return {size_ - kMargin, true};
  }

  constexpr void advance() { read_ = advanced(read_, 1); }
  constexpr void start_over() { read_ = 0; }

 private:
  static constexpr std::size_t kMargin = 32;

  constexpr std::size_t distance(std::size_t from, std::size_t to) const { return (to + size_ - from) % size_; }
  constexpr std::size_t advanced(std::size_t from, std::size_t by) const { return (from + by) % size_; }
  constexpr std::size_t place_of(Event event) const { return event == Event::kEnd ? 0 : size_ / 2; }

  std::size_t size_;
  std::size_t read_ = 0;
};

}  // namespace board
