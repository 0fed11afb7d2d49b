// Goal: the client protocol's bytes stay what they are, and no bytes of a stranger do harm.
#include "node/client_protocol.h"

#include <doctest/doctest.h>

#include <msgpack.hpp>

#include <functional>

#include "crdt/limits.h"
#include "gossip/operation.h"

namespace kith {
namespace {

std::string hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

Request full_request() {
  Request out;
  out.id = 7;
  out.op = ClientOp::kHset;
  out.table = "t";
  out.key = std::string("k\0\xff", 3);
  out.value = "v";
  out.members = {"a", ""};
  out.fields = {{"f", "x"}};
  out.amount = -300;
  out.tag = Tag{Timestamp{0x10}, ActorId{0x20}};
  out.replicas = kAllReplicas;
  out.timeout_ms = 9;
  out.prefix = "p";
  out.after = "q";
  out.limit = 3;
  out.shard = 4;
  out.buckets = {1, 255};
  out.text = "z";
  return out;
}

ClientReply full_reply() {
  ClientReply out;
  out.id = 7;
  out.status = Status::kRefused;
  out.code = "limit";
  out.message = "m";
  out.time = Timestamp{0x100000000};
  out.node = "n1";
  out.value = "";
  out.members = {"a"};
  out.fields = {{"f", "x"}};
  out.keys = {{"k", Kind::kHash, 300, 0}, {"c", Kind::kCounter, 1, -5}};
  out.next = "n";
  out.number = 1;
  out.total = -7;
  out.tag = Tag{Timestamp{0x10}, ActorId{0x20}};
  out.replicas = {"n1", "n2"};
  out.document = "{}";
  out.stale = true;
  return out;
}

bool same(const Request& a, const Request& b) {
  return a.id == b.id && a.op == b.op && a.table == b.table && a.key == b.key && a.value == b.value &&
         a.members == b.members && a.fields == b.fields && a.amount == b.amount && a.tag == b.tag && a.replicas == b.replicas &&
         a.timeout_ms == b.timeout_ms && a.prefix == b.prefix && a.after == b.after && a.limit == b.limit &&
         a.shard == b.shard && a.buckets == b.buckets && a.text == b.text;
}

bool same(const ClientReply& a, const ClientReply& b) {
  const auto same_keys = [&] {
    if (a.keys.size() != b.keys.size()) return false;
    for (std::size_t i = 0; i < a.keys.size(); ++i) {
      if (a.keys[i].key != b.keys[i].key || a.keys[i].kind != b.keys[i].kind || a.keys[i].live != b.keys[i].live ||
          a.keys[i].total != b.keys[i].total) {
        return false;
      }
    }
    return true;
  };
  return a.id == b.id && a.status == b.status && a.code == b.code && a.message == b.message && a.time == b.time &&
         a.node == b.node && a.value == b.value && a.members == b.members && a.fields == b.fields && same_keys() &&
         a.next == b.next && a.number == b.number && a.total == b.total && a.tag == b.tag && a.replicas == b.replicas &&
         a.document == b.document && a.stale == b.stale;
}

using Packer = msgpack::packer<msgpack::sbuffer>;

// A request map of `pairs` entries whose first are v and id.
std::string frame(std::uint32_t pairs, const std::function<void(Packer&)>& rest) {
  msgpack::sbuffer buffer;
  Packer packer(buffer);
  packer.pack_map(pairs);
  packer.pack("v").pack(1).pack("id").pack(42);
  rest(packer);
  return {buffer.data(), buffer.size()};
}

Malformed malformed(const std::string& bytes) {
  auto decoded = decode_request(bytes);
  REQUIRE(std::holds_alternative<Malformed>(decoded));
  return std::get<Malformed>(decoded);
}

TEST_CASE("client protocol: the bytes of a small request are these") {
  Request get;
  get.id = 1;
  get.op = ClientOp::kGet;
  get.key = "likes";
  CHECK(hex(encode(get)) ==
        "84a17601"            // map of 4; v: 1
        "a2696401"            // id: 1
        "a26f70a3676574"      // op: "get"
        "a36b6579c4056c696b6573");  // key: bin "likes"
}

TEST_CASE("client protocol: the bytes of a request with everything are these") {
  CHECK(hex(encode(full_request())) ==
        "de0012a17601a2696407a26f70a468736574a57461626c65a174a36b6579c4036b00ffa576616c7565c40176"
        "a76d656d6265727392c40161c400a66669656c64739192c40166c40178"
        "a6616d6f756e74d1fed4"
        "a3746167d92130303030303030303030303030303130"
        "2d30303030303030303030303030303230"
        "a87265706c69636173ceffffffffaa74696d656f75745f6d7309a6707265666978c40170a56166746572c40171"
        "a56c696d697403a5736861726404a76275636b6574739201ccffa474657874c4017a");
}

TEST_CASE("client protocol: the bytes of a reply with everything are these") {
  CHECK(hex(encode(full_reply())) ==
        "de0012a17601a2696407a6737461747573a772656675736564a4636f6465a56c696d6974a76d657373616765a16d"
        "a474696d65cf0000000100000000a46e6f6465a26e31a576616c7565c400a76d656d6265727391c40161"
        "a66669656c64739192c40166c40178a46b6579739293c4016ba468617368cd012c"
        "94c40163a7636f756e74657201fb"
        "a46e657874c4016ea66e756d62657201a5746f74616cf9"
        "a3746167d92130303030303030303030303030303130"
        "2d30303030303030303030303030303230"
        "a87265706c6963617392a26e31a26e32a8646f63756d656e74a27b7d"
        "a57374616c65c3");
}

TEST_CASE("client protocol: stale is said where it is so, is nothing but true or false, and absent means no") {
  ClientReply reply = full_reply();
  reply.stale = false;
  const std::string fresh = encode(reply);
  CHECK(fresh.find("stale") == std::string::npos);
  CHECK_FALSE(std::get<ClientReply>(decode_reply(fresh)).stale);
  std::string odd = encode(full_reply());
  for (const char wrong : {'\x00', '\x01', '\xc0', '\x90'}) {  // 0, 1, nothing, an empty array.
    odd.back() = wrong;
    const auto decoded = decode_reply(odd);
    REQUIRE(std::holds_alternative<Malformed>(decoded));
    CHECK(std::get<Malformed>(decoded).message.find("\"stale\" must be true or false") != std::string::npos);
  }
}

TEST_CASE("client protocol: what is encoded decodes to the same") {
  auto request = decode_request(encode(full_request()));
  REQUIRE(std::holds_alternative<Request>(request));
  CHECK(same(std::get<Request>(request), full_request()));

  auto reply = decode_reply(encode(full_reply()));
  REQUIRE(std::holds_alternative<ClientReply>(reply));
  CHECK(same(std::get<ClientReply>(reply), full_reply()));

  Request defaults;
  defaults.id = 1;
  request = decode_request(encode(defaults));
  REQUIRE(std::holds_alternative<Request>(request));
  CHECK(same(std::get<Request>(request), defaults));

  ClientReply empty;
  empty.id = 1;
  reply = decode_reply(encode(empty));
  REQUIRE(std::holds_alternative<ClientReply>(reply));
  CHECK(same(std::get<ClientReply>(reply), empty));
}

TEST_CASE("client protocol: every operation and status has a name of its own") {
  for (int i = 0; i <= static_cast<int>(ClientOp::kBackup); ++i) {
    const auto op = static_cast<ClientOp>(i);
    CHECK(client_op_from(to_string(op)) == op);
  }
  CHECK_FALSE(client_op_from("hellO"));
  CHECK_FALSE(client_op_from(""));
  CHECK(to_string(Status::kError) == "error");
  CHECK(to_string(ClientOp::kSismember) == "sismember");
  CHECK(to_string(ClientOp::kFault) == "fault");
  CHECK(to_string(ClientOp::kBackup) == "backup");
}

TEST_CASE("client protocol: how long a value is to last goes there and back, and is written only where there is some") {
  Request set;
  set.id = 1;
  set.op = ClientOp::kSet;
  set.key = "door";
  const std::string without = encode(set);
  CHECK(without.find("ttl_ms") == std::string::npos);
  set.ttl_ms = 90'000;
  auto back = decode_request(encode(set));
  REQUIRE(std::holds_alternative<Request>(back));
  CHECK(std::get<Request>(back).ttl_ms == 90'000);
  ClientReply reply;
  reply.id = 1;
  CHECK(encode(reply).find("ttl_ms") == std::string::npos);
  reply.ttl_ms = 7;
  auto answered = decode_reply(encode(reply));
  REQUIRE(std::holds_alternative<ClientReply>(answered));
  CHECK(std::get<ClientReply>(answered).ttl_ms == 7);
  for (const ClientOp op : {ClientOp::kExpire, ClientOp::kPersist, ClientOp::kTtl}) CHECK(client_op_from(to_string(op)) == op);
  CHECK(is_write(ClientOp::kExpire));
  CHECK(is_write(ClientOp::kPersist));
  CHECK_FALSE(is_write(ClientOp::kTtl));
}

TEST_CASE("client protocol: durations at the limit, past it, zero, below zero, and with operations that take none") {
  const auto with = [](const char* op, auto ttl_ms) {
    return frame(4, [&](Packer& packer) {
      packer.pack("op").pack(op).pack("ttl_ms");
      packer.pack(ttl_ms);
    });
  };
  for (const std::int64_t good : {std::int64_t{1}, kTtlMsMax - 1, kTtlMsMax}) {
    auto request = decode_request(with("expire", good));
    REQUIRE(std::holds_alternative<Request>(request));
    CHECK(std::get<Request>(request).ttl_ms == good);
  }
  for (const std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, kTtlMsMax + 1, INT64_MAX, INT64_MIN}) {
    const Malformed error = malformed(with("set", bad));
    CHECK(error.id == 42);
    CHECK(error.code == "bad_request");
    CHECK(error.message.find("100 years") != std::string::npos);
  }
  CHECK(malformed(with("set", "5s")).code == "bad_request");
  CHECK(malformed(with("set", 1.5)).code == "bad_request");
  for (const char* op : {"sadd", "srem", "del", "hdel", "incr", "get", "persist"}) {
    CHECK(malformed(with(op, 1000)).message.find("only values of registers and fields of hashes expire") != std::string::npos);
  }
  CHECK(malformed(frame(3, [](Packer& packer) { packer.pack("op").pack("expire"); })).message.find("is missing") != std::string::npos);
}

// Goal: what is no amount is told so, before it can be taken for another.
TEST_CASE("client protocol: amounts at the edges of 64 bits, past them, zero, and what is no whole number") {
  const auto with = [](auto amount) {
    return frame(4, [&](Packer& packer) {
      packer.pack("op").pack("incr").pack("amount");
      packer.pack(amount);
    });
  };
  for (const std::int64_t amount : {INT64_MIN, INT64_MAX, std::int64_t{-1}, std::int64_t{1}}) {
    auto request = decode_request(with(amount));
    REQUIRE(std::holds_alternative<Request>(request));
    CHECK(std::get<Request>(request).amount == amount);
  }
  auto absent = decode_request(frame(3, [](Packer& packer) { packer.pack("op").pack("incr"); }));
  REQUIRE(std::holds_alternative<Request>(absent));
  CHECK(std::get<Request>(absent).amount == 1);
  for (const std::string& bytes : {with(std::uint64_t{INT64_MAX} + 1), with(UINT64_MAX), with(1.5), with(std::string("1")),
                                   with(true), with(std::vector<int>{1})}) {
    const Malformed error = malformed(bytes);
    CHECK(error.code == "bad_request");
    CHECK(error.id == 42);
    CHECK(error.message.find("amount") != std::string::npos);
    CHECK(error.message.find("-9223372036854775808 to 9223372036854775807") != std::string::npos);
  }
  CHECK(malformed(with(0)).message.find("increment of 0") != std::string::npos);
}

TEST_CASE("client protocol: a frame that is cut is an error at every length, with the id once that is whole") {
  const std::string bytes = encode(full_request());
  const std::size_t id_end = 3 + 3 + 4;  // map header, v, id
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CAPTURE(length);
    const Malformed error = malformed(bytes.substr(0, length));
    CHECK(error.code == "bad_request");
    CHECK(error.id == (length >= id_end ? 7u : 0u));
  }
  const std::string reply = encode(full_reply());
  for (std::size_t length = 0; length < reply.size(); ++length) {
    CAPTURE(length);
    CHECK(std::holds_alternative<Malformed>(decode_reply(reply.substr(0, length))));
  }
}

// Goal: no flipped byte crashes a decoder, and whatever is still accepted is a request that we could have sent.
TEST_CASE("client protocol: with any byte changed to any other, a frame is refused or reads as something sendable") {
  const std::string request = encode(full_request());
  const std::string reply = encode(full_reply());
  std::size_t accepted = 0;
  for (std::size_t at = 0; at < request.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = request;
      changed[at] = static_cast<char>(value);
      auto decoded = decode_request(changed);
      const auto* sound = std::get_if<Request>(&decoded);
      if (sound == nullptr) continue;
      ++accepted;
      auto again = decode_request(encode(*sound));
      REQUIRE(std::holds_alternative<Request>(again));
      REQUIRE(same(std::get<Request>(again), *sound));
    }
  }
  CHECK(accepted > request.size());  // At least the bytes inside of names may be anything.
  for (std::size_t at = 0; at < reply.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string changed = reply;
      changed[at] = static_cast<char>(value);
      auto decoded = decode_reply(changed);
      const auto* sound = std::get_if<ClientReply>(&decoded);
      if (sound == nullptr) continue;
      auto again = decode_reply(encode(*sound));
      REQUIRE(std::holds_alternative<ClientReply>(again));
      REQUIRE(same(std::get<ClientReply>(again), *sound));
    }
  }
}

