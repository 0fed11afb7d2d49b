#include "gossip/operations.h"

#include <algorithm>

#include "crdt/limits.h"
#include "gossip/roster_of.h"

namespace kith {
namespace {

Reply refused(const Operation& operation, Refusal code, std::string message) {
  Reply reply;
  reply.request = operation.request;
  reply.outcome = Outcome::kRefused;
  reply.code = code;
  reply.message = std::move(message) + "; nothing changed";
  return reply;
}

std::string seconds(std::int64_t ms) {
  return std::to_string(ms / 1000) + "." + std::to_string(ms / 100 % 10) + " s";
}

std::string over(std::string_view what, std::size_t size, std::size_t limit) {
  return std::string(what) + " has " + std::to_string(size) + " bytes, the limit is " + std::to_string(limit);
}

Kind kind_of(const Operation& operation) {
  switch (operation.verb) {
    case Verb::kExpire:
    case Verb::kPersist: return operation.members.empty() ? Kind::kRegister : Kind::kHash;
    case Verb::kSet:
    case Verb::kDelete: return Kind::kRegister;
    case Verb::kSetAdd:
    case Verb::kSetRemove: return Kind::kSet;
    case Verb::kHashSet:
    case Verb::kHashDelete: return Kind::kHash;
    case Verb::kIncrement: return Kind::kCounter;
  }
  return Kind::kRegister;
}

// The cells that an operation touches, with the value for each; a member named twice is one cell, the last value wins.
std::vector<std::pair<std::string_view, const std::string*>> targets(const Operation& operation) {
  std::vector<std::pair<std::string_view, const std::string*>> out;
  switch (operation.verb) {
    case Verb::kSet:
    case Verb::kDelete: return {{std::string_view(), &operation.value}};
    case Verb::kIncrement: return {{std::string_view(), nullptr}};  // Its member is its tag.
    case Verb::kExpire:
    case Verb::kPersist:
      if (operation.members.empty()) return {{std::string_view(), nullptr}};
      for (const auto& member : operation.members) out.emplace_back(member, nullptr);
      break;
    case Verb::kHashSet:
      for (const auto& [field, value] : operation.fields) out.emplace_back(field, &value);
      break;
    case Verb::kSetAdd:
    case Verb::kSetRemove:
    case Verb::kHashDelete:
      for (const auto& member : operation.members) out.emplace_back(member, nullptr);
      break;
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto last = std::unique(out.rbegin(), out.rend(), [](const auto& a, const auto& b) { return a.first == b.first; });
  out.erase(out.begin(), last.base());
  return out;
}

// The limits on names and values, or nothing when all is well.
std::optional<std::string> over_a_limit(const Operation& operation) {
  if (operation.key.empty()) return "the key is empty";
  if (operation.key.size() > kKeyBytesMax) return over("the key", operation.key.size(), kKeyBytesMax);
  if (operation.value.size() > kValueBytesMax) return over("the value", operation.value.size(), kValueBytesMax);
  if (operation.ttl_ms != 0) {
    const bool expires = operation.verb == Verb::kSet || operation.verb == Verb::kHashSet || operation.verb == Verb::kExpire;
    if (!expires) return "only the value of a register or of a hash's field can expire";
    if (operation.ttl_ms < 0 || operation.ttl_ms > kTtlMsMax) {
      return "a value is to expire in " + std::to_string(operation.ttl_ms) + " ms, which must be 1 to " + std::to_string(kTtlMsMax) + " (100 years)";
    }
  } else if (operation.verb == Verb::kExpire) {
    return "to expire it needs a time that is above zero; `persist` takes an expiry away";
  }
  if (operation.verb == Verb::kIncrement) {
    if (operation.amount == 0) return "an increment of 0 changes nothing: give the amount, as in 1 or -1";
    return std::nullopt;
  }
  const bool hash_set = operation.verb == Verb::kHashSet;
  const std::size_t count = hash_set ? operation.fields.size() : operation.members.size();
  const bool members_optional = operation.verb == Verb::kSet || operation.verb == Verb::kDelete ||
                                operation.verb == Verb::kExpire || operation.verb == Verb::kPersist;
  if (!members_optional && count == 0) {
    return hash_set ? "no fields were given" : "no members were given";
  }
  if (count > kOperationMembersMax) {
    return "the operation names " + std::to_string(count) + " members, the limit is " +
           std::to_string(kOperationMembersMax) + ": send it in parts";
  }
  for (const auto& member : operation.members) {
    if (member.empty()) return "a member is empty";
    if (member.size() > kMemberBytesMax) return over("a member", member.size(), kMemberBytesMax);
  }
  for (const auto& [field, value] : operation.fields) {
    if (field.empty()) return "a field is empty";
    if (field.size() > kMemberBytesMax) return over("a field", field.size(), kMemberBytesMax);
    if (value.size() > kValueBytesMax) return over("the value of a field", value.size(), kValueBytesMax);
  }
  return std::nullopt;
}

// Applies the operation to one cell.  The delta is empty for a retry.
Content mutate(const Operation& operation, Content& current, const std::string* value, Tag tag, Commit commit) {
  const std::int64_t expires_at_ms =
      operation.ttl_ms == 0 ? 0 : std::min(tag.at.ms() + operation.ttl_ms, Timestamp::kMillisecondsMax);
  switch (operation.verb) {
    case Verb::kSet:
    case Verb::kHashSet: return Content(current.as_register().set(*value, tag, commit, expires_at_ms));
    case Verb::kExpire:
    case Verb::kPersist: {
      Register& state = current.as_register();
      if (!state.present() || state.tag() >= tag) return Content(Register{});
      return Content(state.set(std::string(*state.value()), tag, commit, expires_at_ms));
    }
    case Verb::kDelete:
    case Verb::kHashDelete: return Content(current.as_register().erase(tag, commit));
    case Verb::kIncrement: return Content(current.as_register().set(encode_amount(operation.amount), tag, commit));
    case Verb::kSetAdd: return Content(current.as_set_element().add(tag, commit));
    case Verb::kSetRemove: return Content(current.as_set_element().remove(tag, commit));
  }
  return {};
}

}  // namespace

std::string_view to_string(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone: return "none";
    case Refusal::kLimit: return "limit";
    case Refusal::kBadName: return "bad_name";
    case Refusal::kRetryWindowPassed: return "retry_window_passed";
    case Refusal::kTagFromFuture: return "tag_from_future";
    case Refusal::kClockFenced: return "clock_fenced";
    case Refusal::kNotJoined: return "not_joined";
    case Refusal::kFull: return "full";
    case Refusal::kStopping: return "stopping";
    case Refusal::kLeaving: return "leaving";
    case Refusal::kObserver: return "observer";
    case Refusal::kSuperseded: return "superseded";
    case Refusal::kRebasing: return "rebasing";
    case Refusal::kEvicted: return "evicted";
    case Refusal::kCannotEvict: return "cannot_evict";
    case Refusal::kCannotDrain: return "cannot_drain";
    case Refusal::kOverflow: return "overflow";
    case Refusal::kDamaged: return "damaged";
    case Refusal::kNoValue: return "no_value";
    case Refusal::kNotReached: return "not_reached";
    case Refusal::kBadKey: return "bad_key";
    case Refusal::kBadKind: return "bad_kind";
    case Refusal::kTableExists: return "table_exists";
    case Refusal::kNoTable: return "no_table";
  }
  return "unknown";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk: return "ok";
    case Outcome::kStored: return "stored";
    case Outcome::kRefused: return "refused";
  }
  return "unknown";
}

