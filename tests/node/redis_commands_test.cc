// Goal: the table of commands is whole, and what is said of them can be read by redis-cli.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>

#include "node/redis/command_docs.h"
#include "node/redis/command_table.h"
#include "node/redis/resp_writer.h"
#include "tests/node/temporary_directory.h"

using namespace kith;
using namespace kith::redis;

TEST_CASE("redis commands: every name is found in any case, and only those") {
  for (const CommandSpec& spec : command_table()) {
    std::string upper(spec.name);
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    CHECK(find_command(upper) == &spec);
    CHECK(find_command(spec.name) == &spec);
    CHECK(spec.arity != 0);
    CHECK_FALSE(spec.summary.empty());
    CHECK((spec.carry_out != nullptr || has(spec.flags, CommandFlags::kSession)));
    if (has(spec.flags, CommandFlags::kRefused)) CHECK(spec.summary.starts_with("Not here: "));
  }
  CHECK(find_command("") == nullptr);
  CHECK(find_command("gett") == nullptr);
  CHECK(find_command(std::string(1000, 'g')) == nullptr);
}

TEST_CASE("redis commands: the page tells of each of them") {
  const std::string page = read_file(KITH_SOURCE_DIR "/docs/REDIS.md");
  for (const CommandSpec& spec : command_table()) {
    std::string upper(spec.name);
    for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    CHECK_MESSAGE(page.find("`" + upper + "`") != std::string::npos, "docs/REDIS.md says nothing of ", upper);
  }
}

TEST_CASE("redis commands: a syntax is read into arguments") {
  using Specs = std::vector<ArgumentSpec>;
  CHECK(parse_syntax("").empty());
  CHECK(parse_syntax("key") == Specs{{"key", "", false, false, {}}});
  CHECK(parse_syntax("key [key ...]") == Specs{{"key", "", false, true, {}}});
  CHECK(parse_syntax("key value [EX seconds]") ==
        Specs{{"key", "", false, false, {}}, {"value", "", false, false, {}}, {"seconds", "EX", true, false, {}}});
  CHECK(parse_syntax("key field value [field value ...]") ==
        Specs{{"key", "", false, false, {}}, {"", "", false, true, {{"field", "", false, false, {}}, {"value", "", false, false, {}}}}});
  CHECK(parse_syntax("[section [section ...]]") == Specs{{"section", "", true, true, {}}});
  CHECK(parse_syntax("[AUTH username password]") == Specs{{"username", "AUTH", true, false, {}}, {"password", "", true, false, {}}});
}

TEST_CASE("redis writer: what RESP2 has no type for is said as it always was") {
  RespWriter two(2), three(3);
  for (RespWriter* out : {&two, &three}) {
    out->null();
    out->null_array();
    out->boolean(true);
    out->map(2);
    out->set(3);
    out->push(1);
    out->text("hi");
    out->integer(-5);
  }
  CHECK(two.bytes() == "$-1\r\n*-1\r\n:1\r\n*4\r\n*3\r\n*1\r\n$2\r\nhi\r\n:-5\r\n");
  CHECK(three.bytes() == "_\r\n_\r\n#t\r\n%2\r\n~3\r\n>1\r\n=6\r\ntxt:hi\r\n:-5\r\n");
}

TEST_CASE("redis writer: no text ends an error's line") {
  RespWriter out;
  out.error("ERR a\r\n+OK\nb");
  CHECK(out.bytes() == "-ERR a  +OK b\r\n");
}
