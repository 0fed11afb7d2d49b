// tools/bench/lossy_incrementer.h -- a client that increments one counter through any of several nodes, loses some of the
// replies and retries, with the same tag, elsewhere.
//
// What counts as done is what some node said was stored.  Everything else is tried again until it is: a reply that is lost, a
// node that falls silent or refuses for the moment.  The tag is minted once.  Runs on a thread of its own.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "node/client.h"

namespace kith::bench {

// Of all clients of a run.
struct IncrementTally {
  std::uint64_t wanted = 0;
  std::atomic<std::uint64_t> begun{0};
  std::atomic<std::uint64_t> done{0};
  std::atomic<std::uint64_t> replies_lost{0};   // On purpose.
  std::atomic<std::uint64_t> unanswered{0};     // A node was killed, or fell silent.
  std::atomic<std::uint64_t> refusals{0};       // For the moment: it starts, it is busy.
  std::atomic<std::uint64_t> retries{0};        // Sent again, for whatever reason.
  std::atomic<std::uint64_t> retries_too_late{0};  // For good: it cannot be told whether they counted.
};

class LossyIncrementer {
 public:
  struct Options {
    std::vector<std::string> addresses;
    std::string key;
    std::size_t window = 64;        // On the way to each node.
    double lose = 0.05;             // Share of the replies.
    std::uint64_t seed = 0;
  };

  LossyIncrementer(Options options, IncrementTally& tally);
  ~LossyIncrementer();

  void run(const std::atomic<bool>& stop);  // Until all that is wanted is done.  Throws ClientError(kProtocol).

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kNowhere = ~std::size_t{0};
  struct Increment {
    std::optional<Tag> tag;         // None: it was never sent.
    std::size_t sent_to = kNowhere; // The last node.
    Clock::time_point since{};      // It waits to be sent again.
  };
  struct Link;

  void connect(Link& link);
  void fill(std::size_t at);
  bool take_replies(std::size_t at, std::chrono::milliseconds patience);
  void drop(std::size_t at);
  std::optional<Increment> next(std::size_t at);
  bool idle() const;

  Options options_;
  IncrementTally& tally_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Link>> links_;
  std::deque<Increment> again_;
};

}  // namespace kith::bench
