#include "tests/fuzz/seeds.h"

#include <cstdio>
#include <fstream>
#include <sstream>

#include "crdt/bytes.h"
#include "crdt/counter.h"
#include "gossip/core.h"
#include "node/client_protocol.h"
#include "node/documents.h"
#include "node/explain.h"
#include "store/memory_store.h"
#include "store/row.h"
#include "tests/fuzz/member.h"
#include "tests/fuzz/targets.h"
#include "tests/gossip/frames.h"

namespace kith::fuzz {

namespace {

constexpr OriginId kOrigin{0x0a};
constexpr ActorId kSession{0x5e55}, kOther{0x07};

std::string numbered(std::size_t number, std::string_view name) {
  std::string digits = std::to_string(number);
  return std::string(2 - std::min<std::size_t>(2, digits.size()), '0') + digits + "_" + std::string(name);
}

// ---- peer, engine

Seeds peer_seeds() {
  Seeds out;
  for (const Envelope& envelope : test::examples()) out.emplace_back(numbered(out.size(), type_name(envelope.body)), test::payload_of(encode(envelope)));
  return out;
}

Seeds engine_seeds() {
  constexpr std::size_t kTogether = 4;
  Seeds out;
  ByteWriter conversation;
  std::size_t said = 0;
  std::string name;
  for (const Envelope& envelope : test::examples()) {
    const std::string payload = test::payload_of(encode(envelope));
    conversation.u8(static_cast<std::uint8_t>(3 | (4 * (said % 7))));
    conversation.u16(static_cast<std::uint16_t>(payload.size()));
    conversation.bytes(payload);
    name += (name.empty() ? "" : "_") + std::string(type_name(envelope.body));
    if (++said % kTogether != 0) continue;
    out.emplace_back(numbered(out.size(), name), conversation.take());
    conversation.clear();
    name.clear();
  }
  if (conversation.size() > 0) out.emplace_back(numbered(out.size(), name), conversation.take());
  return out;
}

// ---- client

Request request_of(ClientOp op) {
  Request out;
  out.id = 5;
  out.op = op;
  out.key = "k";
  switch (op) {
    case ClientOp::kSet: out.value = "v", out.ttl_ms = 5000; break;
    case ClientOp::kSadd:
    case ClientOp::kSrem: out.members = {"a", std::string("\0\xff", 2)}; break;
    case ClientOp::kHset: out.fields = {{"f", "1"}, {"g", ""}}; break;
    case ClientOp::kHdel: out.members = {"f", "g"}; break;
    case ClientOp::kSismember:
    case ClientOp::kHget: out.members = {"a"}; break;
    case ClientOp::kIncr: out.amount = -3, out.tag = Tag{Timestamp::at_ms(1'700'000'000'000), kSession}; break;
    case ClientOp::kExpire: out.ttl_ms = 1000; break;
    case ClientOp::kKeys: out.key.clear(), out.prefix = "k", out.limit = 10; break;
    case ClientOp::kCells: out.shard = 1, out.buckets = {0, 255}; break;
    case ClientOp::kFault: out.text = "latency n2 50ms"; break;
    case ClientOp::kMissing: out.text = R"({"clocks": [{"now": 1, "held": {"000000000000000a": 7}, "roots": [1, 2]}]})"; break;
    case ClientOp::kPing: out.roster = 7; break;
    case ClientOp::kTableCreate: out.fields = {{"keys", "uuid4"}, {"kinds", "register,set"}, {"quorum", "2/3"}}; break;
    case ClientOp::kDrain: out.members = {"n1"}, out.text = "cancel"; break;
    case ClientOp::kTableAlter: out.fields = {{"write", "quorum"}}; break;
    default: break;
  }
  return out;
}

std::vector<ClientReply> replies() {
  ClientReply write;
  write.id = 5;
  write.status = Status::kStored;
  write.time = Timestamp::at_ms(1'700'000'000'000);
  write.node = "n1";
  write.number = 2;
  write.total = -7;
  write.tag = Tag{Timestamp::at_ms(1'700'000'000'000), kSession};
  write.replicas = {"n1", "n2"};
  ClientReply read = write;
  read.status = Status::kOk;
  read.value = std::string("v\0", 2);
  read.ttl_ms = 400;
  read.members = {"a", "b"};
  read.fields = {{"f", "1"}};
  read.keys = {{"k", Kind::kSet, 2, 0}, {"n", Kind::kCounter, 1, 9}};
  read.next = "next";
  read.stale = true;
  ClientReply error;
  error.id = 5;
  error.status = Status::kError;
  error.code = "limit";
  error.message = "the key has 4097 bytes; the limit is 4096";
  ClientReply told = error;
  told.roster = Roster{ClusterId{9}, "friends", ReplicationFactor{2}, {{NodeId{1}, "n1", "127.0.0.1:1", true}, {NodeId{2}, "n2", "[::1]:2", false}}};
  return {write, read, error, told};
}

// A node that has told something of itself, and of what it stores.
std::vector<std::string> documents() {
  Member member("n1", "", std::make_unique<MemoryStore>(), 1);
  std::uint64_t ticket = 0;
  for (const ClientOp op : {ClientOp::kSet, ClientOp::kSadd, ClientOp::kSrem, ClientOp::kHset, ClientOp::kIncr}) {
    Operation operation;
    operation.request = ++ticket;
    operation.verb = op == ClientOp::kSet ? Verb::kSet : op == ClientOp::kSadd ? Verb::kSetAdd : op == ClientOp::kSrem ? Verb::kSetRemove : op == ClientOp::kHset ? Verb::kHashSet : Verb::kIncrement;
    operation.table = "default";
    operation.key = "k";
    operation.value = "v";
    operation.members = {op == ClientOp::kSrem ? "b" : "a"};
    operation.fields = {{"f", "1"}};
    operation.amount = 4;
    member.step(operation);
  }
  Request request;
  request.id = 1;
  request.key = "k";
  const auto snapshot = member.store().snapshot();
  return {answer_explain(request, {*snapshot, Member::kShards, [](const StoreKey&) {}, member.now().wall_ms}).document};
}

Seeds client_seeds() {
  Seeds out;
  for (int op = 0; op <= static_cast<int>(ClientOp::kDrain); ++op) {
    const Request request = request_of(static_cast<ClientOp>(op));
    out.emplace_back(numbered(out.size(), to_string(request.op)), '\0' + encode(request));
  }
  std::vector<ClientReply> all = replies();
  for (std::string& document : documents()) {
    all.push_back(replies().front());
    all.back().document = std::move(document);
  }
  for (const ClientReply& reply : all) out.emplace_back(numbered(out.size(), "reply"), '\1' + encode(reply));
  return out;
}

// ---- rows

struct Stored {
  CellKey cell;
  Content content;
};

std::vector<Stored> stored() {
  const auto at = [](std::int64_t ms) { return Timestamp::at_ms(1'700'000'000'000 + ms, 1); };
  const auto commit = [&](std::int64_t ms) { return Commit{at(ms), kOrigin}; };
  SetElement plain, tagged, removed;
  (void)plain.add({at(1), actor_of(kOrigin)}, commit(1));
  (void)tagged.add({at(2), kSession}, commit(3));
  (void)tagged.add({at(4), kOther}, commit(4));
  removed = tagged;
  (void)removed.remove({at(5), kSession}, commit(6));
  Register value, over, gone, amount;
  (void)value.set("1", {at(1), actor_of(kOrigin)}, commit(1));
  (void)over.set("soon over", {at(2), kSession}, commit(2), 1'700'000'005'000);
  (void)gone.erase({at(3), kSession}, commit(3));
  const Tag tag{at(4), kSession};
  (void)amount.set(encode_amount(-5), tag, commit(4));
  const std::string long_name(300, 'n');
  return {{{"t", "likes", Kind::kSet, "tea"}, plain},
          {{"t", "likes", Kind::kSet, "milk"}, tagged},
          {{"t", "likes", Kind::kSet, std::string("\0x", 2)}, removed},
          {{"t", "color", Kind::kRegister, ""}, value},
          {{"t", "color", Kind::kRegister, ""}, gone},
          {{"t", "h", Kind::kHash, "f"}, over},
          {{"t", long_name, Kind::kHash, long_name}, value},
          {increment_cell("t", "n", tag), amount},
          {base_cell("t", "n"), base_register(at(9), {CounterSum(12), 77}, commit(9))},
          {member_cell(NodeId{0x51}), Content(value)}};
}

std::string bytes_of(const Content& content) {
  ByteWriter out;
  encode(content, out);
  return out.take();
}

Seeds rows_seeds() {
  Seeds out;
  const std::vector<Stored> all = stored();
  CellBlock every;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& [cell, content] = all[i];
    const StoreKey key = store_key(shard_of(cell, 4), cell);
    ByteWriter row;
    row.u8(0);
    row.u16(static_cast<std::uint16_t>(key.size()));
    row.bytes(key);
    row.bytes(std::string_view(encode_row(key, cell, content, 5)).substr(9));  // Behind version and checksum.
    out.emplace_back(numbered(out.size(), "row"), row.take());

    ByteWriter cells;
    CellBlock one;
    one.append(cell, content);
    every.append(one);
    cells.u8(2);
    cells.bytes(one.bytes());
    out.emplace_back(numbered(out.size(), "cell"), cells.take());

    ByteWriter contents;  // With two others of its kind.
    contents.u8(1);
    contents.u8(static_cast<std::uint8_t>(static_cast<int>(cell.kind) - 1));
    int parts = 0;
    for (std::size_t j = 0; j < all.size() && parts < 3; ++j) {
      const Stored& other = all[(i + j) % all.size()];
      if (other.cell.kind != cell.kind) continue;
      const std::string bytes = bytes_of(other.content);
      if (parts++ < 2) contents.u16(static_cast<std::uint16_t>(bytes.size()));
      contents.bytes(bytes);
    }
    out.emplace_back(numbered(out.size(), "contents"), contents.take());
  }
  out.emplace_back(numbered(out.size(), "cells"), '\2' + every.bytes());
  return out;
}

// ---- redis

std::string resp(std::initializer_list<std::string_view> arguments) {
  std::string out = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const std::string_view argument : arguments) out += "$" + std::to_string(argument.size()) + "\r\n" + std::string(argument) + "\r\n";
  return out;
}

