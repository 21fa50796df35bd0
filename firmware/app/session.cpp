#include "session.hpp"

#include <mnist_generated.h>

#include "engine/engine.hpp"
#include "image.hpp"
#include "inference.hpp"
#include "messages.hpp"
#include "model_config.hpp"
#include "port.hpp"

namespace app::session {
namespace {

using inference::Loaded;

// Of an event that is no frame to be answered.
void reject(const Event& event) {
  switch (event.kind) {
    case Event::Kind::kFrame:
      break;
    case Event::Kind::kTooLong:
      messages::send_error(
          event.request, ErrorCode::FRAME_TOO_LONG,
          "the frame is longer than max_payload_bytes; a long tensor goes in pieces, by CMD_WRITE_TENSOR");
      break;
    case Event::Kind::kMalformed:
      messages::send_error(event.request, ErrorCode::FRAME_MALFORMED,
                           "the frame is not COBS, or is shorter than a checksum");
      break;
    case Event::Kind::kBadChecksum:
      messages::send_error(event.request, ErrorCode::BAD_CHECKSUM, "the frame's CRC-32 differs");
      break;
    case Event::Kind::kByteLost:
      messages::send_error(event.request, ErrorCode::RECEIVE_OVERRUN, "the UART lost a byte of the frame");
      break;
    case Event::Kind::kBusy:
      messages::send_error(event.request, ErrorCode::BUSY,
                           event.dropped > 0 ? "more frames came than could be remembered"
                                             : "the request before this one was not answered yet");
      break;
  }
}

constexpr char kTensorsWanted[] =
    "this model takes no 28x28 picture: send its tensors by CMD_WRITE_TENSOR, CMD_RUN and CMD_READ_TENSOR";

bool engine_failed(std::uint32_t request) {
  if (!image::whole()) {
    messages::send_error(request, ErrorCode::IMAGE_DAMAGED, "code or model in flash are not what was built");
    return true;
  }
  if (inference::problem() == nullptr) return false;
  messages::send_error(request, ErrorCode::INTERNAL, inference::problem());
  return true;
}

// Sends what is wrong with an input.
bool refused(std::uint32_t request, Loaded loaded, const char* wrong_size) {
  switch (loaded) {
    case Loaded::kYes:
      return false;
    case Loaded::kNoSuchTensor:
      messages::send_error(request, ErrorCode::WRONG_SIZE, "the model has no input of that index");
      return true;
    case Loaded::kWrongSize:
      messages::send_error(request, ErrorCode::WRONG_SIZE, wrong_size);
      return true;
    case Loaded::kBeyond:
      messages::send_error(request, ErrorCode::OUT_OF_ORDER, "the piece before this one is missing");
      return true;
    case Loaded::kBadValue:
      messages::send_error(request, ErrorCode::BAD_VALUE,
                           "the input holds a number that is not finite, or a bool other than 0 and 1");
      return true;
  }
  return true;
}

void infer(std::uint32_t request, const MnistProt::InferenceInput* input) {
  if constexpr (!model_config::kTakesPicture) {
    messages::send_error(request, ErrorCode::WRONG_SIZE, kTensorsWanted);
    return;
  }
  const auto* digit = input != nullptr ? input->digit() : nullptr;
  const auto* pixels = input != nullptr ? input->pixels() : nullptr;
  const auto* tensor = input != nullptr ? input->tensor() : nullptr;
  if ((digit != nullptr) + (pixels != nullptr) + (tensor != nullptr) != 1) {
    messages::send_error(request, ErrorCode::WRONG_SIZE, "exactly one of digit, pixels and tensor must be set");
    return;
  }
  if (engine_failed(request)) return;

  // The verifier has checked alignment; both ends are little endian.
  Loaded loaded = Loaded::kYes;
  if (pixels != nullptr) loaded = inference::load_pixels(pixels->data(), pixels->size());
  if (digit != nullptr) loaded = inference::load_reals(digit->data(), digit->size());
  if (tensor != nullptr) {
    const bool whole = tensor->size() == engine::model().inputs[0].byte_count;
    loaded = whole ? inference::write(0, 0, tensor->data(), tensor->size()) : Loaded::kWrongSize;
  }
  if (refused(request, loaded, "the input has another number of elements than the model's (see Stats)")) return;
  inference::run();
  messages::send_inference(request);
}

void write(std::uint32_t request, const MnistProt::TensorPiece* piece) {
  if (engine_failed(request)) return;
  const auto* bytes = piece != nullptr ? piece->bytes() : nullptr;
  if (bytes == nullptr) {
    messages::send_error(request, ErrorCode::WRONG_SIZE, "a piece of an input needs `piece` with `bytes`");
    return;
  }
  const Loaded loaded = inference::write(piece->index(), piece->offset(), bytes->data(), bytes->size());
  if (refused(request, loaded, "the piece reaches beyond the input, or is not of whole elements (see Stats)"))
    return;
  messages::send_written(request, piece->index());
}

// The last run's number: an answer that got lost is sent again instead of computed again, which would not give the
// same where there is state.
std::uint32_t last_run = 0;

using Regions = flatbuffers::Vector<const MnistProt::ArenaRegion*>;

struct Trace {
  std::uint32_t request;
  const Regions& regions;
};

bool in_arena(const Regions& regions) {
  const std::size_t arena_bytes = engine::arena_memory().count;
  for (const MnistProt::ArenaRegion* region : regions) {
    if (region->layer() >= model_config::kLayerCount || region->offset() > arena_bytes ||
        region->count() > arena_bytes - region->offset()) {
      return false;
    }
  }
  return true;
}

// In a layer's mark: what was asked for of the arena as it is now. Unused in an image without TRACE.
[[maybe_unused]] void send_regions(void* context, std::size_t layer) {
  const auto& trace = *static_cast<const Trace*>(context);
  std::size_t index = 0;
  for (const MnistProt::ArenaRegion* region : trace.regions) {
    if (region->layer() == layer) {
      const std::uint8_t* bytes = engine::arena_memory().bytes + region->offset();
      messages::send_region(trace.request, index, bytes, region->count());
    }
    ++index;
  }
}

void run(std::uint32_t request, const Regions* regions) {
  if (engine_failed(request)) return;
  if (regions != nullptr && !inference::kTrace) {
    messages::send_error(request, ErrorCode::UNKNOWN_COMMAND, "this image is built without TRACE");
    return;
  }
  if (regions != nullptr && !in_arena(*regions)) {
    messages::send_error(request, ErrorCode::WRONG_SIZE, "a region is of no layer, or reaches beyond the arena");
    return;
  }
  const bool again = request != 0 && request == last_run && inference::answered();
  if (!again && !inference::ready()) {
    messages::send_error(request, ErrorCode::OUT_OF_ORDER,
                         "every input must be written whole before each inference (CMD_WRITE_TENSOR)");
    return;
  }
  if constexpr (inference::kTrace) {
    if (!again && regions != nullptr) {
      Trace trace{request, *regions};
      inference::run(send_regions, &trace);
    }
  }
  if (!again && regions == nullptr) inference::run();
  last_run = request;
  messages::send_run(request);
}

void read(std::uint32_t request, const MnistProt::TensorPiece* piece) {
  if (engine_failed(request)) return;
  if (piece == nullptr || piece->index() >= model_config::kOutputCount) {
    messages::send_error(request, ErrorCode::WRONG_SIZE, "the model has no output of that index");
    return;
  }
  const engine::TensorInfo& tensor = engine::model().outputs[piece->index()];
  const std::size_t element = tensor.byte_count / tensor.element_count;
  const std::size_t offset = piece->offset();
  const std::size_t count = piece->count();
  const bool whole = offset % element == 0 && count % element == 0 && count > 0;
  if (!whole || offset > tensor.byte_count || count > tensor.byte_count - offset) {
    messages::send_error(request, ErrorCode::WRONG_SIZE,
                         "the piece reaches beyond the output, or is not of whole elements (see Stats)");
    return;
  }
  if (!inference::answered()) {
    messages::send_error(request, ErrorCode::OUT_OF_ORDER,
                         "there is no output: an inference comes first, and an input that is written ends it");
    return;
  }
  messages::send_output(request, piece->index(), offset, count);
}

}  // namespace

void answer(const Event& event) {
  if (event.kind != Event::Kind::kFrame) {
    reject(event);
    return;
  }
  const MnistProt::Commands* message = messages::verified(event.payload, event.payload_bytes);
  if (message == nullptr) {
    messages::send_error(0, ErrorCode::NOT_A_FLATBUFFER, "the payload is not a MnistProt.Commands");
    return;
  }
  const std::uint32_t request = message->request();
  switch (message->cmd()) {
    case Command::CMD_GET_STATS:
      messages::send_stats(request);
      break;
    case Command::CMD_INFERENCE_INPUT:
      infer(request, message->input());
      break;
    case Command::CMD_WRITE_TENSOR:
      write(request, message->piece());
      break;
    case Command::CMD_RUN:
      run(request, message->trace());
      break;
    case Command::CMD_READ_TENSOR:
      read(request, message->piece());
      break;
    case Command::CMD_GET_LAYERS:
      messages::send_layers(request, message->first());
      break;
    case Command::CMD_RESET_STATE:
      if (engine_failed(request)) return;
      engine::reset_state();
      messages::send_command(request, Command::CMD_RESET_STATE);
      break;
    case Command::CMD_CHECK_IMAGE:
      messages::send_image_check(request);
      break;
    case Command::CMD_RESET:
      messages::send_command(request, Command::CMD_RESET);
      port::reset();
      break;
    default:
      messages::send_error(request, ErrorCode::UNKNOWN_COMMAND,
                           "the command is not a request that this firmware knows");
  }
}

}  // namespace app::session
