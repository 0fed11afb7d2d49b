// crdt/register.h -- a last-writer-wins register: a value of its own, or one field of a hash.
//
// The greatest (tag, value hash) wins; a delete is a tag with no value.  The order is total (timestamp, then actor,
// then value hash, then the value itself), so no two replicas can disagree about the winner.  Of one tag and value
// that was committed twice (a retry at two nodes) the earlier commit stays.
//
// A value may expire: it carries the millisecond from which nobody shows it any more.  That is a part of what was written,
// fixed by whoever took the write in, so all replicas agree on it and a later write, with another expiry or none, wins over
// it as over any other.  Of one tag and value with two expiries (a client that misbehaves) the later stays, and none is the latest.
//     present()       there is a value, expired or not: what replication, merging and the order go by
//     shows_at(now)   ... that has not expired at that reading of a clock: what readers go by
// SUBTLE: an expired value still beats all older ones, so it must stay until nobody can hold one: until the horizon has
// passed its commit, as for a deletion, and its expiry (gossip/collector.h has the argument).
//
// A plain value.  Laws: tests/crdt/register_test.cc, tests/crdt/expiry_test.cc
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "crdt/tag.h"

namespace kith {

class Register {
 public:
  bool present() const { return value_.has_value(); }
  bool empty() const { return !tag_.at; }  // Never written: the bottom of the lattice.
  const std::optional<std::string>& value() const { return value_; }
  std::int64_t expires_at_ms() const { return expires_at_ms_; }  // Unix milliseconds; zero: never.
  bool shows_at(std::int64_t now_ms) const { return present() && (expires_at_ms_ == 0 || now_ms < expires_at_ms_); }
  // From this millisecond on the write counts for nothing: its expiry, or its commit where that is later (a retry that came
  // in late).  Zero: it does not expire.
  std::int64_t over_at_ms() const { return expires_at_ms_ == 0 ? 0 : std::max(expires_at_ms_, commit_.at.ms()); }
  const Tag& tag() const { return tag_; }
  const Commit& commit() const { return commit_; }

  // Zero when absent; else a digest of tag, value and expiry.
  std::uint64_t observable_hash() const;
  std::uint64_t tie_breaker() const;  // What decides between two values of one tag; zero when absent.

  // Joins the write in and returns the delta to spread; empty when the same tag or a greater one was applied before.
  // REQUIRES: tag and commit are not zero; the expiry is 0 to Timestamp::kMillisecondsMax.
  [[nodiscard]] Register set(std::string value, Tag tag, Commit commit, std::int64_t expires_at_ms = 0);
  [[nodiscard]] Register erase(Tag tag, Commit commit);

  bool join(const Register& other);  // Returns whether anything changed.

  // A deletion whose commit is at or below `horizon` goes; so does a value whose commit and expiry are.  Returns whether it did.
  bool collect(Timestamp horizon);

  // The same write, as if it had been committed so.
  void recommit(Commit commit) {
    if (!empty()) commit_ = commit;
  }

  template <class Predicate>  // (const Commit&) -> bool
  void keep_commits(Predicate wanted) {
    if (!empty() && !wanted(commit_)) *this = Register{};
  }

  friend bool operator==(const Register&, const Register&) = default;

 private:
  friend class ContentCodec;

  Register write(std::optional<std::string> value, Tag tag, Commit commit, std::int64_t expires_at_ms);

  Tag tag_;
  Commit commit_;
  std::optional<std::string> value_;
  std::int64_t expires_at_ms_ = 0;  // Zero where there is no value.
};

}  // namespace kith
