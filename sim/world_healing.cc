#include <algorithm>

#include "gossip/core.h"
#include "gossip/table_upkeep.h"
#include "sim/world_impl.h"

namespace kith::sim {
namespace {

constexpr std::int64_t kLookEveryUs = 250'000;
constexpr std::int64_t kOperatorLooksUs = 30'000'000;
constexpr std::int64_t kProposalsStandUs = 75'000'000;
constexpr std::int64_t kQuietUs = 5'000'000;
constexpr int kScrubsMax = 200;
constexpr std::int64_t kWaitedForMs = 30'000;
constexpr std::int64_t kStragglerDelays = 50;  // An exponential delay above so many of its mean is one in 10^21.

bool holds_what_is_to_come(const Machine& it, Timestamp now) {
  bool out = false;
  it.disk.store->snapshot()->scan({}, {}, [&](const StoreKey&, const Row* row) {
    if (row != nullptr) row->content.each_commit([&](const Commit& commit) { out = out || commit.at > now; });
    return !out;
  });
  return out;
}

}  // namespace

void World::heal_machine(Machine& it) {
  if (it.gone) return;
  it.disk.store->limit_bytes(scenario_.disks.bytes_max);
  it.sync_us.reset();
  it.fail_next_sync = false;
  it.clock.right(now_us_);
  it.resume(now_us_);
  // What a mad clock left in memory goes with a restart.  SUBTLE: a node that wrote alone while its clock was far ahead
  // holds timestamps of a time to come on its disk, too.  Its peers do not listen to it until then, and that is right: an
  // operator gives it an empty disk, and so do we.
  // Some seconds ahead are caught up with by waiting.
  const std::int64_t most_ms = (kEpochUs + now_us_) / 1000 + kWaitedForMs;
  if (it.up() && it.engine().time(it.instant(now_us_)).ms() > most_ms) {
    mark("restarted to get rid of a time to come");
    it.crash();
  }
  const Timestamp lease{meta::decode_number(it.disk.store->snapshot()->meta(meta::kLease))};
  if (!it.up() && lease.ms() > most_ms + scenario_.engine.lease_ms) {
    mark("wrote in the future, alone: its disk was given up");
    destroy_disk(it);
  }
  // Nor does anybody take in what it believed of another whose clock was far ahead while its own was.
  if (holds_what_is_to_come(it, Timestamp::at_ms(most_ms + scenario_.engine.lease_ms))) {
    mark("believed somebody far ahead: its disk was given up");
    destroy_disk(it);
  }
  // Perhaps it was told to join through somebody who has left.
  if (it.up() && !it.engine().health(it.instant(now_us_)).joined) it.crash();
  if (!it.up()) start(it);
  // What has not left by now stays.  SUBTLE: the others may have agreed on it already; then it comes back.
  if (it.up() && it.engine().health(it.instant(now_us_)).leaving) {
    it.disk.drained = false;
    it.input(now_us_, Drain{kDrainRequest, true});
  }
}

void World::heal_all() {
  network_->heal();
  network_->clear_weather();
  network_->unclog(now_us_, queue_);
  for (const auto& it : machines_) {
    if (it->clone) {  // Of two with one identity one has to go.
      it->crash();
      it->gone = true;
      judge_.disk_lost(all(), it->disk.node_name);
    }
  }
  for (const auto& it : machines_) {
    if (was_cloned(*it)) it->crash();
    if (it->disk.founded || it->joins || it->lives() > 0) heal_machine(*it);
  }
  if (recorder_) recorder_->end_everything(now_us_);
  trace("everything is healed");
}

bool World::was_cloned(const Machine& machine) const {
  return std::any_of(machines_.begin(), machines_.end(), [&](const auto& other) {
    return other->clone && other.get() != &machine && other->disk.node_name == machine.disk.node_name;
  });
}

void World::converge(const std::vector<Machine*>& machines, char law, const std::string& who) {
  const std::int64_t since_us = now_us_;
  const auto well = [&](Machine* it) {
    if (!it->up()) return false;
    const EngineHealth health = it->engine().health(it->instant(now_us_));
    // Voters do not listen to who is to go, for as long as a proposal stands: at most a minute, but another may follow.
    const bool may_vote = now_us_ - since_us < kProposalsStandUs && !it->engine().garbage(it->instant(now_us_)).evicting.empty();
    return health.rows_damaged == 0 && !health.superseded && !may_vote;
  };
  while (!judge_.equal(machines) || !std::all_of(machines.begin(), machines.end(), well)) {
    if (now_us_ - since_us >= scenario_.settle_us) {
      std::string down;
      for (Machine* it : machines) {
        if (!it->up()) {
          down += "; " + it->name + " is down";
          continue;
        }
        const GarbageStatus garbage = it->engine().garbage(it->instant(now_us_));
        if (!garbage.collects) continue;
        const auto at = [](Timestamp time) { return time ? std::to_string(time.ms() % 1'000'000) : std::string("nothing"); };
        down += "; " + it->name + " holds all up to " + at(garbage.floor) + ", its horizon is " + at(garbage.horizon) +
                (garbage.rebasing ? ", and it is behind " + at(garbage.highest_horizon) : "");
      }
      throw Violation(law, who + " not equal " + to_words_duration(scenario_.settle_us) + " after healing" + down + judge_.differences(machines));
    }
    run_until(now_us_ + kLookEveryUs);
    if (now_us_ - since_us >= kOperatorLooksUs) {
      evict_who_is_gone(machines);
      recover_if_nobody_is_left(machines);
    }
    for (Machine* it : machines) {
      start(*it);  // As a supervisor does with what went down by itself.
      // And what the log asks for.
      if (it->up() && it->engine().health(it->instant(now_us_)).superseded) {
        mark("restarted because it was superseded");
        it->crash();
        start(*it);
      }
    }
  }
}

// All have confirmed an eviction, and who proposed it is gone for good: as `kith status` says, it has to be evicted as well.
void World::evict_who_is_gone(const std::vector<Machine*>& machines) {
  for (Machine* it : machines) {
    if (!it->up()) continue;
    const GarbageStatus garbage = it->engine().garbage(it->instant(now_us_));
    if (garbage.proposes_eviction || garbage.eviction_waits_for.size() != 1) continue;
    const bool there = std::any_of(machines.begin(), machines.end(), [&](const Machine* other) {
      return other->up() && other->disk.node_name == garbage.eviction_waits_for.front();
    });
    if (there || now_us_ - operator_looked_us_ < kOperatorLooksUs) continue;
    operator_looked_us_ = now_us_;
    mark("an operator evicted who had proposed an eviction, and was gone");
    // Where less than a half is left, say, that is refused, and the operator does what the refusal says.
    it->input(now_us_, Evict{kEvictRequest, garbage.eviction_waits_for, operator_was_here_});
    operator_was_here_ = true;
  }
}

// As `kith status` says then.
void World::recover_if_nobody_is_left(const std::vector<Machine*>& machines) {
  Machine* best = nullptr;
  std::string at;
  for (Machine* it : machines) {
    if (!it->up()) return;
    if (it->disk.observer) continue;
    const GarbageStatus garbage = it->engine().garbage(it->instant(now_us_));
    if (garbage.nobody_in_good_standing && !garbage.rebasing && garbage.recover_at == it->disk.node_name) {
      best = it;  // The others wait for it, and it has nobody to get in step with.
    }
  }
  const bool has_all = best != nullptr;
  for (Machine* it : machines) {
    if (has_all) break;
    if (it->disk.observer) continue;
    const GarbageStatus garbage = it->engine().garbage(it->instant(now_us_));
    if (!garbage.nobody_in_good_standing) return;
    // Another would refuse, and say so.  It may be outside of a core that is healed.
    if (best == nullptr || garbage.rebasing) at = garbage.recover_at;
    for (const auto& other : machines_) {
      if (other->up() && !other->gone && other->disk.node_name == at) best = other.get();
    }
  }
  if (best == nullptr || now_us_ - operator_looked_us_ < kOperatorLooksUs) return;
  operator_looked_us_ = now_us_;
  mark("an operator recovered what was left");
  if (!has_all) judge_.recovered(*best);
  best->input(now_us_, Evict{kEvictRequest, {}, true});
}

// SUBTLE: of two processes under one id each may give its vote to another side.  Neither side speaks to the other then, and only when one of the
// two is gone does the other, which both know, bring them together again.
bool World::out_for_each_other(const std::vector<Machine*>& machines) {
  const bool copied = std::any_of(machines_.begin(), machines_.end(), [](const auto& it) { return it->clone; });
  const auto out = [&](Machine* of, Machine* whom) {
    if (!of->up()) return false;
    const EngineStatus status = of->engine().status(of->instant(now_us_));
    return std::any_of(status.members.begin(), status.members.end(), [&](const auto& it) { return it.out && it.name == whom->disk.node_name; });
  };
  for (Machine* a : machines) {
    for (Machine* b : machines) {
      if (copied && a < b && out(a, b) && out(b, a)) return true;
    }
  }
  return false;
}

void World::heal_core() {
  std::vector<Machine*> core = group(scenario_.core);
  std::erase_if(core, [this](const Machine* it) {
    // Of two with one identity only the later is listened to.
    const bool twice = std::any_of(machines_.begin(), machines_.end(), [&](const auto& other) {
      return other.get() != it && other->up() && other->disk.node_name == it->disk.node_name;
    });
    return it->gone || it->clone || twice || it->disk.observer;  // An observer tells the others of a core nothing.
  });
  if (core.size() < 2) return;
  // An operator would have to evict who is outside, and they may be less than a half (gossip/eviction.h).
  for (Machine* it : core) {
    if (!it->up()) continue;
    const GarbageStatus garbage = it->engine().garbage(it->instant(now_us_));
    for (const std::string& name : garbage.proposes_eviction ? std::vector<std::string>{} : garbage.eviction_waits_for) {
      if (std::none_of(core.begin(), core.end(), [&](const Machine* other) { return other->disk.node_name == name; })) {
        return mark("a core that confirmed an eviction by somebody outside");
      }
    }
  }
  if (out_for_each_other(core)) return mark("a core of which two had evicted each other, each with the vote of one of two copies");
  network_->clear_weather();
  for (const Machine* a : core) {
    for (const Machine* b : core) network_->cut(a->index, b->index, false);
  }
  for (Machine* it : core) {
    // A copy of it that ran later was listened to instead: only a new life ends that.
    if (was_cloned(*it)) it->crash();
    heal_machine(*it);
  }
  trace("a core is healed");
  converge(core, 'V', "the healed core is");
  mark("a core converged while others were still cut off or down");
}

// Damage that nobody came upon is no difference that a node could see: somebody reads everything once.
std::size_t World::scrub(const std::vector<Machine*>& machines) {
  std::size_t found = 0;
  for (Machine* it : machines) {
    std::vector<StoreKey> damaged;
    it->disk.store->snapshot()->scan({}, {}, [&](const StoreKey& key, const Row* row) {
      if (row == nullptr) damaged.push_back(key);
      return true;
    });
    found += damaged.size();
    for (const StoreKey& key : damaged) it->input(now_us_, RowDamaged{key});
  }
  return found;
}

void World::finish() {
  if (!scenario_.heal_at_end) return;
  healing_ = true;
  heal_core();
  heal_all();
  clients_stopped_ = true;
  const std::int64_t healed_us = now_us_;
  std::vector<Machine*> members;
  for (const auto& it : machines_) {
    if (!it->gone && (it->up() || it->disk.founded || it->joins)) members.push_back(it.get());
  }
  // What clients have asked by now is part of the history.
  run_until(now_us_ + scenario_.clients.timeout_us);
  // All replicas were given up.  What an observer has nobody takes from it; that cluster is no more.
  const bool any_replica = std::any_of(members.begin(), members.end(), [](const Machine* it) {
    return !it->disk.observer && meta::decode_number(it->disk.store->snapshot()->meta(meta::kClusterId)) != 0;
  });
  if (!any_replica) return mark("no replica was left");
  converge(members, 'C', "replicas are");
  for (int looks = 0; scrub(members) > 0; ++looks) {
    if (looks == kScrubsMax) throw Violation('K', "damaged rows are not mended, though everybody is there to ask");
    run_until(now_us_ + kLookEveryUs);
    converge(members, 'C', "replicas are");
  }
  result_.converged_after_us = now_us_ - healed_us;
  if (recorder_) {
    recorder_->recording().healed_us = healed_us;
    recorder_->recording().converged_us = now_us_;
  }
  // Equal, and quiet: rounds go on, and nothing else does.
  const auto talk = [&] {
    std::uint64_t sum = 0;
    for (const Machine* it : members) {
      const auto counters = it->counters();
      for (const char* counter : {"sent_push", "sent_pull", "sent_rows", "sent_fetch"}) {
        if (const auto at = counters.find(counter); at != counters.end()) sum += at->second;
      }
    }
    return sum;
  };
  // What was asked before it was equal is still under way, and is still answered.
  run_until(now_us_ + kQuietUs + kStragglerDelays * (scenario_.links.delay_us + scenario_.links.jitter_us));
  // Memory and disk of a member table that rotted differ until each node has looked at both; a round takes its interval
  // and up to a quarter more.
  std::uint64_t before = 0;
  const std::int64_t round_us = scenario_.engine.gossip_interval_ms * 1000 * 5 / 4;
  // A life that no table had is put into it, then closed, then retired, and these are rows like all others.
  const std::int64_t look_us = static_cast<std::int64_t>(TableUpkeep::kRoundsBetweenLooks) * round_us;
  const std::int64_t by_us = now_us_ + (scenario_.engine.collect ? 3 * look_us + scenario_.settle_us : look_us);
  do {
    before = talk();
    run_until(now_us_ + kQuietUs);
  } while (talk() != before && now_us_ < by_us);
  if (talk() != before) throw Violation('B', "all are equal, and still " + std::to_string(talk() - before) + " pushes, pulls or answers went out in 5 s");
  // A value's time may have come this very moment: nodes pass it a commit apart, and rows are equal all the while.
  if (!judge_.equal(members) && judge_.differences(members).empty()) run_until(now_us_ + kQuietUs);
  if (!judge_.equal(members)) throw Violation('C', "replicas were equal, and are not any more" + judge_.differences(members));
  judge_.at_the_end(members, now_us_);
}

void World::gather_marks() {
  for (const auto& it : machines_) {
    for (const auto& [counter, count] : it->counters()) result_.marks["engine: " + counter] += count;
  }
  const Network::Figures& net = network_->figures();
  mark("message lost", net.lost), mark("message repeated", net.repeated), mark("message with a flipped bit", net.flipped);
  mark("message stopped by a cut", net.cut), mark("message held up by a clog", net.held_up), mark("queue of a link full", net.overflowed);
}

}  // namespace kith::sim
