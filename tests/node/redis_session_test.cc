// Goal: replies keep their order, a client reads its own writes, and what belongs together is submitted as one.
// Method: a session alone; its writes are caught, and answered by hand, in any order.
#include "node/redis/session.h"

#include <doctest/doctest.h>

#include <deque>
#include <map>

#include "node/redis/cursors.h"
#include "node/redis/limits.h"
#include "store/memory_store.h"

using namespace kith;
using namespace kith::redis;

namespace {

class Fixture : public Session::Host {
 public:
  explicit Fixture(std::string password = "")
      : services_{store_, "n1", "default", std::move(password), [] { return 4U; }, [] { return std::int64_t{1'000'000}; },
                  [] { return false; }, [] { return std::uint64_t{0}; }, [](const StoreKey&) {}, [](std::vector<Submission>) {}},
        reads_(services_), session_(*this, client(services_.password.empty())) {}

  void say(std::string_view bytes) {
    REQUIRE(session_.wants_input());
    session_.receive(bytes);
    while (session_.work()) {
    }
  }
  std::vector<Submission> submitted() { return std::exchange(session_.submissions(), {}); }
  void answer(Ticket ticket, ClientReply reply = {}) {
    session_.answered(slots_.at(ticket), std::move(reply));
    while (session_.work()) {
    }
  }
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
  static ClientState client(bool trusted) {
    ClientState out;
    out.id = 7;
    out.trusted = trusted;
    return out;
  }

  MemoryStore store_;
  Services services_;
  Reads reads_;
  Cursors cursors_{1};
  PortFacts facts_;
  std::map<Ticket, std::uint64_t> slots_;
  Ticket last_ticket_ = 0;
  Session session_;
};

ClientReply changed(std::uint64_t number) {
  ClientReply out;
  out.number = number;
  return out;
}

ClientReply refused(const std::string& code, const std::string& message) {
  ClientReply out;
  out.status = Status::kRefused;
  out.code = code;
  out.message = message;
  return out;
}

}  // namespace

TEST_CASE("redis session: replies leave in the order of the commands, whatever is durable first") {
  Fixture client;
  client.say("SADD s a\r\nPING\r\nSADD t b\r\nECHO x\r\n");
  const auto writes = client.submitted();
  REQUIRE(writes.size() == 2);
  CHECK(client.said().empty());
  client.answer(writes[1].ticket, changed(1));
  CHECK(client.said().empty());
  client.answer(writes[0].ticket, changed(0));
  CHECK(client.said() == ":0\r\n+PONG\r\n:1\r\n$1\r\nx\r\n");
}

TEST_CASE("redis session: writes do not wait for each other, a read of what was written waits") {
  Fixture client;
  client.say("SADD s a\r\nSADD s b\r\nGET k\r\nSISMEMBER s a\r\nSADD s c\r\n");
  auto writes = client.submitted();
  CHECK(writes.size() == 2);  // Not the third: it comes behind the read.
  CHECK_FALSE(client.session().wants_input());
  client.answer(writes[0].ticket, changed(1));
  CHECK(client.said() == ":1\r\n");
  client.answer(writes[1].ticket, changed(1));
  CHECK(client.said() == ":1\r\n$-1\r\n:0\r\n");  // The store here has nothing: what counts is that it was asked now.
  CHECK(client.submitted().size() == 1);
}

TEST_CASE("redis session: a refused write is an error in its place") {
  Fixture client;
  client.say("SADD s a\r\nSADD s b\r\n");
  const auto writes = client.submitted();
  client.answer(writes[0].ticket, refused("full", "no room; nothing changed"));
  client.answer(writes[1].ticket, changed(1));
  CHECK(client.said() == "-OOM no room; nothing changed\r\n:1\r\n");
}

TEST_CASE("redis session: EXEC submits its writes as one, and answers with an array") {
  Fixture client;
  client.say("SADD before x\r\nMULTI\r\nSADD s a\r\nSADD t b\r\nECHO x\r\nSREM s c\r\nEXEC\r\nSADD after x\r\n");
  const auto writes = client.submitted();
  REQUIRE(writes.size() == 5);
  CHECK_FALSE(writes[0].with_next);
  CHECK(writes[1].with_next);
  CHECK(writes[2].with_next);
  CHECK_FALSE(writes[3].with_next);
  CHECK_FALSE(writes[4].with_next);
  for (const auto& write : writes) client.answer(write.ticket, changed(1));
  CHECK(client.said() == ":1\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n:1\r\n:1\r\n$1\r\nx\r\n:1\r\n:1\r\n");
}

