#include "node/inspect.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "crdt/counter.h"
#include "node/json_text.h"

namespace kith {

namespace {

using nlohmann::json;

// Of one cell so many entries are shown; 4 MiB of them would be no help to anybody.
constexpr std::size_t kExplainedEntriesMax = 1000;

ClientReply document_reply(const Request& request, std::string document) {
  ClientReply out;
  out.id = request.id;
  out.document = std::move(document);
  return out;
}

std::optional<ClientReply> check_shard(const Request& request, const ReadContext& context) {
  if (request.shard < context.shard_count || request.shard == kSystemShard) return std::nullopt;
  return error_reply(request, "bad_request",
                     "there is no shard " + std::to_string(request.shard) + ": shards are 0 to " +
                         std::to_string(context.shard_count - 1) + ", and " + std::to_string(kSystemShard) +
                         " for the system's");
}

json register_json(const Register& value) {
  json out = {{"tag", {{"at", time_json(value.tag().at)}, {"actor", to_hex(value.tag().actor.value)}}},
              {"commit", commit_json(value.commit())},
              {"value_bytes", value.value() ? value.value()->size() : 0}};
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
}

json explain_cell(const Row& row, std::int64_t now_ms) {
  json out = {{"kind", to_string(row.cell.kind)},
              {"present", row.content.shows_at(now_ms)},
              {"bytes", row.bytes},
              {"lsn", row.lsn},
              {"entries", row.content.entry_count()}};
  if (row.cell.kind != Kind::kRegister) out["member"] = name_json(row.cell.member);
  describe_content(row, kExplainedEntriesMax, out);
  return out;
}

// What `kith diff` compares: enough to tell two cells apart, and to show what they hold.
json observable_cell(const Row& row) {
  json out = {{"table", row.cell.table},
              {"key", name_json(row.cell.key)},
              {"kind", to_string(row.cell.kind)},
              {"bucket", bucket_of(row.cell)},
              {"fingerprint", to_hex(fingerprint_of(row.cell, row.content))}};
  if (row.cell.kind != Kind::kRegister) out["member"] = name_json(row.cell.member);
  if (row.cell.kind != Kind::kSet) {
    const Register& value = row.content.as_register();
    constexpr std::size_t kValueShownMax = 256;
    out["tag"] = to_string(value.tag());
    out["value_bytes"] = value.value()->size();
    if (value.expires_at_ms() != 0) out["expires"] = time_json(Timestamp::at_ms(value.expires_at_ms()));
    if (value.value()->size() <= kValueShownMax) out["value"] = name_json(*value.value());
    return out;
  }
  constexpr std::size_t kTagsShownMax = 16;
  json tags = json::array();
  const SetElement& element = row.content.as_set_element();
  for (const auto& [actor, entry] : element.adds()) {
    if (!element.dead(actor, entry) && tags.size() < kTagsShownMax) tags.push_back(to_string(Tag{entry.at, actor}));
  }
  out["tags"] = std::move(tags);
  return out;
}

// A counter is one thing to compare, however far it is folded here: what its cells amount to.
class ComparedCounter {
 public:
  bool holds(const Row& row) const { return is_counter_ && row.cell.table == table_ && row.cell.key == key_; }
  void begin(const Row& row) {
    *this = {};
    is_counter_ = true;
    table_ = row.cell.table;
    key_ = row.cell.key;
    bucket_ = bucket_of(row.cell);
  }
  void add(const Row& row) {
    sum_ += counter_share(row.cell, row.content);
    fingerprint_ += fingerprint_of(row.cell, row.content);
  }
  std::string take() {
    if (!std::exchange(is_counter_, false)) return {};
    return dump({{"table", table_},   {"key", name_json(key_)},  {"kind", to_string(Kind::kCounter)},
                 {"bucket", bucket_}, {"fingerprint", to_hex(fingerprint_)}, {"value", std::to_string(sum_.shown())}});
  }

