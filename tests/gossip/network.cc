#include "tests/gossip/network.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace kith::test {
namespace {

constexpr const char* kTable = "t";

std::string plural(std::size_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

Operation make(Verb verb, const std::string& key) {
  Operation operation;
  operation.verb = verb;
  operation.table = kTable;
  operation.key = key;
  return operation;
}

}  // namespace

Operation set(const std::string& key, const std::string& value) {
  Operation operation = make(Verb::kSet, key);
  operation.value = value;
  return operation;
}
Operation del(const std::string& key) { return make(Verb::kDelete, key); }
Operation sadd(const std::string& key, std::vector<std::string> members) {
  Operation operation = make(Verb::kSetAdd, key);
  operation.members = std::move(members);
  return operation;
}
Operation srem(const std::string& key, std::vector<std::string> members) {
  Operation operation = sadd(key, std::move(members));
  operation.verb = Verb::kSetRemove;
  return operation;
}
Operation hset(const std::string& key, const std::string& field, const std::string& value) {
  Operation operation = make(Verb::kHashSet, key);
  operation.fields = {{field, value}};
  return operation;
}
Operation tagged(Operation operation, Tag tag) {
  operation.tag = tag;
  return operation;
}

Network::Node& Network::add(const std::string& name, const std::string& join) {
  auto node = std::make_unique<Node>();
  node->name = name;
  node->setup.name = name;
  node->setup.client_address = name + ":1";
  node->setup.peer_address = name + ":2";
  node->setup.shard_count = 4;
  if (!join.empty()) node->setup.join = {join + ":2"};
  node->store = std::make_unique<MemoryStore>();
  return *(nodes_[name] = std::move(node));
}

void Network::start(const std::string& name) {
  Node& it = node(name);
  it.out.clear();
  it.refused_for_good = false;
  std::uint64_t seed = ++it.lives;
  for (const char c : name) seed = seed * 1009 + static_cast<std::uint64_t>(c);
  it.engine = std::make_unique<Engine>(options, it.setup, *it.store, seed);
  it.engine->start(instant(it), it.out);
  act(it);
}

void Network::copy(const std::string& name, const std::string& as) {
  Node& it = add(as);
  it.setup = node(name).setup;
  it.setup.peer_address = as + ":2";
  it.setup.join.clear();
  it.store = node(name).store->clone();
}

void Network::kill(const std::string& name) {
  Node& it = node(name);
  it.engine.reset();
  it.act_at_ms = -1;
  it.store->crash();
}

void Network::act(Node& it) {
  for (int rounds = 0; !it.out.store.empty(); ++rounds) {
    REQUIRE(rounds < 8);  // A commit may lead to another, but not for ever.
    StoreBatch batch;
    std::swap(batch, it.out.store);
    it.engine->committed(instant(it), it.store->commit(batch), it.out);
  }
  for (auto& send : it.out.sends) {
    const std::string to = address_name(send.address);
    if (filter && !filter(it.name, to, send.bytes)) continue;
    const std::vector<std::int64_t> delays_ms = copies ? copies() : std::vector<std::int64_t>{delay_ms};
    for (const std::int64_t wait_ms : delays_ms) flights_.push_back({now_ms_ + wait_ms, it.name, to, send.bytes});
  }
  for (auto& reply : it.out.replies) {
    if (trace) trace(it.name + " replies " + std::string(to_string(reply.outcome)) +
                     (reply.code != Refusal::kNone ? " " + std::string(to_string(reply.code)) : "") +
                     ", changed " + std::to_string(reply.changed) + ", on " + plural(reply.replicas.size(), "replica"));
    replies_[reply.request] = std::move(reply);
  }
  for (auto& note : it.out.notes) {
    if (trace) trace(it.name + " notes: " + note.text.substr(0, note.text.find(" (")));
    it.notes.push_back(std::move(note.text));
  }
  for (auto& redone : it.out.redone) it.redone.push_back(std::move(redone));
  it.refused_for_good |= it.out.refused_for_good;
  const std::int64_t wake_at_ms = it.out.wake_at_ms;
  const auto probe_at_ms = it.out.probe_at_ms;
  it.out.clear();
  it.out.wake_at_ms = wake_at_ms;
  it.out.probe_at_ms = probe_at_ms;
  if (it.engine->has_left()) return it.engine.reset();
  if (!it.engine->life_is_over()) return;
  it.engine->begin_anew(instant(it), it.out);
  ++it.lives;
  act(it);
}

void Network::input(const std::string& name, const Input& what) {
  Node& it = node(name);
  if (!it.engine) return;
  it.engine->step(instant(it), what, it.out);
  if (it.gather_ms == 0) return act(it);
  if (it.act_at_ms < 0) it.act_at_ms = now_ms_ + it.gather_ms;
}

void Network::run_ms(std::int64_t ms) {
  run_until([] { return false; }, ms);
}

bool Network::run_until(const std::function<bool()>& done, std::int64_t most_ms) {
  const std::int64_t end_ms = now_ms_ + most_ms;
  while (!done()) {
    std::int64_t next_ms = end_ms;
    for (const auto& flight : flights_) next_ms = std::min(next_ms, flight.due_ms);
    for (const auto& [name, it] : nodes_) {
      if (it->engine) next_ms = std::min(next_ms, std::max(it->out.wake_at_ms, now_ms_));
      if (it->engine && it->out.probe_at_ms) next_ms = std::min(next_ms, std::max(*it->out.probe_at_ms, now_ms_));
      if (it->act_at_ms >= 0) next_ms = std::min(next_ms, it->act_at_ms);
    }
    now_ms_ = std::max(now_ms_, next_ms);
    if (now_ms_ >= end_ms) return done();
    for (std::size_t i = 0; i < flights_.size();) {
      if (flights_[i].due_ms > now_ms_) {
        ++i;
        continue;
      }
      Flight flight = std::move(flights_[i]);
      flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(i));
      if (cuts_.contains({flight.from, flight.to}) || !nodes_.contains(flight.to)) continue;
      Node& to = node(flight.to);
      if (!to.engine) continue;
      if (trace) trace(flight.from + " -> " + flight.to + ": " + describe(flight.bytes));
      input(flight.to, PeerFrame{std::move(flight.bytes)});
    }
    for (const auto& [name, it] : nodes_) {
      if (it->engine && it->out.wake_at_ms <= now_ms_) input(name, Tick{});
      if (it->engine && it->out.probe_at_ms && *it->out.probe_at_ms <= now_ms_) input(name, ProbeTick{});
      if (it->act_at_ms < 0 || it->act_at_ms > now_ms_) continue;
      it->act_at_ms = -1;
      act(*it);
    }
  }
  return true;
}

