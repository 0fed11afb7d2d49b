// What has to hold when all is over: equal replicas, and what was acknowledged in them.
#include <algorithm>
#include <set>

#include "sim/judge.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kOverMs = 2000;  // By then every node has passed what expired: some skew and a full second.

std::map<StoreKey, Content> contents_of(const Machine& at) {
  std::map<StoreKey, Content> out;
  at.disk.store->snapshot()->scan({}, {}, [&](const StoreKey& key, const Row* row) {
    if (row != nullptr) out.emplace(key, row->content);
    return true;
  });
  return out;
}

}  // namespace

bool Judge::equal(const std::vector<Machine*>& machines) const {
  const Machine* first = nullptr;
  for (const Machine* it : machines) {
    if (first == nullptr) {
      first = it;
      continue;
    }
    const auto a = first->disk.store->snapshot(), b = it->disk.store->snapshot();
    if (a->root() != b->root() || a->shard_root(kSystemShard) != b->shard_root(kSystemShard)) return false;
    std::set<ShardId> shards;
    for (const ShardId shard : a->shards()) shards.insert(shard);
    for (const ShardId shard : b->shards()) shards.insert(shard);
    for (const ShardId shard : shards) {
      if (a->held(shard) != b->held(shard)) return false;
    }
  }
  return true;
}

std::string Judge::differences(const std::vector<Machine*>& machines) const {
  std::string out;
  const auto first = contents_of(*machines.front());
  int told = 0;
  for (const Machine* it : machines) {
    const auto mine = contents_of(*it);
    const auto ours = machines.front()->disk.store->snapshot(), theirs = it->disk.store->snapshot();
    std::set<StoreKey> keys;
    for (const auto& [key, content] : first) keys.insert(key);
    for (const auto& [key, content] : mine) keys.insert(key);
    for (const StoreKey& key : keys) {
      const ShardId shard = shard_of_store_key(key);
      if (ours->shard_root(shard) == theirs->shard_root(shard)) continue;  // One has folded, say, what the other has not.
      const auto a = first.find(key), b = mine.find(key);
      const Content one = a == first.end() ? Content{} : a->second, other = b == mine.end() ? Content{} : b->second;
      if (one.observable_hash() == other.observable_hash() || ++told > 3) continue;
      out += "; " + cell_in_words(key) + " is " + in_words(one) + " on " + machines.front()->name + ", " + in_words(other) + " on " + it->name;
    }
    for (const ShardId shard : theirs->shards()) {
      const auto one = ours->held(shard), other = theirs->held(shard);
      const auto differing = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
      if (one == other || ++told > 4) continue;
      const auto entry = [](const CommitClock& clock, auto at) {
        return at == clock.end() ? std::string("nothing more") : in_words(Commit{at->second, at->first});
      };
      out += "; the clocks of shard " + std::to_string(shard) + " differ, first in " + entry(one, differing.first) + " on " +
             machines.front()->name + ", " + entry(other, differing.second) + " on " + it->name;
    }
  }
  return out;
}

void Judge::at_the_end(const std::vector<Machine*>& machines, std::int64_t now_us) {
  for (Machine* machine : machines) {
    const auto snapshot = machine->disk.store->snapshot();
    const auto held = contents_of(*machine);
    for (auto& [key, ghost] : machine->disk.ghost) compare(*machine, key, ghost, *snapshot, false);
    for (const auto& [key, content] : held) {
      if (judged(shard_of_store_key(key)) && !is_base_key(key) && !machine->disk.ghost.contains(key)) {
        throw Violation('K', machine->name + " holds a row of " + cell_in_words(key) + " that nobody put there");
      }
    }
    const auto problems = machine->disk.store->verify();
    if (!problems.empty()) throw Violation('K', machine->name + ": its store does not verify: " + problems.front());
    if (nothing_destroyed()) {
      const auto wrong = oracle_.judge_counters(*snapshot);
      if (wrong) throw Violation(wrong->law, machine->name + ": " + wrong->text);
    }
    if (const auto wrong = oracle_.judge(held, (kEpochUs + now_us) / 1000 - kOverMs)) throw Violation(wrong->law, machine->name + ": " + wrong->text);
  }
  std::set<Tag> unanswered;  // A node may have taken these in, and died before it said so.
  for (const auto& [request, attempt] : attempts_) {
    if (attempt.operation.tag) unanswered.insert(*attempt.operation.tag);
  }
  for (const auto& [tag, accepted] : tags_) {
    if (!accepted && oracle_.knows_tag(tag) && !unanswered.contains(tag)) {
      throw Violation('O', "an operation that every node refused left its mark: tag " + to_string(tag));
    }
  }
}

}  // namespace kith::sim
