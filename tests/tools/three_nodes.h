// tests/tools/three_nodes.h -- a cluster of three real nodes, and `kith` asking them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/tools/node_fixture.h"

namespace kith {

struct ThreeNodes {
  TemporaryDirectory directory;
  std::vector<std::string> flags;
  KithdProcess n1{{.data = directory / "n1", .name = "n1", .flags = flags}};
  KithdProcess n2{{.data = directory / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags}};
  KithdProcess n3{{.data = directory / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = flags}};

  // More flags besides --allow-faults, of all three.
  explicit ThreeNodes(std::vector<std::string> more = {}) : flags(and_faults(std::move(more))) {
    for (KithdProcess* node : {&n1, &n2, &n3}) node->wait_ready();
    // One that has only just joined is not in everybody's member table yet.
    for (KithdProcess* node : {&n1, &n2, &n3}) {
      REQUIRE(eventually([&] { return nlohmann::ordered_json::parse(at(*node, {"nodes", "--json"}).out).size() == 3; }));
    }
  }
  static std::vector<std::string> and_faults(std::vector<std::string> flags) {
    flags.emplace_back("--allow-faults");
    return flags;
  }
  KithRun at(KithdProcess& node, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"-H", node.client_address()});
    return run_kith(arguments);
  }
  void fault(KithdProcess& node, const std::string& text) {
    Client client = node.connect();
    Request request;
    request.op = ClientOp::kFault;
    request.text = text;
    REQUIRE(client.call(request, std::chrono::seconds(10)).status == Status::kOk);
  }
};

}  // namespace kith
