#include "tests/tools/node_fixture.h"
#include "tools/kith/import_line.h"

namespace kith {
namespace {

TEST_CASE("import: every op, and values that are not UTF-8") {
  NodeFixture n1;
  const KithRun done = n1.run({"import", "-"}, {.standard_input =
      "{\"op\":\"set\",\"key\":\"note\",\"value\":{\"hex\":\"00ff\"}}\n"
      "{\"op\":\"sadd\",\"key\":\"likes\",\"members\":[\"tea\",{\"hex\":\"ff\"}]}\n"
      "\n"
      "{\"op\":\"hset\",\"key\":\"order\",\"fields\":{\"state\":\"open\",\"total\":\"30\"},\"table\":\"t2\"}\n"
      "{\"op\":\"hset\",\"key\":\"raw\",\"fields\":[{\"field\":{\"hex\":\"fe\"},\"value\":\"x\"}]}"});
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(has(done.out, "4 lines written, 6 cells changed"));
  CHECK(n1.out({"get", "note"}) == std::string("\0\xff\n", 3));
  CHECK(n1.out({"smembers", "likes"}) == "tea\n\\xff\n");
  CHECK(n1.out({"-t", "t2", "hget", "order", "total"}) == "30\n");
  CHECK(n1.out({"hgetall", "raw"}) == "\\xfe: x\n");
  const std::string file = n1.directory.write("more.jsonl",
                                              "{\"op\":\"srem\",\"key\":\"likes\",\"members\":[\"tea\"]}\n"
                                              "{\"op\":\"del\",\"key\":\"note\"}\n"
                                              "{\"op\":\"hdel\",\"key\":\"raw\",\"fields\":[{\"hex\":\"fe\"}]}\n");
  CHECK(n1.json({"import", file})["changed"] == 3);
  CHECK(n1.run({"get", "note"}).code == 3);
}

TEST_CASE("import: increments, and amounts that are none") {
  NodeFixture n1;
  CHECK(n1.json({"import", n1.directory.write("counts.jsonl", "{\"op\":\"incr\",\"key\":\"visits\"}\n"
                                              "{\"op\":\"incr\",\"key\":\"visits\",\"amount\":-5}\n")})["changed"] == 2);
  CHECK(n1.out({"count", "visits"}) == "-4\n");
  for (const char* amount : {"1.5", "1e3", "\"1\"", "null", "9223372036854775808", "0"}) {
    CAPTURE(amount);
    const auto line = tools::parse_import_line(std::string(R"({"op":"incr","key":"k","amount":)") + amount + "}", "t");
    REQUIRE(std::holds_alternative<tools::ImportError>(line));
    CHECK(has(std::get<tools::ImportError>(line).message, "\"amount\" is"));
  }
}

TEST_CASE("import: a bad line is named, with what is wrong, and --keep-going imports the rest") {
  NodeFixture n1;
  const std::string lines =
      "{\"op\":\"sadd\",\"key\":\"a\",\"members\":[\"1\"]}\n"
      "{\"op\":\"sad\",\"key\":\"a\",\"members\":[\"2\"]}\n"
      "{\"op\":\"sadd\",\"key\":\"a\",\"membres\":[\"3\"]}\n"
      "nonsense\n"
      "{\"op\":\"sadd\",\"key\":\"a\",\"members\":[\"5\"]}\n";
  const KithRun stopped = n1.run({"import", "-"}, {.standard_input = lines});
  CHECK(stopped.code == 1);
  CHECK(has(stopped.err, "standard input, line 2: there is no op \"sad\": did you mean \"sadd\"?"));
  CHECK_FALSE(has(stopped.err, "line 3"));
  CHECK(n1.out({"smembers", "a"}) == "1\n");
  const KithRun kept = n1.run({"import", "-", "--keep-going"}, {.standard_input = lines});
  CHECK(kept.code == 1);
  CHECK(has(kept.err, "line 3: \"membres\" has no meaning here: did you mean \"members\"?"));
  CHECK(has(kept.err, "line 4: not JSON"));
  CHECK(has(kept.out, "3 lines failed"));
  CHECK(n1.out({"smembers", "a"}) == "1\n5\n");
}

TEST_CASE("import: what a line may not hold") {
  const auto error = [](const std::string& line) {
    const auto parsed = tools::parse_import_line(line, "default");
    REQUIRE_MESSAGE(std::holds_alternative<tools::ImportError>(parsed), line);
    return std::get<tools::ImportError>(parsed).message;
  };
  CHECK(has(error("[]"), "not a JSON object"));
  CHECK(has(error("{}"), "\"op\" is missing"));
  CHECK(has(error(R"({"op":"set","key":"k"})"), "\"value\" is missing"));
  CHECK(has(error(R"({"op":"set","key":"k","value":5})"), "neither a string"));
  CHECK(has(error(R"({"op":"set","key":"k","value":{"hex":"0"}})"), "neither a string"));
  CHECK(has(error(R"({"op":"set","key":"","value":"v"})"), "the key is empty"));
  CHECK(has(error(R"({"op":"set","key":"k","value":"v","table":"_kith"})"), "no table name"));
  CHECK(has(error(R"({"op":"sadd","key":"k","members":[]})"), "one or more"));
  CHECK(has(error(R"({"op":"sadd","key":"k","members":[1]})"), "of type number"));
  CHECK(has(error(R"({"op":"hset","key":"k","fields":{}})"), "one or more fields"));
  CHECK(has(error(R"({"op":"set","key":")" + std::string(4097, 'k') + R"(","value":"v"})"), "the limit is 4096"));
  CHECK(has(error("{\"op\":\"set\",\"key\":\"\xff\",\"value\":\"v\"}"), "not JSON"));
  CHECK(has(error(R"({"op":"sadd","key":"k","members":)" + std::string(100'000, '[') + "}"), "not JSON"));
}

}  // namespace
}  // namespace kith
