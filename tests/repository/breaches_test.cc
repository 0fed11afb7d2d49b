#include "tests/repository/breaches.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace kith::test;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::string first_breach(std::string_view path, std::string_view text) {
  const auto found = breaches(path, text);
  return found.empty() ? "" : found.front().what;
}

bool breached(std::string_view path, std::string_view text) { return !breaches(path, text).empty(); }

}  // namespace

TEST_CASE("repository: no file breaks the rules of the house") {
  std::size_t files = 0;
  for (const char* folder : {"crdt", "store", "gossip", "node", "sim", "tools", "tests"}) {
    const auto top = std::filesystem::path(KITH_SOURCE_DIR);
    if (!std::filesystem::exists(top / folder)) continue;
    for (const auto& file : std::filesystem::recursive_directory_iterator(top / folder)) {
      if (file.path().extension() != ".h" && file.path().extension() != ".cc") continue;
      ++files;
      const std::string path = std::filesystem::relative(file.path(), top).generic_string();
      for (const Breach& breach : breaches(path, text_of(file.path()))) {
        FAIL_CHECK(path, ":", breach.line, ": ", breach.what);
      }
    }
  }
  CHECK(files > 20);  // It looked in the right place.
}

TEST_CASE("breaches: an include against the one direction is found") {
  CHECK(breached("crdt/a.cc", "#include \"store/row.h\"\n"));
  CHECK(breached("crdt/a.cc", "#include \"node/client.h\"\n"));
  CHECK(breached("store/a.cc", "#include \"gossip/engine.h\"\n"));
  CHECK(breached("gossip/a.cc", "  #  include \"node/client.h\"\n"));
  CHECK(breached("node/a.cc", "#include \"tools/kith/table.h\"\n"));
  CHECK(breached("node/a.cc", "#include \"sim/world.h\"\n"));
  CHECK(breached("sim/a.cc", "#include \"node/client.h\"\n"));
  CHECK(breached("tools/a.cc", "#include \"tests/crdt/universe.h\"\n"));
  CHECK(breached("node/a.cc", "#include \"node/view/text.h\"\n"));
  CHECK(breached("node/view/a.cc", "#include \"node/http/server.h\"\n"));
  CHECK(breached("node/view/a.cc", "#include \"tools/kith/table.h\"\n"));
  CHECK(breached("tools/kith/a.cc", "#include \"node/http/server.h\"\n"));
  CHECK(breached("crdt/a.cc", "#include \"tag.h\"\n"));
  CHECK(breached("crdt/a.cc", "#include \"../store/row.h\"\n"));
}

TEST_CASE("breaches: an include in the one direction is none") {
  CHECK_FALSE(breached("crdt/a.cc", "#include \"crdt/tag.h\"\n"));
  CHECK_FALSE(breached("store/a.cc", "#include \"crdt/tag.h\"\n#include \"store/row.h\"\n"));
  CHECK_FALSE(breached("gossip/a.cc", "#include \"store/row.h\"\n"));
  CHECK_FALSE(breached("node/a.cc", "#include \"gossip/engine.h\"\n"));
  CHECK_FALSE(breached("node/http/a.cc", "#include \"node/view/text.h\"\n#include \"node/client.h\"\n"));
  CHECK_FALSE(breached("sim/a.cc", "#include \"gossip/engine.h\"\n"));
  CHECK_FALSE(breached("tools/kith/a.cc", "#include \"node/client.h\"\n#include \"tools/kith/table.h\"\n"));
  CHECK_FALSE(breached("tests/node/a.cc", "#include \"tools/kith/table.h\"\n"));
  CHECK_FALSE(breached("crdt/a.cc", "// #include \"store/row.h\" would be wrong\n"));
}

TEST_CASE("breaches: each library stays in its folder") {
  CHECK(breached("gossip/a.cc", "#include <zmq.hpp>\n"));
  CHECK(breached("tools/kith/a.cc", "#include <zmq.h>\n"));
  CHECK_FALSE(breached("node/a.cc", "#include <zmq.hpp>\n"));
  CHECK_FALSE(breached("tests/node/a.cc", "#include <zmq.hpp>\n"));
  CHECK(breached("gossip/a.cc", "#include <lmdb.h>\n"));
  CHECK_FALSE(breached("store/a.cc", "#include <lmdb.h>\n"));
  CHECK_FALSE(breached("tools/bench/a.cc", "#include <lmdb.h>\n"));
  CHECK_FALSE(breached("gossip/a.cc", "#include <msgpack.hpp>\n"));
  CHECK(breached("node/a.cc", "#include <asio/post.hpp>\n"));
  CHECK_FALSE(breached("node/redis/a.cc", "#include <asio/post.hpp>\n"));
}

