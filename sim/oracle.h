// sim/oracle.h -- perfect knowledge: every entry that ever was committed, every write that was acknowledged.
//
// What the final content must be lies between two bounds, in the order of the lattice:
//
//     must   the effects of all acknowledged writes, but those whose every copy was destroyed with a disk
//     may    all that any node ever committed
//
// Where nothing was destroyed and everything was answered the two are one.  Effects are computed here from the operation
// and the ghost of the node that took it in, not by the code that is judged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "crdt/content.h"
#include "sim/ghost.h"

namespace kith::sim {

// What an operation does to one cell, without the commit, which differs from attempt to attempt.
struct Effect {
  StoreKey cell;
  std::vector<std::pair<ActorId, Timestamp>> adds, removed;
  Tag tag;                                 // Of a register; else zero.
  std::optional<std::string> value;
  bool any_value = false;                  // Which one, the node decided: of `expire` and `persist`.

  bool held_by(const GhostCell& ghost) const;  // Or overtaken there.
};

class Oracle {
 public:
  void committed(const StoreKey& cell, const Content& delta);
  // Nothing when every entry of `content` was committed by somebody; else the one that was not.
  std::optional<std::string> unknown_in(const StoreKey& cell, const Content& content) const;
  bool knows_tag(const Tag& tag) const { return tags_.contains({tag.at.value, tag.actor.value}); }

  void acknowledged(Effect effect) { acknowledged_.push_back({std::move(effect), false}); }
  // What no other node has seen was committed anew, as an operation of another tag: that one counts from now on.
  void redone(const StoreBatch::Redone& redone);
  Effect as_redone(Effect effect) const;  // As it counts now.
  // A disk was destroyed.  What none of the remaining `holds` is excused.  Returns how many were.
  using Holds = std::function<bool(const Effect&)>;
  std::uint64_t excuse(const Holds& still_held, const StoreKey* only_cell = nullptr);

  // Nothing when `final` is as it must be; else what is wrong, with the law it breaks.
  struct Wrong {
    char law;
    std::string text;
  };
  // Whether anybody ever committed a removal of this add.
  bool removal_committed(const StoreKey& cell, ActorId actor, Timestamp add) const;
  // The first commit under which somebody did; nothing: nobody has.
  std::optional<Timestamp> removal_commit(const StoreKey& cell, ActorId actor, Timestamp add) const;
  // The same of a deletion that overtook this value, or of another value that did, and has expired: what a horizon has to reach.
  std::optional<Timestamp> deletion_settled(const StoreKey& cell, const Tag& value) const;
  // `over_at_ms`: what expired by then has at every node.
  std::optional<Wrong> judge(const std::map<StoreKey, Content>& final, std::int64_t over_at_ms) const;

  // Every counter stands at the sum of all increments that any node ever committed, each counted once.
  // REQUIRES: nothing was destroyed, so that all of them are somewhere.
  std::optional<Wrong> judge_counters(const Snapshot& final) const;

  std::size_t acknowledged_count() const { return acknowledged_.size(); }
  std::size_t excused_count() const;

 private:
  struct Bounds {
    std::map<ActorId, Timestamp> adds, removed;
    std::map<std::pair<ActorId, Timestamp>, Timestamp> removal_commits{};  // The first of each removal.
    std::map<Tag, Timestamp> deletions_settled{};
    Tag tag;
    std::optional<std::string> value;
    std::set<Commit> commits{};             // Of an increment, and of those that were not redone elsewhere.
    Tag deletion{};                         // The greatest of a deletion.
    bool any_value = false;
    std::map<Tag, std::int64_t> expiries{};  // When what was written under a tag expires.
    Tag expiring{};                          // Of the newest that expires, and when it does.
    std::int64_t expires_at_ms = 0;
  };
  struct Acknowledged {
    Effect effect;
    bool excused = false;
  };
  struct PairHash {
    std::size_t operator()(const std::pair<std::uint64_t, std::uint64_t>& pair) const {
      return static_cast<std::size_t>(pair.first * 0x9e3779b97f4a7c15 + pair.second);
    }
  };

  static void follow(const StoreBatch::Redone& redone, Effect& effect);

  std::map<StoreKey, std::vector<StoreBatch::Redone>> redone_;
  std::unordered_set<std::uint64_t> entries_;   // Hashes of (cell, role, actor, tag, commit, value).
  std::unordered_set<std::pair<std::uint64_t, std::uint64_t>, PairHash> tags_;
  std::map<StoreKey, Bounds> may_;
  std::vector<Acknowledged> acknowledged_;
};

// "adds e1 to set1": a cell for people.
std::string cell_in_words(const StoreKey& cell);

}  // namespace kith::sim
