#include "tests/http/talk.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

#include "node/address.h"

namespace kith {

Talk::Talk(const std::string& address) {
  const auto where = parse_address(address);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(where->port);
  ::inet_pton(AF_INET, where->host.c_str(), &to.sin_addr);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    ::close(socket_);
    throw std::runtime_error("nobody listens at " + address);
  }
}

Talk::~Talk() {
  if (socket_ >= 0) ::close(socket_);
}

Talk::Talk(Talk&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

bool Talk::say(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return false;
    sent += static_cast<std::size_t>(count);
  }
  return true;
}

void Talk::finish() { ::shutdown(socket_, SHUT_WR); }

std::string Talk::hear() {
  std::string out;
  char buffer[4096];
  for (;;) {
    pollfd item{socket_, POLLIN, 0};
    if (::poll(&item, 1, 60'000) <= 0) return out;
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    if (count <= 0) return out;
    out.append(buffer, static_cast<std::size_t>(count));
  }
}

HttpAnswer answer_in(const std::string& bytes) {
  HttpAnswer out;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || end == std::string::npos) return out;
  out.status = std::stoi(bytes.substr(9, 3));
  out.head = bytes.substr(0, end + 2);
  out.body = bytes.substr(end + 4);
  return out;
}

HttpAnswer http_get(const std::string& address, const std::string& path, const std::string& host) {
  Talk talk(address);
  talk.say("GET " + path + " HTTP/1.1\r\nHost: " + (host.empty() ? address : host) + "\r\nConnection: close\r\n\r\n");
  return answer_in(talk.hear());
}

}  // namespace kith
