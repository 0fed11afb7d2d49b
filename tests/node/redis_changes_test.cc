// Goal: an event for everything that shows something else after a commit, and for nothing else.
// Method: batches by hand into a store in memory.
#include "node/redis/changes.h"

#include <doctest/doctest.h>

#include "crdt/counter.h"
#include "node/redis/field_counters.h"
#include "store/memory_store.h"

using namespace kith;
using namespace kith::redis;

namespace {

constexpr std::uint32_t kShards = 4;
constexpr std::int64_t kNowMs = 1'700'000'000'000;

class Fixture {
 public:
  Tag next() { return {Timestamp::at_ms(kNowMs + ++at_), ActorId{7}}; }

  void merge(const CellKey& cell, const Content& delta) { batch_.merge(shard_of(cell, kShards), cell, delta); }
  void set(const std::string& key, const std::string& value, std::int64_t expires_at_ms = 0) { merge({"t", key, Kind::kRegister, ""}, written(value, expires_at_ms)); }
  void del(const std::string& key) {
    const Tag tag = next();
    merge({"t", key, Kind::kRegister, ""}, Register{}.erase(tag, {tag.at, kOrigin}));
  }
  void hset(const std::string& key, const std::string& field, const std::string& value, std::int64_t expires_at_ms = 0) {
    merge({"t", key, Kind::kHash, field}, written(value, expires_at_ms));
  }
  void hdel(const std::string& key, const std::string& field) {
    const Tag tag = next();
    merge({"t", key, Kind::kHash, field}, Register{}.erase(tag, {tag.at, kOrigin}));
  }
  SetElement add(const std::string& key, const std::string& member) {
    const Tag tag = next();
    const SetElement delta = SetElement{}.add(tag, {tag.at, kOrigin});
    merge({"t", key, Kind::kSet, member}, delta);
    return delta;
  }
  void remove(const std::string& key, const std::string& member) {
    const Tag tag = next();
    merge({"t", key, Kind::kSet, member}, SetElement{}.remove(tag, {tag.at, kOrigin}));
  }
  void count(const std::string& table, const std::string& key, std::int64_t amount) {
    const Tag tag = next();
    merge(increment_cell(table, key, tag), Register{}.set(encode_amount(amount), tag, {tag.at, kOrigin}));
  }
  void pass_expired(std::int64_t now_ms) { batch_.pass_expired(now_ms, 100); }
  void drop(const StoreKey& key, const Content& these) { batch_.drop(key, these); }

  // Commits; what is told: "k: set expire, s: sadd".
  std::string told() {
    changes_.before(batch_);
    (void)store_.commit(batch_);
    batch_.clear();
    std::string out;
    for (const KeyChange& change : changes_.after(kShards, kNowMs)) {
      out += (out.empty() ? "" : ", ") + change.key + ":";
      for (std::size_t i = 0; i < kEventCount; ++i) {
        if (change.has(static_cast<Event>(i))) out += " " + std::string(to_string(static_cast<Event>(i)));
      }
    }
    return out;
  }

 private:
  static constexpr OriginId kOrigin{9};
  Content written(const std::string& value, std::int64_t expires_at_ms) {
    const Tag tag = next();
    return Register{}.set(value, tag, {tag.at, kOrigin}, expires_at_ms);
  }

  MemoryStore store_;
  StoreBatch batch_;
  Changes changes_{store_, "t"};
  std::int64_t at_ = 0;
};

}  // namespace

TEST_CASE("redis changes: values, their times, and their end") {
  Fixture node;
  node.set("k", "v");
  CHECK(node.told() == "k: set");
  node.set("k", "v");
  CHECK(node.told().empty());  // Written again, shown as before.
  node.set("k", "w", kNowMs + 5000);
  CHECK(node.told() == "k: set expire");
  node.set("k", "w", kNowMs + 6000);
  CHECK(node.told() == "k: expire");
  node.set("k", "w");
  CHECK(node.told() == "k: persist");
  node.set("k", "w", kNowMs + 7000);
  CHECK(node.told() == "k: expire");
  node.pass_expired(kNowMs + 6999);
  CHECK(node.told().empty());
  node.pass_expired(kNowMs + 7000);
  CHECK(node.told() == "k: expired");
  node.pass_expired(kNowMs + 8000);
  CHECK(node.told().empty());
  node.set("k", "x");
  CHECK(node.told() == "k: set");
  node.del("k");
  CHECK(node.told() == "k: del");
  node.del("k");
  CHECK(node.told().empty());
}

TEST_CASE("redis changes: sets and hashes, and keys that have nothing left") {
  Fixture node;
  const SetElement tea = node.add("s", "tea");
  node.add("s", "milk");
  node.hset("h", "f", "1");
  CHECK(node.told() == "h: hset, s: sadd");  // Several of a kind are one.
  node.merge({"t", "s", Kind::kSet, "tea"}, tea);
  CHECK(node.told().empty());  // It came once more.
  node.add("s", "tea");
  CHECK(node.told().empty());  // Another add of what is there.
  node.merge({"other", "s", Kind::kSet, "tea"}, tea);
  CHECK(node.told().empty());  // Another table.
  node.hset("h", "g", "2");
  node.hdel("h", "f");
  CHECK(node.told() == "h: hset hdel");
  node.hdel("h", "g");
  CHECK(node.told() == "h: hdel del");
}

TEST_CASE("redis changes: elements that go, by a removal and by a rebase") {
  Fixture node;
  node.add("s", "a");
  const SetElement b = node.add("s", "b");
  CHECK(node.told() == "s: sadd");
  SetElement both = b;
  const Tag tag = node.next();
  node.merge({"t", "s", Kind::kSet, "b"}, both.remove(tag, {tag.at, OriginId{9}}));
  CHECK(node.told() == "s: srem");
  const SetElement again = node.add("s", "b");
  CHECK(node.told() == "s: sadd");
  const CellKey cell{"t", "s", Kind::kSet, "b"};
  node.drop(store_key(shard_of(cell, kShards), cell), again);
  CHECK(node.told() == "s: srem");
}

TEST_CASE("redis changes: counters, and those of fields") {
  Fixture node;
  node.count("t", "n", 5);
  node.count("t", "n", -2);
  node.count(std::string(kFieldTable), field_counter("t", "h", "f"), 3);
  node.count(std::string(kFieldTable), field_counter("other", "h", "f"), 3);
  CHECK(node.told() == "h: hincrby, n: incrby");
  node.count("t", "n", 5);
  node.count("t", "n", -5);
  CHECK(node.told().empty());  // It stands where it stood.
  node.count("t", "n", -3);
  node.count(std::string(kFieldTable), field_counter("t", "h", "f"), -3);
  CHECK(node.told() == "h: del, n: del");
  node.count("t", "n", 4);
  CHECK(node.told() == "n: incrby");
  node.set("n", "9");
  node.count("t", "n", -4);
  CHECK(node.told() == "n: set");  // SET takes out what was counted: one event.
}

TEST_CASE("redis changes: fields that expire") {
  Fixture node;
  node.hset("h", "f", "1", kNowMs + 5000);
  node.hset("h", "g", "1");
  CHECK(node.told() == "h: hset expire");
  node.pass_expired(kNowMs + 5000);
  CHECK(node.told() == "h: hexpired");
}
