// sim/event_queue.h -- what is going to happen, in order of virtual time; of one instant in the order in which it was
// put in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace kith::sim {

struct Due {
  enum class Kind : std::uint8_t { kDeliver, kTick, kProbeTick, kCommitDone, kTimeline, kRequest, kAnswer, kTimeout, kStart, kSample, kSwizzle, kWait };

  std::int64_t at_us = 0;
  std::uint64_t order = 0;
  Kind kind = Kind::kTick;
  std::uint32_t machine = 0;
  std::uint64_t what = 0;   // Of the kind: a message's slot, a request, an index into the timeline.
};

class EventQueue {
 public:
  void put(std::int64_t at_us, Due::Kind kind, std::uint32_t machine, std::uint64_t what) {
    heap_.push_back({at_us, ++last_order_, kind, machine, what});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  bool empty() const { return heap_.empty(); }
  std::int64_t next_at_us() const { return heap_.front().at_us; }  // REQUIRES: not empty.
  std::size_t size() const { return heap_.size(); }
  Due take() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Due due = heap_.back();
    heap_.pop_back();
    return due;
  }

 private:
  static bool later(const Due& a, const Due& b) { return a.at_us != b.at_us ? a.at_us > b.at_us : a.order > b.order; }

  std::vector<Due> heap_;
  std::uint64_t last_order_ = 0;
};

}  // namespace kith::sim
