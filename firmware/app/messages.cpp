#include "messages.hpp"

#include <mnist_generated.h>

#include <algorithm>

#include "build_info.hpp"
#include "engine/engine.hpp"
#include "frame.hpp"
#include "image.hpp"
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
// the builder keeps in the same buffer while a table is open (30 of 8 bytes in Stats).
constexpr std::size_t kOverheadBytes = 384;
constexpr std::size_t kStatsOverheadBytes = 768;
constexpr std::size_t kStringOverheadBytes = 4 + 1 + 3;                  // length, closing zero, alignment
constexpr std::size_t kLayerBytes = 4 + 40 + 2 * kStringOverheadBytes;   // and its texts
constexpr std::size_t kTensorBytes = 2 * 4 + 48 + kStringOverheadBytes;  // and its name and shape

constexpr std::size_t kStatsBytes =
    kStatsOverheadBytes + sizeof(build_info::kCommit) + sizeof(build_info::kCompiler) + sizeof(build_info::kFlags) +
    sizeof(build_info::kBoard) + 3 * kLongestName + 64 + 12 + 10 * kStringOverheadBytes +
    model_config::kEdgeTextBytes + model_config::kEdgeDimensions * sizeof(std::uint32_t) +
    (model_config::kInputCount + model_config::kOutputCount) * kTensorBytes;
constexpr std::size_t kPictureAnswerBytes =
    model_config::kTakesPicture
        ? kOverheadBytes + model_config::kOutputElements * sizeof(float) + model_config::kMostOutputBytes +
              model_config::kLayerTextBytes + model_config::kLayerCount * kLayerBytes
        : 0;
constexpr std::size_t kRunBytes = kOverheadBytes + model_config::kLayerCount * sizeof(std::uint64_t);
constexpr std::size_t kMostReadBytes =
    inference::kTrace ? 1024 : std::min<std::size_t>(model_config::kMostOutputBytes, 1024);
constexpr std::size_t kOutputBytes = kOverheadBytes + kMostReadBytes;
constexpr std::size_t kOneLayerBytes = kLayerBytes + 2 * kLongestName;
constexpr std::size_t kReplyBytes =
    (std::max({kStatsBytes, kPictureAnswerBytes, kRunBytes, kOutputBytes, kOverheadBytes + kOneLayerBytes}) + 7) /
    8 * 8;

static_assert(kRegionBytes == sizeof(MnistProt::ArenaRegion));
static_assert(static_cast<int>(port::ResetCause::kLowPower) == static_cast<int>(MnistProt::ResetCause::LOW_POWER));
static_assert(static_cast<int>(port::ClockProblem::kSwitch) == static_cast<int>(MnistProt::ClockProblem::SWITCH));
static_assert(static_cast<int>(engine::ElementType::kInt64) == static_cast<int>(MnistProt::ElementType::INT64));

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

  template <std::size_t kCount>
  void tensors(const engine::TensorInfo* infos, Offset<MnistProt::TensorInfo> (&made)[kCount]) {
    for (std::size_t i = 0; i < kCount; ++i) {
      const engine::TensorInfo& info = infos[i];
      const auto name = text(info.name, kLongestName);
      const auto shape = CreateVector(info.shape, info.rank);
      made[i] = MnistProt::CreateTensorInfo(*this, static_cast<MnistProt::ElementType>(info.type), shape,
                                            info.scale, info.zero_point, name);
    }
  }

  Offset<MnistProt::LayerTiming> layer(const engine::LayerInfo& info, std::uint64_t counter) {
    const auto name = text(info.name, kLongestName);
    const auto op = text(info.op, kLongestName);
    return MnistProt::CreateLayerTiming(*this, name, op, info.macs, counter);
  }

  void send(Offset<MnistProt::Commands> commands) {
    Finish(commands);
    send_frame(GetBufferPointer(), GetSize());
  }
};

