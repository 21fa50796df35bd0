#include "app.hpp"

#include "console.hpp"
#include "engine/engine.hpp"
#include "image.hpp"
#include "inference.hpp"
#include "receiver.hpp"
#include "session.hpp"

namespace app {
namespace {

Receiver receiver;
LineReceiver lines;

}  // namespace

void start() {
  receiver.clear();
  lines.clear();
  image::check();
  inference::start();
  console::greet();
}

void binary_byte(std::uint8_t byte) { receiver.push(byte); }
void binary_byte_lost() { receiver.lose_byte(); }
void console_byte(std::uint8_t byte) { lines.push(static_cast<char>(byte)); }
void console_byte_lost() { lines.lose(); }

bool has_work() { return receiver.has_event() || lines.has_work(); }

void work() {
  Event event;
  if (receiver.take(event)) {
    session::answer(event);
    receiver.release(event);
  }
  if (lines.has_work()) console::work(lines);
}

}  // namespace app
