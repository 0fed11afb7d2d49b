#include "tests/tools/node_fixture.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

TEST_CASE("data: plain answers") {
  NodeFixture n1;
  CHECK(n1.out({"set", "note", "two words"}) == "ok\n");
  CHECK(n1.out({"get", "note"}) == "two words\n");
  CHECK(n1.out({"sadd", "likes", "tea", "coffee"}) == "2 added\n");
  CHECK(n1.out({"sadd", "likes", "tea", "milk"}) == "1 added\n");
  CHECK(n1.out({"srem", "likes", "milk", "juice"}) == "1 removed\n");
  CHECK(n1.out({"smembers", "likes"}) == "coffee\ntea\n");
  CHECK(n1.out({"scard", "likes"}) == "2\n");
  CHECK(n1.out({"sismember", "likes", "tea"}) == "yes\n");
  CHECK(n1.run({"sismember", "likes", "milk"}).out == "no\n");
  CHECK(n1.out({"hset", "order", "state", "open", "total", "30"}) == "2 changed\n");
  CHECK(n1.out({"hget", "order", "state"}) == "open\n");
  CHECK(n1.out({"hgetall", "order"}) == "state: open\ntotal: 30\n");
  CHECK(n1.out({"hdel", "order", "total"}) == "1 deleted\n");
  CHECK(n1.out({"keys"}) == "likes\nnote\norder\n");
  CHECK(n1.out({"keys", "li", "--long"}) == "likes\tset\t2\n");
  CHECK(n1.out({"del", "note"}) == "1 deleted\n");
  CHECK(n1.run({"get", "note"}).code == 3);
}

TEST_CASE("data: counters go up and down, a retry counts once, and keys and explain know them") {
  NodeFixture n1;
  CHECK(n1.out({"count", "visits"}) == "0\n");
  CHECK(n1.out({"incr", "visits"}) == "1\n");
  CHECK(n1.out({"incr", "visits", "41"}) == "42\n");
  CHECK(n1.out({"incr", "visits", "-2"}) == "40\n");
  CHECK(n1.out({"decr", "visits"}) == "39\n");
  CHECK(n1.out({"decr", "visits", "100"}) == "-61\n");
  CHECK(n1.out({"decr", "visits", "-61"}) == "0\n");
  const std::string tag = n1.json({"incr", "visits", "5"})["tag"];
  CHECK(n1.out({"incr", "visits", "5", "--tag", tag}) == "5\n");
  const Json retry = n1.json({"incr", "visits", "5", "--tag", tag});
  CHECK(retry["changed"] == 0);
  CHECK(retry["total"] == 5);
  CHECK(n1.json({"count", "visits"}) == Json({{"key", "visits"}, {"total", 5}}));
  CHECK(n1.out({"keys", "--long"}) == "visits\tcounter\t5\n");
  CHECK(n1.json({"keys"})["keys"] == Json::array({{{"key", "visits"}, {"kind", "counter"}, {"live", 1}, {"total", 5}}}));
  CHECK(has(n1.out({"explain", "visits"}), "n1: a counter at 5; 7 rows"));
  CHECK(n1.out({"del", "visits"}) == "0 deleted\n");  // A counter is no register.
  CHECK(n1.out({"count", "visits"}) == "5\n");
  CHECK(n1.out({"incr", "visits", "9223372036854775802"}) == "9223372036854775807\n");
  const KithRun over = n1.run({"incr", "visits"});
  CHECK(over.code == 1);
  CHECK(has(over.err, "stands at 9223372036854775807, and 1 more would carry it past 64 bits"));
}

// Goal: what is mistyped is asked about and never guessed.
TEST_CASE("data: amounts that are none, each with its sentence, change nothing") {
  NodeFixture n1;
  const std::pair<const char*, const char*> kTable[] = {
      {"+1", "has a plus sign"},      {" 1", "has a space in it"},       {"1 ", "has a space in it"},
      {"1e3", "is no whole number"},  {"abc", "is no whole number"},     {"1.5", "is no whole number"},
      {"0x10", "is no whole number"}, {"1,000", "is no whole number"},   {"", "is empty"},
      {"0", "changes nothing"},       {"-0", "changes nothing"},         {"007", "begins with a zero"},
      {"9223372036854775808", "is beyond 64 bits"},                      {"-9223372036854775809", "is beyond 64 bits"},
      {"99999999999999999999999", "is beyond 64 bits"},
  };
  for (const char* command : {"incr", "decr"}) {
    for (const auto& [amount, sentence] : kTable) {
      CAPTURE(amount);
      const KithRun done = n1.run({command, "visits", "--", amount});
      CHECK(done.code == 2);
      CHECK(has(done.err, std::string(command) + ": "));
      CHECK(has(done.err, sentence));
    }
  }
  CHECK(n1.run({"decr", "visits", "-9223372036854775808"}).code == 2);
  CHECK(n1.out({"keys"}).empty());
  CHECK(n1.out({"incr", "visits", "-9223372036854775808"}) == "-9223372036854775808\n");
}

