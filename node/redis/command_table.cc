#include "node/redis/command_table.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "crdt/check.h"
#include "node/redis/call.h"
#include "node/redis/commands.h"

namespace kith::redis {

namespace {

using F = CommandFlags;

constexpr F kRead = F::kReadsOnly;
constexpr F kWrite = F::kWrite;
constexpr F kSession = F::kSession;
constexpr F kNo = F::kRefused;
constexpr F kSubscribe = F::kSession | F::kNotInMulti | F::kSubscriber;
constexpr const char* kNeedsOrder = "Not here: it needs all nodes to agree on one order of writes, and Kith's nodes never wait for each other";

std::vector<CommandSpec> make_table() {
  std::vector<CommandSpec> out = {
      // Connection.
      {"auth", -2, F::kStranger | kSession, 0, 0, 0, 0, "connection", "[username] password", "Says the password."},
      {"client", -2, F::kNone, 0, 0, 0, 0, "connection", "subcommand [argument ...]", "Tells or sets what is known of this connection: ID, INFO, LIST, GETNAME, SETNAME, SETINFO.", do_client},
      {"echo", 2, F::kNone, 0, 0, 0, 0, "connection", "message", "Returns the message.", do_echo},
      {"hello", -1, F::kStranger | kSession, 0, 0, 0, 0, "connection", "[protover] [AUTH username password] [SETNAME clientname]", "Chooses the protocol, 2 or 3, and tells about this node."},
      {"ping", -1, F::kNone, 0, 0, 0, 0, "connection", "[message]", "Answers PONG, or the message.", do_ping},
      {"quit", -1, F::kStranger | kSession | F::kSubscriber, 0, 0, 0, 0, "connection", "", "Closes the connection."},
      {"reset", 1, F::kStranger | kSession | F::kSubscriber, 0, 0, 0, 0, "connection", "", "Puts the connection back to how it began."},
      {"select", 2, F::kNone, 0, 0, 0, 0, "connection", "index", "Chooses a database: there is only 0.", do_select},
      // Server.
      {"command", -1, F::kNone, 0, 0, 0, 0, "server", "[subcommand] [argument ...]", "Tells about commands: COUNT, DOCS, INFO, LIST.", do_command},
      {"config", -2, F::kNone, 0, 0, 0, 0, "server", "subcommand [argument ...]", "Tells settings: GET. They are set by kithd's flags.", do_config},
      {"dbsize", 1, kRead, kEverything, 0, 0, 0, "server", "", "Counts the keys. Cost: all of them, unless nothing was written since.", do_dbsize},
      {"info", -1, F::kNone, 0, 0, 0, 0, "server", "[section [section ...]]", "Tells about this node.", do_info},
      {"time", 1, F::kNone, 0, 0, 0, 0, "server", "", "The cluster's time: seconds and microseconds.", do_time},
      // Keys.
      {"del", -2, kWrite, kEverything, 1, -1, 1, "generic", "key [key ...]", "Removes keys: all that this node shows of them.", do_del},
      {"exists", -2, kRead, kEverything, 1, -1, 1, "generic", "key [key ...]", "Counts how many of the keys exist.", do_exists},
      {"expire", -3, kWrite, kEverything, 1, 1, 1, "generic", "key seconds", "Has a string, or all fields of a hash, expire.", do_expire},
      {"expireat", -3, kWrite, kEverything, 1, 1, 1, "generic", "key unix-time-seconds", "Has a string, or all fields of a hash, expire at a time.", do_expireat},
      {"keys", 2, kRead, kEverything, 0, 0, 0, "generic", "pattern", "Lists keys that match. Cost: all keys with the pattern's prefix.", do_keys},
      {"persist", 2, kWrite, kEverything, 1, 1, 1, "generic", "key", "Has a string, or all fields of a hash, expire no more.", do_persist},
      {"pexpire", -3, kWrite, kEverything, 1, 1, 1, "generic", "key milliseconds", "Has a string, or all fields of a hash, expire.", do_pexpire},
      {"pexpireat", -3, kWrite, kEverything, 1, 1, 1, "generic", "key unix-time-milliseconds", "Has a string, or all fields of a hash, expire at a time.", do_pexpireat},
      {"pttl", 2, kRead, kEverything, 1, 1, 1, "generic", "key", "How many milliseconds a key has left.", do_pttl},
      {"scan", -2, kRead, kEverything, 0, 0, 0, "generic", "cursor [MATCH pattern] [COUNT count] [TYPE type]", "Goes through the keys, a page at a time.", do_scan},
      {"touch", -2, kRead, kEverything, 1, -1, 1, "generic", "key [key ...]", "Counts how many of the keys exist.", do_exists},
      {"ttl", 2, kRead, kEverything, 1, 1, 1, "generic", "key", "How many seconds a key has left.", do_ttl},
      {"type", 2, kRead, kEverything, 1, 1, 1, "generic", "key", "string, set, hash or none; of a key that holds several, the first.", do_type},
      {"unlink", -2, kWrite, kEverything, 1, -1, 1, "generic", "key [key ...]", "Removes keys, as DEL does.", do_del},
      {"wait", 3, kSession, 0, 0, 0, 0, "generic", "numreplicas timeout", "Waits until so many other nodes hold what this connection wrote."},
      // Strings.
      {"append", 3, kNo, 0, 1, 1, 1, "string", "key value", kNeedsOrder, do_refused},
      {"decr", 2, kWrite, kTexts, 1, 1, 1, "string", "key", "Counts down by one; exact, whoever counts too.", do_decr},
      {"decrby", 3, kWrite, kTexts, 1, 1, 1, "string", "key decrement", "Counts down; exact, whoever counts too.", do_decrby},
      {"get", 2, kRead, kStrings, 1, 1, 1, "string", "key", "The value: of the register, and what was counted on from it.", do_get},
      {"getdel", 2, kWrite, kStrings, 1, 1, 1, "string", "key", "The value, which is then removed.", do_getdel},
      {"getset", 3, kNo, 0, 1, 1, 1, "string", "key value", kNeedsOrder, do_refused},
      {"incr", 2, kWrite, kTexts, 1, 1, 1, "string", "key", "Counts up by one; exact, whoever counts too.", do_incr},
      {"incrby", 3, kWrite, kTexts, 1, 1, 1, "string", "key increment", "Counts up; exact, whoever counts too.", do_incrby},
      {"incrbyfloat", 3, kNo, 0, 1, 1, 1, "string", "key increment", "Not here: counters are whole numbers, so that they are exact in whatever order increments come", do_refused},
      {"mget", -2, kRead, kStrings, 1, -1, 1, "string", "key [key ...]", "Several values.", do_mget},
      {"mset", -3, kWrite, kCounters, 1, -1, 2, "string", "key value [key value ...]", "Sets several values, in one commit.", do_mset},
      {"msetnx", -3, kNo, 0, 1, -1, 2, "string", "key value [key value ...]", kNeedsOrder, do_refused},
      {"psetex", 4, kWrite, kCounters, 1, 1, 1, "string", "key milliseconds value", "Sets a value that expires.", do_psetex},
      {"set", -3, kWrite, kCounters, 1, 1, 1, "string", "key value [EX seconds] [PX milliseconds] [EXAT unix-time-seconds] [PXAT unix-time-milliseconds]", "Sets a value; of two at once, the later wins, everywhere.", do_set},
      {"setex", 4, kWrite, kCounters, 1, 1, 1, "string", "key seconds value", "Sets a value that expires.", do_setex},
      {"setnx", 3, kNo, 0, 1, 1, 1, "string", "key value", kNeedsOrder, do_refused},
      {"strlen", 2, kRead, kStrings, 1, 1, 1, "string", "key", "How many bytes the value has.", do_strlen},
      // Sets.
      {"sadd", -3, kWrite, 0, 1, 1, 1, "set", "key member [member ...]", "Adds elements; who adds wins over who removes at the same time.", do_sadd},
      {"scard", 2, kRead, kSets, 1, 1, 1, "set", "key", "Counts the elements.", do_scard},
      {"sdiff", -2, kRead, kSets, 1, -1, 1, "set", "key [key ...]", "Elements of the first set that are in none of the others.", do_sdiff},
      {"sinter", -2, kRead, kSets, 1, -1, 1, "set", "key [key ...]", "Elements that are in all of the sets.", do_sinter},
      {"sismember", 3, kRead, kSets, 1, 1, 1, "set", "key member", "Whether an element is in the set.", do_sismember},
      {"smembers", 2, kRead, kSets, 1, 1, 1, "set", "key", "All elements.", do_smembers},
      {"smismember", -3, kRead, kSets, 1, 1, 1, "set", "key member [member ...]", "Whether each element is in the set.", do_smismember},
      {"smove", 4, kNo, 0, 1, 2, 1, "set", "source destination member", kNeedsOrder, do_refused},
      {"spop", -2, kNo, 0, 1, 1, 1, "set", "key [count]", "Not here: two nodes would hand out the same element, since they never wait for each other. Take one with SRANDMEMBER and remove it with SREM where that does no harm", do_refused},
      {"srandmember", -2, kRead, kSets, 1, 1, 1, "set", "key [count]", "Elements drawn at random. Cost: all elements.", do_srandmember},
      {"srem", -3, kWrite, 0, 1, 1, 1, "set", "key member [member ...]", "Removes elements, as far as this node knows of them.", do_srem},
      {"sscan", -3, kRead, kSets, 1, 1, 1, "set", "key cursor [MATCH pattern] [COUNT count]", "Goes through the elements, a page at a time.", do_sscan},
      {"sunion", -2, kRead, kSets, 1, -1, 1, "set", "key [key ...]", "Elements that are in any of the sets.", do_sunion},
      // Hashes.
      {"hdel", -3, kWrite, kFieldCounters, 1, 1, 1, "hash", "key field [field ...]", "Removes fields.", do_hdel},
      {"hexists", 3, kRead, kFields, 1, 1, 1, "hash", "key field", "Whether there is such a field.", do_hexists},
      {"hget", 3, kRead, kFields, 1, 1, 1, "hash", "key field", "The value of a field.", do_hget},
      {"hgetall", 2, kRead, kFields, 1, 1, 1, "hash", "key", "All fields with their values.", do_hgetall},
      {"hincrby", 4, kWrite, kHashes, 1, 1, 1, "hash", "key field increment", "Counts a field up or down; exact, whoever counts too.", do_hincrby},
      {"hincrbyfloat", 4, kNo, 0, 1, 1, 1, "hash", "key field increment", "Not here: counters are whole numbers, so that they are exact in whatever order increments come", do_refused},
      {"hkeys", 2, kRead, kFields, 1, 1, 1, "hash", "key", "The names of all fields.", do_hkeys},
      {"hlen", 2, kRead, kFields, 1, 1, 1, "hash", "key", "Counts the fields.", do_hlen},
      {"hmget", -3, kRead, kFields, 1, 1, 1, "hash", "key field [field ...]", "The values of several fields.", do_hmget},
      {"hmset", -4, kWrite, kFieldCounters, 1, 1, 1, "hash", "key field value [field value ...]", "Sets fields.", do_hmset},
      {"hscan", -3, kRead, kFields, 1, 1, 1, "hash", "key cursor [MATCH pattern] [COUNT count]", "Goes through the fields, a page at a time.", do_hscan},
      {"hset", -4, kWrite, kFieldCounters, 1, 1, 1, "hash", "key field value [field value ...]", "Sets fields; returns how many are new.", do_hset},
      {"hsetnx", 4, kNo, 0, 1, 1, 1, "hash", "key field value", kNeedsOrder, do_refused},
      {"hstrlen", 3, kRead, kFields, 1, 1, 1, "hash", "key field", "How many bytes the value of a field has.", do_hstrlen},
      {"hvals", 2, kRead, kFields, 1, 1, 1, "hash", "key", "The values of all fields.", do_hvals},
      // Transactions.
      {"discard", 1, kSession, 0, 0, 0, 0, "transactions", "", "Forgets what was queued since MULTI."},
      {"exec", 1, kSession, 0, 0, 0, 0, "transactions", "", "Carries out what was queued since MULTI: its writes enter one commit."},
      {"multi", 1, kSession | F::kNotInMulti, 0, 0, 0, 0, "transactions", "", "Queues the commands that follow, up to EXEC."},
      {"unwatch", 1, F::kNone, 0, 0, 0, 0, "transactions", "", "Does nothing: nothing is ever watched.", do_unwatch},
      {"watch", -2, kNo | F::kNotInMulti, 0, 1, -1, 1, "transactions", "key [key ...]", "Not here: that nobody else changed a key can be known only by asking all nodes, and Kith's never wait for each other", do_refused},
      // Events.
      {"psubscribe", -2, kSubscribe, 0, 0, 0, 0, "pubsub", "pattern [pattern ...]", "Tells of changes to keys, on all channels that fit the patterns."},
      {"publish", 3, kNo, 0, 0, 0, 0, "pubsub", "channel message", "Not here: Kith tells what changes (SUBSCRIBE), and carries no messages between clients, since those who are away would miss them", do_refused},
      {"pubsub", -2, kNo, 0, 0, 0, 0, "pubsub", "subcommand [argument ...]", "Not here: there are no channels but those of keys and events; INFO stats tells how many clients have subscribed", do_refused},
      {"punsubscribe", -1, kSubscribe, 0, 0, 0, 0, "pubsub", "[pattern [pattern ...]]", "Tells no more of what fits the patterns, or of any."},
      {"subscribe", -2, kSubscribe, 0, 0, 0, 0, "pubsub", "channel [channel ...]", "Tells of changes to keys, here and elsewhere: __keyspace@0__:KEY, __keyevent@0__:EVENT."},
      {"unsubscribe", -1, kSubscribe, 0, 0, 0, 0, "pubsub", "[channel [channel ...]]", "Tells no more on these channels, or on any."},
      // Kith's own.
      {"kith.tag", -1, kWrite | kSession, 0, 0, 0, 0, "generic", "[tag command [argument ...]]", "Runs a write under a tag, so that it may be sent again, to any node, and happens once; alone it gives a new tag."},
  };
  std::sort(out.begin(), out.end(), [](const CommandSpec& a, const CommandSpec& b) { return a.name < b.name; });
  return out;
}

}  // namespace

const std::vector<CommandSpec>& command_table() {
  static const std::vector<CommandSpec> kTable = make_table();
  return kTable;
}

const CommandSpec* find_command(std::string_view name) {
  static const auto kByName = [] {
    std::unordered_map<std::string_view, const CommandSpec*> out;
    for (const CommandSpec& spec : command_table()) out[spec.name] = &spec;
    return out;
  }();
  constexpr std::size_t kLongest = 16;
  if (name.size() > kLongest) return nullptr;
  std::array<char, kLongest> lowered{};
  for (std::size_t i = 0; i < name.size(); ++i) {
    lowered[i] = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
  }
  const auto found = kByName.find(std::string_view(lowered.data(), name.size()));
  return found == kByName.end() ? nullptr : found->second;
}

}  // namespace kith::redis
