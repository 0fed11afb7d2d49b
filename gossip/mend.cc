#include "gossip/mend.h"

#include <algorithm>

#include "crdt/limits.h"

namespace kith {
namespace {

constexpr std::size_t kKeysPerFetchMax = 256;
constexpr std::size_t kDamagedMax = 64 * 1024;  // A disk with more damage than this wants to be replaced, not mended.

std::string printable(const StoreKey& key) {
  std::string out;
  for (const char c : key.substr(std::min<std::size_t>(key.size(), 2))) {
    if (c >= 0x20 && c < 0x7f) out += c;
    else if (!out.empty() && out.back() != ' ') out += ' ';
  }
  return out;
}

}  // namespace

void Mend::load() {
  for (const auto& key : core_.store.snapshot()->damaged(kDamagedMax)) damaged_.try_emplace(key);
}

void Mend::found(const StoreKey& key) {
  if (damaged_.size() >= kDamagedMax) return;
  const auto [at, news] = damaged_.try_emplace(key);
  if (!news && !at->second.mended) return;
  at->second = {};  // Perhaps it was mended, and is damaged again.
  core_.count("rows_found_damaged");
  core_.note(Output::Note::Level::kError, "a row on disk is damaged (" + printable(key) +
                                              "): it is not served, and peers are asked for it; check the disk");
  const auto& peers = core_.others();
  if (!peers.empty()) ask(peers[core_.random.below(peers.size())], {key});
}

std::size_t Mend::waiting() const {
  return static_cast<std::size_t>(
      std::count_if(damaged_.begin(), damaged_.end(), [](const auto& item) { return !item.second.mended; }));
}

bool Mend::waiting_in(ShardId shard) const {
  if (damaged_.size() >= kDamagedMax) return true;  // More than is remembered.
  const auto at = damaged_.lower_bound(shard_prefix(shard));
  return at != damaged_.end() && shard_of_store_key(at->first) == shard;
}

void Mend::refused(const StoreKey& key) {
  core_.count("rows_refused_by_store");
  core_.note(Output::Note::Level::kError, "a row (" + printable(key) + ") was not stored: more than " +
                                              std::to_string(kEntriesPerCellMergedMax) +
                                              " sessions wrote to it, or another name has its hash; it stays as it was");
}

void Mend::round() {
  const auto& peers = core_.others();
  if (damaged_.empty() || peers.empty()) return;
  const NodeId peer = peers[core_.random.below(peers.size())];
  std::vector<StoreKey> keys;
  for (const auto& [key, damage] : damaged_) {
    if (keys.size() == kKeysPerFetchMax) break;
    if (!damage.answered.contains(peer)) keys.push_back(key);
  }
  ask(peer, keys);
}

void Mend::ask(NodeId peer, const std::vector<StoreKey>& keys) {
  if (!keys.empty()) core_.send(peer, FetchBody{keys});
}

void Mend::on_fetch(NodeId from, const FetchBody& body) {
  const auto snapshot = core_.store.snapshot();
  MendedBody answer;
  std::size_t bytes = 0;
  // What does not fit is asked for again in the next round.
  const auto fits = [&](std::size_t more) { return bytes == 0 || bytes + more <= core_.options.answer_bytes_max; };
  for (const auto& key : body.keys) {
    Row row;
    switch (snapshot->get(key, row)) {
      case Snapshot::Lookup::kMissing:
        if (!fits(key.size())) break;
        answer.missing.push_back(key);
        bytes += key.size();
        break;
      case Snapshot::Lookup::kDamaged: found(key); break;
      case Snapshot::Lookup::kFound: {
        if (!fits(row.bytes)) break;
        const ShardId shard = shard_of_store_key(key);
        if (answer.parts.empty() || answer.parts.back().shard != shard) answer.parts.push_back({shard, {}});
        answer.parts.back().cells.append(row.cell, row.content);
        bytes += row.bytes;
        break;
      }
    }
  }
  if (!answer.parts.empty() || !answer.missing.empty()) core_.send(from, std::move(answer));
}

void Mend::on_mended(NodeId from, const MendedBody& body) {
  std::vector<std::vector<Cell>> parts;
  for (const auto& part : body.parts) {
    auto cells = core_.read_cells(part.shard, part.cells);
    if (!cells) return core_.count("dropped_bad_cells");
    parts.push_back(*std::move(cells));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const Cell& cell : parts[i]) {
      const ShardId shard = body.parts[i].shard;
      const StoreKey key = store_key(shard, cell.key);
      const auto at = damaged_.find(key);
      if (at == damaged_.end()) continue;
      core_.merge(shard, cell.key, cell.content);  // Keeps the member table in step.
      if (!at->second.mended) {
        at->second.mended = true;
        core_.out->store.mend(shard, cell.key, cell.content);
        core_.count("rows_mended");
        core_.note(Output::Note::Level::kInfo, "a damaged row was mended from " + core_.name_of(from));
      }
      answered(key, from);
    }
  }
  for (const auto& key : body.missing) answered(key, from);
}

void Mend::answered(const StoreKey& key, NodeId peer) {
  const auto at = damaged_.find(key);
  if (at == damaged_.end()) return;
  Damage& damage = at->second;
  damage.answered.insert(peer);
  const auto& peers = core_.others();
  if (!std::all_of(peers.begin(), peers.end(), [&](NodeId other) { return damage.answered.contains(other); })) return;
  if (!damage.mended) {
    core_.out->store.forget_damaged(key);
    core_.count("rows_lost");
    core_.note(Output::Note::Level::kError,
               "a damaged row (" + printable(key) + ") is held by no other member: what it held is lost");
  }
  damaged_.erase(at);
}

}  // namespace kith
