#include "node/redis/reads.h"

#include <algorithm>

#include "node/log.h"
#include "node/reads.h"
#include "node/redis/field_counters.h"
#include "node/redis/limits.h"
#include "node/redis/numbers.h"

namespace kith::redis {

namespace {

constexpr std::int64_t kKeyCountMs = 1000;

std::string_view type_of(Kind kind) {
  switch (kind) {
    case Kind::kSet: return "set";
    case Kind::kHash: return "hash";
    default: return "string";
  }
}

std::string error_of(const ClientReply& reply) {
  // What clients retry by themselves: this node will answer soon.
  if (reply.code == "not_joined") return "LOADING " + reply.message;
  return "ERR " + reply.message;
}

}  // namespace

std::optional<std::string> StringParts::shown() const {
  if (counted == 0) return text;
  if (!text) return std::to_string(counted);
  // Text beside a counter: two nodes wrote at the same time, one of them a text.  The text shows.
  std::int64_t sum = 0;
  const auto number = parse_integer(*text);
  if (!number) return text;
  if (__builtin_add_overflow(*number, counted, &sum)) sum = counted > 0 ? INT64_MAX : INT64_MIN;  // As a counter that passes 64 bits.
  return std::to_string(sum);
}

Reads::Reads(const Services& services) : services_(services) { request_.table = services.table; }

void Reads::begin() {
  error_.clear();
  if (snapshot_ && snapshot_commits_ != services_.commits()) forget();
}

void Reads::forget() {
  snapshot_.reset();
  now_ms_ = 0;
}

void Reads::look() {
  if (snapshot_) return;
  // SUBTLE: in this order: what is committed in between is in the snapshot, and has us take another the next time.
  snapshot_commits_ = services_.commits();
  snapshot_ = services_.store.snapshot();
  now_ms_ = services_.now_ms();
}

ClientReply Reads::ask(ClientOp op, std::string_view key) {
  ClientReply reply;
  if (failed()) {
    reply.status = Status::kError;
    return reply;
  }
  request_.op = op;
  request_.key = key;
  try {
    look();
    reply = answer_read(request_, {*snapshot_, services_.shard_count(), services_.damaged, now_ms_});
    if (reply.status == Status::kError) error_ = error_of(reply);
  } catch (const StoreError& error) {
    log(LogLevel::kError, std::string("a read failed: ") + error.what());
    reply.status = Status::kError;
    error_ = std::string("ERR this node could not read its disk: ") + error.what() + ": ask another node, and look at this one's log";
  }
  return reply;
}

StringParts Reads::string(std::string_view key) {
  StringParts out;
  if (auto known = cell_at_once(key, Kind::kRegister, {})) {
    out.text = std::move(known->value);
    out.ttl_ms = known->ttl_ms;
  } else {
    request_.members.clear();
    ClientReply text = ask(ClientOp::kGet, key);
    out.text = std::move(text.value);
    out.ttl_ms = text.ttl_ms;
  }
  out.counted = counted(key);
  return out;
}

std::optional<std::string> Reads::text(std::string_view key) {
  if (auto known = cell_at_once(key, Kind::kRegister, {})) return std::move(known->value);
  request_.members.clear();
  return ask(ClientOp::kGet, key).value;
}

// SUBTLE: only what is sure: names that are none, damage and whatever fails are told by ask().
std::optional<Reads::CellSeen> Reads::cell_at_once(std::string_view key, Kind kind, std::string_view member) {
  const std::uint32_t shards = services_.shard_count();
  if (failed() || shards == 0 || key.empty() || key.size() > kKeyBytesMax || member.size() > kMemberBytesMax) return std::nullopt;
  try {
    look();
    cell_.table = services_.table;
    cell_.key = key;
    cell_.kind = kind;
    cell_.member = member;
    const StoreKey name = store_key(shard_of(cell_.table, cell_.key, shards), cell_);
    CellSeen out;
    switch (snapshot_->get(name, row_)) {
      case Snapshot::Lookup::kDamaged: return std::nullopt;
      case Snapshot::Lookup::kMissing: return snapshot_->damage_beside(name) ? std::nullopt : std::optional(std::move(out));
      case Snapshot::Lookup::kFound: break;
    }
    if (row_.cell != cell_) return std::nullopt;  // Two long names with one hash.
    out.shows = row_.content.shows_at(now_ms_);
    if (!out.shows || kind == Kind::kSet) return out;
    const Register& state = row_.content.as_register();
    out.value = state.value();
    if (state.expires_at_ms() != 0) out.ttl_ms = state.expires_at_ms() - now_ms_;
    return out;
  } catch (const StoreError&) {
    return std::nullopt;
  }
}

// SET asks for every key, of which hardly any was ever counted.
std::int64_t Reads::counted(std::string_view key) {
  const std::uint32_t shards = services_.shard_count();
  if (!failed() && shards > 0 && !key.empty() && key.size() <= kKeyBytesMax) {
    try {
      look();
      CounterState state;
      const auto found = snapshot_->counter(shard_of(services_.table, key, shards), services_.table, key, state);
      if (found != Snapshot::Lookup::kDamaged) return state.sum.shown();
    } catch (const StoreError&) {  // It is told below, where it comes again.
    }
  }
  request_.members.clear();
  return ask(ClientOp::kCount, key).total.value_or(0);
}

bool Reads::is_member(std::string_view key, std::string_view member) {
  if (member.empty()) return false;  // No element is empty, so that one is not there.
  if (const auto known = cell_at_once(key, Kind::kSet, member)) return known->shows;
  request_.members.assign(1, std::string(member));
  return ask(ClientOp::kSismember, key).number != 0;
}

Reads::Ttl Reads::field_ttl(std::string_view key, std::string_view field) {
  if (field.empty()) return {};
  request_.members.assign(1, std::string(field));
  const ClientReply reply = ask(ClientOp::kTtl, key);
  return {reply.status == Status::kOk, reply.ttl_ms};
}

std::uint64_t Reads::count(std::string_view key, Kind kind) {
  if (failed() || key.empty() || key.size() > kKeyBytesMax) return 0;
  try {
    look();
    return snapshot_->count(services_.table, key, kind);
  } catch (const StoreError& error) {
    error_ = std::string("ERR this node could not read its disk: ") + error.what();
    return 0;
  }
}

bool Reads::exists(std::string_view key) {
  return count(key, Kind::kSet) > 0 || count(key, Kind::kHash) > 0 || text(key).has_value() || counted(key) != 0 || any_field_counted(key);
}

std::string_view Reads::type(std::string_view key) {
  if (string(key).exists()) return "string";
  if (count(key, Kind::kSet) > 0) return "set";
  return count(key, Kind::kHash) > 0 || any_field_counted(key) ? "hash" : "none";
}

Reads::Page Reads::page(std::string_view key, Kind kind, const std::string& after, std::uint32_t limit) {
  Page out;
  if (after.starts_with(kCountedPosition)) {
    add_counted_fields(key, after.substr(1), limit, out);
    return out;
  }
  request_.members.clear();
  request_.after = after.substr(after.empty() ? 0 : 1);
  request_.limit = limit;
  ClientReply reply = ask(kind == Kind::kSet ? ClientOp::kSmembers : ClientOp::kHgetall, key);
  request_.after.clear();
  request_.limit = 0;
  out.members = std::move(reply.members);
  out.fields = std::move(reply.fields);
  if (!reply.next.empty()) out.next = kTextPosition + reply.next;
  if (kind == Kind::kSet || !any_field_counted(key)) return out;
  for (auto& [field, value] : out.fields) {
    const StringParts parts{std::move(value), field_counted(key, field), {}};
    value = *parts.shown();
  }
  if (!out.next.empty()) return out;
  if (limit != 0 && out.fields.size() >= limit) {
    out.next.assign(1, kCountedPosition);
  } else {
    add_counted_fields(key, "", limit, out);
  }
  return out;
}

void Reads::each_member(std::string_view key, const std::function<bool(std::string& member)>& visit) {
  std::string after;
  do {
    Page all = page(key, Kind::kSet, after, 0);
    for (std::string& member : all.members) {
      if (!visit(member)) return;
    }
    after = std::move(all.next);
  } while (!failed() && !after.empty());
}

void Reads::each_field(std::string_view key, const std::function<bool(std::string& field, std::string& value)>& visit) {
  std::string after;
  do {
    request_.members.clear();
    request_.after = after;
    ClientReply reply = ask(ClientOp::kHgetall, key);
    request_.after.clear();
    for (auto& [field, value] : reply.fields) {
      if (!visit(field, value)) return;
    }
    after = std::move(reply.next);
  } while (!failed() && !after.empty());
}

Reads::Keys Reads::keys(const std::string& prefix, const std::string& after, std::uint32_t limit) {
  if (after.starts_with(kCountedPosition)) return keys_only_counted(prefix, after.substr(1), limit);
  Keys out = keys_of_tables(prefix, after.substr(after.empty() ? 0 : 1), limit);
  if (!out.next.empty()) {
    out.next.insert(out.next.begin(), kTextPosition);
    return out;
  }
  if (limit != 0 && out.keys.size() >= limit) {
    each_counter(field_counters_below(services_.table, prefix), "", [&](const std::string&, std::int64_t) {
      out.next.assign(1, kCountedPosition);
      return false;
    });
    return out;
  }
  Keys rest = keys_only_counted(prefix, "", limit == 0 ? 0 : limit - static_cast<std::uint32_t>(out.keys.size()));
  std::move(rest.keys.begin(), rest.keys.end(), std::back_inserter(out.keys));
  out.next = std::move(rest.next);
  return out;
}

Reads::Keys Reads::keys_of_tables(const std::string& prefix, const std::string& after, std::uint32_t limit) {
  Keys out;
  request_.members.clear();
  request_.prefix = prefix;
  // A position is the kind and the key; behind the last kind no value of that key comes.
  request_.after = after.empty() ? "" : static_cast<char>(Kind::kCounter) + after;
  request_.limit = limit;
  ClientReply reply = ask(ClientOp::kKeys, "");
  request_.prefix.clear();
  request_.after.clear();
  request_.limit = 0;
  if (failed()) return out;
  for (std::size_t i = 0; i < reply.keys.size();) {
    KeyInfo& first = reply.keys[i];
    std::optional<Kind> shown;
    std::size_t end = i;
    for (; end < reply.keys.size() && reply.keys[end].key == first.key; ++end) {
      const KeyInfo& info = reply.keys[end];
      if (info.kind == Kind::kCounter && info.total == 0) continue;
      // A counter is a string; so it comes before the others although it sorts behind them.
      if (!shown || info.kind == Kind::kCounter) shown = info.kind;
    }
    // A key of which the page has not all kinds belongs to the next page; unless it is alone on this one.
    if (end == reply.keys.size() && !reply.next.empty() && i > 0) {
      out.next = reply.keys[i - 1].key;
      return out;
    }
    if (shown) out.keys.push_back({first.key, type_of(*shown)});
    i = end;
  }
  if (!reply.next.empty()) out.next = reply.next.substr(1);
  return out;
}

bool Reads::counted_lately(bool exact) const {
  if (counted_at_ms_ < 0 || (exact && counted_at_commits_ != services_.commits())) return false;
  return services_.now_ms() - counted_at_ms_ < kKeyCountMs;  // Keys expire without a commit.
}

std::uint64_t Reads::key_count(bool exact) {
  if (counted_lately(exact)) return counted_keys_;
  const std::uint64_t commits = services_.commits();
  std::uint64_t count = 0;
  std::string after;
  do {
    Keys page = keys("", after, 0);
    count += page.keys.size();
    after = std::move(page.next);
  } while (!failed() && !after.empty());
  if (!failed()) {
    counted_keys_ = count;
    counted_at_commits_ = commits;
    counted_at_ms_ = services_.now_ms();
  }
  return count;
}

}  // namespace kith::redis
