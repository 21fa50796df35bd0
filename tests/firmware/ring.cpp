// The ring of a UART by DMA against a model of the controller that fills it: what is read is what came, in order,
// and where bytes are lost that is told. Events interrupt at once, as they do while the app works.
#include "ring.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

using board::Ring;

namespace {

class Controller {
 public:
  explicit Controller(std::size_t size) : ring(size), bytes_(size), watched_(ring.far_event()) {}

  void receive(std::size_t count) {
    while (count-- > 0) {
      bytes_[at_] = ++sent_;
      at_ = (at_ + 1) % ring.size();
      if (at_ == 0) pass(Ring::Event::kEnd);
      if (at_ == ring.size() / 2) pass(Ring::Event::kMiddle);
    }
    // None before half a ring has come.
    require(passed_ == 0 || sent_ - taken_ >= ring.size() / 2, "an interrupt in the first half");
  }

  void take() {
    const std::uint32_t came = sent_ - taken_;
    const Ring::Stretch stretch = ring.come(passed_, at_);
    require(stretch.lost == (came >= ring.size()), "loss is told where and only where there is one");
    if (!stretch.lost) require(stretch.count == came, "all that came is read");
    std::uint32_t expected = sent_ - static_cast<std::uint32_t>(stretch.count);
    for (std::size_t left = stretch.count; left > 0; --left) {
      require(bytes_[ring.read()] == ++expected, "in order");
      ring.advance();
    }
    taken_ = sent_;
    if (passed_ > 0 || ring.far_event() != watched_) {
      passed_ = 0;
      watched_ = ring.far_event();
    }
  }

  unsigned interrupts = 0;
  Ring ring;

 private:
  void require(bool holds, const char* what) {
    if (holds) return;
    std::printf("%s: ring of %zu, %u sent, %u taken\n", what, ring.size(), sent_, taken_);
    std::exit(1);
  }

  void pass(Ring::Event event) {
    const Ring::Event waited = passed_ == 0 ? watched_ : ring.other(watched_);
    if (passed_ > 1 || event != waited) return;
    ++passed_;
    ++interrupts;
  }

  std::vector<std::uint32_t> bytes_;
  std::size_t at_ = 0;
  std::uint32_t sent_ = 0;
  std::uint32_t taken_ = 0;
  Ring::Event watched_;
  unsigned passed_ = 0;
};

}  // namespace

int main() {
  std::mt19937 random(1);
  unsigned interrupts = 0;
  for (const std::size_t size : {64U, 256U, 3456U}) {
    Controller controller(size);
    for (int turn = 0; turn < 100'000; ++turn) {
      const std::size_t most = random() % 8 == 0 ? 3 * size : random() % 2 == 0 ? size / 4 : size;
      controller.receive(random() % (most + 1));
      controller.take();
    }
    interrupts += controller.interrupts;
  }
  std::printf("%u\n", interrupts);
  return interrupts > 1000 ? 0 : 1;
}
