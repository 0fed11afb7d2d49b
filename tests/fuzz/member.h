// tests/fuzz/member.h -- one node without threads and sockets: an engine, a store in memory, and a clock that is moved by hand.
//
// Acts on outputs as kithd does: commit, then what depends on it.  No assertions but KITH_CHECK, so that it works under
// libFuzzer, which knows no test framework.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gossip/engine.h"
#include "node/commit_watch.h"
#include "store/memory_store.h"

namespace kith::fuzz {

class Member {
 public:
  // Peers reach it at "NAME:2".  `join`: the name of another, or empty.  Begins its life.
  Member(const std::string& name, const std::string& join, std::unique_ptr<MemoryStore> store, std::uint64_t seed);

  void watch(CommitWatch* watch) { watch_ = watch; }  // Must outlive what is done from now on.

  // Takes the input in and acts on what comes of it.
  void step(const Input& input);
  // Several as one commit.
  void step(const std::vector<Input>& inputs);
  // With the first `ticks` that are due; what is left passes at once, as in a process that was stopped.
  void pass_ms(std::int64_t ms, int ticks = 64);

  Instant now() const { return {now_ms_, kEpochMs + now_ms_}; }
  std::int64_t wake_at_ms() const { return wake_at_ms_; }
  std::uint64_t commits() const { return commits_; }
  EngineStatus status() const { return engine_->status(now()); }
  MemoryStore& store() { return *store_; }
  std::vector<Output::Send> take_sends() { return std::exchange(sends_, {}); }
  std::vector<Reply> take_replies() { return std::exchange(replies_, {}); }

  static constexpr std::int64_t kEpochMs = 1'700'000'000'000;
  static constexpr std::uint32_t kShards = 4;

 private:
  void act();

  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<Engine> engine_;
  Output out_;
  std::int64_t now_ms_ = 0;
  std::int64_t wake_at_ms_ = 0;
  std::uint64_t commits_ = 0;
  CommitWatch* watch_ = nullptr;
  std::vector<Output::Send> sends_;
  std::vector<Reply> replies_;
};

}  // namespace kith::fuzz