TEST_CASE("redis session: what Redis says of transactions that cannot be") {
  Fixture client;
  client.say("EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nWATCH k\r\nDISCARD\r\n");
  CHECK(client.said() == "-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n+OK\r\n-ERR MULTI calls can not be nested\r\n"
                         "-ERR WATCH inside MULTI is not allowed\r\n+OK\r\n");
  client.say("MULTI\r\nSADD s\r\nSADD s a\r\nEXEC\r\n");
  CHECK(client.said() == "+OK\r\n-ERR wrong number of arguments for 'sadd' command\r\n+QUEUED\r\n"
                         "-EXECABORT Transaction discarded because of previous errors.\r\n");
  CHECK(client.submitted().empty());
  client.say("MULTI\r\nEXEC\r\n");
  CHECK(client.said() == "+OK\r\n*0\r\n");
}

TEST_CASE("redis session: a transaction has a limit on its bytes, and does nothing past it") {
  Fixture client;
  client.say("MULTI\r\n");
  CHECK(client.said() == "+OK\r\n");
  const std::string value(1'000'000, 'x');
  std::string last;
  for (std::size_t i = 0; i <= kQueuedBytesMax / value.size(); ++i) {
    client.say("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n" + value + "\r\n");
    last = client.said();
  }
  CHECK(last.starts_with("-ERR a transaction may have"));
  client.say("EXEC\r\n");
  CHECK(client.said().starts_with("-EXECABORT"));
}

TEST_CASE("redis session: one command of many members is several operations of one commit, and one answer") {
  Fixture client;
  std::string many = "*20002\r\n$4\r\nSADD\r\n$1\r\ns\r\n";
  for (int i = 0; i < 20'000; ++i) many += "$5\r\n" + std::to_string(10'000 + i) + "\r\n";
  client.say(many);
  const auto writes = client.submitted();
  REQUIRE(writes.size() == 3);
  CHECK(writes[0].with_next);
  CHECK(writes[1].with_next);
  CHECK_FALSE(writes[2].with_next);
  for (const auto& write : writes) client.answer(write.ticket, changed(write.request.members.size()));
  CHECK(client.said() == ":20000\r\n");
}

