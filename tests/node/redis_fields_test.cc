// Goal: fields of hashes that are counted: exact, shown as register and counter together, under names that cannot be confused.
#include <doctest/doctest.h>

#include <set>

#include "crdt/limits.h"
#include "node/redis/field_counters.h"
#include "tests/node/kithd_process.h"
#include "tests/node/redis_socket.h"
#include "tests/node/temporary_directory.h"

using namespace kith;
using namespace kith::redis;

namespace {

struct Node {
  Node() : process({.data = dir / "n1", .name = "n1", .flags = {"--redis", "127.0.0.1:0"}}) { process.wait_ready(); }
  TemporaryDirectory dir;
  KithdProcess process;
};

std::string bulk(std::string_view text) { return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n"; }

std::string array(const std::vector<std::string>& texts) {
  std::string out = "*" + std::to_string(texts.size()) + "\r\n";
  for (const std::string& text : texts) out += bulk(text);
  return out;
}

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

// The bulk strings of a reply, however they are nested.
std::vector<std::string> bulks(const std::string& reply) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < reply.size();) {
    const std::size_t end = reply.find("\r\n", at);
    if (reply[at] == '$') {
      const std::size_t size = std::stoul(reply.substr(at + 1));
      out.push_back(reply.substr(end + 2, size));
      at = end + 2 + size + 2;
    } else {
      at = end + 2;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("redis field counters: no two fields have one name, and each is read back") {
  const std::vector<std::string> names = {"a", "ab", "b", std::string("\0", 1), std::string("a\0", 2), std::string("\0a", 2), std::string("\0\1", 2),
                                          std::string("\0\xff", 2), std::string("\1", 1), std::string("a\0\1b", 4), std::string("\xff\0\0", 3)};
  std::set<std::string> seen;
  for (const std::string& key : names) {
    for (const std::string& field : names) {
      const std::string counter = field_counter("t", key, field);
      CHECK(seen.insert(counter).second);
      CHECK(parse_field_counter("t", counter) == FieldName{key, field});
      CHECK_FALSE(parse_field_counter("u", counter));
      CHECK(counter.starts_with(field_counters_of("t", key)));
      CHECK(counter.starts_with(field_counters_below("t", key)));
      for (const std::string& other : names) CHECK(counter.starts_with(field_counters_of("t", other)) == (other == key));
    }
  }
  for (const std::string& none : {std::string(), std::string("t"), std::string("t\0", 2), std::string("t\0a", 3), std::string("t\0a\0", 4), std::string("t\0a\0\2x", 6),
                                  std::string("t\0a\0\1", 5), std::string("t\0\0\1f", 5)}) {
    CHECK_FALSE(parse_field_counter("t", none));
  }
}

TEST_CASE("redis port: fields are counted, and what was set counts on") {
  Node node;
  RedisSocket client(node.process.redis_address());
  check_all(client, {
      {"HINCRBY h n 5", ":5\r\n"}, {"HINCRBY h n -2", ":3\r\n"}, {"HGET h n", bulk("3")}, {"HINCRBY h n 0", ":3\r\n"},
      {"HLEN h", ":1\r\n"}, {"HEXISTS h n", ":1\r\n"}, {"HSTRLEN h n", ":1\r\n"}, {"TYPE h", "+hash\r\n"}, {"EXISTS h", ":1\r\n"}, {"DBSIZE", ":1\r\n"},
      {"HSET h a x m 10", ":2\r\n"}, {"HINCRBY h m 1", ":11\r\n"}, {"HGET h m", bulk("11")}, {"HMGET h a m n z", "*4\r\n" + bulk("x") + bulk("11") + bulk("3") + "$-1\r\n"},
      {"HGETALL h", array({"a", "x", "m", "11", "n", "3"})}, {"HKEYS h", array({"a", "m", "n"})}, {"HVALS h", array({"x", "11", "3"})}, {"HLEN h", ":3\r\n"},
      // What is set takes out what was counted; a field that only was counted is not new.
      {"HSET h n 100", ":0\r\n"}, {"HGET h n", bulk("100")}, {"HINCRBY h n 1", ":101\r\n"}, {"HMSET h n 7 m 8", "+OK\r\n"}, {"HMGET h n m", array({"7", "8"})},
      {"HINCRBY h a 1", "-ERR hash value is not an integer\r\n"}, {"HINCRBY h n x", "-ERR value is not an integer or out of range\r\n"},
      {"HINCRBY h n 9223372036854775807", "-ERR increment or decrement would overflow\r\n"}, {"HGET h n", bulk("7")},
      {"HINCRBY h c 1", ":1\r\n"}, {"HDEL h c n z c", ":2\r\n"}, {"HGETALL h", array({"a", "x", "m", "8"})}, {"HEXISTS h c", ":0\r\n"},
      {"HINCRBY h c 1", ":1\r\n"}, {"DEL h", ":1\r\n"}, {"EXISTS h", ":0\r\n"}, {"HGETALL h", "*0\r\n"}, {"DBSIZE", ":0\r\n"}, {"TYPE h", "+none\r\n"},
      {"HINCRBY h \"\" 1", "-ERR neither a key nor a field may be empty\r\n"},
      // It lasts, as every counter does.
      {"HINCRBY h c 1", ":1\r\n"}, {"TTL h", ":-1\r\n"},
      {"EXPIRE h 100", "-ERR sets and counters do not expire in Kith, only strings and the fields of hashes; nothing was changed\r\n"},
      {"HINCRBY h c -1", ":0\r\n"}, {"EXISTS h", ":0\r\n"}, {"TTL h", ":-2\r\n"},
  });
}

TEST_CASE("redis port: a pipeline of HINCRBY, HSET and HDEL tells what it did") {
  Node node;
  RedisSocket client(node.process.redis_address());
  client.send("HINCRBY h f 1\r\nHINCRBY h f 1\r\nHGET h f\r\nHSET h f 5 g 6\r\nHINCRBY h f 1\r\nHSET h k 1\r\nHINCRBY h k 1\r\nHDEL h f k nothing\r\nHGETALL h\r\n"
              "MULTI\r\nHINCRBY h n 4\r\nHGET h n\r\nHSET h n 1\r\nHDEL h n\r\nHLEN h\r\nEXEC\r\n");
  for (const std::string& reply : {std::string(":1\r\n"), std::string(":2\r\n"), bulk("2"), std::string(":1\r\n"), std::string(":6\r\n"), std::string(":1\r\n"),
                                   std::string(":2\r\n"), std::string(":2\r\n"), array({"g", "6"}), std::string("+OK\r\n"), std::string("+QUEUED\r\n"),
                                   std::string("+QUEUED\r\n"), std::string("+QUEUED\r\n"), std::string("+QUEUED\r\n"), std::string("+QUEUED\r\n")}) {
    CHECK(client.reply() == reply);
  }
  CHECK(client.reply() == "*5\r\n:4\r\n" + bulk("4") + ":0\r\n:1\r\n:1\r\n");
}

TEST_CASE("redis port: a tagged HINCRBY that is sent again happens once") {
  Node node;
  RedisSocket client(node.process.redis_address());
  const std::string tag = bulks(client.line("KITH.TAG")).at(0);
  for (int i = 0; i < 3; ++i) CHECK(client.line("KITH.TAG " + tag + " HINCRBY h f 3") == ":3\r\n");
  CHECK(client.line("HGET h f") == bulk("3"));
}

TEST_CASE("redis port: HSCAN and SCAN go through counted fields, and hashes of nothing else, once") {
  Node node;
  RedisSocket client(node.process.redis_address());
  std::set<std::string> fields, keys;
  for (int i = 0; i < 30; ++i) {
    const std::string name = "f" + std::to_string(i) + (i % 7 == 0 ? std::string(300, 'x') : "");
    fields.insert(name);
    if (i % 3 != 0) CHECK(client.say({"HINCRBY", "h", name, std::to_string(i + 1)}) == ":" + std::to_string(i + 1) + "\r\n");
    if (i % 3 != 1) CHECK(client.say({"HSET", "h", name, "1"}) == (i % 3 == 0 ? ":1\r\n" : ":0\r\n"));
    if (i % 3 == 2) CHECK(client.say({"HINCRBY", "h", name, "1"}) == ":2\r\n");
  }
  CHECK(client.line("HLEN h") == ":30\r\n");
  std::multiset<std::string> found;
  std::string cursor = "0";
  do {
    std::vector<std::string> page = bulks(client.line("HSCAN h " + cursor + " COUNT 7"));
    cursor = page.at(0);
    for (std::size_t i = 1; i + 1 < page.size(); i += 2) {
      found.insert(page[i]);
      const std::string wanted = bulks(client.say({"HGET", "h", page[i]})).at(0);
      CHECK(page[i + 1] == wanted);
    }
  } while (cursor != "0");
  CHECK(found.size() == 30);
  CHECK(std::set<std::string>(found.begin(), found.end()) == fields);

  for (int i = 0; i < 20; ++i) {
    const std::string key = "k" + std::to_string(i) + (i % 5 == 0 ? std::string(250, 'y') : "");
    keys.insert(key);
    if (i % 2 == 0) CHECK(client.say({"HINCRBY", key, "a", "1"}) == ":1\r\n");
    if (i % 2 == 0) CHECK(client.say({"HINCRBY", key, "b", "1"}) == ":1\r\n");
    if (i % 2 == 1) CHECK(client.say({"SADD", key, "x"}) == ":1\r\n");
    if (i % 4 == 1) CHECK(client.say({"HINCRBY", key, "a", "1"}) == ":1\r\n");
  }
  found.clear();
  do {
    const std::vector<std::string> page = bulks(client.line("SCAN " + cursor + " MATCH k* COUNT 3"));
    cursor = page.at(0);
    found.insert(page.begin() + 1, page.end());
  } while (cursor != "0");
  CHECK(found.size() == 20);
  CHECK(std::set<std::string>(found.begin(), found.end()) == keys);
  const std::vector<std::string> listed = bulks(client.line("KEYS k*"));
  CHECK(std::set<std::string>(listed.begin(), listed.end()) == keys);
  CHECK(listed.size() == 20);
  CHECK(client.line("DBSIZE") == ":21\r\n");
  CHECK(bulks(client.line("SCAN 0 TYPE hash COUNT 1000")).size() == 1 + 1 + 10);  // A cursor, "h", and those of nothing but counted fields.
}

TEST_CASE("redis port: names too long to be counted under are refused, at the limit they are not") {
  Node node;
  RedisSocket client(node.process.redis_address());
  const std::size_t most = kKeyBytesMax - field_counter("default", "", "").size();
  const std::string key(most / 2, 'k'), field(most - most / 2, 'f');
  CHECK(client.say({"HINCRBY", key, field, "2"}) == ":2\r\n");
  CHECK(client.say({"HGET", key, field}) == bulk("2"));
  const std::string refused = client.say({"HINCRBY", key, field + "f", "2"});
  CHECK(refused.find("the limit is 4096") != std::string::npos);
  CHECK(client.say({"HSET", key, field + "f", "2"}) == ":1\r\n");  // That needs no counter.
  CHECK(client.say({"HGETALL", key}).starts_with("*4\r\n"));
  CHECK(client.say({"HDEL", key, field, field + "f"}) == ":2\r\n");
}
