// firmware-fuzz: libFuzzer on frames, messages, session and console, with engine `test`.
//
// The first byte of an input says what the rest is: raw bytes of the line, the payload of a good frame (which a
// fuzzer would not find by itself, because of the checksum), or text of the console. What is answered
// must be good frames only, and a good request after it all must be answered by its result.
#include <mnist_generated.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "app.hpp"
#include "crc32.hpp"
#include "frame.hpp"
#include "messages.hpp"
#include "port.hpp"

namespace {

std::vector<std::uint8_t> sent;

void require(bool holds) {
  if (!holds) std::abort();
}

void work() {
  while (app::has_work()) app::work();
}

// As frame.cpp does it, but into memory.
std::vector<std::uint8_t> framed(const std::uint8_t* payload, std::size_t count) {
  sent.clear();
  app::send_frame(payload, count);
  std::vector<std::uint8_t> frame;
  frame.swap(sent);
  return frame;
}

void check_replies() {
  alignas(8) static std::uint8_t buffer[1 << 16];
  app::FrameDecoder decoder;
  for (const std::uint8_t byte : sent) {
    const auto status = decoder.push(byte, buffer, sizeof(buffer));
    if (status == app::FrameDecoder::Status::kOpen) continue;
    require(status == app::FrameDecoder::Status::kGood);
    const auto* reply = app::messages::verified(buffer, decoder.payload_bytes());
    require(reply != nullptr);
    require(reply->cmd() != app::Command::CMD_ERROR || reply->error() != nullptr);
    require(reply->cmd() != app::Command::CMD_ERROR || reply->error()->code() != app::ErrorCode::INTERNAL);
  }
  require(sent.empty() || sent.back() == 0);
  sent.clear();
}

constexpr std::uint32_t kGoodRequest = 7;

const std::vector<std::uint8_t>& good_request() {
  static const std::vector<std::uint8_t> frame = [] {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(MnistProt::CreateCommands(builder, app::Command::CMD_GET_STATS, 0, 0, 0, kGoodRequest));
    return framed(builder.GetBufferPointer(), builder.GetSize());
  }();
  return frame;
}

}  // namespace

namespace port {

std::uint32_t counter() {
  static std::uint32_t count = 0;
  return count += 1000;
}
std::uint32_t counter_hz() { return 216'000'000; }
ClockProblem clock_problem() { return ClockProblem::kNone; }
void send(const std::uint8_t* bytes, std::size_t count) { sent.insert(sent.end(), bytes, bytes + count); }
void print(const char*, std::size_t) {}
Memory memory() { return {}; }
Bytes build_id() { return {nullptr, 0}; }
Bytes chip_id() { return {nullptr, 0}; }
// An image that is as built, without which no inference is run. What it states is that of app/image.cpp before
// renode_mnist.program.seal has been there, which is the CRC-32 of these four bytes.
bool constant_part(std::size_t index, Bytes& part) {
  static constexpr std::uint8_t kOnes[] = {0xFF, 0xFF, 0xFF, 0xFF};
  part = {kOnes, sizeof(kOnes)};
  return index == 0;
}
ResetCause reset_cause() { return ResetCause::kUnknown; }
std::uint32_t watchdog_ms() { return 0; }
void reset() {}

}  // namespace port

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t kind = *data++;
  --size;
  app::start();
  switch (kind % 4) {
    case 0:  // worked on as it comes
      for (std::size_t i = 0; i < size; ++i) {
        app::binary_byte(data[i]);
        work();
      }
      break;
    case 1:  // all at once: busy, and more than can be remembered
      for (std::size_t i = 0; i < size; ++i) {
        app::binary_byte(data[i]);
        if (i % 61 == 60) app::binary_byte_lost();
      }
      break;
    case 2:
      for (const std::uint8_t byte : framed(data, size)) app::binary_byte(byte);
      break;
    default:
      for (std::size_t i = 0; i < size; ++i) {
        app::console_byte(data[i]);
        if (data[i] == '\n') work();
        if (data[i] == 0xFF) app::console_byte_lost();
      }
  }
  work();
  check_replies();

  // Whatever came before, a good request after a zero is answered by its result.
  app::binary_byte(0);
  work();
  const auto& request = good_request();
  sent.clear();
  for (const std::uint8_t byte : request) app::binary_byte(byte);
  work();
  require(!sent.empty());
  alignas(8) static std::uint8_t buffer[1 << 16];
  app::FrameDecoder decoder;
  for (const std::uint8_t byte : sent) decoder.push(byte, buffer, sizeof(buffer));
  const auto* reply = app::messages::verified(buffer, decoder.payload_bytes());
  require(reply != nullptr && reply->cmd() == app::Command::CMD_GET_STATS && reply->request() == kGoodRequest);
  sent.clear();
  return 0;
}
