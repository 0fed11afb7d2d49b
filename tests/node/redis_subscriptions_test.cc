// Goal: who subscribes is told what it asked for, between its answers, and asks for nothing that is not there.
#include "node/redis/subscriptions.h"

#include <doctest/doctest.h>

#include <map>

#include "node/redis/cursors.h"
#include "node/redis/limits.h"
#include "node/redis/session.h"
#include "store/memory_store.h"

using namespace kith;
using namespace kith::redis;

namespace {

KeyChange change(const std::string& key, std::initializer_list<Event> events) {
  KeyChange out{key};
  for (const Event event : events) out.add(event);
  return out;
}

// A session alone; its writes are caught, and answered by hand.
class Client : public Session::Host {
 public:
  void say(std::string_view bytes) {
    REQUIRE(session_.wants_input());
    session_.receive(bytes);
    work();
  }
  std::vector<Submission> submitted() { return std::exchange(session_.submissions(), {}); }
  void answer(Ticket ticket) {
    ClientReply reply;
    reply.number = 1;
    session_.answered(slots_.at(ticket), std::move(reply));
    work();
  }
  void tell(const std::string& key) { session_.tell(messages_of({change(key, {Event::kSet})})); }
  std::string said() { return std::exchange(session_.output().bytes(), {}); }
  Session& session() { return session_; }

  Reads& reads() override { return reads_; }
  Cursors& cursors() override { return cursors_; }
  PortFacts& facts() override { return facts_; }
  Ticket new_ticket(std::uint64_t, std::uint64_t slot) override {
    slots_[++last_ticket_] = slot;
    return last_ticket_;
  }
  Tag new_tag() override { return {Timestamp::at_ms(1), ActorId{1}}; }

 private:
  void work() {
    while (session_.work()) {
    }
  }
  static ClientState trusted() {
    ClientState out;
    out.trusted = true;
    return out;
  }

  MemoryStore store_;
  Services services_{store_, "n1", "default", "", [] { return 4U; }, [] { return std::int64_t{1'000'000}; }, [] { return false; },
                     [] { return std::uint64_t{0}; }, [](const StoreKey&) {}, [](std::vector<Submission>) {}};
  Reads reads_{services_};
  Cursors cursors_{1};
  PortFacts facts_;
  std::map<Ticket, std::uint64_t> slots_;
  Ticket last_ticket_ = 0;
  Session session_{*this, trusted()};
};

std::string resp_echo(const std::string& text) { return "*2\r\n$4\r\nECHO\r\n$" + std::to_string(text.size()) + "\r\n" + text + "\r\n"; }

const std::string kMessage = "$7\r\nmessage\r\n$16\r\n__keyspace@0__:k\r\n$3\r\nset\r\n";

}  // namespace

TEST_CASE("redis subscriptions: each event is told under its key, then under its name, in Redis's words") {
  std::string out;
  for (const Message& it : messages_of({change("a", {Event::kDel, Event::kSrem}), change("b", {Event::kExpired})})) out += it.channel + "=" + it.payload + " ";
  CHECK(out == "__keyspace@0__:a=srem __keyevent@0__:srem=a __keyspace@0__:a=del __keyevent@0__:del=a __keyspace@0__:b=expired __keyevent@0__:expired=b ");
}

TEST_CASE("redis subscriptions: channels and patterns that are none are refused, with what there is") {
  const Subscriptions none;
  for (const char* name : {"news", "", "__keyspace@1__:k", "__keyspace@0__", "*"}) {
    CAPTURE(name);
    const auto problem = none.problem(Names::kChannels, {name});
    REQUIRE(problem);
    CHECK(problem->find("__keyevent@0__:EVENT") != std::string::npos);
  }
  for (const char* name : {"news.*", "__keyspace@1__:*", "__kex*"}) CHECK(none.problem(Names::kPatterns, {name}));
  for (const char* name : {"*", "__key*__:*", "__keyevent@*__:expired", "__keyspace@0__:user:*", "?*", "__keyspace@[0]__:k"}) {
    CAPTURE(name);
    CHECK_FALSE(none.problem(Names::kPatterns, {name}));
  }
  CHECK_FALSE(none.problem(Names::kChannels, {"__keyspace@0__:", "__keyevent@0__:set"}));
}

TEST_CASE("redis subscriptions: number and length have limits (at, one above)") {
  Subscriptions many;
  RespWriter out;
  const std::string longest = "__keyspace@0__:" + std::string(kChannelBytesMax - 15, 'k');
  CHECK_FALSE(many.problem(Names::kChannels, {longest}));
  CHECK(many.problem(Names::kChannels, {longest + "k"}));
  CHECK_FALSE(many.problem(Names::kPatterns, {"*" + std::string(kPatternBytesMax - 1, 'k')}));
  CHECK(many.problem(Names::kPatterns, {"*" + std::string(kPatternBytesMax, 'k')}));
  for (std::size_t i = 0; i < kSubscriptionsMax; ++i) {
    const std::string name = "__keyspace@0__:" + std::to_string(i);
    REQUIRE_FALSE(many.problem(Names::kChannels, {name}));
    many.subscribe(Names::kChannels, {name}, out);
  }
  CHECK(many.problem(Names::kChannels, {"__keyspace@0__:x"}));
  CHECK(many.problem(Names::kPatterns, {"*"}));
  Subscriptions large;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = longest.substr(0, longest.size() - 4) + std::to_string(1000 + i);
    if (large.problem(Names::kChannels, {name})) break;
    large.subscribe(Names::kChannels, {name}, out);
  }
  CHECK(large.bytes() <= kSubscriptionBytesMax);
  CHECK(large.size() > 200);
  large.unsubscribe(Names::kChannels, {}, out);
  CHECK(large.bytes() == 0);
}

