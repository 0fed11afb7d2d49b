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

}  // namespace kith
