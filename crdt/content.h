// crdt/content.h -- the contents of a cell: a semilattice by itself, whatever its kind.
//
//     content       := register | set_element                        (which one: the cell's kind says; of counters
//                                                                     the first)
//     set_element   := plain:varint tagged:varint removed:varint  plain_add* tagged_add* removal*
//     plain_add     := origin:u64 at:u64                             minted by the origin itself: 16 bytes
//     tagged_add    := actor:u64 at:u64 commit                       minted by a client session
//     removal       := actor:u64 at:u64 commit
//     register      := flags:u8 [actor:u64 at:u64] commit [expiry:u64] [value: the rest of the bytes]
//                      flags: 1 has a value, 2 tagged (else tag = commit), 4 has an expiry: only with 1
//     commit        := origin:u64 at:u64
//
// Canonical: equal states encode to equal bytes, and the decoder rejects every other spelling (unsorted, repeated, a
// plain add spelled as a tagged one).  Merging two contents needs nothing but the two (DESIGN.md, section 3).
// Golden bytes: tests/crdt/content_test.cc and docs/DISK.md
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "crdt/bytes.h"
#include "crdt/cell_key.h"
#include "crdt/register.h"
#include "crdt/set_element.h"

namespace kith {

class Content {
 public:
  Content() : state_(Register{}) {}
  explicit Content(Kind kind);  // The bottom element of that kind.
  Content(Register state) : state_(std::move(state)) {}
  Content(SetElement state) : state_(std::move(state)) {}

  bool holds(Kind kind) const;  // Set elements and registers are different shapes.
  Register& as_register() { return std::get<Register>(state_); }
  const Register& as_register() const { return std::get<Register>(state_); }
  SetElement& as_set_element() { return std::get<SetElement>(state_); }
  const SetElement& as_set_element() const { return std::get<SetElement>(state_); }

  bool present() const;                      // Expired or not.
  bool shows_at(std::int64_t now_ms) const;  // Present and not expired: for readers.
  std::int64_t over_at_ms() const;           // Of a value that expires; else zero (crdt/register.h).
  bool empty() const;
  std::size_t entry_count() const;
  std::uint64_t observable_hash() const;  // Zero when absent.

  // Returns whether anything changed.  REQUIRES: both are of one shape.
  bool join(const Content& other);

  // Whether there is something that a horizon may collect, now or later: a removal, a deletion.  Not a value that expires:
  // what has to be waited for there is time, and the store finds those by it (store/expiries.h).
  bool collectable() const;
  // Drops what is settled; nothing that shows changes.  Returns whether anything went.
  bool collect(Timestamp horizon);
  // Takes out entries that are exactly these.  Not a join: gossip/rebase.h, gossip/redo.h.  Returns whether any was there.
  bool drop(const Content& these);
  // The same operations, as if they had been committed so.
  void recommit(Commit commit);

  // What of this is worth sending: entries whose commit satisfies `wanted`, dead adds left out.
  template <class Predicate>  // (const Commit&) -> bool
  Content shown_where(Predicate wanted) const {
    Content out = *this;
    if (auto* element = std::get_if<SetElement>(&out.state_)) {
      element->drop_dead();
      element->keep_commits(wanted);
    } else {
      std::get<Register>(out.state_).keep_commits(wanted);
    }
    return out;
  }

  // The entries whose commit satisfies `wanted`, dead adds as well.
  template <class Predicate>  // (const Commit&) -> bool
  Content where(Predicate wanted) const {
    Content out = *this;
    if (auto* element = std::get_if<SetElement>(&out.state_)) element->keep_commits(wanted);
    else std::get<Register>(out.state_).keep_commits(wanted);
    return out;
  }

  template <class Visitor>  // (const Commit&) -> void
  void each_commit(Visitor visit) const {
    if (const auto* element = std::get_if<SetElement>(&state_)) {
      for (const auto& [actor, entry] : element->adds()) visit(entry.commit);
      for (const auto& [actor, entry] : element->removed()) visit(entry.commit);
    } else if (!empty()) {
      visit(std::get<Register>(state_).commit());
    }
  }

  friend bool operator==(const Content&, const Content&) = default;

 private:
  std::variant<Register, SetElement> state_;
};

void encode(const Content& content, ByteWriter& out);

// Reads `in` to its end.  Nothing when malformed, not canonical, trailing or over a limit.
std::optional<Content> decode_content(Kind kind, std::string_view in);

}  // namespace kith
