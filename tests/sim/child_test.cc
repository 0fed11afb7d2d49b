// tests/sim/child_test.cc -- worker processes that die, and sweeps that go on without them.
#include "tools/sim/child.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>
#include <stdexcept>

#include "crdt/check.h"
#include "sim/swarm.h"
#include "tools/sim/sweep.h"

namespace kith::sim::tool {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("child: it answers one request after the other, of any size") {
  Child child([](const std::string& request) { return request + request; });
  for (const std::string& request :
       {std::string("tea"), std::string(), std::string(3'000'000, 'x'), std::string("\0\n", 2)}) {
    child.ask(request);
    const auto answer = child.answer();
    REQUIRE(answer);
    CHECK(*answer == request + request);
  }
}

TEST_CASE("child: an assertion ends it and not us, and its words are kept") {
  Child child([](const std::string& request) {
    std::cerr << "working on " << request << "\n";
    KITH_CHECK(request != "milk", "no milk today", request.size());
    return request;
  });
  child.ask("tea");
  CHECK(child.answer() == "tea");
  child.ask("milk");
  CHECK_FALSE(child.answer());
  std::string everything;
  const std::string words = child.last_words(&everything);
  CHECK(has(words, "kith: bug:"));
  CHECK(has(words, "no milk today [4]"));
  CHECK(has(everything, "working on milk"));
  CHECK_FALSE(has(everything, "working on tea"));
  child.ask("bread");
  CHECK_FALSE(child.answer());
}

TEST_CASE("child: what it throws ends it, and never comes back through us") {
  Child child([](const std::string&) -> std::string { throw std::runtime_error("out of tea"); });
  child.ask("");
  CHECK_FALSE(child.answer());
  CHECK(has(child.last_words(), "out of tea"));
}

TEST_CASE("child: a death without words is told by its signal or exit code") {
  Child killed([](const std::string&) -> std::string {
    ::raise(SIGKILL);
    return "";
  });
  killed.ask("");
  CHECK_FALSE(killed.answer());
  CHECK(has(killed.last_words(), "signal"));
  Child left([](const std::string&) -> std::string { ::_exit(7); });
  left.ask("");
  CHECK_FALSE(left.answer());
  CHECK(has(left.last_words(), "exit code 7"));
}

TEST_CASE("child: one that does not answer can be given up") {
  Child child([](const std::string&) -> std::string {
    for (;;) ::pause();
  });
  child.ask("");
  CHECK_FALSE(child.wait(1'000));
  child.end();
  CHECK(child.wait(1'000));
  CHECK_FALSE(child.answer());
}

TEST_CASE("outcome: its bytes read back the same, and none that are cut short are taken") {
  Outcome outcome;
  outcome.seed = 17;
  outcome.real_us = 12;
  outcome.result.failure = Failure{'K', -5, std::string("a\0b", 3)};
  outcome.result.trace_hash = ~std::uint64_t{0};
  outcome.result.data_hash = 12345;
  outcome.result.converged_after_us = -1;
  outcome.result.writes = 9;
  outcome.result.marks = {{"disk lost", 3}, {"", 0}};
  const std::string bytes = to_bytes(outcome);
  const auto back = parse_outcome(bytes);
  REQUIRE(back);
  CHECK(to_bytes(*back) == bytes);
  CHECK(back->result.marks == outcome.result.marks);
  CHECK(back->result.failure->text == outcome.result.failure->text);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(parse_outcome(bytes.substr(0, size)));
}

Scenario small(std::uint64_t seed) {
  Scenario scenario;
  scenario.nodes = {"n1", "n2"};
  scenario.duration_us = 100'000 + static_cast<std::int64_t>(seed);
  scenario.heal_at_end = false;
  return scenario;
}

// Goal: an assertion in one history costs that history alone.
TEST_CASE("sweep: every seed is reported once, those whose process died by law A (jobs 1 to 4)") {
  for (const unsigned jobs : {1U, 2U, 4U}) {
    SweepPlan plan;
    plan.first = 5;
    plan.last = 30;
    plan.jobs = jobs;
    plan.draw = [](std::uint64_t seed) {
      KITH_CHECK(seed % 7 != 0, "seven", seed);
      return small(seed);
    };
    std::map<std::uint64_t, Outcome> outcomes;
    sweep(plan, {.outcome =
                     [&](Outcome&& it) {
                       const std::uint64_t seed = it.seed;
                       CHECK(outcomes.emplace(seed, std::move(it)).second);
                     },
                 .go_on = [] { return true; }});
    CHECK(outcomes.size() == 26);
    for (const auto& [seed, outcome] : outcomes) {
      CAPTURE(seed);
      CHECK((outcome.result.failure && outcome.result.failure->law == 'A') == (seed % 7 == 0));
      if (seed % 7 == 0) CHECK(has(outcome.result.failure->text, "seven [" + std::to_string(seed) + "]"));
    }
  }
}

TEST_CASE("sweep: it ends when it is told to") {
  SweepPlan plan;
  plan.last = 1'000'000;
  plan.draw = small;
  std::uint64_t seen = 0;
  sweep(plan, {.outcome = [&](Outcome&&) { ++seen; }, .go_on = [&] { return seen < 10; }});
  CHECK(seen >= 10);
  CHECK(seen < 10 + plan.jobs);
}

TEST_CASE("sweep: a history that does not end is ended, law A") {
  SweepPlan plan;
  plan.last = 3;
  plan.jobs = 1;
  plan.seed_limit_us = 1'000;
  plan.draw = [](std::uint64_t seed) {
    while (seed == 2) ::pause();
    return small(seed);
  };
  std::map<std::uint64_t, char> laws;
  sweep(plan, {.outcome = [&](Outcome&& it) { laws[it.seed] = it.result.failure ? it.result.failure->law : '-'; },
               .go_on = [] { return true; }});
  CHECK(laws.size() == 3);
  CHECK(laws[2] == 'A');
}

TEST_CASE("sweep: the last of all seeds is the last") {
  SweepPlan plan;
  plan.first = ~std::uint64_t{0} - 1;
  plan.last = ~std::uint64_t{0};
  plan.draw = [](std::uint64_t) { return small(1); };
  std::uint64_t seen = 0;
  sweep(plan, {.outcome = [&](Outcome&&) { ++seen; }, .go_on = [] { return true; }});
  CHECK(seen == 2);
}

}  // namespace
}  // namespace kith::sim::tool
