// firmware-host: the app on a PC. Two TCP ports stand for the board's two UARTs.
#include <link.h>
#include <poll.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "app.hpp"
#include "line.hpp"
#include "port.hpp"

namespace {

host::Line binary;
host::Line console;
bool reset_asked = false;
volatile std::sig_atomic_t stop_asked = 0;

// What a UART's interrupt would do: let in what has come. Not without end, should it come faster than it is read.
void take_binary() {
  std::uint8_t bytes[4096];
  for (int turn = 0; turn < 16; ++turn) {
    const std::size_t count = binary.receive(bytes, sizeof(bytes));
    if (count == 0) break;
    for (std::size_t i = 0; i < count; ++i) app::binary_byte(bytes[i]);
  }
  // Half a frame of a client that has gone must not be taken for the start of the next one's.
  if (!binary.connected()) app::binary_byte(0);
}

// A line is carried out before the next is read: a console's buffer is two lines, a TCP segment's many.
void take_console() {
  std::uint8_t bytes[64];
  const std::size_t count = console.receive(bytes, sizeof(bytes));
  for (std::size_t i = 0; i < count; ++i) app::console_byte(bytes[i]);
  if (!console.connected()) app::console_byte('\n');
}

void work() {
  while (app::has_work()) {
    app::work();
    if (reset_asked) {
      reset_asked = false;
      app::start();
    }
  }
  binary.flush();
  console.flush();
}

struct Arguments {
  const char* address = "127.0.0.1";
  std::uint16_t port = 32001;  // the article's
  std::uint16_t console_port = 0;
};

bool parse_port(const char* text, std::uint16_t& port) {
  const char* end = text + std::strlen(text);
  const auto result = std::from_chars(text, end, port);
  return result.ec == std::errc() && result.ptr == end;
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const char* value = argv[i + 1];
    if (std::strcmp(argv[i], "--listen") == 0) {
      arguments.address = value;
    } else if (std::strcmp(argv[i], "--port") == 0) {
      if (!parse_port(value, arguments.port)) return false;
    } else if (std::strcmp(argv[i], "--console-port") == 0) {
      if (!parse_port(value, arguments.console_port)) return false;
    } else {
      return false;
    }
  }
  return argc % 2 == 1;
}

bool open(host::Line& line, const char* role, const char* address, std::uint16_t port) {
  if (!line.listen(address, port)) {
    std::fprintf(stderr, "error: cannot listen on %s port %u (%s). Give another one; --port 0 is any free one.\n",
                 address, static_cast<unsigned>(port), std::strerror(errno));
    return false;
  }
  std::printf("%s %s:%u\n", role, address, static_cast<unsigned>(line.port()));
  return true;
}

}  // namespace

namespace port {

std::uint32_t counter() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                                    static_cast<std::uint64_t>(now.tv_nsec));
}

std::uint32_t counter_hz() { return 1'000'000'000; }

ClockProblem clock_problem() { return ClockProblem::kNone; }

void send(const std::uint8_t* bytes, std::size_t count) {
  take_binary();  // on a board, what comes now finds the request before it unanswered
  if (binary.connected()) binary.write(reinterpret_cast<const char*>(bytes), count);
}

void print(const char* text, std::size_t count) { console.write(text, count); }

Memory memory() { return {}; }

Bytes build_id() {
  static Bytes id{nullptr, 0};
  // The first object is the program itself.
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void*) {
        for (int i = 0; i < object->dlpi_phnum && id.bytes == nullptr; ++i) {
          const auto& header = object->dlpi_phdr[i];
          if (header.p_type != PT_NOTE) continue;
          const auto* at = reinterpret_cast<const std::uint8_t*>(object->dlpi_addr + header.p_vaddr);
          const auto* end = at + header.p_memsz;
          while (at < end) {
            ElfW(Nhdr) note;
            std::memcpy(&note, at, sizeof(note));
            const auto* content = at + sizeof(note) + (note.n_namesz + 3) / 4 * 4;
            if (note.n_type == NT_GNU_BUILD_ID) id = {content, note.n_descsz};
            at = content + (note.n_descsz + 3) / 4 * 4;
          }
        }
        return 1;
      },
      nullptr);
  return id;
}

bool constant_part(std::size_t index, Bytes& part) {
  struct Search {
    std::size_t index;
    Bytes& part;
    bool found;
  } search{index, part, false};
  dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* of) {
        auto& wanted = *static_cast<Search*>(of);
        for (int i = 0; i < object->dlpi_phnum; ++i) {
          const auto& header = object->dlpi_phdr[i];
          if (header.p_type != PT_LOAD || (header.p_flags & PF_W) != 0 || wanted.index-- > 0) continue;
          wanted.part = {reinterpret_cast<const std::uint8_t*>(object->dlpi_addr + header.p_vaddr),
                         header.p_filesz};
          wanted.found = true;
          break;
        }
        return 1;
      },
      &search);
  return search.found;
}

ResetCause reset_cause() { return ResetCause::kUnknown; }

std::uint32_t watchdog_ms() { return 0; }

Bytes chip_id() { return {nullptr, 0}; }

void reset() { reset_asked = true; }

}  // namespace port

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse(argc, argv, arguments)) {
    std::fprintf(stderr,
                 "usage: %s [--port 32001] [--console-port 0] [--listen 127.0.0.1]\n"
                 "Serves the binary line and the console over TCP; port 0 is any free one, and is printed.\n",
                 argv[0]);
    return 2;
  }
  struct sigaction action {};
  action.sa_handler = [](int) { stop_asked = 1; };
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);

  if (!open(binary, "binary", arguments.address, arguments.port)) return 2;
  if (!open(console, "console", arguments.address, arguments.console_port)) return 2;
  std::fflush(stdout);

  app::start();
  while (stop_asked == 0) {
    pollfd watched[] = {{binary.descriptor(), POLLIN, 0}, {console.descriptor(), POLLIN, 0}};
    if (poll(watched, 2, -1) < 0) continue;  // a signal
    if (watched[0].revents != 0) binary.connected() ? take_binary() : binary.accept();
    if (watched[1].revents != 0) console.connected() ? take_console() : console.accept();
    work();
  }
  return 0;
}
