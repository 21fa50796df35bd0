#include "messages.hpp"

#include <algorithm>

#include "build_info.hpp"
#include "engine/engine.hpp"
#include "frame.hpp"
#include "inference.hpp"
#include "port.hpp"
#include "receiver.hpp"
#include "text.hpp"

namespace app::messages {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::String;

// Longer names are cut: they come from the model file, and the reply's buffer has a fixed size.
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestText = 128;

// Upper bounds of what flatbuffers adds: root, tables with their vtables and alignment, and the fields that
// the builder keeps in the same buffer while a table is open (21 of 8 bytes in Stats).
constexpr std::size_t kOverheadBytes = 640;
constexpr std::size_t kStringOverheadBytes = 4 + 1 + 3;  // length, closing zero, alignment
constexpr std::size_t kLayerBytes = 4 + 40 + 2 * (kLongestName + kStringOverheadBytes);
constexpr std::size_t kInferenceBytes = kOverheadBytes + model_config::kOutputElements * sizeof(float) +
                                        model_config::kOutputBytes + model_config::kLayerCount * kLayerBytes;
constexpr std::size_t kStatsBytes = kOverheadBytes + sizeof(build_info::kCommit) + sizeof(build_info::kCompiler) +
                                    sizeof(build_info::kFlags) + sizeof(build_info::kBoard) + 2 * 4 * sizeof(int) +
                                    3 * kLongestName + 64 + 12 + 10 * kStringOverheadBytes;
constexpr std::size_t kReplyBytes = (std::max(kInferenceBytes, kStatsBytes) + 7) / 8 * 8;

// Gives the builder the one reply buffer, once. A second asking would mean that the bounds above are wrong.
class ReplyBuffer final : public flatbuffers::Allocator {
 public:
  std::uint8_t* allocate(std::size_t count) override {
    if (count > sizeof(bytes_)) __builtin_trap();
    return bytes_;
  }
  std::uint8_t* reallocate_downward(std::uint8_t*, std::size_t, std::size_t, std::size_t, std::size_t) override {
    __builtin_trap();
  }
  void deallocate(std::uint8_t*, std::size_t) override {}

 private:
  alignas(8) std::uint8_t bytes_[kReplyBytes];
};

ReplyBuffer reply_buffer;

class Reply : public FlatBufferBuilder {
 public:
  Reply() : FlatBufferBuilder(kReplyBytes, &reply_buffer) {}

  Offset<String> text(const char* value, std::size_t longest) {
    std::size_t count = 0;
    while (count < longest && value[count] != '\0') ++count;
    return CreateString(value, count);
  }

  template <std::size_t kCount>
  Offset<String> text(const char (&value)[kCount]) {
    return CreateString(value, kCount - 1);
  }

  Offset<MnistProt::TensorInfo> tensor(const engine::TensorInfo& info) {
    const auto shape = CreateVector(reinterpret_cast<const std::uint32_t*>(info.shape), info.rank);
    return MnistProt::CreateTensorInfo(*this, static_cast<MnistProt::ElementType>(info.type), shape, info.scale,
                                       info.zero_point);
  }

  void send(Offset<MnistProt::Commands> commands) {
    Finish(commands);
    send_frame(GetBufferPointer(), GetSize());
  }
};

MnistProt::Mode mode() {
  if (equal(engine::kEngineName, "m7")) return MnistProt::Mode::ACCELERATION_M7;
  if (equal(engine::kEngineName, "cmsis-nn")) return MnistProt::Mode::ACCELERATION_CMSIS_NN;
  return MnistProt::Mode::ACCELERATION_NONE;
}

}  // namespace

const MnistProt::Commands* verified(const std::uint8_t* payload, std::size_t count) {
  flatbuffers::Verifier::Options options;
  // A Commands holds tables two deep. The bounds keep a hostile message from taking the interrupt's time.
  options.max_depth = 4;
  options.max_tables = 64;
  flatbuffers::Verifier verifier(payload, count, options);
  return MnistProt::VerifyCommandsBuffer(verifier) ? MnistProt::GetCommands(payload) : nullptr;
}