// By what is known here of the table's rules, when it is taken in; not when it is merged.
std::optional<Reply> Operations::against_rules(const Operation& operation) const {
  if (operation.describe != Describe::kNo) return against_table(operation);
  const TableRules& rules = core_.tables.rules(operation.table);
  if (rules.keys == KeyRule::kUuid4 && !proper_uuid4(operation.key)) {
    Reply reply = refused(operation, Refusal::kBadKey, "");
    reply.message = "Key is not a proper UUID4";
    return reply;
  }
  if (!rules.holds(kind_of(operation))) {
    return refused(operation, Refusal::kBadKind, "table '" + operation.table + "' takes no " + std::string(to_string(kind_of(operation))) +
                                                     ", by its rules: `kith table show " + operation.table + "` tells them");
  }
  return std::nullopt;
}

std::optional<Reply> Operations::against_table(const Operation& operation) const {
  const TableRules& present = core_.tables.rules(operation.table);
  TableRules wanted = operation.describe == Describe::kAlter ? present : TableRules{};
  for (const auto& [name, text] : operation.fields) {
    if (auto problem = take_attribute(wanted, name, text)) return refused(operation, Refusal::kLimit, *std::move(problem));
  }
  if (operation.describe == Describe::kAlter && !present.described) {
    return refused(operation, Refusal::kNoTable, "nobody has described table '" + operation.table + "': `kith table create` does");
  }
  if (operation.describe == Describe::kCreate && present.described) {
    wanted.described = true;
    if (wanted == present) return std::nullopt;
    return refused(operation, Refusal::kTableExists, "table '" + operation.table + "' has other rules already: `kith table show` tells them, "
                                                     "`kith table alter` changes them");
  }
  return std::nullopt;
}

