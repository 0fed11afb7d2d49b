// Goal: the Redis port of a real kithd does what docs/REDIS.md says, and stands whatever it is sent.
#include <doctest/doctest.h>

#include <memory>
#include <sstream>
#include <thread>

#include "node/redis/command_table.h"
#include "node/redis/limits.h"
#include "tests/node/kithd_process.h"
#include "tests/node/redis_socket.h"
#include "tests/node/resident.h"
#include "tests/node/temporary_directory.h"

using namespace kith;

namespace {

struct Node {
  explicit Node(std::vector<std::string> flags = {}) : process(options(dir, std::move(flags))) { process.wait_ready(); }
  RedisSocket connect() { return RedisSocket(process.redis_address()); }

  static KithdProcess::Options options(const TemporaryDirectory& dir, std::vector<std::string> flags) {
    flags.insert(flags.end(), {"--redis", "127.0.0.1:0"});
    return {.data = dir / "n1", .name = "n1", .flags = std::move(flags)};
  }
  TemporaryDirectory dir;
  KithdProcess process;
};

std::string bulk(std::string_view text) { return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n"; }

struct Said {
  const char* line;
  std::string reply;
};

void check_all(RedisSocket& client, const std::vector<Said>& said) {
  for (const Said& it : said) {
    CAPTURE(it.line);
    CHECK(client.line(it.line) == it.reply);
  }
}

}  // namespace

TEST_CASE("redis port: strings, and counters that count on from them") {
  Node node;
  RedisSocket client(node.process.redis_address());
  check_all(client, {
      {"GET k", "$-1\r\n"}, {"SET k v", "+OK\r\n"}, {"GET k", bulk("v")}, {"STRLEN k", ":1\r\n"}, {"TYPE k", "+string\r\n"},
      {"INCR k", "-ERR value is not an integer or out of range\r\n"},
      {"INCR n", ":1\r\n"}, {"INCRBY n 41", ":42\r\n"}, {"GET n", bulk("42")}, {"TYPE n", "+string\r\n"}, {"STRLEN n", ":2\r\n"},
      {"DECRBY n 2", ":40\r\n"}, {"DECR n", ":39\r\n"},
      // A value that is set takes out what was counted, and counting goes on from it.
      {"SET n 100", "+OK\r\n"}, {"GET n", bulk("100")}, {"INCR n", ":101\r\n"}, {"GET n", bulk("101")},
      {"SET n text", "+OK\r\n"}, {"GET n", bulk("text")}, {"DEL n", ":1\r\n"}, {"GET n", "$-1\r\n"}, {"DEL n", ":0\r\n"},
      {"INCR gone", ":1\r\n"}, {"DEL gone", ":1\r\n"}, {"EXISTS gone", ":0\r\n"}, {"GET gone", "$-1\r\n"}, {"INCR gone", ":1\r\n"},
      {"INCRBY zero 0", ":0\r\n"},
      {"SET max 9223372036854775807", "+OK\r\n"}, {"INCR max", "-ERR increment or decrement would overflow\r\n"},
      {"DECRBY max -9223372036854775808", "-ERR decrement would overflow\r\n"},
      {"MSET a 1 b 2 a 3", "+OK\r\n"}, {"MGET a b nothing gone", "*4\r\n" + bulk("3") + bulk("2") + "$-1\r\n" + bulk("1")},
      {"MSET a", "-ERR wrong number of arguments for 'mset' command\r\n"},
      {"MSET a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n"},
      {"GETDEL a", bulk("3")}, {"GETDEL a", "$-1\r\n"}, {"GETDEL gone", bulk("1")}, {"GET gone", "$-1\r\n"},
      {"SET e v EX 100", "+OK\r\n"}, {"TTL e", ":100\r\n"}, {"SETEX e 200 w", "+OK\r\n"}, {"TTL e", ":200\r\n"},
      {"PSETEX e 300000 w", "+OK\r\n"}, {"TTL e", ":300\r\n"}, {"SET e x", "+OK\r\n"}, {"TTL e", ":-1\r\n"},
      {"SET e v PXAT 1", "+OK\r\n"}, {"GET e", "$-1\r\n"},
      {"SET k v EX", "-ERR syntax error\r\n"}, {"SET k v EX 0", "-ERR invalid expire time in 'set' command\r\n"},
      {"SET k v EX 1 PX 1", "-ERR syntax error\r\n"}, {"SET k v WHAT", "-ERR syntax error\r\n"},
      {"SETEX k -1 v", "-ERR invalid expire time in 'setex' command\r\n"},
  });
  // Integers that are none.
  for (const char* wrong : {"+1", "\" 1\"", "1e3", "01", "9223372036854775808", "\"\""}) {
    CAPTURE(wrong);
    CHECK(client.line(std::string("INCRBY n ") + wrong) == "-ERR value is not an integer or out of range\r\n");
    CHECK(client.line(std::string("SET k v EX ") + wrong) == "-ERR value is not an integer or out of range\r\n");
  }
}

TEST_CASE("redis port: what would need coordination is refused, says why, and changes nothing") {
  Node node;
  RedisSocket client(node.process.redis_address());
  CHECK(client.line("SET k v") == "+OK\r\n");
  for (const char* line : {"SETNX k w", "SET k w NX", "SET k w XX", "SET k w GET", "SET k w KEEPTTL", "GETSET k w", "APPEND k w", "MSETNX k w",
                           "SPOP k", "SMOVE k l m", "HSETNX k f v", "HINCRBYFLOAT k f 1", "PUBLISH c m", "WATCH k", "INCRBYFLOAT k 1", "EXPIRE k 10 NX"}) {
    CAPTURE(line);
    const std::string reply = client.line(line);
    CHECK(reply.starts_with("-ERR "));
    CHECK(reply.size() > 60);
  }
  CHECK(client.line("GET k") == bulk("v"));
  CHECK(client.line("KEYS *") == "*1\r\n" + bulk("k"));
}

TEST_CASE("redis port: sets") {
  Node node;
  RedisSocket client(node.process.redis_address());
  check_all(client, {
      {"SADD s a b c a", ":3\r\n"}, {"SADD s c d", ":1\r\n"}, {"SCARD s", ":4\r\n"}, {"SMEMBERS s", "*4\r\n" + bulk("a") + bulk("b") + bulk("c") + bulk("d")},
      {"SISMEMBER s a", ":1\r\n"}, {"SISMEMBER s z", ":0\r\n"}, {"SMISMEMBER s a z", "*2\r\n:1\r\n:0\r\n"}, {"SREM s a z", ":1\r\n"},
      {"SADD t b x", ":2\r\n"}, {"SINTER s t", "*1\r\n" + bulk("b")}, {"SDIFF s t", "*2\r\n" + bulk("c") + bulk("d")},
      {"SUNION s t nothing", "*4\r\n" + bulk("b") + bulk("c") + bulk("d") + bulk("x")}, {"SINTER s nothing", "*0\r\n"}, {"TYPE s", "+set\r\n"},
      {"SRANDMEMBER nothing", "$-1\r\n"}, {"SRANDMEMBER nothing 3", "*0\r\n"}, {"SRANDMEMBER t 0", "*0\r\n"},
      {"SRANDMEMBER t x", "-ERR value is not an integer or out of range\r\n"},
      {"SSCAN s 0", "*2\r\n" + bulk("0") + "*3\r\n" + bulk("b") + bulk("c") + bulk("d")}, {"SSCAN s 0 MATCH c*", "*2\r\n" + bulk("0") + "*1\r\n" + bulk("c")},
      {"DEL s t", ":2\r\n"}, {"SMEMBERS s", "*0\r\n"}, {"SCARD s", ":0\r\n"}, {"EXISTS s t", ":0\r\n"},
  });
  CHECK(client.line("SADD s \"\"").starts_with("-ERR a member is empty"));
  CHECK(client.line("SADD r 1 2 3") == ":3\r\n");
  CHECK(client.line("SRANDMEMBER r 10").starts_with("*3\r\n"));
  CHECK(client.line("SRANDMEMBER r -10").starts_with("*10\r\n"));
}

TEST_CASE("redis port: hashes") {
  Node node;
  RedisSocket client(node.process.redis_address());
  check_all(client, {
      {"HSET h f 1 g 2", ":2\r\n"}, {"HSET h f 3 k 4", ":1\r\n"}, {"HGET h f", bulk("3")}, {"HGET h z", "$-1\r\n"},
      {"HMGET h f z g", "*3\r\n" + bulk("3") + "$-1\r\n" + bulk("2")}, {"HLEN h", ":3\r\n"}, {"HEXISTS h f", ":1\r\n"}, {"HEXISTS h z", ":0\r\n"},
      {"HGETALL h", "*6\r\n" + bulk("f") + bulk("3") + bulk("g") + bulk("2") + bulk("k") + bulk("4")},
      {"HKEYS h", "*3\r\n" + bulk("f") + bulk("g") + bulk("k")}, {"HVALS h", "*3\r\n" + bulk("3") + bulk("2") + bulk("4")},
      {"HSTRLEN h f", ":1\r\n"}, {"HDEL h f z", ":1\r\n"}, {"HMSET h m 1", "+OK\r\n"}, {"TYPE h", "+hash\r\n"},
      {"HSET h f", "-ERR wrong number of arguments for 'hset' command\r\n"}, {"HSET h f 1 g", "-ERR wrong number of arguments for 'hset' command\r\n"},
      {"HSCAN h 0 COUNT 100", "*2\r\n" + bulk("0") + "*6\r\n" + bulk("g") + bulk("2") + bulk("k") + bulk("4") + bulk("m") + bulk("1")},
      {"EXPIRE h 100", ":1\r\n"}, {"TTL h", ":100\r\n"}, {"HSET h new 1", ":1\r\n"}, {"TTL h", ":-1\r\n"}, {"PERSIST h", ":1\r\n"}, {"PERSIST h", ":0\r\n"},
      {"DEL h", ":1\r\n"}, {"EXISTS h", ":0\r\n"},
  });
}

TEST_CASE("redis port: HSET counts new fields also when it is pipelined with itself") {
  Node node;
  RedisSocket client(node.process.redis_address());
  client.send("HSET h f 1\r\nHSET h f 2\r\nHSET h f 2 g 1\r\nHDEL h f\r\nHSET h f 1\r\nHGET h f\r\n");
  for (const char* wanted : {":1\r\n", ":0\r\n", ":1\r\n", ":1\r\n", ":1\r\n", "$1\r\n1\r\n"}) CHECK(client.reply() == wanted);
}

TEST_CASE("redis port: a key may hold several kinds, and is one key") {
  Node node;
  RedisSocket client(node.process.redis_address());
  check_all(client, {
      {"SADD k a", ":1\r\n"}, {"TYPE k", "+set\r\n"}, {"HSET k f v", ":1\r\n"}, {"SET k 5", "+OK\r\n"}, {"INCR k", ":6\r\n"}, {"TYPE k", "+string\r\n"},
      {"EXISTS k k", ":2\r\n"}, {"DBSIZE", ":1\r\n"}, {"KEYS *", "*1\r\n" + bulk("k")}, {"GET k", bulk("6")}, {"SMEMBERS k", "*1\r\n" + bulk("a")},
      {"DEL k k", ":1\r\n"}, {"DBSIZE", ":0\r\n"}, {"SMEMBERS k", "*0\r\n"}, {"HGETALL k", "*0\r\n"}, {"GET k", "$-1\r\n"}, {"TYPE k", "+none\r\n"},
  });
}

TEST_CASE("redis port: what expires, and what does not") {
  Node node;
  RedisSocket client(node.process.redis_address());
  check_all(client, {
      {"SET s v", "+OK\r\n"}, {"EXPIRE s 100", ":1\r\n"}, {"TTL s", ":100\r\n"}, {"PERSIST s", ":1\r\n"}, {"TTL s", ":-1\r\n"},
      {"PERSIST s", ":0\r\n"}, {"EXPIRE nothing 10", ":0\r\n"}, {"TTL nothing", ":-2\r\n"}, {"PTTL nothing", ":-2\r\n"},
      {"EXPIREAT s 1", ":1\r\n"}, {"EXISTS s", ":0\r\n"}, {"SET s v", "+OK\r\n"}, {"EXPIRE s -5", ":1\r\n"}, {"EXISTS s", ":0\r\n"},
      {"EXPIRE s x", "-ERR value is not an integer or out of range\r\n"}, {"EXPIRE s 10 QQ", "-ERR Unsupported option QQ\r\n"},
      {"EXPIRE s 9223372036854775807", "-ERR invalid expire time in 'expire' command\r\n"},
      {"SADD set a", ":1\r\n"}, {"INCR count", ":1\r\n"},
  });
  CHECK(client.line("EXPIRE set 10").starts_with("-ERR sets and counters do not expire in Kith"));
  CHECK(client.line("EXPIRE count 10").starts_with("-ERR sets and counters do not expire in Kith"));
  CHECK(client.line("SET short v PX 30") == "+OK\r\n");
  CHECK(eventually([&] { return client.line("GET short") == "$-1\r\n"; }));
  CHECK(client.line("EXISTS short") == ":0\r\n");
  CHECK(client.line("KEYS sho*") == "*0\r\n");
}

TEST_CASE("redis port: SCAN goes through every key once, with patterns and types, and takes no cursor that it did not give") {
  Node node;
  RedisSocket client(node.process.redis_address());
  std::string mset = "MSET";
  for (int i = 0; i < 500; ++i) mset += " key:" + std::to_string(i) + " v";
  CHECK(client.line(mset) == "+OK\r\n");
  CHECK(client.line("SADD set:1 a") == ":1\r\n");
  CHECK(client.line("DBSIZE") == ":501\r\n");
  const auto scan = [&](const std::string& options) {
    std::size_t found = 0;
    std::string cursor = "0";
    do {
      const std::string reply = client.line("SCAN " + cursor + options);
      std::istringstream in(reply);
      std::string head, size, count;
      std::getline(in, head);
      std::getline(in, size);
      std::getline(in, cursor);
      cursor.pop_back();
      std::getline(in, count);
      found += std::stoul(count.substr(1));
    } while (cursor != "0");
    return found;
  };
  CHECK(scan("") == 501);
  CHECK(scan(" COUNT 7") == 501);
  CHECK(scan(" COUNT 100 MATCH key:1*") == 111);
  CHECK(scan(" TYPE set") == 1);
  CHECK(scan(" TYPE string") == 500);
  CHECK(scan(" TYPE zset") == 0);
  for (const char* line : {"SCAN 12345", "SCAN -1", "SCAN x", "SCAN 18446744073709551615", "SSCAN set:1 77", "HSCAN set:1 77"}) {
    CAPTURE(line);
    CHECK(client.line(line).starts_with("-ERR invalid cursor"));
  }
  check_all(client, {{"SCAN 0 COUNT 0", "-ERR syntax error\r\n"}, {"SCAN 0 COUNT", "-ERR syntax error\r\n"}, {"SCAN 0 WHAT x", "-ERR syntax error\r\n"},
                     {"SSCAN set:1 0 TYPE set", "-ERR syntax error\r\n"}, {"SCAN 0 COUNT x", "-ERR value is not an integer or out of range\r\n"}});
}

TEST_CASE("redis port: every command with a wrong number of arguments says so, and changes nothing") {
  Node node;
  RedisSocket client(node.process.redis_address());
  for (const auto& spec : redis::command_table()) {
    const std::string name(spec.name);
    const std::string wanted = "-ERR wrong number of arguments for '" + name + "' command\r\n";
    const int least = std::abs(spec.arity);
    std::string few = name;
    for (int i = 2; i < least; ++i) few += " x";
    CAPTURE(name);
    if (least > 1) CHECK(client.line(few) == wanted);
    if (spec.arity > 0) CHECK(client.line(few + (least > 1 ? " x x" : " x")) == wanted);
  }
  CHECK(client.line("DBSIZE") == ":0\r\n");
}

TEST_CASE("redis port: what is read and written there is what clients of Kith read and write") {
  Node node;
  RedisSocket redis(node.process.redis_address());
  Client client = node.process.connect();
  CHECK(redis.line("SADD shared from-redis") == ":1\r\n");
  Request add;
  add.op = ClientOp::kSadd;
  add.key = "shared";
  add.members = {"from-kith"};
  CHECK(client.call(add, std::chrono::seconds(30)).number == 1);
  CHECK(redis.line("SMEMBERS shared") == "*2\r\n" + bulk("from-kith") + bulk("from-redis"));
  Request members;
  members.op = ClientOp::kSmembers;
  members.key = "shared";
  CHECK(client.call(members, std::chrono::seconds(30)).members == std::vector<std::string>{"from-kith", "from-redis"});
}

TEST_CASE("redis port: a tagged write that is sent again happens once") {
  Node node;
  RedisSocket client(node.process.redis_address());
  const std::string tag = client.line("KITH.TAG").substr(5, 33);
  CHECK(client.line("KITH.TAG " + tag + " INCRBY n 5") == ":5\r\n");
  CHECK(client.line("KITH.TAG " + tag + " INCRBY n 5") == ":5\r\n");
  CHECK(client.line("GET n") == bulk("5"));
  CHECK(client.line("KITH.TAG " + tag + " SADD s a") == ":1\r\n");
  CHECK(client.line("SREM s a") == ":1\r\n");
  CHECK(client.line("KITH.TAG " + tag + " SADD s a") == ":0\r\n");
  CHECK(client.line("SCARD s") == ":0\r\n");
}

TEST_CASE("redis port: what was answered is there after a kill") {
  Node node;
  {
    RedisSocket client(node.process.redis_address());
    client.send("MULTI\r\nSET a 1\r\nINCR n\r\nSADD s x\r\nEXEC\r\n");
    for (int i = 0; i < 4; ++i) (void)client.reply();
    CHECK(client.reply() == "*3\r\n+OK\r\n:1\r\n:1\r\n");
  }
  node.process.kill();
  node.process.restart();
  node.process.wait_ready();
  RedisSocket client(node.process.redis_address());
  CHECK(client.line("MGET a n") == "*2\r\n" + bulk("1") + bulk("1"));
  CHECK(client.line("SMEMBERS s") == "*1\r\n" + bulk("x"));
}

TEST_CASE("redis port: names and values have Kith's limits (at, one above)") {
  Node node;
  RedisSocket client(node.process.redis_address());
  const std::string key(4096, 'k'), member(4096, 'm'), value(1024 * 1024, 'v');
  CHECK(client.say({"SET", key, value}) == "+OK\r\n");
  CHECK(client.say({"GET", key}) == bulk(value));
  CHECK(client.say({"SADD", "s", member}) == ":1\r\n");
  CHECK(client.say({"SET", key + "k", "v"}).find("limit is 4096") != std::string::npos);
  CHECK(client.say({"GET", key + "k"}).find("limit is 4096") != std::string::npos);
  CHECK(client.say({"SET", "k", value + "v"}).find("limit is 1048576") != std::string::npos);
  CHECK(client.say({"SADD", "s", member + "m"}).find("limit is 4096") != std::string::npos);
  CHECK(client.say({"GET", ""}).starts_with("-ERR "));
  CHECK(client.line("DBSIZE") == ":2\r\n");
}

// ---- Bad input, and clients that behave badly

TEST_CASE("redis port: 100,000 pipelined commands are answered in order") {
  Node node;
  RedisSocket client(node.process.redis_address());
  constexpr int kCount = 100'000;
  std::thread sender([&] {
    std::string all;
    for (int i = 0; i < kCount; ++i) all += redis_command({"ECHO", std::to_string(i)});
    client.send(all);
  });
  int wrong = 0;
  for (int i = 0; i < kCount; ++i) wrong += client.reply() == bulk(std::to_string(i)) ? 0 : 1;
  sender.join();
  CHECK(wrong == 0);
}

TEST_CASE("redis port: half a command keeps nobody waiting, and is carried out when the rest comes") {
  Node node;
  RedisSocket half(node.process.redis_address()), other(node.process.redis_address());
  half.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nabc");
  for (int i = 0; i < 100; ++i) CHECK(other.line("PING") == "+PONG\r\n");
  half.send(std::string(997, 'x') + "\r\n");
  CHECK(half.reply() == "+OK\r\n");
  CHECK(other.line("STRLEN k") == ":1000\r\n");
}

TEST_CASE("redis port: 1,000 slow connections keep nobody waiting") {
  Node node;
  std::vector<std::unique_ptr<RedisSocket>> slow;
  for (int i = 0; i < 1000; ++i) {
    slow.push_back(std::make_unique<RedisSocket>(node.process.redis_address()));
    slow.back()->send("*2\r\n$4\r\nEC");
  }
  RedisSocket client(node.process.redis_address());
  CHECK(client.line("SET k v") == "+OK\r\n");
  CHECK(client.line("INFO clients").find("connected_clients:1001") != std::string::npos);
  for (const auto& one : slow) one->send("HO\r\n$1\r\nx\r\n");
  for (const auto& one : slow) CHECK(one->reply() == bulk("x"));
}

TEST_CASE("redis port: past the limit on connections the next is told so and closed") {
  Node node({"--redis-clients", "3"});
  RedisSocket one(node.process.redis_address()), two(node.process.redis_address());
  auto three = std::make_unique<RedisSocket>(node.process.redis_address());
  for (RedisSocket* client : {&one, &two, three.get()}) CHECK(client->line("PING") == "+PONG\r\n");
  RedisSocket four(node.process.redis_address());
  CHECK(four.reply() == "-ERR max number of clients reached\r\n");
  CHECK(four.closed());
  three.reset();
  CHECK(eventually([&] { return RedisSocket(node.process.redis_address()).line("PING") == "+PONG\r\n"; }));
}

TEST_CASE("redis port: broken bytes and web pages close the connection, and it goes on serving others") {
  Node node;
  for (const char* bytes : {"*1\r\n$-2\r\n", "*2147483648\r\n", "*1\r\n$536870913\r\n", "*1\r\n*1\r\n$4\r\nPING\r\n", "echo \"a\r\n"}) {
    CAPTURE(bytes);
    RedisSocket client(node.process.redis_address());
    client.send(bytes);
    CHECK(client.reply().starts_with("-ERR Protocol error: "));
    CHECK(client.closed());
  }
  RedisSocket page(node.process.redis_address());
  page.send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET k v\r\n");
  CHECK(page.reply() == "closed");
  RedisSocket client(node.process.redis_address());
  CHECK(client.line("GET k") == "$-1\r\n");
  CHECK(client.line("INFO stats").find("kith_malformed_connections:6") != std::string::npos);
}

TEST_CASE("redis port: a client that never reads is asked no more, and holds little") {
  Node node;
  RedisSocket writer(node.process.redis_address());
  CHECK(writer.say({"SET", "large", std::string(1024 * 1024, 'x')}) == "+OK\r\n");
  const std::size_t before = resident_kib(node.process.pid());
  std::vector<std::unique_ptr<RedisSocket>> deaf;
  for (int i = 0; i < 20; ++i) {
    deaf.push_back(std::make_unique<RedisSocket>(node.process.redis_address()));
    for (int k = 0; k < 200; ++k) (void)deaf.back()->try_send("GET large\r\n");
  }
  CHECK(writer.line("PING") == "+PONG\r\n");
  CHECK(resident_kib(node.process.pid()) <= before + 150 * 1024);
  for (const auto& one : deaf) CHECK(one->reply() == bulk(std::string(1024 * 1024, 'x')));
}

TEST_CASE("redis port: MGET of 100,000 large values is an error, before it takes their memory") {
  Node node;
  RedisSocket client(node.process.redis_address());
  CHECK(client.say({"SET", "large", std::string(1024 * 1024, 'x')}) == "+OK\r\n");
  std::string mget = "*100001\r\n$4\r\nMGET\r\n";
  for (int i = 0; i < 100'000; ++i) mget += "$5\r\nlarge\r\n";
  client.send(mget);
  CHECK(client.reply() == "-ERR the answer has more than 67108864 bytes, the limit: ask for fewer keys at a time\r\n");
  CHECK(client.line("PING") == "+PONG\r\n");
  CHECK(resident_kib(node.process.pid()) < 400 * 1024);
}

TEST_CASE("redis port: answers that nobody fetches are bounded over all clients, the longest silent goes first") {
  Node node;
  RedisSocket writer(node.process.redis_address());
  for (int i = 0; i < 32; ++i) CHECK(writer.say({"SET", "large" + std::to_string(i), std::string(1024 * 1024, 'x')}) == "+OK\r\n");
  std::string mget = "*33\r\n$4\r\nMGET\r\n";
  for (int i = 0; i < 32; ++i) mget += bulk("large" + std::to_string(i));
  std::vector<std::unique_ptr<RedisSocket>> deaf;
  for (int i = 0; i < 16; ++i) {  // 16 of 32 MiB; 256 MiB are allowed.
    deaf.push_back(std::make_unique<RedisSocket>(node.process.redis_address()));
    (void)deaf.back()->try_send(mget);
  }
  CHECK(eventually([&] { return writer.line("INFO stats").find("kith_connections_cut_off:0") == std::string::npos; }));
  CHECK(eventually([&] {
    const std::string memory = writer.line("INFO memory");
    return std::stoull(memory.substr(memory.find("used_memory:") + 12)) <= redis::kAllBytesMax;
  }));
}

TEST_CASE("redis port: a flood of those who do not say the password takes less than 64 MiB") {
  TemporaryDirectory secrets;
  const std::string file = secrets.write("password", "secret\n");
  std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  Node node({"--redis-password-file", file});
  RedisSocket friendly(node.process.redis_address());
  CHECK(friendly.line("GET k") == "-NOAUTH Authentication required.\r\n");
  CHECK(friendly.line("AUTH secret") == "+OK\r\n");
  const std::size_t before = resident_kib(node.process.pid());
  std::vector<std::unique_ptr<RedisSocket>> strangers;
  const std::string half = "*10\r\n" + [] {
    std::string out;
    for (int i = 0; i < 9; ++i) out += bulk(std::string(16 * 1024, 'x'));
    return out + "$16384\r\n" + std::string(16'000, 'x');
  }();
  for (int i = 0; i < 800; ++i) {  // 800 of 160 KiB: 125 MiB.
    strangers.push_back(std::make_unique<RedisSocket>(node.process.redis_address()));
    (void)strangers.back()->try_send(half);
  }
  CHECK(friendly.line("SET k v") == "+OK\r\n");
  CHECK(friendly.line("INFO stats").find("kith_connections_cut_off:0") == std::string::npos);
  // Whole commands, whose answers nobody fetches; then what is no command at all.
  std::string commands;
  for (int i = 0; i < 20'000; ++i) commands += redis_command({"GET", "k"});
  for (int i = 0; i < 100; ++i) {
    strangers.push_back(std::make_unique<RedisSocket>(node.process.redis_address()));
    (void)strangers.back()->try_send(commands);
  }
  for (int i = 0; i < 100; ++i) {
    RedisSocket noise(node.process.redis_address());
    (void)noise.try_send(std::string(1024 * 1024, 'x'));
  }
  CHECK(friendly.line("GET k") == "$1\r\nv\r\n");
  const std::size_t most = most_resident_kib(node.process.pid());
  MESSAGE("most memory during the flood: ", most, " KiB, ", before, " before it");
  CHECK(most <= before + 64 * 1024);
}

TEST_CASE("redis port: a password file that is missing, empty or open to all is refused at the start") {
  TemporaryDirectory dir;
  const auto start = [&](const std::string& file) {
    return run_kithd({"--data", dir / "n1", "--name", "n1", "--client", "127.0.0.1:0", "--peer", "127.0.0.1:0", "--redis", "127.0.0.1:0",
                      "--redis-password-file", file});
  };
  const KithdRun missing = start(dir / "missing");
  CHECK(missing.code == 1);
  CHECK(missing.output.find("cannot read a password") != std::string::npos);
  CHECK(start(dir.write("empty", "\nsecret\n")).output.find("is empty") != std::string::npos);
  const std::string open = dir.write("open", "secret\n");
  std::filesystem::permissions(open, std::filesystem::perms::others_read, std::filesystem::perm_options::add);
  CHECK(start(open).output.find("anybody on this machine may read") != std::string::npos);
}

TEST_CASE("redis port: a pattern of many stars against long keys ends in time") {
  Node node;
  RedisSocket client(node.process.redis_address());
  for (int i = 0; i < 300; ++i) client.send(redis_command({"SET", std::string(4000, 'a') + std::to_string(i), "v"}));
  for (int i = 0; i < 300; ++i) CHECK(client.reply() == "+OK\r\n");
  std::string pattern;
  for (int i = 0; i < 1500; ++i) pattern += "*a";
  const auto began = std::chrono::steady_clock::now();
  const std::string reply = client.say({"KEYS", pattern + "*b"});
  CHECK((reply == "*0\r\n" || reply.find("too much work for one command") != std::string::npos));
  CHECK(std::chrono::steady_clock::now() - began < std::chrono::seconds(30));
  CHECK(client.line("PING") == "+PONG\r\n");
}

TEST_CASE("redis port: a port that is taken is refused with its address") {
  Node node;
  TemporaryDirectory dir;
  const KithdRun run = run_kithd({"--data", dir / "n2", "--name", "n2", "--client", "127.0.0.1:0", "--peer", "127.0.0.1:0", "--redis",
                                  node.process.redis_address()});
  CHECK(run.code == 1);
  CHECK(run.output.find("cannot listen for Redis clients on " + node.process.redis_address()) != std::string::npos);
}

TEST_CASE("redis port: a node that goes down answers what it took in") {
  Node node;
  RedisSocket client(node.process.redis_address());
  for (int i = 0; i < 200; ++i) client.send("INCR n\r\n");
  CHECK(client.reply() == ":1\r\n");
  const auto exit = node.process.terminate();
  CHECK(exit.code == 0);
  std::int64_t answered = 1;
  for (std::string reply = client.reply(); reply != "closed"; reply = client.reply()) answered = std::stoll(reply.substr(1));
  node.process.restart();
  node.process.wait_ready();
  RedisSocket again(node.process.redis_address());
  const std::string value = again.line("GET n");
  CHECK(std::stoll(value.substr(value.find('\n') + 1)) >= answered);
}
