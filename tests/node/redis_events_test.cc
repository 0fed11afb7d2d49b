// Goal: real nodes tell their clients what changes, here and elsewhere, and hold little for those who do not listen.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "node/redis/limits.h"
#include "tests/node/kithd_process.h"
#include "tests/node/redis_socket.h"
#include "tests/node/temporary_directory.h"

using namespace kith;

namespace {

struct Nodes {
  explicit Nodes(int count) {
    for (int i = 1; i <= count; ++i) {
      const std::string name = "n" + std::to_string(i);
      KithdProcess::Options options{.data = dir / name, .name = name, .flags = {"--redis", "127.0.0.1:0", "--gossip-interval", "100ms"}};
      if (i > 1) options.join = {all.front()->peer_address()};
      all.push_back(std::make_unique<KithdProcess>(std::move(options)));
      all.back()->wait_ready();
    }
  }
  RedisSocket connect(std::size_t i) { return RedisSocket(all.at(i)->redis_address()); }

  TemporaryDirectory dir;
  std::vector<std::unique_ptr<KithdProcess>> all;
};

std::string bulk(std::string_view text) { return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n"; }

// What a channel of a key tells.
std::string of_key(std::string_view key, std::string_view event) {
  return "*4\r\n" + bulk("pmessage") + bulk("__keyspace@0__:*") + bulk("__keyspace@0__:" + std::string(key)) + bulk(event);
}

void listen(RedisSocket& client) { CHECK(client.say({"PSUBSCRIBE", "__keyspace@0__:*"}).starts_with("*3\r\n")); }

}  // namespace

TEST_CASE("redis port: who subscribes is told what other clients and other nodes write") {
  Nodes nodes(2);
  RedisSocket here(nodes.all[0]->redis_address()), there(nodes.all[1]->redis_address());
  RedisSocket writer(nodes.all[0]->redis_address()), far_writer(nodes.all[1]->redis_address());
  listen(here);
  listen(there);
  CHECK(writer.line("SET a 1") == "+OK\r\n");
  for (RedisSocket* client : {&here, &there}) CHECK(client->reply() == of_key("a", "set"));
  CHECK(far_writer.line("SADD s x") == ":1\r\n");
  for (RedisSocket* client : {&here, &there}) CHECK(client->reply() == of_key("s", "sadd"));
  CHECK(writer.line("SADD s x") == ":0\r\n");    // Changes nothing: nobody is told.
  CHECK(far_writer.line("HINCRBY h f 2") == ":2\r\n");
  for (RedisSocket* client : {&here, &there}) CHECK(client->reply() == of_key("h", "hincrby"));
  CHECK(writer.line("SREM s x") == ":1\r\n");
  for (RedisSocket* client : {&here, &there}) {
    CHECK(client->reply() == of_key("s", "srem"));
    CHECK(client->reply() == of_key("s", "del"));
  }
  CHECK(writer.line("SET e v PX 200") == "+OK\r\n");
  for (RedisSocket* client : {&here, &there}) {
    CHECK(client->reply() == of_key("e", "set"));
    CHECK(client->reply() == of_key("e", "expire"));
    CHECK(client->reply() == of_key("e", "expired"));
  }
  CHECK(here.say({"PING"}) == "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  CHECK(here.line("PUNSUBSCRIBE").starts_with("*3\r\n" + bulk("punsubscribe")));
  CHECK(here.line("GET a") == bulk("1"));
  CHECK(here.line("INFO stats").find("kith_subscribers:0") != std::string::npos);
}

TEST_CASE("redis port: whoever has the answer to SUBSCRIBE misses nothing that is written afterwards") {
  Nodes nodes(1);
  RedisSocket writer(nodes.all[0]->redis_address());
  for (int i = 0; i < 50; ++i) {
    const std::string key = "k" + std::to_string(i);
    RedisSocket client(nodes.all[0]->redis_address());
    listen(client);
    CHECK(writer.say({"SET", key, "v"}) == "+OK\r\n");
    CHECK(client.reply() == of_key(key, "set"));
  }
}

TEST_CASE("redis port: a subscriber that fetches nothing is cut off with a word in the log, others go on") {
  Nodes nodes(1);
  RedisSocket deaf(nodes.all[0]->redis_address()), listener(nodes.all[0]->redis_address()), writer(nodes.all[0]->redis_address());
  listen(deaf);
  std::atomic<std::size_t> heard{0};
  listen(listener);
  std::thread ears([&] {
    for (;;) {
      if (listener.reply() == of_key("end", "set")) return;
      ++heard;
    }
  });
  const std::string name(3000, 'k');
  bool cut = false;
  std::size_t written = 0;
  // What fits the sockets of both sides comes on top of the limit.
  for (; written < 40'000 && !cut; written += 100) {
    std::string batch;
    for (std::size_t i = 0; i < 100; ++i) batch += redis_command({"SET", name + std::to_string(written + i), "v"});
    writer.send(batch);
    for (int i = 0; i < 100; ++i) CHECK(writer.reply() == "+OK\r\n");
    cut = nodes.all[0]->output().find("it does not fetch what it subscribed to") != std::string::npos;
  }
  CHECK(cut);
  CHECK(writer.line("SET end v") == "+OK\r\n");
  ears.join();
  CHECK(heard == written);
  CHECK(deaf.closed());
  CHECK(writer.line("INFO stats").find("kith_connections_cut_off:1") != std::string::npos);
}

TEST_CASE("redis port: a subscriber that ends is forgotten") {
  Nodes nodes(1);
  RedisSocket writer(nodes.all[0]->redis_address());
  for (int i = 0; i < 20; ++i) {
    RedisSocket client(nodes.all[0]->redis_address());
    listen(client);
  }
  CHECK(eventually([&] { return writer.line("INFO stats").find("kith_subscribers:0") != std::string::npos; }));
  CHECK(writer.line("SET k v") == "+OK\r\n");
}
