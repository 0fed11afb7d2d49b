// tools/demo/demo_load.h -- writes through several nodes at once: a given list, or a stream without end.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "node/client_protocol.h"
#include "tools/kith/console.h"

namespace kith::tools {

struct LoadResult {
  std::uint64_t writes = 0;
  std::uint64_t cells = 0;
  std::int64_t took_ms = 0;
};

// Deals `writes` out to the nodes at `addresses`, one thread and one pipeline each, and waits until all are answered.
// Throws CommandError or ClientError when one is refused or a node falls silent.
LoadResult load_through(const std::vector<std::string>& addresses, const std::vector<Request>& writes,
                        const Console& console);

// Adds members "w<thread>-<n>" to the set `key`, through every address, until stopped.  A thread whose node is lost
// goes on at the next one, and first sends there, under their old tags, the writes that had no answer: so in the end
// each write was acknowledged, and happened once.
class SteadyWriter {
 public:
  SteadyWriter(const std::vector<std::string>& addresses, const std::string& key);
  ~SteadyWriter() { stop(); }

  std::uint64_t acknowledged() const { return acknowledged_; }
  bool failed() const { return failed_; }  // A thread gave up; stop() and error() say why.

  // Waits for what is on the way.  Gives the number of writes acknowledged.
  std::uint64_t stop();
  std::string error() const;  // Of the first thread that failed, after stop().

 private:
  void write(const std::vector<std::string>& addresses, const std::string& key, std::size_t thread);

  std::atomic<bool> stopping_{false};
  std::atomic<bool> failed_{false};
  std::atomic<std::uint64_t> acknowledged_{0};
  std::vector<std::string> errors_;  // One a thread.
  std::vector<std::thread> threads_;
};

}  // namespace kith::tools
