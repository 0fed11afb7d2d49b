// node/waker.h -- lets any thread wake one that sleeps in poll(): an eventfd.
#pragma once

namespace kith {

class Waker {
 public:
  Waker();  // Throws std::system_error.
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  int fd() const { return fd_; }  // Readable from wake() until clear().
  void wake();                    // Any thread.
  void clear();                   // The sleeper, before it looks at what it was woken for.

 private:
  int fd_;
};

}  // namespace kith
