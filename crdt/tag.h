// crdt/tag.h -- the identity of one client operation, and the commit under which it entered history.
//
//     tag    = (timestamp, actor)   minted once, at the first attempt; every retry carries the same
//     commit = (timestamp, origin)  given by the node that took the operation in
//     entry  = (timestamp, commit)  what one actor did last to a cell
//
// Tags order values; commits drive replication and collection, never the order of values (DESIGN.md, section 1).
// Text form of a tag: 16 hex digits of timestamp, '-', 16 hex digits of actor.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/ids.h"
#include "crdt/timestamp.h"

namespace kith {

struct Tag {
  Timestamp at;
  ActorId actor;
  friend constexpr auto operator<=>(const Tag&, const Tag&) = default;
};

struct Commit {
  Timestamp at;
  OriginId origin;
  friend constexpr auto operator<=>(const Commit&, const Commit&) = default;
};

struct Entry {
  Timestamp at;
  Commit commit;
  friend constexpr bool operator==(const Entry&, const Entry&) = default;
};

// Of two entries of one actor the later; of one tag that was committed twice (a retry at two nodes) the earlier commit.
constexpr const Entry& later(const Entry& a, const Entry& b) {
  if (a.at != b.at) return a.at < b.at ? b : a;
  return b.commit < a.commit ? b : a;
}

// True when the tag was minted by a client session, not by the origin that committed it.
constexpr bool from_session(const Tag& tag, const Commit& commit) { return tag.actor != actor_of(commit.origin); }

std::string to_hex(std::uint64_t value);  // 16 digits.
std::optional<std::uint64_t> parse_hex(std::string_view text);
std::string to_string(const Tag& tag);
std::optional<Tag> parse_tag(std::string_view text);  // Nothing when malformed, or either part is zero.

}  // namespace kith
