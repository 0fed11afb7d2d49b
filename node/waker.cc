#include "node/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

namespace kith {

Waker::Waker() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Waker::~Waker() { ::close(fd_); }

// Both can only fail in ways that do not matter: the counter is full, so it is readable; or it is empty already.
void Waker::wake() {
  const std::uint64_t one = 1;
  (void)!::write(fd_, &one, sizeof one);
}

void Waker::clear() {
  std::uint64_t count = 0;
  (void)!::read(fd_, &count, sizeof count);
}

}  // namespace kith
