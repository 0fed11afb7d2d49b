// Goal: who reads from a node that is behind a horizon is told so, as long as it is and no longer.
// Method: two real nodes that collect; the disk of one goes back to before a removal that was collected since, and what it is
// told travels slowly, so that there is time to read.
#include <filesystem>

#include "tests/tools/node_fixture.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

constexpr const char* kWarning = "was away for longer than removals are remembered and has not caught up yet";

struct OldDisk {
  TemporaryDirectory directory;
  std::vector<std::string> flags{"--collect", "--retry-window", "1s", "--gossip-interval", "50ms", "--allow-faults"};
  KithdProcess n1{{.data = directory / "n1", .name = "n1", .flags = flags}};
  KithdProcess n2{{.data = directory / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags}};

  OldDisk() {
    n1.wait_ready();
    n2.wait_ready();
    REQUIRE(eventually([&] { return json(n1, {"nodes"}).size() == 2 && json(n2, {"nodes"}).size() == 2; }));
    REQUIRE(at(n1, {"sadd", "likes", "tea", "milk", "--replicas", "all"}).code == 0);
    REQUIRE(at(n1, {"set", "color", "red", "--replicas", "all"}).code == 0);
    REQUIRE(n2.terminate().code == 0);
    fs::copy(directory / "n2", directory / "old", fs::copy_options::recursive);
    n2.restart();
    n2.wait_ready();
    REQUIRE(at(n1, {"srem", "likes", "tea", "--replicas", "all"}).code == 0);
    // Until the removal is forgotten, at both: then the row is gone.
    REQUIRE(eventually([&] {
      return at(n1, {"explain", "likes", "tea"}).code == 3;
    }));
    REQUIRE(n2.terminate().code == 0);
    fs::remove_all(directory / "n2");
    fs::rename(directory / "old", directory / "n2");
    Client client = n1.connect();
    Request slow;
    slow.op = ClientOp::kFault;
    slow.text = "latency n2 1s";
    REQUIRE(client.call(slow, std::chrono::seconds(10)).status == Status::kOk);
    n2.restart();
    n2.wait_ready();
  }
  KithRun at(KithdProcess& node, std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.begin(), {"-H", node.client_address()});
    return run_kith(arguments, {.standard_input = input});
  }
  Json json(KithdProcess& node, std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    return Json::parse(at(node, arguments).out);
  }
};

std::size_t times(const std::string& text, const std::string& part) {
  std::size_t out = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++out;
  return out;
}

TEST_CASE("stale: reads of a node that is behind a horizon are marked until it has caught up") {
  OldDisk disk;
  const auto stale = [&] {
    return eventually([&] { return has(disk.at(disk.n2, {"smembers", "likes"}).err, kWarning); }, std::chrono::seconds(30));
  };
  REQUIRE(stale());
  // Each way to read, and the answer is there all the same, on standard output alone.
  const KithRun got = disk.at(disk.n2, {"get", "color"});
  CHECK(got.out == "red\n");
  CHECK(got.code == 0);
  CHECK(got.err.starts_with("kith: n2 "));
  CHECK(times(got.err, kWarning) == 1);
  for (const std::vector<std::string>& words : {std::vector<std::string>{"scard", "likes"}, {"keys"}, {"get", "color", "--json"}}) {
    const KithRun run = disk.at(disk.n2, words);
    CHECK(run.code == 0);
    CHECK(times(run.err, kWarning) == 1);
    CHECK_FALSE(has(run.out, kWarning));
  }
  CHECK(disk.at(disk.n2, {"set", "color", "blue"}).code == 1);  // It takes no writes.
  // A shell says it once, for all commands in it; of another node it says nothing.
  const KithRun shell = disk.at(disk.n2, {"shell"}, "get color\nscard likes\nsmembers likes\nat n1 smembers likes\nget color\n");
  CHECK(times(shell.err, kWarning) == 1);
  CHECK(times(shell.out, "red\n") == 2);
  CHECK_FALSE(has(disk.at(disk.n1, {"smembers", "likes"}).err, kWarning));
  {
    Client client = disk.n2.connect();
    Request get;
    get.op = ClientOp::kGet;
    get.key = "color";
    CHECK(client.call(get, std::chrono::seconds(10)).stale);
  }
  // When nothing is said any more, nothing is stale any more.
  REQUIRE(eventually([&] { return disk.at(disk.n2, {"get", "color"}).err.empty(); }));
  const KithRun fresh = disk.at(disk.n2, {"smembers", "likes"});
  CHECK(fresh.err.empty());
  CHECK(fresh.out == "milk\n");
}

}  // namespace
}  // namespace kith
