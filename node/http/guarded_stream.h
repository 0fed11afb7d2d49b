// node/http/guarded_stream.h -- one connection, as the HTTP library reads and writes it, within limits of bytes and time.
//
// The library bounds a line and a pause, neither the number of lines nor the whole: who sends a byte a second would keep a
// thread for ever.  Here a request may have request_bytes_max bytes and take request_time, a reply reply_time; past that read()
// and write() fail, as on a connection that is gone.  Belongs to one thread.  Does not own the socket.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>

#include <sys/types.h>

namespace kith {

struct HttpLimits {
  std::size_t request_bytes_max = 32 * 1024;
  std::chrono::milliseconds request_time{5000};
  std::chrono::milliseconds reply_time{10'000};
};

class SocketGuard {
 public:
  enum class Why { kFine, kTooLarge, kTooSlow, kGone };

  // `ended`: once true nothing more is waited for.
  SocketGuard(int socket, const HttpLimits& limits, const std::atomic<bool>& ended);

  ssize_t read(char* to, std::size_t size);               // At least one byte, or -1.
  ssize_t write(const char* from, std::size_t size);      // All, or -1.
  Why why() const { return why_; }                        // read() failed.
  bool heard() const { return taken_ > 0; }               // Anything at all.
  bool answered() const { return write_until_ != Clock::time_point{}; }
  int socket() const { return socket_; }

  // Takes what is left of the request for a moment, so that the reply is not lost to a reset.
  void linger();

 private:
  using Clock = std::chrono::steady_clock;
  bool wait(short events, Clock::time_point until) const;

  const int socket_;
  const HttpLimits limits_;
  const std::atomic<bool>& ended_;
  const Clock::time_point read_until_ = Clock::now() + limits_.request_time;
  Clock::time_point write_until_{};
  std::array<char, 4096> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::size_t taken_ = 0;
  Why why_ = Why::kFine;
};

}  // namespace kith
