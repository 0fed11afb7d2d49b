// tests/tools/table_command_test.cc -- `kith table`, and what its rules do at every entrance.
#include <signal.h>

#include "tests/node/redis_socket.h"
#include "tests/tools/three_nodes.h"

namespace kith {
namespace {

const std::string kKey = "0d5d3807-5fbf-4228-a657-5a091c4e497f";

TEST_CASE("table: created at one node it is known at all, listed, shown, altered, and not created twice") {
  ThreeNodes nodes;
  KithRun run = nodes.at(nodes.n1, {"table", "list"});
  CHECK(run.out.empty());
  CHECK(has(run.err, "nobody has described a table"));
  run = nodes.at(nodes.n1, {"table", "create", "artifacts", "--keys", "uuid4", "--kinds", "register,set", "--write", "quorum"});
  CHECK(run.code == 0);
  CHECK(run.out == "Created (3 replicas)\n");
  for (KithdProcess* node : {&nodes.n1, &nodes.n2, &nodes.n3}) {
    CHECK(nodes.at(*node, {"table", "show", "artifacts"}).out ==
          "artifacts: keys uuid4, kinds register,set, quorum majority, read one, write quorum\n");
  }
  CHECK(has(nodes.at(nodes.n2, {"table", "list"}).out, "artifacts"));
  CHECK(nodes.at(nodes.n2, {"table", "create", "artifacts", "--keys", "uuid4", "--kinds", "set,register", "--write", "quorum"}).out ==
        "It is there already, with these rules\n");
  run = nodes.at(nodes.n2, {"table", "create", "artifacts"});
  CHECK(run.code == 1);
  CHECK(has(run.err, "table 'artifacts' has other rules already"));
  CHECK(nodes.at(nodes.n3, {"table", "alter", "artifacts", "--write", "all"}).out == "Altered (3 replicas)\n");
  const auto shown = nlohmann::json::parse(nodes.at(nodes.n1, {"table", "show", "artifacts", "--json"}).out);
  CHECK(shown["write"] == "all");
  CHECK(shown["described"] == true);
  CHECK(nlohmann::json::parse(nodes.at(nodes.n1, {"table", "show", "other", "--json"}).out)["described"] == false);
}

TEST_CASE("table: keys that are no UUID4 and other kinds are refused at the command line, the client port and the Redis port") {
  NodeFixture n1({"--redis", "127.0.0.1:0", "--redis-table", "artifacts"});
  REQUIRE(n1.run({"table", "create", "artifacts", "--keys", "uuid4", "--kinds", "register,counter,hash"}).code == 0);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"set", "12345", "v"}, {"del", "12345"}, {"hset", "12345", "f", "v"}, {"incr", "12345"}, {"expire", "12345", "1m"}}) {
    CAPTURE(command[0]);
    std::vector<std::string> words = {"-t", "artifacts"};
    words.insert(words.end(), command.begin(), command.end());
    const KithRun run = n1.run(words);
    CHECK(run.code == 1);
    CHECK(has(run.err, "Key is not a proper UUID4"));
  }
  KithRun run = n1.run({"-t", "artifacts", "import", "-"}, {.standard_input = "{\"op\":\"set\",\"key\":\"k\",\"value\":\"v\"}\n"});
  CHECK(run.code == 1);
  CHECK(has(run.err, "Key is not a proper UUID4"));
  run = n1.run({"-t", "artifacts", "sadd", kKey, "m"});
  CHECK(has(run.err, "table 'artifacts' takes no set, by its rules"));
  CHECK(n1.run({"-t", "artifacts", "set", kKey, "v"}).code == 0);
  CHECK(n1.run({"set", "12345", "v"}).code == 0);  // Another table.

  Client client = n1.node.connect();
  Request request;
  request.op = ClientOp::kSet;
  request.table = "artifacts";
  request.key = "12345";
  const ClientReply reply = client.call(request, std::chrono::seconds(30));
  CHECK(reply.status == Status::kRefused);
  CHECK(reply.code == "bad_key");
  CHECK(reply.message == "Key is not a proper UUID4");

  RedisSocket redis(n1.node.redis_address());
  CHECK(has(redis.line("SET 12345 v"), "Key is not a proper UUID4"));
  CHECK(redis.line("SET " + kKey + " v") == "+OK\r\n");
  CHECK(has(redis.line("SADD " + kKey + " m"), "takes no set"));
}

