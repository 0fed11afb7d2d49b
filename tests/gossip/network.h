// tests/gossip/network.h -- engines fed by hand: a handful of nodes, virtual time, a network that does as it is told.
//
// Every message takes `delay_ms`, in order of sending per link, unless cut, dropped or held.  Nothing is random but the
// engines' own seeds, so a run is a transcript.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gossip/engine.h"
#include "gossip/message.h"
#include "gossip/message_words.h"
#include "store/memory_store.h"

namespace kith::test {

class Network {
 public:
  struct Node {
    std::string name;
    NodeSetup setup;
    std::unique_ptr<MemoryStore> store;
    std::unique_ptr<Engine> engine;   // Null: down.
    Output out;
    std::int64_t clock_offset_ms = 0;
    std::uint64_t lives = 0;
    std::vector<std::string> notes;
    std::vector<Output::Redone> redone;
    bool refused_for_good = false;
    std::int64_t gather_ms = 0;       // Steps of so long have one output, as with a slow disk.
    std::int64_t act_at_ms = -1;      // On what is gathered; -1: on nothing.
  };

  explicit Network(EngineOptions engine_options = {}) : options(engine_options) {}

  // A new node with an empty store; joins through the named one unless that is empty.
  Node& add(const std::string& name, const std::string& join = "");
  void start(const std::string& name);
  // Another machine with a copy of that node's disk, as it is now, and so of who it is; not started.
  void copy(const std::string& name, const std::string& as);
  void kill(const std::string& name);   // What was not synced is forgotten.
  Node& node(const std::string& name) { return *nodes_.at(name); }

  // Lets virtual time pass, delivering what is due.
  void run_ms(std::int64_t ms);
  // Until `done`, at most `most_ms`; false when it did not come true.
  bool run_until(const std::function<bool()>& done, std::int64_t most_ms = 60'000);
  std::int64_t now_ms() const { return now_ms_; }

  void cut(const std::string& a, const std::string& b) { cuts_[{a, b}] = cuts_[{b, a}] = true; }
  void cut_one_way(const std::string& from, const std::string& to) { cuts_[{from, to}] = true; }
  void heal() { cuts_.clear(); }

  // Client operations: the reply, if it came at once, or whichever comes while running.
  std::uint64_t submit(const std::string& name, Operation operation);
  std::optional<Reply> reply(std::uint64_t request) const;
  Reply operate(const std::string& name, Operation operation);  // Runs until answered.
  void feed(const std::string& name, std::string frame);        // Bytes from nowhere.
  void input(const std::string& name, const Input& input);

  // What is observable on a node.
  std::uint64_t root(const std::string& name) const;
  std::uint64_t digest_of_members(const std::string& name) const;
  bool present(const std::string& name, const std::string& key, const std::string& member) const;
  std::optional<std::string> value(const std::string& name, const std::string& key) const;
  std::vector<std::string> members_of(const std::string& name, const std::string& key) const;
  std::uint64_t counter(const std::string& name, const std::string& counter) const;
  bool all_equal() const;               // Roots of all nodes that are up, and their member tables.
  bool all_settled() const;             // The same, and clocks equal: a round would find nothing.

  // Called with each message that is sent; false drops it.  May change the bytes.
  std::function<bool(const std::string& from, const std::string& to, std::string& bytes)> filter;
  // When set, decides for each message when its copies arrive, in ms from now; none: it is lost.
  std::function<std::vector<std::int64_t>()> copies;
  // Called with a line for each message delivered and each reply, for transcripts.
  std::function<void(const std::string& line)> trace;

  EngineOptions options;
  std::int64_t delay_ms = 10;

 private:
  struct Flight {
    std::int64_t due_ms;
    std::string from, to, bytes;
  };
  Instant instant(const Node& node) const { return {now_ms_, kEpochMs + now_ms_ + node.clock_offset_ms}; }
  void act(Node& node);                 // On the output: commit, then send, reply.
  std::string address_name(const std::string& address) const;

  static constexpr std::int64_t kEpochMs = 1'700'000'000'000;

  std::map<std::string, std::unique_ptr<Node>> nodes_;
  std::map<std::pair<std::string, std::string>, bool> cuts_;
  std::deque<Flight> flights_;
  std::map<std::uint64_t, Reply> replies_;
  std::uint64_t last_request_ = 0;
  std::int64_t now_ms_ = 0;
};

Operation set(const std::string& key, const std::string& value);
Operation del(const std::string& key);
Operation sadd(const std::string& key, std::vector<std::string> members);
Operation srem(const std::string& key, std::vector<std::string> members);
Operation hset(const std::string& key, const std::string& field, const std::string& value);
Operation tagged(Operation operation, Tag tag);

}  // namespace kith::test
