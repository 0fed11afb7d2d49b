// A workload as events: what happens when and where is drawn here, before the run, so that a failing history can be cut
// down event by event.
#include <algorithm>
#include <bit>
#include <set>

#include "crdt/check.h"
#include "gossip/operation.h"
#include "gossip/random.h"
#include "sim/scenario.h"

namespace kith::sim {

namespace {

class Expansion {
 public:
  Expansion(const Scenario& scenario, std::uint64_t seed)
      : scenario_(scenario),
        load_(scenario.workload),
        random_(seed),
        to_us_(load_.to_us == 0 ? scenario.duration_us : load_.to_us),
        nodes_(load_.at.empty() ? scenario.nodes : resolve(scenario, load_.at)) {
    for (const Event& event : scenario.timeline) taken_labels_.insert(event.label);
  }

  std::vector<Event> run() {
    KITH_CHECK(!nodes_.empty(), "a workload without nodes");
    spread(load_.writes_per_second, [this](std::int64_t at_us) { write(at_us); });
    spread(load_.reads_per_second, [this](std::int64_t at_us) { read(at_us); });
    std::stable_sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
    return std::move(events_);
  }

 private:
  // One call in every slot of 1/rate, anywhere in it: even, but not in step with anything.
  template <class Each>
  void spread(double per_second, Each each) {
    const std::int64_t span_us = to_us_ - load_.from_us;
    // Half a slot at the end counts: 0.1 per second for 5 s is one.
    const auto count = static_cast<std::uint64_t>(per_second * static_cast<double>(span_us) / 1e6 + 0.5);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto begin = slot(span_us, i, count), end = slot(span_us, i + 1, count);
      const auto width = static_cast<std::uint64_t>(std::max<std::int64_t>(end - begin, 1));
      each(load_.from_us + begin + static_cast<std::int64_t>(below(width)));
    }
  }
  static std::int64_t slot(std::int64_t span_us, std::uint64_t i, std::uint64_t count) {
    __extension__ using Wide = unsigned __int128;
    return static_cast<std::int64_t>(Wide{static_cast<std::uint64_t>(span_us)} * i / count);
  }

  std::uint64_t below(std::uint64_t n) { return random_.below(n); }
  // In [0, 1), of 53 bits: the same on every machine.
  double fraction() { return static_cast<double>(random_.word() >> 11) * 0x1p-53; }
  bool chance(double share) { return fraction() < share; }
  std::string one_of(const char* what, std::uint32_t count) { return what + std::to_string(1 + below(count)); }
  std::vector<std::vector<std::string>> any_node() { return {{nodes_[below(nodes_.size())]}}; }

  void write(std::int64_t at_us) {
    Event event;
    event.at_us = at_us;
    event.groups = any_node();
    event.session = chance(load_.untagged) ? "" : one_of("s", load_.sessions);
    event.replicas = chance(load_.wait_for_all) ? kAllReplicas : 1;
    event.label = next_label();
    choose(event);
    const Event added = load_.removed_after_us > 0 && event.action == Action::kAdd ? event : Event{};
    const bool again = chance(load_.retries) && !event.session.empty();  // Without a tag it would be another write.
    events_.push_back(std::move(event));
    if (again) retry(events_.back().at_us, events_.back().label);
    remove_later(added);
  }

  void choose(Event& event) {
    const double all = load_.adds + load_.removes + load_.sets + load_.deletes + load_.fields + load_.increments;
    double dice = fraction() * all;
    const auto falls = [&dice](double weight) {
      const bool hit = dice < weight;
      dice -= weight;
      return hit;
    };
    if (falls(load_.adds)) {
      add(event);
    } else if (falls(load_.removes)) {
      remove(event);
    } else if (falls(load_.sets)) {
      event.action = Action::kSet;
      event.key = one_of("reg", load_.keys);
      event.value = next_value();
      expire(event, Action::kExpire, Action::kPersist);
    } else if (falls(load_.deletes)) {
      event.action = Action::kDelete;
      event.key = one_of("reg", load_.keys);
    } else if (falls(load_.increments)) {
      event.action = Action::kIncrement;
      event.key = one_of("ctr", load_.keys);
      const auto amount = static_cast<std::int64_t>(1 + below(9));
      event.amount = below(4) == 0 ? -amount : amount;
    } else if (load_.fields > 0) {
      event.key = one_of("hash", load_.keys);
      event.members = {one_of("f", load_.members)};
      event.action = below(4) == 0 ? Action::kDeleteField : Action::kSetField;
      if (event.action == Action::kSetField) {
        event.value = next_value();
        expire(event, Action::kExpireField, Action::kPersistField);
      }
    } else {
      // Rounding can carry the dice past the last weight that is not zero.
      add(event);
    }
  }

