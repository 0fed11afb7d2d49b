// tests/tools/node_fixture.h -- one real node, and `kith` asking it.
#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"
#include "tests/tools/kith_process.h"

namespace kith {

struct NodeFixture {
  TemporaryDirectory directory;
  KithdProcess node;

  explicit NodeFixture(std::vector<std::string> flags = {})
      : node({.data = directory / "n1", .name = "n1", .flags = std::move(flags)}) {
    node.wait_ready();
  }

  std::string address() { return node.client_address(); }

  KithRun run(std::vector<std::string> arguments, KithInput input = {}) {
    arguments.insert(arguments.begin(), {"-H", address()});
    return run_kith(arguments, input);
  }
  std::string out(const std::vector<std::string>& arguments) {
    const KithRun done = run(arguments);
    CAPTURE(done.err);
    CHECK(done.code == 0);
    return done.out;
  }
  nlohmann::ordered_json json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    return nlohmann::ordered_json::parse(run(arguments).out);
  }
};

inline bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace kith
