#include "node/reader_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "node/inspect.h"
#include "node/log.h"
#include "node/reads.h"

namespace kith {

struct ReaderPool::Impl {
  struct Job {
    Ticket ticket;
    Request request;
    std::vector<std::string> told;
  };

  void run() {
    for (;;) {
      std::unique_lock lock(mutex);
      wanted.wait(lock, [&] { return stop || !jobs.empty(); });
      if (jobs.empty()) return;
      Job job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      ClientReply reply = answer(job.request);
      if (reply.status != Status::kError) reply.replicas = std::move(job.told);
      callbacks.reply(job.ticket, std::move(reply));
    }
  }

  ClientReply answer(const Request& request) const {
    try {
      // SUBTLE: in this order.  What a node takes out when it has caught up is gone from a snapshot that was taken then.
      const bool stale = callbacks.may_be_stale();
      const auto snapshot = store.snapshot();
      ClientReply reply = answer_read(request, {*snapshot, callbacks.shard_count(), callbacks.damaged, callbacks.now_ms()});
      reply.stale = stale && reply.status != Status::kError;
      return reply;
    } catch (const StoreError& error) {
      log(LogLevel::kError, std::string("a read failed: ") + error.what());
      return error_reply(request, "store", std::string("this node could not read its disk: ") + error.what() +
                                               ": ask another node, and look at this one's log");
    }
  }

  const Store& store;
  Callbacks callbacks;
  std::mutex mutex;
  std::condition_variable wanted;
  std::deque<Job> jobs;  // Guarded by mutex, as is stop.
  bool stop = false;
  std::vector<std::thread> threads;
};

ReaderPool::ReaderPool(const Store& store, std::size_t threads, Callbacks callbacks)
    : impl_(std::unique_ptr<Impl>(new Impl{store, std::move(callbacks), {}, {}, {}, false, {}})) {
  for (std::size_t i = 0; i < threads; ++i) impl_->threads.emplace_back([impl = impl_.get()] { impl->run(); });
}

ReaderPool::~ReaderPool() {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wanted.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

ClientReply ReaderPool::answer(const Request& request) const { return impl_->answer(request); }

void ReaderPool::submit(Ticket ticket, Request request, std::vector<std::string> told) {
  {
    const std::scoped_lock lock(impl_->mutex);
    impl_->jobs.push_back({ticket, std::move(request), std::move(told)});
  }
  impl_->wanted.notify_one();
}

}  // namespace kith
