#include "node/client_protocol.h"

#include <msgpack.hpp>

#include <array>

#include "crdt/limits.h"
#include "gossip/msgpack_guard.h"
#include "gossip/operation.h"
#include "store/store.h"

namespace kith {

namespace {

constexpr std::array<std::string_view, 33> kOpNames = {
    "hello", "get",  "set",  "del",     "sadd", "srem",   "smembers", "sismember", "scard", "hset",
    "hget",  "hdel", "hgetall", "incr", "count", "keys", "status", "shards", "buckets", "cells", "explain", "fault",
    "backup", "expire", "persist", "ttl", "evict", "recover", "missing", "ping", "table_create", "table_alter", "drain",
};
constexpr std::array<std::string_view, 5> kStatusNames = {"ok", "stored", "refused", "not_found", "error"};

// No level of replicas is worth waiting for longer than a day.
constexpr std::int64_t kTimeoutMsMax = 24 * 60 * 60 * 1000;

// ---- Reading

// Collects what is wrong first; later reads then change nothing.
class MapReader {
 public:
  bool ok() const { return code_.empty(); }
  std::string code() const { return code_; }
  std::string message() const { return message_; }

  void fail(std::string code, std::string message) {
    if (!ok()) return;
    code_ = std::move(code);
    message_ = std::move(message);
  }
  void bad(std::string_view key, std::string_view wanted) {
    fail("bad_request", "\"" + std::string(key) + "\" must be " + std::string(wanted));
  }

