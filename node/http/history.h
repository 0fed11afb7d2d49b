// node/http/history.h -- the last minutes as numbers: how late each member was and what it lacked, a sample a picture.
//
// At most kSamplesMax samples and kSampledNodesMax members, those that came first; the oldest samples go.  A gap between
// samples is a gap: while nobody looks there are fewer.  Any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "node/http/picture.h"

namespace kith {

inline constexpr std::size_t kSamplesMax = 1200;
inline constexpr std::size_t kSampledNodesMax = 64;

struct Sample {
  static constexpr std::int64_t kUnknown = -1;

  std::int64_t wall_ms = 0;
  Agreement agreement = Agreement::kUnknown;
  std::vector<std::int64_t> lag_ms;   // One for each name, as far as they were known then; kUnknown: nobody can tell.
  std::vector<std::int64_t> missing;  // The most cells that it lacks of what any one other holds; the same.
};

class History {
 public:
  void add(const Picture& picture);

  struct Reading {
    std::vector<std::string> names;
    std::vector<Sample> samples;  // Oldest first.
  };
  Reading since(std::int64_t wall_ms) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> names_;
  std::deque<Sample> samples_;
};

// The most cells that `name` lacks of what any one other holds; kUnknown: nobody who answers knows, and it does not hold
// the same as all others.
std::int64_t most_lacked(const Picture& picture, const SeenNode& node);

}  // namespace kith
