#include "node/worker.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace kith {

namespace {

// A third of what the others get, when all of them have work.
constexpr int kNicer = 5;

// SUBTLE: of Linux's threads each has a priority of its own, whatever POSIX says of processes.
void give_way() { (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNicer); }

}  // namespace

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
  give_way();
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
