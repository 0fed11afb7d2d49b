#include <algorithm>
#include <set>

#include "crdt/counter.h"
#include "sim/world_impl.h"

namespace kith::sim {
namespace {

using Span = Recording::Span;

std::string list(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : " ") + name;
  return out;
}

}  // namespace

void World::happen(const Event& event) {
  if (!is_client_action(event.action)) {
    if (tracing()) trace(to_words(event));
    if (recorder_ && !is_claim(event.action)) recorder_->happened(now_us_, to_words(event));
    if (!is_claim(event.action)) ++result_.marks["event"];
  }
  const std::vector<std::string> nowhere;
  const auto& first = event.groups.empty() ? nowhere : event.groups.front();
  const auto each = [&](auto&& what) {
    for (Machine* it : group(first)) what(*it);
  };
  const auto begin = [&](const Machine& it, const char* name, Span::Kind kind, const std::string& text) {
    if (recorder_) recorder_->begin(name + it.name, kind, {it.index}, it.name + " " + text, now_us_);
  };
  const auto end = [&](const Machine& it, const char* name) {
    if (recorder_) recorder_->end(name + it.name, now_us_);
  };
  const auto go_down = [&](Machine& it, bool in_order) {
    if (!it.up()) return;
    if (in_order) it.stop(now_us_);
    else it.crash();
    begin(it, "down ", Span::Kind::kDown, "down");
  };
  switch (event.action) {
    case Action::kCut: return cut(event.groups[0], event.groups[1], true, true);
    case Action::kCutOneWay: return cut(event.groups[0], event.groups[1], false, true);
    case Action::kSplit: return split(event);
    case Action::kSwizzle: return swizzle(event);
    case Action::kHeal:
      network_->heal();
      if (recorder_) recorder_->end_all(now_us_, Span::Kind::kCut);
      [[fallthrough]];
    case Action::kUnclog: return network_->unclog(now_us_, queue_);
    case Action::kHealBetween:
      cut(event.groups[0], event.groups[1], true, false);
      if (recorder_) {
        recorder_->end("cut " + list(event.groups[0]) + "|" + list(event.groups[1]), now_us_);
        recorder_->end("cut " + list(event.groups[1]) + "|" + list(event.groups[0]), now_us_);
      }
      return;
    case Action::kClog:
      for (const Machine* a : group(event.groups[0])) {
        for (const Machine* b : group(event.groups[1])) network_->clog(a->index, b->index);
      }
      return;
    case Action::kWeather: return network_->apply(event.weather);

    case Action::kCrash: return each([&](Machine& it) { go_down(it, false); });
    case Action::kStop: return each([&](Machine& it) { go_down(it, true); });
    case Action::kStart: return each([&](Machine& it) { start(it); });
    case Action::kRestart:
      return each([&](Machine& it) {
        go_down(it, false);
        start(it);
      });
    case Action::kPause:
      return each([&](Machine& it) {
        it.pause();
        begin(it, "paused ", Span::Kind::kPaused, "paused");
      });
    case Action::kResume:
      return each([&](Machine& it) {
        it.resume(now_us_);
        end(it, "paused ");
      });
    case Action::kJoin: {
      Machine& it = machine(event.name);
      std::vector<std::string> through;
      for (const Machine* seed : group(first)) through.push_back(seed->address());
      it.joins = true;
      return it.start(now_us_, through);
    }
    case Action::kLeave:
      return each([&](Machine& it) {
        go_down(it, true);
        if (it.up()) it.crash();
        it.gone = true;
        judge_.disk_lost(all(), it.disk.node_name);
      });

    case Action::kDrain:
    case Action::kDrainForNow:
    case Action::kStay:
      return each([&](Machine& it) {
        if (!it.up()) return;
        const bool stays = event.action == Action::kStay;
        it.disk.drained = event.action == Action::kDrain;
        it.input(now_us_, Drain{kDrainRequest, stays});
      });

    case Action::kEvict:
    case Action::kRecover: {
      const bool recovers = event.action == Action::kRecover;
      Evict evict{kEvictRequest, {}, recovers};
      for (const Machine* it : group(event.groups[recovers ? 1 : 0])) evict.names.push_back(it->disk.node_name);
      for (Machine* it : group(event.groups[recovers ? 0 : 1])) {
        if (recovers) judge_.recovered(*it);
        it->input(now_us_, evict);
      }
      return;
    }

    case Action::kLoseDisk: return each([&](Machine& it) { destroy_disk(it); });
    case Action::kBackUp: return each([&](Machine& it) { it.backup = it.disk.copy(); });
    case Action::kRestore: return each([&](Machine& it) { restore(it); });
    case Action::kSwapDisks: {
      const auto both = group(first);
      return swap_disks(*both.at(0), *both.at(1));
    }
    case Action::kClone: return clone(*group(first).at(0), machine(event.name));
    case Action::kFillDisk:
      return each([&](Machine& it) {
        it.disk.store->limit_bytes(it.disk.store->usage().bytes_used * 9 / 8);
        begin(it, "full ", Span::Kind::kDisk, "full");
      });
    case Action::kFreeDisk:
      return each([&](Machine& it) {
        it.disk.store->limit_bytes(scenario_.disks.bytes_max);
        end(it, "full ");
      });
    case Action::kFailSync: return each([&](Machine& it) { it.fail_next_sync = it.up(); });
    case Action::kSyncTime: return each([&](Machine& it) { it.sync_us = event.amount; });
    case Action::kFlipBit: return each([&](Machine& it) { flip_bit(it); });

    case Action::kStepClock:
      return each([&](Machine& it) {
        it.clock.step(now_us_, event.amount);
        begin(it, "clock ", Span::Kind::kClock, "clock " + to_words_duration(event.amount, true));
      });
    case Action::kDriftClock:
      return each([&](Machine& it) {
        it.clock.drift(now_us_, event.amount);
        begin(it, "clock ", Span::Kind::kClock, "clock drifts " + std::to_string(event.amount) + " ppm");
      });
    case Action::kFreezeClock:
      return each([&](Machine& it) {
        it.clock.freeze(now_us_);
        begin(it, "clock ", Span::Kind::kClock, "clock frozen");
      });
    case Action::kRightClock:
      return each([&](Machine& it) {
        it.clock.right(now_us_);
        end(it, "clock ");
      });

    case Action::kAdd:
    case Action::kRemove:
    case Action::kSet:
    case Action::kDelete:
    case Action::kSetField:
    case Action::kDeleteField:
    case Action::kExpire:
    case Action::kExpireField:
    case Action::kPersist:
    case Action::kPersistField:
    case Action::kIncrement: return write(event);
    case Action::kRetry:
      if (const auto call = clients_.index_of(event.label)) {
        mark("retried though perhaps answered");
        request(*call, group(first).at(0)->index);
      }
      return;
    case Action::kRead: return read(event);
    case Action::kVanish: return clients_.vanish(event.session);

    case Action::kExpectValue:
    case Action::kExpectMissing:
    case Action::kExpectMembers:
    case Action::kExpectField:
    case Action::kExpectCount:
    case Action::kExpectRecords:
    case Action::kExpectEvicted:
    case Action::kExpectNobodyEvicted:
    case Action::kExpectLeft:
    case Action::kExpectDead:
    case Action::kExpectNobodyDead:
    case Action::kExpectReply:
    case Action::kExpectConvergence: return claim(event);
  }
}

