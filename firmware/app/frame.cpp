#include "frame.hpp"

#include "port.hpp"

namespace app {
namespace {

constexpr std::uint8_t kLongestRun = 254;

// Payload and checksum as one sequence.
class Body {
 public:
  Body(const std::uint8_t* payload, std::size_t count) : payload_(payload), payload_bytes_(count) {
    std::uint32_t crc = crc32::kInitial;
    for (std::size_t i = 0; i < count; ++i) crc = crc32::update(crc, payload[i]);
    for (std::size_t i = 0; i < kChecksumBytes; ++i) checksum_[i] = static_cast<std::uint8_t>(~crc >> (8 * i));
  }

  std::size_t size() const { return payload_bytes_ + kChecksumBytes; }
  std::uint8_t operator[](std::size_t i) const {
    return i < payload_bytes_ ? payload_[i] : checksum_[i - payload_bytes_];
  }

 private:
  const std::uint8_t* payload_;
  std::size_t payload_bytes_;
  std::uint8_t checksum_[kChecksumBytes];
};

}  // namespace

FrameDecoder::Status FrameDecoder::push(std::uint8_t byte, std::uint8_t* buffer, std::size_t buffer_bytes) {
  if (byte == 0) return close();
  if (block_left_ > 0) {
    --block_left_;
    store(byte, buffer, buffer_bytes);
    return Status::kOpen;
  }
  if (started_ && zero_follows_) store(0, buffer, buffer_bytes);
  started_ = true;
  zero_follows_ = byte <= kLongestRun;
  block_left_ = static_cast<std::uint8_t>(byte - 1);
  return Status::kOpen;
}

void FrameDecoder::store(std::uint8_t byte, std::uint8_t* buffer, std::size_t buffer_bytes) {
  if (size_ == buffer_bytes) {
    too_long_ = true;
    return;
  }
  buffer[size_++] = byte;
  crc_ = crc32::update(crc_, byte);
}

FrameDecoder::Status FrameDecoder::close() {
  Status status = Status::kGood;
  if (byte_lost_) {
    status = Status::kByteLost;
  } else if (!started_) {
    status = Status::kEmpty;
  } else if (too_long_) {
    status = Status::kTooLong;
  } else if (block_left_ > 0 || size_ < kChecksumBytes) {
    status = Status::kMalformed;
  } else if (crc_ != crc32::kResidue) {
    status = Status::kBadChecksum;
  }
  const std::size_t payload_bytes = status == Status::kGood ? size_ - kChecksumBytes : 0;
  *this = FrameDecoder();
  payload_bytes_ = payload_bytes;
  return status;
}

void send_frame(const std::uint8_t* payload, std::size_t count) {
  const Body body(payload, count);
  // Sent in few pieces, not block by block: where a line sends by itself, each piece costs an interrupt.
  std::uint8_t bytes[2 * (1 + kLongestRun)];
  std::size_t size = 0;
  std::size_t at = 0;
  // One block a turn: up to 254 bytes that are not zero, and the zero after them unless there were 254. The
  // zero that COBS imagines after the body ends the last one.
  for (;;) {
    if (sizeof(bytes) - size < 1 + kLongestRun) {
      port::send(bytes, size);
      size = 0;
    }
    std::uint8_t* block = bytes + size;
    std::uint8_t run = 0;
    while (run < kLongestRun && at < body.size() && body[at] != 0) block[1 + run++] = body[at++];
    block[0] = static_cast<std::uint8_t>(run + 1);
    size += std::size_t{run} + 1;
    if (at == body.size()) break;
    if (run < kLongestRun) ++at;
  }
  if (size == sizeof(bytes)) {
    port::send(bytes, size);
    size = 0;
  }
  bytes[size++] = 0;
  port::send(bytes, size);
}

}  // namespace app
