// tests/gossip/frames.h -- frames made by hand: hex, msgpack a piece at a time, checksums put right after a forgery, and
// a puppet: a member into whose mouth a test puts words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gossip/message.h"

namespace kith::test {

class Network;

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

}  // namespace kith::test
