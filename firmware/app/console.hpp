// The text console on the second UART, in the article's form: `CMD=1` prints the model, `CMD=2` runs the
// built-in digit.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace app {

// From characters to lines. Characters are kept at interrupt time; the main loop makes lines of them.
class LineReceiver {
 public:
  static constexpr std::size_t kLongestLine = 64;

  enum class Line : std::uint8_t { kNone, kComplete, kTooLong, kCharacterLost };

  void clear();

  // Interrupt side.
  void push(char character);
  void lose() { lost_ = true; }

  // Main loop side.
  bool has_work() const { return written_ != read_; }
  Line next();  // takes characters up to the end of a line; empty lines are passed over
  const char* line() const { return line_; }

 private:
  // Two full lines: one may arrive while the one before it is carried out.
  static constexpr std::size_t kKept = 128;

  char kept_[kKept];
  std::atomic<std::uint32_t> written_{0};
  std::atomic<std::uint32_t> read_{0};
  std::atomic<bool> lost_{false};

  char line_[kLongestLine + 1];
  std::size_t size_ = 0;
};

namespace console {

void greet();
void work(LineReceiver& lines);

}  // namespace console
}  // namespace app