  // Zero and a failure when it is no number from 0 to `most`.
  std::uint64_t number(std::string_view key, const msgpack::object& value, std::uint64_t most = UINT64_MAX) {
    if (value.type == msgpack::type::POSITIVE_INTEGER && value.via.u64 <= most) return value.via.u64;
    bad(key, "a whole number from 0 to " + std::to_string(most));
    return 0;
  }
  std::int64_t signed_number(std::string_view key, const msgpack::object& value) {
    if (value.type == msgpack::type::NEGATIVE_INTEGER) return value.via.i64;
    if (value.type == msgpack::type::POSITIVE_INTEGER && value.via.u64 <= INT64_MAX) {
      return static_cast<std::int64_t>(value.via.u64);
    }
    bad(key, "a whole number from " + std::to_string(INT64_MIN) + " to " + std::to_string(INT64_MAX));
    return 0;
  }
  bool flag(std::string_view key, const msgpack::object& value) {
    if (value.type == msgpack::type::BOOLEAN) return value.via.boolean;
    bad(key, "true or false");
    return false;
  }
  std::string text(std::string_view key, const msgpack::object& value) {
    if (value.type == msgpack::type::STR) return {value.via.str.ptr, value.via.str.size};
    if (value.type == msgpack::type::BIN) return {value.via.bin.ptr, value.via.bin.size};
    bad(key, "bytes or a string");
    return {};
  }
  template <class Item, class Read>  // (const object&) -> Item
  std::vector<Item> list(std::string_view key, const msgpack::object& value, std::size_t most, Read read) {
    std::vector<Item> out;
    if (value.type != msgpack::type::ARRAY) {
      bad(key, "an array");
    } else if (value.via.array.size > most) {
      fail("limit", "\"" + std::string(key) + "\" has " + std::to_string(value.via.array.size) +
                        " items; the limit is " + std::to_string(most) + ": send them in several requests");
    } else {
      out.reserve(value.via.array.size);
      for (std::uint32_t i = 0; i < value.via.array.size && ok(); ++i) out.push_back(read(value.via.array.ptr[i]));
    }
    return out;
  }
  std::vector<std::string> texts(std::string_view key, const msgpack::object& value, std::size_t most) {
    return list<std::string>(key, value, most, [&](const msgpack::object& item) { return text(key, item); });
  }
  std::vector<std::pair<std::string, std::string>> pairs(std::string_view key, const msgpack::object& value,
                                                         std::size_t most) {
    using Pair = std::pair<std::string, std::string>;
    return list<Pair>(key, value, most, [&](const msgpack::object& item) -> Pair {
      if (!is_tuple(item, 2)) {
        bad(key, "an array of [field, value] pairs");
        return {};
      }
      return {text(key, item.via.array.ptr[0]), text(key, item.via.array.ptr[1])};
    });
  }
  Tag tag(std::string_view key, const msgpack::object& value) {
    const auto tag = parse_tag(text(key, value));
    if (!tag) bad(key, "a tag: 16 hex digits of time, '-', 16 hex digits of actor, neither of them zero");
    return tag.value_or(Tag{});
  }
  std::uint64_t id(std::string_view key, const msgpack::object& value) {
    const auto out = parse_hex(text(key, value));
    if (!out) bad(key, "of ids, each 16 hex digits");
    return out.value_or(0);
  }
  Roster roster(std::string_view key, const msgpack::object& value) {
    Roster out;
    std::uint32_t replicas = 0;
    bool at_most = false;
    std::vector<NodeId> observers;
    if (value.type != msgpack::type::MAP) bad(key, "a map");
    for (std::uint32_t i = 0; ok() && i < value.via.map.size; ++i) {
      const auto& [name, part] = value.via.map.ptr[i];
      const std::string what = text(key, name);
      if (what == "cluster") out.cluster = ClusterId{id(key, part)};
      if (what == "name") out.name = text(key, part);
      if (what == "replicas") replicas = static_cast<std::uint32_t>(number(key, part, kMembersMax));
      if (what == "replicas_at_most") at_most = flag(key, part);
      if (what == "members") out.members = list<Roster::Member>(key, part, kMembersMax, [&](const msgpack::object& item) { return member(key, item); });
      if (what == "observers") observers = list<NodeId>(key, part, kMembersMax, [&](const msgpack::object& item) { return NodeId{id(key, item)}; });
    }
    for (Roster::Member& member : out.members) {
      member.observer = std::find(observers.begin(), observers.end(), member.id) != observers.end();
    }
    out.replication.given = at_most ? 0 : replicas;
    return out;  // Version, leader and warnings follow from these.
  }
  Roster::Member member(std::string_view key, const msgpack::object& item) {
    if (!is_tuple(item, 4)) {
      bad(key, "with members of [id, name, address, living]");
      return {};
    }
    const msgpack::object* const parts = item.via.array.ptr;
    return {NodeId{id(key, parts[0])}, text(key, parts[1]), text(key, parts[2]), flag(key, parts[3]), false};
  }
  static bool is_tuple(const msgpack::object& value, std::uint32_t size) {
    return value.type == msgpack::type::ARRAY && value.via.array.size == size;
  }

 private:
  std::string code_;
  std::string message_;
};

// The id of a frame that is otherwise broken: the first "id" of the outermost map, if the bytes get that far.
class IdVisitor : public msgpack::null_visitor {
 public:
  bool start_map(std::uint32_t) { return enter(); }
  bool start_array(std::uint32_t) { return enter(); }
  bool end_map() { return leave(); }
  bool end_array() { return leave(); }
  bool start_map_key() {
    key_next_ = depth_ == 1;
    return true;
  }
  bool start_map_value() {
    key_next_ = false;
    return true;
  }
  bool end_map_value() {
    if (depth_ == 1) id_next_ = false;
    return true;
  }
  bool visit_str(const char* bytes, std::uint32_t size) {
    if (key_next_) id_next_ = std::string_view(bytes, size) == "id";
    return true;
  }
  bool visit_positive_integer(std::uint64_t value) {
    if (!id_next_ || depth_ != 1) return true;
    id = value;
    return false;
  }

  std::uint64_t id = 0;

