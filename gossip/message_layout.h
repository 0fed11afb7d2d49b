// gossip/message_layout.h -- the fixed places of a frame and of its envelope, for the two halves of gossip/message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kith::layout {

inline constexpr std::string_view kMagic = "KITH";
inline constexpr std::size_t kHeaderBytes = 4 + 1 + 8;
inline constexpr std::size_t kBucketSetBytes = 256 / 8;  // A bit a bucket.

enum EnvelopeKey : std::uint8_t {
  kCluster, kSender, kOrigin, kStart, kFloor, kHlc, kWallMs, kMembersVersion, kType, kBody, kMembers,
  kHorizon, kVoted,
};

}  // namespace kith::layout
