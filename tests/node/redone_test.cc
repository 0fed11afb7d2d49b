// Goal: with real processes and disks: what one of two copies of a data directory took in alone is not lost, and is listed.
// Method: n3's directory is copied; n3 goes on, heard by nobody, while the copy runs on as n3; then n3's own directory is back.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/node/kithd_process.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

Request write(Client& client, ClientOp op, const std::string& key, std::vector<std::string> members = {}) {
  Request out;
  out.op = op;
  out.key = key;
  out.members = std::move(members);
  out.tag = client.mint_tag();
  return out;
}

json status_of(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kStatus;
  return json::parse(client.call(request, 60s).document);
}

void fault(KithdProcess& node, const std::string& text) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kFault;
  request.text = text;
  REQUIRE(client.call(request, 60s).status == Status::kOk);
}

std::set<std::string> likes(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kSmembers;
  request.key = "likes";
  const ClientReply reply = client.call(request, 60s);
  return {reply.members.begin(), reply.members.end()};
}

std::int64_t visits(KithdProcess& node) {
  Client client = node.connect();
  Request request;
  request.op = ClientOp::kCount;
  request.key = "visits";
  return client.call(request, 60s).total.value_or(0);
}

struct Copied {
  explicit Copied(const TemporaryDirectory& dir)
      : n1({.data = dir / "n1", .name = "n1", .flags = kFlags}),
        n2({.data = dir / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = kFlags}),
        n3({.data = dir / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = kFlags}) {
    for (KithdProcess* node : {&n1, &n2, &n3}) node->wait_ready();
    {
      Client client = n1.connect();
      REQUIRE(client.call(write(client, ClientOp::kSadd, "likes", {"both", "dropped"}), 60s).status == Status::kOk);
    }
    REQUIRE(eventually([&] { return likes(n3).size() == 2 && likes(n2).size() == 2; }));
    n3.terminate();
    std::filesystem::create_directory(dir / "copy");
    for (const auto& entry : std::filesystem::directory_iterator(dir / "n3")) {
      if (entry.is_regular_file()) std::filesystem::copy_file(entry.path(), std::filesystem::path(dir / "copy") / entry.path().filename());
    }
    n3.restart();
    n3.wait_ready();
    REQUIRE(eventually([&] { return status_of(n3)["garbage"]["lives_to_close"] == 0; }));
    fault(n3, "cut n1");
    fault(n3, "cut n2");
    Client client = n3.connect();
    REQUIRE(client.call(write(client, ClientOp::kSadd, "likes", {"alone"}), 60s).status == Status::kOk);
    REQUIRE(client.call(write(client, ClientOp::kSrem, "likes", {"dropped"}), 60s).status == Status::kOk);
    Request increment = write(client, ClientOp::kIncr, "visits");
    increment.amount = 5;
    REQUIRE(client.call(increment, 60s).status == Status::kOk);
    {
      KithdProcess copy({.data = dir / "copy", .name = "n3", .flags = kFlags});
      copy.wait_ready();
      REQUIRE(eventually([&] { return status_of(copy)["garbage"]["lives_to_close"] == 0 && status_of(copy)["counters"].contains("lives_closed"); }));
      copy.terminate();
    }
    n3.terminate();
  }

  const std::vector<std::string> kFlags{"--allow-faults", "--collect"};
  KithdProcess n1, n2, n3;
};

TEST_CASE("redone: of two copies of a data directory that both ran on nothing is lost, and what was done again is in a file") {
  const TemporaryDirectory dir;
  Copied copied(dir);
  REQUIRE(likes(copied.n1) == std::set<std::string>{"both", "dropped"});
  copied.n3.restart();
  copied.n3.wait_ready();
  for (KithdProcess* node : {&copied.n1, &copied.n2, &copied.n3}) {
    CHECK(eventually([&] { return likes(*node) == std::set<std::string>{"alone", "both"} && visits(*node) == 5; }));
  }
  REQUIRE(eventually([&] { return !status_of(copied.n3)["redone"].is_null(); }));
  const json status = status_of(copied.n3);
  const std::string path = status["redone"]["file"];
  CHECK(path == dir / "n3/redone.jsonl");
  std::set<std::string> listed;
  std::uint64_t lines = 0;
  std::ifstream in(path);
  for (std::string text; std::getline(in, text); ++lines) {
    const json line = json::parse(text);
    listed.insert(line["what"].get<std::string>() + " " + line["key"].get<std::string>());
    CHECK(line["again"] == true);  // Within the retry window, all of them.
    CHECK(line["old_tag"] == line["new_tag"]);
  }
  CHECK(listed == std::set<std::string>{"add likes", "increment visits", "removal likes"});
  CHECK(status["redone"]["lines"] == lines);
  CHECK(copied.n3.output().find("each is a line of " + path) != std::string::npos);
  CHECK(status_of(copied.n1)["redone"].is_null());
}

TEST_CASE("redone: a list that cannot be written is a line in the log, and the node goes on") {
  const TemporaryDirectory dir;
  Copied copied(dir);
  std::filesystem::create_directory(dir / "n3/redone.jsonl");
  copied.n3.restart();
  copied.n3.wait_ready();
  CHECK_MESSAGE(eventually([&] { return likes(copied.n1) == std::set<std::string>{"alone", "both"} && visits(copied.n1) == 5; }),
                status_of(copied.n1).dump(), "\n", status_of(copied.n3).dump(), "\n", copied.n3.output());
  CHECK(eventually([&] { return copied.n3.output().find("cannot write " + (dir / "n3/redone.jsonl")) != std::string::npos; }));
  Client client = copied.n3.connect();
  CHECK(client.call(write(client, ClientOp::kSadd, "likes", {"later"}), 60s).status == Status::kOk);
  CHECK(eventually([&] { return likes(copied.n1).contains("later"); }));
}

}  // namespace
}  // namespace kith
