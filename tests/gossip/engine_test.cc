// tests/gossip/engine_test.cc -- the engine's face: lifetimes, and what a caller may rely on.
#include <doctest/doctest.h>

#include <memory>

#include "gossip/engine.h"
#include "store/memory_store.h"

namespace kith::test {
namespace {

// Goal: options and setup may be gone once the engine is built (kithd builds them on its stack).
// Method: both are destroyed and their memory overwritten before the engine starts.
TEST_CASE("engine: keeps copies of its options and its setup") {
  MemoryStore store;
  auto options = std::make_unique<EngineOptions>();
  auto setup = std::make_unique<NodeSetup>();
  setup->name = "n1";
  setup->peer_address = "n1:2";
  options->gossip_interval_ms = 4000;
  Engine engine(*options, *setup, store, 1);
  options->gossip_interval_ms = 0;
  options->full_at = 0;
  setup->name = "somebody else";
  options.reset();
  setup.reset();

  Output out;
  engine.start({1000, 1'700'000'000'000}, out);
  CHECK(out.wake_at_ms >= 1000 + 3000);
  CHECK(engine.status({1000, 1'700'000'000'000}).name == "n1");

  StoreBatch batch;
  std::swap(batch, out.store);
  engine.committed({1000, 1'700'000'000'000}, store.commit(batch), out);
  out.clear();
  Operation add;
  add.verb = Verb::kSetAdd;
  add.table = "t";
  add.key = "likes";
  add.members = {"kith"};
  engine.step({1001, 1'700'000'000'001}, add, out);
  REQUIRE(out.replies.size() == 1);
  CHECK(out.replies[0].outcome == Outcome::kOk);
}

}  // namespace
}  // namespace kith::test
