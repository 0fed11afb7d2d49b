#include "node/view/garbage_words.h"

#include "node/view/text.h"

namespace kith {
namespace {

constexpr std::int64_t kHoldsMs = 60'000;

}  // namespace

std::string rebase_in_words(const GarbageRow& garbage) {
  if (garbage.onto.empty()) return "waits for a member that has all there is";
  return std::to_string(garbage.shards_done) + " of " + count_of(garbage.shards, "shard", "shards") + " compared with " + garbage.onto;
}

std::vector<std::string> garbage_in_words(const NodeStatus& status) {
  const GarbageRow& garbage = status.garbage;
  std::vector<std::string> out;
  if (!garbage.collects) return out;
  if (garbage.rebasing) {
    out.push_back(status.name + " was away for longer than removals are remembered: reads may be stale and writes are refused until it is done (" +
                  rebase_in_words(garbage) + ")");
  }
  if (garbage.nobody_in_good_standing) {
    out.push_back(std::string(garbage.rebasing ? "" : "what earlier lives of " + status.name + " took in alone waits to be done again: ") +
                  "no member is heard of that has all there is: if none comes back, `kith recover` at " + (garbage.recover_at.empty() ? "the node with the newest data" : garbage.recover_at + ", which has seen the most,") +
                  " goes on with what that has");
  }
  const std::string kept =
      garbage.horizon_ms == 0 ? "all removal records are kept" : "removal records since " + utc_clock(garbage.horizon_ms, status.now_ms) + " are kept";
  if (!garbage.held_by.empty() && garbage.held_at_ms == 0) {
    out.push_back(kept + ": " + garbage.held_by + " has not said yet how far it is");
  } else if (!garbage.held_by.empty() && garbage.held_for_ms >= kHoldsMs) {
    out.push_back(kept + ": " + garbage.held_by + " holds the horizon; for " + duration_in_words(garbage.held_for_ms) +
                  " it has confirmed nothing newer than " + utc_clock(garbage.held_at_ms, status.now_ms) +
                  (garbage.evict_after_ms > 0 ? "; after " + duration_in_words(garbage.evict_after_ms) + " of silence the others go on without it"
                                              : "; `kith evict " + garbage.held_by + "` goes on without it"));
  }
  if (!garbage.evicting.empty()) {
    out.push_back("the members agree on going on without " + listed(garbage.evicting) +
                  (garbage.eviction_waits_for.empty() ? std::string() : ": it waits for " + listed(garbage.eviction_waits_for)));
  }
  std::vector<std::string> out_of_it;
  for (const MemberRow& member : status.members) {
    if (member.evicted && !member.left) out_of_it.push_back(member.name);
  }
  if (!out_of_it.empty()) out.push_back("evicted, and not back: " + listed(out_of_it));
  if (garbage.returning) out.push_back(status.name + " was evicted while it was away: what it had taken in alone is done again");
  if (!garbage.closing_waits_for.empty()) {
    out.push_back(count_of(garbage.lives_to_close, "former life", "former lives") + " of " + status.name +
                  " can be closed once it has been in step with " + listed(garbage.closing_waits_for));
  }
  return out;
}

std::string redone_in_words(const NodeStatus& status) {
  if (status.redone_lines == 0) return "";
  return status.name + " found writes of its earlier lives that nobody else had seen, and did again what still counts: " +
         count_of(status.redone_lines, "line", "lines") + " in " + status.redone_file + " on its machine";
}

}  // namespace kith
