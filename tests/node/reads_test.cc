// Goal: reads say what the store holds, page by page, and never what is damaged.
#include "node/reads.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "crdt/counter.h"
#include "crdt/limits.h"
#include "gossip/core.h"
#include "node/json_text.h"
#include "store/memory_store.h"

namespace kith {
namespace {

using nlohmann::json;

constexpr std::uint32_t kShards = 4;
constexpr OriginId kOrigin{9};

class Fixture {
 public:
  void add(const std::string& key, const std::string& member) {
    merge({"default", key, Kind::kSet, member}, SetElement{}.add({next(), ActorId{1}}, {clock_, kOrigin}));
  }
  void add_by(const std::string& key, const std::string& member, OriginId origin) {  // Without a client's tag.
    const Timestamp at = next();
    merge({"default", key, Kind::kSet, member}, SetElement{}.add({at, actor_of(origin)}, {at, origin}));
  }
  void remove(const std::string& key, const std::string& member) {
    merge({"default", key, Kind::kSet, member}, SetElement{}.remove({next(), ActorId{1}}, {clock_, kOrigin}));
  }
  void set(CellKey cell, const std::string& value) {
    merge(cell, Register{}.set(value, {next(), ActorId{1}}, {clock_, kOrigin}));
  }
  Tag increment(const std::string& key, std::int64_t amount) {
    const Tag tag{next(), ActorId{1}};
    merge(increment_cell("default", key, tag), Register{}.set(encode_amount(amount), tag, {clock_, kOrigin}));
    return tag;
  }
  void set_meta(const std::string& name, const std::string& value) { batch_.set_meta(name, value); }
  void fold(const std::string& key, Timestamp up_to) {
    batch_.fold({shard_of("default", key, kShards), "default", key, up_to, 1000});
    commit();
  }
  void commit() {
    (void)store_.commit(batch_);
    batch_.clear();
  }
  void damage(const CellKey& cell) {
    REQUIRE(store_.flip_bit(Database::kCells, store_key(shard_of(cell, kShards), cell), 200));
  }
  StoreKey flip_key(const CellKey& cell, std::size_t byte) {
    const auto flipped = store_.flip_key_bit(Database::kCells, store_key(shard_of(cell, kShards), cell), byte * 8 + 7);
    REQUIRE(flipped.has_value());
    return *flipped;
  }
  ClientReply read(const Request& request) {
    const auto snapshot = store_.snapshot();
    return answer_read(request, {*snapshot, shard_count_, [&](const StoreKey& key) { damaged_.push_back(key); }, now_ms_});
  }
  ClientReply read(ClientOp op, const std::string& key, std::vector<std::string> members = {}) {
    Request request;
    request.id = 5;
    request.op = op;
    request.key = key;
    request.members = std::move(members);
    return read(request);
  }

  std::vector<StoreKey> damaged_;
  std::uint32_t shard_count_ = kShards;
  std::int64_t now_ms_ = 0;

  void set_for(CellKey cell, const std::string& value, std::int64_t expires_at_ms) {
    merge(cell, Register{}.set(value, {next(), ActorId{1}}, {clock_, kOrigin}, expires_at_ms));
  }
  void pass(std::int64_t now_ms) {
    batch_.pass_expired(now_ms, 1000);
    commit();
  }

 private:
  Timestamp next() { return clock_ = Timestamp{clock_.value + (1u << 16)}; }
  void merge(const CellKey& cell, const Content& delta) { batch_.merge(shard_of(cell, kShards), cell, delta); }