TEST_CASE("client protocol: counts that lie take no memory and are refused") {
  for (const std::string& lie : {
           std::string("\xdf\xff\xff\xff\xff", 5),          // A map of 4 thousand million pairs.
           std::string("\xdd\xff\xff\xff\xff", 5),          // An array.
           std::string("\xc6\xff\xff\xff\xff", 5),          // Bytes.
           std::string("\xdb\xff\xff\xff\xff", 5),          // A string.
           std::string("\xc9\xff\xff\xff\xff\x01", 6),      // An extension.
       }) {
    CAPTURE(hex(lie));
    CHECK(malformed(lie).code == "bad_request");
    const std::string inside = frame(3, [](Packer& packer) { packer.pack("members"); }) + lie;
    const Malformed error = malformed(inside);
    CHECK(error.code == "bad_request");
    CHECK(error.id == 42);
  }
}

TEST_CASE("client protocol: nesting is refused above the limit, and read at it and below") {
  const auto nested = [](std::size_t depth) {  // The map is one level.
    return frame(4, [&](Packer& packer) {
      packer.pack("op").pack("hello").pack("unknown");
      for (std::size_t i = 1; i < depth; ++i) packer.pack_array(1);
      packer.pack_nil();
    });
  };
  CHECK(std::holds_alternative<Request>(decode_request(nested(kMsgpackDepthMax - 1))));
  CHECK(std::holds_alternative<Request>(decode_request(nested(kMsgpackDepthMax))));
  const Malformed error = malformed(nested(kMsgpackDepthMax + 1));
  CHECK(error.message.find("nesting of 8") != std::string::npos);
  CHECK(error.id == 42);
  CHECK(malformed(std::string(kMessageBytesMax, '\x91')).code == "bad_request");
  CHECK(malformed(std::string(kMessageBytesMax, '\x81')).code == "bad_request");
}

