// tests/node/resolver_test.cc -- names made into addresses, by a name server of ours on loopback.
#include "node/resolver.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/node/dns_server.h"

namespace kith {
namespace {

std::vector<std::string> texts(const Resolved& resolved) {
  std::vector<std::string> out;
  for (const Address& address : resolved.addresses) out.push_back(to_string(address));
  return out;
}

using Texts = std::vector<std::string>;

TEST_CASE("resolver: a name with many addresses is all of them, a number itself, and a name with none says why") {
  DnsServer server;
  server.host("kith.test", {"127.0.0.1", "127.0.0.2", "127.0.0.1"});
  const Resolver resolver(server.address());
  Resolved found = resolver.host({"kith.test", 8766});
  CHECK(found.problem.empty());
  std::sort(found.addresses.begin(), found.addresses.end(), [](const auto& a, const auto& b) { return a.host < b.host; });
  CHECK(texts(found) == Texts{"127.0.0.1:8766", "127.0.0.2:8766"});
  CHECK(texts(resolver.host({"127.0.0.7", 1})) == Texts{"127.0.0.7:1"});
  CHECK(texts(resolver.host({"::1", 1})) == Texts{"[::1]:1"});
  const Resolved none = resolver.host({"nobody.test", 1});
  CHECK(none.addresses.empty());
  CHECK_FALSE(none.problem.empty());
}

TEST_CASE("resolver: a service is all addresses of all its targets, by priority, and what changes is seen the next time") {
  DnsServer server;
  server.host("a.test", {"127.0.0.1"});
  server.host("b.test", {"127.0.0.2"});
  server.service("_kith._tcp.test", {{20, 8766, "b.test"}, {10, 8767, "a.test"}, {10, 0, "a.test"}});
  const Resolver resolver(server.address());
  CHECK(texts(resolver.service("_kith._tcp.test")) == Texts{"127.0.0.1:8767", "127.0.0.2:8766"});
  server.service("_kith._tcp.test", {{10, 9, "b.test"}, {20, 9, "gone.test"}});
  CHECK(texts(resolver.service("_kith._tcp.test")) == Texts{"127.0.0.2:9"});
}

TEST_CASE("resolver: no such service, no target that is anywhere, and nobody to ask each say why") {
  DnsServer server;
  server.service("_lost._tcp.test", {{10, 1, "gone.test"}});
  server.service("_none._tcp.test", {{10, 0, "gone.test"}});
  server.host("plain.test", {"127.0.0.1"});
  const Resolver resolver(server.address());
  for (const char* name : {"_other._tcp.test", "_lost._tcp.test", "_none._tcp.test", "plain.test"}) {
    CAPTURE(name);
    const Resolved found = resolver.service(name);
    CHECK(found.addresses.empty());
    CHECK_FALSE(found.problem.empty());
  }
  CHECK(resolver.service("_lost._tcp.test").problem.find("gone.test") != std::string::npos);
  // Nobody listens there: a port that was just let go.
  std::string empty;
  {
    DnsServer gone;
    empty = gone.address();
  }
  CHECK_FALSE(Resolver(empty).service("_kith._tcp.test").problem.empty());
}

}  // namespace
}  // namespace kith