// The rules as the write that they are.  Of a creation all attributes, so that of two creations one stands as a whole.
Operation Operations::as_write(const Operation& operation) const {
  Operation out = operation;
  TableRules rules;
  for (const auto& [name, text] : operation.fields) (void)take_attribute(rules, name, text);
  out.fields = operation.describe == Describe::kCreate ? attributes_of(rules) : operation.fields;
  for (auto& [name, text] : out.fields) name = table_field(operation.table, name);
  out.verb = Verb::kHashSet;
  out.table = kSystemTable;
  out.key = kTablesKey;
  out.describe = Describe::kNo;
  return out;
}

std::optional<Reply> Operations::check(const Operation& operation, const Standing& standing) const {
  if (core_.observer()) {
    const Roster roster = roster_of(core_, core_.now);
    const auto* replica = roster.find(roster.leader());
    const std::string where = replica == nullptr ? "ask a replica; none is heard of here at the moment" : "ask a replica, such as " + replica->name + " at " + replica->client_address;
    return refused(operation, Refusal::kObserver, core_.self.name + " is an observer, which copies and answers reads and takes no writes: " + where);
  }
  if (core_.stopping) return refused(operation, Refusal::kStopping, "this node is going down: ask another one");
  if (core_.leaving) return refused(operation, Refusal::kLeaving, "this node is leaving the cluster for good, and takes no more writes: ask another one");
  if (core_.evicted) {
    return refused(operation, Refusal::kEvicted, "this node was evicted while it was away, and begins anew: ask another node, or try again in a moment");
  }
  if (core_.superseded) {
    return refused(operation, Refusal::kSuperseded,
                   "peers know a later life of this node (an old copy of a data directory, or one that runs twice) and do "
                   "not listen to this one: ask another node, and look at this one's log");
  }
  if (standing.rebasing) {
    return refused(operation, Refusal::kRebasing,
                   "this node was away for longer than removals are remembered, and compares its data with a member's first: "
                   "ask another node, or try again when `kith status` says that it is done");
  }
  if (!core_.joined()) {
    return refused(operation, Refusal::kNotJoined, "this node does not belong to a cluster yet: it is waiting for the members it was told to join");
  }
  if (core_.options.collect && !core_.introduced) {
    return refused(operation, Refusal::kNotJoined, "this node was let into the cluster just now, and no member has its record yet: "
                                                   "try again in a moment, or ask another node");
  }
  if (!valid_table_name(operation.table)) {
    return refused(operation, Refusal::kBadName,
                   "'" + operation.table.substr(0, kTableNameBytesMax) +
                       "' is not a table name: 1 to " + std::to_string(kTableNameBytesMax) +
                       " of A-Z a-z 0-9 . - _, not beginning with _");
  }
  if (auto refusal = against_rules(operation)) return refusal;
  if (auto problem = over_a_limit(operation)) return refused(operation, Refusal::kLimit, *std::move(problem));
  if (standing.clock_fenced) {
    return refused(operation, Refusal::kClockFenced,
                   "this node's clock is " + std::to_string(standing.clock_ahead_ms) +
                       " ms ahead of its peers' (limit " + std::to_string(core_.options.max_skew_ms) +
                       " ms): set the clock, or ask another node");
  }
  if (standing.full) {
    return refused(operation, Refusal::kFull,
                   "the store of this node is full: give it a larger --map-size, or delete what is not needed");
  }
  if (operation.tag) {
    if (!operation.tag->at || !operation.tag->actor) {
      return refused(operation, Refusal::kLimit, "the tag is not one: neither its timestamp nor its actor may be zero");
    }
    const std::int64_t age_ms = core_.hlc.read(core_.now.wall_ms).ms() - operation.tag->at.ms();
    const std::int64_t ahead_ms = operation.tag->at.ms() - core_.now.wall_ms;
    if (age_ms >= core_.options.retry_window_ms) {
      return refused(operation, Refusal::kRetryWindowPassed,
                     "retry window passed: the tag is " + seconds(age_ms) + " old, the window is " +
                         seconds(core_.options.retry_window_ms) + "; read what is there and decide anew");
    }
    if (ahead_ms > core_.options.max_skew_ms) {
      return refused(operation, Refusal::kTagFromFuture,
                     "the tag is " + std::to_string(ahead_ms) + " ms in the future (limit " +
                         std::to_string(core_.options.max_skew_ms) + " ms): mint tags from the time in replies");
    }
  }
  return std::nullopt;
}