TEST_CASE("client protocol: the number of objects is limited") {
  const auto with_nils = [](std::uint32_t nils) {
    return frame(4, [&](Packer& packer) {
      packer.pack("op").pack("hello").pack("unknown").pack_array(nils);
      for (std::uint32_t i = 0; i < nils; ++i) packer.pack_nil();
    });
  };
  const std::uint32_t most = kMsgpackObjectsMax - 9;  // The map, its four keys and values, the array among them.
  CHECK(std::holds_alternative<Request>(decode_request(with_nils(most - 1))));
  CHECK(std::holds_alternative<Request>(decode_request(with_nils(most))));
  CHECK(malformed(with_nils(most + 1)).message.find("262144 objects") != std::string::npos);
}

TEST_CASE("client protocol: trailing bytes, keys that come twice and keys that are no strings are refused") {
  CHECK(malformed(encode(full_request()) + '\0').message.find("nothing behind the end") != std::string::npos);
  CHECK(malformed(encode(full_request()) + encode(full_request())).id == 7);
  const Malformed twice = malformed(frame(4, [](Packer& packer) { packer.pack("op").pack("get").pack("op").pack("set"); }));
  CHECK(twice.message.find("each key once") != std::string::npos);
  CHECK(twice.id == 42);
  CHECK(malformed(frame(3, [](Packer& packer) { packer.pack(1).pack(2); })).code == "bad_request");
  // The same key in two maps, one in the other, is no repetition.
  CHECK(std::holds_alternative<Request>(decode_request(frame(4, [](Packer& packer) {
    packer.pack("op").pack("hello").pack("unknown").pack_map(1).pack("op").pack_map(1).pack("v").pack(1);
  }))));
}