 private:
  bool is_counter_ = false;
  std::string table_, key_;
  std::size_t bucket_ = 0;
  CounterSum sum_;
  std::uint64_t fingerprint_ = 0;
};

// Sums over all cells of a set, a hash or a counter, and shows the first.
std::optional<json> explain_collection(const Request& request, const ReadContext& context, ShardId shard, Kind kind) {
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
      cells.push_back(explain_cell(*row, context.now_ms));
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

ClientReply error_reply(const Request& request, std::string code, std::string message) {
  ClientReply out;
  out.id = request.id;
  out.status = Status::kError;
  out.code = std::move(code);
  out.message = std::move(message);
  return out;
}

ClientReply damaged_reply(const Request& request, const ReadContext& context, const StoreKey& row) {
  context.damaged(row);
  return error_reply(request, "damaged",
                     "a row of " + shown(request.key) + " in table " + shown(request.table) +
                         " is damaged on this node's disk; a peer is being asked for it: "
                         "try again in a moment, or ask another node");
}

ClientReply answer_shards(const Request& request, const ReadContext& context) {
  json roots = json::array();
  for (std::uint32_t shard = 0; shard < context.shard_count; ++shard) {
    roots.push_back(to_hex(context.snapshot.shard_root(static_cast<ShardId>(shard))));
  }
  return document_reply(request, dump({{"shard_count", context.shard_count},
                                       {"root", to_hex(context.snapshot.root())},
                                       {"system_root", to_hex(context.snapshot.shard_root(kSystemShard))},
                                       {"roots", std::move(roots)}}));
}

ClientReply answer_buckets(const Request& request, const ReadContext& context) {
  if (auto problem = check_shard(request, context)) return *problem;
  const auto shard = static_cast<ShardId>(request.shard);
  json sums = json::array();
  for (const std::uint64_t sum : context.snapshot.buckets(shard)) sums.push_back(to_hex(sum));
  return document_reply(request, dump({{"shard", shard},
                                       {"root", to_hex(context.snapshot.shard_root(shard))},
                                       {"buckets", std::move(sums)}}));
}

ClientReply answer_cells(const Request& request, const ReadContext& context) {
  if (auto problem = check_shard(request, context)) return *problem;
  const auto shard = static_cast<ShardId>(request.shard);
  const StoreKey prefix = shard_prefix(shard);
  if (!request.after.empty() && !request.after.starts_with(prefix)) {
    return error_reply(request, "bad_request", "\"after\" is no position in this shard: send the \"next\" of the page before");
  }
  std::array<bool, kFingerprintBuckets> wanted{};
  if (request.buckets.empty()) wanted.fill(true);
  for (const std::uint32_t bucket : request.buckets) wanted.at(bucket) = true;

  // Put together as text, because only text has a size.
  const std::size_t items_max = request.limit == 0 ? kPageItemsMax : std::min<std::size_t>(request.limit, kPageItemsMax);
  std::string cells;
  std::size_t items = 0, looked_at = 0;
  StoreKey last = request.after, next;
  ComparedCounter counter;
  const auto put = [&](const std::string& item) {
    if (items++ > 0) cells += ',';
    cells += item;
  };
  context.snapshot.scan(prefix, request.after, [&](const StoreKey& key, const Row* row) {
    std::string item;
    if (row != nullptr && row->cell.kind == Kind::kCounter) {
      // SUBTLE: a page never ends within a counter, or what is told of it would be what half its cells amount to.
      ++looked_at;
      if (!counter.holds(*row)) {
        if (std::string whole = counter.take(); !whole.empty()) put(whole);
        if (looked_at > kRowsLookedAtMax || items >= items_max || cells.size() > kPageBytesMax) {
          next = last;
          return false;
        }
        if (wanted[bucket_of(row->cell)]) counter.begin(*row);
      }
      if (counter.holds(*row)) counter.add(*row);
      last = key;
      return true;
    }
    if (row == nullptr) {
      context.damaged(key);
      item = dump({{"damaged", true}, {"store_key", hex_text(key)}});
    } else if (row->content.shows_at(context.now_ms) && wanted[bucket_of(row->cell)]) {
      item = dump(observable_cell(*row));
    }
    if (std::string whole = counter.take(); !whole.empty()) put(whole);
    if (++looked_at > kRowsLookedAtMax ||
        (!item.empty() && (items == items_max || (items > 0 && cells.size() + item.size() > kPageBytesMax)))) {
      next = last;
      return false;
    }
    if (!item.empty()) put(item);
    last = key;
    return true;
  });
  if (std::string whole = counter.take(); !whole.empty()) put(whole);
  ClientReply out = document_reply(request, "{\"cells\":[" + cells + "],\"shard\":" + std::to_string(shard) + "}");
  out.next = next;
  return out;
}

ClientReply answer_explain(const Request& request, const ReadContext& context) {
  const ShardId shard = shard_of(request.table, request.key, context.shard_count);
  json values = json::array();
  const auto one_cell = [&](Kind kind, const std::string& member) {
    const CellKey cell{request.table, request.key, kind, member};
    Row row;
    switch (context.snapshot.get(shard, cell, row)) {
      case Snapshot::Lookup::kMissing: break;
      case Snapshot::Lookup::kFound: values.push_back(explain_cell(row, context.now_ms)); break;
      case Snapshot::Lookup::kDamaged:
        context.damaged(store_key(shard, cell));
        values.push_back({{"kind", to_string(kind)}, {"damaged", true}});
        break;
    }
  };
  if (request.members.empty()) {
    one_cell(Kind::kRegister, {});
    for (const Kind kind : {Kind::kSet, Kind::kHash, Kind::kCounter}) {
      if (auto collection = explain_collection(request, context, shard, kind)) values.push_back(std::move(*collection));
    }
  } else {
    one_cell(Kind::kSet, request.members.front());
    one_cell(Kind::kHash, request.members.front());
  }
  json out = {{"table", request.table}, {"key", name_json(request.key)}, {"shard", shard}, {"values", std::move(values)}};
  if (!request.members.empty()) out["member"] = name_json(request.members.front());
  ClientReply reply = document_reply(request, {});
  if (out["values"].empty()) {
    reply.status = Status::kNotFound;
    reply.message = "nothing is stored under " + shown(request.key) + ", not even a removal";
  }
  reply.document = dump(out);
  return reply;
}

}  // namespace kith
