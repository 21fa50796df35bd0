#include "console.hpp"

#include "build_info.hpp"
#include "builtin_digit.hpp"
#include "engine/engine.hpp"
#include "image.hpp"
#include "inference.hpp"
#include "messages.hpp"
#include "port.hpp"
#include "printer.hpp"
#include "text.hpp"

namespace app {

void LineReceiver::clear() {
  read_ = written_.load();
  size_ = 0;
  lost_ = false;
}

void LineReceiver::push(char character) {
  const std::uint32_t written = written_;
  if (written - read_ == kKept) {
    lost_ = true;
    return;
  }
  kept_[written % kKept] = character;
  written_ = written + 1;
}

LineReceiver::Line LineReceiver::next() {
  while (written_ != read_) {
    const std::uint32_t read = read_;
    const char character = kept_[read % kKept];
    read_ = read + 1;
    if (character != '\r' && character != '\n') {
      if (size_ < kLongestLine) line_[size_] = character;
      if (size_ <= kLongestLine) ++size_;
      continue;
    }
    if (size_ == 0) continue;  // an empty line, or the second half of "\r\n"
    const std::size_t size = size_;
    size_ = 0;
    if (lost_.exchange(false)) return Line::kCharacterLost;
    if (size > kLongestLine) return Line::kTooLong;
    line_[size] = '\0';
    return Line::kComplete;
  }
  return Line::kNone;
}

namespace console {
namespace {

constexpr const char* kTypeNames[] = {"float32", "int8", "uint8", "int16", "int32", "bool", "int64"};
constexpr const char* kCauses[] = {"unknown",  "power-on",        "brown-out",       "pin",
                                   "software", "watchdog (IWDG)", "watchdog (WWDG)", "low power"};

// By port::ClockProblem.
constexpr const char* kNotReady[] = {"", "over-drive is not ready", "flash takes no wait states",
                                     "the PLL is not ready", "the core does not switch to the PLL"};

void print_clock_problem() {
  const port::ClockProblem problem = port::clock_problem();
  if (problem == port::ClockProblem::kNone) return;
  Printer out;
  out.text("Slow clock: ").text(kNotReady[static_cast<std::size_t>(problem)]);
  out.text("; HSI at ").number(port::counter_hz()).text(" Hz").end_line();
}

// "Input: int8 1x28x28x1, ...", with number and name where there are several.
void print_tensors(const char* role, const engine::TensorInfo* tensors, std::size_t count) {
  for (std::size_t position = 0; position < count; ++position) {
    const engine::TensorInfo& tensor = tensors[position];
    Printer out;
    out.text(role);
    if (count > 1) out.text(" ").number(static_cast<std::uint32_t>(position)).text(", ").text(tensor.name);
    out.text(": ").text(kTypeNames[static_cast<std::size_t>(tensor.type)]).text(" ");
    for (std::size_t i = 0; i < tensor.rank; ++i) out.text(i > 0 ? "x" : "").number(tensor.shape[i]);
    if (tensor.rank == 0) out.text("scalar");
    if (tensor.scale != 0.0F) {
      out.text(", scale ").fixed(tensor.scale, 8).text(", zero point ").number(tensor.zero_point);
    }
    out.end_line();
  }
}

// A PC's flash, RAM and stack are not the image's own: what is not measured is said so, not printed as 0.
[[maybe_unused]] void print_memory_of_pc() {
  const engine::ModelInfo& model = engine::model();
  Printer out;
  out.text("Flash: not measured on a PC, weights ").number(static_cast<std::uint32_t>(model.weights_bytes));
  out.text(" B").end_line();
  out.text("Last reset: not known on a PC").end_line();
  out.text("RAM: not measured on a PC, arena ").number(static_cast<std::uint32_t>(model.arena_bytes));
  if (model.state_bytes > 0) out.text(", state ").number(static_cast<std::uint32_t>(model.state_bytes));
  out.text(", wire ").number(messages::kWireBytes).text(" B").end_line();
}

void print_model() {
  const engine::ModelInfo& model = engine::model();
  const port::Memory memory = port::memory();
  Printer out;
  out.text("Model: ").text(model.name).text(", sha256 ").text(model.sha256).end_line();
  print_tensors("Input", model.inputs, model.input_count);
  print_tensors("Output", model.outputs, model.output_count);
  out.text("Engine: ").text(engine::kEngineName).text(", commit ").text(build_info::kCommit).end_line();
  out.text("Layers: ").number(static_cast<std::uint32_t>(model.layer_count)).end_line();
  for (std::size_t i = 0; i < model.layer_count; ++i) {
    const engine::LayerInfo& layer = model.layers[i];
    out.text("  ").text(layer.op).text(": ").number(layer.macs).text(" MACs, ").text(layer.name).end_line();
  }
  if constexpr (!port::kMeasuresMemory) {
    print_memory_of_pc();
    return;
  }
  out.text("Flash: ").number(memory.flash_bytes).text(" B, ");
  out.number(static_cast<std::uint32_t>(model.weights_bytes)).text(" B of it weights").end_line();
  const auto arena_bytes = static_cast<std::uint32_t>(model.arena_bytes);
  const auto state_bytes = static_cast<std::uint32_t>(model.state_bytes);
  out.text("Last reset: ").text(kCauses[static_cast<std::size_t>(port::reset_cause())]).end_line();
  print_clock_problem();
  out.text("RAM: ")
      .number(memory.ram_static_bytes + memory.stack_used_bytes)
      .text(" B: arena ")
      .number(arena_bytes);
  if (state_bytes > 0) out.text(", state ").number(state_bytes);
  out.text(", wire ").number(messages::kWireBytes).text(", rest ");
  out.number(memory.ram_static_bytes - arena_bytes - state_bytes - messages::kWireBytes).text(", stack ");
  out.number(memory.stack_used_bytes).text(" of ").number(memory.stack_bytes).end_line();
}

void print_check() {
  const image::Check& check = image::check();
  Printer out;
  out.text("Image: ").text(image::whole() ? "as built" : "damaged").text(", CRC-32 0x").hexadecimal(check.computed);
  out.text(" of ").number(check.byte_count).text(" B in ").fixed(inference::milliseconds(check.counter), 3);
  out.text(" msec, stated 0x").hexadecimal(check.stated).end_line();
}

void run_builtin_digit() {
  Printer out;
  if (!image::whole()) {
    out.text("The image is damaged; CMD=3 checks it again.").end_line();
    return;
  }
  if (inference::problem() != nullptr) {
    out.text("The engine did not start: ").text(inference::problem()).end_line();
    return;
  }
  if constexpr (!model_config::kTakesPicture) {
    out.text("This model takes no 28x28 picture; its tensors go over the binary line.").end_line();
    return;
  }
  inference::load_pixels(builtin_digit::kPixels, sizeof(builtin_digit::kPixels));
  out.text("Running inference...").end_line();
  const inference::Result& result = inference::run();
  const engine::ModelInfo& model = engine::model();
  for (std::size_t i = 0; i < model_config::kLayerCount; ++i) {
    out.text(model.layers[i].op)
        .text(": ")
        .fixed(inference::milliseconds(result.layers[i]), 3)
        .text(" msec")
        .end_line();
  }
  out.text("Done in ").fixed(inference::milliseconds(result.total), 3).text(" msec...").end_line();
  for (std::size_t i = 0; i < model_config::kOutputElements; ++i) {
    out.text("Out[").number(static_cast<std::uint32_t>(i)).text("]: ").fixed(inference::score(i), 6).end_line();
  }
}

void print_help() {
  Printer out;
  out.text("CMD=1  the model: inputs, outputs, layers, engine, memory").end_line();
  if constexpr (model_config::kTakesPicture) out.text("CMD=2  runs the built-in digit").end_line();
  out.text("CMD=3  checks code and model in flash").end_line();
  out.text("HELP   this list").end_line();
}

// The article's echo. What a terminal might take for a command of its own is shown as a dot.
void echo(const char* line) {
  Printer out;
  out.text("Received: ");
  for (; *line != '\0'; ++line) {
    const char shown = *line >= ' ' && *line <= '~' ? *line : '.';
    out.text(&shown, 1);
  }
  out.end_line();
}

void carry_out(const char* line) {
  echo(line);
  if (equal(line, "CMD=1")) {
    print_model();
  } else if (equal(line, "CMD=2")) {
    run_builtin_digit();
  } else if (equal(line, "CMD=3")) {
    print_check();
  } else if (equal(line, "HELP")) {
    print_help();
  } else {
    Printer().text("Unknown command; HELP lists those there are.").end_line();
  }
}

}  // namespace

void greet() {
  Printer out;
  out.text("Program started @ ").number(port::counter_hz()).text("...").end_line();
  print_clock_problem();
  if (!image::whole()) out.text("The image is damaged: code or model in flash are not what was built.").end_line();
  if (inference::problem() != nullptr) {
    out.text("The engine did not start: ").text(inference::problem()).end_line();
  }
}

void work(LineReceiver& lines) {
  switch (lines.next()) {
    case LineReceiver::Line::kComplete:
      carry_out(lines.line());
      break;
    case LineReceiver::Line::kTooLong:
      Printer()
          .text("The line is longer than ")
          .number(std::uint32_t{LineReceiver::kLongestLine})
          .text(" characters.")
          .end_line();
      break;
    case LineReceiver::Line::kCharacterLost:
      Printer()
          .text("Characters of this line were lost; send it again once the one before is answered.")
          .end_line();
      break;
    case LineReceiver::Line::kNone:
      break;
  }
}

}  // namespace console
}  // namespace app
