// gossip/message_layout.h -- the fixed places of a frame and of its envelope, for the two halves of gossip/message.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace kith::layout {

inline constexpr std::string_view kMagic = "KITH";
inline constexpr std::size_t kHeaderBytes = 4 + 1 + 8;
inline constexpr std::size_t kBucketSetBytes = 256 / 8;  // A bit a bucket.

// Seeded with the version, so that a version byte that was turned on the way is noticed too; of version 1 with zero.
inline std::uint64_t checksum_of(std::uint8_t version, std::string_view payload) {
  return XXH3_64bits_withSeed(payload.data(), payload.size(), std::uint64_t{version} - 1);
}

enum EnvelopeKey : std::uint8_t {
  kCluster, kSender, kOrigin, kStart, kFloor, kHlc, kWallMs, kMembersVersion, kType, kBody, kMembers,
  kHorizon, kVoted,
};

}  // namespace kith::layout
