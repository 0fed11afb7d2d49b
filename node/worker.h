// node/worker.h -- a thread that does one thing after the other for somebody who does not wait for it.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace kith {

class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}
  ~Worker();  // Does what was begun; what waits is dropped.
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void submit(std::function<void()> what);  // Any thread.  It must not throw.

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wakes_;
  std::deque<std::function<void()>> waiting_;  // Guarded by mutex_, as is the next.
  bool stop_ = false;
  std::thread thread_;  // Last: it uses the others.
};

}  // namespace kith
