#include <doctest/doctest.h>

#include "gossip/operation.h"
#include "tools/kith/options.h"

namespace kith::tools {
namespace {

CommandLine parsed(const std::vector<std::string>& words) {
  auto result = parse_command_line(words, Settings{});
  REQUIRE(std::holds_alternative<CommandLine>(result));
  return std::get<CommandLine>(result);
}

std::string usage_error_of(const std::vector<std::string>& words) {
  try {
    (void)parse_command_line(words, Settings{});
  } catch (const CommandError& error) {
    CHECK(error.code() == ExitCode::kUsage);
    return error.what();
  }
  FAIL("accepted");
  return {};
}

using Words = std::vector<std::string>;

TEST_CASE("options: of all commands, before and behind the command") {
  for (const Words& words : {Words{"-H", "h:99", "--json", "--timeout", "2s", "-t", "t1", "get", "k"},
                             Words{"get", "k", "-H", "h:99", "--json", "--timeout=2s", "-t", "t1"},
                             Words{"--host=h", "get", "-P", "99", "k", "--json", "--timeout", "2s", "--table", "t1"}}) {
    const CommandLine line = parsed(words);
    CHECK(line.command->name == "get");
    CHECK(line.arguments == Words{"k"});
    CHECK(line.settings.address() == "h:99");
    CHECK(line.settings.json);
    CHECK(line.settings.timeout_ms == 2000);
    CHECK(line.settings.table == "t1");
  }
}

TEST_CASE("options: values arrive byte for byte, whatever the parser would make of them") {
  for (const std::string value : {"[a,b]", "", "{}", "a=b", "-5", "-", "%%",
                                  "\x01"
                                  "0",
                                  "@file", "a,b", "\"q\"", " x "}) {
    CAPTURE(value);
    CHECK(parsed({"set", "k", value}).arguments == Words{"k", value});
    CHECK(parsed({"sadd", "k", value, "--json", value}).arguments == Words{"k", value, value});
  }
  CHECK(parsed({"set", "k", "--", "-x"}).arguments == Words{"k", "-x"});
  CHECK(parsed({"set", "--", "--json", "--"}).arguments == Words{"--json", "--"});
  CHECK(parsed({"set", "k", "--file", "[a]"}).file == "[a]");
}

TEST_CASE("options: of writes") {
  const std::string tag = "019a8c2f5e310000-5b7d6f1e2a9c0d44";
  const CommandLine line = parsed({"sadd", "k", "m", "--tag", tag, "--replicas", "all"});
  REQUIRE(line.tag.has_value());
  CHECK(to_string(*line.tag) == tag);
  CHECK(line.replicas == kAllReplicas);
  CHECK(parsed({"sadd", "--replicas", "2", "k", "m"}).replicas == 2);
}

TEST_CASE("options: errors say what is wrong and what to type") {
  const auto says = [](const Words& words, const std::string& part) {
    const std::string message = usage_error_of(words);
    CAPTURE(message);
    CHECK(message.find(part) != std::string::npos);
  };
  says({"smember", "k"}, "did you mean smembers?");
  says({"get", "k", "--jsn"}, "did you mean --json?");
  says({"set", "k", "-x"}, "\"--\"");
  says({"get"}, "Usage:   kith get KEY");
  says({"get", "a", "b"}, "too many arguments");
  says({"get", "k", "--timeout"}, "--timeout needs a value");
  says({"get", "k", "--timeout", "soon"}, "soon");
  says({"get", "k", "-P", "99999"}, "no port");
  says({"get", "k", "-t", "_kith"}, "no table name");
  says({"sadd", "k", "m", "--tag", "zz"}, "16 hex digits");
  says({"sadd", "k", "m", "--replicas", "0"}, "--replicas");
  says({"get", "k", "--replicas", "1"}, "no option --replicas");
  says({"demo", "--nodes", "0"}, "--nodes");
}

TEST_CASE("options: every command has help with an example and the exit codes") {
  for (const Command& command : all_commands()) {
    CAPTURE(command.name);
    const auto result = parse_command_line({std::string(command.name), "--help"}, Settings{});
    REQUIRE(std::holds_alternative<HelpText>(result));
    const std::string& text = std::get<HelpText>(result).text;
    CHECK(text.find("Example:\n  kith ") != std::string::npos);
    CHECK(text.find("Exit codes:") != std::string::npos);
    CHECK(help_of_all().find("  " + std::string(command.name) + " ") != std::string::npos);
  }
}

}  // namespace
}  // namespace kith::tools