TEST_CASE("client protocol: every field of a wrong type is an error that names it") {
  const auto with = [](const char* key, const std::function<void(Packer&)>& value) {
    return frame(4, [&](Packer& packer) {
      packer.pack("op").pack("get").pack(key);
      value(packer);
    });
  };
  const auto nil = [](Packer& packer) { packer.pack_nil(); };
  const auto minus = [](Packer& packer) { packer.pack(-1); };
  for (const char* key : {"table", "key", "value", "members", "fields", "tag", "replicas", "timeout_ms", "prefix",
                          "after", "limit", "shard", "buckets", "text", "roster"}) {
    for (const auto& value : {std::function<void(Packer&)>(nil), std::function<void(Packer&)>(minus)}) {
      CAPTURE(key);
      const Malformed error = malformed(with(key, value));
      CHECK(error.code == "bad_request");
      CHECK(error.id == 42);
      CHECK(error.message.find('"' + std::string(key) + '"') != std::string::npos);
    }
  }
  CHECK(malformed(with("tag", [](Packer& packer) { packer.pack("0000000000000000-0000000000000001"); })).id == 42);
  CHECK(malformed(with("replicas", [](Packer& packer) { packer.pack(0); })).id == 42);
  CHECK(malformed(with("limit", [](Packer& packer) { packer.pack(std::uint64_t{1} << 32); })).id == 42);
  CHECK(malformed(with("buckets", [](Packer& packer) { packer.pack_array(1).pack(256); })).id == 42);
  CHECK(malformed(with("fields", [](Packer& packer) { packer.pack_array(1).pack_array(1).pack("f"); })).id == 42);
  CHECK(std::holds_alternative<Request>(decode_request(with("not known yet", nil))));
}

