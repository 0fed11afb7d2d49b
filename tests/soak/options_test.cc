#include "tests/soak/options.h"

#include <doctest/doctest.h>

namespace kith::soak {
namespace {

SoakOptions taken(const std::vector<std::string>& arguments) {
  const auto parsed = parse_options(arguments, 17);
  REQUIRE(std::holds_alternative<SoakOptions>(parsed));
  return completed(std::get<SoakOptions>(parsed));
}

std::string refused(const std::vector<std::string>& arguments) {
  const auto parsed = parse_options(arguments, 17);
  REQUIRE(std::holds_alternative<NoRun>(parsed));
  CHECK(std::get<NoRun>(parsed).code == 2);
  return std::get<NoRun>(parsed).text;
}

TEST_CASE("kith-soak: two hours are at least 500 kills and a million writes") {
  const SoakOptions options = taken({"--minutes", "120"});
  CHECK(options.kills >= 500);
  CHECK(options.writes >= 1'200'000);
  CHECK(options.retry_window_ms == 60'000);
  CHECK(options.seed == 17);
  CHECK(options.nodes == 5);
}

TEST_CASE("kith-soak: what is said counts over what follows from the minutes") {
  const SoakOptions options = taken({"--minutes", "2", "--kills", "3", "--writes", "77", "--retry-window", "9s", "--seed", "5", "--nodes", "3", "--dir", "/nowhere"});
  CHECK(options.kills == 3);
  CHECK(options.writes == 77);
  CHECK(options.retry_window_ms == 9'000);
  CHECK(options.seed == 5);
  CHECK(options.nodes == 3);
  CHECK(options.keep);
}

TEST_CASE("kith-soak: what makes no sense is refused with its name") {
  CHECK(refused({"--nodes", "2"}).find("--nodes") != std::string::npos);
  CHECK(refused({"--minutes", "0"}).find("--minutes") != std::string::npos);
  CHECK(refused({"--minutes", "soon"}).find("--minutes") != std::string::npos);
  CHECK(refused({"--retry-window", "1"}).find("--retry-window") != std::string::npos);
  CHECK(refused({"--kils", "5"}).find("--kils") != std::string::npos);
}

TEST_CASE("kith-soak: a directory that is not empty is not touched") {
  SoakOptions options;
  options.directory = "/";
  const std::atomic<bool> interrupt{false};
  CHECK_THROWS_WITH(run_soak(options, [](const std::string&) {}, interrupt), "/ is not empty: give --dir a new directory");
}

}  // namespace
}  // namespace kith::soak
