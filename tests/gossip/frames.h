// tests/gossip/frames.h -- frames made by hand: hex, msgpack a piece at a time, checksums put right after a forgery,
// and a puppet: a member into whose mouth a test puts words.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gossip/message.h"
#include "tests/gossip/network.h"

namespace kith::test {

std::string from_hex(std::string_view text);     // Spaces are for the reader.
std::string hex_of(std::string_view bytes);

// A frame around `payload` whose checksum fits.
std::string framed(std::string_view payload, std::uint8_t version = kPeerProtocolVersion);
std::string payload_of(std::string_view frame);
std::string resealed(std::string_view frame);    // With the checksum of what is in it now.

// Msgpack, spelled as short as it goes.
namespace pack {
using Fields = std::vector<std::pair<std::uint64_t, std::string>>;
std::string number(std::uint64_t value);
std::string text(std::string_view value);
std::string bin(std::string_view value);
std::string boolean(bool value);
std::string array(const std::vector<std::string>& values);
std::string map(const Fields& fields);
}  // namespace pack

// An envelope with fixed ids around `body`, and one for every type of body.
Envelope example(Body body);
std::vector<Envelope> examples();

// A cell of table t as a plain add of `origin` at `at`.
CellBlock plain_add(const std::string& key, const std::string& member, OriginId origin, Timestamp at);

// A key of table t that lies in `shard`.
std::string key_in(ShardId shard, std::uint32_t shard_count = 4);

// Speaks as a node of the network that was up when this was made; its engine may be killed then.
class Puppet {
 public:
  Puppet(Network& network, const std::string& name);

  // A frame from this member, at the network's present time.
  std::string says(Body body);
  Envelope envelope(Body body);
  Timestamp now() const;

  NodeId node;
  OriginId origin;
  Timestamp start;
  ClusterId cluster;
  std::uint64_t members_version = 0;
  std::int64_t ahead_ms = 0;       // Of its clock.

 private:
  Network& network_;
};

// Listens to a network, and loses messages of the types it is told to.
class Tap {
 public:
  explicit Tap(Network& network);

  struct Sent {
    std::string from, to, bytes;
    Envelope envelope;
  };
  std::vector<Sent> sent;
  std::set<std::string> lose;      // Types.
  std::function<bool(const Sent&)> pass;  // False: lost.

  // The last body of this type that `from` sent to `to`, or nothing.
  template <class T>
  std::optional<T> last(const std::string& from, const std::string& to) const {
    for (auto at = sent.rbegin(); at != sent.rend(); ++at) {
      if (at->from != from || at->to != to) continue;
      if (const T* body = std::get_if<T>(&at->envelope.body)) return *body;
    }
    return std::nullopt;
  }
  std::size_t count(const std::string& type) const;
};

// n1 to n<count>, in sync.
void begin_cluster(Network& network, int count);
CommitClock held(Network& network, const std::string& name, ShardId shard);
Timestamp held(Network& network, const std::string& name, ShardId shard, OriginId origin);
Timestamp time_of(const Network& network, std::int64_t plus_ms = 0, std::uint64_t counter = 0);
Instant instant_of(const Network& network);

// n1 runs; n2 is a puppet that speaks for a member that is down; everything n1 says is heard.
struct PuppetStage {
  PuppetStage() {
    begin_cluster(network, 2);
    puppet.emplace(network, "n2");
    network.kill("n2");
    tap.emplace(network);
  }
  void feed(Body body) { network.feed("n1", puppet->says(std::move(body))); }

  Network network;
  std::optional<Puppet> puppet;
  std::optional<Tap> tap;
};

}  // namespace kith::test