TEST_CASE("redis session: who has not said the password gets nothing but that question") {
  Fixture client("secret");
  client.say("GET k\r\nPING\r\nHELLO 3\r\nAUTH wrong\r\nAUTH someone secret\r\n");
  CHECK(client.said() == "-NOAUTH Authentication required.\r\n-NOAUTH Authentication required.\r\n"
                         "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> "
                         "<pass> option can be used to authenticate the client and select the RESP protocol version at the same time\r\n"
                         "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
                         "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
  client.say("AUTH secret\r\nPING\r\nRESET\r\nPING\r\n");
  CHECK(client.said() == "+OK\r\n+PONG\r\n+RESET\r\n-NOAUTH Authentication required.\r\n");
  client.say("HELLO 3 AUTH default secret SETNAME me\r\nCLIENT GETNAME\r\n");
  CHECK(client.said().starts_with("%7\r\n"));
}

TEST_CASE("redis session: AUTH where no password is asked for is answered as Redis does") {
  Fixture client;
  client.say("AUTH x\r\nAUTH default x\r\nAUTH other x\r\nAUTH a b c\r\n");
  CHECK(client.said() == "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
                         "configuration is correct?\r\n+OK\r\n-WRONGPASS invalid username-password pair or user is disabled.\r\n"
                         "-ERR syntax error\r\n");
}

TEST_CASE("redis session: RESP3 after HELLO 3, RESP2 after HELLO 2") {
  Fixture client;
  client.say("HELLO 3\r\n");
  CHECK(client.said().starts_with("%7\r\n$6\r\nserver\r\n$4\r\nkith\r\n"));
  client.say("HGETALL h\r\nGET k\r\nSMEMBERS s\r\nHELLO 2\r\n");
  CHECK(client.said().starts_with("%0\r\n_\r\n~0\r\n*14\r\n"));
  client.say("HGETALL h\r\nGET k\r\nHELLO 4\r\nHELLO x\r\nHELLO 3 FOO\r\n");
  CHECK(client.said() == "*0\r\n$-1\r\n-NOPROTO unsupported protocol version\r\n-ERR Protocol version is not an integer or out of range\r\n"
                         "-ERR Syntax error in HELLO option 'FOO'\r\n");
}

TEST_CASE("redis session: what a web page may send closes it at once, and nothing behind is done") {
  for (const char* line : {"POST / HTTP/1.1\r\n", "Host: localhost\r\n", "*2\r\n$4\r\npOsT\r\n$1\r\n/\r\n"}) {
    Fixture client;
    client.say(std::string("PING\r\n") + line + "SADD s a\r\n");
    CHECK(client.said() == "+PONG\r\n");
    CHECK(client.session().closing());
    CHECK(client.submitted().empty());
  }
}

TEST_CASE("redis session: broken bytes are answered with what is wrong, then it closes") {
  Fixture client;
  client.say("PING\r\n*1\r\n$-2\r\nPING\r\n");
  CHECK(client.said() == "+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
  CHECK(client.session().closing());
}

TEST_CASE("redis session: who fetches no answers is asked no more, until they are fetched") {
  Fixture client;
  const std::string echo = "*2\r\n$4\r\nECHO\r\n$100000\r\n" + std::string(100'000, 'x') + "\r\n";
  std::string many;
  for (int i = 0; i < 100; ++i) many += echo;
  client.say(many);
  CHECK_FALSE(client.session().wants_input());
  CHECK(client.session().output().size() < kOutputPauseBytes + 200'000);
  std::size_t fetched = 0;
  for (int i = 0; i < 100 && fetched < many.size(); ++i) {
    fetched += client.said().size();
    while (client.session().work()) {
    }
  }
  CHECK(fetched > 100 * 100'000);
  CHECK(client.session().wants_input());
}

TEST_CASE("redis session: a tagged command carries its tag into every write it makes") {
  Fixture client;
  client.say("KITH.TAG 0000000000010000-0000000000000001 SADD s a\r\n");
  const auto writes = client.submitted();
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].request.tag == Tag{Timestamp{0x10000}, ActorId{1}});
  client.answer(writes[0].ticket, changed(1));
  CHECK(client.said() == ":1\r\n");
  client.say("KITH.TAG nonsense SADD s a\r\nKITH.TAG 0000000000010000-0000000000000001 GET s\r\n"
             "KITH.TAG 0000000000010000-0000000000000001 SADD s\r\nKITH.TAG 0000000000010000-0000000000000001\r\n"
             "KITH.TAG 0000000000010000-0000000000000001 KITH.TAG x SADD s a\r\nKITH.TAG\r\n");
  CHECK(client.said() == "-ERR this is no tag: 16 hex digits of time, '-', 16 hex digits of who; KITH.TAG alone gives a new one\r\n"
                         "-ERR a tag is for a write, which 'get' is not\r\n-ERR wrong number of arguments for 'sadd' command\r\n"
                         "-ERR wrong number of arguments for 'kith.tag' command\r\n-ERR a tag is for a write, which 'kith.tag' is not\r\n"
                         "$33\r\n0000000000010000-0000000000000001\r\n");
  CHECK(client.submitted().empty());
}

TEST_CASE("redis session: QUIT and WAIT wait for what was written") {
  Fixture client;
  client.say("SADD s a\r\nWAIT 1 100\r\nQUIT\r\nSADD s b\r\n");
  auto writes = client.submitted();
  REQUIRE(writes.size() == 1);
  client.answer(writes[0].ticket, changed(1));
  writes = client.submitted();
  REQUIRE(writes.size() == 1);
  CHECK(writes[0].request.replicas == 2);
  CHECK(writes[0].request.timeout_ms == 100);
  CHECK(shard_of(writes[0].request.table, writes[0].request.key, 4) == shard_of("default", "s", 4));
  CHECK(client.said() == ":1\r\n");
  ClientReply reached;
  reached.replicas = {"n1", "n2"};
  client.answer(writes[0].ticket, reached);
  CHECK(client.said() == ":1\r\n+OK\r\n");
  CHECK(client.session().closing());
  CHECK(client.submitted().empty());
}
