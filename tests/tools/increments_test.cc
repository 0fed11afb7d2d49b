// tests/tools/increments_test.cc -- the small version of `kith-bench increments --count 1000000`.
//
// Goal: a counter is exact at all nodes, whatever replies are lost and whichever nodes are killed meanwhile.
// Method: real nodes; the command fails by itself when a node counts another number, ever counts more than was begun, or when
//         something does not come about within its patience.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/tools/kith_process.h"

namespace kith {
namespace {

double figure(const nlohmann::json& tables, const std::string& what) {
  for (const auto& row : tables.at("increments")) {
    if (row.at("what") == what) return row.at("figure");
  }
  FAIL("there is no figure called ", what);
  return 0;
}

void check_exact(std::vector<std::string> arguments, std::size_t rows_of_counts) {
  arguments.insert(arguments.begin(), {"increments", "--count", "5000", "--kills", "4", "--down", "300", "--window", "16",
                                       "--patience", "100", "--json"});
  const KithRun done = run_program(KITH_BENCH_PATH, arguments);
  CAPTURE(done.out);
  CAPTURE(done.err);
  REQUIRE(done.code == 0);
  const auto tables = nlohmann::json::parse(done.out);
  CHECK(figure(tables, "acknowledged") == 5000);
  CHECK(figure(tables, "replies lost") > 100);
  CHECK(figure(tables, "kills") > 0);
  CHECK(figure(tables, "retries that came too late") == 0);
  CHECK(tables.at("counts").size() == rows_of_counts);
  for (const auto& row : tables.at("counts")) CHECK(row.at("count") == 5000);
}

TEST_CASE("increments: exact at three nodes, with replies lost and nodes killed (5,000 increments)") { check_exact({}, 3); }

TEST_CASE("increments: exact when they are folded, too (5,000 increments, retry window 10 s)") {
  check_exact({"--collect", "--retry-window", "10s"}, 6);
}

}  // namespace
}  // namespace kith
