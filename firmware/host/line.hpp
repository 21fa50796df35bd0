// One TCP port that stands for a serial line: one client at a time, any other waits until it has gone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace host {

class Line {
 public:
  Line() = default;
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  // Port 0 is a free one; port() then says which. Returns false with errno set.
  bool listen(const char* address, std::uint16_t port);
  std::uint16_t port() const { return port_; }

  // What poll() is to watch: the client where there is one, else the door.
  int descriptor() const { return client_ >= 0 ? client_ : door_; }
  bool connected() const { return client_ >= 0; }

  // Lets a waiting client in.
  void accept();

  // Takes what has come, without waiting. Returns the number of bytes: 0 when there are none, or when the client
  // has gone, which connected() tells.
  std::size_t receive(std::uint8_t* bytes, std::size_t room);

  // Keeps bytes for flush(). Without a client the last ones are kept for the one to come.
  void write(const char* bytes, std::size_t count);

  // Sends what is kept. A client that takes nothing for five seconds is let go.
  void flush();

 private:
  void hang_up();

  int door_ = -1;
  int client_ = -1;
  std::uint16_t port_ = 0;
  std::string kept_;
};

}  // namespace host