  MemoryStore store_;
  StoreBatch batch_;
  Timestamp clock_ = Timestamp::at_ms(1'000'000);
};

std::optional<std::string> from_hex_text(const std::string& digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const auto byte = parse_hex(std::string(14, '0') + digits.substr(i, 2));
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
  }
  return out;
}

std::string numbered(int i) {
  std::string out = std::to_string(i);
  return std::string(5 - out.size(), '0') + out;
}

// Goal: what has expired is in no answer from that millisecond on, whether or not the store's counts know.
TEST_CASE("reads: an expired value is gone from every answer at once, and its time that is left is told until then") {
  constexpr std::int64_t kOver = 9'000'000;
  for (const bool passed : {false, true}) {
    CAPTURE(passed);
    Fixture store;
    store.set_for({"default", "r", Kind::kRegister, ""}, "v", kOver);
    store.set_for({"default", "h", Kind::kHash, "f"}, "x", kOver);
    store.set({"default", "h", Kind::kHash, "stays"}, "y");
    store.set_for({"default", "all", Kind::kHash, "f"}, "x", kOver);
    store.commit();

    store.now_ms_ = kOver - 1;
    CHECK(store.read(ClientOp::kGet, "r").value == "v");
    CHECK(store.read(ClientOp::kGet, "r").ttl_ms == 1);
    CHECK(store.read(ClientOp::kTtl, "r").ttl_ms == 1);
    CHECK_FALSE(store.read(ClientOp::kTtl, "r").value.has_value());
    CHECK(store.read(ClientOp::kTtl, "h", {"f"}).ttl_ms == 1);
    CHECK(store.read(ClientOp::kTtl, "h", {"stays"}).status == Status::kOk);
    CHECK_FALSE(store.read(ClientOp::kTtl, "h", {"stays"}).ttl_ms.has_value());
    CHECK(store.read(ClientOp::kHgetall, "h").fields.size() == 2);
    CHECK(store.read(ClientOp::kKeys, "").keys.size() == 3);
    CHECK(store.read(ClientOp::kKeys, "").keys[1].live == 2);
    CHECK(store.read(ClientOp::kExplain, "r").document.find("\"present\":true") != std::string::npos);

    store.now_ms_ = kOver;
    if (passed) store.pass(kOver);
    CHECK(store.read(ClientOp::kGet, "r").status == Status::kNotFound);
    CHECK(store.read(ClientOp::kTtl, "r").status == Status::kNotFound);
    CHECK(store.read(ClientOp::kHget, "h", {"f"}).status == Status::kNotFound);
    CHECK(store.read(ClientOp::kHgetall, "h").fields == std::vector<std::pair<std::string, std::string>>{{"stays", "y"}});
    const auto keys = store.read(ClientOp::kKeys, "").keys;
    REQUIRE(keys.size() == 1);
    CHECK(keys[0].key == "h");
    CHECK(keys[0].live == 1);
    const std::string explained = store.read(ClientOp::kExplain, "r").document;
    CHECK(explained.find("\"present\":false") != std::string::npos);
    CHECK(explained.find("\"expires\"") != std::string::npos);
    Request cells;
    cells.op = ClientOp::kCells;
    cells.shard = shard_of("default", "r", kShards);
    CHECK(store.read(cells).document.find("\"r\"") == std::string::npos);
  }
}

TEST_CASE("reads: ttl takes one field at most") {
  Fixture store;
  CHECK(store.read(ClientOp::kTtl, "h", {"a", "b"}).code == "bad_request");
  CHECK(store.read(ClientOp::kTtl, "").code == "bad_request");
  CHECK(store.read(ClientOp::kTtl, "none").status == Status::kNotFound);
}

TEST_CASE("reads: each operation answers from the rows") {
  Fixture store;
  store.add("s", "a");
  store.add("s", "b");
  store.remove("s", "b");
  store.set({"default", "r", Kind::kRegister, ""}, "v");
  store.set({"default", "h", Kind::kHash, "f"}, "x");
  store.commit();
  CHECK(store.read(ClientOp::kGet, "r").value == "v");
  CHECK(store.read(ClientOp::kGet, "r").id == 5);
  CHECK(store.read(ClientOp::kGet, "s").status == Status::kNotFound);
  CHECK(store.read(ClientOp::kSismember, "s", {"a"}).number == 1);
  CHECK(store.read(ClientOp::kSismember, "s", {"b"}).number == 0);
  CHECK(store.read(ClientOp::kSismember, "s", {"c"}).number == 0);
  CHECK(store.read(ClientOp::kScard, "s").number == 1);
  CHECK(store.read(ClientOp::kSmembers, "s").members == std::vector<std::string>{"a"});
  CHECK(store.read(ClientOp::kHget, "h", {"f"}).value == "x");
  CHECK(store.read(ClientOp::kHget, "h", {"g"}).status == Status::kNotFound);
  CHECK(store.read(ClientOp::kHgetall, "h").fields == std::vector<std::pair<std::string, std::string>>{{"f", "x"}});
  const auto keys = store.read(ClientOp::kKeys, "").keys;
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].key == "h");
  CHECK(keys[2].kind == Kind::kSet);
  CHECK(keys[2].live == 1);
}

