// node/view/explanation.h -- what all members of a cluster store under a key, and what the one that was asked makes of it:
// `kith explain` and /api/v1/explain.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/client.h"
#include "node/view/cluster_view.h"
#include "node/view/explain_document.h"

namespace kith {

struct ExplanationOfNode {
  std::string node;
  std::string document;
  Explained explained;
  std::optional<NodeStatus> status;
  std::string error;  // Why there is none.
};

struct Explanation {
  std::vector<ExplanationOfNode> answers;
  std::optional<std::size_t> asked;  // Whose word the history is; none: that node is not among the answers.
  LifeNames lives;                   // Of all answers.
  std::vector<std::string> history;  // Sentences, as far as the asked one knows.
  bool found = false;                // Somebody stores something.

  void learn(const ExplanationOfNode& answer);
};

std::string_view name_of(ExplainedEntry::Role role);  // "add", "removal up to", ..

// Asks `node` the question `request` (op explain).  Whatever `ask` throws is its error; so is a node without a status.
ExplanationOfNode explain_at(const NodeView& node, const Request& request,
                             const std::function<ClientReply(const std::string& address, const Request& request)>& ask);

// Puts the answers together; the history is empty when `asked` did not answer.
Explanation explain(std::vector<ExplanationOfNode> answers, const std::string& asked);

// {table, key, element?, nodes: [{node, reachable, stored | error}], explained?: {by, entries, sentences}}
nlohmann::ordered_json json_of(const Explanation& explanation, const Request& request);

}  // namespace kith