void Operations::operate(const Operation& operation, const Standing& standing, const FoundDamaged& found_damaged) {
  core_.count("operations");
  if (auto refusal = check(operation, standing)) {
    core_.count("operations_refused");
    core_.out->replies.push_back(*std::move(refusal));
    return;
  }
  if (operation.describe == Describe::kNo) return write(operation, found_damaged);
  if (operation.describe == Describe::kCreate && core_.tables.rules(operation.table).described) {  // With these very rules.
    Reply reply;
    reply.request = operation.request;
    reply.replicas.push_back(core_.self.name);
    core_.out->replies.push_back(std::move(reply));
    return;
  }
  write(as_write(operation), found_damaged);
}

void Operations::write(const Operation& operation, const FoundDamaged& found_damaged) {
  // What a client wrote later must win over what it wrote before, whoever mints the later tag.
  if (operation.tag) core_.hlc.observe(operation.tag->at);
  const auto at = deferred_.empty() ? core_.issue() : std::nullopt;
  if (!at) {
    deferred_.push_back(operation);
    return;
  }
  const Commit commit{*at, core_.self.origin};
  const Tag tag = operation.tag.value_or(Tag{*at, actor_of(core_.self.origin)});
  const ShardId shard = shard_of(operation.table, operation.key, core_.self.shard_count);

  // First all reads, so that a damaged row refuses the whole operation.
  struct Change {
    CellKey cell;
    Content before, after, delta;
  };
  const auto refuse = [&](Refusal code, std::string message) {
    core_.count("operations_refused");
    core_.out->replies.push_back(refused(operation, code, std::move(message)));
  };
  const Kind kind = kind_of(operation);
  const bool only_expiry = operation.verb == Verb::kExpire || operation.verb == Verb::kPersist;
  std::vector<Change> changes;
  std::size_t delta_bytes = 0;
  const Snapshot* const snapshot = &reading();
  for (const auto& [member, value] : targets(operation)) {
    std::string name = kind == Kind::kCounter ? increment_member(tag) : std::string(member);
    Change change{{operation.table, operation.key, kind, std::move(name)}, Content(kind), Content(kind), Content(kind)};
    Row row;
    const StoreKey key = store_key(shard, change.cell);
    // The tag of an increment is its name: under one that was issued just now there is nothing.
    const bool issued_now = kind == Kind::kCounter && !operation.tag;
    auto lookup = issued_now ? Snapshot::Lookup::kMissing : snapshot->get(shard, change.cell, row);
    // SUBTLE: a removal of what is not found would be answered, and remove nothing; an add would count as the first.
    const auto beside = lookup == Snapshot::Lookup::kMissing && !issued_now ? snapshot->damage_beside(key) : std::nullopt;
    if (beside) lookup = Snapshot::Lookup::kDamaged;
    switch (lookup) {
      case Snapshot::Lookup::kFound: change.before = std::move(row.content); break;
      case Snapshot::Lookup::kMissing: break;
      case Snapshot::Lookup::kDamaged:
        found_damaged(beside ? *beside : key);
        return refuse(Refusal::kDamaged, "a row that this needs is damaged on this node's disk and is being fetched from "
                                         "a peer: try again shortly, or at another node");
    }
    if (const Content* pending = core_.out->store.pending(change.cell)) change.before.join(*pending);
    // SUBTLE: not when the tag, or a greater one, is there: that is a retry, whose value may have expired since.
    const bool had_value = kind == Kind::kSet || change.before.as_register().tag() >= tag || change.before.shows_at(at->ms());
    if (only_expiry && !had_value) {
      return refuse(Refusal::kNoValue, change.cell.member.empty() ? "no such value: there is none under this key, or it has expired; set one first"
                                                                  : "no such value: there is no field '" + change.cell.member.substr(0, 64) +
                                                                        "' in this hash, or it has expired; set it first");
    }
    change.after = change.before;
    change.delta = mutate(operation, change.after, value, tag, commit);
    if (!change.delta.empty() && change.before.entry_count() >= kEntriesPerCellMax) {  // A retry is answered all the same.
      return refuse(Refusal::kLimit, "this cell has been written by " + std::to_string(change.before.entry_count()) +
                                         " sessions, the limit is " + std::to_string(kEntriesPerCellMax) +
                                         ": write through fewer sessions, or under another name");
    }
    delta_bytes += cell_bytes_at_most(change.cell, change.delta);
    if (delta_bytes > kOperationBytesMax) {
      return refuse(Refusal::kLimit, "the operation changes more than " + std::to_string(kOperationBytesMax) +
                                         " bytes of entries, the limit: send it in parts");
    }
    changes.push_back(std::move(change));
  }

  Reply reply;
  reply.request = operation.request;
  reply.tag = tag;
  if (kind == Kind::kCounter) {
    CounterState counter;
    if (snapshot->counter(shard, operation.table, operation.key, counter) == Snapshot::Lookup::kDamaged) {
      found_damaged(counter.damaged);
      return refuse(Refusal::kDamaged, "a row of this counter is damaged on this node's disk and is being fetched from a "
                                       "peer: try again shortly, or at another node");
    }
    // SUBTLE: what is in the base already cannot be told from what is not.
    if (tag.at <= counter.folded_to) {
      return refuse(Refusal::kRetryWindowPassed, "retry window passed: this counter is folded past the time of the tag; "
                                                 "read it and decide anew");
    }
    CounterSum& pending = pending_sums_[{operation.table, operation.key}];
    CounterSum sum = counter.sum + pending;
    if (const Change& change = changes.front(); !change.delta.empty()) {
      const CounterSum before = sum;
      const CounterSum by = counter_share(change.cell, change.after) - counter_share(change.cell, change.before);
      sum += by;
      // Towards zero is always welcome: that is the way back from where nodes that were apart have carried it together.
      if (!sum.fits() && (before.fits() || (before.shown() < 0) == (operation.amount < 0))) {
        return refuse(Refusal::kOverflow, "the counter stands at " + std::to_string(before.shown()) + ", and " +
                                              std::to_string(operation.amount) + " more would carry it past 64 bits (" +
                                              std::to_string(INT64_MIN) + " to " + std::to_string(INT64_MAX) + ")");
      }
      pending += by;
    }
    reply.total = sum.shown();
  }
  std::vector<Commit> commits;
  for (const Change& change : changes) {
    if (change.delta.empty()) {
      change.before.each_commit([&](const Commit& earlier) { commits.push_back(earlier); });
      continue;
    }
    core_.commit_own(shard, change.cell, change.delta, *at);
    const bool visible = kind == Kind::kSet ? change.before.present() != change.after.present()
                                            : change.before.shows_at(at->ms()) || change.after.present();
    reply.changed += visible ? 1 : 0;
    reply.created += visible && !(kind == Kind::kSet ? change.before.present() : change.before.shows_at(at->ms())) ? 1 : 0;
    if (commits.empty() || commits.back() != commit) commits.push_back(commit);
  }
  answer(operation, shard, std::move(reply), std::move(commits));
}