// Goal: what is under a flipped name right before the first, between or right behind the last of a value is not passed over.
TEST_CASE("reads: a row whose key flipped makes the answer damaged, not less, wherever the bit is") {
  const auto fill = [](Fixture& store, Kind kind) {
    for (const char* key : {"b", "f"}) {
      if (kind == Kind::kSet) store.add(key, "m");
      if (kind == Kind::kHash) store.set({"default", key, kind, "m"}, "v");
      if (kind == Kind::kRegister) store.set({"default", key, kind, ""}, "v");
    }
    store.commit();
  };
  const std::size_t key_byte = value_prefix(0, "default", "b", Kind::kSet).size() - 4;  // Before 00 01 and the kind.
  for (const std::string key : {"b", "f"}) {
    for (const Kind kind : {Kind::kRegister, Kind::kSet, Kind::kHash}) {
      const CellKey cell{"default", key, kind, kind == Kind::kRegister ? "" : "m"};
      const std::size_t member_byte = store_key(0, cell).size() - 3;  // Of a register, its kind once more.
      for (const std::size_t byte : {key_byte, key_byte + 3, member_byte}) {
        CAPTURE(key);
        CAPTURE(to_string(kind));
        CAPTURE(byte);
        Fixture store;
        fill(store, kind);
        const StoreKey flipped = store.flip_key(cell, byte);
        const std::vector<std::string> members = kind == Kind::kRegister ? std::vector<std::string>{} : std::vector<std::string>{"m"};
        const ClientOp one = kind == Kind::kRegister ? ClientOp::kGet : kind == Kind::kSet ? ClientOp::kSismember : ClientOp::kHget;
        const ClientReply reply = store.read(one, key, members);
        CHECK(reply.status == Status::kError);
        CHECK(reply.code == "damaged");
        REQUIRE_FALSE(store.damaged_.empty());
        CHECK(store.damaged_.front() == flipped);
        if (kind == Kind::kRegister) continue;
        CHECK(store.read(kind == Kind::kSet ? ClientOp::kSmembers : ClientOp::kHgetall, key).code == "damaged");
      }
    }
  }
}

TEST_CASE("reads: pages together are the whole, whatever their size (limit 1, 7, 1000 and none)") {
  Fixture store;
  std::vector<std::string> all;
  for (int i = 0; i < 500; ++i) {
    store.add("s", numbered(i));
    store.add("key" + numbered(i), "m");
    store.set({"default", "h", Kind::kHash, numbered(i)}, "v");
    if (i % 3 == 0) {
      store.remove("s", numbered(i));
    } else {
      all.push_back(numbered(i));
    }
  }
  store.commit();
  for (const std::uint32_t limit : {1u, 7u, 1000u, 0u}) {
    CAPTURE(limit);
    for (const ClientOp op : {ClientOp::kSmembers, ClientOp::kHgetall, ClientOp::kKeys}) {
      CAPTURE(to_string(op));
      Request request;
      request.op = op;
      request.key = op == ClientOp::kHgetall ? "h" : "s";
      request.limit = limit;
      std::vector<std::string> got;
      do {
        const ClientReply page = store.read(request);
        REQUIRE(page.status == Status::kOk);
        const std::size_t items = page.members.size() + page.fields.size() + page.keys.size();
        if (limit != 0) REQUIRE(items <= limit);
        for (const auto& member : page.members) got.push_back(member);
        for (const auto& [field, value] : page.fields) got.push_back(field);
        for (const auto& info : page.keys) got.push_back(info.key);
        request.after = page.next;
      } while (!request.after.empty());
      if (op == ClientOp::kSmembers) CHECK(got == all);
      if (op == ClientOp::kHgetall) CHECK(got.size() == 500);
      if (op == ClientOp::kKeys) CHECK(got.size() == 502);
      CHECK(std::is_sorted(got.begin(), got.end()));
    }
  }
}