Seeds redis_seeds() {
  const std::string strings = resp({"SET", "a", "1"}) + resp({"INCRBY", "a", "41"}) + resp({"GET", "a"}) + resp({"MSET", "b", "x", "c", ""}) +
                              resp({"MGET", "a", "b", "nothing"}) + resp({"GETDEL", "a"}) + resp({"STRLEN", "b"}) + resp({"DECR", "n"});
  const std::string sets = resp({"SADD", "s", "x", "y", "z"}) + resp({"SREM", "s", "y"}) + resp({"SMEMBERS", "s"}) + resp({"SISMEMBER", "s", "x"}) +
                           resp({"SMISMEMBER", "s", "x", "q"}) + resp({"SCARD", "s"}) + resp({"SINTER", "s", "s"}) + resp({"SDIFF", "s", "t"}) +
                           resp({"SUNION", "s", "t"}) + resp({"SSCAN", "s", "0", "COUNT", "1"}) + resp({"SRANDMEMBER", "s", "-2"});
  const std::string hashes = resp({"HSET", "h", "f", "1", "g", "2"}) + resp({"HGET", "h", "f"}) + resp({"HMGET", "h", "f", "q"}) + resp({"HGETALL", "h"}) +
                             resp({"HDEL", "h", "g"}) + resp({"HLEN", "h"}) + resp({"HSCAN", "h", "0", "MATCH", "*"}) + resp({"HSTRLEN", "h", "f"}) +
                             resp({"HINCRBY", "h", "n", "5"}) + resp({"HKEYS", "h"}) + resp({"HVALS", "h"});
  const std::string keys = resp({"SADD", "k1", "x"}) + resp({"SCAN", "0", "MATCH", "k*", "COUNT", "1", "TYPE", "set"}) + resp({"KEYS", "*"}) + resp({"DBSIZE"}) +
                           resp({"EXISTS", "k1", "k2"}) + resp({"TYPE", "k1"}) + resp({"TTL", "k1"}) + resp({"SET", "e", "v", "EX", "10"}) + resp({"PTTL", "e"}) +
                           resp({"PERSIST", "e"}) + resp({"EXPIRE", "e", "-1"}) + resp({"DEL", "k1", "k1"}) + resp({"UNLINK", "k2"});
  const std::string multi = resp({"MULTI"}) + resp({"SADD", "s", "a"}) + resp({"SMEMBERS", "s"}) + resp({"SADD", "s", "b"}) + resp({"EXEC"}) + resp({"MULTI"}) +
                            resp({"DISCARD"}) + resp({"WATCH", "k"}) + resp({"EXEC"});
  const std::string server = resp({"HELLO", "3", "SETNAME", "x"}) + resp({"COMMAND", "DOCS", "get"}) + resp({"COMMAND"}) + resp({"INFO"}) + resp({"CONFIG", "GET", "*"}) +
                             resp({"CLIENT", "LIST"}) + resp({"SELECT", "0"}) + resp({"TIME"}) + resp({"RESET"}) + resp({"ECHO", "x"}) + resp({"QUIT"});
  const std::string events = resp({"SUBSCRIBE", "__keyspace@0__:k"}) + resp({"PSUBSCRIBE", "__keyevent@0__:*"}) + resp({"PING"}) + resp({"GET", "k"}) +
                             resp({"UNSUBSCRIBE"}) + resp({"PUNSUBSCRIBE"}) + resp({"SADD", "k", "x"});
  const std::string tagged = resp({"KITH.TAG"}) + resp({"KITH.TAG", "018bcfe568000000-0000000000000007", "INCR", "n"}) +
                             resp({"KITH.TAG", "018bcfe568000000-0000000000000007", "INCR", "n"}) + resp({"GET", "n"});
  Seeds out = {{"strings", strings}, {"sets", sets}, {"hashes", hashes}, {"keys", keys}, {"multi", multi}, {"server", server}, {"events", events}, {"tagged", tagged}};
  out.emplace_back("resp3", resp({"HELLO", "3"}) + hashes + sets + events);
  out.emplace_back("told", resp({"HELLO", "3"}) + resp({"PSUBSCRIBE", "__key*__:*"}) + resp({"SET", "k", "v"}) + resp({"MULTI"}) + resp({"SADD", "k", "x"}) +
                               resp({"INCR", "n"}) + resp({"SMEMBERS", "k"}) + resp({"HINCRBY", "h", "f", "2"}) + resp({"EXEC"}) + resp({"DEL", "k", "h"}) + resp({"PING"}));
  out.emplace_back("wait", resp({"SADD", "s", "x"}) + resp({"WAIT", "1", "50"}) + resp({"PING"}));
  out.emplace_back("lines", "PING\r\nset 'a b' \"c\\x00\\n\"\r\n\r\nGET 'a b'\nSADD s x\r\n");
  out.emplace_back("lies", "*1000000\r\n$5\r\nhello\r\n");
  out.emplace_back("web", "POST / HTTP/1.1\r\nHost: x\r\n\r\n");
  for (auto& [name, bytes] : out) bytes.insert(bytes.begin(), '\x05');
  const std::string password = resp({"GET", "k"}) + resp({"AUTH", "default", "wrong"}) + resp({"AUTH", "secret"}) + resp({"GET", "k"});
  out.emplace_back("password", '\x83' + password);
  out.emplace_back("hello_password", '\x90' + resp({"HELLO", "3", "AUTH", "default", "secret"}) + strings);
  return out;
}

