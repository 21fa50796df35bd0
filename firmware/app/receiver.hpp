// From bytes of the binary line to requests, at interrupt time.
//
// One request is held while it is answered; the next frame arrives in the other of two buffers. Whatever is
// closed meanwhile, or is no frame, becomes an event of its own, so that everything is answered in the order
// it came.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "frame.hpp"
#include "inference.hpp"
#include "messages.hpp"
#include "model_config.hpp"

namespace app {

// Most bytes of a tensor in one request. Two requests stand in RAM, one received while the other is answered, so
// that a tensor that is longer comes in pieces. At 115200 baud one of 1 KiB takes 90 ms, its frame and its answer
// 15 ms. Where the article's message can be sent, its 784 floats need the room anyway.
inline constexpr std::size_t kPictureBytes = inference::kPictureElements * sizeof(float);
inline constexpr std::size_t kPieceBytes =
    std::min(model_config::kMostInputBytes, model_config::kTakesPicture ? kPictureBytes : std::size_t{1024});

// A trace asks for a region or two a layer.
constexpr std::size_t kTraceBytes = inference::kTrace ? 2 * model_config::kLayerCount * messages::kRegionBytes : 0;

// Vtables, offsets and alignment of a Commands with an InferenceInput or a TensorPiece come to less than 150 bytes.
inline constexpr std::size_t kMaxPayloadBytes =
    std::max(model_config::kTakesPicture ? kPictureBytes : kPieceBytes, kTraceBytes) + 256;
inline constexpr std::size_t kReceiveBytes = (kMaxPayloadBytes + kChecksumBytes + 7) / 8 * 8;

// On the line: a byte more for each 254, and the zero.
inline constexpr std::size_t kLongestFrameBytes =
    kMaxPayloadBytes + kChecksumBytes + (kMaxPayloadBytes + kChecksumBytes) / 254 + 2;

struct Event {
  enum class Kind : std::uint8_t {
    kFrame,  // to be answered, standing in `payload`
    kTooLong,
    kMalformed,
    kBadChecksum,
    kByteLost,
    kBusy,  // the one before it was not answered yet
  };

  Kind kind;
  std::uint32_t request;  // of a rejected frame, where it could be read
  const std::uint8_t* payload;
  std::size_t payload_bytes;
  std::uint32_t dropped;  // for kBusy: how many more frames there was no room to remember
};

class Receiver {
 public:
  void clear();

  // Interrupt side.
  void push(std::uint8_t byte);
  void lose_byte() { decoder_.lose_byte(); }

  // Main loop side. A taken event is released once it has been answered.
  bool has_event() const;
  bool take(Event& event);
  void release(const Event& event);

 private:
  // A frame takes at least 0.9 ms to arrive and its answer 6 ms to leave, so a few are enough for a client
  // that makes a mistake; one that floods the line learns how many were dropped.
  static constexpr std::size_t kEvents = 16;

  void remember(const Event& event);

  FrameDecoder decoder_;
  alignas(8) std::uint8_t buffers_[2][kReceiveBytes];
  std::uint8_t filling_ = 0;       // index of the buffer that the interrupt writes
  std::atomic<bool> held_{false};  // the other buffer holds a request

  // Single producer, single consumer: each index has one writer.
  std::array<Event, kEvents> events_;
  std::atomic<std::uint32_t> written_{0};
  std::atomic<std::uint32_t> read_{0};
  std::atomic<std::uint32_t> dropped_{0};  // counted by the interrupt, never reset by it
  std::uint32_t dropped_reported_ = 0;
};

}  // namespace app