TEST_CASE("reads: a page has at most 1 MiB, and a single item that is larger comes alone") {
  Fixture store;
  for (int i = 0; i < 5; ++i) store.set({"default", "h", Kind::kHash, numbered(i)}, std::string(400 * 1024, 'v'));
  store.set({"default", "h", Kind::kHash, "9"}, std::string(kValueBytesMax, 'v'));
  store.commit();
  Request request;
  request.op = ClientOp::kHgetall;
  request.key = "h";
  std::vector<std::size_t> sizes;
  do {
    const ClientReply page = store.read(request);
    CHECK(encode(page).size() <= kMessageBytesMax);
    sizes.push_back(page.fields.size());
    request.after = page.next;
  } while (!request.after.empty());
  CHECK(sizes == std::vector<std::size_t>{2, 2, 1, 1});
}

TEST_CASE("reads: prefixes of keys, and positions that are none") {
  Fixture store;
  for (const char* key : {"a", "ab", "abc", "b"}) store.add(key, "m");
  store.commit();
  Request request;
  request.op = ClientOp::kKeys;
  request.prefix = "ab";
  CHECK(store.read(request).keys.size() == 2);
  request.after = "\x7f";
  CHECK(store.read(request).code == "bad_request");
  request = {};
  request.op = ClientOp::kSmembers;
  request.key = "a";
  request.after = "nonsense";
  CHECK(store.read(request).code == "bad_request");
  request.op = ClientOp::kCells;
  CHECK(store.read(request).code == "bad_request");
}

TEST_CASE("reads: a damaged row is never served, and the engine is told") {
  Fixture store;
  store.add("s", "a");
  store.add("s", "b");
  store.set({"default", "r", Kind::kRegister, ""}, "a value that is long enough to have a bit flipped in it");
  store.commit();
  const CellKey element{"default", "s", Kind::kSet, "a"};
  store.damage(element);
  store.damage({"default", "r", Kind::kRegister, ""});
  for (const ClientReply& reply : {store.read(ClientOp::kSmembers, "s"), store.read(ClientOp::kSismember, "s", {"a"}),
                                   store.read(ClientOp::kGet, "r")}) {
    CHECK(reply.status == Status::kError);
    CHECK(reply.code == "damaged");
    CHECK(reply.message.find("a peer is being asked") != std::string::npos);
  }
  CHECK(store.damaged_.size() == 3);
  CHECK(store.damaged_[0] == store_key(shard_of(element, kShards), element));
  CHECK(store.read(ClientOp::kSismember, "s", {"b"}).number == 1);
  const json explained = json::parse(store.read(ClientOp::kExplain, "s", {"a"}).document);
  CHECK(explained["values"][0]["damaged"] == true);
}