// ---- config

Seeds config_seeds() {
  std::ifstream in(KITH_SOURCE_DIR "/docs/kithd.toml", std::ios::binary);
  std::ostringstream example;
  example << in.rdbuf();
  return {{"example", "\n" + example.str()},
          {"flags", "--data\n/d\n--name\nn1\n--client\n127.0.0.1:0\n--peer\n[::1]:8766\n--join\nhost:1\n--join\nb:2\n--shards\n16\n--map-size\n4GiB\n"},
          {"check", "--data=/d\n--name=n1\n--collect=false\n--evict-after=0\n--check-config\n"},
          {"environment", "KITH_DATA=/d\nKITH_NAME=n1\nKITH_JOIN=a:1,b:2\nKITH_LOG_JSON=true\nKITH_MAX_SKEW=250ms\nKITH_REDIS=127.0.0.1:6380\n"},
          {"help", "--help\n"},
          {"mistake", "--nmae\nn1\n"},
          {"types", "\ndata = '/d'\nname = \"n\"\njoin = ['a:1', \"b:2\"]\nshards = 8\nlog_json = true\nmap_size = 4294967296\n"},
          {"wrong_types", "--data\n/d\n\nname = 1\njoin = 'a'\n[[a]]\nb = 1979-05-27T07:32:00Z\n"},
          {"nested", "\nname = [[[[[{a={b=[1,2.5e3,inf]}}]]]]]\n"}};
}

}  // namespace

Seeds seeds_of(const std::string& target) {
  if (target == "peer") return peer_seeds();
  if (target == "engine") return engine_seeds();
  if (target == "client") return client_seeds();
  if (target == "rows") return rows_seeds();
  if (target == "redis") return redis_seeds();
  return config_seeds();
}

}  // namespace kith::fuzz
