// tests/soak/soak_test.cc -- a short soak with real processes.
//
// Goal: every acknowledged write is there, counters are exact, what was removed stays away, a node shows what it acknowledged, and in the
//       end all are equal, whatever happened to the processes, to their disks and to the messages between them.
// Method: 5 kithd; about 20 seconds of faults drawn from a seed, then the verdict.  `kith-soak --seed N` runs the same plan by hand.
#include "tests/soak/soak.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <random>

#include "gossip/operation.h"
#include "node/client.h"

namespace kith::soak {
namespace {

TEST_CASE("soak: kills, stops, cuts and disks that go back lose nothing that was promised") {
  SoakOptions options;
  options.seed = std::random_device{}();
  CAPTURE(options.seed);
  const std::atomic<bool> interrupt{false};
  const SoakResult result = run_soak(options, [](const std::string&) {}, interrupt);
  CAPTURE(result.table);
  for (const std::string& finding : result.findings) FAIL_CHECK("kith-soak --seed ", options.seed, ": ", finding, "; logs: ", result.directory);
  CHECK(result.good);
  CHECK(result.settled == 1);
  CHECK(result.kills > 0);
  CHECK(result.acknowledged > 0);
}

// Goal: a soak that finds nothing has looked.
// Method: when all is over, and before the verdict, somebody removes all elements of a set, adds one, and increments a counter.
TEST_CASE("soak: what is lost, comes from nowhere or is counted twice in the end is found") {
  SoakOptions options;
  options.seed = 1;
  options.minutes = 0.04;
  options.nodes = 3;
  options.writers = 2;
  options.kills = 1;
  options.before_verdict = [](const std::vector<std::string>& addresses) {
    Client client = Client::connect(addresses.front(), std::chrono::seconds(30));
    Request request;
    request.op = ClientOp::kSmembers;
    std::vector<std::string> members;
    constexpr int kSets = 48;  // In so short a run some have nothing in them.
    for (int i = 0; i < kSets && members.empty(); ++i) {
      request.key = "set-" + std::to_string(i);
      members = client.call(request, std::chrono::seconds(30)).members;
    }
    REQUIRE(!members.empty());
    request.op = ClientOp::kSrem;
    request.replicas = kAllReplicas;
    request.timeout_ms = 30'000;
    request.members = members;
    CHECK(client.call(request, std::chrono::seconds(60)).number == members.size());
    request.op = ClientOp::kSadd;
    request.members = {"from nowhere"};
    CHECK(client.call(request, std::chrono::seconds(60)).number == 1);
    request.op = ClientOp::kIncr;
    request.key = "count-quorum-0";
    CHECK(client.call(request, std::chrono::seconds(60)).status == Status::kOk);
  };
  const std::atomic<bool> interrupt{false};
  const SoakResult result = run_soak(options, [](const std::string&) {}, interrupt);
  CAPTURE(result.table);
  CHECK_FALSE(result.good);
  const auto found = [&](const std::string& words) {
    return std::any_of(result.findings.begin(), result.findings.end(), [&](const std::string& finding) { return finding.find(words) != std::string::npos; });
  };
  CHECK(found(": lost; last add"));
  CHECK(found("from nowhere: nobody ever added it"));
  CHECK(found("count-quorum-0: "));
  std::filesystem::remove_all(result.directory);
}

}  // namespace
}  // namespace kith::soak
