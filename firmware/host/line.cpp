#include "line.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>

namespace host {
namespace {

constexpr std::size_t kKeptForTheNext = 4096;
constexpr timeval kPatience = {5, 0};

}  // namespace

Line::~Line() {
  hang_up();
  if (door_ >= 0) close(door_);
}

bool Line::listen(const char* address, std::uint16_t port) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  if (inet_pton(AF_INET, address, &name.sin_addr) != 1) {
    errno = EINVAL;
    return false;
  }
  door_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (door_ < 0) return false;
  const int yes = 1;
  setsockopt(door_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(door_, reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0 || ::listen(door_, 4) != 0) return false;
  socklen_t size = sizeof(name);
  if (getsockname(door_, reinterpret_cast<sockaddr*>(&name), &size) != 0) return false;
  port_ = ntohs(name.sin_port);
  return true;
}

void Line::accept() {
  client_ = accept4(door_, nullptr, nullptr, SOCK_CLOEXEC);
  if (client_ < 0) return;  // it has gone again
  const int yes = 1;
  setsockopt(client_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  setsockopt(client_, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  flush();
}

std::size_t Line::receive(std::uint8_t* bytes, std::size_t room) {
  if (client_ < 0) return 0;
  const ssize_t count = recv(client_, bytes, room, MSG_DONTWAIT);
  if (count > 0) return static_cast<std::size_t>(count);
  if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) hang_up();
  return 0;
}

void Line::write(const char* bytes, std::size_t count) {
  kept_.append(bytes, count);
  if (client_ < 0 && kept_.size() > kKeptForTheNext) kept_.erase(0, kept_.size() - kKeptForTheNext);
}

void Line::flush() {
  if (client_ < 0) return;
  std::size_t sent = 0;
  while (sent < kept_.size()) {
    const ssize_t count = send(client_, kept_.data() + sent, kept_.size() - sent, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      hang_up();
      break;
    }
    sent += static_cast<std::size_t>(count);
  }
  kept_.clear();
}

void Line::hang_up() {
  if (client_ >= 0) close(client_);
  client_ = -1;
  kept_.clear();
}

}  // namespace host