void Operations::answer(const Operation& operation, ShardId shard, Reply reply, std::vector<Commit> commits) {
  reply.replicas.push_back(core_.self.name);
  const auto members = static_cast<std::uint32_t>(core_.members.replicas().size());
  const TableRules& rules = core_.tables.rules(operation.table);
  const std::uint32_t level = operation.replicas == kAsTheTable ? rules.write : operation.replicas;
  const std::uint32_t wanted = level == kAllReplicas      ? members
                               : level == kQuorumReplicas ? quorum_of(core_.self.replication.of(members), rules.quorum)
                                                          : level;
  if (wanted <= 1) {
    core_.out->replies.push_back(std::move(reply));
    return;
  }
  waiting_.push_back({std::move(reply), shard, std::move(commits), core_.setbacks(shard), wanted, {}, core_.now.monotonic_ms + operation.timeout_ms});
  fresh_waiting_ = true;
}

bool Operations::settle(Waiting& waiting, NodeId peer) {
  if (!waiting.holders.insert(peer).second) return false;
  waiting.reply.replicas.push_back(core_.name_of(peer));
  if (waiting.reply.replicas.size() < waiting.replicas) return false;
  waiting.reply.outcome = Outcome::kOk;
  core_.out->replies.push_back(std::move(waiting.reply));
  return true;
}

