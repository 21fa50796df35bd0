#include "session.hpp"

#include "inference.hpp"
#include "port.hpp"

namespace app::session {
namespace {

const char* text_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::FRAME_TOO_LONG:
      return "the frame is longer than max_payload_bytes";
    case ErrorCode::FRAME_MALFORMED:
      return "the frame is not COBS, or is shorter than a checksum";
    case ErrorCode::BAD_CHECKSUM:
      return "the frame's CRC-32 differs";
    case ErrorCode::RECEIVE_OVERRUN:
      return "the UART lost a byte of the frame";
    case ErrorCode::BUSY:
      return "the request before this one was not answered yet";
    default:
      return "";
  }
}

void infer(std::uint32_t request, const MnistProt::InferenceInput* input) {
  using inference::Loaded;
  const auto* digit = input != nullptr ? input->digit() : nullptr;
  const auto* pixels = input != nullptr ? input->pixels() : nullptr;
  const auto* tensor = input != nullptr ? input->tensor() : nullptr;
  if ((digit != nullptr) + (pixels != nullptr) + (tensor != nullptr) != 1) {
    messages::send_error(request, ErrorCode::WRONG_SIZE, "exactly one of digit, pixels and tensor must be set");
    return;
  }
  if (inference::problem() != nullptr) {
    messages::send_error(request, ErrorCode::INTERNAL, inference::problem());
    return;
  }

  // The verifier has checked alignment; both ends are little endian.
  Loaded loaded = Loaded::kYes;
  if (pixels != nullptr) loaded = inference::load_pixels(pixels->data(), pixels->size());
  if (digit != nullptr) loaded = inference::load_reals(digit->data(), digit->size());
  if (tensor != nullptr) loaded = inference::load_tensor(tensor->data(), tensor->size());
  switch (loaded) {
    case Loaded::kWrongSize:
      messages::send_error(request, ErrorCode::WRONG_SIZE,
                           "the input has another number of elements than the model's (see Stats)");
      return;
    case Loaded::kNotFinite:
      messages::send_error(request, ErrorCode::BAD_VALUE, "the input holds a number that is not finite");
      return;
    case Loaded::kYes:
      inference::run();
      messages::send_inference(request);
  }
}

}  // namespace

void answer(const Event& event) {
  if (event.code != ErrorCode::NONE) {
    messages::send_error(event.request, event.code,
                         event.dropped > 0 ? "more frames came than could be remembered" : text_of(event.code));
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
    case Command::CMD_RESET:
      messages::send_reset(request);
      port::reset();
      break;
    default:
      messages::send_error(request, ErrorCode::UNKNOWN_COMMAND,
                           "the command is not a request that this firmware knows");
  }
}

}  // namespace app::session