void send_stats(std::uint32_t request) {
  const engine::ModelInfo& model = engine::model();
  const port::Memory memory = port::memory();
  const port::Bytes id = port::build_id();
  const port::Bytes chip = port::chip_id();

  Reply reply;
  const auto commit = reply.text(build_info::kCommit);
  const auto compiler = reply.text(build_info::kCompiler);
  const auto flags = reply.text(build_info::kFlags);
  const auto engine_name = reply.text(engine::kEngineName, kLongestName);
  const auto board = reply.text(build_info::kBoard);
  const auto build_id = reply.CreateVector(id.bytes, id.count);
  const auto chip_id = chip.count > 0 ? reply.CreateVector(chip.bytes, chip.count) : 0;
  const auto model_name = reply.text(model.name, kLongestName);
  const auto model_sha256 = reply.text(model.sha256, 64);
  const auto input = reply.tensor(model.input);
  const auto output = reply.tensor(model.output);

  MnistProt::StatsBuilder stats(reply);
  stats.add_version(kProtocolVersion);
  stats.add_freq(port::counter_hz());
  stats.add_mode(mode());
  stats.add_commit(commit);
  stats.add_compiler(compiler);
  stats.add_flags(flags);
  stats.add_engine(engine_name);
  stats.add_board(board);
  stats.add_build_id(build_id);
  stats.add_model_name(model_name);
  stats.add_model_sha256(model_sha256);
  stats.add_input(input);
  stats.add_output(output);
  stats.add_max_payload_bytes(kMaxPayloadBytes);
  stats.add_flash_bytes(memory.flash_bytes);
  stats.add_weights_bytes(static_cast<std::uint32_t>(model.weights_bytes));
  stats.add_ram_static_bytes(memory.ram_static_bytes);
  stats.add_arena_bytes(static_cast<std::uint32_t>(model.arena_bytes));
  stats.add_stack_bytes(memory.stack_bytes);
  stats.add_stack_used_bytes(memory.stack_used_bytes);
  stats.add_chip_id(chip_id);
  const auto done = stats.Finish();
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_GET_STATS, done, 0, 0, request));
}

void send_inference(std::uint32_t request) {
  const engine::ModelInfo& model = engine::model();
  const inference::Result& result = inference::result();

  Reply reply;
  Offset<MnistProt::LayerTiming> timings[model_config::kLayerCount];
  for (std::size_t i = 0; i < model_config::kLayerCount; ++i) {
    const auto name = reply.text(model.layers[i].name, kLongestName);
    const auto op = reply.text(model.layers[i].op, kLongestName);
    timings[i] = MnistProt::CreateLayerTiming(reply, name, op, model.layers[i].macs, result.layers[i]);
  }
  const auto layers = reply.CreateVector(timings, model_config::kLayerCount);
  const auto tensor =
      reply.CreateVector(static_cast<const std::uint8_t*>(engine::output()), model_config::kOutputBytes);
  float* scores = nullptr;
  const auto output_f = reply.CreateUninitializedVector(model_config::kOutputElements, &scores);
  for (std::size_t i = 0; i < model_config::kOutputElements; ++i) scores[i] = inference::score(i);

  const auto output =
      MnistProt::CreateInferenceOutput(reply, output_f, static_cast<std::uint8_t>(inference::best()),
                                       inference::milliseconds(result.total), tensor, layers, result.total);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_INFERENCE_OUTPUT, 0, 0, output, request));
}

void send_reset(std::uint32_t request) {
  Reply reply;
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_RESET, 0, 0, 0, request));
}

void send_error(std::uint32_t request, ErrorCode code, const char* text, std::uint32_t address,
                std::uint32_t program_counter) {
  Reply reply;
  const auto message = reply.text(text, kLongestText);
  const auto error = MnistProt::CreateError(reply, code, message, address, program_counter);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_ERROR, 0, 0, 0, request, error));
}

}  // namespace app::messages