TEST_CASE("breaches: heavy headers stay out of ours") {
  for (const char* header : {"zmq.hpp", "msgpack.hpp", "spdlog/spdlog.h", "CLI/CLI.hpp", "nlohmann/json.hpp",
                             "toml++/toml.h", "benchmark/benchmark.h"}) {
    CAPTURE(header);
    const std::string text = "#pragma once\n#include <" + std::string(header) + ">\n";
    CHECK(breached("node/a.h", text));
    CHECK_FALSE(breached("node/a.cc", text));
  }
  CHECK(breached("store/a.h", "#pragma once\n#include <lmdb.h>\n"));
  CHECK(breached("node/redis/a.h", "#pragma once\n#include <asio/post.hpp>\n"));
  CHECK_FALSE(breached("node/a.h", "#pragma once\n#include <nlohmann/json_fwd.hpp>\n"));
  CHECK_FALSE(breached("node/a.h", "#pragma once\n#include <nlohmann_is_not_here>\n#include <chrono>\n"));
}

TEST_CASE("breaches: who is believed dead is read by what chooses whom to ask, and by nothing that decides about data") {
  for (const char* path : {"gossip/horizon.cc", "gossip/eviction.cc", "gossip/collector.cc", "gossip/operations.cc", "gossip/lives.cc"}) {
    CAPTURE(path);
    CHECK(breached(path, "#include \"gossip/probe.h\"\n"));
    CHECK(breached(path, "#include \"gossip/detector.h\"\n"));
    CHECK(breached(path, "if (core_.believed_dead(node)) return;\n"));
    CHECK(breached(path, "const NodeId to = core_.next_living(nodes, at);\n"));
  }
  CHECK_FALSE(breached("gossip/round.cc", "tell(core_.next_living(peers, drawn));\n"));
  CHECK_FALSE(breached("gossip/engine.cc", "#include \"gossip/probe.h\"\n"));
  CHECK_FALSE(breached("sim/detector_net.cc", "#include \"gossip/detector.h\"\n"));
}

TEST_CASE("breaches: no clock, thread, environment or device randomness below node") {
  for (const char* folder : {"crdt", "store", "gossip"}) {
    CAPTURE(folder);
    const std::string path = std::string(folder) + "/a.cc";
    for (const char* header : {"chrono", "thread", "ctime", "condition_variable", "future", "pthread.h"}) {
      CAPTURE(header);
      CHECK(breached(path, "#include <" + std::string(header) + ">\n"));
    }
    CHECK(breached(path, "const char* home = std::getenv(\"HOME\");\n"));
    CHECK(breached(path, "std::random_device device;\n"));
    CHECK(breached(path, "auto now = std::chrono::system_clock::now();\n"));
    CHECK_FALSE(breached(path, "// Never calls std::getenv.\n"));
    CHECK_FALSE(breached(path, "int getenvironment = 0;\n"));
    CHECK(breached(path, "#include <mutex>\n") == (path != "store/a.cc"));
  }
  CHECK_FALSE(breached("node/a.cc", "#include <thread>\nauto x = std::getenv(\"X\");\n"));
}

TEST_CASE("breaches: nothing is left for later") {
  CHECK(breached("crdt/a.cc", "// TO" "DO: the rest\n"));
  CHECK(breached("tests/crdt/a.cc", "int a;  // FIX" "ME\n"));
  CHECK_FALSE(breached("crdt/a.cc", "// a TO" "DOLIST is another word\n"));
}

TEST_CASE("breaches: every header is included once") {
  CHECK(breached("crdt/a.h", "// crdt/a.h -- something.\n"));
  CHECK_FALSE(breached("crdt/a.h", "// crdt/a.h -- something.\n#pragma once\n"));
  CHECK_FALSE(breached("crdt/a.cc", "int a;\n"));
}

TEST_CASE("breaches: says the line and what is wrong") {
  const auto found = breaches("crdt/a.cc", "#include <string>\n\n#include \"store/row.h\"");
  REQUIRE(found.size() == 1);
  CHECK(found[0].line == 3);
  CHECK(found[0].what == "crdt/ includes \"store/row.h\", against the one direction");
  CHECK(first_breach("store/a.cc", "#include <zmq.hpp>\n") == "ZeroMQ outside node/: <zmq.hpp>");
}
