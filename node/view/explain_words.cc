#include "node/view/explain_words.h"

#include <algorithm>
#include <optional>

#include "node/view/garbage_words.h"
#include "node/view/text.h"

namespace kith {
namespace {

using Role = ExplainedEntry::Role;

// Of many members so many are named.
constexpr std::size_t kMembersNamed = 8;

std::string some_of(std::vector<std::string> names) {
  if (names.size() <= kMembersNamed) return listed(names);
  const std::size_t more = names.size() - kMembersNamed;
  names.resize(kMembersNamed);
  names.push_back(std::to_string(more) + " more");
  return listed(names);
}

std::string clock_of(Timestamp at, const NodeStatus& status) { return utc_clock(at.ms(), status.now_ms); }

std::string confirmed(const MemberRow& member, const NodeStatus& status) {
  return member.name + (member.floor ? " (up to " + clock_of(member.floor, status) + ")" : " (it has not said how far it is)");
}

std::string seen_in_words(const Commit& commit, const LifeNames& lives, const NodeStatus& status) {
  const Seen seen = seen_by(commit, lives, status);
  if (seen.not_confirmed.empty()) return (seen.by.size() > 1 ? "seen by all: " : "seen by ") + some_of(seen.by);
  std::vector<std::string> rest;
  for (const MemberRow* member : seen.not_confirmed) rest.push_back(confirmed(*member, status));
  return "seen by " + some_of(seen.by) + ", not confirmed by " + some_of(std::move(rest));
}

std::string adder_in_words(const LifeNames& lives, ActorId actor) {
  const auto node = lives.find(OriginId{actor.value});
  return node == lives.end() ? "session " + to_hex(actor.value).substr(0, 8) : life_in_words(lives, node->first) + " without a tag";
}

// Whose silence keeps the node from confirming more.  REQUIRES: somebody's does.
std::string silent_in_words(const NodeStatus& status) {
  const GarbageRow& garbage = status.garbage;
  return (garbage.floor_held_by_former_life ? "an earlier life of " + garbage.floor_held_by + " that is not closed yet" : garbage.floor_held_by) +
         ": " + status.name + " does not know what that has written since " + clock_of(garbage.floor, status) + ", if anything, and confirms no more";
}

std::string signed_amount(std::int64_t amount) { return (amount > 0 ? "+" : "") + std::to_string(amount); }

// "by session 1a2b3c4d through n1", or "through n1, without a tag".
std::string by_and_through(const ExplainedEntry& entry, const LifeNames& lives) {
  const std::string through = "through " + life_in_words(lives, entry.commit.origin);
  if (!from_session(entry.tag, entry.commit)) return through + ", without a tag";
  return "by session " + to_hex(entry.tag.actor.value).substr(0, 8) + " " + through;
}

std::string entry_in_words(const ExplainedEntry& entry, const LifeNames& lives, const NodeStatus& status) {
  const std::string when = clock_of(entry.tag.at, status);
  switch (entry.role) {
    case Role::kAdd:
      return "added at " + when + " " + by_and_through(entry, lives) + (entry.dead ? " (removed since)" : "") + ": " +
             seen_in_words(entry.commit, lives, status);
    case Role::kRemoval:
      return "removed at " + clock_of(entry.commit.at, status) + " through " + life_in_words(lives, entry.commit.origin) +
             ", what was added by " + adder_in_words(lives, entry.tag.actor) + " up to " + when + ": " +
             seen_in_words(entry.commit, lives, status);
    case Role::kValue:
      return (entry.value_hash.empty() ? "deleted at " : "set at ") + when + " " + by_and_through(entry, lives) +
             (entry.value_hash.empty() ? "" : ", " + bytes_in_words(entry.value_bytes)) +
             (entry.expires ? (entry.dead ? ", expired at " : ", expires at ") + clock_of(entry.expires, status) : "") + ": " +
             seen_in_words(entry.commit, lives, status);
    case Role::kIncrement:
      return signed_amount(entry.amount) + " at " + when + " " + by_and_through(entry, lives) +
             (entry.tag.at <= status.garbage.horizon ? " (below the horizon: to be folded)" : "") + ": " +
             seen_in_words(entry.commit, lives, status);
    case Role::kBase: break;
  }
  return std::to_string(entry.amount) + " in the base, which has all increments up to " + when + " and needs none of them any more";
}

// When the last of what a horizon would take out of the row is settled; nothing: there is nothing of the kind.
struct ToCollect {
  Timestamp settled;
  std::string what;
  std::string goes = "goes";
};

std::optional<ToCollect> to_collect(const ExplainedValue& value) {
  ToCollect out;
  std::size_t removals = 0;
  for (const ExplainedEntry& entry : value.entries) {
    if (entry.role == Role::kRemoval || (entry.role == Role::kAdd && entry.dead)) {
      out.settled = std::max(out.settled, entry.commit.at);
      removals += entry.role == Role::kRemoval ? 1 : 0;
    } else if (entry.role == Role::kValue && entry.value_hash.empty()) {
      return ToCollect{entry.commit.at, "the record of the deletion"};
    } else if (entry.role == Role::kValue && entry.expires) {
      return ToCollect{std::max(entry.commit.at, entry.expires), entry.dead ? "what is left of the value" : "the value"};
    } else if (entry.role == Role::kIncrement) {
      out.settled = std::max(out.settled, entry.tag.at);
      out.what = "the last of these increments";
      out.goes = "is folded";
    }
  }
  if (removals > 0) out.what = removals == 1 ? "the record of the removal" : "the last record of the removals";
  return out.what.empty() ? std::nullopt : std::optional(out);
}

std::string counter_in_words(const ExplainedValue& value) {
  return (value.total ? "a counter at " + std::to_string(*value.total)
                      : "a counter of which a row is damaged; a peer is being asked for it") +
         "; " + count_of(value.cells, "row", "rows") + ", " + bytes_in_words(value.bytes) +
         (value.folded_to ? ", one of them all increments up to " + utc_clock(value.folded_to.ms()) : "");
}

std::string collection_of_cells_in_words(const ExplainedValue& value) {
  const bool set = value.kind == "set";
  const std::uint64_t dead = value.cells - std::min(value.cells, value.live);
  return "a " + value.kind + " of " +
         count_of(value.live, set ? "live member" : "live field", set ? "live members" : "live fields") + "; " +
         count_of(value.cells, "row", "rows") + (dead > 0 ? ", " + std::to_string(dead) + " of them of what is gone" : "") + ", " +
         bytes_in_words(value.bytes);
}

}  // namespace

std::string life_in_words(const LifeNames& lives, OriginId origin) {
  const auto found = lives.find(origin);
  if (found == lives.end()) return "a life that nobody remembers (" + to_hex(origin.value).substr(0, 8) + ")";
  return found->second.node + (found->second.present ? "" : " in an earlier life");
}

std::string writer_in_words(const LifeNames& lives, const ExplainedEntry& entry) {
  if (entry.role == Role::kBase) return "all up to the tag";
  return from_session(entry.tag, entry.commit) ? "session " + to_hex(entry.tag.actor.value).substr(0, 8)
                                               : "no tag, by " + life_in_words(lives, entry.commit.origin);
}

std::string value_in_words(const ExplainedValue& value, const LifeNames& lives, const std::string& what) {
  if (value.damaged) return what + ": its row is damaged on this disk; a peer is being asked for it";
  if (value.collection) return value.kind == "counter" ? counter_in_words(value) : collection_of_cells_in_words(value);
  std::string out = what + (value.present ? " is there" : " is not there");
  const ExplainedEntry* add = nullptr;
  const ExplainedEntry* removal = nullptr;
  for (const ExplainedEntry& entry : value.entries) {
    if (entry.role == Role::kRemoval) {
      if (removal == nullptr || entry.commit > removal->commit) removal = &entry;
    } else if (entry.dead == !value.present && (add == nullptr || entry.tag.at > add->tag.at)) {
      add = &entry;
    }
  }
  const auto when = [](Timestamp at) { return utc_clock(at.ms()); };
  if (add != nullptr && add->role == Role::kValue) {
    const bool expired = !value.present && add->expires;
    out += std::string(value.present || expired ? ": set" : ": deleted") + " at " + when(add->tag.at) + " (" +
           writer_in_words(lives, *add) + "), taken in by " + life_in_words(lives, add->commit.origin);
    if (value.present) out += ", " + bytes_in_words(add->value_bytes);
    if (add->expires) out += std::string(expired ? ", expired at " : ", expires at ") + when(add->expires);
  } else if (value.present && add != nullptr) {
    out += ": added at " + when(add->tag.at) + " (" + writer_in_words(lives, *add) + "), taken in by " +
           life_in_words(lives, add->commit.origin);
    if (removal != nullptr) out += "; removals so far name earlier adds only";
  } else if (removal != nullptr) {
    out += ": removed at " + when(removal->commit.at) + " at " + life_in_words(lives, removal->commit.origin) +
           ", with every add observed up to then";
  }
  return out + "; " + bytes_in_words(value.bytes) + " on disk";
}

Seen seen_by(const Commit& commit, const LifeNames& lives, const NodeStatus& status) {
  const auto writer = lives.find(commit.origin);
  Seen out;
  for (const MemberRow& member : status.members) {
    const bool own = writer != lives.end() && writer->second.present && writer->second.node == member.name;
    if (member.self || own || (member.floor && member.floor >= commit.at)) out.by.push_back(member.name);
    else out.not_confirmed.push_back(&member);
  }
  return out;
}

std::string collection_in_words(const std::string& what, Timestamp settled, const NodeStatus& status, const std::string& goes) {
  const GarbageRow& garbage = status.garbage;
  if (!garbage.collects) return what + " stays as it is: collection is switched off on " + status.name;
  if (garbage.rebasing) return what + " stays until " + status.name + " has caught up (" + rebase_in_words(garbage) + ")";
  if (garbage.horizon >= settled) return what + " " + goes + " with the next pass of the collector: the horizon has passed it";
  const std::string window = duration_in_words(garbage.retry_window_ms);
  const std::string then = "; it " + goes + " " + window + " after all have confirmed what was written up to " + clock_of(settled, status);
  if (settled.ms() > status.now_ms) {
    return what + " expires at " + clock_of(settled, status) + " and " + goes + " " + window + " after all members have confirmed what was written up to then";
  }
  std::vector<std::string> waits_for;
  const MemberRow* last = nullptr;
  for (const MemberRow& member : status.members) {
    if (member.floor < settled && !member.self) waits_for.push_back(confirmed(member, status));
    if (last == nullptr || member.floor < last->floor) last = &member;
  }
  // Who is silent keeps everybody from confirming more, so it is the one to be named.
  if (garbage.floor < settled && !garbage.floor_held_by.empty()) return what + " waits for " + silent_in_words(status) + then;
  if (!waits_for.empty()) return what + " waits for " + some_of(std::move(waits_for)) + then;
  if (garbage.floor < settled) return what + " waits for " + status.name + " itself, which does not hold everything yet" + then;
  const Timestamp due = Timestamp::at_ms(settled.ms() + garbage.retry_window_ms);
  const std::string furthest = last == nullptr ? "" : "furthest behind is " + last->name + ", at " + clock_of(last->floor, status);
  if (due.ms() <= status.now_ms) {
    const bool silent = garbage.floor < due && !garbage.floor_held_by.empty();
    return what + " was due at " + clock_of(due, status) + ", and " + goes + " when all members have confirmed what was written up to then; " +
           (silent ? "it waits for " + silent_in_words(status) : furthest);
  }
  return what + " has been seen by all, and " + goes + " at about " + clock_of(due, status) + ": retries are accepted for " + window + (furthest.empty() ? "" : "; " + furthest);
}

std::vector<std::string> history_in_words(const ExplainedValue& value, const LifeNames& lives, const NodeStatus& status) {
  std::vector<std::string> out;
  if (value.damaged) return out;
  std::vector<ExplainedEntry> entries = value.entries;
  std::sort(entries.begin(), entries.end(), [](const ExplainedEntry& a, const ExplainedEntry& b) {
    return a.commit != b.commit ? a.commit < b.commit : a.role < b.role;
  });
  // The base of a counter comes first, whenever it was folded.
  const auto rest = std::stable_partition(entries.begin(), entries.end(), [](const ExplainedEntry& entry) { return entry.role == Role::kBase; });
  const auto left_out = std::max<std::ptrdiff_t>(0, entries.end() - rest - static_cast<std::ptrdiff_t>(kEntriesTold));
  if (value.entries_cut) out.push_back("there is more than is told here");
  else if (left_out > 0) out.push_back(count_of(static_cast<std::uint64_t>(left_out), "earlier one is", "earlier ones are") + " left out");
  for (auto at = entries.begin(); at != rest; ++at) out.push_back(entry_in_words(*at, lives, status));
  for (auto at = rest + left_out; at != entries.end(); ++at) out.push_back(entry_in_words(*at, lives, status));
  if (const auto collected = to_collect(value)) out.push_back(collection_in_words(collected->what, collected->settled, status, collected->goes));
  return out;
}

}  // namespace kith
