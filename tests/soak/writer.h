// tests/soak/writer.h -- one client session of a soak: writes, retries, moves from node to node, and reads what it wrote.
//
// Each write has a tag of its own from before it is first said, and is said again under it until there is a last word: by the client library
// when a node goes away, by the writer when it is refused or reaches fewer nodes than it should.  Some are said again though they were
// answered, at whatever node, now or after the retry window.  To one element or register only one write is under way at a time; what
// is read back is what nothing is under way to.
// What it checks at once, into Figures::find():
//   - `ok` names at least as many nodes as the level asks for;
//   - a write that is said again after its retry window is refused;
//   - a read at the node that acknowledged shows the write; at any node when the level was `all`, or when it was `quorum` and the
//     read asks a quorum (it goes through a connection of its own, to whatever node); unless a disk went back meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/soak/figures.h"
#include "tests/soak/history.h"
#include "tests/soak/watcher.h"

namespace kith::soak {

// Elements that one writer added, acknowledged by a quorum, for any other to remove.
class Gifts {
 public:
  struct Gift {
    std::string key, member;
  };
  void give(Gift gift);
  std::optional<Gift> take();

 private:
  std::mutex mutex_;
  std::deque<Gift> gifts_;
};

struct WriterOptions {
  std::size_t number = 0;
  std::uint64_t seed = 0;
  std::vector<std::string> addresses;
  double writes_a_second = 0;
  std::int64_t retry_window_ms = 0;
  std::size_t quorum = 0;              // Nodes.
};

class Writer {
 public:
  Writer(WriterOptions options, History& history, Figures& figures, Gifts& gifts, Watcher& watcher);
  ~Writer();

  // Until `stop`: then nothing new is begun, what is under way is brought to its last word, and it returns.
  void run(const std::atomic<bool>& stop);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith::soak