// ---- Links

void World::cut(const std::vector<std::string>& a, const std::vector<std::string>& b, bool both_ways, bool cut) {
  std::vector<std::uint32_t> nodes;
  for (const Machine* one : group(a)) {
    nodes.push_back(one->index);
    for (const Machine* other : group(b)) {
      if (one == other) continue;
      network_->cut(one->index, other->index, cut);
      if (both_ways) network_->cut(other->index, one->index, cut);
    }
  }
  if (!recorder_ || !cut) return;
  for (const Machine* other : group(b)) nodes.push_back(other->index);
  recorder_->begin("cut " + list(a) + "|" + list(b), Span::Kind::kCut, nodes, list(a) + (both_ways ? " cut from " : " cut towards ") + list(b), now_us_);
}

void World::split(const Event& event) {
  const std::size_t sides = event.groups.size() - (event.bridged ? 1 : 0);
  std::set<const Machine*> bridge;
  if (event.bridged) {
    for (const Machine* it : group(event.groups.back())) bridge.insert(it);
  }
  std::vector<std::uint32_t> nodes;
  std::string text = "split";
  for (std::size_t i = 0; i < sides; ++i) {
    text += " [" + list(event.groups[i]) + "]";
    for (const Machine* a : group(event.groups[i])) {
      nodes.push_back(a->index);
      for (std::size_t j = 0; j < sides; ++j) {
        if (i == j) continue;
        for (const Machine* b : group(event.groups[j])) {
          if (a != b && !bridge.contains(a) && !bridge.contains(b)) network_->cut(a->index, b->index, true);
        }
      }
    }
  }
  if (recorder_) recorder_->begin("split", Span::Kind::kCut, nodes, text, now_us_);
}

