#include "node/view/explanation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "node/view/explain_words.h"
#include "node/view/json_text.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;
using Role = ExplainedEntry::Role;

Json json_of_answer(const ExplanationOfNode& answer) {
  Json row{{"node", answer.node}, {"reachable", answer.error.empty()}};
  if (answer.error.empty()) {
    const Json document = Json::parse(answer.document);
    row["stored"] = document.value("values", Json::array());
    row["origins"] = document.value("origins", Json::array());
  } else {
    row["error"] = answer.error;
  }
  return row;
}

Json json_of_seen(const ExplanationOfNode& asked, const LifeNames& lives) {
  Json out = Json::array();
  for (const ExplainedValue& value : asked.explained.values) {
    for (const ExplainedEntry& entry : value.entries) {
      const Seen seen = seen_by(entry.commit, lives, *asked.status);
      Json row{{"kind", value.kind}, {"entry", name_of(entry.role)}, {"tag", to_string(entry.tag)},
               {"through", life_in_words(lives, entry.commit.origin)}, {"seen_by", seen.by}, {"not_confirmed_by", Json::array()}};
      for (const MemberRow* member : seen.not_confirmed) row["not_confirmed_by"].push_back(member->name);
      out.push_back(std::move(row));
    }
  }
  return out;
}

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kAdd: return "add";
    case Role::kRemoval: return "removal up to";
    case Role::kValue: return "value";
    case Role::kIncrement: return "increment";
    case Role::kBase: break;
  }
  return "base up to";
}

void Explanation::learn(const ExplanationOfNode& answer) {
  // One that has not heard of a node's latest life takes the one before for it.
  for (const auto& [origin, life] : answer.explained.lives) {
    LifeName& known = lives.emplace(origin, life).first->second;
    known.present &= life.present;
  }
}

ExplanationOfNode explain_at(const NodeView& node, const Request& request,
                             const std::function<ClientReply(const std::string& address, const Request& request)>& ask) {
  ExplanationOfNode answer{node.name, {}, {}, node.status, node.error};
  if (!node.status) return answer;
  try {
    answer.document = ask(node.address, request).document;
    answer.explained = parse_explained(answer.document);
  } catch (const std::exception& error) {
    answer.error = error.what();
  }
  return answer;
}

Explanation explain(std::vector<ExplanationOfNode> answers, const std::string& asked) {
  Explanation out;
  out.answers = std::move(answers);
  for (std::size_t i = 0; i < out.answers.size(); ++i) {
    out.learn(out.answers[i]);
    if (out.answers[i].node == asked) out.asked = i;
  }
  if (out.asked && out.answers[*out.asked].error.empty()) {
    const ExplanationOfNode& own = out.answers[*out.asked];
    for (const ExplainedValue& value : own.explained.values) {
      for (std::string& line : history_in_words(value, out.lives, *own.status)) out.history.push_back(std::move(line));
    }
  }
  out.found = std::any_of(out.answers.begin(), out.answers.end(), [](const auto& answer) { return !answer.explained.values.empty(); });
  return out;
}

Json json_of(const Explanation& explanation, const Request& request) {
  Json out{{"table", request.table}, {"key", json_of(request.key)}};
  if (!request.members.empty()) out["element"] = json_of(request.members.front());
  for (const ExplanationOfNode& answer : explanation.answers) out["nodes"].push_back(json_of_answer(answer));
  if (explanation.asked && explanation.answers[*explanation.asked].error.empty()) {
    const ExplanationOfNode& own = explanation.answers[*explanation.asked];
    out["explained"] = {{"by", own.node}, {"entries", json_of_seen(own, explanation.lives)}, {"sentences", explanation.history}};
  }
  return out;
}

}  // namespace kith