Roster some_roster(std::uint32_t replicas) {
  Roster out;
  out.cluster = ClusterId{0x0123456789abcdef};
  out.name = "warehouse13";
  out.replication.given = replicas;
  out.members = {{NodeId{9}, "n1", "127.0.0.1:8765", true}, {NodeId{5}, "n2", "[::1]:9", false}};
  return out;
}

TEST_CASE("client protocol: a roster goes there and back, alone and put into a reply that is encoded (15 fields and 16)") {
  for (const std::uint32_t replicas : {0u, 2u, 3u}) {
    ClientReply reply;
    reply.id = 42;
    reply.roster = some_roster(replicas);
    auto decoded = decode_reply(encode(reply));
    REQUIRE(std::holds_alternative<ClientReply>(decoded));
    CHECK(std::get<ClientReply>(decoded).roster == reply.roster);
    CHECK(std::get<ClientReply>(decoded).roster->version() == reply.roster->version());
    reply.roster->members.back().observer = true;
    decoded = decode_reply(encode(reply));
    REQUIRE(std::holds_alternative<ClientReply>(decoded));
    CHECK(std::get<ClientReply>(decoded).roster == reply.roster);
    CHECK(std::get<ClientReply>(decoded).roster->version() != some_roster(replicas).version());
  }
  // v, id, status, time and node, and up to fourteen others: past fifteen the count takes two bytes more.
  for (int more = 0; more <= 14; ++more) {
    CAPTURE(more);
    ClientReply reply;
    reply.id = 42;
    int left = more;
    const auto take = [&left] { return left-- > 0; };
    if (take()) reply.code = "c";
    if (take()) reply.message = "m";
    if (take()) reply.value = "v";
    if (take()) reply.members = {"m"};
    if (take()) reply.fields = {{"f", "v"}};
    if (take()) reply.keys = {{"k", Kind::kSet, 1, 0}};
    if (take()) reply.next = "n";
    if (take()) reply.number = 1;
    if (take()) reply.total = 1;
    if (take()) reply.ttl_ms = 1;
    if (take()) reply.tag = Tag{Timestamp{1}, ActorId{1}};
    if (take()) reply.replicas = {"n1"};
    if (take()) reply.document = "{}";
    if (take()) reply.created = 1;
    std::string bytes = encode(reply);
    add_roster(bytes, encode_roster(some_roster(2)));
    auto decoded = decode_reply(bytes);
    REQUIRE(std::holds_alternative<ClientReply>(decoded));
    CHECK(std::get<ClientReply>(decoded).roster == some_roster(2));
    CHECK(std::get<ClientReply>(decoded).created == reply.created);
    CHECK(std::get<ClientReply>(decoded).document == reply.document);
  }
}

