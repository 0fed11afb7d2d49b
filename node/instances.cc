#include "node/instances.h"

#include <xxhash.h>

#include <algorithm>
#include <tuple>

namespace kith {

void Instances::learn(const Roster& roster) {
  for (const Roster::Member& member : roster.members) {
    const Roster::Member* before = told_.find(member.id);
    if (before == nullptr || before->living || !member.living) continue;
    gone_at_ms_.erase(member.id);
    failures_.erase(member.client_address);
  }
  told_ = roster;
}

bool Instances::gone(NodeId node, std::int64_t now_ms) const {
  const auto at = gone_at_ms_.find(node);
  return at != gone_at_ms_.end() && now_ms - at->second < kOwnWordMs;
}

Roster Instances::roster(std::int64_t now_ms) const {
  Roster out = told_;
  for (Roster::Member& member : out.members) member.living = member.living && !gone(member.id, now_ms);
  return out;
}

void Instances::failed(const std::string& address, const std::string& why, std::int64_t now_ms) {
  failures_[address] = {why, now_ms};
  for (const Roster::Member& member : told_.members) {
    if (member.client_address == address) gone_at_ms_[member.id] = now_ms;
  }
}

void Instances::answered(const std::string& address) {
  failures_.erase(address);
  for (const Roster::Member& member : told_.members) {
    if (member.client_address == address) gone_at_ms_.erase(member.id);
  }
}

void Instances::failed_node(const std::string& name, std::int64_t now_ms) {
  for (const Roster::Member& member : told_.members) {
    if (member.name == name) gone_at_ms_[member.id] = now_ms;
  }
}

void Instances::answered_node(const std::string& name) {
  for (const Roster::Member& member : told_.members) {
    if (member.name == name) gone_at_ms_.erase(member.id);
  }
}

std::vector<std::string> Instances::in_order(std::int64_t now_ms, std::uint64_t draw) const {
  const std::string leader = leader_address(now_ms);
  // What speaks against it, the worst first; then chance.
  using Place = std::tuple<bool, bool, bool, bool, std::uint64_t, std::string>;
  std::vector<Place> places;
  const auto add = [&](const std::string& address, bool living, bool observer) {
    if (address.empty()) return;
    const auto failure = failures_.find(address);
    const bool failed = failure != failures_.end() && now_ms - failure->second.at_ms < kOwnWordMs;
    places.emplace_back(address != leader, failed, !living, observer, XXH3_64bits_withSeed(address.data(), address.size(), draw), address);
  };
  for (const Roster::Member& member : roster(now_ms).members) add(member.client_address, member.living, member.observer);
  for (const std::string& seed : seeds_) add(seed, true, false);
  std::sort(places.begin(), places.end());
  std::vector<std::string> out;
  for (const Place& place : places) {
    const std::string& address = std::get<5>(place);
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
  }
  return out;
}

std::string Instances::leader_address(std::int64_t now_ms) const {
  if (route_ != Route::kLeader) return {};
  const Roster now = roster(now_ms);
  const Roster::Member* leader = now.find(now.leader());
  return leader == nullptr ? std::string() : leader->client_address;
}

bool Instances::may_stay(const std::string& name, std::int64_t now_ms) const {
  if (route_ != Route::kLeader) return true;
  const Roster now = roster(now_ms);
  const Roster::Member* leader = now.find(now.leader());
  return leader == nullptr || leader->name == name;
}

std::string Instances::failures() const {
  std::string out;
  for (const auto& [address, failure] : failures_) out += (out.empty() ? "" : ", ") + address + " (" + failure.why + ")";
  return out;
}

}  // namespace kith
