#include "tests/tools/node_fixture.h"

namespace kith {
namespace {

// A port on which nobody listens: bound by nobody since the node that had it ended.
std::string dead_address() {
  const TemporaryDirectory directory;
  KithdProcess node({.data = directory / "gone", .name = "gone"});
  std::string address = node.client_address();
  node.kill();
  return address;
}

TEST_CASE("exit codes: as --help prints them") {
  NodeFixture n1;
  n1.out({"set", "here", "x"});
  n1.out({"sadd", "likes", "tea"});
  n1.out({"hset", "order", "state", "open"});
  const std::string dead = dead_address();
  const struct {
    int code;
    std::vector<std::string> arguments;
  } kTable[] = {
      {0, {"get", "here"}},
      {0, {"--help"}},
      {0, {"get", "--help"}},
      {0, {"--version"}},
      {0, {"sismember", "likes", "tea"}},
      {0, {"status"}},
      {0, {"wait", "--converged"}},
      {0, {"scard", "nothing"}},
      {1, {"set", std::string(5000, 'k'), "x"}},
      {1, {"import", "/nonexistent.jsonl"}},
      {1, {"set", "k", "--file", "/nonexistent"}},
      {1, {"backup", "/nonexistent/backup"}},
      {2, {"frobnicate"}},
      {2, {"get"}},
      {2, {"get", "here", "--nope"}},
      {2, {"hset", "k", "field"}},
      {2, {"wait"}},
      {2, {"verify", "/nonexistent"}},
      {2, {"stat", "/nonexistent"}},
      {2, {"--timeout", "never", "get", "here"}},
      {3, {"get", "absent"}},
      {3, {"hget", "order", "absent"}},
      {3, {"sismember", "likes", "coffee"}},
      {3, {"explain", "absent"}},
      {4, {"-H", dead, "get", "here"}},
      {4, {"-H", dead, "status"}},
      {4, {"-H", "no-such-host.invalid", "get", "here"}},
      {5, {"sadd", "likes", "milk", "--replicas", "2", "--timeout", "500ms"}},
  };
  for (const auto& row : kTable) {
    const KithRun done = n1.run(row.arguments);
    CAPTURE(row.arguments.back());
    CAPTURE(done.out);
    CAPTURE(done.err);
    CHECK(done.code == row.code);
    CHECK(done.err.empty() ==
          (row.code == 0 || (row.code == 3 && row.arguments[0] != "get" && row.arguments[0] != "hget")));
  }
}

TEST_CASE("exit codes: a timeout of a write says how to retry it, the write is not lost") {
  NodeFixture n1;
  const KithRun done = n1.run({"sadd", "likes", "milk", "--replicas", "2", "--timeout", "500ms"});
  CHECK(done.code == 5);
  CHECK(has(done.err, "stored"));
  CHECK(n1.out({"smembers", "likes"}) == "milk\n");
}

TEST_CASE("exit codes: the environment names the node and the table, options win over it") {
  NodeFixture n1;
  n1.out({"-t", "t1", "set", "k", "in t1"});
  n1.out({"set", "k", "in default"});
  const std::string address = n1.address();
  const std::size_t colon = address.rfind(':');
  const KithInput apart{.environment = {{"KITH_HOST", address.substr(0, colon)},
                                        {"KITH_PORT", address.substr(colon + 1)},
                                        {"KITH_TABLE", "t1"}}};
  CHECK(run_kith({"get", "k"}, apart).out == "in t1\n");
  CHECK(run_kith({"get", "k", "-t", "default"}, apart).out == "in default\n");
  CHECK(run_kith({"get", "k"}, {.environment = {{"KITH_HOST", address}}}).out == "in default\n");
  CHECK(run_kith({"get", "k", "-P", "1"}, {.environment = {{"KITH_HOST", address}}}).code == 4);
  CHECK(run_kith({"get", "k"}, {.environment = {{"KITH_PORT", "none"}}}).code == 2);
}

}  // namespace
}  // namespace kith
