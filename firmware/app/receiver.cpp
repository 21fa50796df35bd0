#include "receiver.hpp"

namespace app {
namespace {

Event::Kind kind_of(FrameDecoder::Status status) {
  switch (status) {
    case FrameDecoder::Status::kTooLong:
      return Event::Kind::kTooLong;
    case FrameDecoder::Status::kMalformed:
      return Event::Kind::kMalformed;
    case FrameDecoder::Status::kBadChecksum:
      return Event::Kind::kBadChecksum;
    case FrameDecoder::Status::kByteLost:
      return Event::Kind::kByteLost;
    default:
      return Event::Kind::kFrame;
  }
}

}  // namespace

void Receiver::clear() {
  decoder_ = FrameDecoder();
  held_ = false;
  read_ = written_.load();
  dropped_reported_ = dropped_;
}

void Receiver::push(std::uint8_t byte) {
  std::uint8_t* buffer = buffers_[filling_];
  const FrameDecoder::Status status = decoder_.push(byte, buffer, kMaxPayloadBytes + kChecksumBytes);
  if (status == FrameDecoder::Status::kOpen || status == FrameDecoder::Status::kEmpty) return;

  Event event{kind_of(status), 0, buffer, decoder_.payload_bytes(), 0};
  if (status == FrameDecoder::Status::kGood) {
    if (held_) {
      // Verified here because the buffer is needed for the next frame: some 2,000 instructions, a tenth of
      // the time a byte takes.
      event.kind = Event::Kind::kBusy;
      event.request = messages::number_of(buffer, event.payload_bytes);
    } else {
      held_ = true;
      filling_ ^= 1;
    }
  }
  remember(event);
}

void Receiver::remember(const Event& event) {
  const std::uint32_t written = written_;
  if (written - read_ == kEvents) {
    if (event.kind == Event::Kind::kFrame) held_ = false;
    dropped_ = dropped_ + 1;
    return;
  }
  events_[written % kEvents] = event;
  written_ = written + 1;
}

bool Receiver::has_event() const { return written_ != read_ || dropped_ != dropped_reported_; }

bool Receiver::take(Event& event) {
  const std::uint32_t read = read_;
  if (written_ != read) {
    event = events_[read % kEvents];
    read_ = read + 1;
    return true;
  }
  const std::uint32_t dropped = dropped_;
  if (dropped == dropped_reported_) return false;
  event = Event{Event::Kind::kBusy, 0, nullptr, 0, dropped - dropped_reported_};
  dropped_reported_ = dropped;
  return true;
}

void Receiver::release(const Event& event) {
  if (event.kind == Event::Kind::kFrame) held_ = false;
}

}  // namespace app