  // SUBTLE: nothing is drawn where nothing expires: then a seed means what it always did.
  void expire(Event& event, Action later, Action never) {
    if (load_.expiring == 0 || !chance(load_.expiring)) return;
    // From a tenth of a second to beyond the retry window, each power of two as likely as the next.
    constexpr std::uint64_t kLeastMs = 100;
    const auto most = static_cast<std::uint64_t>(scenario_.engine.retry_window_ms) * 3 / 2;
    const auto doublings = static_cast<std::uint64_t>(std::bit_width(std::max(most, kLeastMs) / kLeastMs));
    const std::uint64_t least = kLeastMs << below(doublings);
    event.lasts_us = static_cast<std::int64_t>(least + below(least)) * 1000;
    const std::uint64_t dice = below(6);
    if (dice > 1) return;
    event.value.clear();
    event.action = dice == 0 ? later : never;
    if (event.action == never) event.lasts_us = 0;
  }

  void add(Event& event) {
    event.action = Action::kAdd;
    event.key = one_of("set", load_.keys);
    const std::uint64_t count = below(8) == 0 ? 2 + below(3) : 1;
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string member = one_of("e", load_.members);
      if (std::find(event.members.begin(), event.members.end(), member) != event.members.end()) continue;
      event.members.push_back(member);
      added_.emplace_back(event.key, member);
    }
  }

  // Mostly something that was added, of late more often than long ago: that is where removes and adds meet.
  void remove(Event& event) {
    event.action = Action::kRemove;
    if (added_.empty() || below(8) == 0) {
      event.key = one_of("set", load_.keys);
      event.members = {one_of("e", load_.members)};
      return;
    }
    const std::size_t back = below(2) == 0 ? below(std::min<std::size_t>(added_.size(), 16)) : below(added_.size());
    const auto& [key, member] = added_[added_.size() - 1 - back];
    event.key = key;
    event.members = {member};
  }

  void remove_later(const Event& added) {
    if (added.action != Action::kAdd || added.at_us + load_.removed_after_us > scenario_.duration_us) return;
    Event event = added;
    event.at_us += load_.removed_after_us;
    event.action = Action::kRemove;
    event.groups = any_node();
    event.session = chance(load_.untagged) ? "" : one_of("s", load_.sessions);
    event.replicas = 1;
    event.label = next_label();
    events_.push_back(std::move(event));
  }

  // From a millisecond to beyond the retry window, each power of two as likely as the next; within the run.
  void retry(std::int64_t written_us, const std::string& label) {
    constexpr std::uint64_t kLeastUs = 1000;
    const auto longest = static_cast<std::uint64_t>(scenario_.engine.retry_window_ms) * 1000 * 3 / 2;
    const auto left = static_cast<std::uint64_t>(scenario_.duration_us - written_us);
    const std::uint64_t most = std::min(longest, left);
    std::uint64_t delay_us = most;
    if (most > kLeastUs) {
      const std::uint64_t doublings = static_cast<std::uint64_t>(std::bit_width(most / kLeastUs));
      const std::uint64_t least = kLeastUs << below(doublings);
      delay_us = least + below(std::min(least, most - least + 1));
    }
    Event event;
    event.at_us = written_us + static_cast<std::int64_t>(delay_us);
    event.action = Action::kRetry;
    event.label = label;
    event.groups = any_node();
    events_.push_back(std::move(event));
  }

  void read(std::int64_t at_us) {
    constexpr const char* kKinds[] = {"set", "reg", "hash", "ctr"};
    Event event;
    event.at_us = at_us;
    event.action = Action::kRead;
    event.session = one_of("s", load_.sessions);
    event.key = one_of(kKinds[below(4)], load_.keys);
    event.groups = any_node();
    events_.push_back(std::move(event));
  }

  std::string next_label() {
    for (;;) {
      const std::string label = "w" + std::to_string(++labels_);
      if (!taken_labels_.contains(label)) return label;
    }
  }
  // No two are equal, so that what is read tells who wrote it: longer than asked for when there is no other way.
  std::string next_value() {
    const std::string digits = std::to_string(++values_);
    const std::size_t zeros = load_.value_bytes > digits.size() + 1 ? load_.value_bytes - digits.size() - 1 : 0;
    return "v" + std::string(zeros, '0') + digits;
  }

  const Scenario& scenario_;
  const Workload& load_;
  Random random_;
  const std::int64_t to_us_;
  const std::vector<std::string> nodes_;
  std::set<std::string> taken_labels_;
  std::uint64_t labels_ = 0, values_ = 0;
  std::vector<std::pair<std::string, std::string>> added_;  // Key and element, in order.
  std::vector<Event> events_;
};

}  // namespace

std::vector<Event> expand_workload(const Scenario& scenario, std::uint64_t seed) {
  return Expansion(scenario, seed).run();
}

Scenario with_workload_expanded(const Scenario& scenario, std::uint64_t seed) {
  Scenario out = scenario;
  out.timeline = expand_workload(scenario, seed);
  out.timeline.insert(out.timeline.end(), scenario.timeline.begin(), scenario.timeline.end());
  std::stable_sort(out.timeline.begin(), out.timeline.end(), [](const Event& a, const Event& b) { return a.at_us < b.at_us; });
  out.workload = Workload{};
  return out;
}

}  // namespace kith::sim
