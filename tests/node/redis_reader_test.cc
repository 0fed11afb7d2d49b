#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "node/redis/limits.h"
#include "node/redis/numbers.h"
#include "node/redis/resp_reader.h"

using namespace kith;
using namespace kith::redis;

namespace {

using Command = std::vector<std::string>;

struct Read {
  std::vector<Command> commands;
  std::string problem;
  friend bool operator==(const Read&, const Read&) = default;
};

void take_all(RespReader& reader, Read& out) {
  for (;;) {
    switch (reader.next()) {
      case RespReader::Next::kNeedsMore: return;
      case RespReader::Next::kBroken: out.problem = reader.problem(); return;
      case RespReader::Next::kCommand: out.commands.emplace_back(reader.arguments().begin(), reader.arguments().end());
    }
  }
}

Read read(const std::vector<std::string_view>& pieces, bool trusted = true) {
  RespReader reader;
  reader.trust(trusted);
  Read out;
  for (const std::string_view piece : pieces) {
    reader.feed(piece);
    take_all(reader, out);
  }
  return out;
}

Read read_whole(std::string_view text, bool trusted = true) { return read({text}, trusted); }

// In two pieces, cut anywhere, and byte by byte: the same comes out.
void check_any_cut(std::string_view text, const Read& wanted, bool trusted = true) {
  CAPTURE(std::string(text.substr(0, 200)));
  CHECK(read({text}, trusted) == wanted);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    REQUIRE(read({text.substr(0, cut), text.substr(cut)}, trusted) == wanted);
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
  CHECK(read(bytes, trusted) == wanted);
}

std::string bulk(const std::string& bytes) { return "$" + std::to_string(bytes.size()) + "\r\n" + bytes + "\r\n"; }

}  // namespace

TEST_CASE("redis reader: arrays of bulk strings are commands, cut anywhere") {
  check_any_cut("*1\r\n$4\r\nPING\r\n", {{{"PING"}}, ""});
  check_any_cut("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$0\r\n\r\n", {{{"SET", "k", ""}}, ""});
  check_any_cut("*2\r\n$3\r\nGET\r\n$4\r\na\r\nb\r\n*1\r\n$4\r\nPING\r\n", {{{"GET", "a\r\nb"}, {"PING"}}, ""});
  const std::string binary("*2\r\n$4\r\nECHO\r\n$3\r\n\0\xff\n\r\n", 23);
  check_any_cut(binary, {{{"ECHO", std::string("\0\xff\n", 3)}}, ""});
}

TEST_CASE("redis reader: lines are commands, with quotes as in a shell, cut anywhere") {
  check_any_cut("PING\r\n", {{{"PING"}}, ""});
  check_any_cut("set  a\t b \nget a\r\n", {{{"set", "a", "b"}, {"get", "a"}}, ""});
  check_any_cut("echo \"a b\\n\\x41\\\"\" 'it\\'s'\r\n", {{{"echo", "a b\nA\"", "it's"}}, ""});
  check_any_cut("echo \"\" ''\n", {{{"echo", "", ""}}, ""});
  const std::string nul("echo a\0b\r\n", 10);
  check_any_cut(nul, {{{"echo", std::string("a\0b", 3)}}, ""});
  check_any_cut("POST / HTTP/1.1\r\nHost: x\r\n", {{{"POST", "/", "HTTP/1.1"}, {"Host:", "x"}}, ""});
}

TEST_CASE("redis reader: what is empty is no command") {
  check_any_cut("\r\n\n*0\r\n*-1\r\n*-7\r\n  \r\nPING\r\n", {{{"PING"}}, ""});
}

// Goal: every bad input ends in the error that Redis gives, after the commands before it, wherever it is cut.
TEST_CASE("redis reader: bad input breaks it with Redis's words, cut at every length") {
  struct Case {
    std::string text;
    std::string problem;
  };
  const std::vector<Case> cases = {
      {"*2147483648\r\n", "invalid multibulk length"},
      {"*9223372036854775808\r\n", "invalid multibulk length"},
      {"*1048577\r\n", "invalid multibulk length"},
      {"*+1\r\n", "invalid multibulk length"},
      {"* 1\r\n", "invalid multibulk length"},
      {"*1e3\r\n", "invalid multibulk length"},
      {"*\r\n", "invalid multibulk length"},
      {"*01\r\n", "invalid multibulk length"},
      {"*1\n$4\r\nPING\r\n", "invalid multibulk length"},
      {"*" + std::string(40, '1') + "\r\n", "too big mbulk count string"},
      // 32 bytes, and one more: its end is at the edge of what is looked at.
      {"*" + std::string(31, '1') + "\r\n", "invalid multibulk length"},
      {"*" + std::string(32, '1') + "\r\n", "too big mbulk count string"},
      {"*1\r\n$" + std::string(32, '0') + "\r\n", "too big bulk count string"},
      {"*1\r\n$-2\r\n", "invalid bulk length"},
      {"*1\r\n$-1\r\n", "invalid bulk length"},
      {"*1\r\n$536870913\r\n", "invalid bulk length"},
      {"*1\r\n$+4\r\nPING\r\n", "invalid bulk length"},
      {"*1\r\n$\r\n", "invalid bulk length"},
      {"*1\r\n$4\nPING\r\n", "invalid bulk length"},
      {"*1\r\n$" + std::string(40, '0') + "\r\n", "too big bulk count string"},
      {"*1\r\n$536870912\r\n", "the command has more than 67108864 bytes, the limit: send it in parts"},
      {"*1\r\n*1\r\n$4\r\nPING\r\n", "expected '$', got '*'"},
      {"*2\r\n$3\r\nGET\r\n:1\r\n", "expected '$', got ':'"},
      {"*1\r\n\0", "expected '$', got '?'"},
      {"*1\r\n$4\r\nPINGxx", "expected CRLF behind an argument"},
      {"*1\r\n$4\r\nPING\n\n", "expected CRLF behind an argument"},
      {"*1\r\n$4\r\nPING\rx", "expected CRLF behind an argument"},
      {"echo \"a\r\n", "unbalanced quotes in request"},
      {"echo 'a\r\n", "unbalanced quotes in request"},
      {"echo \"a\"b\r\n", "unbalanced quotes in request"},
  };
  for (Case it : cases) {
    if (it.text == "*1\r\n") it.text.push_back('\0');
    check_any_cut("*1\r\n$4\r\nPING\r\n" + it.text, {{{"PING"}}, "Protocol error: " + it.problem});
  }
}