TEST_CASE("data: JSON shapes") {
  NodeFixture n1;
  const Json set = n1.json({"sadd", "likes", "tea"});
  CHECK(set["outcome"] == "ok");
  CHECK(set["changed"] == 1);
  CHECK(set["node"] == "n1");
  CHECK(set["replicas"] == Json::array({"n1"}));
  CHECK(set["tag"].get<std::string>().size() == 33);
  n1.out({"hset", "order", "state", "open"});
  n1.out({"set", "note", "x"});
  CHECK(n1.json({"get", "note"}) == Json({{"key", "note"}, {"value", "x"}}));
  CHECK(n1.json({"get", "absent"}) == Json({{"key", "absent"}, {"value", nullptr}}));
  CHECK(n1.json({"hget", "order", "state"}) == Json({{"key", "order"}, {"field", "state"}, {"value", "open"}}));
  CHECK(n1.json({"smembers", "likes"}) == Json({{"key", "likes"}, {"members", {"tea"}}}));
  CHECK(n1.json({"smembers", "absent"})["members"] == Json::array());
  CHECK(n1.json({"sismember", "likes", "tea"})["present"] == true);
  CHECK(n1.json({"scard", "likes"})["members"] == 1);
  CHECK(n1.json({"hgetall", "order"})["fields"] == Json::array({{{"field", "state"}, {"value", "open"}}}));
  CHECK(n1.json({"keys", "likes"})["keys"] == Json::array({{{"key", "likes"}, {"kind", "set"}, {"live", 1}}}));
  const Json refused = n1.json({"set", std::string(5000, 'k'), "x"});
  CHECK(refused["outcome"] == "refused");
  CHECK(refused["code"] == "limit");
  CHECK_FALSE(refused["message"].get<std::string>().empty());
}

TEST_CASE("data: any bytes go in and come out (NUL, invalid UTF-8, newlines)") {
  NodeFixture n1;
  const std::string bytes("\0\xff\xfe\n\x1b[31m", 9);
  n1.run({"set", "raw", "-"}, {.standard_input = bytes});
  CHECK(n1.out({"get", "raw"}) == bytes + "\n");
  CHECK(n1.json({"get", "raw"})["value"] == Json({{"hex", "00fffe0a1b5b33316d"}}));
  const std::string file = n1.directory.write("value", "from a file");
  n1.out({"set", "raw", "--file", file});
  CHECK(n1.out({"get", "raw"}) == "from a file\n");
  n1.out({"sadd", "odd", "\xff", "line\nbreak", "back\\slash", "[a,b]"});
  CHECK(n1.out({"smembers", "odd"}) == "[a,b]\nback\\\\slash\nline\\x0abreak\n\\xff\n");
  n1.out({"set", "--", "-key", "--value"});
  CHECK(n1.out({"get", "--", "-key"}) == "--value\n");
}

TEST_CASE("data: a set of many pages is printed whole (100,000 members)") {
  NodeFixture n1;
  std::string lines;
  for (int part = 0; part < 100; ++part) {
    lines += R"({"op":"sadd","key":"big","members":[)";
    for (int i = 0; i < 1000; ++i)
      lines += (i == 0 ? "\"" : ",\"") + std::to_string(part * 1000 + i) + "-a-longer-name\"";
    lines += "]}\n";
  }
  const KithRun imported = n1.run({"import", "-"}, {.standard_input = lines});
  CHECK(imported.code == 0);
  const std::string members = n1.out({"smembers", "big"});
  CHECK(std::count(members.begin(), members.end(), '\n') == 100'000);
  CHECK(n1.json({"smembers", "big"})["members"].size() == 100'000);
}

TEST_CASE("data: a retry with its tag does not bring back what was removed meanwhile") {
  NodeFixture n1;
  const std::string tag = n1.json({"sadd", "likes", "tea"})["tag"];
  CHECK(n1.out({"srem", "likes", "tea"}) == "1 removed\n");
  CHECK(n1.out({"sadd", "likes", "tea", "--tag", tag}) == "0 added\n");
  CHECK(n1.run({"sismember", "likes", "tea"}).code == 3);
  CHECK(n1.json({"sadd", "likes", "tea", "--tag", tag})["tag"] == tag);
}

TEST_CASE("shell: lines from a pipe, with quoting, an error is told with its line and is the exit code") {
  NodeFixture n1;
  const KithRun done = n1.run({}, {.standard_input = "set k 'two words'\n# a comment\n\nget k\n"
                                                     "sadd s \"\\x00\\n\" b\nsmembers s\n"});
  CHECK(done.out == "ok\ntwo words\n2 added\n\\x00\\x0a\nb\n");
  CHECK(done.code == 0);
  const KithRun wrong = n1.run(
      {"shell"}, {.standard_input = "get absent\nfrobnicate\nset k v\nat n1 get k\nuse t2\nkeys\nexit\nset k w\n"});
  CHECK(wrong.code == 3);
  CHECK(wrong.out == "ok\nv\n");
  CHECK(has(wrong.err, "line 2: frobnicate"));
  CHECK(n1.out({"get", "k"}) == "v\n");
}

}  // namespace
}  // namespace kith