TEST_CASE("reads: names are checked, at the limit, below and above") {
  Fixture store;
  const auto code = [&](ClientOp op, const std::string& table, const std::string& key, std::vector<std::string> members = {}) {
    Request request;
    request.op = op;
    request.table = table;
    request.key = key;
    request.members = std::move(members);
    return store.read(request).code;
  };
  CHECK(code(ClientOp::kScard, std::string(kTableNameBytesMax - 1, 't'), "k").empty());
  CHECK(code(ClientOp::kScard, std::string(kTableNameBytesMax, 't'), "k").empty());
  CHECK(code(ClientOp::kScard, std::string(kTableNameBytesMax + 1, 't'), "k") == "limit");
  CHECK(code(ClientOp::kScard, "a b", "k") == "bad_name");
  CHECK(code(ClientOp::kScard, "_other", "k") == "bad_name");
  CHECK(code(ClientOp::kScard, "", "k") == "bad_name");
  CHECK(code(ClientOp::kScard, "_kith", "k").empty());
  CHECK(code(ClientOp::kScard, "t", std::string(kKeyBytesMax, 'k')).empty());
  CHECK(code(ClientOp::kScard, "t", std::string(kKeyBytesMax + 1, 'k')) == "limit");
  CHECK(code(ClientOp::kScard, "t", "") == "bad_request");
  CHECK(code(ClientOp::kSismember, "t", "k", {std::string(kMemberBytesMax, 'm')}).empty());
  CHECK(code(ClientOp::kSismember, "t", "k", {std::string(kMemberBytesMax + 1, 'm')}) == "limit");
  CHECK(code(ClientOp::kSismember, "t", "k") == "bad_request");
  CHECK(code(ClientOp::kHget, "t", "k", {"a", "b"}) == "bad_request");
  CHECK(code(ClientOp::kExplain, "t", "k", {"a", "b"}) == "bad_request");
  store.shard_count_ = 0;
  CHECK(code(ClientOp::kScard, "t", "k") == "not_joined");
}

TEST_CASE("reads: explain shows entries, dead ones too, and sums of a whole set") {
  Fixture store;
  for (int i = 0; i < 150; ++i) store.add("s", numbered(i));
  store.remove("s", "00000");
  store.set({"default", "s", Kind::kRegister, ""}, "both");
  store.commit();
  json cell = json::parse(store.read(ClientOp::kExplain, "s", {"00000"}).document)["values"][0];
  CHECK(cell["kind"] == "set");
  CHECK(cell["present"] == false);
  CHECK(cell["removed"].size() == 1);
  CHECK(cell["removed"][0]["commit"]["origin"] == to_hex(kOrigin.value));
  cell = json::parse(store.read(ClientOp::kExplain, "s", {"00001"}).document)["values"][0];
  CHECK(cell["adds"][0]["dead"] == false);
  CHECK(cell["adds"][0]["actor"] == to_hex(1));
  CHECK(cell["adds"][0]["at"]["time"].get<std::string>().starts_with("1970-01-01T00:16:40."));
  const json whole = json::parse(store.read(ClientOp::kExplain, "s").document);
  REQUIRE(whole["values"].size() == 2);
  CHECK(whole["values"][0]["register"]["value_bytes"] == 4);
  CHECK(whole["values"][1]["cells_total"] == 150);
  CHECK(whole["values"][1]["live"] == 149);
  CHECK(whole["values"][1]["cells"].size() == kExplainedCellsMax);
  CHECK(store.read(ClientOp::kExplain, "absent").status == Status::kNotFound);
}