void World::swizzle(const Event& event) {
  // Cuts in one order over the first half, heals in another over the second.  Into the timeline, which happens later.
  std::vector<Machine*> nodes = group(event.groups.front());
  Draw draw(scatter(seed_, 0x5217, event.at_us));
  const auto shuffle = [&] {
    for (std::size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[draw.below(i)]);
  };
  const std::int64_t half_us = event.amount / 2, count = static_cast<std::int64_t>(nodes.size());
  for (const bool cuts : {true, false}) {
    shuffle();
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t at_us = now_us_ + (cuts ? 0 : half_us) + half_us * i / count;
      swizzles_.push_back({nodes[static_cast<std::size_t>(i)]->index, cuts});
      queue_.put(at_us, Due::Kind::kSwizzle, 0, swizzles_.size() - 1);
    }
  }
}

void World::swizzle_step(std::uint64_t which) {
  const auto [index, cuts] = swizzles_[which];
  if (cuts && healing_) return;  // It reached beyond the end of the timeline.
  for (const auto& other : machines_) {
    if (other->index == index) continue;
    network_->cut(index, other->index, cuts);
    network_->cut(other->index, index, cuts);
  }
  Machine& it = *machines_[index];
  if (tracing()) trace(it.name + (cuts ? " is cut off (swizzle)" : " is reached again (swizzle)"));
  if (!recorder_) return;
  if (cuts) recorder_->begin("swizzle " + it.name, Span::Kind::kCut, {index}, it.name + " cut off", now_us_);
  else recorder_->end("swizzle " + it.name, now_us_);
}

// ---- Disks

void World::destroy_disk(Machine& it) {
  if (it.gone) return;
  const std::string node = it.disk.node_name;
  it.crash();
  if (recorder_) recorder_->begin("down " + it.name, Span::Kind::kDown, {it.index}, it.name + " down", now_us_);
  const bool observer = it.disk.observer;
  it.disk = Disk{};
  it.disk.observer = observer;
  it.disk.store = std::make_unique<MemoryStore>(scenario_.disks.bytes_max);
  // The name of the node whose disk is gone stays taken: its successor gets one of its own when it starts.
  it.disk.node_name = it.name;
  judge_.disk_lost(all(), node);
  mark("disk lost");
}

void World::restore(Machine& it) {
  if (!it.backup || it.gone) return;
  const bool was_up = it.up();
  const std::string node = it.disk.node_name;
  it.crash();
  it.disk = it.backup->copy();
  judge_.disk_lost(all(), node);
  mark("disk rolled back");
  if (was_up) start(it);
}

void World::swap_disks(Machine& a, Machine& b) {
  if (a.gone || b.gone) return;
  for (Machine* it : {&a, &b}) {
    it->crash();
    it->backup.reset();
    it->fail_next_sync = false;
  }
  std::swap(a.disk, b.disk);
  for (Machine* it : {&a, &b}) start(*it);
  mark("disks swapped");
}

void World::clone(Machine& from, Machine& to) {
  if (to.up() || to.clone) return;
  to.disk = from.disk.copy();
  to.clone = true;
  start(to);
  mark("machine cloned");
}

void World::flip_bit(Machine& it) {
  std::vector<StoreKey> keys;
  it.disk.store->snapshot()->scan({}, {}, [&](const StoreKey& key, const Row* row) {
    if (row != nullptr) keys.push_back(key);
    return keys.size() < 10'000;
  });
  if (keys.empty()) return;
  Draw draw(scatter(seed_, 0xf119, ++flips_));
  const StoreKey& key = keys[draw.below(keys.size())];
  const std::size_t bits = it.disk.store->stored(Database::kCells, key)->size() * 8;
  if (!it.disk.store->flip_bit(Database::kCells, key, draw.below(bits))) return;
  mark("bit flipped in a row");
  judge_.row_rotten(all(), it, key);
  if (tracing()) trace("the row of " + cell_in_words(key) + " on " + it.name + " has a flipped bit");
}

// ---- Reads and claims

void World::read(const Event& event) {
  Machine& at = *group(event.groups.front()).at(0);
  if (!at.answering()) return;
  const ShardId shard = shard_of(kSimulatedTable, event.key, scenario_.shard_count);
  const auto snapshot = at.disk.store->snapshot();
  std::vector<StoreKey> damaged;
  for (const Kind kind : {Kind::kRegister, Kind::kSet, Kind::kHash, Kind::kCounter}) {
    snapshot->scan(value_prefix(shard, kSimulatedTable, event.key, kind), {}, [&](const StoreKey& key, const Row* row) {
      if (row == nullptr) damaged.push_back(key);
      else if (row->content.shows_at(at.time_ms(now_us_))) judge_.on_read(at, key, row->content, at.time_ms(now_us_));
      return true;
    });
  }
  if (damaged.empty()) judge_.on_count(at, shard, event.key, *snapshot);
  // As kithd's readers do.
  for (const StoreKey& key : damaged) at.input(now_us_, RowDamaged{key});
}

