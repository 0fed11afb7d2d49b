#include "node/http/api_compare.h"

#include <array>
#include <atomic>
#include <charconv>
#include <nlohmann/json.hpp>

#include "node/json_text.h"
#include "node/reads.h"
#include "node/view/comparison.h"
#include "node/view/connections.h"
#include "node/view/explanation.h"
#include "node/view/json_text.h"
#include "node/view/text.h"

namespace kith {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

// Held while a comparison runs.
class Turn {
 public:
  Turn() : mine_(running_.fetch_add(1) < kComparesMax) {}
  ~Turn() { --running_; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  explicit operator bool() const { return mine_; }

 private:
  static inline std::atomic<int> running_{0};
  const bool mine_;
};

HttpReply too_many() { return http_error(503, "too many comparisons run already: try again in a moment"); }

// Asks nodes, this one among them, until the time of the request is over.
class Asker {
 public:
  Asker(const Picture& picture, Window& window) : picture_(picture), window_(window) {}

  ClientReply operator()(const std::string& address, const Request& request) {
    const auto left = std::chrono::ceil<milliseconds>(until_ - Clock::now());
    if (left.count() <= 0) throw ClientError(ClientError::Kind::kTimeout, "it took longer than " + duration_in_words(kCompareTimeMs));
    const SeenNode* own = picture_.own();
    ClientReply reply = own != nullptr && own->address == address ? window_.read(request) : connections_.call(address, request, left);
    if (reply.status != Status::kOk && reply.status != Status::kNotFound) throw ClientError(ClientError::Kind::kProtocol, reply.message);
    return reply;
  }

 private:
  const Picture& picture_;
  Window& window_;
  Connections connections_;
  const Clock::time_point until_ = Clock::now() + milliseconds(kCompareTimeMs);
};

std::string names_of(const Picture& picture) {
  std::vector<std::string> names;
  for (const SeenNode& node : picture.nodes) names.push_back(node.name);
  return listed(names);
}

Json value_json(const CellValue* value) {
  if (value == nullptr) return nullptr;
  Json out{{"tags", value->tags}};
  if (value->value) out["value"] = json_of(*value->value);
  return out;
}

Json difference_json(const Difference& difference) {
  Json out{{"table", difference.cell.table}, {"key", json_of(difference.cell.key)}, {"kind", difference.cell.kind}};
  if (!difference.cell.member.empty()) out["member"] = json_of(difference.cell.member);
  out["a"] = value_json(difference.a);
  out["b"] = value_json(difference.b);
  return out;
}

HttpReply compared(const SeenNode& a, const SeenNode& b, std::uint64_t limit, Asker& ask) {
  Comparison comparison({a.name, a.address}, {b.name, b.address},
                        [&](const Side& side, const Request& request) { return ask(side.address, request); });
  if (const std::string problem = comparison.two_clusters(); !problem.empty()) return http_error(409, problem);
  // In how many shards the bucket of this number differs.
  std::array<std::uint32_t, kFingerprintBuckets> buckets{};
  std::size_t differing = 0;
  for (const std::uint32_t shard : comparison.shards_differing()) {
    for (const std::uint32_t bucket : comparison.buckets_differing(shard)) {
      ++buckets.at(bucket);
      ++differing;
    }
  }
  Json cells = Json::array();
  bool more = false;
  if (limit > 0) {
    comparison.each_difference([&](const Difference& difference) {
      if (cells.size() == limit) {
        more = true;
        return false;
      }
      cells.push_back(difference_json(difference));
      return true;
    });
  }
  const Json out{{"a", a.name},
                 {"b", b.name},
                 {"equal", differing == 0},
                 {"shards", comparison.shards()},
                 {"shards_differing", comparison.shards_differing()},
                 {"buckets", buckets},
                 {"buckets_differing", differing},
                 {"cells", std::move(cells)},
                 {"more_cells", more}};
  return {.type = "application/json", .body = out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

// A name given as text, or in hex.  False: malformed.
bool take_name(const HttpRequest& request, const std::string& name, std::optional<std::string>& out) {
  out = request.parameter(name);
  const auto hex = request.parameter(name + "_hex");
  if (!hex) return true;
  if (out) return false;
  out = from_hex(*hex);
  return out.has_value();
}

}  // namespace

HttpReply api_diff(const Picture& picture, Window& window, const HttpRequest& request) {
  const auto name_a = request.parameter("a"), name_b = request.parameter("b");
  if (!name_a || !name_b) return http_error(400, "say which two nodes: ?a=NAME&b=NAME; there are " + names_of(picture));
  const SeenNode* a = picture.find(*name_a);
  const SeenNode* b = picture.find(*name_b);
  for (const auto& [node, name] : {std::pair(a, *name_a), std::pair(b, *name_b)}) {
    if (node == nullptr) return http_error(404, "no node is named " + shown(name) + "; there are " + names_of(picture));
    if (!node->answers()) return http_error(502, name + " cannot be asked: " + (node->error.empty() ? "it has not answered yet" : node->error));
  }
  if (a == b) return http_error(400, "two nodes are needed, and both of these are " + *name_a);
  std::uint64_t limit = 100;
  if (const auto text = request.parameter("limit")) {
    const auto given = number_from(*text);
    if (!given || *given > kDiffCellsMax) return http_error(400, "\"limit\" must be a whole number from 0 to " + std::to_string(kDiffCellsMax));
    limit = *given;
  }
  const Turn turn;
  if (!turn) return too_many();
  Asker ask(picture, window);
  try {
    return compared(*a, *b, limit, ask);
  } catch (const ClientError& error) {
    return http_error(502, error.what());
  }
}

HttpReply api_explain(const Picture& picture, Window& window, const HttpRequest& request) {
  Request question;
  question.op = ClientOp::kExplain;
  question.table = request.parameter("table").value_or(std::string(kDefaultTable));
  std::optional<std::string> key, element;
  if (!take_name(request, "key", key) || !take_name(request, "element", element)) {
    return http_error(400, "a name is given once: as text (key, element) or in hex digits, two a byte (key_hex, element_hex)");
  }
  if (!key || key->empty()) return http_error(400, "say which key: ?key=KEY[&table=TABLE][&element=ELEMENT]");
  question.key = *key;
  if (element && !element->empty()) question.members = {*element};
  if (const auto problem = check_names(question)) return http_error(400, problem->message);
  const SeenNode* own = picture.own();
  if (own == nullptr || !own->answers()) return http_error(503, "this node has not seen itself yet: try again in a moment");
  const Turn turn;
  if (!turn) return too_many();
  Asker ask(picture, window);
  std::vector<ExplanationOfNode> answers;
  for (const NodeView& node : picture.view().nodes) {
    answers.push_back(explain_at(node, question, [&](const std::string& address, const Request& asked) { return ask(address, asked); }));
  }
  const Explanation explanation = explain(std::move(answers), picture.self);
  const Json document = json_of(explanation, question);
  return {.status = explanation.found ? 200 : 404,
          .type = "application/json",
          .body = document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"};
}

}  // namespace kith
