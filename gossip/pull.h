// gossip/pull.h -- asking a peer for what one lacks, shard by shard, to the end of its feed.
//
//     asker                                              answerer
//       | -- pull {nonce, [shard, epoch, after, clock]} ---> |  stateless: one snapshot, one answer
//       | <- rows {nonce, [shard, cells, next, end, clock]}  |  up to a byte limit; shards it did not reach are absent
//       | -- pull {new nonce, what is left} ---------------> |
//
// RULE. The clock moves only at `end`, to the clock read in the same snapshot that reached the end of the feed, and in
// the same batch as the last entries.
// RULE. An answer counts only if it carries the nonce of the question outstanding in this life; anything else was
// filtered for somebody who knew other things.
// The member table (gossip/core.h, M2): a question to a peer whose table differs asks for the system shard too, with
// our clock of it.  The answer begins with that shard, and comes to the others only when it has reached its end: so the
// asker has every record before a clock that may speak of it, each once, and none that it holds.  When tables differ
// and the question did not know of it yet, the answer brings the whole table along; the next question knows.
// RULE. An origin that the asker's clock lacks is covered by nothing, unless it is retired here and the asker's floor is at
// or above the commit: then the asker held all of it when it left the clocks.  A floor alone covers nothing.
// The feed's epoch is the peer's origin: another life, another cursor.  Reading begins at the cursor or at the last of the
// sparse marks that the asker's clock covers, whichever is further.
// A shard ends without a clock while any row of it is damaged at the answerer: nobody may believe to hold what was not
// sent.  SUBTLE: not only when this answer passed one over, since the asker's cursor may be behind it already.  A mended
// row moves to the end of the feed, so it is read then.
// Transcripts: tests/gossip/pull_test.cc
#pragma once

#include <deque>
#include <map>
#include <set>

#include "gossip/core.h"
#include "gossip/horizon.h"

namespace kith {

class Pull {
 public:
  Pull(Core& core, Horizon& horizon) : core_(core), horizon_(horizon) {}

  // Asks `peer` for these shards, now or when its present answer is in.
  // `as_of`: what the peer had said when these were all that differed; acted on when the last of them is at its end.
  void start(NodeId peer, const std::vector<ShardId>& shards, std::optional<Horizon::AsOf> as_of = std::nullopt);
  bool rebasing_onto(NodeId peer) const;  // It is being asked with a rebase's `as_of`.
  bool asking(NodeId peer) const { return questions_.contains(peer); }
  void give_up(NodeId peer);  // The question it was asked; how late it answers is remembered.
  void forget(NodeId peer);  // It began a new life: the question it was asked is gone.
  void tick();  // Gives up questions that were not answered in time.
  std::optional<std::int64_t> wake_at_ms() const;
  std::size_t outstanding() const { return questions_.size(); }

  // `found` is told of damaged rows met on the way, `doubted` of a feed that is not that of its rows; `waiting_in` tells
  // whether any of a shard wait to be mended.
  struct Damage {
    std::function<void(const StoreKey&)> found;
    std::function<void(ShardId)> doubted;
    std::function<bool(ShardId)> waiting_in;
  };
  void on_pull(const Envelope& from, const PullBody& body, const Damage& damage);
  // Which shards are at their end now, and whether with a clock; none of an answer that does not count.
  std::map<ShardId, bool> on_rows(NodeId from, OriginId origin, const RowsBody& body);

 private:
  struct Asked {
    std::uint64_t setbacks = 0;  // That there had been.
    // Something was not taken, and may be later: there is no clock at the end, and no cursor is kept behind it, but where this
    // question goes on.
    std::optional<Cursor> behind_what_was_not_taken;
  };
  struct Claim {  // What a shard's rows, to their end, let our clock cover.
    CommitClock clock;
    Timestamp promise;
  };
  struct Question {
    std::uint64_t nonce = 0;
    std::map<ShardId, Asked> asked;  // Of the outstanding message.
    std::set<ShardId> later;     // To ask once this is answered.
    std::int64_t expires_at_ms = 0;
    bool progressed = false;     // A part of what was wanted is here.
    int unanswered = 0;          // Since then, how often it was asked in vain.
    std::optional<Horizon::AsOf> as_of;
    std::set<ShardId> at_end;    // Since it was asked.
    bool brought = false;        // A row, since it was asked.
    Claim of_table;              // Of a rebase: when all is here.
  };
  void claim(Question& question, ShardId shard, const Claim& claim, OriginId epoch);
  void ask(NodeId peer, Question& question);
  std::int64_t patience_ms(NodeId peer) const;
  struct Room {
    std::size_t bytes = 0;  // Of cells.
    bool one_cell_for_certain = false;  // However large it is, so that even a limit of one byte makes progress.
    std::uint64_t entries = 0;          // Of the feed that may be read.
  };
  RowsBody::Part read_feed(const Snapshot& snapshot, const PullBody::Part& asked, Timestamp floor, Room& room,
                           const Damage& damage);  // Takes from `room.entries`.

  Core& core_;
  Horizon& horizon_;
  std::map<NodeId, Question> questions_;
  std::map<NodeId, std::int64_t> brought_nothing_at_ms_;  // The last that was answered to its end, where it brought no row.
  struct Late {
    std::deque<std::uint64_t> nonces;  // Of the questions given up last, for as long as no answer to any of them came.
    std::int64_t patience_ms = 0;      // Doubled by each answer that came too late, and back by and by.
  };
  std::map<NodeId, Late> late_;
};

}  // namespace kith
