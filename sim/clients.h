// sim/clients.h -- the people at the other end: sessions that write, wait, lose patience and try again elsewhere.
//
// A session mints one tag per operation and keeps it for every retry, as node/client does; its idea of the cluster's time
// comes from the replies it gets.  Decides only; the world carries requests and answers.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "crdt/hlc.h"
#include "gossip/operation.h"
#include "sim/draw.h"
#include "sim/scenario.h"

namespace kith::sim {

inline constexpr const char* kSimulatedTable = "t";

class Clients {
 public:
  struct Call {                      // One operation, over all its attempts.
    const Event* event = nullptr;
    Operation operation;             // Without request and, until it is minted, without tag.
    std::string session;
    std::uint32_t attempts = 0;
    bool answered = false;
    std::string outcome = "unanswered";
    std::string reason;
    std::int64_t answered_us = -1;
  };

  Clients(std::uint64_t seed, const ClientBehaviour& behaviour) : seed_(seed), behaviour_(behaviour) {}

  // A new call for a write.  `time`: what a node says the time is, for a session that has heard of none yet.
  std::uint32_t begin(const Event& event, std::int64_t now_us, Timestamp time);
  Call& call(std::uint32_t index) { return calls_[index]; }
  const Call* find(const std::string& label) const;
  std::optional<std::uint32_t> index_of(const std::string& label) const;

  void vanish(const std::string& session) { sessions_[session].vanished = true; }
  bool vanished(const std::string& session) const;

  // An answer came in: the session learns the time.  Returns whether it is the first for this call.
  bool answered(std::uint32_t index, const Reply& reply, Timestamp time, std::int64_t now_us);
  // Whether to send it again, at another node.
  bool retries(std::uint32_t index) const;

  std::size_t count() const { return calls_.size(); }

 private:
  struct Session {
    ActorId actor;
    Hlc hlc;
    std::int64_t ahead_us = 0;       // Of the world's time, as far as it has learnt.
    std::int64_t skew_us = 0;
    bool knows_time = false;
    bool vanished = false;
  };
  Session& session(const std::string& name);

  std::uint64_t seed_;
  ClientBehaviour behaviour_;
  std::vector<Call> calls_;
  std::map<std::string, Session> sessions_;
  std::unordered_map<std::string, std::uint32_t> labels_;
};

}  // namespace kith::sim