TEST_CASE("table: what makes no sense is a usage error, or refused, and changes nothing") {
  NodeFixture n1;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"table", "drop", "t"}, {"table", "create"}, {"table", "create", "_kith"}, {"table", "create", "a/b"}, {"table", "list", "t"},
           {"table", "show"}, {"table", "create", "t", "--keys", "uuid5"}, {"table", "create", "t", "--kinds", "set,set"},
           {"table", "create", "t", "--write", "0"}, {"table", "create", "t", "--quorum", "1/2"}, {"table", "create", "t", "--read", "0"},
           {"get", "k", "--read", "some"}, {"get", "k", "--write", "all"}, {"keys", "--read", "all"}, {"set", "k", "v", "--read", "all"},
           {"table", "alter", "t"}, {"table", "show", "t", "--keys", "any"}, {"set", "k", "v", "--keys", "any"}, {"set", "k", "v", "--write", "some"},
           {"set", "k", "v", "--write", "one", "--replicas", "2"}}) {
    CAPTURE(words.back());
    CHECK(n1.run(words).code == 2);
  }
  CHECK(has(n1.run({"table", "drop", "t"}).err, "A table is not dropped"));
  KithRun run = n1.run({"table", "alter", "t", "--write", "all"});
  CHECK(run.code == 1);
  CHECK(has(run.err, "nobody has described table 't'"));
  CHECK(n1.run({"table", "list"}).out.empty());

  Client client = n1.node.connect();
  Request request;
  request.op = ClientOp::kTableCreate;
  request.table = "t";
  request.fields = {{"keys", std::string(100'000, 'x')}};
  CHECK(client.call(request, std::chrono::seconds(30)).code == "limit");
  request.fields = {{"", ""}};
  CHECK(client.call(request, std::chrono::seconds(30)).code == "limit");
  request.fields.clear();
  request.table = "no table";
  CHECK(client.call(request, std::chrono::seconds(30)).code == "bad_name");
  CHECK(n1.run({"table", "list"}).out.empty());
}

TEST_CASE("table: a write waits for what the table says, unless it says otherwise, and tells when that was not reached") {
  ThreeNodes nodes({"--replicas", "3"});
  REQUIRE(nodes.at(nodes.n1, {"table", "create", "t", "--write", "all"}).code == 0);
  const auto replicas = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"-t", "t"});
    words.insert(words.end(), {"--json", "--timeout", "2s"});
    const auto out = nlohmann::json::parse(nodes.at(nodes.n1, words).out);
    return std::pair(out["outcome"].get<std::string>(), out["replicas"].size());
  };
  CHECK(replicas({"set", "k", "v"}) == std::pair(std::string("ok"), std::size_t{3}));
  CHECK(replicas({"set", "k", "v", "--write", "one"}) == std::pair(std::string("ok"), std::size_t{1}));
  CHECK(replicas({"set", "k", "v", "--write", "quorum"}).first == "ok");
  CHECK(replicas({"set", "k", "v", "--write", "quorum"}).second >= 2);
  nodes.n2.kill();
  CHECK(replicas({"set", "k", "v"}) == std::pair(std::string("stored"), std::size_t{2}));
  CHECK(replicas({"set", "k", "v", "--write", "quorum"}) == std::pair(std::string("ok"), std::size_t{2}));
  nodes.n3.kill();
  CHECK(replicas({"set", "k", "v", "--write", "quorum"}) == std::pair(std::string("stored"), std::size_t{1}));
}

// Goal: `--read` asks others first, by itself or by the rules of the table, and says when too few told.
// Method: n3 stands still while n1 and n2 take a write; n1 stands still when n3 is read, so that only n2 can tell.
TEST_CASE("table: a read asks as many as the table says, unless it says otherwise, and tells when too few told") {
  ThreeNodes nodes({"--replicas", "3"});
  REQUIRE(nodes.at(nodes.n1, {"table", "create", "t", "--write", "quorum", "--read", "quorum"}).code == 0);
  CHECK(has(nodes.at(nodes.n3, {"table", "show", "t"}).out, "read quorum, write quorum"));
  nodes.n3.send_signal(SIGSTOP);
  REQUIRE(nodes.at(nodes.n1, {"-t", "t", "set", "color", "red"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"-t", "t", "sadd", "likes", "tea", "milk"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"-t", "t", "hset", "order", "state", "paid"}).code == 0);
  REQUIRE(nodes.at(nodes.n1, {"-t", "t", "incr", "visits", "7"}).code == 0);
  nodes.n1.send_signal(SIGSTOP);
  nodes.n3.send_signal(SIGCONT);
  CHECK(nodes.at(nodes.n3, {"-t", "t", "get", "color"}).out == "red\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "smembers", "likes"}).out == "milk\ntea\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "scard", "likes"}).out == "2\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "sismember", "likes", "tea", "--read", "2"}).out == "yes\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "hget", "order", "state", "--read", "quorum"}).out == "paid\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "hgetall", "order"}).out == "state: paid\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "count", "visits"}).out == "7\n");
  CHECK(nodes.at(nodes.n3, {"-t", "t", "ttl", "color"}).out == "does not expire\n");
  const KithRun run = nodes.at(nodes.n3, {"-t", "t", "--timeout", "1s", "get", "color", "--read", "all"});
  CHECK(run.code == 5);
  CHECK(run.out.empty());
  CHECK(has(run.err, "not told by the 3 members that were asked for in time, but by n3, n2 alone"));
  CHECK(nodes.at(nodes.n3, {"-t", "t", "get", "color", "--read", "one"}).out == "red\n");
  nodes.n1.send_signal(SIGCONT);
  CHECK(nodes.at(nodes.n3, {"-t", "t", "--timeout", "30s", "get", "color", "--read", "all"}).out == "red\n");

  Client client = nodes.n3.connect();
  Request request;
  request.op = ClientOp::kGet;
  request.table = "t";
  request.key = "color";
  const ClientReply reply = client.call(request, std::chrono::seconds(30));
  CHECK(reply.replicas.size() >= 2);
  CHECK(reply.replicas.front() == "n3");
  request.op = ClientOp::kKeys;
  request.replicas = 2;
  CHECK(client.call(request, std::chrono::seconds(30)).code == "bad_request");
  request.op = ClientOp::kHgetall;
  request.table = "_kith";
  CHECK(client.call(request, std::chrono::seconds(30)).code == "bad_request");
}

}  // namespace
}  // namespace kith
