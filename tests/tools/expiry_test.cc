// Goal: a value that is told to expire does, at the command line, and what makes no sense is said to make none.
// Method: a real node; waiting is polling, bounded by the tests' patience, for no clock here is trusted.
#include <chrono>
#include <functional>
#include <thread>

#include "tests/tools/node_fixture.h"

namespace kith {
namespace {

bool comes_true(const std::function<bool()>& done) {
  for (int i = 0; i < 600; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

TEST_CASE("expiry: set and hset with --ttl vanish from get, hget, hgetall, keys and explain") {
  NodeFixture n1;
  CHECK(n1.out({"set", "door", "open", "--ttl", "2s"}) == "ok\n");
  CHECK(n1.out({"hset", "lamps", "hall", "on", "--ttl=2s"}) == "1 changed\n");
  CHECK(n1.out({"hset", "lamps", "attic", "off"}) == "1 changed\n");
  CHECK(n1.out({"set", "note", "stays", "--ttl", "1h"}) == "ok\n");
  const auto left = n1.json({"ttl", "note"});
  CHECK(left["found"] == true);
  CHECK(left["ttl_ms"].get<std::int64_t>() <= 3'600'000);
  CHECK(left["ttl_ms"].get<std::int64_t>() > 3'000'000);
  CHECK(has(n1.out({"explain", "note"}), "expires at "));
  CHECK(comes_true([&] { return n1.run({"get", "door"}).code == 3; }));
  CHECK(comes_true([&] { return n1.run({"hget", "lamps", "hall"}).code == 3; }));
  CHECK(n1.out({"hgetall", "lamps"}) == "attic: off\n");
  CHECK(n1.out({"keys", "--long"}) == "lamps\thash\t1\nnote\tregister\t1\n");
  CHECK(has(n1.out({"explain", "door"}), "is not there: set at "));
  CHECK(has(n1.out({"explain", "door"}), ", expired at "));
  CHECK(n1.run({"ttl", "door"}).code == 3);
  CHECK(n1.out({"get", "note"}) == "stays\n");
}

TEST_CASE("expiry: expire, persist and ttl of values and fields, and a set without --ttl takes an expiry away") {
  NodeFixture n1;
  n1.out({"set", "door", "open"});
  n1.out({"hset", "lamps", "hall", "on", "attic", "off"});
  CHECK(n1.out({"ttl", "door"}) == "does not expire\n");
  CHECK(n1.json({"ttl", "door"})["ttl_ms"].is_null());
  CHECK(n1.out({"expire", "door", "8h"}) == "ok\n");
  CHECK(n1.json({"ttl", "door"})["ttl_ms"].get<std::int64_t>() > 7 * 3'600'000);
  CHECK(n1.out({"persist", "door"}) == "ok\n");
  CHECK(n1.out({"ttl", "door"}) == "does not expire\n");
  CHECK(n1.out({"expire", "lamps", "30d", "hall", "attic"}) == "ok\n");
  CHECK(n1.json({"ttl", "lamps", "hall"})["ttl_ms"].get<std::int64_t>() > 29LL * 24 * 3'600'000);
  CHECK(n1.out({"persist", "lamps", "attic"}) == "ok\n");
  CHECK(n1.out({"ttl", "lamps", "attic"}) == "does not expire\n");
  n1.out({"set", "door", "open", "--ttl", "1h"});
  n1.out({"set", "door", "shut"});
  CHECK(n1.out({"ttl", "door"}) == "does not expire\n");
  const std::string tag = n1.json({"expire", "door", "1h"})["tag"];
  CHECK(n1.out({"expire", "door", "1h", "--tag", tag}) == "unchanged\n");
}

TEST_CASE("expiry: on what is not there expire and persist say so (exit code 3)") {
  NodeFixture n1;
  n1.out({"sadd", "likes", "tea"});
  const std::vector<std::vector<std::string>> kTable = {
      {"expire", "none", "1h"}, {"persist", "none"}, {"expire", "likes", "1h"}, {"expire", "likes", "1h", "tea"}, {"persist", "lamps", "hall"}};
  for (const auto& words : kTable) {
    const KithRun run = n1.run(words);
    CHECK(run.code == 3);
    CHECK(has(run.err, "no such value"));
    CHECK(has(run.err, "nothing changed"));
  }
  CHECK(n1.out({"smembers", "likes"}) == "tea\n");
}

TEST_CASE("expiry: durations that are none, and commands that take none, are refused before anything is sent") {
  NodeFixture n1;
  n1.out({"set", "door", "open"});
  for (const char* bad : {"0", "0s", "-5s", "soon", "5x", "", "101000d", "1e30", "9223372036854775807"}) {
    CAPTURE(bad);
    const KithRun set = n1.run({"set", "door", "shut", std::string("--ttl=") + bad});
    CHECK(set.code == 2);
    CHECK(has(set.err, "is no time for which a value can last"));
    const KithRun expire = n1.run({"expire", "door", "--", bad});
    CHECK(expire.code == 2);
    CHECK(has(expire.err, "at most 100 years"));
  }
  CHECK(has(n1.run({"sadd", "likes", "tea", "--ttl", "5s"}).err, "sadd has no option --ttl"));
  CHECK(n1.run({"expire", "door"}).code == 2);
  CHECK(n1.out({"get", "door"}) == "open\n");
  CHECK(n1.out({"ttl", "door"}) == "does not expire\n");
  CHECK(n1.out({"expire", "door", "36500d"}) == "ok\n");
}

TEST_CASE("expiry: lines of an import may say ttl_ms, of set and hset, and of nothing else") {
  NodeFixture n1;
  CHECK(n1.run({"import", "-"}, {.standard_input = R"({"op":"set","key":"door","value":"open","ttl_ms":3600000})"
                                          "\n"}).code == 0);
  CHECK(n1.json({"ttl", "door"})["ttl_ms"].get<std::int64_t>() > 3'000'000);
  for (const char* bad : {R"({"op":"set","key":"a","value":"x","ttl_ms":0})", R"({"op":"set","key":"a","value":"x","ttl_ms":-1})",
                          R"({"op":"set","key":"a","value":"x","ttl_ms":1.5})", R"({"op":"sadd","key":"a","members":["x"],"ttl_ms":5})",
                          R"({"op":"hset","key":"a","fields":{"f":"x"},"ttl_ms":99999999999999999999})"}) {
    CAPTURE(bad);
    const KithRun run = n1.run({"import", "-"}, {.standard_input = std::string(bad) + "\n"});
    CHECK(run.code != 0);
    CHECK(has(run.err, "ttl_ms"));
  }
  CHECK(n1.out({"keys"}) == "door\n");
}

}  // namespace
}  // namespace kith
