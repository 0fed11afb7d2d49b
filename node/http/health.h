// node/http/health.h -- /livez and /readyz: whether this node works, and whether it may be sent clients.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "node/http/server.h"
#include "node/view/status_document.h"

namespace kith {

struct Check {
  std::string name;
  bool passed = false;
  std::string why{};  // When it did not.
};

// In the order in which they are shown.  `status` is none when the engine's thread did not answer.
std::vector<Check> checks_of(const std::optional<NodeStatus>& status);

// 200 when all passed, else 503 and why; `verbose`: a line for each, "[+]joined ok".
HttpReply readyz(const std::vector<Check>& checks, bool verbose);
HttpReply livez(const std::vector<Check>& checks, bool verbose);  // Of the first only.

}  // namespace kith
