#include "node/redis/poller.h"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "crdt/check.h"

namespace kith::redis {

namespace {

constexpr std::uint64_t kWaker = ~std::uint64_t{0};

bool control(int epoll, int how, int socket, std::uint64_t id, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = id;
  return ::epoll_ctl(epoll, how, socket, &event) == 0;
}

}  // namespace

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll");
  if (control(epoll_, EPOLL_CTL_ADD, waker_.fd(), kWaker, EPOLLIN)) return;
  const int failed = errno;
  ::close(epoll_);
  throw std::system_error(failed, std::generic_category(), "epoll_ctl");
}

Poller::~Poller() { ::close(epoll_); }

bool Poller::add(int socket, std::uint64_t id) { return control(epoll_, EPOLL_CTL_ADD, socket, id, EPOLLIN); }

void Poller::want(int socket, std::uint64_t id, bool readable, bool writable) {
  const std::uint32_t events = (readable ? std::uint32_t{EPOLLIN} : 0U) | (writable ? std::uint32_t{EPOLLOUT} : 0U);
  KITH_CHECK(control(epoll_, EPOLL_CTL_MOD, socket, id, events), "a socket is watched that was never added", socket, errno);
}

std::span<const Poller::Ready> Poller::wait(int most_ms) {
  const int count = ::epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), most_ms);
  asleep_ = false;
  std::size_t ready = 0;
  for (int i = 0; i < count; ++i) {  // None when it was interrupted.
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.u64 == kWaker) {
      waker_.clear();
      continue;
    }
    ready_[ready++] = {event.data.u64, (event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0, (event.events & (EPOLLERR | EPOLLHUP)) != 0};
  }
  return {ready_.data(), ready};
}

void Poller::wake() {
  if (asleep_.exchange(false)) waker_.wake();
}

}  // namespace kith::redis
