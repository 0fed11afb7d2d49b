// node/leaving.h -- a node that goes hands over first: do the others hold everything that it has?
//
// It has stopped taking writes at `since`, and goes on with its rounds.  A member holds everything when its floor is at or past that time ("all
// that anybody committed up to there I hold"), or when a round that ended later found nothing missing on either side: the first works
// while others write, the second while a member is away, whose silence keeps floors where they are.
// Who is not there is not waited for, but somebody has to be there, unless the node is its cluster's only member.  Pure: tests/node/leaving_test.cc
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gossip/engine.h"

namespace kith {

struct HandOver {
  std::vector<std::string> have_all;      // Members, by name, as are these:
  std::vector<std::string> lack_some;     // are there, and are not known to hold all of it;
  std::vector<std::string> away;          // not heard of lately.
  bool done() const { return lack_some.empty() && (!have_all.empty() || away.empty()); }
};

// `since_ms_ago`: how long ago it stopped taking writes, which was `since` by the cluster's time.
HandOver hand_over(const EngineStatus& status, Timestamp since, std::int64_t since_ms_ago);

// How far it is on its way out of the cluster, for people: "n2 is not known to hold all that it has, and is away".
std::string in_words(const LeaveStatus& leave);

// "n2 and n3 hold everything that this node has; n4 is away", for people.
std::string in_words(const HandOver& state);

}  // namespace kith
