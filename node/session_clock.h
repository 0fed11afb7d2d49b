// node/session_clock.h -- the tags of one client session: minted once each, rising, close to the cluster's time.
//
// The cluster's time is that of the last reply, plus what has passed since on a steady clock, which is handed in.
#pragma once

#include <cstdint>

#include "crdt/tag.h"

namespace kith {

class SessionClock {
 public:
  SessionClock(ActorId actor, Timestamp newest) : actor_(actor), newest_(newest) {}

  void learn(Timestamp time, std::int64_t now_ms);
  Tag mint(std::int64_t now_ms);

  ActorId actor() const { return actor_; }
  Timestamp newest() const { return newest_; }  // Minted or learnt.

 private:
  ActorId actor_;
  Timestamp newest_;
  Timestamp told_;
  std::int64_t told_at_ms_ = 0;
};

}  // namespace kith