void send_piece(std::uint32_t request, Command command, std::size_t index, std::size_t offset, std::size_t count,
                const std::uint8_t* bytes) {
  Reply reply;
  const auto content = bytes != nullptr ? reply.CreateVector(bytes, count) : 0;
  const auto piece =
      MnistProt::CreateTensorPiece(reply, static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(offset),
                                   content, static_cast<std::uint32_t>(count));
  reply.send(MnistProt::CreateCommands(reply, command, 0, 0, 0, request, 0, piece));
}

void send_problem(std::uint32_t request, ErrorCode code, const char* text, std::uint32_t address,
                  std::uint32_t program_counter) {
  Reply reply;
  const auto message = reply.text(text, kLongestText);
  const auto error = MnistProt::CreateError(reply, code, message, address, program_counter);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_ERROR, 0, 0, 0, request, error));
}

std::size_t sent_bytes(const char* text) {
  std::size_t count = 0;
  while (count < kLongestName && text[count] != '\0') ++count;
  return count;
}

MnistProt::Mode mode() {
  if (equal(engine::kEngineName, "m7")) return MnistProt::Mode::ACCELERATION_M7;
  if (equal(engine::kEngineName, "cmsis-nn")) return MnistProt::Mode::ACCELERATION_CMSIS_NN;
  return MnistProt::Mode::ACCELERATION_NONE;
}

}  // namespace

const std::uint32_t kWireBytes = 2 * kReceiveBytes + kReplyBytes;

const MnistProt::Commands* verified(const std::uint8_t* payload, std::size_t count) {
  flatbuffers::Verifier::Options options;
  // A Commands holds tables two deep. The bounds keep a hostile message from taking the interrupt's time.
  options.max_depth = 4;
  options.max_tables = 64;
  flatbuffers::Verifier verifier(payload, count, options);
  return MnistProt::VerifyCommandsBuffer(verifier) ? MnistProt::GetCommands(payload) : nullptr;
}

std::uint32_t number_of(const std::uint8_t* payload, std::size_t count) {
  const MnistProt::Commands* message = verified(payload, count);
  return message != nullptr ? message->request() : 0;
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
  Offset<MnistProt::TensorInfo> input_tensors[model_config::kInputCount];
  Offset<MnistProt::TensorInfo> output_tensors[model_config::kOutputCount];
  reply.tensors(model.inputs, input_tensors);
  reply.tensors(model.outputs, output_tensors);
  const auto inputs = reply.CreateVector(input_tensors, model_config::kInputCount);
  const auto outputs = reply.CreateVector(output_tensors, model_config::kOutputCount);

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
  stats.add_input(input_tensors[0]);
  stats.add_output(output_tensors[0]);
  stats.add_max_payload_bytes(kMaxPayloadBytes);
  stats.add_flash_bytes(memory.flash_bytes);
  stats.add_weights_bytes(static_cast<std::uint32_t>(model.weights_bytes));
  stats.add_ram_static_bytes(memory.ram_static_bytes);
  stats.add_arena_bytes(static_cast<std::uint32_t>(model.arena_bytes));
  stats.add_stack_bytes(memory.stack_bytes);
  stats.add_stack_used_bytes(memory.stack_used_bytes);
  stats.add_chip_id(chip_id);
  stats.add_inputs(inputs);
  stats.add_outputs(outputs);
  stats.add_layer_count(model_config::kLayerCount);
  stats.add_state_bytes(static_cast<std::uint32_t>(model.state_bytes));
  stats.add_wire_bytes(kWireBytes);
  stats.add_piece_bytes(kPieceBytes);
  stats.add_reset_cause(static_cast<MnistProt::ResetCause>(port::reset_cause()));
  stats.add_watchdog_ms(port::watchdog_ms());
  stats.add_clock_problem(static_cast<MnistProt::ClockProblem>(port::clock_problem()));
  const auto done = stats.Finish();
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_GET_STATS, done, 0, 0, request));
}

