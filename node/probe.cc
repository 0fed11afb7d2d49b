#include "node/probe.h"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace kith {

namespace {

// What both sides of ZMTP say at once: 0xff, eight bytes of length, 0x7f.
constexpr std::size_t kSignatureBytes = 10;

bool ready(int fd, short events, std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  pollfd watched{fd, events, 0};
  return left.count() > 0 && ::poll(&watched, 1, static_cast<int>(left.count())) == 1;
}

bool connects(int fd, const addrinfo& target, std::chrono::steady_clock::time_point until) {
  if (::connect(fd, target.ai_addr, target.ai_addrlen) == 0) return true;
  if (errno != EINPROGRESS || !ready(fd, POLLOUT, until)) return false;
  int error = ETIMEDOUT;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0;
}

bool says_signature(int fd, std::chrono::steady_clock::time_point until) {
  unsigned char bytes[kSignatureBytes] = {};
  std::size_t got = 0;
  while (got < kSignatureBytes && ready(fd, POLLIN, until)) {
    const ssize_t more = ::recv(fd, bytes + got, kSignatureBytes - got, 0);
    if (more <= 0) break;
    got += static_cast<std::size_t>(more);
  }
  return got == kSignatureBytes && bytes[0] == 0xff && bytes[kSignatureBytes - 1] == 0x7f;
}

}  // namespace

Probe probe(const Address& address, std::chrono::milliseconds most) {
  const auto until = std::chrono::steady_clock::now() + most;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0) return Probe::kNobody;
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> guard(found, freeaddrinfo);
  const int fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Probe::kNobody;
  const Probe out = !connects(fd, *found, until) ? Probe::kNobody : says_signature(fd, until) ? Probe::kZeroMq : Probe::kOther;
  ::close(fd);
  return out;
}

}  // namespace kith