TEST_CASE("client protocol: a roster that makes no sense is refused, and every field of it of a wrong type") {
  const auto with = [](const std::function<void(Packer&)>& roster) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    packer.pack_map(4).pack("v").pack(1).pack("id").pack(42).pack("status").pack("ok").pack("roster");
    roster(packer);
    return std::string(buffer.data(), buffer.size());
  };
  const std::vector<std::function<void(Packer&)>> none = {
      [](Packer& p) { p.pack(7); },
      [](Packer& p) { p.pack_array(1).pack("cluster"); },
      [](Packer& p) { p.pack_map(1).pack("cluster").pack(7); },
      [](Packer& p) { p.pack_map(1).pack("cluster").pack("no hex"); },
      [](Packer& p) { p.pack_map(1).pack("name").pack(7); },
      [](Packer& p) { p.pack_map(1).pack("replicas").pack(1025); },
      [](Packer& p) { p.pack_map(1).pack("replicas_at_most").pack(1); },
      [](Packer& p) { p.pack_map(1).pack("members").pack("n1"); },
      [](Packer& p) { p.pack_map(1).pack("members").pack_array(1).pack_array(3).pack("0000000000000001").pack("n1").pack("h:1"); },
      [](Packer& p) { p.pack_map(1).pack("members").pack_array(1).pack_array(4).pack(1).pack("n1").pack("h:1").pack(true); },
      [](Packer& p) { p.pack_map(1).pack("members").pack_array(1).pack_array(4).pack("0000000000000001").pack("n1").pack("h:1").pack(1); },
  };
  for (std::size_t i = 0; i < none.size(); ++i) {
    CAPTURE(i);
    const auto decoded = decode_reply(with(none[i]));
    REQUIRE(std::holds_alternative<Malformed>(decoded));
    CHECK(std::get<Malformed>(decoded).message.find("\"roster\"") != std::string::npos);
  }
  CHECK(std::holds_alternative<ClientReply>(decode_reply(with([](Packer& p) { p.pack_map(1).pack("not known yet").pack_nil(); }))));
}

