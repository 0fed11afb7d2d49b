// node/redis/poller.h -- which of a thread's sockets have something to be read, or room again: epoll, told for as long as it is so.
//
// Why not asio's: it arms a socket anew before each wait, which is a call more for each request.  Here a socket stays armed.
// One thread uses it, but for wake().  Owns no socket; one that is closed is forgotten.  The machine's refusals are std::system_error.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "node/waker.h"

namespace kith::redis {

class Poller {
 public:
  struct Ready {
    std::uint64_t id = 0;
    bool readable = false;
    bool writable = false;
    bool gone = false;  // It will neither bring nor take any more.
  };

  Poller();
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // For what there is to be read.  False: the system watches no more of them.
  [[nodiscard]] bool add(int socket, std::uint64_t id);
  void want(int socket, std::uint64_t id, bool readable, bool writable);  // REQUIRES: added.

  // Before one looks whether there is anything to do, and then sleeps or not: whoever brings something from then on wakes us.
  void about_to_sleep() { asleep_ = true; }
  std::span<const Ready> wait(int most_ms);  // Good until the next.
  // Any thread, after what it brings is there to be seen.  Costs a call only when the other sleeps.
  void wake();

 private:
  static constexpr std::size_t kAtOnce = 256;

  const int epoll_;
  Waker waker_;
  std::atomic<bool> asleep_{false};
  std::array<epoll_event, kAtOnce> events_{};
  std::array<Ready, kAtOnce> ready_{};
};

}  // namespace kith::redis
