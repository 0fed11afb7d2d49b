#include "node/worker.h"

#include <utility>

namespace kith {

Worker::~Worker() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  wakes_.notify_one();
  thread_.join();
}

void Worker::submit(std::function<void()> what) {
  {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back(std::move(what));
  }
  wakes_.notify_one();
}

void Worker::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wakes_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
    if (stop_) return;
    const std::function<void()> what = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    what();
    lock.lock();
  }
}

}  // namespace kith
