#include "node/http/health.h"

#include <doctest/doctest.h>

#include <functional>

namespace kith {
namespace {

NodeStatus healthy() {
  NodeStatus out;
  out.name = "n1";
  out.joined = true;
  return out;
}

TEST_CASE("health: a node is ready when nothing keeps clients from it, and else says what does") {
  CHECK(readyz(checks_of(healthy()), false).status == 200);
  CHECK(readyz(checks_of(healthy()), false).body == "ok\n");
  struct Case {
    const char* says;
    std::function<void(NodeStatus&)> spoil;
  };
  for (const Case& one : std::vector<Case>{
           {"[-]joined failed: it belongs to no cluster yet", [](NodeStatus& s) { s.joined = false; }},
           {"[-]running failed: it is going down", [](NodeStatus& s) { s.stopping = true; }},
           {"[-]stays failed: it is leaving the cluster", [](NodeStatus& s) { s.leave.leaving = true; }},
           {"[-]life failed: another life", [](NodeStatus& s) { s.superseded = true; }},
           {"[-]clock failed: its clock is 1.5 s ahead", [](NodeStatus& s) { s.clock_fenced = true; s.clock_ahead_ms = 1500; }},
           {"[-]room failed: its store is full", [](NodeStatus& s) { s.full = true; }},
           {"[-]caught-up failed: it was away", [](NodeStatus& s) { s.garbage.rebasing = true; }},
       }) {
    CAPTURE(one.says);
    NodeStatus status = healthy();
    one.spoil(status);
    const HttpReply reply = readyz(checks_of(status), false);
    CHECK(reply.status == 503);
    CHECK(reply.body.find(one.says) == 0);
    CHECK(reply.body.find("[+]") == std::string::npos);
    const HttpReply verbose = readyz(checks_of(status), true);
    CHECK(verbose.body.find(one.says) != std::string::npos);
    CHECK(verbose.body.find("[+]engine ok\n") == 0);
    CHECK(livez(checks_of(status), false).status == 200);  // It works, and need not be started anew.
  }
}

TEST_CASE("health: a node whose engine does not answer is neither live nor ready") {
  for (const HttpReply& reply : {livez(checks_of(std::nullopt), false), readyz(checks_of(std::nullopt), true)}) {
    CHECK(reply.status == 503);
    CHECK(reply.body.find("[-]engine failed: its thread did not answer") == 0);
  }
}

}  // namespace
}  // namespace kith
