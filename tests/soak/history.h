// tests/soak/history.h -- what the clients of a soak did, and what was promised for each write when it was answered.
//
//     certain    the answer promises that it survives all that the soak does: the level was that of a quorum or above
//     one disk   durable on the disk of the node that answered, no more was asked for or reached: it may go with that disk, as
//                long as no other node has it
//     maybe      nobody answered, or not with a last word, before its retry window passed: it happened, or it did not
//
// Nothing is left out: a write is here or was never said to any node.  What becomes of "one disk" is decided by the disks that went back
// (DiskReturn), when all is over (tests/soak/verdict.h).
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "crdt/tag.h"

namespace kith::soak {

enum class Deed : std::uint8_t { kAdd, kRemove, kSet, kIncrement };
enum class Promise : std::uint8_t { kCertain, kOneDisk, kMaybe };

struct Write {
  Deed deed = Deed::kAdd;
  Promise promise = Promise::kMaybe;
  std::uint8_t node = 0;     // Whose answer it was; of kMaybe without meaning.
  std::uint64_t order = 0;   // In which the answers came, over all writers.
  Timestamp answered;        // The cluster's time in the answer: at or above the commit.
  Tag tag;
  std::string key;
  std::string member;        // Of kAdd and kRemove.
  std::string value;         // Of kSet.
  std::int64_t amount = 0;   // Of kIncrement.
};

// A disk that was replaced by an older copy of itself: what was committed there and had not reached another disk is gone.
struct DiskReturn {
  std::size_t node = 0;
  Timestamp others_held;     // Some node whose disk stays held everything that anybody had committed up to then.
  Timestamp at;              // All that the lost disk was ever asked was answered before.
};

class History {
 public:
  void add(Write write) {
    const std::scoped_lock lock(mutex_);
    write.order = ++answers_;
    writes_.push_back(std::move(write));
  }
  void add(const DiskReturn& back) {
    const std::scoped_lock lock(mutex_);
    returns_.push_back(back);
  }

  // REQUIRES: nobody adds meanwhile.
  const std::vector<Write>& writes() const { return writes_; }
  const std::vector<DiskReturn>& returns() const { return returns_; }

 private:
  std::mutex mutex_;
  std::uint64_t answers_ = 0;
  std::vector<Write> writes_;
  std::vector<DiskReturn> returns_;
};

}  // namespace kith::soak