TEST_CASE("client protocol: without version, id or operation there is no request") {
  const auto raw = [](const std::function<void(Packer&)>& write) {
    msgpack::sbuffer buffer;
    Packer packer(buffer);
    write(packer);
    return std::string(buffer.data(), buffer.size());
  };
  CHECK(malformed(raw([](Packer& p) { p.pack_map(2).pack("id").pack(5).pack("op").pack("get"); })).id == 5);
  CHECK(malformed(raw([](Packer& p) { p.pack_map(2).pack("v").pack(1).pack("op").pack("get"); })).id == 0);
  const Malformed newer =
      malformed(raw([](Packer& p) { p.pack_map(3).pack("id").pack(5).pack("op").pack(1).pack("v").pack(2); }));
  CHECK(newer.code == "unsupported_version");
  CHECK(newer.id == 5);
  CHECK(malformed(frame(2, [](Packer&) {})).message.find("\"op\"") != std::string::npos);
  const Malformed unknown = malformed(frame(3, [](Packer& p) { p.pack("op").pack("flushall"); }));
  CHECK(unknown.code == "unknown_op");
  CHECK(unknown.message.find("flushall") != std::string::npos);
  CHECK(malformed(raw([](Packer& p) { p.pack(1); })).code == "bad_request");
  CHECK(malformed("GET / HTTP/1.1\r\n\r\n").id == 0);
  CHECK(malformed("").id == 0);
}

TEST_CASE("client protocol: at most 16,384 members travel in a request (one below, at, one above)") {
  for (const std::size_t count : {kOperationMembersMax - 1, kOperationMembersMax, kOperationMembersMax + 1}) {
    Request request;
    request.id = 1;
    request.op = ClientOp::kSadd;
    request.key = "k";
    request.members.assign(count, "m");
    auto decoded = decode_request(encode(request));
    CHECK(std::holds_alternative<Request>(decoded) == (count <= kOperationMembersMax));
    if (const auto* error = std::get_if<Malformed>(&decoded)) {
      CHECK(error->code == "limit");
      CHECK(error->message.find("16384") != std::string::npos);
    }
    request.members.clear();
    request.fields.assign(count, {"f", "v"});
    CHECK(std::holds_alternative<Request>(decode_request(encode(request))) == (count <= kOperationMembersMax));
  }
}

TEST_CASE("client protocol: a message has at most 2 MiB (one below, at, one above)") {
  Request request;
  request.id = 1;
  request.op = ClientOp::kSet;
  request.value.assign(kMessageBytesMax, 'x');
  const std::size_t overhead = encode(request).size() - kMessageBytesMax;
  for (const std::size_t size : {kMessageBytesMax - 1, kMessageBytesMax, kMessageBytesMax + 1}) {
    request.value.assign(size - overhead, 'x');
    const std::string bytes = encode(request);
    REQUIRE(bytes.size() == size);
    auto decoded = decode_request(bytes);
    CHECK(std::holds_alternative<Request>(decoded) == (size <= kMessageBytesMax));
    if (const auto* error = std::get_if<Malformed>(&decoded)) {
      CHECK(error->code == "limit");
      CHECK(error->id == 1);
    }
  }
}

}  // namespace
}  // namespace kith
