// Frames: COBS of (payload, CRC-32 little endian), closed by a zero byte.
//
// Consistent Overhead Byte Stuffing (Cheshire and Baker, IEEE/ACM Trans. Networking 7(2), 1999) leaves no
// zero inside a frame, so a receiver that has lost its place finds it again at the next zero.
#pragma once

#include <cstddef>
#include <cstdint>

#include "crc32.hpp"

namespace app {

inline constexpr std::size_t kChecksumBytes = 4;

// Undoes frames byte by byte, so that it can stand in a receive interrupt and needs no second buffer.
class FrameDecoder {
 public:
  enum class Status : std::uint8_t {
    kOpen,       // the frame is not closed yet
    kEmpty,      // nothing between two zeros
    kGood,       // payload_bytes() of payload stand in the buffer
    kTooLong,    // more than the buffer holds
    kMalformed,  // not COBS, or shorter than a checksum
    kBadChecksum,
    kByteLost,  // lose_byte() was called
  };

  // Takes one byte of the line. The buffer must be the same from one zero to the next.
  Status push(std::uint8_t byte, std::uint8_t* buffer, std::size_t buffer_bytes);

  // The line lost a byte: the frame it belonged to cannot be trusted.
  void lose_byte() { byte_lost_ = true; }

  // Of the frame closed last.
  std::size_t payload_bytes() const { return payload_bytes_; }

 private:
  void store(std::uint8_t byte, std::uint8_t* buffer, std::size_t buffer_bytes);
  Status close();

  std::size_t size_ = 0;  // decoded so far, the checksum included
  std::size_t payload_bytes_ = 0;
  std::uint32_t crc_ = crc32::kInitial;
  std::uint8_t block_left_ = 0;  // bytes of the block still to come
  bool started_ = false;         // a first block has begun
  bool zero_follows_ = false;    // the block is followed by a zero of the payload, unless the frame ends
  bool too_long_ = false;
  bool byte_lost_ = false;
};

// Sends a payload as one frame.
void send_frame(const std::uint8_t* payload, std::size_t count);

}  // namespace app
