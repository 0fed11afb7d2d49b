// crdt/register.h -- a last-writer-wins register: a value of its own, or one field of a hash.
//
// The greatest (tag, value hash) wins; a delete is a tag with no value.  The order is total (timestamp, then actor,
// then value hash, then the value itself), so no two replicas can disagree about the winner.  Of one tag and value
// that was committed twice (a retry at two nodes) the earlier commit stays.
//
// A plain value.  Laws: tests/crdt/register_test.cc
#pragma once

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
  const Tag& tag() const { return tag_; }
  const Commit& commit() const { return commit_; }

  // Zero when absent; else a digest of tag and value.
  std::uint64_t observable_hash() const;

  // Joins the write in and returns the delta to spread; empty when the same tag or a greater one was applied before.
  // REQUIRES: tag and commit are not zero.
  [[nodiscard]] Register set(std::string value, Tag tag, Commit commit);
  [[nodiscard]] Register erase(Tag tag, Commit commit);

  bool join(const Register& other);  // Returns whether anything changed.

  // A deletion whose commit is at or below `horizon` goes.  Returns whether it did.
  bool collect(Timestamp horizon);

  template <class Predicate>  // (const Commit&) -> bool
  void keep_commits(Predicate wanted) {
    if (!empty() && !wanted(commit_)) *this = Register{};
  }

  friend bool operator==(const Register&, const Register&) = default;

 private:
  friend class ContentCodec;

  Register write(std::optional<std::string> value, Tag tag, Commit commit);

  Tag tag_;
  Commit commit_;
  std::optional<std::string> value_;
};

}  // namespace kith