std::uint64_t Network::submit(const std::string& name, Operation operation) {
  operation.request = ++last_request_;
  input(name, operation);
  return last_request_;
}

std::optional<Reply> Network::reply(std::uint64_t request) const {
  const auto at = replies_.find(request);
  if (at == replies_.end()) return std::nullopt;
  return at->second;
}

Reply Network::operate(const std::string& name, Operation operation) {
  const std::uint64_t request = submit(name, std::move(operation));
  REQUIRE(run_until([&] { return replies_.contains(request); }));
  return replies_.at(request);
}

void Network::feed(const std::string& name, std::string frame) { input(name, PeerFrame{std::move(frame)}); }

std::uint64_t Network::root(const std::string& name) const { return nodes_.at(name)->store->snapshot()->root(); }

std::uint64_t Network::digest_of_members(const std::string& name) const {
  return nodes_.at(name)->store->snapshot()->shard_root(kSystemShard);
}

bool Network::present(const std::string& name, const std::string& key, const std::string& member) const {
  const auto members = members_of(name, key);
  return std::find(members.begin(), members.end(), member) != members.end();
}

std::optional<std::string> Network::value(const std::string& name, const std::string& key) const {
  const CellKey cell{kTable, key, Kind::kRegister, ""};
  Row row;
  const auto& it = *nodes_.at(name);
  if (it.store->snapshot()->get(shard_of(cell, it.engine->status({}).shard_count), cell, row) != Snapshot::Lookup::kFound) {
    return std::nullopt;
  }
  return row.content.as_register().value();
}

std::vector<std::string> Network::members_of(const std::string& name, const std::string& key) const {
  std::vector<std::string> members;
  const auto& it = *nodes_.at(name);
  const ShardId shard = shard_of(kTable, key, it.setup.shard_count);
  it.store->snapshot()->scan(value_prefix(shard, kTable, key, Kind::kSet), {}, [&](const StoreKey&, const Row* row) {
    if (row != nullptr && row->content.present()) members.push_back(row->cell.member);
    return true;
  });
  return members;
}

std::uint64_t Network::counter(const std::string& name, const std::string& counter) const {
  const auto& it = *nodes_.at(name);
  const auto counters = it.engine->status(instant(it)).counters;
  const auto at = counters.find(counter);
  return at == counters.end() ? 0 : at->second;
}

bool Network::all_equal() const {
  std::optional<std::pair<std::uint64_t, std::uint64_t>> first;
  for (const auto& [name, it] : nodes_) {
    if (!it->engine) continue;
    const std::pair mine{root(name), digest_of_members(name)};
    if (first && *first != mine) return false;
    first = mine;
  }
  return true;
}

bool Network::all_settled() const {
  if (!all_equal()) return false;
  std::optional<std::map<ShardId, CommitClock>> first;
  for (const auto& [name, it] : nodes_) {
    if (!it->engine) continue;
    std::map<ShardId, CommitClock> held;
    const auto snapshot = it->store->snapshot();
    for (const ShardId shard : snapshot->shards()) {
      if (auto clock = snapshot->held(shard); !clock.empty()) held[shard] = std::move(clock);
    }
    if (first && *first != held) return false;
    first = std::move(held);
  }
  return true;
}

std::string Network::address_name(const std::string& address) const { return address.substr(0, address.find(':')); }

}  // namespace kith::test