 private:
  bool enter() {
    key_next_ = false;
    return ++depth_ <= kMsgpackDepthMax;
  }
  bool leave() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  bool key_next_ = false;
  bool id_next_ = false;
};

std::uint64_t peek_id(std::string_view frame) {
  IdVisitor visitor;
  std::size_t offset = 0;
  try {
    (void)msgpack::parse(frame.data(), frame.size(), offset, visitor);
  } catch (const msgpack::unpack_error&) {
    // No more to be had of it.
  }
  return visitor.id;
}

struct Unpacked {
  msgpack::object_handle handle;
  const msgpack::object* find(std::string_view key) const {
    const auto& map = handle.get().via.map;
    for (std::uint32_t i = 0; i < map.size; ++i) {
      const auto& name = map.ptr[i].key.via.str;
      if (key == std::string_view(name.ptr, name.size)) return &map.ptr[i].val;
    }
    return nullptr;
  }
  template <class Visit>  // (key, value)
  void each(Visit visit) const {
    const auto& map = handle.get().via.map;
    for (std::uint32_t i = 0; i < map.size; ++i) {
      const auto& name = map.ptr[i].key.via.str;
      visit(std::string_view(name.ptr, name.size), map.ptr[i].val);
    }
  }
};

// A sound frame that is a map of our version with an id; views into `frame`.
std::variant<Unpacked, Malformed> unpack(std::string_view frame) {
  if (frame.size() > kMessageBytesMax) {
    return Malformed{peek_id(frame), "limit",
                     "the message has " + std::to_string(frame.size()) + " bytes; the limit is " +
                         std::to_string(kMessageBytesMax)};
  }
  if (!msgpack_is_sound(frame)) {
    return Malformed{peek_id(frame), "bad_request",
                     "the message is not one whole msgpack value, or it goes beyond what is taken: nesting of " +
                         std::to_string(kMsgpackDepthMax) + ", " + std::to_string(kMsgpackObjectsMax) +
                         " objects, each key once in a map, no extensions, nothing behind the end"};
  }
  Unpacked out;
  bool referenced = false;
  // SUBTLE: the guard has bounded all of this already; the limits stand here so that nobody finds unpack() without.
  const msgpack::unpack_limit limit(kMsgpackObjectsMax, kMsgpackObjectsMax, frame.size(), frame.size(), frame.size(),
                                    kMsgpackDepthMax);
  const auto refer = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  try {
    out.handle = msgpack::unpack(frame.data(), frame.size(), referenced, refer, nullptr, limit);
  } catch (const msgpack::unpack_error& error) {
    return Malformed{peek_id(frame), "bad_request", std::string("the message could not be read: ") + error.what()};
  }
  if (out.handle.get().type != msgpack::type::MAP) return Malformed{0, "bad_request", "the message is not a map"};
  for (const auto& [key, value] : out.handle.get().via.map) {
    if (key.type != msgpack::type::STR) return Malformed{peek_id(frame), "bad_request", "a key is not a string"};
  }

  const auto whole_number = [](const msgpack::object* value) {
    return value != nullptr && value->type == msgpack::type::POSITIVE_INTEGER ? value->via.u64 : 0;
  };
  const std::uint64_t id = whole_number(out.find("id"));
  const std::uint64_t version = whole_number(out.find("v"));
  if (version == 0) return Malformed{id, "bad_request", "\"v\", the version of the protocol, is missing"};
  if (version != kClientProtocolVersion) {
    return Malformed{id, "unsupported_version",
                     "version " + std::to_string(version) + " of the client protocol is not spoken here; version " +
                         std::to_string(kClientProtocolVersion) + " is"};
  }
  if (id == 0) return Malformed{0, "bad_request", "\"id\", a whole number above zero, is missing"};
  return out;
}

}  // namespace

std::string_view to_string(ClientOp op) { return kOpNames[static_cast<std::size_t>(op)]; }

std::optional<ClientOp> client_op_from(std::string_view name) {
  for (std::size_t i = 0; i < kOpNames.size(); ++i) {
    if (kOpNames[i] == name) return static_cast<ClientOp>(i);
  }
  return std::nullopt;
}

bool is_write(ClientOp op) {
  return op == ClientOp::kSet || op == ClientOp::kDel || op == ClientOp::kSadd || op == ClientOp::kSrem ||
         op == ClientOp::kHset || op == ClientOp::kHdel || op == ClientOp::kIncr ||
         op == ClientOp::kExpire || op == ClientOp::kPersist || op == ClientOp::kTableCreate || op == ClientOp::kTableAlter;
}

std::string_view to_string(Status status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::variant<Request, Malformed> decode_request(std::string_view frame) {
  auto unpacked = unpack(frame);
  if (auto* malformed = std::get_if<Malformed>(&unpacked)) return std::move(*malformed);

  Request out;
  MapReader in;
  bool op_seen = false;
  std::get<Unpacked>(unpacked).each([&](std::string_view key, const msgpack::object& value) {
    if (!in.ok()) return;
    if (key == "id") {
      out.id = value.via.u64;  // Looked at by unpack().
    } else if (key == "op") {
      const std::string name = in.text(key, value);
      const auto op = client_op_from(name);
      if (in.ok() && !op) in.fail("unknown_op", "there is no operation \"" + name.substr(0, 64) + "\"");
      out.op = op.value_or(ClientOp::kHello);
      op_seen = true;
    } else if (key == "table") {
      out.table = in.text(key, value);
    } else if (key == "key") {
      out.key = in.text(key, value);
    } else if (key == "value") {
      out.value = in.text(key, value);
    } else if (key == "members") {
      out.members = in.texts(key, value, kOperationMembersMax);
    } else if (key == "fields") {
      out.fields = in.pairs(key, value, kOperationMembersMax);
    } else if (key == "amount") {
      out.amount = in.signed_number(key, value);
      if (in.ok() && out.amount == 0) in.fail("bad_request", "\"amount\" is 0: an increment of 0 changes nothing");
    } else if (key == "ttl_ms") {
      const bool fits = value.type == msgpack::type::POSITIVE_INTEGER && value.via.u64 != 0 && value.via.u64 <= kTtlMsMax;
      if (!fits) in.bad(key, "a whole number from 1 to " + std::to_string(kTtlMsMax) + " (100 years)");
      out.ttl_ms = fits ? static_cast<std::int64_t>(value.via.u64) : 0;
    } else if (key == "tag") {
      out.tag = in.tag(key, value);
    } else if (key == "replicas") {
      out.replicas = static_cast<std::uint32_t>(in.number(key, value, kAllReplicas));
      if (out.replicas == 0) in.bad(key, "1 or more");
    } else if (key == "timeout_ms") {
      out.timeout_ms = static_cast<std::int64_t>(in.number(key, value, kTimeoutMsMax));
    } else if (key == "prefix") {
      out.prefix = in.text(key, value);
    } else if (key == "after") {
      out.after = in.text(key, value);
    } else if (key == "limit") {
      out.limit = static_cast<std::uint32_t>(in.number(key, value, UINT32_MAX));
    } else if (key == "shard") {
      out.shard = static_cast<std::uint32_t>(in.number(key, value, kSystemShard));
    } else if (key == "buckets") {
      out.buckets = in.list<std::uint32_t>(key, value, kFingerprintBuckets, [&](const msgpack::object& item) {
        return static_cast<std::uint32_t>(in.number(key, item, kFingerprintBuckets - 1));
      });
    } else if (key == "text") {
      out.text = in.text(key, value);
    } else if (key == "roster") {
      out.roster = in.number(key, value);
    }
  });
  if (in.ok() && !op_seen) in.fail("bad_request", "\"op\", the name of an operation, is missing");
  const bool takes_ttl = out.op == ClientOp::kSet || out.op == ClientOp::kHset || out.op == ClientOp::kExpire;
  if (in.ok() && out.ttl_ms != 0 && !takes_ttl) {
    in.fail("bad_request", "\"ttl_ms\" goes with set, hset and expire: only values of registers and fields of hashes expire");
  }
  if (in.ok() && out.ttl_ms == 0 && out.op == ClientOp::kExpire) {
    in.fail("bad_request", "\"ttl_ms\", how long the value is to last, is missing; persist takes an expiry away");
  }
  if (!in.ok()) return Malformed{std::get<Unpacked>(unpacked).find("id")->via.u64, in.code(), in.message()};
  return out;
}

std::variant<ClientReply, Malformed> decode_reply(std::string_view frame) {
  auto unpacked = unpack(frame);
  if (auto* malformed = std::get_if<Malformed>(&unpacked)) return std::move(*malformed);

  ClientReply out;
  MapReader in;
  bool status_seen = false;
  std::get<Unpacked>(unpacked).each([&](std::string_view key, const msgpack::object& value) {
    if (!in.ok()) return;
    if (key == "id") {
      out.id = value.via.u64;
    } else if (key == "status") {
      const std::string name = in.text(key, value);
      for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
        if (kStatusNames[i] != name) continue;
        out.status = static_cast<Status>(i);
        status_seen = true;
      }
      if (!status_seen) in.bad(key, "one of ok, stored, refused, not_found and error");
    } else if (key == "code") {
      out.code = in.text(key, value);
    } else if (key == "message") {
      out.message = in.text(key, value);
    } else if (key == "time") {
      out.time = Timestamp{in.number(key, value)};
    } else if (key == "node") {
      out.node = in.text(key, value);
    } else if (key == "value") {
      out.value = in.text(key, value);
    } else if (key == "members") {
      out.members = in.texts(key, value, kMsgpackObjectsMax);
    } else if (key == "fields") {
      out.fields = in.pairs(key, value, kMsgpackObjectsMax);
    } else if (key == "keys") {
      out.keys = in.list<KeyInfo>(key, value, kMsgpackObjectsMax, [&](const msgpack::object& item) -> KeyInfo {
        if (!MapReader::is_tuple(item, 3) && !MapReader::is_tuple(item, 4)) {
          in.bad(key, "an array of [key, kind, live], and total of a counter");
          return {};
        }
        KeyInfo info;
        info.key = in.text(key, item.via.array.ptr[0]);
        const std::string kind = in.text(key, item.via.array.ptr[1]);
        if (kind == to_string(Kind::kSet)) {
          info.kind = Kind::kSet;
        } else if (kind == to_string(Kind::kHash)) {
          info.kind = Kind::kHash;
        } else if (kind == to_string(Kind::kCounter)) {
          info.kind = Kind::kCounter;
        } else if (kind != to_string(Kind::kRegister)) {
          in.bad(key, "of a known kind");
        }
        info.live = in.number(key, item.via.array.ptr[2]);
        if (MapReader::is_tuple(item, 4)) info.total = in.signed_number(key, item.via.array.ptr[3]);
        return info;
      });
    } else if (key == "next") {
      out.next = in.text(key, value);
    } else if (key == "number") {
      out.number = in.number(key, value);
    } else if (key == "total") {
      out.total = in.signed_number(key, value);
    } else if (key == "ttl_ms") {
      out.ttl_ms = in.signed_number(key, value);
    } else if (key == "tag") {
      out.tag = in.tag(key, value);
    } else if (key == "replicas") {
      out.replicas = in.texts(key, value, kMembersMax);
    } else if (key == "document") {
      out.document = in.text(key, value);
    } else if (key == "stale") {
      out.stale = in.flag(key, value);
    } else if (key == "created") {
      out.created = in.number(key, value);
    } else if (key == "roster") {
      out.roster = in.roster(key, value);
    }
  });
  if (in.ok() && !status_seen) in.fail("bad_request", "\"status\" is missing");
  if (!in.ok()) return Malformed{std::get<Unpacked>(unpacked).find("id")->via.u64, in.code(), in.message()};
  return out;
}

}  // namespace kith