TEST_CASE("redis session: SUBSCRIBE and its kin confirm each name, as in Redis") {
  Client client;
  client.say("SUBSCRIBE __keyspace@0__:a __keyevent@0__:set __keyspace@0__:a\r\n");
  CHECK(client.said() == "*3\r\n$9\r\nsubscribe\r\n$16\r\n__keyspace@0__:a\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:2\r\n"
                         "*3\r\n$9\r\nsubscribe\r\n$16\r\n__keyspace@0__:a\r\n:2\r\n");
  client.say("PSUBSCRIBE *\r\nUNSUBSCRIBE __keyspace@0__:a nothing\r\nUNSUBSCRIBE\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\n");
  CHECK(client.said() == "*3\r\n$10\r\npsubscribe\r\n$1\r\n*\r\n:3\r\n*3\r\n$11\r\nunsubscribe\r\n$16\r\n__keyspace@0__:a\r\n:2\r\n"
                         "*3\r\n$11\r\nunsubscribe\r\n$7\r\nnothing\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$18\r\n__keyevent@0__:set\r\n:1\r\n"
                         "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n*3\r\n$12\r\npunsubscribe\r\n$1\r\n*\r\n:0\r\n*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n");
  client.say("SUBSCRIBE __keyspace@0__:a news\r\nPING\r\n");  // One of them is none: nothing was subscribed to.
  const std::string said = client.said();
  CHECK(said.starts_with("-ERR there is nothing to subscribe to under 'news'"));
  CHECK(said.ends_with("\r\n+PONG\r\n"));
}

TEST_CASE("redis session: in RESP2 a subscriber may ask for little, in RESP3 for everything") {
  Client client;
  client.say("SUBSCRIBE __keyspace@0__:k\r\n");
  (void)client.said();
  client.say("GET k\r\nPING\r\nPING hello\r\nMULTI\r\nHELLO 3\r\n");
  const std::string refused = "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n";
  CHECK(client.said() == "-ERR Can't execute 'get" + refused + "*2\r\n$4\r\npong\r\n$0\r\n\r\n*2\r\n$4\r\npong\r\n$5\r\nhello\r\n-ERR Can't execute 'multi" + refused +
                             "-ERR Can't execute 'hello" + refused);
  client.say("RESET\r\nGET k\r\nHELLO 3\r\n");
  CHECK(client.said().starts_with("+RESET\r\n$-1\r\n%7\r\n"));
  CHECK(client.session().subscriptions().empty());
  client.say("SUBSCRIBE __keyspace@0__:k\r\nGET k\r\nPING\r\n");
  CHECK(client.said() == ">3\r\n$9\r\nsubscribe\r\n$16\r\n__keyspace@0__:k\r\n:1\r\n_\r\n+PONG\r\n");
  client.tell("k");
  CHECK(client.said() == ">3\r\n" + kMessage);
}

TEST_CASE("redis session: SUBSCRIBE in a transaction is refused, and the transaction does nothing") {
  Client client;
  client.say("MULTI\r\nSUBSCRIBE __keyspace@0__:k\r\nDISCARD\r\n");
  CHECK(client.said() == "+OK\r\n-ERR SUBSCRIBE inside MULTI is not allowed\r\n+OK\r\n");
}

TEST_CASE("redis session: what is told comes for each name that fits, and for no other") {
  Client client;
  client.say("SUBSCRIBE __keyspace@0__:k\r\nPSUBSCRIBE __keyspace@0__:?\r\n");
  (void)client.said();
  client.tell("other");
  CHECK(client.said().empty());
  client.tell("k");
  CHECK(client.said() == "*3\r\n" + kMessage + "*4\r\n$8\r\npmessage\r\n$16\r\n__keyspace@0__:?\r\n$16\r\n__keyspace@0__:k\r\n$3\r\nset\r\n");
}

TEST_CASE("redis session: a large answer that is not fetched yet does not count as messages, messages do until they are fetched") {
  Client client;
  client.say("HELLO 3\r\nSUBSCRIBE __keyspace@0__:k\r\n");
  (void)client.said();
  const std::string large(50'000, 'x');
  client.say(resp_echo(large));
  client.tell("k");
  const std::size_t message = 4 + kMessage.size();
  CHECK(client.session().bytes_told() == message);
  for (int i = 0; i < 1000; ++i) client.tell("k");
  CHECK(client.session().bytes_told() == 1001 * message);
  (void)client.said();
  CHECK(client.session().bytes_told() == 0);
  client.tell("k");
  CHECK(client.session().bytes_told() == message);
}

TEST_CASE("redis session: messages come between answers, in order, and never inside of one") {
  Client client;
  client.say("HELLO 3\r\nSUBSCRIBE __keyspace@0__:k\r\n");
  (void)client.said();
  client.say("SADD s a\r\n");
  client.tell("k");
  client.tell("k");
  client.say("PING\r\n");
  CHECK(client.said().empty());  // Behind the answer that is owed.
  client.answer(client.submitted().at(0).ticket);
  CHECK(client.said() == ":1\r\n>3\r\n" + kMessage + ">3\r\n" + kMessage + "+PONG\r\n");
  // A transaction that reads what it wrote stands still in its middle.
  client.say("MULTI\r\nSADD s b\r\nSMEMBERS s\r\nEXEC\r\n");
  CHECK(client.said() == "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n");
  client.tell("k");
  CHECK(client.said().empty());
  client.answer(client.submitted().at(0).ticket);
  CHECK(client.said() == ":1\r\n~0\r\n>3\r\n" + kMessage);
}
