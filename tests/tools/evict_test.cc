// tests/tools/evict_test.cc -- kith evict: what it says before it does anything, and what it does.  Real nodes.
#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

using Json = nlohmann::ordered_json;

bool is_there(ThreeNodes& nodes, KithdProcess& at, const std::string& name) {
  const Json members = Json::parse(nodes.at(at, {"nodes", "--json"}).out);
  return std::any_of(members.begin(), members.end(), [&](const Json& member) { return member["name"] == name && !member["evicted"]; });
}

TEST_CASE("evict: of a replica it is said what would be given up, of an observer that nothing is") {
  ThreeNodes nodes({"--gossip-interval", "100ms"});
  std::vector<std::string> flags = nodes.flags;
  flags.insert(flags.end(), {"--role", "observer"});
  KithdProcess o1{{.data = nodes.directory / "o1", .name = "o1", .join = {nodes.n1.peer_address()}, .flags = flags}};
  o1.wait_ready();
  REQUIRE(eventually([&] { return is_there(nodes, nodes.n1, "o1") && is_there(nodes, nodes.n2, "o1"); }));

  const KithRun replica = nodes.at(nodes.n1, {"evict", "n3"});
  CHECK(replica.code == 2);
  CHECK(has(replica.err, "What it has taken in alone is missing until it returns"));
  CHECK(has(replica.err, "nothing was done: say --yes"));
  const KithRun observer = nodes.at(nodes.n1, {"evict", "o1"});
  CHECK(observer.code == 2);
  CHECK(has(observer.err, "o1 is an observer: all that it shows others hold, so nothing is given up"));
  CHECK_FALSE(has(observer.err, "What it has taken in alone"));
  CHECK(is_there(nodes, nodes.n1, "n3"));
  CHECK(is_there(nodes, nodes.n1, "o1"));

  o1.kill();
  const KithRun done = nodes.at(nodes.n1, {"evict", "o1", "--yes"});
  CAPTURE(done.err);
  CHECK(done.code == 0);
  CHECK(done.out == "o1 is out of the cluster; nobody waits for it any more\n");
  CHECK(eventually([&] { return !is_there(nodes, nodes.n2, "o1"); }));
  o1.restart();
  o1.wait_ready();
  CHECK(eventually([&] { return is_there(nodes, nodes.n2, "o1"); }));
  CHECK(nodes.at(nodes.n1, {"evict", "o9"}).code != 0);
}

}  // namespace
}  // namespace kith
