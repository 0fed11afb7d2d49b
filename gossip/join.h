// gossip/join.h -- how a node comes to belong to a cluster: through any member.
//
//     joiner                                   any member
//       | -- join {name, address, wants} ------> |  fits?  cluster, shard count, retry window, name, clock
//       | <-- welcome {cluster, shards, window}- |  with the member table
//       | <----- refuse {code, sentence} ------- |
//       writes its own record; it spreads like any other row
//
// A node that already belongs asks too, when it was given addresses to join: so that one with a foreign directory is
// told at once instead of being ignored for ever; again when it has heard of nobody for a while, since everybody may
// have moved; and one of the addresses every half minute or so while there is a member that it has not heard of.  Who is
// asked learns where the asker is.
// RULE. The retry window is one for the whole cluster, fixed at its creation: it is how long after their writing removals are
// remembered, and a member that forgot earlier would take a retry in for new that another one still expects.
// Transcripts: tests/gossip/join_test.cc
#pragma once

#include "gossip/lives.h"

namespace kith {

// "has a retry window of 10m, fixed at its creation"
std::string retry_window_is(std::int64_t ms);

class Join {
 public:
  Join(Core& core, Lives& lives) : core_(core), lives_(lives) {}

  void begin(const NodeSetup& setup);
  void keep_retry_window();  // The one that is in force is the cluster's, and made durable.
  void through(const std::vector<std::string>& addresses);
  void tick();
  std::optional<std::int64_t> wake_at_ms() const;

  void on_join(const Envelope& envelope, const JoinBody& body);
  // Both return false when this is not the answer to the question asked in this life.
  [[nodiscard]] bool on_welcome(const Envelope& envelope, const WelcomeBody& body, bool& joined_now);
  [[nodiscard]] bool on_refuse(const Envelope& envelope, const RefuseBody& body);

 private:
  void take_seeds(const std::vector<std::string>& addresses);
  JoinBody question() const;
  void ask();
  void look();
  bool heard(const PeerState& peer) const;  // In the last while.
  bool alone() const;                       // Of nobody.
  bool unheard_of() const;                  // Somebody was not.

  Core& core_;
  Lives& lives_;
  NodeSetup setup_;
  std::vector<std::string> seeds_;
  std::uint64_t nonce_ = 0;
  bool answered_ = true;
  int asked_ = 0;
  std::int64_t ask_at_ms_ = 0;
  std::int64_t began_at_ms_ = 0;
  std::int64_t look_at_ms_ = 0;
};

}  // namespace kith
