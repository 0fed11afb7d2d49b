#include "tests/node/redis_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include "node/address.h"

namespace kith {

namespace {
constexpr int kPatienceMs = 30'000;
}

RedisSocket::RedisSocket(const std::string& address) {
  const auto parsed = parse_address(address);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(parsed.value().port);
  inet_pton(AF_INET, parsed->host.c_str(), &to.sin_addr);
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0 || ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
    throw std::runtime_error("cannot connect to " + address);
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

RedisSocket::~RedisSocket() {
  if (socket_ >= 0) ::close(socket_);
}

bool RedisSocket::try_send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) return false;
    pollfd writable{socket_, POLLOUT, 0};
    if (::poll(&writable, 1, 1000) == 0) return false;
  }
  return true;
}

void RedisSocket::send(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += 65536) {
    if (!try_send(bytes.substr(at, 65536))) throw std::runtime_error("the other side does not take what is sent");
  }
}

bool RedisSocket::more() {
  pollfd readable{socket_, POLLIN, 0};
  if (::poll(&readable, 1, kPatienceMs) <= 0) throw std::runtime_error("no reply; so far: " + buffer_.substr(0, 200));
  char bytes[65536];
  const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

std::size_t RedisSocket::reply_end(std::size_t at) {
  const std::size_t end = buffer_.find("\r\n", at);
  if (end == std::string::npos) return std::string::npos;
  const long long number = std::atoll(buffer_.c_str() + at + 1);
  std::size_t next = end + 2;
  switch (buffer_[at]) {
    case '$':
    case '=':
      if (number < 0) return next;
      next += static_cast<std::size_t>(number) + 2;
      return next <= buffer_.size() ? next : std::string::npos;
    case '*':
    case '~':
    case '>':
    case '%':
      for (long long i = 0; i < (buffer_[at] == '%' ? 2 * number : number); ++i) {
        if (next >= buffer_.size()) return std::string::npos;
        next = reply_end(next);
        if (next == std::string::npos) return next;
      }
      return next;
    default: return next;
  }
}

std::string RedisSocket::reply() {
  for (;;) {
    const std::size_t end = buffer_.empty() ? std::string::npos : reply_end(0);
    if (end != std::string::npos) {
      std::string out = buffer_.substr(0, end);
      buffer_.erase(0, end);
      return out;
    }
    if (!more()) return "closed";
  }
}

bool RedisSocket::closed() {
  while (more()) {
  }
  return true;
}

std::string redis_command(std::initializer_list<std::string_view> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n";
    out += word;
    out += "\r\n";
  }
  return out;
}

std::string RedisSocket::say(std::initializer_list<std::string_view> words) {
  send(redis_command(words));
  return reply();
}

std::string RedisSocket::line(const std::string& text) {
  send(text + "\r\n");
  return reply();
}

}  // namespace kith