// Method: one life is present, one is in the table and over, one is retired and remembered by name only, one nobody knows.
TEST_CASE("reads: explain says whose lives the origins are, and shows a cell so that it can be joined") {
  Fixture store;
  const NodeId node{0x51};
  const OriginId former{0x0a}, retired{0x0b};
  store.set(member_cell(node), encode(MemberRecord{"n1", "n1:1", "n1:2", {{kOrigin, Timestamp{9}}}}));
  store.set(life_cell(node, kOrigin), encode(LifeRecord{Timestamp{9}}));
  store.set(life_cell(node, former), encode(LifeRecord{Timestamp{5}}));
  store.set_meta(meta::former_life(retired), meta::encode_number(node.value));
  store.add("s", "mine");
  for (const OriginId origin : {former, retired, OriginId{0x0c}}) store.add_by("s", "theirs", origin);
  store.commit();
  json document = json::parse(store.read(ClientOp::kExplain, "s", {"mine"}).document);
  REQUIRE(document["origins"].size() == 1);
  CHECK(document["origins"][0] == json{{"origin", to_hex(kOrigin.value)}, {"node_id", to_hex(node.value)}, {"node", "n1"}, {"present", true}});

  document = json::parse(store.read(ClientOp::kExplain, "s", {"theirs"}).document);
  REQUIRE(document["origins"].size() == 2);
  CHECK(document["origins"][0]["origin"] == to_hex(former.value));
  CHECK(document["origins"][1]["origin"] == to_hex(retired.value));
  for (const json& life : document["origins"]) {
    CHECK(life["node"] == "n1");
    CHECK(life["present"] == false);
  }
  const std::string bytes = *from_hex_text(document["values"][0]["content"].get<std::string>());
  const auto content = decode_content(Kind::kSet, bytes);
  REQUIRE(content.has_value());
  CHECK(content->as_set_element().adds().size() == 3);
  // Of the whole set the same, and of a key without entries none.
  CHECK(json::parse(store.read(ClientOp::kExplain, "s").document)["origins"].size() == 3);
  CHECK(json::parse(store.read(ClientOp::kExplain, "none").document)["origins"].empty());
}

TEST_CASE("reads: a counter is read in one number, folded or not, and is 0 when there is none") {
  Fixture store;
  const Tag first = store.increment("visits", 5);
  store.increment("visits", -7);
  store.increment("other", INT64_MAX);
  store.increment("other", INT64_MAX);
  store.set({"default", "visits", Kind::kRegister, ""}, "v");
  store.commit();
  CHECK(store.read(ClientOp::kCount, "visits").total == -2);
  CHECK(store.read(ClientOp::kCount, "other").total == INT64_MAX);
  CHECK(store.read(ClientOp::kCount, "none").total == 0);
  CHECK(store.read(ClientOp::kCount, "none").status == Status::kOk);
  CHECK(store.read(ClientOp::kGet, "visits").value == "v");  // A key holds one value of each kind.
  CHECK(store.read(ClientOp::kScard, "visits").number == 0);
  store.fold("visits", first.at);
  CHECK(store.read(ClientOp::kCount, "visits").total == -2);
  const auto keys = store.read(ClientOp::kKeys, "").keys;
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].kind == Kind::kCounter);
  CHECK(keys[2].kind == Kind::kCounter);
  CHECK(keys[2].live == 1);
  CHECK(keys[2].total == -2);
  const json explained = json::parse(store.read(ClientOp::kExplain, "visits").document)["values"][1];
  CHECK(explained["kind"] == "counter");
  CHECK(explained["total"] == -2);
  CHECK(explained["cells_total"] == 2);
  CHECK(explained["folded_to"]["hlc"] == to_hex(first.at.value));
  CHECK(explained["cells"][0]["sum"] == 5);
  CHECK(explained["cells"][1]["amount"] == -7);
}

// Goal: two nodes that are folded differently far show no difference, page by page.
TEST_CASE("reads: cells shows a counter as one, whatever it is folded to and however small the page (limit 1 to 3)") {
  for (std::uint32_t limit = 1; limit <= 3; ++limit) {
    std::vector<std::set<std::string>> seen;
    for (const bool folded : {false, true}) {
      Fixture store;
      std::vector<Tag> tags;
      for (int i = 0; i < 8; ++i) {
        for (int n = 1; n <= 4; ++n) tags.push_back(store.increment("c" + numbered(i), n));
        store.add("c" + numbered(i), "m");
      }
      store.commit();
      if (folded) {
        for (int i = 0; i < 8; i += 2) store.fold("c" + numbered(i), tags.back().at);
      }
      std::set<std::string> cells;
      for (std::uint32_t shard = 0; shard < kShards; ++shard) {
        Request request;
        request.op = ClientOp::kCells;
        request.shard = shard;
        request.limit = limit;
        std::uint64_t sum = 0;
        do {
          const ClientReply page = store.read(request);
          const json document = json::parse(page.document);
          CHECK(document["cells"].size() <= limit);
          for (const json& cell : document["cells"]) {
            CHECK(cells.insert(cell.dump()).second);
            sum += *parse_hex(cell["fingerprint"].get<std::string>());
            if (cell["kind"] == "counter") CHECK(cell["value"] == "10");
          }
          request.after = page.next;
        } while (!request.after.empty());
        request.op = ClientOp::kBuckets;
        CHECK(json::parse(store.read(request).document)["root"] == to_hex(sum));
      }
      CHECK(cells.size() == 16);
      seen.push_back(std::move(cells));
    }
    CHECK(seen[0] == seen[1]);
  }
}

