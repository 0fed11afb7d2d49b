// node/engine_thread.h -- the one thread that steps the engine and writes the store.
//
//     front --- submit() ---+
//     readers - damaged() --+--> gather --> engine.step()* --> commit, synced --> sends, replies, notes
//     peers --- Transport --+    (everything that waits)      (one for all: group commit)
//
// Invariants:
//   I1. Nothing leaves before the commit that it depends on is durable.
//   I2. A commit that fails is the last: nothing is sent or answered after it, and run() returns an error.
// Owns neither engine, store nor sockets; they must outlive it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gossip/engine.h"
#include "node/front.h"

namespace kith {

class CommitWatch;
class Faults;
class Transport;
struct Meters;
struct ScrubCounters;

// The machine's clocks.
Instant read_clocks();

// Commits what `out` has to be stored, and what the engine adds to that.  Throws StoreError; then the node must stop.
void commit_all(Engine& engine, Store& store, Output& out);

// What other threads want to know of the engine, at once.
struct EngineFacts {
  std::atomic<std::uint64_t> time{0};         // The cluster's, when last looked at.
  std::atomic<std::uint32_t> shard_count{0};  // 0: not joined.
  std::atomic<std::uint64_t> commits{0};      // Raised after each, before anything is said of it.
  // Reads of a snapshot that is taken after this was looked at, and was false, are no staler than those of any node.
  std::atomic<bool> reads_may_be_stale{false};
  // Of some table reads that say no level ask other members: they go through submit().
  std::atomic<bool> some_reads_ask_others{false};
};

// A write for the engine's thread.
struct Submission {
  Ticket ticket = 0;
  Request request;
  bool with_next = false;  // The one behind it enters the same commit.
};

class EngineThread {
 public:
  struct Parts {
    Engine& engine;
    Store& store;
    Transport& transport;
    Front& front;                                                   // For its counters and address.
    std::function<void(Ticket, ClientReply)> reply;                 // To whoever was given the ticket.
    EngineFacts& facts;
    Faults* faults = nullptr;                                       // Null: not allowed.
    const ScrubCounters* scrub = nullptr;                           // Null: it is off.
    std::string data;
    Meters* meters;
    std::int64_t gossip_interval_ms = 0;                            // For status only.
    std::int64_t leave_ms = 0;                                      // How long to stay for others to hold what is here (node/leaving.h).
    bool leave_for_good = false;                                    // And to be out of the cluster (gossip/leave.h).
    std::function<void(const EngineStatus&)> on_joined;             // Once, on this thread.
    std::function<CommitWatch*()> watch = {};                       // Who wants to see commits; may be nobody.
    // A read that may be answered from this disk now: the members told that hold what it asks for are in it.
    std::function<void(Ticket, Request, std::vector<std::string>)> read = {};
    // Who takes the replies to writes of a commit all at once, and to which tickets; may be nobody.  Then they go by reply().
    std::function<bool(Ticket)> takes = {};
    std::function<void(std::vector<Reply>)> replies = {};
  };

  EngineThread(Parts parts, Output started);  // `started`: of Engine::start(), committed.
  ~EngineThread();
  EngineThread(const EngineThread&) = delete;
  EngineThread& operator=(const EngineThread&) = delete;

  // Until stop(), or until it has left the cluster for good; then answers what was submitted, tells the peers and returns.  An error is
  // for people.
  std::string run();
  std::string left_behind() const;  // It was to hand over, and went before it had; empty: it had.  For people.  REQUIRES: as refused().
  bool refused() const;  // That was it: the cluster will never have this node.  REQUIRES: run() has returned.

  // Any thread.
  void submit(Ticket ticket, Request request);  // A write, hello, status or fault; a read that asks others (consults()): see Parts::read.
  void submit(std::vector<Submission> writes);  // In this order.
  void damaged(const StoreKey& key);
  void doubted(ShardId shard);
  void join_through(std::vector<std::string> addresses);
  void stop();
  void hurry();                                 // After stop(): hand over no more.

  // The document of op "status"; nothing when the engine's thread did not come to it in time, or has ended.  Any thread but
  // that.
  std::optional<std::string> status(std::chrono::milliseconds timeout);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kith
