// Goal: the HTTP server answers what it knows, and survives whatever else comes in, within its limits.
#include "node/http/server.h"

#include <doctest/doctest.h>

#include <deque>
#include <stdexcept>

#include "node/listen.h"
#include "tests/http/talk.h"
#include "tests/node/kithd_process.h"

namespace kith {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  HttpServer server;

  explicit Fixture(const HttpLimits& limits = {}) : server("127.0.0.1:0", limits) {
    server.on("/hello", [](const HttpRequest& request) {
      return HttpReply{.body = "hello " + request.parameter("name").value_or("nobody") + "\n"};
    });
    server.on("/fails", [](const HttpRequest&) -> HttpReply { throw std::runtime_error("the disk is on fire"); });
    server.on("/large", [](const HttpRequest&) { return HttpReply{.body = std::string(3'000'000, 'x')}; });
    server.start();
  }
  std::string say(const std::string& bytes) {
    Talk talk(server.address());
    talk.say(bytes);
    talk.finish();
    return talk.hear();
  }
  HttpAnswer ask(const std::string& request_line, const std::string& headers = {}) {
    return answer_in(say(request_line + "\r\nHost: localhost\r\n" + headers + "\r\n"));
  }
  bool serves() { return http_get(server.address(), "/hello").body == "hello nobody\n"; }
};

TEST_CASE("http server: GET and HEAD of what is there are answered, and what is not there is told from it") {
  Fixture fixture;
  const HttpAnswer hello = http_get(fixture.server.address(), "/hello?name=a%20b%2Bc&name=second");
  CHECK(hello.status == 200);
  CHECK(hello.body == "hello a b+c\n");
  CHECK(hello.head.find("no-store") != std::string::npos);
  const HttpAnswer head = fixture.ask("HEAD /hello HTTP/1.1");
  CHECK(head.status == 200);
  CHECK(head.body.empty());
  CHECK(head.head.find("Content-Length: 13") != std::string::npos);
  const HttpAnswer nothing = http_get(fixture.server.address(), "/secret");
  CHECK(nothing.status == 404);
  CHECK(nothing.json()["error"].get<std::string>().find("/fails, /hello, /large") != std::string::npos);
  CHECK(http_get(fixture.server.address(), "/large").body.size() == 3'000'000);
  CHECK(fixture.server.counters().requests == 4);
  CHECK(fixture.server.counters().errors == 1);
}

TEST_CASE("http server: other methods are refused, and told which there are") {
  Fixture fixture;
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH"}) {
    CAPTURE(method);
    const HttpAnswer answer = fixture.ask(method + " /hello HTTP/1.1", "Content-Length: 3\r\n");
    CHECK(answer.status == 405);
    CHECK(answer.head.find("Allow: GET, HEAD") != std::string::npos);
  }
  CHECK(fixture.serves());
}

