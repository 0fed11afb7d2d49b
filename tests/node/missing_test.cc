// Goal: op "missing" counts what somebody lacks of what is here, by what they told of themselves.
#include "node/missing.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "node/json_text.h"
#include "store/memory_store.h"

namespace kith {
namespace {

using nlohmann::json;

constexpr std::uint32_t kShards = 4;
constexpr OriginId kOne{1}, kTwo{2};

class Fixture {
 public:
  // An element that `origin` committed at `at_ms`.
  void add(const std::string& key, const std::string& member, OriginId origin, std::int64_t at_ms) {
    const Timestamp at = Timestamp::at_ms(at_ms);
    const CellKey cell{"default", key, Kind::kSet, member};
    SetElement element;
    (void)element.add({at, actor_of(origin)}, {at, origin});
    StoreBatch batch;
    const ShardId shard = shard_of(cell, kShards);
    batch.merge(shard, cell, Content(element));
    batch.hold(shard, origin, at);
    (void)store_.commit(batch);
  }
  ClientReply ask(const std::string& text) {
    Request request;
    request.op = ClientOp::kMissing;
    request.text = text;
    const auto snapshot = store_.snapshot();
    return answer_read(request, {*snapshot, kShards, [](const StoreKey&) { FAIL("nothing is damaged"); }, 0});
  }
  // Who says to hold this much of the two, at `now_ms`.
  json count(std::int64_t one_ms, std::int64_t two_ms, std::int64_t now_ms = 1'000'000, json roots = json::array()) {
    json held = json::object();
    if (one_ms > 0) held[to_hex(kOne.value)] = to_hex(Timestamp::at_ms(one_ms).value);
    if (two_ms > 0) held[to_hex(kTwo.value)] = to_hex(Timestamp::at_ms(two_ms).value);
    const ClientReply reply = ask(dump({{"clocks", {{{"now", to_hex(Timestamp::at_ms(now_ms).value)}, {"held", held}, {"roots", roots}}}}}));
    REQUIRE(reply.status == Status::kOk);
    return json::parse(reply.document)["counts"][0];
  }
  std::string root(ShardId shard) { return to_hex(store_.snapshot()->shard_root(shard)); }

 private:
  MemoryStore store_;
};

TEST_CASE("missing: cells whose commits are not reached are counted, by origin") {
  Fixture fixture;
  for (int i = 0; i < 10; ++i) fixture.add("a", "m" + std::to_string(i), kOne, 100 + i);
  for (int i = 0; i < 5; ++i) fixture.add("b", "m" + std::to_string(i), kTwo, 200 + i);
  CHECK(fixture.count(0, 0) == json{{"cells", 15}, {"complete", true}});
  CHECK(fixture.count(109, 204)["cells"] == 0);
  CHECK(fixture.count(104, 204)["cells"] == 5);
  CHECK(fixture.count(109, 0)["cells"] == 5);
  CHECK(fixture.count(500, 203)["cells"] == 1);
}

TEST_CASE("missing: a cell that was written again counts once") {
  Fixture fixture;
  for (int i = 0; i < 50; ++i) fixture.add("a", "same", kOne, 100 + i);
  CHECK(fixture.count(0, 0)["cells"] == 1);
  CHECK(fixture.count(120, 0)["cells"] == 1);
}

TEST_CASE("missing: what was committed after the other one spoke is not asked for") {
  Fixture fixture;
  for (int i = 0; i < 10; ++i) fixture.add("a", "m" + std::to_string(i), kOne, 100 + i);
  CHECK(fixture.count(0, 0, 104)["cells"] == 5);
  CHECK(fixture.count(0, 0, 99)["cells"] == 0);
}

TEST_CASE("missing: shards whose roots are equal are not looked at") {
  Fixture fixture;
  fixture.add("a", "m", kOne, 100);
  json roots = json::array();
  for (std::uint32_t shard = 0; shard < kShards; ++shard) roots.push_back(fixture.root(static_cast<ShardId>(shard)));
  CHECK(fixture.count(0, 0, 1'000'000, roots)["cells"] == 0);
  roots[static_cast<std::size_t>(shard_of("default", "a", kShards))] = "0000000000000001";
  CHECK(fixture.count(0, 0, 1'000'000, roots)["cells"] == 1);
}

TEST_CASE("missing: an origin that has left the clocks here is held by everybody") {
  Fixture fixture;
  StoreBatch batch;
  const CellKey cell{"default", "a", Kind::kSet, "m"};
  SetElement element;
  (void)element.add({Timestamp::at_ms(1), actor_of(kTwo)}, {Timestamp::at_ms(1), kTwo});
  MemoryStore store;
  batch.merge(shard_of(cell, kShards), cell, Content(element));
  (void)store.commit(batch);
  Request request;
  request.op = ClientOp::kMissing;
  request.text = R"({"clocks":[{"now":"ffffffffffffffff"}]})";
  const auto snapshot = store.snapshot();
  const ClientReply reply = answer_read(request, {*snapshot, kShards, {}, 0});
  CHECK(json::parse(reply.document)["counts"][0]["cells"] == 0);
}

TEST_CASE("missing: several that ask are counted each by itself") {
  Fixture fixture;
  for (int i = 0; i < 4; ++i) fixture.add("a", "m" + std::to_string(i), kOne, 100 + i);
  const std::string now = to_hex(Timestamp::at_ms(1000).value);
  const ClientReply reply = fixture.ask(dump({{"clocks",
                                               {{{"now", now}, {"held", {{to_hex(kOne.value), to_hex(Timestamp::at_ms(102).value)}}}},
                                                {{"now", now}},
                                                {{"now", now}, {"held", {{to_hex(kOne.value), to_hex(Timestamp::at_ms(103).value)}}}}}}}));
  const json counts = json::parse(reply.document)["counts"];
  REQUIRE(counts.size() == 3);
  CHECK(counts[0]["cells"] == 1);
  CHECK(counts[1]["cells"] == 4);
  CHECK(counts[2]["cells"] == 0);
}

TEST_CASE("missing: a question that makes no sense is an error that says what is wrong") {
  Fixture fixture;
  std::string too_many = R"({"clocks":[)";
  for (std::size_t i = 0; i <= kClocksMax; ++i) too_many += std::string(i == 0 ? "" : ",") + R"({"now":"0000000000000001"})";
  too_many += "]}";
  for (const std::string& text : std::vector<std::string>{
           "", "{", "[]", "7", R"({"clocks":{}})", R"({"clocks":[7]})", R"({"clocks":[{}]})", R"({"clocks":[{"now":1}]})", R"({"clocks":[{"now":"xyz"}]})",
           R"({"clocks":[{"now":"0000000000000001","held":[]}]})", R"({"clocks":[{"now":"0000000000000001","held":{"nobody":"1"}}]})",
           R"({"clocks":[{"now":"0000000000000001","held":{"0000000000000001":5}}]})", R"({"clocks":[{"now":"0000000000000001","roots":[1]}]})",
           std::string(100'000, '['), too_many}) {
    CAPTURE(text.substr(0, 80));
    const ClientReply reply = fixture.ask(text);
    CHECK(reply.status == Status::kError);
    CHECK(reply.code == "bad_request");
    CHECK(reply.message.find("\"text\" is not what \"missing\" needs") == 0);
  }
  CHECK(fixture.ask("{}").status == Status::kOk);
  CHECK(json::parse(fixture.ask(R"({"clocks":[]})").document)["counts"].empty());
}

}  // namespace
}  // namespace kith
