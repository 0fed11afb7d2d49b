#include "node/http/health.h"

#include <algorithm>

#include "node/view/garbage_words.h"
#include "node/view/text.h"

namespace kith {
namespace {

HttpReply reply_of(const std::string& name, const std::vector<Check>& checks, bool verbose) {
  const bool passed = std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.passed; });
  std::string body;
  for (const Check& check : checks) {
    if (check.passed && !verbose) continue;
    body += (check.passed ? "[+]" : "[-]") + check.name + (check.passed ? " ok" : " failed: " + check.why) + "\n";
  }
  if (passed && !verbose) return {.body = "ok\n"};
  return {.status = passed ? 200 : 503, .body = body + name + (passed ? " check passed\n" : " check failed\n")};
}

}  // namespace

std::vector<Check> checks_of(const std::optional<NodeStatus>& status) {
  if (!status) return {{"engine", false, "its thread did not answer within a second: it waits for the disk, has very much to do, or has ended"}};
  const NodeStatus& node = *status;
  const auto check = [](const char* name, bool passed, std::string why) { return Check{name, passed, passed ? "" : std::move(why)}; };
  return {
      {"engine", true},
      check("joined", node.joined, "it belongs to no cluster yet: no member has answered it"),
      check("running", !node.stopping, "it is going down"),
      check("stays", !node.leave.leaving, "it is leaving the cluster for good: writes are refused"),
      check("life", !node.superseded, "another life of it runs: nobody listens to this one"),
      check("clock", !node.clock_fenced, "its clock is " + duration_in_words(node.clock_ahead_ms) + " ahead of its peers': writes are refused"),
      check("room", !node.full, "its store is full: writes are refused"),
      check("caught-up", !node.garbage.rebasing,
            "it was away for longer than removals are remembered, and has not caught up: " + rebase_in_words(node.garbage)),
  };
}

HttpReply readyz(const std::vector<Check>& checks, bool verbose) { return reply_of("readyz", checks, verbose); }

HttpReply livez(const std::vector<Check>& checks, bool verbose) { return reply_of("livez", {checks.front()}, verbose); }

}  // namespace kith
