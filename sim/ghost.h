// sim/ghost.h -- what a replica must hold, kept beside what it does hold: merged alike, written independently, and never
// collected.
//
// A twin of crdt/ and of the row in the store, as plain as can be: it shares no code with what it checks.  Where the
// node's row and its ghost disagree, the node forgot something, invented something or brought something back.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crdt/content.h"
#include "store/row.h"
#include "store/store.h"

namespace kith::sim {

class GhostCell {
 public:
  struct Item {
    ActorId actor;
    Timestamp at;
    Commit commit;
    friend bool operator==(const Item&, const Item&) = default;
  };

  void join(const Content& content);
  bool equals(const Content& content) const;
  // What is not in `content` was settled at `horizon`, and hides nothing that shows.
  bool collects_to(const Content& content, Timestamp horizon) const;
  // `content` without what is known here to have been removed or overwritten, by what was settled at `horizon`.
  Content without_returned(const Content& content, Timestamp horizon) const;
  bool covers(const Content& content) const;  // All that `content` says is in here, or was overtaken here.
  bool present() const;                                        // Expired or not.
  bool expired(std::int64_t now_ms) const { return value_ && expires_at_ms_ != 0 && expires_at_ms_ <= now_ms; }
  // Of a value that expires: nobody at or above this horizon needs it any more.
  bool settled(Timestamp horizon) const;
  // What a rebase took out: gone here, and known to have been removed or overwritten, by entries that need not come here
  // any more.  Such have no commit.
  void take_out(ActorId actor, Timestamp removed_at);
  void overtake(const GhostCell& other);
  void collected_elsewhere() { commit_ = {}, value_.reset(), expires_at_ms_ = 0; }
  void drop(const Content& these);                             // Entries that are exactly these.
  void forget(ActorId actor);                                  // Its add is gone for good.

  const std::vector<Item>& adds() const { return adds_; }
  const std::vector<Item>& removed() const { return removed_; }
  const Tag& tag() const { return tag_; }
  const Commit& commit() const { return commit_; }
  const std::optional<std::string>& value() const { return value_; }
  std::int64_t expires_at_ms() const { return expires_at_ms_; }

  // Lost bits of its row on disk: what is there may be less than this, never other than this.
  bool rotten = false;
  bool in_rotten_base = false;  // Of an increment: the base that it was folded into is damaged.

 private:
  static void raise(std::vector<Item>& items, const Item& item);
  static const Item* find(const std::vector<Item>& items, ActorId actor);
  bool dead(const Item& add) const;

  std::vector<Item> adds_, removed_;  // By actor.
  Tag tag_;
  Commit commit_;
  std::optional<std::string> value_;
  std::int64_t expires_at_ms_ = 0;
};

using Ghost = std::unordered_map<StoreKey, GhostCell>;

// Of a counter: bases are folded by every node for itself, of increments whose rows then go (crdt/counter.h).
bool is_base_key(const StoreKey& key);
bool in_base(const Snapshot& snapshot, const StoreKey& key);

std::string in_words(const Commit& commit);  // "1f73@55730.0": four digits of the origin, milliseconds, counter.
std::string in_words(const GhostCell& cell);
std::string in_words(const Content& content);

}  // namespace kith::sim
