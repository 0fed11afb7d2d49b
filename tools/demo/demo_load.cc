#include "tools/demo/demo_load.h"

#include <chrono>
#include <exception>
#include <optional>

#include "tools/kith/exit_code.h"
#include "tools/kith/write_pipeline.h"

namespace kith::tools {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kWindow = 256;
constexpr std::chrono::milliseconds kPatience{10000};

// Enough to keep three nodes of a small machine busy, and little enough that the story ends in time.
constexpr std::size_t kSteadyWindow = 8;
constexpr std::chrono::milliseconds kSteadyPause{2};
constexpr std::chrono::milliseconds kSteadyPatience{1000};

}  // namespace

LoadResult load_through(const std::vector<std::string>& addresses, const std::vector<Request>& writes,
                        const Console& console) {
  const auto begin = Clock::now();
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> cells{0};
  std::atomic<std::size_t> at_work{addresses.size()};
  std::vector<std::exception_ptr> failures(addresses.size());
  std::vector<std::thread> threads;
  for (std::size_t thread = 0; thread < addresses.size(); ++thread) {
    threads.emplace_back([&, thread] {
      try {
        WritePipeline pipeline(addresses[thread], kWindow, kPatience, [&](std::uint64_t, const ClientReply& reply) {
          if (reply.status != Status::kOk && reply.status != Status::kStored) {
            throw CommandError(ExitCode::kFailed, reply.node + " refused a write: " + reply.message);
          }
          ++answered;
          cells += reply.number;
        });
        for (std::size_t i = next++; i < writes.size(); i = next++) pipeline.submit(writes[i], i);
        pipeline.drain();
      } catch (...) {
        failures[thread] = std::current_exception();
      }
      --at_work;
    });
  }
  {
    Progress progress(console, "loading", writes.size());
    while (at_work > 0) {
      progress.show(answered, answered);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return {.writes = answered, .cells = cells,
          .took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count()};
}

SteadyWriter::SteadyWriter(const std::vector<std::string>& addresses, const std::string& key)
    : errors_(addresses.size()) {
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    threads_.emplace_back([this, addresses, key, i] { write(addresses, key, i); });
  }
}

void SteadyWriter::write(const std::vector<std::string>& addresses, const std::string& key, std::size_t thread) {
  std::vector<Request> homeless;
  std::uint64_t n = 0;
  // Each address gets two chances before we give up.
  for (std::size_t attempt = 0; attempt < 2 * addresses.size(); ++attempt) {
    std::optional<WritePipeline> pipeline;
    try {
      pipeline.emplace(addresses[(thread + attempt) % addresses.size()], kSteadyWindow, kSteadyPatience,
                       [this](std::uint64_t, const ClientReply& reply) {
                         if (reply.status != Status::kOk && reply.status != Status::kStored) {
                           throw CommandError(ExitCode::kFailed, reply.node + " refused a write: " + reply.message);
                         }
                         ++acknowledged_;
                       });
      while (!homeless.empty()) {
        const Request request = homeless.back();
        pipeline->submit(request, 0);
        homeless.pop_back();
      }
      while (!stopping_) {
        const std::uint64_t number = n++;  // At once: when the node is lost, this one is among the homeless.
        Request request;
        request.op = ClientOp::kSadd;
        request.key = key;
        request.members = {"w" + std::to_string(thread) + "-" + std::to_string(number)};
        homeless.push_back(request);  // Until it is on its way.
        pipeline->submit(request, number);
        homeless.pop_back();
        std::this_thread::sleep_for(kSteadyPause);
      }
      pipeline->drain();
      errors_[thread].clear();
      return;
    } catch (const std::exception& error) {
      errors_[thread] = error.what();
      if (pipeline) {
        for (Request& request : pipeline->unanswered()) homeless.push_back(std::move(request));
      }
    }
  }
  failed_ = true;
}

std::uint64_t SteadyWriter::stop() {
  stopping_ = true;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  return acknowledged_;
}

std::string SteadyWriter::error() const {
  for (const std::string& error : errors_) {
    if (!error.empty()) return error;
  }
  return {};
}

}  // namespace kith::tools