void World::claim(const Event& event) {
  if (event.action == Action::kExpectReply) {
    const Clients::Call* call = clients_.find(event.label);
    const std::string outcome = call == nullptr ? "unknown" : call->outcome;
    const std::string reason = call == nullptr ? "" : call->reason;
    if (outcome == event.outcome && (event.value.empty() || event.value == reason)) return;
    throw Violation('X', "'" + to_words(event) + "': it is " + outcome + (reason.empty() ? "" : " " + reason));
  }
  if (event.action == Action::kExpectConvergence) {
    std::vector<Machine*> among;
    for (Machine* it : up()) {
      if (among.empty() || (!network_->is_cut(among.front()->index, it->index) && !network_->is_cut(it->index, among.front()->index))) {
        among.push_back(it);
      }
    }
    return wait_for(among, event.amount, now_us_, &event);
  }
  if (event.action == Action::kExpectEvicted || event.action == Action::kExpectNobodyEvicted) return claim_evicted(event);
  if (event.action == Action::kExpectLeft) return claim_left(event);
  if (event.action == Action::kExpectDead || event.action == Action::kExpectNobodyDead) return claim_dead(event);
  claim_content(event);
}

void World::wait_for(std::vector<Machine*> among, std::int64_t within_us, std::int64_t since_us, const Event* event) {
  if (judge_.equal(among)) return;
  if (now_us_ - since_us >= within_us) throw Violation('X', "'" + to_words(*event) + "': not converged" + judge_.differences(among));
  waits_.push_back({std::move(among), within_us, since_us, event});
  queue_.put(std::min(now_us_ + 50'000, since_us + within_us), Due::Kind::kWait, 0, waits_.size() - 1);
}

void World::claim_content(const Event& event) {
  const ShardId shard = shard_of(kSimulatedTable, event.key, scenario_.shard_count);
  for (const Machine* at : group(event.groups.front())) {
    const auto snapshot = at->disk.store->snapshot();
    const auto live = [&](Kind kind) {
      std::map<std::string, std::string> out;
      snapshot->scan(value_prefix(shard, kSimulatedTable, event.key, kind), {}, [&](const StoreKey&, const Row* row) {
        if (row != nullptr && row->content.shows_at(at->time_ms(now_us_))) out[row->cell.member] = kind == Kind::kSet ? "" : *row->content.as_register().value();
        return true;
      });
      return out;
    };
    const auto fail = [&](const std::string& found) {
      throw Violation('X', "'" + to_words(event) + "': on " + at->name + " it is " + found);
    };
    if (event.action == Action::kExpectValue) {
      const auto found = live(Kind::kRegister);
      if (found.empty()) fail("missing");
      if (found.begin()->second != event.value) fail(found.begin()->second);
    } else if (event.action == Action::kExpectField) {
      const auto found = live(Kind::kHash);
      const auto field = found.find(event.members.front());
      if (field == found.end()) fail("missing");
      else if (field->second != event.value) fail(field->second);
    } else if (event.action == Action::kExpectCount) {
      CounterState counter;
      const auto found = snapshot->counter(shard, kSimulatedTable, event.key, counter);
      if (found == Snapshot::Lookup::kDamaged) fail("damaged");
      else if (counter.sum.shown() != event.amount) fail(std::to_string(counter.sum.shown()));
    } else if (event.action == Action::kExpectRecords) {
      std::int64_t records = 0;
      for (const Kind kind : {Kind::kRegister, Kind::kSet, Kind::kHash, Kind::kCounter}) {
        snapshot->scan(value_prefix(shard, kSimulatedTable, event.key, kind), {}, [&](const StoreKey&, const Row* row) {
          records += row != nullptr && (row->content.collectable() || row->content.over_at_ms() != 0 || is_increment(row->cell)) ? 1 : 0;
          return true;
        });
      }
      if (records != event.amount) fail(std::to_string(records));
    } else if (event.action == Action::kExpectMissing) {
      for (const Kind kind : {Kind::kRegister, Kind::kSet, Kind::kHash, Kind::kCounter}) {
        if (!live(kind).empty()) fail("there, as a " + std::string(to_string(kind)));
      }
    } else {
      std::string found;
      std::vector<std::string> members;
      for (const auto& [member, value] : live(Kind::kSet)) members.push_back(member), found += " " + member;
      auto wanted = event.members;
      std::sort(wanted.begin(), wanted.end());
      if (members != wanted) fail(members.empty() ? "empty" : "{" + found + " }");
    }
  }
}

}  // namespace kith::sim
