#include "gossip/recall.h"

#include <algorithm>
#include <utility>

namespace kith {

void Recall::want(const StoreKey& key, CommitClock claimed) {
  rows_.try_emplace(key, Wanted{std::move(claimed), {}, {}});
}

bool Recall::recalled(const Wanted& row) const {
  const bool covered = std::all_of(row.claimed.begin(), row.claimed.end(), [&](const auto& claim) {
    if (!core_.clocks.knows(claim.first)) return true;  // Retired since: everybody holds it.
    const auto at = row.covered.find(claim.first);
    return at != row.covered.end() && at->second >= claim.second;
  });
  if (covered) return true;
  const std::vector<NodeId> peers = heard_lately();
  if (peers.empty()) return core_.other_replicas().empty();
  return std::all_of(peers.begin(), peers.end(), [&](NodeId peer) { return row.answered.contains(peer); });
}

std::vector<NodeId> Recall::heard_lately() const {
  std::vector<NodeId> out = core_.awaited();
  // Who is voted against is not listened to, whatever it answers.
  std::erase_if(out, [&](NodeId peer) {
    return !core_.heard_lately(peer) || std::find(core_.voted_against.begin(), core_.voted_against.end(), peer) != core_.voted_against.end();
  });
  return out;
}

bool Recall::recalled() const {
  return std::all_of(rows_.begin(), rows_.end(), [&](const auto& item) { return recalled(item.second); });
}

std::vector<StoreKey> Recall::take() {
  std::vector<StoreKey> out;
  for (const auto& [key, row] : rows_) out.push_back(key);
  rows_.clear();
  return out;
}

void Recall::ask() {
  std::vector<NodeId> to_ask = heard_lately();  // Who has not answered for some row.
  std::erase_if(to_ask, [&](NodeId peer) {
    return std::none_of(rows_.begin(), rows_.end(), [&](const auto& item) {
      return !recalled(item.second) && !item.second.answered.contains(peer);
    });
  });
  if (to_ask.empty()) return;
  const NodeId peer = to_ask[core_.random.below(to_ask.size())];
  FetchBody question;
  for (const auto& [key, row] : rows_) {
    if (!recalled(row) && !row.answered.contains(peer)) question.keys.push_back(key);
  }
  core_.count("rows_recalled", question.keys.size());
  core_.send(peer, std::move(question));
}

void Recall::on_mended(NodeId from, const MendedBody& body, bool admitted) {
  if (rows_.empty()) return;
  const auto answered = [&](const StoreKey& key, bool vouches) {
    const auto at = rows_.find(key);
    if (at == rows_.end()) return false;
    at->second.answered.insert(from);
    for (const auto& [shard, clock] : body.clocks) {
      if (!vouches || !admitted || shard != shard_of_store_key(key)) continue;
      for (const auto& [origin, held] : clock) {
        Timestamp& covered = at->second.covered[origin];
        covered = std::max(covered, held);
      }
    }
    return true;
  };
  for (const auto& part : body.parts) {
    const auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    for (const Cell& cell : *cells) {
      // SUBTLE: where it has the same write of which nobody else has seen, that may have the same place there.
      const bool vouches = !core_.any_unseen(part.shard, cell.content);
      if (answered(store_key(part.shard, cell.key), vouches) && admitted) core_.merge(part.shard, cell.key, cell.content);
    }
  }
  for (const StoreKey& key : body.missing) (void)answered(key, true);
  for (const StoreKey& key : body.damaged) (void)answered(key, false);
}

}  // namespace kith