TEST_CASE("redis reader: a line has at most 64 KiB (one below, at, one above)") {
  for (const std::size_t size : {kInlineBytesMax - 1, kInlineBytesMax}) {
    const Read read_one = read_whole(std::string(size - 1, 'a') + "\r\n");
    REQUIRE(read_one.commands.size() == 1);
    CHECK(read_one.commands[0][0].size() == size - 1);
  }
  CHECK(read_whole(std::string(kInlineBytesMax, 'a') + "\r\n").problem == "Protocol error: too big inline request");
  CHECK(read_whole(std::string(kInlineBytesMax, 'a')).problem.empty());
  CHECK(read_whole(std::string(kInlineBytesMax + 1, 'a')).problem == "Protocol error: too big inline request");
}

TEST_CASE("redis reader: a command has at most 64 MiB, and nothing is taken for what only was promised") {
  RespReader reader;
  reader.feed("*1048576\r\n$60000000\r\nabc");
  CHECK(reader.next() == RespReader::Next::kNeedsMore);
  CHECK(reader.bytes_held() < 4096);
  CHECK(read_whole("*2\r\n$67108000\r\n").problem.empty());
  CHECK(read_whole("*2\r\n$67108865\r\n").problem.find("more than 67108864 bytes") != std::string::npos);
}

TEST_CASE("redis reader: a million arguments and 100,000 pipelined commands are read") {
  std::string many = "*1000000\r\n";
  for (int i = 0; i < 1'000'000; ++i) many += "$1\r\na\r\n";
  RespReader reader;
  Read out;
  for (std::size_t at = 0; at < many.size(); at += 4096) {
    reader.feed(std::string_view(many).substr(at, 4096));
    take_all(reader, out);
  }
  REQUIRE(out.commands.size() == 1);
  CHECK(out.commands[0].size() == 1'000'000);

  std::string pipelined;
  for (int i = 0; i < 100'000; ++i) pipelined += "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
  CHECK(read_whole(pipelined).commands.size() == 100'000);
}

TEST_CASE("redis reader: who has not said the password sends 10 arguments of 16 KiB at most (one below, at, one above)") {
  const auto command = [](std::size_t arguments, std::size_t bytes) {
    std::string out = "*" + std::to_string(arguments) + "\r\n";
    for (std::size_t i = 0; i < arguments; ++i) out += bulk(std::string(bytes, 'a'));
    return out;
  };
  for (const std::size_t arguments : {9, 10}) CHECK(read_whole(command(arguments, 1), false).commands.size() == 1);
  CHECK(read_whole(command(11, 1), false).problem == "Protocol error: unauthenticated multibulk length");
  for (const std::size_t bytes : {16 * 1024 - 1, 16 * 1024}) CHECK(read_whole(command(1, bytes), false).commands.size() == 1);
  CHECK(read_whole(command(1, 16 * 1024 + 1), false).problem == "Protocol error: unauthenticated bulk length");
  CHECK(read_whole("a b c d e f g h i j\r\n", false).commands.size() == 1);
  CHECK(read_whole("a b c d e f g h i j k\r\n", false).problem == "Protocol error: unauthenticated multibulk length");
  CHECK(read_whole(std::string(16 * 1024 + 1, 'a'), false).problem == "Protocol error: too big inline request");
}

TEST_CASE("redis reader: once broken it stays so, and holds nothing") {
  RespReader reader;
  reader.feed("*1\r\n$-2\r\n");
  CHECK(reader.next() == RespReader::Next::kBroken);
  reader.feed("*1\r\n$4\r\nPING\r\n" + std::string(100'000, 'x'));
  CHECK(reader.next() == RespReader::Next::kBroken);
  CHECK(reader.bytes_held() < 1024);
}

TEST_CASE("redis reader: an idle one gives its memory back") {
  RespReader reader;
  reader.feed("*2\r\n" + bulk("ECHO") + bulk(std::string(1'000'000, 'x')));
  CHECK(reader.next() == RespReader::Next::kCommand);
  CHECK(reader.next() == RespReader::Next::kNeedsMore);
  CHECK(reader.bytes_held() < 64 * 1024);
}

TEST_CASE("redis numbers: integers are read as Redis reads them") {
  CHECK(parse_integer("0") == 0);
  CHECK(parse_integer("-7") == -7);
  CHECK(parse_integer("9223372036854775807") == INT64_MAX);
  CHECK(parse_integer("-9223372036854775808") == INT64_MIN);
  for (const char* wrong : {"", "+1", " 1", "1 ", "1e3", "01", "-0", "-", "0x1", "9223372036854775808", "-9223372036854775809", "1.0"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_integer(wrong));
  }
}
