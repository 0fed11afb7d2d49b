// gossip/detector_message.h -- what failure detection says, as values: probes, and rumours that come along with them.
//
//     rumours := (kind:u8 node:u64 start:u64 incarnation:varint by:u64?)*       by: of accusations only
//
// A rumour is about one life of a node, named by when it began.  Of two about one life the higher incarnation counts; of equal ones
// an accusation counts more than that it is alive, and that it is dead most.  Only the node itself raises its incarnation.
// Reading is tested at its limits in tests/gossip/detector_rumours_test.cc; the bytes are in docs/WIRE.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/ids.h"
#include "crdt/timestamp.h"

namespace kith {

// SUBTLE: nobody can refute an accusation at the highest incarnation, so that none is listened to.
inline constexpr std::uint64_t kIncarnationMax = (std::uint64_t{1} << 32) - 1;
inline constexpr std::size_t kRumoursMax = 32;         // In one message, as a decoder takes it.
inline constexpr std::size_t kRumourBytesMax = 256;    // In one message, as a node sends it: nine accusations.

// What is believed of a member.
enum class Liveness : std::uint8_t { kAlive, kSuspect, kDead };

struct Rumour {
  enum class Kind : std::uint8_t { kAlive, kSuspect, kDead };
  Kind kind = Kind::kAlive;
  NodeId node;
  Timestamp start;                    // Of the life that it is about.
  std::uint64_t incarnation = 0;
  NodeId by = {};                     // Who accuses; the node itself when it said that it stops.  None when it is alive.

  bool accuses() const { return kind != Kind::kAlive; }
  friend bool operator==(const Rumour&, const Rumour&) = default;
};

std::size_t bytes_of(const Rumour& rumour);
std::string encode(const std::vector<Rumour>& rumours);
// Nothing when malformed, above kRumoursMax, or of a kind that there is not.
std::optional<std::vector<Rumour>> decode_rumours(std::string_view bytes);

struct ProbeBody {
  enum class Step : std::uint8_t {
    kPing,                            // Say something, please.
    kPong,                            // The answer.
    kPingFor,                         // Ping `node` for me: it does not answer me.
    kPongFor,                         // It answers me.
    kSilent,                          // It does not answer me either, so far; and you see that I do.
    kRumours,                         // Nothing is asked.
  };
  Step step = Step::kPing;
  std::uint64_t nonce = 0;            // Of the question; 0 with kRumours.
  std::uint64_t incarnation = 0;      // The sender's.
  NodeId node = {};                   // With kPingFor, kPongFor and kSilent only.
  std::vector<Rumour> rumours = {};
  friend bool operator==(const ProbeBody&, const ProbeBody&) = default;
};

// Whether the step names a third node.
constexpr bool names_a_node(ProbeBody::Step step) {
  return step == ProbeBody::Step::kPingFor || step == ProbeBody::Step::kPongFor || step == ProbeBody::Step::kSilent;
}

}  // namespace kith
