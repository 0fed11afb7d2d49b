#include "tests/fuzz/member.h"

#include <algorithm>
#include <utility>

#include "crdt/check.h"

namespace kith::fuzz {

Member::Member(const std::string& name, const std::string& join, std::unique_ptr<MemoryStore> store, std::uint64_t seed)
    : store_(std::move(store)) {
  NodeSetup setup;
  setup.name = name;
  setup.client_address = name + ":1";
  setup.peer_address = name + ":2";
  setup.shard_count = kShards;
  if (!join.empty()) setup.join = {join + ":2"};
  engine_ = std::make_unique<Engine>(EngineOptions{}, setup, *store_, seed);
  engine_->start(now(), out_);
  act();
}

void Member::act() {
  for (int rounds = 0; !out_.store.empty(); ++rounds) {
    KITH_CHECK(rounds < 8, "a commit leads to another, and so on for ever");
    StoreBatch batch;
    std::swap(batch, out_.store);
    const bool watched = watch_ != nullptr && watch_->wanted();
    if (watched) watch_->before(batch);
    const CommitReport report = store_->commit(batch);
    ++commits_;
    if (watched) watch_->after();
    engine_->committed(now(), report, out_);
  }
  std::move(out_.sends.begin(), out_.sends.end(), std::back_inserter(sends_));
  std::move(out_.replies.begin(), out_.replies.end(), std::back_inserter(replies_));
  wake_at_ms_ = out_.wake_at_ms;
  out_.clear();
  if (!engine_->life_is_over()) return;
  engine_->begin_anew(now(), out_);
  act();
}

void Member::step(const Input& input) {
  engine_->step(now(), input, out_);
  act();
}

void Member::step(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) engine_->step(now(), input, out_);
  act();
}

void Member::pass_ms(std::int64_t ms, int ticks) {
  const std::int64_t end_ms = now_ms_ + ms;
  for (int tick = 0; tick < ticks && wake_at_ms_ <= end_ms; ++tick) {
    now_ms_ = std::max(now_ms_, wake_at_ms_);
    step(Tick{});
    if (wake_at_ms_ <= now_ms_) ++now_ms_;
    if (now_ms_ >= end_ms) break;
  }
  now_ms_ = std::max(now_ms_, end_ms);
  step(Tick{});
}

}  // namespace kith::fuzz
