// Goal: the session of a person at the shell, to the letter, while nodes are killed.
// Method: the real kith on a terminal, three real kithd with two replicas; ports are the system's, so the transcript is made of them.
#include <signal.h>

#include <future>
#include <sstream>

#include "tests/tools/terminal.h"
#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

const std::string kKey = "0d5d3807-5fbf-4228-a657-5a091c4e497f";
const std::string kComb = "'{\"name\": \"Chapayev's Mustache comb\"}'";

struct Warehouse : ThreeNodes {
  Warehouse() : ThreeNodes({"--cluster", "warehouse13", "--replicas", "2"}) {
    REQUIRE(at(n1, {"table", "create", "artifacts", "--keys", "uuid4", "--write", "quorum"}).code == 0);
    // All of them have heard of each other.
    for (KithdProcess* node : {&n1, &n2, &n3}) {
      ClientOptions options;
      options.addresses = {node->client_address()};
      Client client = Client::open(options);
      REQUIRE(eventually([&] { return client.wait_for(-1, 50ms), client.roster().size() == 3; }));
    }
  }
  std::vector<std::string> shell(std::vector<std::string> more = {}) {
    const std::string address = n1.client_address();
    std::vector<std::string> out = {"shell", "-H", "127.0.0.1", "-P", address.substr(address.find(':') + 1), "-t", "artifacts"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }
  KithdProcess& at_address(const std::string& address) {
    for (KithdProcess* node : {&n1, &n2, &n3}) {
      if (node->running() && node->client_address() == address) return *node;
    }
    throw std::runtime_error("nobody is at " + address);
  }
};

// Where the shell said last that it is.
std::string current(const Terminal& terminal) {
  const std::string word = "onnected to Kith cluster warehouse13 at ";
  const std::size_t at = terminal.screen().rfind(word) + word.size();
  return terminal.screen().substr(at, terminal.screen().find('\n', at) - at);
}

TEST_CASE("shell: the session of the warehouse, to the letter, while one node after the other is killed") {
  Warehouse nodes;
  const std::string a = nodes.n1.client_address(), b = nodes.n2.client_address(), c = nodes.n3.client_address();
  Terminal terminal(nodes.shell());
  REQUIRE(terminal.ends_with("> "));
  for (const std::string& line : {"SET 12345 " + kComb, "SET " + kKey + " " + kComb, "GET " + kKey, "DELETE " + kKey, "GET " + kKey}) {
    CAPTURE(terminal.screen());
    REQUIRE(terminal.say(line));
  }
  const auto known = [](const std::vector<std::string>& addresses) {
    std::string out = "Known nodes:\n";
    for (const std::string& address : addresses) out += address + "\n";
    return out;
  };
  std::string expected = "Connected to Kith cluster warehouse13 at " + a + "\n" + known({a, b, c}) +
                         "> SET 12345 " + kComb + "\nError: Key is not a proper UUID4\n"
                         "> SET " + kKey + " " + kComb + "\nCreated (2 replicas)\n"
                         "> GET " + kKey + "\n" + kComb + "\n"
                         "> DELETE " + kKey + "\nDeleted (2 replicas)\n"
                         "> GET " + kKey + "\nNot found\n"
                         "> ";
  CHECK(terminal.screen() == expected);

  nodes.n1.kill();
  REQUIRE(terminal.ends_with(known({b, c}) + "> "));
  const std::string second = current(terminal);
  const std::string third = second == b ? c : b;
  expected += "\nReconnected to Kith cluster warehouse13 at " + second + "\n" + known({b, c}) + "> ";
  CHECK(terminal.screen() == expected);

  nodes.at_address(second).kill();
  REQUIRE(terminal.ends_with("(2)!\n> "));
  expected += "\nReconnected to Kith cluster warehouse13 at " + third + "\n" + known({third}) +
              "WARNING: cluster size (1) is smaller than a replication factor (2)!\n> ";
  CHECK(terminal.screen() == expected);

  // One is left: what is written is safe there, and it says that it is not where it was asked to be.
  REQUIRE(terminal.say("SET " + kKey + " alone"));
  expected += "SET " + kKey + " alone\nCreated (1 replica): durable on 1 of the 2 replicas asked for; it will spread to the others\n> ";
  CHECK(terminal.screen() == expected);

  // Nobody is left: only now a write fails.
  nodes.at_address(third).kill();
  REQUIRE(terminal.say("SET " + kKey + " nobody"));
  CHECK(terminal.screen().find("Failed to write an entry\n") != std::string::npos);
  REQUIRE(terminal.say("GET " + kKey));
  CHECK(terminal.screen().find("Failed to read an entry\n") != std::string::npos);
}

TEST_CASE("shell: when all nodes are gone and one comes back, it goes on there by itself") {
  Warehouse nodes;
  Terminal terminal(nodes.shell());
  REQUIRE(terminal.ends_with("> "));
  for (KithdProcess* node : {&nodes.n1, &nodes.n2, &nodes.n3}) node->kill();
  REQUIRE(terminal.shows("The connection to Kith cluster warehouse13 is lost, no known node answers\n> "));
  nodes.n2.restart();
  REQUIRE(terminal.shows("Reconnected to Kith cluster warehouse13 at " + nodes.n2.client_address() + "\n"));
  REQUIRE(terminal.ends_with("> "));
  REQUIRE(terminal.say("GET " + kKey));
  CHECK(terminal.screen().ends_with("Not found\n> "));
}

TEST_CASE("shell: a node that only keeps silent is left, in the middle of a write as well") {
  Warehouse nodes;
  Terminal terminal(nodes.shell());
  REQUIRE(terminal.ends_with("> "));
  nodes.n1.send_signal(SIGSTOP);
  REQUIRE(terminal.say("SET " + kKey + " 'in the middle'"));
  CHECK(terminal.screen().find("Reconnected to Kith cluster warehouse13 at ") != std::string::npos);
  CHECK(terminal.screen().find("Created (2 replicas)\n> ") != std::string::npos);
  CHECK(terminal.screen().find("Failed") == std::string::npos);
  nodes.n1.send_signal(SIGCONT);
}

TEST_CASE("shell: what is typed while it moves is not lost") {
  Warehouse nodes;
  Terminal terminal(nodes.shell());
  REQUIRE(terminal.ends_with("> "));
  REQUIRE(terminal.type("GET " + kKey.substr(0, 8)));
  REQUIRE(terminal.ends_with(kKey.substr(0, 8)));
  nodes.n1.kill();
  REQUIRE(terminal.shows("Reconnected to Kith cluster warehouse13"));
  REQUIRE(terminal.ends_with("> GET " + kKey.substr(0, 8)));
  REQUIRE(terminal.say(kKey.substr(8)));
  CHECK(terminal.screen().ends_with("Not found\n> "));
}

TEST_CASE("shell: the small commands go where it is by now, and exit ends it") {
  Warehouse nodes;
  Terminal terminal(nodes.shell());
  REQUIRE(terminal.ends_with("> "));
  nodes.n1.kill();
  REQUIRE(terminal.shows("Reconnected"));
  REQUIRE(terminal.ends_with("> "));
  REQUIRE(terminal.say("sadd " + kKey + " tea"));
  CHECK(terminal.screen().ends_with("1 added\n> "));
  REQUIRE(terminal.say("SET k"));
  CHECK(terminal.screen().ends_with("kith: SET needs a key and a value: SET KEY 'VALUE'\n> "));
  REQUIRE(terminal.say("SADD " + kKey + " tea"));
  CHECK(terminal.screen().ends_with("kith: there is no command \"SADD\": did you mean sadd?\n> "));
  REQUIRE(terminal.say("help SET"));
  CHECK(terminal.screen().ends_with("GET KEY                           the value as SET takes it\n"
                                    "  DELETE KEY                        Deleted (2 replicas)\n> "));
  REQUIRE(terminal.type("exit\n"));
  CHECK(terminal.wait_exit() == 0);
}

TEST_CASE("shell: by the leader's route it is at the node with the least id") {
  Warehouse nodes;
  Client client = nodes.n1.connect();
  Request status;
  status.op = ClientOp::kStatus;
  const auto members = nlohmann::json::parse(client.call(status, 30s).document)["members"];
  std::string least, address;
  for (const auto& member : members) {
    if (!least.empty() && member["id"].get<std::string>() >= least) continue;
    least = member["id"], address = member["client_address"];
  }
  Terminal terminal(nodes.shell({"--route", "leader"}));
  REQUIRE(terminal.ends_with("> "));
  CHECK(current(terminal) == address);
}

TEST_CASE("shell: without a terminal lines are run one by one, and move as well") {
  Warehouse nodes;
  const KithRun run = run_kith(nodes.shell(), {.standard_input = "SET " + kKey + " " + kComb + "\nGET " + kKey + "\nSET 1 2\nsadd " + kKey + " tea\n"});
  CHECK(run.out == "Created (2 replicas)\n" + kComb + "\nError: Key is not a proper UUID4\n1 added\n");
  CHECK(run.code == 1);
}

// Method: one node after the other is killed while there is always a majority; whichever the shell is at, it is among them.  A node
//         that is back may take some seconds to be connected to, and the level is waited for.
TEST_CASE("shell: lines from a file are all done, none twice, while one node after the other is killed") {
  Warehouse nodes;
  constexpr std::size_t kLines = 600;
  std::string lines;
  for (std::size_t i = 0; i < kLines; ++i) {
    const std::string digits = std::to_string(10'000 + i);
    lines += "SET 0d5d3807-5fbf-4228-a657-5a09100" + digits + " 'v" + digits + "'\nincr " + kKey + "\n";
  }
  const auto written_at = [](KithdProcess& node) {
    Client client = node.connect();
    Request count;
    count.op = ClientOp::kCount;
    count.table = "artifacts";
    count.key = kKey;
    return static_cast<std::size_t>(client.call(count, 30s).total.value_or(0));
  };
  auto run = std::async(std::launch::async, [&] { return run_kith(nodes.shell({"--timeout", "60s"}), {.standard_input = lines}); });
  REQUIRE(eventually([&] { return written_at(nodes.n2) >= 50; }));
  nodes.n1.kill();
  REQUIRE(eventually([&] { return written_at(nodes.n2) >= 200; }));
  nodes.n1.restart();
  nodes.n1.wait_ready();
  nodes.n2.kill();
  REQUIRE(eventually([&] { return written_at(nodes.n3) >= 350; }));
  nodes.n2.restart();
  nodes.n2.wait_ready();
  nodes.n3.kill();
  const KithRun done = run.get();
  CHECK(done.code == 0);
  CHECK(done.err == "");
  std::istringstream out(done.out);
  std::size_t set = 0;
  for (std::string line; std::getline(out, line);) set += line == "Created (2 replicas)" || line == "Written (2 replicas)" ? 1 : 0;
  CHECK(set == kLines);
  for (KithdProcess* node : {&nodes.n1, &nodes.n2}) {
    REQUIRE(eventually([&] { return written_at(*node) >= kLines; }));
    CHECK(written_at(*node) == kLines);
    const KithRun keys = nodes.at(*node, {"-t", "artifacts", "keys", "0d5d3807-5fbf-4228-a657-5a09100"});
    CHECK(static_cast<std::size_t>(std::count(keys.out.begin(), keys.out.end(), '\n')) == kLines);
  }
}

TEST_CASE("shell: where no node is, or a wrong host, it says so and ends with 4") {
  KithRun run = run_kith({"shell", "-H", "127.0.0.1", "-P", "1", "--timeout", "500ms"});
  CHECK(run.code == 4);
  CHECK(has(run.err, "no node answers: 127.0.0.1:1 (nobody listens there)"));
  run = run_kith({"shell", "-H", "no-such-host.invalid", "--timeout", "500ms"});
  CHECK(run.code == 4);
  CHECK(has(run.err, "no node answers: no-such-host.invalid:8765 (the name of the host stands for no address)"));
  run = run_kith({"get", "k", "-H", "no-such-host.invalid", "--timeout", "500ms"});
  CHECK(run.code == 4);
  CHECK(has(run.err, "cannot connect to no-such-host.invalid:8765: Name or service not known"));
  run = run_kith({"shell", "-P", "0"});
  CHECK(run.code == 2);
  CHECK(has(run.err, "\"0\" is no port"));
  run = run_kith({"shell", "--route", "somewhere"});
  CHECK(run.code == 2);
  CHECK(has(run.err, "give any or leader"));
}

}  // namespace
}  // namespace kith
