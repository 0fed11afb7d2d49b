// Goal: what the HTTP port tells of real nodes is true, while links are cut and nodes are killed.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "tests/http/talk.h"
#include "tests/node/kithd_process.h"
#include "tests/node/resident.h"
#include "tests/node/temporary_directory.h"

namespace kith {
namespace {

using nlohmann::json;

struct ThreeNodes {
  TemporaryDirectory directory;
  std::vector<std::string> flags{"--http", "127.0.0.1:0", "--allow-faults", "--gossip-interval", "200ms"};
  KithdProcess n1{{.data = directory / "n1", .name = "n1", .flags = flags}};
  KithdProcess n2{{.data = directory / "n2", .name = "n2", .join = {n1.peer_address()}, .flags = flags}};
  KithdProcess n3{{.data = directory / "n3", .name = "n3", .join = {n1.peer_address()}, .flags = flags}};
  std::string at;  // Of n1.

  ThreeNodes() {
    for (KithdProcess* node : {&n1, &n2, &n3}) node->wait_ready();
    at = n1.port_address("http");
    // One that has only just joined does not know everybody yet, and cuts no link to whom it does not know.
    for (KithdProcess* node : {&n1, &n2, &n3}) {
      node->wait_ready();
      const std::string there = node->port_address("http");
      REQUIRE(eventually([&] {
        const json seen = http_get(there, "/api/v1/status").json();
        return seen.contains("nodes") && seen["nodes"].size() == 3 && seen["agreement"] == "converged";
      }));
    }
  }
  json status() const { return http_get(at, "/api/v1/status").json(); }
  static void call(KithdProcess& node, Request request) {
    Client client = node.connect();
    if (is_write(request.op)) request.tag = client.mint_tag();
    const ClientReply reply = client.call(request, std::chrono::seconds(10));
    CAPTURE(reply.message);
    REQUIRE(reply.status == Status::kOk);
  }
  static void fault(KithdProcess& node, const std::string& text) {
    Request request;
    request.op = ClientOp::kFault;
    request.text = text;
    call(node, request);
  }
  static void add(KithdProcess& node, const std::string& key, int count) {
    for (int i = 0; i < count; ++i) {
      Request request;
      request.op = ClientOp::kSadd;
      request.key = key;
      request.members = {"m" + std::to_string(i)};
      call(node, request);
    }
  }
  json link(const std::string& from, const std::string& to) const {
    const json seen = status();
    for (const json& link : seen["links"]) {
      if (link["from"] == from && link["to"] == to) return link;
    }
    return {{"missing", "no such link"}};
  }
};

std::string metric(const std::string& at, const std::string& line) {
  const std::string body = "\n" + http_get(at, "/metrics").body;
  const std::size_t begin = body.find("\n" + line + " ");
  if (begin == std::string::npos) return "absent";
  const std::size_t value = begin + line.size() + 2;
  return body.substr(value, body.find('\n', value) - value);
}

TEST_CASE("http port: a cut and what it keeps from whom is seen on all sides, and that it heals") {
  ThreeNodes nodes;
  INFO("the last that was seen: ", nodes.status().dump());  // When something is not so.
  ThreeNodes::fault(nodes.n3, "cut n1");
  ThreeNodes::fault(nodes.n3, "cut n2");
  ThreeNodes::add(nodes.n1, "likes", 25);
  ThreeNodes::add(nodes.n3, "hates", 4);
  CHECK(eventually([&] { return nodes.link("n1", "n3")["missing"] == 25; }));
  CHECK(eventually([&] { return nodes.link("n3", "n1")["missing"] == 4; }));
  CHECK(eventually([&] { return nodes.link("n1", "n2")["missing"] == 0; }));
  CHECK(nodes.link("n3", "n1")["cut"] == true);
  const json status = nodes.status();
  CHECK(status["agreement"] == "behind");
  CHECK(eventually([&] { return metric(nodes.at, "kith_peer_missing_cells{peer=\"n3\",direction=\"there\"}") == "25"; }));
  CHECK(metric(nodes.at, "kith_peer_missing_cells{peer=\"n3\",direction=\"here\"}") == "4");

  const json diff = http_get(nodes.at, "/api/v1/diff?a=n1&b=n3&limit=1000").json();
  CHECK(diff["equal"] == false);
  CHECK(diff["cells"].size() == 29);
  CHECK(diff["more_cells"] == false);
  CHECK(diff["buckets"].size() == 256);
  CHECK(http_get(nodes.at, "/api/v1/diff?a=n1&b=n3&limit=5").json()["more_cells"] == true);
  CHECK(http_get(nodes.at, "/api/v1/diff?a=n1&b=n2").json()["equal"] == true);

  const HttpAnswer explained = http_get(nodes.at, "/api/v1/explain?key=likes&element=m3");
  CHECK(explained.status == 200);
  CHECK(explained.json()["nodes"][0]["stored"].size() == 1);
  CHECK(explained.json()["nodes"][2]["stored"].empty());
  CHECK(explained.json()["explained"]["sentences"][0].get<std::string>().starts_with("added at"));
  CHECK(http_get(nodes.at, "/api/v1/explain?key_hex=6c696b6573").status == 200);

  ThreeNodes::fault(nodes.n3, "heal");
  CHECK(eventually([&] { return nodes.status()["agreement"] == "converged"; }));
  std::vector<std::string> kinds;
  const json events = http_get(nodes.at, "/api/v1/events").json();
  for (const json& event : events["events"]) kinds.push_back(event["kind"]);
  CHECK(std::count(kinds.begin(), kinds.end(), "cut") == 2);
  CHECK(std::count(kinds.begin(), kinds.end(), "heal") == 2);
  CHECK(http_get(nodes.at, "/api/v1/events?after=" + events["last"].dump()).json()["events"].empty());
  const json history = http_get(nodes.at, "/api/v1/history").json();
  bool late = false;
  for (const json& sample : history["samples"]) late = late || (sample["lag_ms"][2].is_number() && sample["lag_ms"][2] > 0);
  CHECK(late);
  CHECK(metric(nodes.at, "kith_convergence_lag_seconds_count") == "4");
}

TEST_CASE("http port: a node that was killed is unknown, and its last word is kept with its age") {
  ThreeNodes nodes;
  nodes.n3.kill();
  CHECK(eventually([&] { return nodes.status()["agreement"] == "unknown"; }));
  const json status = nodes.status();
  CHECK(status["headline"].get<std::string>().find("n3") != std::string::npos);
  CHECK(status["nodes"][2]["answers"] == false);
  CHECK(status["nodes"][2]["age_ms"] >= 0);
  CHECK(status["nodes"][2]["lag_ms"].is_null());
  CHECK(nodes.link("n1", "n3")["missing"].is_null());
  CHECK(http_get(nodes.at, "/api/v1/diff?a=n1&b=n3").status == 502);
  CHECK(http_get(nodes.at, "/api/v1/explain?key=x").status == 404);
  CHECK(http_get(nodes.at, "/livez").status == 200);
  nodes.n3.restart();
  CHECK(eventually([&] { return nodes.status()["agreement"] == "converged"; }));
}

TEST_CASE("http port: metrics of a node at work are what promtool takes for good") {
  ThreeNodes nodes;
  ThreeNodes::add(nodes.n2, "k", 3);
  CHECK(eventually([&] { return metric(nodes.at, "kith_convergence_lag_seconds_count") == "3"; }));
  CHECK(metric(nodes.n2.port_address("http"), "kith_tagged_writes_total{outcome=\"applied\"}") == "3");
  const HttpAnswer metrics = http_get(nodes.at, "/metrics");
  CHECK(metrics.head.find("text/plain; version=0.0.4") != std::string::npos);
  const std::string file = nodes.directory.write("metrics", metrics.body);
  const std::string said = nodes.directory / "said";
  const int code = std::system(("promtool check metrics <" + file + " >" + said + " 2>&1").c_str());
  CHECK_MESSAGE(code == 0, read_file(said));
  CHECK(read_file(said).empty());
}

TEST_CASE("http port: questions that make no sense are errors that say what is wanted") {
  ThreeNodes nodes;
  struct Case {
    const char* path;
    int status;
    const char* says;
  };
  for (const Case& one : {
           Case{"/api/v1/diff", 400, "say which two nodes: ?a=NAME&b=NAME; there are n1, n2 and n3"},
           Case{"/api/v1/diff?a=n1&b=n9", 404, "no node is named \"n9\""},
           Case{"/api/v1/diff?a=n1&b=%00%ff", 404, "no node is named"},
           Case{"/api/v1/diff?a=n1&b=n1", 400, "two nodes are needed"},
           Case{"/api/v1/diff?a=n1&b=n2&limit=-1", 400, "a whole number from 0 to 1000"},
           Case{"/api/v1/diff?a=n1&b=n2&limit=1001", 400, "a whole number from 0 to 1000"},
           Case{"/api/v1/diff?a=n1&b=n2&limit=99999999999999999999999", 400, "a whole number"},
           Case{"/api/v1/explain", 400, "say which key"},
           Case{"/api/v1/explain?key=", 400, "say which key"},
           Case{"/api/v1/explain?key=a&key_hex=61", 400, "a name is given once"},
           Case{"/api/v1/explain?key_hex=6", 400, "two a byte"},
           Case{"/api/v1/explain?key=a&table=no%20name", 400, "is no name of a table"},
           Case{"/api/v1/events?after=x", 400, "must be a whole number"},
           Case{"/api/v1/history?since_ms=-1", 400, "must be a whole number"},
           Case{"/api/v1", 404, "there are /, /api/v1/diff"},
       }) {
    CAPTURE(one.path);
    const HttpAnswer answer = http_get(nodes.at, one.path);
    CHECK(answer.status == one.status);
    const std::string error = answer.json()["error"];
    CHECK_MESSAGE(error.find(one.says) != std::string::npos, error);
  }
  const std::string long_key(5000, 'k');
  CHECK(http_get(nodes.at, "/api/v1/explain?key=" + long_key).status == 400);
}

TEST_CASE("http port: a node that is not told of it opens none, and one whose port is taken does not start") {
  TemporaryDirectory directory;
  KithdProcess plain({.data = directory / "n1", .name = "n1"});
  CHECK_THROWS(plain.port_address("http"));
  const KithdRun taken = run_kithd({"--data", directory / "n2", "--name", "n2", "--client", "127.0.0.1:0", "--peer", "127.0.0.1:0", "--http",
                                    plain.client_address()});
  CHECK(taken.code == 1);
  CHECK(taken.output.find("cannot listen for HTTP on " + plain.client_address()) != std::string::npos);
  const KithdRun same = run_kithd({"--data", directory / "n2", "--name", "n2", "--client", "127.0.0.1:7001", "--peer", "127.0.0.1:7002",
                                   "--http", "127.0.0.1:7001"});
  CHECK(same.code == 2);
  CHECK(same.output.find("it needs one of its own") != std::string::npos);
}

// Nobody says who they are at this port, so all that comes is a stranger's.
TEST_CASE("http port: a flood of bytes takes less than 64 MiB, and it goes on serving") {
  TemporaryDirectory directory;
  KithdProcess n1({.data = directory / "n1", .name = "n1", .flags = {"--http", "127.0.0.1:0"}});
  n1.wait_ready();
  const std::string at = n1.port_address("http");
  REQUIRE(http_get(at, "/livez").status == 200);
  const std::size_t before = resident_kib(n1.pid());
  std::vector<Talk> held;
  const std::string half = "GET /livez?" + std::string(7000, 'a') + " HTTP/1.1\r\nX: " + std::string(8000, 'b') + "\r\nY: " + std::string(8000, 'c');
  for (int i = 0; i < 400; ++i) {  // Never whole: as many as it takes in, and more.
    held.emplace_back(at);
    (void)held.back().say(half);
  }
  for (int i = 0; i < 100; ++i) (void)Talk(at).say(std::string(64 * 1024, static_cast<char>('a' + i % 26)));
  held.clear();
  for (int i = 0; i < 300; ++i) {  // As large as a request may be, the whole page for an answer, fetched by nobody.
    held.emplace_back(at);
    (void)held.back().say("GET /?" + std::string(7000, 'a') + " HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(8000, 'b') + "\r\n\r\n");
  }
  held.clear();
  CHECK(eventually([&] { return http_get(at, "/livez").status == 200; }));
  const std::size_t most = most_resident_kib(n1.pid());
  MESSAGE("most memory during the flood: ", most, " KiB, ", before, " before it");
  CHECK(most <= before + 64 * 1024);
  CHECK(n1.terminate().code == 0);
}

TEST_CASE("http port: the page is one file that may load nothing else") {
  ThreeNodes nodes;
  const HttpAnswer page = http_get(nodes.at, "/");
  CHECK(page.status == 200);
  CHECK(page.head.find("text/html") != std::string::npos);
  CHECK(page.head.find("default-src 'none'") != std::string::npos);
  CHECK(page.body.find("<!doctype html>") == 0);
  CHECK(page.body.find("</html>") != std::string::npos);
  CHECK(page.body.find("@KITH") == std::string::npos);
  CHECK(page.body.find("src=\"http") == std::string::npos);
  CHECK(page.body.size() < 100'000);
}

}  // namespace
}  // namespace kith
