#include "node/http/guarded_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace kith {
namespace {

// So often it looks whether the server ends.
constexpr std::chrono::milliseconds kLook{100};
constexpr std::chrono::milliseconds kLingerTime{200};
constexpr std::size_t kLingerBytesMax = 256 * 1024;

}  // namespace

SocketGuard::SocketGuard(int socket, const HttpLimits& limits, const std::atomic<bool>& ended)
    : socket_(socket), limits_(limits), ended_(ended) {}

bool SocketGuard::wait(short events, Clock::time_point until) const {
  while (!ended_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) return false;
    pollfd item{socket_, events, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(std::min(left, kLook).count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
  return false;
}

ssize_t SocketGuard::read(char* to, std::size_t size) {
  if (begin_ == end_) {
    if (taken_ >= limits_.request_bytes_max) {
      why_ = Why::kTooLarge;
      return -1;
    }
    for (;;) {
      const ssize_t got = ::recv(socket_, buffer_.data(), std::min(buffer_.size(), limits_.request_bytes_max - taken_), MSG_DONTWAIT);
      if (got > 0) {
        begin_ = 0;
        end_ = static_cast<std::size_t>(got);
        taken_ += end_;
        break;
      }
      if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        why_ = Why::kGone;
        return -1;
      }
      if (!wait(POLLIN, read_until_)) {
        why_ = Why::kTooSlow;
        return -1;
      }
    }
  }
  const std::size_t count = std::min(size, end_ - begin_);
  std::memcpy(to, buffer_.data() + begin_, count);
  begin_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t SocketGuard::write(const char* from, std::size_t size) {
  if (write_until_ == Clock::time_point{}) write_until_ = Clock::now() + limits_.reply_time;
  std::size_t sent = 0;
  while (sent < size) {
    const ssize_t count = ::send(socket_, from + sent, size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count > 0) {
      sent += static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return -1;
    if (!wait(POLLOUT, write_until_)) return -1;
  }
  return static_cast<ssize_t>(size);
}

void SocketGuard::linger() {
  ::shutdown(socket_, SHUT_WR);
  const auto until = Clock::now() + kLingerTime;
  for (std::size_t dropped = 0; dropped < kLingerBytesMax;) {
    const ssize_t count = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (count > 0) {
      dropped += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) || !wait(POLLIN, until)) {
      return;
    }
  }
}

}  // namespace kith
