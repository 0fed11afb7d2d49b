#include "node/explain.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "crdt/bytes.h"
#include "crdt/counter.h"
#include "gossip/core.h"
#include "node/inspect.h"
#include "node/json_text.h"

namespace kith {

namespace {

using nlohmann::json;

// Of one cell so many entries are shown; 4 MiB of them would be no help to anybody.
constexpr std::size_t kExplainedEntriesMax = 1000;
// A cell is shown as a whole as well, for whoever wants to merge it, while it is no larger.
constexpr std::size_t kContentBytesMax = 128 * 1024;

// The origins that a document speaks of.
class Origins {
 public:
  void of(const Content& content) {
    content.each_commit([&](const Commit& commit) { all_.insert(commit.origin); });
    if (!content.holds(Kind::kSet)) return;
    // What a removal names may be an add without a client's tag: then its actor is an origin.
    for (const auto& [actor, entry] : content.as_set_element().removed()) all_.insert(OriginId{actor.value});
  }

  json named_by(const Snapshot& snapshot) const {
    json out = json::array();
    const std::map<OriginId, NodeId> nodes = nodes_by(snapshot);
    for (const auto& [origin, node] : nodes) {
      Row row;
      std::optional<MemberRecord> record;
      if (snapshot.get(kSystemShard, member_cell(node), row) == Snapshot::Lookup::kFound && row.content.present()) {
        record = decode_member_record(*row.content.as_register().value());
      }
      out.push_back({{"origin", to_hex(origin.value)},
                     {"node_id", to_hex(node.value)},
                     {"node", record ? json(record->name) : json(nullptr)},
                     {"present", record && record->lives.back().origin == origin}});
    }
    return out;
  }

 private:
  std::map<OriginId, NodeId> nodes_by(const Snapshot& snapshot) const {
    std::map<OriginId, NodeId> out;
    if (all_.empty()) return out;
    const CellKey any = life_cell(NodeId{1}, OriginId{1});
    snapshot.scan(value_prefix(kSystemShard, any.table, any.key, any.kind), {}, [&](const StoreKey&, const Row* row) {
      const auto life = row == nullptr ? std::nullopt : life_of_cell(row->cell);
      if (life && all_.contains(life->second)) out.emplace(life->second, life->first);
      return true;
    });
    for (const OriginId origin : all_) {
      if (out.contains(origin)) continue;
      const NodeId node{meta::decode_number(snapshot.meta(meta::former_life(origin)))};
      if (node) out.emplace(origin, node);
    }
    return out;
  }

