#include "node/reads.h"

#include <map>

#include "crdt/check.h"
#include "crdt/limits.h"
#include "node/explain.h"
#include "node/inspect.h"
#include "node/json_text.h"
#include "node/missing.h"

namespace kith {

namespace {

// What msgpack adds to an item: a header of at most five bytes for each of up to three parts.
constexpr std::size_t kItemOverhead = 15;

// Counts what goes into a page, and says when it is full.
class Page {
 public:
  explicit Page(const Request& request)
      : items_max_(request.limit == 0 ? kPageItemsMax : std::min<std::size_t>(request.limit, kPageItemsMax)) {}

  bool looked_enough() { return ++looked_at_ > kRowsLookedAtMax; }

  // Whether an item of so many bytes still fits; the first one always does.
  bool take(std::size_t bytes) {
    if (items_ == items_max_ || (items_ > 0 && bytes_ + bytes + kItemOverhead > kPageBytesMax)) return false;
    ++items_;
    bytes_ += bytes + kItemOverhead;
    return true;
  }

 private:
  std::size_t items_max_;
  std::size_t items_ = 0;
  std::size_t bytes_ = 0;
  std::size_t looked_at_ = 0;
};

ShardId shard_for(const Request& request, const ReadContext& context) {
  return shard_of(request.table, request.key, context.shard_count);
}

ClientReply reply_to(const Request& request) {
  ClientReply out;
  out.id = request.id;
  return out;
}

ClientReply not_found(const Request& request, std::string message) {
  ClientReply out = reply_to(request);
  out.status = Status::kNotFound;
  out.message = std::move(message);
  return out;
}

// The one cell that the request names.
ClientReply read_cell(const Request& request, const ReadContext& context, Kind kind) {
  CellKey cell{request.table, request.key, kind, kind == Kind::kRegister ? "" : request.members.front()};
  const ShardId shard = shard_for(request, context);
  Row row;
  switch (context.snapshot.get(shard, cell, row)) {
    case Snapshot::Lookup::kDamaged: return damaged_reply(request, context, store_key(shard, cell));
    case Snapshot::Lookup::kMissing:
      if (const auto beside = context.snapshot.damage_beside(store_key(shard, cell))) {
        return damaged_reply(request, context, *beside);
      }
      break;
    case Snapshot::Lookup::kFound: {
      if (!row.content.shows_at(context.now_ms)) break;
      ClientReply out = reply_to(request);
      if (kind == Kind::kSet) {
        out.number = 1;
        return out;
      }
      const Register& state = row.content.as_register();
      if (request.op != ClientOp::kTtl) out.value = state.value();
      if (state.expires_at_ms() != 0) out.ttl_ms = state.expires_at_ms() - context.now_ms;
      return out;
    }
  }
  if (kind == Kind::kSet) return reply_to(request);  // Number 0.
  return not_found(request, kind == Kind::kRegister
                                ? "there is no value under " + shown(request.key)
                                : "there is no field " + shown(cell.member) + " in " + shown(request.key));
}

ClientReply read_collection(const Request& request, const ReadContext& context, Kind kind) {
  const ShardId shard = shard_for(request, context);
  const StoreKey prefix = value_prefix(shard, request.table, request.key, kind);
  if (!request.after.empty() && !request.after.starts_with(prefix)) {
    return error_reply(request, "bad_request", "\"after\" is no position in this value: send the \"next\" of the page before");
  }
  ClientReply out = reply_to(request);
  Page page(request);
  StoreKey last = request.after;
  std::optional<StoreKey> damaged;
  context.snapshot.scan(prefix, request.after, [&](const StoreKey& key, const Row* row) {
    if (row == nullptr) {
      damaged = key;
      return false;
    }
    if (page.looked_enough()) {
      out.next = last;
      return false;
    }
    if (row->content.shows_at(context.now_ms)) {
      const std::string& member = row->cell.member;
      const std::size_t value_bytes = kind == Kind::kHash ? row->content.as_register().value()->size() : 0;
      if (!page.take(member.size() + value_bytes)) {
        out.next = last;
        return false;
      }
      if (kind == Kind::kHash) {
        out.fields.emplace_back(member, *row->content.as_register().value());
      } else {
        out.members.push_back(member);
      }
    }
    last = key;
    return true;
  });
  // What cannot be read right before the first or right behind the last may belong between them.
  if (!damaged) damaged = context.snapshot.damage_around(prefix);
  return damaged ? damaged_reply(request, context, *damaged) : out;
}

ClientReply read_counter(const Request& request, const ReadContext& context) {
  CounterState state;
  if (context.snapshot.counter(shard_for(request, context), request.table, request.key, state) ==
      Snapshot::Lookup::kDamaged) {
    return damaged_reply(request, context, state.damaged);
  }
  ClientReply out = reply_to(request);
  out.total = state.sum.shown();  // 0 when there is none: every counter begins there.
  return out;
}

// A position in a list of keys: the kind in one byte, then the key.
ClientReply read_keys(const Request& request, const ReadContext& context) {
  std::optional<Snapshot::KeyPosition> after;
  if (!request.after.empty()) {
    const auto kind = kind_from(static_cast<std::uint8_t>(request.after[0]));
    if (!kind) return error_reply(request, "bad_request", "\"after\" is no position: send the \"next\" of the page before");
    after = Snapshot::KeyPosition{request.after.substr(1), *kind};
  }
  // What the counts do not know yet.
  std::map<std::string, std::uint64_t, std::less<>> expired;
  std::size_t looked_at = 0;
  context.snapshot.expiries(Snapshot::Expiries::kNotPassed, [&](const Snapshot::Expiry& it) {
    if (it.over_at_ms > context.now_ms || ++looked_at > kRowsLookedAtMax) return false;
    Row row;
    const bool found = context.snapshot.get(it.key, row) == Snapshot::Lookup::kFound && row.content.over_at_ms() == it.over_at_ms;
    if (found) ++expired[std::string(value_of_store_key(it.key))];
    return true;
  });
  ClientReply out = reply_to(request);
  Page page(request);
  std::string last = request.after;
  context.snapshot.keys(request.table, request.prefix, after, [&](KeyCount count) {
    if (const auto gone = expired.empty() ? expired.end() : expired.find(value_key(request.table, count.key, count.kind)); gone != expired.end()) {
      count.live -= std::min(count.live, gone->second);
      if (count.live == 0) {
        last = static_cast<char>(count.kind) + count.key;
        return true;
      }
    }
    if (!page.take(count.key.size() + sizeof count.live)) {
      out.next = last;
      return false;
    }
    out.keys.push_back({count.key, count.kind, count.live, count.total});
    last = static_cast<char>(count.kind) + count.key;
    return true;
  });
  return out;
}

bool needs_key(ClientOp op) {
  return op != ClientOp::kKeys && op != ClientOp::kShards && op != ClientOp::kBuckets && op != ClientOp::kCells &&
         op != ClientOp::kMissing;
}

}  // namespace

bool answers_reads(ClientOp op) {
  if (may_ask_others(op)) return true;
  switch (op) {
    case ClientOp::kKeys:
    case ClientOp::kShards:
    case ClientOp::kBuckets:
    case ClientOp::kCells:
    case ClientOp::kMissing:
    case ClientOp::kExplain: return true;
    default: return false;
  }
}

bool may_ask_others(ClientOp op) {
  switch (op) {
    case ClientOp::kGet:
    case ClientOp::kSmembers:
    case ClientOp::kSismember:
    case ClientOp::kScard:
    case ClientOp::kHget:
    case ClientOp::kHgetall:
    case ClientOp::kTtl:
    case ClientOp::kCount: return true;
    default: return false;
  }
}

std::optional<ClientReply> refuse_level(const Request& request) {
  if (request.replicas <= 1) return std::nullopt;
  if (!may_ask_others(request.op)) {
    return error_reply(request, "bad_request", std::string(to_string(request.op)) + " tells what this node has, and asks no others: only reads of one key have a level");
  }
  if (request.table == kSystemTable) {
    return error_reply(request, "bad_request", "the system table is read as this node has it: a read of it has no level");
  }
  return std::nullopt;
}

std::optional<NameProblem> check_names(const Request& request) {
  const auto too_long = [](const char* what, std::size_t size, std::size_t most) {
    return NameProblem{"limit", std::string(what) + " has " + std::to_string(size) + " bytes; the limit is " +
                                    std::to_string(most)};
  };
  if (!valid_table_name(request.table) && request.table != kSystemTable) {
    if (request.table.size() > kTableNameBytesMax) return too_long("the table's name", request.table.size(), kTableNameBytesMax);
    return NameProblem{"bad_name", shown(request.table) + " is no name of a table: 1 to " +
                                       std::to_string(kTableNameBytesMax) + " of A-Z a-z 0-9 . - _, not beginning with _"};
  }
  if (request.key.size() > kKeyBytesMax) return too_long("the key", request.key.size(), kKeyBytesMax);
  if (request.prefix.size() > kKeyBytesMax) return too_long("the prefix", request.prefix.size(), kKeyBytesMax);
  if (needs_key(request.op) && request.key.empty()) return NameProblem{"bad_request", "\"key\" is missing or empty"};
  for (const std::string& member : request.members) {
    if (member.size() > kMemberBytesMax) return too_long("the element or field", member.size(), kMemberBytesMax);
  }
  const bool needs_member = request.op == ClientOp::kSismember || request.op == ClientOp::kHget;
  if (needs_member && request.members.size() != 1) {
    return NameProblem{"bad_request", "\"members\" must hold exactly one element or field"};
  }
  if ((request.op == ClientOp::kExplain || request.op == ClientOp::kTtl) && request.members.size() > 1) {
    return NameProblem{"bad_request", "\"members\" must hold at most one element or field"};
  }
  return std::nullopt;
}

ClientReply answer_read(const Request& request, const ReadContext& context) {
  KITH_CHECK(answers_reads(request.op), "not a read", to_string(request.op));
  if (context.shard_count == 0) {
    return error_reply(request, "not_joined", "this node has not joined its cluster yet: try again, or ask another node");
  }
  if (auto problem = check_names(request)) return error_reply(request, problem->code, problem->message);
  switch (request.op) {
    case ClientOp::kGet: return read_cell(request, context, Kind::kRegister);
    case ClientOp::kSismember: return read_cell(request, context, Kind::kSet);
    case ClientOp::kHget: return read_cell(request, context, Kind::kHash);
    case ClientOp::kTtl: return read_cell(request, context, request.members.empty() ? Kind::kRegister : Kind::kHash);
    case ClientOp::kSmembers: return read_collection(request, context, Kind::kSet);
    case ClientOp::kHgetall: return read_collection(request, context, Kind::kHash);
    case ClientOp::kCount: return read_counter(request, context);
    case ClientOp::kKeys: return read_keys(request, context);
    case ClientOp::kShards: return answer_shards(request, context);
    case ClientOp::kBuckets: return answer_buckets(request, context);
    case ClientOp::kCells: return answer_cells(request, context);
    case ClientOp::kExplain: return answer_explain(request, context);
    case ClientOp::kMissing: return answer_missing(request, context);
    default: break;
  }
  ClientReply out = reply_to(request);  // kScard
  out.number = context.snapshot.count(request.table, request.key, Kind::kSet);
  return out;
}

}  // namespace kith
