// crdt/set_element.h -- one element of an observed-remove set.
//
//     adds:    actor -> its latest add
//     removed: actor -> the latest of its adds that some remover had observed
//
// Present when some actor has added later than anybody has removed its adds.  Two maps of maxima make a lattice, so
// join() needs no clock and no context, and a lost, late or repeated delta can delay an element but never delete one.
// (DESIGN.md, section 3; the observed-remove set of Shapiro et al. 2011 with per-actor maxima instead of unique tags,
// as in Bieniusa et al., "An optimized conflict-free replicated set", 2012.)
//
// A plain value: reads no clock, draws no randomness, does no I/O.  Laws: tests/crdt/set_element_test.cc
#pragma once

#include <cstdint>

#include "crdt/actor_map.h"
#include "crdt/tag.h"

namespace kith {

class SetElement {
 public:
  bool present() const;
  bool empty() const { return adds_.empty() && removed_.empty(); }  // No entries at all: the bottom of the lattice.
  bool dead(ActorId actor, const Entry& add) const;                 // That add was observed and removed.

  const ActorMap& adds() const { return adds_; }
  const ActorMap& removed() const { return removed_; }

  // A digest of what is observable: the tags of the live adds.  Zero when absent.  Removal records do not count.
  std::uint64_t observable_hash() const;

  // Both join the operation in and return the delta to spread: what changed, no more.  An empty delta means that the
  // same tag, or one that supersedes it, was applied before: a retry, and nothing changed.
  // REQUIRES: tag and commit are not zero.
  [[nodiscard]] SetElement add(Tag tag, Commit commit);
  // Removes the observed adds older than `tag`, and all that its own session did before it, seen here or not.
  [[nodiscard]] SetElement remove(Tag tag, Commit commit);

  // Per actor, the later entry.  Returns whether anything changed.
  bool join(const SetElement& other);

  // Drops adds that are dead: they stay in the row until collected, but are not sent on.
  void drop_dead();

  // What is settled at `horizon` goes (DESIGN.md, section 8): removals whose commit is at or below it, each together with the
  // dead add it names, whose commit must be, too.  Nothing that shows changes.  Returns whether anything went.
  bool collect(Timestamp horizon);

  // Keeps the adds that satisfy `wanted`, and no removals.
  template <class Predicate>  // (ActorId, const Entry&) -> bool
  void keep_adds_only(Predicate wanted) {
    adds_.keep_if(wanted);
    removed_ = {};
  }

  // Keeps the adds that satisfy `wanted`, and all removals.
  template <class Predicate>  // (ActorId, const Entry&) -> bool
  void keep_adds(Predicate wanted) {
    adds_.keep_if(wanted);
  }

  template <class Adds, class Removed>  // (ActorId, const Entry&) -> bool
  void keep(Adds adds, Removed removed) {
    adds_.keep_if(adds);
    removed_.keep_if(removed);
  }

  // Takes out entries that are exactly these; of other timestamps or commits none.  Returns whether any was there.
  bool drop(const SetElement& these);

  // The same operations, as if they had been committed so (gossip/redo.h).
  void recommit(Commit commit);

  // Keeps the entries whose commit satisfies `wanted`.
  template <class Predicate>  // (const Commit&) -> bool
  void keep_commits(Predicate wanted) {
    const auto by_commit = [&](ActorId, const Entry& entry) { return wanted(entry.commit); };
    adds_.keep_if(by_commit);
    removed_.keep_if(by_commit);
  }

  friend bool operator==(const SetElement&, const SetElement&) = default;

 private:
  friend class ContentCodec;

  ActorMap adds_;
  ActorMap removed_;
};

}  // namespace kith