void Operations::peer_stored(NodeId peer, ShardId shard, Timestamp previous, Timestamp at) {
  if (core_.members.observes(peer)) return;
  std::erase_if(waiting_, [&](Waiting& waiting) {
    const bool stored = waiting.shard == shard &&
                        std::all_of(waiting.commits.begin(), waiting.commits.end(), [&](const Commit& commit) {
                          return commit.origin == core_.self.origin && commit.at <= at && (vouched_for(waiting) || commit.at > previous);
                        });
    return stored && settle(waiting, peer);
  });
}

void Operations::peer_holds(NodeId peer, ShardId shard, const CommitClock& clock) {
  if (core_.members.observes(peer)) return;
  std::erase_if(waiting_, [&](Waiting& waiting) {
    const bool holds = waiting.shard == shard && vouched_for(waiting) &&
                       std::all_of(waiting.commits.begin(), waiting.commits.end(),
                                   [&](const Commit& commit) { return covers(clock, commit); });
    return holds && settle(waiting, peer);
  });
}

void Operations::peer_holds_all(NodeId peer) {
  if (core_.members.observes(peer)) return;
  // SUBTLE: equal clocks vouch only for what clocks cover.  An entry from behind a gap is in our row, but not in our clock,
  // and so perhaps not in the peer's row.
  std::erase_if(waiting_, [&](Waiting& waiting) {
    const bool covered = std::all_of(waiting.commits.begin(), waiting.commits.end(), [&](const Commit& commit) {
      return commit.at <= core_.clocks.held(waiting.shard, commit.origin);
    });
    return covered && vouched_for(waiting) && settle(waiting, peer);
  });
}

void Operations::retry_deferred(const Standing& standing, const FoundDamaged& found_damaged) {
  if (deferred_.empty() || core_.now.wall_ms <= core_.hlc.last().ms()) return;
  for (const Operation& operation : std::exchange(deferred_, {})) {
    if (operation.table == kSystemTable) write(operation, found_damaged);  // Rules, which were checked under their table's name.
    else operate(operation, standing, found_damaged);
  }
}

void Operations::tick() {
  std::erase_if(waiting_, [&](Waiting& waiting) {
    if (core_.now.monotonic_ms < waiting.expires_at_ms) return false;
    waiting.reply.outcome = Outcome::kStored;
    waiting.reply.message = "durable on " + std::to_string(waiting.reply.replicas.size()) + " of the " +
                            std::to_string(waiting.replicas) + " replicas asked for; it will spread to the others";
    core_.out->replies.push_back(std::move(waiting.reply));
    return true;
  });
}

std::optional<std::int64_t> Operations::wake_at_ms() const {
  std::optional<std::int64_t> at_ms;
  if (!deferred_.empty()) at_ms = core_.now.monotonic_ms + 1;
  for (const Waiting& waiting : waiting_) at_ms = std::min(at_ms.value_or(waiting.expires_at_ms), waiting.expires_at_ms);
  return at_ms;
}

}  // namespace kith