  std::set<OriginId> all_;
};

json register_json(const Register& value) {
  json out = {{"tag", {{"at", time_json(value.tag().at)}, {"actor", to_hex(value.tag().actor.value)}}},
              {"commit", commit_json(value.commit())},
              {"value_bytes", value.value() ? value.value()->size() : 0}};
  if (value.present()) out["value_hash"] = to_hex(value.tie_breaker());
  if (value.expires_at_ms() != 0) out["expires"] = time_json(Timestamp::at_ms(value.expires_at_ms()));
  return out;
}

json entry_json(ActorId actor, const Entry& entry) {
  return {{"actor", to_hex(actor.value)}, {"at", time_json(entry.at)}, {"commit", commit_json(entry.commit)}};
}

// Adds what the cell consists of.
void describe_content(const Row& row, std::size_t entries_max, json& out) {
  if (row.cell.kind != Kind::kSet) {
    if (!row.content.empty()) out["register"] = register_json(row.content.as_register());
    if (row.cell.kind == Kind::kCounter && !row.content.empty()) {
      out[is_base(row.cell) ? "sum" : "amount"] = counter_share(row.cell, row.content).shown();
    }
    return;
  }
  const SetElement& element = row.content.as_set_element();
  json adds = json::array();
  for (const auto& [actor, entry] : element.adds()) {
    if (adds.size() == entries_max) break;
    json add = entry_json(actor, entry);
    add["dead"] = element.dead(actor, entry);
    adds.push_back(std::move(add));
  }
  json removed = json::array();
  for (const auto& [actor, entry] : element.removed()) {
    if (removed.size() == entries_max) break;
    removed.push_back(entry_json(actor, entry));
  }
  if (adds.size() < element.adds().size() || removed.size() < element.removed().size()) out["cut"] = true;
  out["adds"] = std::move(adds);
  out["removed"] = std::move(removed);
  ByteWriter whole;
  encode(row.content, whole);
  if (whole.view().size() <= kContentBytesMax) out["content"] = hex_text(whole.view());
}

json explain_cell(const Row& row, std::int64_t now_ms, Origins& origins) {
  origins.of(row.content);
  json out = {{"kind", to_string(row.cell.kind)},
              {"present", row.content.shows_at(now_ms)},
              {"bytes", row.bytes},
              {"lsn", row.lsn},
              {"entries", row.content.entry_count()}};
  if (row.cell.kind != Kind::kRegister) out["member"] = name_json(row.cell.member);
  describe_content(row, kExplainedEntriesMax, out);
  return out;
}

// Sums over all cells of a set, a hash or a counter, and shows the first.
std::optional<json> explain_collection(const Request& request, const ReadContext& context, ShardId shard, Kind kind,
                                       Origins& origins) {
  const StoreKey prefix = value_prefix(shard, request.table, request.key, kind);
  std::size_t looked_at = 0, present = 0, bytes = 0, damaged = 0, shown_bytes = 0;
  bool whole = true;
  json cells = json::array();
  context.snapshot.scan(prefix, {}, [&](const StoreKey& key, const Row* row) {
    if (looked_at == kRowsLookedAtMax) {
      whole = false;
      return false;
    }
    ++looked_at;
    if (row == nullptr) {
      ++damaged;
      context.damaged(key);
      return true;
    }
    bytes += row->bytes;
    present += row->content.shows_at(context.now_ms) ? 1 : 0;
    if (cells.size() < kExplainedCellsMax && shown_bytes < kPageBytesMax / 2) {
      cells.push_back(explain_cell(*row, context.now_ms, origins));
      shown_bytes += cells.back().dump(-1, ' ', false, json::error_handler_t::replace).size();
    }
    return true;
  });
  if (looked_at == 0) return std::nullopt;
  json out{{"kind", to_string(kind)}, {"cells_total", looked_at}, {"present", present},
              {"bytes", bytes},          {"damaged", damaged},       {"counted_all", whole},
              {"live", context.snapshot.count(request.table, request.key, kind)},
              {"cells", std::move(cells)}};
  if (kind != Kind::kCounter) return out;
  CounterState state;
  (void)context.snapshot.counter(shard, request.table, request.key, state);
  if (state.damaged.empty()) out["total"] = state.sum.shown();
  if (state.folded_to) out["folded_to"] = time_json(state.folded_to);
  return out;
}

}  // namespace

ClientReply answer_explain(const Request& request, const ReadContext& context) {
  const ShardId shard = shard_of(request.table, request.key, context.shard_count);
  json values = json::array();
  Origins origins;
  const auto one_cell = [&](Kind kind, const std::string& member) {
    const CellKey cell{request.table, request.key, kind, member};
    Row row;
    switch (context.snapshot.get(shard, cell, row)) {
      case Snapshot::Lookup::kMissing: break;
      case Snapshot::Lookup::kFound: values.push_back(explain_cell(row, context.now_ms, origins)); break;
      case Snapshot::Lookup::kDamaged:
        context.damaged(store_key(shard, cell));
        values.push_back({{"kind", to_string(kind)}, {"damaged", true}});
        break;
    }
  };
  if (request.members.empty()) {
    one_cell(Kind::kRegister, {});
    for (const Kind kind : {Kind::kSet, Kind::kHash, Kind::kCounter}) {
      if (auto collection = explain_collection(request, context, shard, kind, origins)) values.push_back(std::move(*collection));
    }
  } else {
    one_cell(Kind::kSet, request.members.front());
    one_cell(Kind::kHash, request.members.front());
  }
  json out = {{"table", request.table}, {"key", name_json(request.key)}, {"shard", shard}, {"values", std::move(values)},
              {"origins", origins.named_by(context.snapshot)}};
  if (!request.members.empty()) out["member"] = name_json(request.members.front());
  ClientReply reply;
  reply.id = request.id;
  if (out["values"].empty()) {
    reply.status = Status::kNotFound;
    reply.message = "nothing is stored under " + shown(request.key) + ", not even a removal";
  }
  reply.document = dump(out);
  return reply;
}

}  // namespace kith