// A page on the web may have its name made to mean 127.0.0.1, and then read what is there.
TEST_CASE("http server: on a loopback address only requests for this machine are answered") {
  Fixture fixture;
  const std::string& address = fixture.server.address();
  for (const char* host : {"localhost", "LocalHost:8767", "127.0.0.1", "127.0.0.1:1", "127.8.9.1:80", "[::1]", "[::1]:8767"}) {
    CAPTURE(host);
    CHECK(http_get(address, "/hello", host).status == 200);
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8767", "10.0.0.1", "[2001:db8::1]", "[", "[]", ":", " "}) {
    CAPTURE(host);
    CHECK(http_get(address, "/hello", host).status == 421);
  }
  CHECK(answer_in(fixture.say("GET /hello HTTP/1.0\r\n\r\n")).status == 421);
}

TEST_CASE("http server: what is no HTTP, or too large, is an error or a counted drop, and it goes on serving") {
  Fixture fixture;
  const std::string many_headers = [] {
    std::string out = "GET /hello HTTP/1.1\r\n";
    for (int i = 0; i < 10'000; ++i) out += "X-" + std::to_string(i) + ": y\r\n";
    return out + "\r\n";
  }();
  struct Bad {
    std::string bytes;
    int status;  // 0: none has to come.
  };
  for (const Bad& bad : std::vector<Bad>{
           {"", 0},
           {std::string(1, '\0'), 0},
           {"\r\n\r\n", 400},
           {"GET\r\n\r\n", 400},
           {"GET /hello\r\n\r\n", 400},
           {"GET /hello HTTP/9.9\r\nHost: localhost\r\n\r\n", 400},
           {"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n", 400},
           {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + std::string(500, '\x7f'), 0},
           {"GET /hello HTTP/1.1\r\nHost: local", 0},
           {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414},
           {"GET /hello?" + std::string(40'000, 'a') + " HTTP/1.1\r\n", 431},
           {"GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(40'000, 'a') + "\r\n\r\n", 431},
           {many_headers, 431},
           {std::string(100'000, '\n'), 0},
           {std::string(1'000'000, 'a'), 431},
       }) {
    CAPTURE(bad.bytes.substr(0, 40));
    CAPTURE(bad.bytes.size());
    const HttpAnswer answer = answer_in(fixture.say(bad.bytes));
    if (bad.status != 0) CHECK(answer.status == bad.status);
    if (answer.status >= 400) CHECK_FALSE(answer.json()["error"].get<std::string>().empty());
    CHECK(fixture.serves());
  }
  CHECK(fixture.server.counters().malformed > 3);
}

TEST_CASE("http server: names with NUL, bad escapes and invalid UTF-8 are taken as they are, and do no harm") {
  Fixture fixture;
  for (const char* query : {"name=%00", "name=%ff%fe", "name=%", "name=%g1", "name=%u12", "name", "=", "&&&", "name=a&name=b", "%6eame=x"}) {
    CAPTURE(query);
    CHECK(http_get(fixture.server.address(), std::string("/hello?") + query).status == 200);
  }
  CHECK(http_get(fixture.server.address(), "/hel%6co").status == 200);
  CHECK(http_get(fixture.server.address(), "/../hello").status == 404);
  CHECK(http_get(fixture.server.address(), "/hello%00").status == 404);
  CHECK(fixture.serves());
}

TEST_CASE("http server: parts of an answer are not served") {
  Fixture fixture;
  CHECK(fixture.ask("GET /large HTTP/1.1", "Range: bytes=0-,0-,0-\r\n").status == 416);
  CHECK(fixture.serves());
}

TEST_CASE("http server: a handler that fails is an error that says so, and the next request is served") {
  Fixture fixture;
  const HttpAnswer answer = http_get(fixture.server.address(), "/fails");
  CHECK(answer.status == 500);
  CHECK(answer.json()["error"].get<std::string>().find("the disk is on fire") != std::string::npos);
  CHECK(fixture.serves());
}

TEST_CASE("http server: a request that does not become whole is given up, however slowly it goes on") {
  Fixture fixture({.request_time = 200ms});
  Talk slow(fixture.server.address());
  slow.say("GET /hello HTTP/1.1\r\n");
  const auto began = std::chrono::steady_clock::now();
  // A byte now and then, for as long as anybody listens.
  while (slow.say("X") && std::chrono::steady_clock::now() - began < 20s) std::this_thread::sleep_for(20ms);
  CHECK(std::chrono::steady_clock::now() - began < 20s);
  CHECK(eventually([&] { return fixture.server.counters().malformed == 1; }));

  Talk half(fixture.server.address());
  half.say("GET /hel");
  CHECK(answer_in(half.hear()).status == 408);
  CHECK(fixture.serves());
}

TEST_CASE("http server: a client that does not read its answer holds a thread for no longer than that may take") {
  Fixture fixture({.reply_time = 200ms});
  std::deque<Talk> deaf;
  for (std::size_t i = 0; i < 2 * kHttpThreads; ++i) {
    deaf.emplace_back(fixture.server.address());
    deaf.back().say("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  CHECK(fixture.serves());
}

TEST_CASE("http server: connections past those that may wait are turned away at once, and later it serves again") {
  Fixture fixture({.request_time = 20'000ms});
  std::deque<Talk> idle;
  // The system keeps some of them for a while when many come at once.
  CHECK(eventually([&] {
    if (idle.size() < 1000) idle.emplace_back(fixture.server.address());
    return fixture.server.counters().busy > 0;
  }));
  CHECK(idle.size() > kHttpThreads + kHttpWaitingMax);
  const HttpAnswer answer = http_get(fixture.server.address(), "/hello");
  CHECK(answer.status == 503);
  CHECK(answer.json()["error"].get<std::string>().find("try again") != std::string::npos);
  idle.clear();
  CHECK(eventually([&] { return fixture.serves(); }));
}

TEST_CASE("http server: stops while connections wait and requests are half said") {
  auto fixture = std::make_unique<Fixture>();
  std::deque<Talk> idle;
  for (std::size_t i = 0; i < 30; ++i) {
    idle.emplace_back(fixture->server.address());
    idle.back().say("GET /hello HTT");
  }
  const auto began = std::chrono::steady_clock::now();
  fixture.reset();
  CHECK(std::chrono::steady_clock::now() - began < 4s);  // Well below what a request may take.
}

TEST_CASE("http server: a port that is taken, and a host that is not there, are refused with what to do") {
  Fixture fixture;
  const auto refusal = [](const std::string& address) -> std::string {
    try {
      HttpServer second(address);
    } catch (const ListenError& error) {
      return error.what();
    }
    return "it listens";
  };
  const std::string taken = refusal(fixture.server.address());
  CHECK_MESSAGE(taken.find("another process has that port") != std::string::npos, taken);
  const std::string nowhere = refusal("nowhere.invalid:80");
  CHECK_MESSAGE(nowhere.find("nowhere.invalid:80: that host has no address") != std::string::npos, nowhere);
  const std::string foreign = refusal("192.0.2.1:0");
  CHECK_MESSAGE(foreign.find("cannot listen for HTTP on 192.0.2.1:0") != std::string::npos, foreign);
}

}  // namespace
}  // namespace kith