void send_inference(std::uint32_t request) {
  const engine::ModelInfo& model = engine::model();
  const inference::Result& result = inference::result();

  Reply reply;
  Offset<MnistProt::LayerTiming> timings[model_config::kLayerCount];
  for (std::size_t i = 0; i < model_config::kLayerCount; ++i) {
    timings[i] = reply.layer(model.layers[i], result.layers[i]);
  }
  const auto layers = reply.CreateVector(timings, model_config::kLayerCount);
  const auto tensor =
      reply.CreateVector(static_cast<const std::uint8_t*>(engine::output(0)), model.outputs[0].byte_count);
  float* scores = nullptr;
  const auto output_f = reply.CreateUninitializedVector(model_config::kOutputElements, &scores);
  for (std::size_t i = 0; i < model_config::kOutputElements; ++i) scores[i] = inference::score(i);

  const auto output =
      MnistProt::CreateInferenceOutput(reply, output_f, static_cast<std::uint8_t>(inference::best()),
                                       inference::milliseconds(result.total), tensor, layers, result.total);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_INFERENCE_OUTPUT, 0, 0, output, request));
}

void send_written(std::uint32_t request, std::size_t index) {
  send_piece(request, Command::CMD_WRITE_TENSOR, index, 0, inference::written(index), nullptr);
}

void send_run(std::uint32_t request) {
  const inference::Result& result = inference::result();
  Reply reply;
  const auto counters = reply.CreateVector(result.layers, model_config::kLayerCount);
  const auto output = MnistProt::CreateInferenceOutput(reply, 0, 0, inference::milliseconds(result.total), 0, 0,
                                                       result.total, counters);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_RUN, 0, 0, output, request));
}

void send_output(std::uint32_t request, std::size_t index, std::size_t offset, std::size_t count) {
  const engine::TensorInfo& tensor = engine::model().outputs[index];
  const std::size_t element = tensor.byte_count / tensor.element_count;
  const std::size_t fitting = std::min(count, kMostReadBytes / element * element);
  send_piece(request, Command::CMD_READ_TENSOR, index, offset, fitting,
             static_cast<const std::uint8_t*>(engine::output(index)) + offset);
}

void send_region(std::uint32_t request, std::size_t index, const std::uint8_t* bytes, std::size_t count) {
  for (std::size_t offset = 0; offset < count; offset += kMostReadBytes) {
    const std::size_t sent = std::min(kMostReadBytes, count - offset);
    send_piece(request, Command::CMD_READ_TENSOR, index, offset, sent, bytes + offset);
  }
}

void send_layers(std::uint32_t request, std::size_t first) {
  const engine::ModelInfo& model = engine::model();
  Reply reply;
  Offset<MnistProt::LayerTiming> page[model_config::kLayerCount];
  std::size_t count = 0;
  std::size_t left = kReplyBytes - kOverheadBytes;
  for (std::size_t i = first; i < model_config::kLayerCount; ++i) {
    const std::size_t needed = kLayerBytes + sent_bytes(model.layers[i].name) + sent_bytes(model.layers[i].op);
    if (needed > left) break;
    left -= needed;
    page[count++] = reply.layer(model.layers[i], 0);
  }
  const auto layers = reply.CreateVector(page, count);
  const auto output = MnistProt::CreateInferenceOutput(reply, 0, 0, 0, 0, layers);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_GET_LAYERS, 0, 0, output, request));
}

void send_command(std::uint32_t request, Command command) {
  Reply reply;
  reply.send(MnistProt::CreateCommands(reply, command, 0, 0, 0, request));
}

void send_image_check(std::uint32_t request) {
  const image::Check& check = image::check();
  Reply reply;
  const auto found =
      MnistProt::CreateImageCheck(reply, check.stated, check.computed, check.byte_count, check.counter);
  reply.send(MnistProt::CreateCommands(reply, Command::CMD_CHECK_IMAGE, 0, 0, 0, request, 0, 0, 0, 0, found));
}

void send_error(std::uint32_t request, ErrorCode code, const char* text) {
  send_problem(request, code, text, 0, 0);
}

void send_fault(const Fault& fault) {
  const ErrorCode code = fault.of_stack ? ErrorCode::STACK_OVERFLOW : ErrorCode::HARD_FAULT;
  send_problem(0, code, fault.text, fault.address, fault.program_counter);
}

}  // namespace app::messages
