// Flatbuffers in and out. Replies are built in one static buffer, sized for this model: no heap.
#pragma once

#include <cstddef>
#include <cstdint>

// Made by flatc: mnist_generated.h, which takes a second and more to compile. Only messages.cpp and session.cpp,
// which read and write messages, know what is in them.
namespace MnistProt {
enum class Command : std::int8_t;
enum class ErrorCode : std::uint8_t;
struct Commands;
}  // namespace MnistProt

namespace app {

using MnistProt::Command;
using MnistProt::ErrorCode;

namespace messages {

inline constexpr std::uint8_t kProtocolVersion = 103;

// RAM taken by the buffers for requests and replies.
extern const std::uint32_t kWireBytes;

// Of a request's list of regions, a region.
inline constexpr std::size_t kRegionBytes = 12;

// The message in a payload (aligned to 8), or nullptr where the verifier refuses it.
const MnistProt::Commands* verified(const std::uint8_t* payload, std::size_t count);

// The number of the request in a payload, 0 where the verifier refuses it.
std::uint32_t number_of(const std::uint8_t* payload, std::size_t count);

// Each sends one frame; `request` is the number of the request it answers, 0 where that could not be read.
void send_stats(std::uint32_t request);
void send_inference(std::uint32_t request);  // the article's answer: of a model that takes a picture
void send_written(std::uint32_t request, std::size_t index);
void send_run(std::uint32_t request);  // of inference::result()
void send_output(std::uint32_t request, std::size_t index, std::size_t offset, std::size_t count);
void send_region(std::uint32_t request, std::size_t index, const std::uint8_t* bytes, std::size_t count);
void send_layers(std::uint32_t request, std::size_t first);
void send_command(std::uint32_t request, Command command);  // an answer that says nothing but that it was done
void send_image_check(std::uint32_t request);               // computes it
void send_error(std::uint32_t request, ErrorCode code, const char* text);

// Of no request: the core faulted, at an address and an instruction (0: unknown), and is about to reset.
struct Fault {
  bool of_stack;  // it ran into its guard
  const char* text;
  std::uint32_t address;
  std::uint32_t program_counter;
};
void send_fault(const Fault& fault);

}  // namespace messages
}  // namespace app
