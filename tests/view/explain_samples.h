// tests/view/explain_samples.h -- copies of cells and a cluster of three, for the tests of what `kith explain` says.
//
// Times are milliseconds after 22:13:20 UTC; n2 has had an earlier life, b0.
#pragma once

#include <string>
#include <vector>

#include "crdt/bytes.h"
#include "crdt/content.h"
#include "node/view/explain_document.h"
#include "node/view/status_document.h"

namespace kith::samples {

inline constexpr std::int64_t kNow = 1'700'000'000'000;
inline constexpr ActorId kAnna{0xaaaa000000000000}, kBob{0xbbbb000000000000};

inline Timestamp at(std::int64_t ms) { return Timestamp::at_ms(kNow + ms); }

inline LifeNames lives() {
  return {{OriginId{0xa1}, {"n1", true}}, {OriginId{0xb0}, {"n2", false}}, {OriginId{0xb1}, {"n2", true}}, {OriginId{0xc1}, {"n3", true}}};
}

// n1's, with the floors of n1, n2 and n3; zero: it has not said.
inline NodeStatus status_at(std::int64_t n1, std::int64_t n2, std::int64_t n3) {
  NodeStatus out;
  out.name = "n1";
  out.now_ms = kNow + 400'000;
  for (const auto& [name, floor] : {std::pair{"n1", n1}, std::pair{"n2", n2}, std::pair{"n3", n3}}) {
    MemberRow member;
    member.name = name;
    member.self = out.members.empty();
    if (floor != 0) member.floor = at(floor);
    out.members.push_back(member);
  }
  out.garbage.collects = true;
  out.garbage.retry_window_ms = 600'000;
  out.garbage.floor = out.members[0].floor;
  return out;
}

inline ExplainedEntry entry(ExplainedEntry::Role role, std::int64_t ms, ActorId actor, std::int64_t commit_ms, std::uint64_t origin) {
  ExplainedEntry out;
  out.role = role;
  out.tag = {at(ms), actor};
  out.commit = {at(commit_ms), OriginId{origin}};
  return out;
}
inline ExplainedEntry add(std::int64_t ms, ActorId actor, std::uint64_t origin, bool dead = false) {
  ExplainedEntry out = entry(ExplainedEntry::Role::kAdd, ms, actor, ms, origin);
  out.dead = dead;
  return out;
}
inline ExplainedEntry removal(std::int64_t ms, ActorId actor, std::int64_t commit_ms, std::uint64_t origin) {
  return entry(ExplainedEntry::Role::kRemoval, ms, actor, commit_ms, origin);
}
// `hash` in hex; empty: a deletion.
inline ExplainedEntry value_of(std::int64_t ms, ActorId actor, std::uint64_t origin, const std::string& hash) {
  ExplainedEntry out = entry(ExplainedEntry::Role::kValue, ms, actor, ms, origin);
  out.value_hash = hash.empty() ? "" : std::string(16 - hash.size(), '0') + hash;
  out.value_bytes = hash.empty() ? 0 : 5;
  out.dead = hash.empty();
  return out;
}
inline ExplainedEntry increment(std::int64_t ms, ActorId actor, std::uint64_t origin, std::int64_t amount) {
  ExplainedEntry out = entry(ExplainedEntry::Role::kIncrement, ms, actor, ms, origin);
  out.amount = amount;
  return out;
}
inline ExplainedEntry base(std::int64_t folded_to_ms, std::int64_t sum) {
  ExplainedEntry out = entry(ExplainedEntry::Role::kBase, folded_to_ms, ActorId{1}, folded_to_ms + 700'000, 0xa1);
  out.amount = sum;
  return out;
}

inline ExplainedValue element(std::vector<ExplainedEntry> entries) {
  ExplainedValue out;
  out.kind = "set";
  out.entries = std::move(entries);
  return out;
}
// As a node shows it: entries, and the bytes that can be joined.
inline ExplainedValue element_of(const SetElement& element) {
  ExplainedValue out;
  out.kind = "set";
  out.present = element.present();
  for (const auto& [actor, entry] : element.adds()) {
    ExplainedEntry shown;
    shown.tag = {entry.at, actor};
    shown.commit = entry.commit;
    shown.dead = element.dead(actor, entry);
    out.entries.push_back(shown);
  }
  ByteWriter bytes;
  encode(Content(element), bytes);
  out.content = bytes.view();
  return out;
}
inline ExplainedValue written(ExplainedEntry entry) {
  ExplainedValue out;
  out.kind = "register";
  out.present = !entry.value_hash.empty();
  out.entries = {std::move(entry)};
  return out;
}
inline ExplainedValue counter_of(std::vector<ExplainedEntry> entries) {
  ExplainedValue out;
  out.kind = "counter";
  out.collection = true;
  std::int64_t total = 0;
  for (const ExplainedEntry& entry : entries) total += entry.amount;
  out.total = total;
  out.cells = entries.size();
  out.entries = std::move(entries);
  return out;
}

}  // namespace kith::samples