TEST_CASE("reads: a damaged row of a counter is never counted: the answer is an error, and the row is told of") {
  Fixture store;
  const Tag first = store.increment("visits", 5);
  store.increment("visits", 6);
  store.commit();
  store.fold("visits", first.at);
  store.damage(base_cell("default", "visits"));
  const ClientReply reply = store.read(ClientOp::kCount, "visits");
  CHECK(reply.code == "damaged");
  CHECK_FALSE(reply.total.has_value());
  REQUIRE(store.damaged_.size() == 1);
  CHECK(store.damaged_[0] == store_key(shard_of("default", "visits", kShards), base_cell("default", "visits")));
}

TEST_CASE("reads: shards, buckets and cells lead to every live cell") {
  Fixture store;
  for (int i = 0; i < 100; ++i) store.add("k" + numbered(i), "m");
  store.remove("k00000", "m");
  store.commit();
  const json shards = json::parse(store.read(ClientOp::kShards, "").document);
  REQUIRE(shards["roots"].size() == kShards);
  std::set<std::string> keys;
  for (std::uint32_t shard = 0; shard < kShards; ++shard) {
    Request request;
    request.op = ClientOp::kBuckets;
    request.shard = shard;
    const json buckets = json::parse(store.read(request).document);
    CHECK(buckets["root"] == shards["roots"][shard]);
    REQUIRE(buckets["buckets"].size() == kFingerprintBuckets);
    request.op = ClientOp::kCells;
    request.limit = 7;
    std::uint64_t sum = 0;
    do {
      const ClientReply page = store.read(request);
      const json document = json::parse(page.document);
      for (const json& cell : document["cells"]) {
        keys.insert(cell["key"].get<std::string>());
        sum += *parse_hex(cell["fingerprint"].get<std::string>());
      }
      request.after = page.next;
    } while (!request.after.empty());
    CHECK(to_hex(sum) == shards["roots"][shard]);
  }
  CHECK(keys.size() == 99);
  Request none;
  none.op = ClientOp::kBuckets;
  none.shard = kShards;
  CHECK(store.read(none).code == "bad_request");
}

TEST_CASE("reads: names of any bytes are JSON: text when it is UTF-8, else hex") {
  CHECK(name_json("häh?").dump() == "\"häh?\"");
  CHECK(name_json("\xff").dump() == R"({"hex":"ff"})");
  for (const char* bad : {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xc3", "\xf5\x80\x80\x80"}) {
    CHECK_FALSE(valid_utf8(bad));
  }
  for (const char* good : {"", "a", "\xc2\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf"}) CHECK(valid_utf8(good));
  CHECK(shown(std::string(100, 'a')) == "\"" + std::string(64, 'a') + "...\"");
  CHECK(shown(std::string(63, 'a') + "\xc3\xa4") == "\"" + std::string(63, 'a') + "...\"");
  CHECK(shown(std::string("\0", 1)) == "\"0x00\"");
  CHECK(iso_time(0) == "1970-01-01T00:00:00.000Z");
  CHECK(iso_time(1'700'000'000'007) == "2023-11-14T22:13:20.007Z");
}

}  // namespace
}  // namespace kith
